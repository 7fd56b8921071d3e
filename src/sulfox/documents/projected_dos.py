"""A density of states with its projections, eigenvalues and structure, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ProjectedDos"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ProjectedDos:
    """A density of states of one structure; the last of a run.

    Densities count states per eV and cell; a channel of a spin-polarised run holds one
    electron per state, the only channel of a run without spin holds both.

    Attributes
    ----------
    energies_eV : ndarray, shape (n_energies,)
        Energy grid, ascending, on the file's own scale [eV].
    fermi_eV : float
        Fermi level of the file, on the same scale [eV].
    total : ndarray, shape (n_spins, n_energies)
        Total density of states [1/eV].
    projected : ndarray, shape (n_spins, n_energies)
        Sum of the projections on all sites and all orbitals [1/eV].
    densities : ndarray, shape (n_kept, n_orbitals, n_spins, n_energies)
        Projections on the kept sites, summed over the magnetic quantum number [1/eV].
    sites : tuple of int
        (n_kept,) indices of the kept sites in `species`, ascending.
    orbitals : tuple of str
        (n_orbitals,) letters: ``"s"``, ``"p"``, ``"d"``, ``"f"``.
    species : tuple of str
        (n_sites,) element symbols of all sites.
    lattice_A : ndarray, shape (3, 3), or None
        Rows are the lattice vectors [Å].
    fractional : ndarray, shape (n_sites, 3), or None
        Fractional coordinates.
    site_electrons : ndarray, shape (n_sites, n_spins), or None
        Projections of all orbitals integrated up to `fermi_eV`, by the trapezoidal rule.
    eigenvalues_eV, occupations : ndarray, shape (n_spins, n_kpoints, n_bands), or None
        Energies on the file's scale [eV] and occupations between 0 and 1.
    k_weights : ndarray, shape (n_kpoints,), or None
        Weights of the k-points; their sum is 1.
    site_potentials_eV : ndarray, shape (n_sites,), or None
        Electrostatic potential energy of an electron at the nuclei (averaged over a small
        test sphere where the code does so), on the same scale [eV].
    n_electrons : float or None
        Valence electrons per cell.
    smearing_eV : float or None
        Width of the smearing of occupations; None where the file does not state it or
        there is none (tetrahedra).
    engine, code : str
        ``"vasp"``; ``"VASP 6.4.2"``.
    level_of_theory : str
        What computed the states, as far as the file tells.
    remarks : tuple of str
        What a reader of the numbers has to know about the file.
    """

    energies_eV: FloatArray
    fermi_eV: float
    total: FloatArray
    projected: FloatArray
    densities: FloatArray
    sites: tuple[int, ...]
    orbitals: tuple[str, ...]
    species: tuple[str, ...]
    lattice_A: FloatArray | None = None
    fractional: FloatArray | None = None
    site_electrons: FloatArray | None = None
    eigenvalues_eV: FloatArray | None = None
    occupations: FloatArray | None = None
    k_weights: FloatArray | None = None
    site_potentials_eV: FloatArray | None = None
    n_electrons: float | None = None
    smearing_eV: float | None = None
    engine: str = "sulfox"
    code: str = ""
    level_of_theory: str = "not known (a user's file)"
    remarks: tuple[str, ...] = ()

    @property
    def is_spin_polarized(self) -> bool:
        """Whether the two spins have their own densities."""
        return self.total.shape[0] == 2

    @property
    def moments_muB(self) -> FloatArray | None:
        """(n_sites,) collinear moments inside the projection spheres [µB]; None without spin."""
        if self.site_electrons is None or not self.is_spin_polarized:
            return None
        return self.site_electrons[:, 0] - self.site_electrons[:, 1]

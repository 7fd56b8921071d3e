"""Kohn-Sham levels with their weights on atoms: what a density of states is made of."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import write_durably

__all__ = ["LevelTable", "levels_of_calculator", "read_levels", "write_levels"]

FloatArray = NDArray[np.float64]
_ORBITALS = ("s", "p", "d", "f")


@dataclass(frozen=True, eq=False)
class LevelTable:
    """Levels of one calculation; sites in GPAW's order, which is the caller's.

    Attributes
    ----------
    eigenvalues_eV, occupations : ndarray, shape (n_spins, n_kpoints, n_bands)
        On GPAW's scale [eV]; between 0 and 1.
    k_weights : ndarray, shape (n_kpoints,)
        Of the irreducible k-points; their sum is 1.
    projections : ndarray, shape (n_sites, n_orbitals, n_spins, n_kpoints, n_bands)
        Squares of the projections on the bound PAW partial waves s, p, d, f, summed over the
        magnetic quantum number and averaged over the crystal's symmetry operations.
    site_potentials_eV : ndarray, shape (n_sites,)
        Electrostatic potential energy of an electron in the compensation charge's sphere of
        each atom [eV]; the same element in two runs has the same sphere.
    fermi_eV, n_electrons : float
        On the same scale [eV]; valence electrons of the PAW sets.
    """

    eigenvalues_eV: FloatArray
    occupations: FloatArray
    k_weights: FloatArray
    projections: FloatArray
    site_potentials_eV: FloatArray
    fermi_eV: float
    n_electrons: float

    @property
    def orbitals(self) -> tuple[str, ...]:
        """Letters of the second axis of `projections`."""
        return _ORBITALS[: self.projections.shape[1]]


def levels_of_calculator(calculator: Any, n_bands: int | None = None) -> LevelTable:
    """Take the levels out of a converged GPAW calculator.

    Parameters
    ----------
    calculator : gpaw.new.ase_interface.ASECalculator
        With projections, computed or read.
    n_bands : int, optional
        Lowest bands that are taken; all if not given.

    Returns
    -------
    LevelTable
        All arrays in double precision.
    """
    from gpaw.dos import IBZWaveFunctions, get_projector_numbers

    states = IBZWaveFunctions(calculator)
    bands = slice(n_bands)
    n_l = 1 + max(max(setup.l_j) for setup in calculator.setups)
    per_site = [
        [
            states.pdos_weights(a, get_projector_numbers(setup, angular)).transpose(2, 0, 1)
            for angular in range(n_l)
        ]
        for a, setup in enumerate(calculator.setups)
    ]
    maps = np.asarray(calculator.symmetry.a_sa).reshape(-1, len(calculator.setups))
    own = np.arange(len(calculator.setups))[None, :]
    symmetric = np.array(per_site)[maps if len(maps) else own].mean(axis=0)
    return LevelTable(
        eigenvalues_eV=states.eigenvalues()[:, :, bands],
        occupations=_occupations(calculator)[:, :, bands],
        k_weights=np.array(states.weights()),
        projections=symmetric[..., bands],
        site_potentials_eV=np.array(calculator.get_atomic_electrostatic_potentials()),
        fermi_eV=float(calculator.get_fermi_level()),
        n_electrons=float(calculator.get_number_of_electrons()),
    )


def _occupations(calculator: Any) -> FloatArray:
    """(n_spins, n_kpoints, n_bands) occupations between 0 and 1.

    GPAW 26.7.0 multiplies its own occupations in place where `raw` is not set: asked twice, or
    written afterwards, they would be wrong.
    """
    n_points = len(calculator.get_k_point_weights())
    return np.array(
        [
            [calculator.get_occupation_numbers(kpt=k, spin=s, raw=True) for k in range(n_points)]
            for s in range(calculator.get_number_of_spins())
        ]
    )


def write_levels(path: Path, levels: LevelTable) -> None:
    """Write levels as ``.npz``, whole or not at all.

    Parameters
    ----------
    path : Path
        Of the file.
    levels : LevelTable
        What is written.
    """
    stream = io.BytesIO()
    np.savez_compressed(stream, **{f.name: getattr(levels, f.name) for f in fields(levels)})
    write_durably(path, stream.getvalue())


def read_levels(path: Path) -> LevelTable:
    """Read what :func:`write_levels` wrote.

    Parameters
    ----------
    path : Path
        Of the file.

    Returns
    -------
    LevelTable
        The same numbers.

    Raises
    ------
    SulfoxError
        SFX-311 for a missing or damaged file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {f.name: stored[f.name] for f in fields(LevelTable)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise SulfoxError(
            "SFX-311",
            who=str(path),
            found=f"no levels that can be read ({type(error).__name__}: {error})",
            expected="the levels of a finished GPAW run",
            next_step="delete this run's folder and start again",
        ) from error
    fermi, electrons = (float(arrays.pop(name)) for name in ("fermi_eV", "n_electrons"))
    return LevelTable(**arrays, fermi_eV=fermi, n_electrons=electrons)

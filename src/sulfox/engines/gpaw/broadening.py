"""A density of states out of levels: every level becomes a Gaussian.

The Gaussian of a level at e is ``exp(-((E - e) / w)^2) / (w sqrt(pi))`` with w the
``broadening_eV`` of the protocol: VASP's and GPAW's convention (standard deviation
``w / sqrt(2)``). Grid points are placed so that one of them is E_F.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.projected_dos import ProjectedDos
from sulfox.documents.structure import StructureRecord
from sulfox.engines.gpaw.levels import LevelTable
from sulfox.protocols.electronic import DosGrid

__all__ = ["broaden"]

FloatArray = NDArray[np.float64]
#: A Gaussian is cut where it has fallen to exp(-36): below double precision of its peak.
_REACH = 6.0
_CHUNK = 2048


def broaden(
    levels: LevelTable,
    structure: StructureRecord,
    grid: DosGrid,
    *,
    smearing_eV: float | None,
    code: str,
    level_of_theory: str,
) -> ProjectedDos:
    """Make a density of states.

    Parameters
    ----------
    levels : LevelTable
        Of `structure`, sites in its order.
    structure : StructureRecord
        What was computed.
    grid : DosGrid
        Range, step, width. The range ends where a k-point has no more bands.
    smearing_eV : float or None
        Of the occupations [eV]; None where there is none.
    code, level_of_theory : str
        For the reader.

    Returns
    -------
    ProjectedDos
        Densities per cell; without spin they hold both electrons of a state.
    """
    energies = _energies(levels, grid)
    n_spins = levels.eigenvalues_eV.shape[0]
    electrons = 2.0 / n_spins
    n_sites, n_orbitals = levels.projections.shape[:2]
    total = np.empty((n_spins, energies.size))
    densities = np.empty((n_sites, n_orbitals, n_spins, energies.size))
    for spin in range(n_spins):
        weights = np.broadcast_to(levels.k_weights[:, None], levels.eigenvalues_eV.shape[1:])
        per_orbital = levels.projections[:, :, spin] * weights
        rows = np.concatenate([weights.reshape(1, -1), per_orbital.reshape(-1, weights.size)])
        spread = electrons * _spread(
            levels.eigenvalues_eV[spin].ravel(), rows, energies, grid.broadening_eV
        )
        total[spin] = spread[0]
        densities[:, :, spin] = spread[1:].reshape(n_sites, n_orbitals, -1)
    below = energies <= levels.fermi_eV
    per_site = np.trapezoid(densities.sum(axis=1)[..., below], x=energies[below], axis=-1)
    in_range, remarks = _electrons_in_range(levels, float(energies[0]))
    lattice = np.array(structure.lattice)
    return ProjectedDos(
        energies_eV=energies,
        fermi_eV=levels.fermi_eV,
        total=total,
        projected=densities.sum(axis=(0, 1)),
        densities=densities,
        sites=tuple(range(n_sites)),
        orbitals=levels.orbitals,
        species=structure.species,
        lattice_A=lattice,
        fractional=np.array(structure.positions) @ np.linalg.inv(lattice),
        site_electrons=per_site,
        eigenvalues_eV=levels.eigenvalues_eV,
        occupations=levels.occupations,
        k_weights=levels.k_weights,
        site_potentials_eV=levels.site_potentials_eV,
        n_electrons=in_range,
        smearing_eV=smearing_eV,
        engine="gpaw",
        code=code,
        level_of_theory=level_of_theory,
        remarks=(_what_it_is(grid, float(energies[-1]) - levels.fermi_eV), *remarks),
    )


def _what_it_is(grid: DosGrid, top_eV: float) -> str:
    text = (
        "squared projections on the bound PAW partial waves, levels broadened by Gaussians of "
        f"width {grid.broadening_eV:g} eV"
    )
    if top_eV < grid.above_eV - grid.step_eV:
        text += f"; the computed bands are complete up to {top_eV:.2f} eV above E_F only"
    return text


def _energies(levels: LevelTable, grid: DosGrid) -> FloatArray:
    complete = float(levels.eigenvalues_eV[..., -1].min()) - levels.fermi_eV
    top = min(grid.above_eV, complete - 2 * grid.broadening_eV)
    n_below = math.ceil(grid.below_eV / grid.step_eV - 1e-9)
    n_above = max(1, math.floor(top / grid.step_eV + 1e-9))
    steps = np.arange(-n_below, n_above + 1, dtype=np.float64)
    return np.asarray(levels.fermi_eV + grid.step_eV * steps)


def _spread(
    eigenvalues: FloatArray, rows: FloatArray, energies: FloatArray, width_eV: float
) -> FloatArray:
    """(n_rows, n_energies) sum of Gaussians at the eigenvalues with the rows as weights."""
    order = np.argsort(eigenvalues)
    sorted_values, sorted_rows = eigenvalues[order], rows[:, order]
    reach = _REACH * width_eV
    spread = np.zeros((rows.shape[0], energies.size))
    for first in range(0, sorted_values.size, _CHUNK):
        values = sorted_values[first : first + _CHUNK]
        near = slice(
            np.searchsorted(energies, values[0] - reach),
            np.searchsorted(energies, values[-1] + reach),
        )
        shape = np.exp(-(((energies[near] - values[:, None]) / width_eV) ** 2))
        spread[:, near] += sorted_rows[:, first : first + _CHUNK] @ shape
    return spread / (width_eV * math.sqrt(math.pi))


def _electrons_in_range(levels: LevelTable, lowest_eV: float) -> tuple[float, tuple[str, ...]]:
    per_level = levels.occupations * levels.k_weights[None, :, None]
    below = levels.eigenvalues_eV < lowest_eV
    left_out = float(per_level[below].sum()) * 2.0 / levels.eigenvalues_eV.shape[0]
    if left_out < 1e-6:
        return levels.n_electrons, ()
    deepest = float(levels.eigenvalues_eV[below].max()) - levels.fermi_eV
    text = (
        f"{left_out:.2f} semicore electrons at {deepest:.1f} eV and lower, relative to E_F, lie "
        "below the energies of the file"
    )
    return levels.n_electrons - left_out, (text,)

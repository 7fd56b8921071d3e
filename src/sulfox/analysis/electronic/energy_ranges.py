"""First moments of a density of states over the ranges that the definitions name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sulfox.analysis.electronic.electronic_gap import BandEdges, find_band_edges
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray

__all__ = [
    "NO_STATES",
    "EnergyRanges",
    "band_edges",
    "difference",
    "energy_ranges",
    "first_moment",
]

#: An integral below this holds no states.
NO_STATES = 1e-6
_WINDOW_TOP_EV = 5.0
_SAME_EV = 1e-9


def first_moment(energies: FloatArray, density: FloatArray) -> tuple[float, float, float] | None:
    """Integrate a density of states and its first two moments.

    Parameters
    ----------
    energies : ndarray, shape (n_energies,)
        Ascending [eV].
    density : ndarray, shape (n_energies,)
        [1/eV]

    Returns
    -------
    center, width, states : float, or None
        First moment [eV], square root of the second central moment [eV] (0 where negative
        densities make it imaginary), integral. None where there are less than 1e-6 states.
    """
    if energies.size < 2:
        return None
    states = float(np.trapezoid(density, x=energies))
    if states < NO_STATES:
        return None
    center = float(np.trapezoid(energies * density, x=energies)) / states
    spread = float(np.trapezoid((energies - center) ** 2 * density, x=energies)) / states
    return center, max(spread, 0.0) ** 0.5, states


def difference(value: float | None, reference: float | None) -> float | None:
    """Subtract, if both are known.

    Parameters
    ----------
    value, reference : float or None
        [eV]

    Returns
    -------
    float or None
        [eV]
    """
    return None if value is None or reference is None else value - reference


@dataclass(frozen=True, eq=False)
class EnergyRanges:
    """Energies relative to E_F, what is occupied and what is inside the window.

    Attributes
    ----------
    energies : ndarray, shape (n_energies,)
        Relative to E_F [eV].
    occupied, window : ndarray of bool, shape (n_energies,)
        Grid points of the two ranges.
    vbm : float or None
        Relative to E_F [eV].
    window_eV : tuple of float
        Bounds relative to the VBM, to E_F without one [eV].
    """

    energies: FloatArray
    occupied: NDArray[np.bool_]
    window: NDArray[np.bool_]
    vbm: float | None
    window_eV: tuple[float, float]

    @property
    def reference(self) -> float:
        """What the window is measured from, relative to E_F [eV]."""
        return 0.0 if self.vbm is None else self.vbm

    def centers(self, density: FloatArray) -> dict[str, Any]:
        """Find the fields of :class:`sulfox.documents.band_center.BandCenters`.

        Parameters
        ----------
        density : ndarray, shape (n_energies,)
            [1/eV]

        Returns
        -------
        dict
            Name of a field -> value, None where there are no states.
        """
        every = first_moment(self.energies, density)
        below = first_moment(self.energies[self.occupied], density[self.occupied])
        inside = first_moment(self.energies[self.window], density[self.window])
        return {
            "all_re_fermi_eV": every and every[0],
            "occupied_re_fermi_eV": below and below[0],
            "occupied_re_vbm_eV": difference(below and below[0], self.vbm),
            "full_re_vbm_eV": difference(inside and inside[0], self.vbm),
            "width_all_eV": every and every[1],
            "width_occupied_eV": below and below[1],
            "electrons_occupied": below[2] if below else 0.0,
        }


def band_edges(dos: ProjectedDos) -> BandEdges | None:
    """Find the band edges of a file; None where it holds no eigenvalues with occupations.

    Parameters
    ----------
    dos : ProjectedDos
        Of any file.

    Returns
    -------
    BandEdges or None
        On the file's scale.
    """
    if dos.eigenvalues_eV is None or dos.occupations is None:
        return None
    return find_band_edges(dos.eigenvalues_eV, dos.occupations, dos.k_weights)


def energy_ranges(
    dos: ProjectedDos, edges: BandEdges | None, window_eV: tuple[float, float] | None = None
) -> EnergyRanges:
    """Say which energies are occupied and which are inside the window.

    Parameters
    ----------
    dos : ProjectedDos
        Its grid and Fermi level.
    edges : BandEdges or None
        As :func:`band_edges` gives them.
    window_eV : tuple of float, optional
        Bounds relative to the VBM (to E_F without one) [eV]; from the lowest energy to 5
        if not given.

    Returns
    -------
    EnergyRanges
        Energies relative to E_F.

    Raises
    ------
    SulfoxError
        SFX-901 for a window without width.
    """
    energies = dos.energies_eV - dos.fermi_eV
    vbm = None if edges is None or edges.vbm_eV is None else edges.vbm_eV - dos.fermi_eV
    reference = 0.0 if vbm is None else vbm
    low, high = window_eV or (float(energies[0]) - reference, _WINDOW_TOP_EV)
    if not (np.isfinite([low, high]).all() and low < high):
        raise SulfoxError(
            "SFX-901",
            who="--window",
            found=f"{low:g} to {high:g} eV",
            expected="two numbers, the lower first",
            next_step="give them relative to the VBM (to E_F of a metal), such as --window -8 2",
        )
    above = energies - reference
    inside = (above >= low - _SAME_EV) & (above <= high + _SAME_EV)
    return EnergyRanges(energies, energies <= _SAME_EV, inside, vbm, (low, high))

"""Band edges from eigenvalues and occupations, never from a density of states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.trajectories.frames import FloatArray

__all__ = ["BandEdges", "find_band_edges"]

_HALF = 0.5
_FRACTIONAL = 0.01
_METAL_SPACING_EV = 0.5
#: Electrons of a spin channel that the filled states may miss, by rounded occupations.
_SAME_COUNT = 0.05


@dataclass(frozen=True)
class BandEdges:
    """Edges of the gap.

    Attributes
    ----------
    is_metal : bool
        By the rule of :func:`find_band_edges`.
    vbm_eV, cbm_eV : float or None
        Highest filled and lowest empty state, on the scale of the eigenvalues [eV]; None for
        a metal, or where there is no such band.
    direct_gap_eV : float or None
        Smallest difference between an empty and a filled state at one k-point, of any
        spins [eV].
    max_fraction : float
        Largest distance of an occupation from 0 or 1, at k-points with weight.
    uneven_filling : bool
        Whether k-points of an insulator have different numbers of filled bands.
    """

    is_metal: bool
    vbm_eV: float | None
    cbm_eV: float | None
    direct_gap_eV: float | None
    max_fraction: float
    uneven_filling: bool = False

    @property
    def gap_eV(self) -> float | None:
        """Fundamental gap [eV]; 0 for a metal, None where an edge is not known."""
        if self.is_metal:
            return 0.0
        if self.vbm_eV is None or self.cbm_eV is None:
            return None
        return self.cbm_eV - self.vbm_eV


def find_band_edges(
    eigenvalues: FloatArray, occupations: FloatArray, k_weights: FloatArray | None = None
) -> BandEdges:
    """Find the valence band's maximum and the conduction band's minimum.

    A state counts as filled from an occupation of one half: smearing moves occupations,
    not the order of the bands. A band that is filled at some k-points only makes a metal,
    unless all occupations are whole (within 1 %) and more than 0.5 eV without any state
    part the filled from the empty states of all k-points: a mesh of a metal is not so sparse.
    Filled states that do not hold the electrons (three levels with a third of an electron
    each, as in an open-shell atom) make a metal too: smearing over a gap moves no electron.

    Parameters
    ----------
    eigenvalues : ndarray, shape (n_spins, n_kpoints, n_bands)
        [eV], ascending in the last axis.
    occupations : ndarray, shape (n_spins, n_kpoints, n_bands)
        Between 0 and 1.
    k_weights : ndarray, shape (n_kpoints,), optional
        Points of weight 0 (a band path in a hybrid calculation) count for the edges, but
        their fractions are not looked at.

    Returns
    -------
    BandEdges
        On the scale of `eigenvalues`.
    """
    filled = occupations > _HALF
    weighted = occupations if k_weights is None else occupations[:, k_weights > 0]
    fraction = float(np.minimum(np.abs(weighted), np.abs(1 - weighted)).max(initial=0.0))
    metal = BandEdges(True, None, None, None, fraction)
    highest = np.where(filled, eigenvalues, -np.inf).max(axis=(0, 2))  # (n_kpoints,)
    lowest = np.where(filled, np.inf, eigenvalues).min(axis=(0, 2))
    vbm, cbm = float(highest.max()), float(lowest.min())
    uneven = bool((filled.any(axis=1) != filled.all(axis=1)).any())
    if _misses_electrons(filled, occupations, k_weights):
        return metal
    if vbm >= cbm or (uneven and (fraction > _FRACTIONAL or cbm - vbm < _METAL_SPACING_EV)):
        return metal
    return BandEdges(
        is_metal=False,
        vbm_eV=vbm if np.isfinite(vbm) else None,
        cbm_eV=cbm if np.isfinite(cbm) else None,
        direct_gap_eV=float((lowest - highest).min()) if np.isfinite([vbm, cbm]).all() else None,
        max_fraction=fraction,
        uneven_filling=uneven,
    )


def _misses_electrons(
    filled: NDArray[np.bool_], occupations: FloatArray, k_weights: FloatArray | None
) -> bool:
    """Whether the filled states hold another number of electrons than the occupations."""
    weights = np.ones(filled.shape[1]) if k_weights is None else np.asarray(k_weights, dtype=float)
    if weights.sum() <= 0:
        return False
    moved = np.einsum("skb,k->", occupations - filled, weights / weights.sum())
    return abs(float(moved)) > _SAME_COUNT

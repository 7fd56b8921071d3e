"""One side of a pair: its material, its cut, its composition and its magnetic order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.interface import LayerMoment
from sulfox.interfaces.terminations import Slab, Termination
from sulfox.materials.magnetic_order import assign_moments
from sulfox.materials.ordering import OrderedMaterial

__all__ = ["Partner", "excess_atoms", "holds_magnetic_order", "magnetic_layers", "moments_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Atoms nearer than this in height belong to one magnetic layer [Å].
LAYER_TOLERANCE_A = 0.5


@dataclass(frozen=True)
class Partner:
    """One side of a pair: what it is made of and how it is cut."""

    ordered: OrderedMaterial
    termination: Termination
    slab: Slab

    @property
    def n_cell(self) -> int:
        """Atoms in one surface cell of the slab."""
        return len(self.slab.species)


def moments_of(partner: Partner, crystal: Floats) -> Floats:
    """Give the initial moments at sites of the unstrained crystal.

    Parameters
    ----------
    partner : Partner
        The material and the frame of its oriented bulk.
    crystal : ndarray
        (n, 3) sites in that frame [Å], n a multiple of the slab's atoms.

    Returns
    -------
    ndarray
        (n,) moments [µB]; zeros without order.
    """
    ordered = partner.ordered
    species = partner.slab.species * (len(crystal) // partner.n_cell)
    fractional = crystal @ np.linalg.inv(partner.termination.bulk.source_vectors)
    return assign_moments(ordered.material, fractional @ ordered.cell_rows, species)


def holds_magnetic_order(partner: Partner, supercell: Ints) -> bool:
    """Whether the moments repeat along both vectors of an in-plane supercell.

    Parameters
    ----------
    partner : Partner
        The side.
    supercell : ndarray
        (2, 2) integers, rows in units of the surface vectors.

    Returns
    -------
    bool
        True for materials without order.
    """
    if partner.ordered.material.magnetic_order is None:
        return True
    here = moments_of(partner, partner.slab.crystal)
    shifts = supercell @ partner.slab.crystal_vectors
    return all(
        bool(np.allclose(here, moments_of(partner, partner.slab.crystal + shift)))
        for shift in shifts
    )


def magnetic_layers(heights: Floats, moments: Floats) -> tuple[LayerMoment, ...]:
    """Sum the moments of every atomic layer that carries any.

    Parameters
    ----------
    heights : ndarray
        (n,) above the lowest atom of the slab [Å].
    moments : ndarray
        (n,) [µB]

    Returns
    -------
    tuple of LayerMoment
        From the bottom to the top.
    """
    carriers = np.flatnonzero(np.abs(moments) > 1e-6)
    if not len(carriers):
        return ()
    order = carriers[np.argsort(heights[carriers], kind="stable")]
    breaks = np.flatnonzero(np.diff(heights[order]) > LAYER_TOLERANCE_A) + 1
    return tuple(
        LayerMoment(
            height_A=round(float(heights[layer].mean()), 4),
            net_moment_muB=round(float(moments[layer].sum()), 6),
            absolute_moment_muB=round(float(np.abs(moments[layer]).sum()), 6),
        )
        for layer in np.split(order, breaks)
    )


def excess_atoms(species: tuple[str, ...], bulk: tuple[str, ...]) -> dict[str, int]:
    """Atoms beyond (or short of) the bulk's composition, the commonest unit count as reference.

    Parameters
    ----------
    species : tuple of str
        Atoms of a slab.
    bulk : tuple of str
        Atoms of a cell of the bulk.

    Returns
    -------
    dict
        Element -> excess; empty if stoichiometric. The reference number of bulk cells is
        the one most elements agree on.
    """
    have, unit = Counter(species), Counter(bulk)
    cells = Counter(round(have[element] / n, 6) for element, n in unit.items())
    reference = max(cells, key=lambda ratio: (cells[ratio], ratio))
    excess = {element: round(have[element] - reference * n) for element, n in unit.items()}
    return {element: n for element, n in excess.items() if n}

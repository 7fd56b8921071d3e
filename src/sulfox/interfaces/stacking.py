"""Put one slab on the other: common cell, strain, registry, gap, vacuum, contacts.

Hard-sphere stacking: two atoms of different sides may come as close as the sum of their
ionic radii (Shannon, as in pymatgen), cations of different sides not closer than
:data:`CATION_CONTACT_A`. The upper slab is lowered until the first pair touches; of a grid
of in-plane shifts the one that lets it sink deepest is taken. This is a starting point for
a relaxation, deterministic and without any energy model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sulfox.interfaces.plane_lattice import hermite_form
from sulfox.interfaces.terminations import Slab
from sulfox.trajectories.geometry import minimum_image

__all__ = [
    "StackedCell",
    "StrainedSlab",
    "contact_A",
    "contact_matrix",
    "cross_distances",
    "repeat_slab",
    "shortest_pairs",
    "stack",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Smallest distance of two cations of different sides at the first contact [Å].
CATION_CONTACT_A = 2.5
#: A pair closer than this part of its contact distance overlaps.
OVERLAP = 0.75
#: In-plane shifts tried along each vector of the cathode's surface cell.
SHIFTS = 4
#: Pairs across the interface are looked for up to this distance [Å].
SEARCH_A = 5.0


@dataclass(frozen=True)
class StrainedSlab:
    """A supercell of a slab in the common cell.

    Attributes
    ----------
    species : tuple of str
        (n,) element symbols.
    positions : ndarray
        (n, 3) [Å], lowest atom at z = 0; x and y inside the common cell.
    crystal : ndarray
        (n, 3) the same sites, unstrained, in the frame of the oriented bulk [Å].
    charges : ndarray
        (n,) formal charges [e].
    """

    species: tuple[str, ...]
    positions: Floats
    crystal: Floats
    charges: Floats

    @property
    def thickness_A(self) -> float:
        """From the lowest to the highest atom [Å]."""
        return float(np.ptp(self.positions[:, 2]))


@dataclass(frozen=True)
class StackedCell:
    """The two sides in one cell: cathode first, then electrolyte.

    Attributes
    ----------
    lattice : ndarray
        (3, 3) rows [Å]; the third is the normal.
    positions : ndarray
        (n, 3) [Å]
    gap_A : float
        From the highest cathode atom to the lowest electrolyte atom [Å]; may be negative
        where the faces interlock.
    shift : tuple of float
        In-plane shift of the electrolyte, in units of the cathode's surface vectors.
    """

    lattice: Floats
    positions: Floats
    gap_A: float
    shift: tuple[float, float]


@lru_cache(maxsize=512)
def _radius(element: str, charge: float) -> float:
    from pymatgen.core import Element

    symbol = Element(element)
    radii = {float(state): float(r) for state, r in symbol.ionic_radii.items()}
    if charge in radii:
        return radii[charge]
    same_sign = {state: r for state, r in radii.items() if state * charge > 0}
    if same_sign:
        return same_sign[min(same_sign, key=lambda state: abs(state - charge))]
    for radius in (symbol.atomic_radius, symbol.van_der_waals_radius):
        if radius:
            return float(radius)
    return 1.5


def contact_A(one: tuple[str, float], other: tuple[str, float]) -> float:
    """Distance at which two ions of different sides touch.

    Parameters
    ----------
    one, other : tuple
        (element, formal charge [e]).

    Returns
    -------
    float
        Sum of the ionic radii [Å]; for two cations at least :data:`CATION_CONTACT_A`.
    """
    total = _radius(*one) + _radius(*other)
    return max(total, CATION_CONTACT_A) if one[1] > 0 and other[1] > 0 else total


def repeat_slab(slab: Slab, supercell: Ints, common: Floats) -> StrainedSlab:
    """Fill a supercell of a slab and strain it into the common cell.

    Parameters
    ----------
    slab : Slab
        Unstrained.
    supercell : ndarray
        (2, 2) integers; rows in units of the slab's surface vectors.
    common : ndarray
        (2, 2) rows are the vectors of the common cell that the supercell's rows become [Å].

    Returns
    -------
    StrainedSlab
        Every atom of the slab ``|det supercell|`` times.
    """
    steps = _cosets(supercell)
    fractional = slab.positions[:, :2] @ np.linalg.inv(slab.in_plane)
    spread = (fractional[None] + steps[:, None]).reshape(-1, 2) @ np.linalg.inv(supercell)
    spread -= np.floor(spread + 1e-9)
    moves = steps @ slab.crystal_vectors
    return StrainedSlab(
        species=slab.species * len(steps),
        positions=np.column_stack([spread @ common, np.tile(slab.positions[:, 2], len(steps))]),
        crystal=(slab.crystal[None] + moves[:, None]).reshape(-1, 3),
        charges=np.tile(slab.charges, len(steps)),
    )


def _cosets(supercell: Ints) -> Ints:
    """(n, 2) the lattice points inside a supercell, each class once."""
    form = hermite_form(supercell[None])[0][0]
    return np.array([(i, j) for i in range(form[0, 0]) for j in range(form[1, 1])])


def stack(
    cathode: StrainedSlab,
    electrolyte: StrainedSlab,
    common: Floats,
    shift_cell: Floats,
    *,
    gap_A: float | None,
    vacuum_A: float,
) -> StackedCell:
    """Lay the electrolyte on the cathode.

    Parameters
    ----------
    cathode, electrolyte : StrainedSlab
        Both in the common cell.
    common : ndarray
        (2, 2) rows are the in-plane vectors of the cell [Å].
    shift_cell : ndarray
        (2, 2) rows are the cathode's strained surface vectors [Å]: all different
        registries lie inside this cell.
    gap_A : float or None
        Distance of the facing planes; None lowers the electrolyte to the first contact [Å].
    vacuum_A : float
        Above the electrolyte; 0 repeats the stack with the same gap on both sides [Å].

    Returns
    -------
    StackedCell
        The registry is the one that sinks deepest (or, for a given gap, keeps the
        smallest distance to contact ratio largest); the first of equals.
    """
    grid = np.arange(SHIFTS) / SHIFTS
    shifts = np.array([(a, b) for a in grid for b in grid])
    moves = shifts @ shift_cell
    lower, upper = (cathode.thickness_A, electrolyte.thickness_A)
    faces = [_Face(cathode, electrolyte, common, lower)]
    if vacuum_A == 0:
        faces.append(_Face(electrolyte, cathode, common, upper))
    directions = (moves, -moves)
    if gap_A is None:
        heights = np.max(
            [f.contact_gap(m) for f, m in zip(faces, directions, strict=False)], axis=0
        )
        best = int(np.argmin(np.round(heights, 3)))
        gap = float(heights[best])
    else:
        ratios = np.min(
            [f.contact_ratio(m, gap_A) for f, m in zip(faces, directions, strict=False)], axis=0
        )
        best, gap = int(np.argmax(np.round(ratios, 3))), gap_A
    height = lower + upper + gap + (gap if vacuum_A == 0 else vacuum_A)
    lattice = np.diag([1.0, 1.0, height])
    lattice[:2, :2] = common
    raised = electrolyte.positions + np.append(moves[best], lower + gap)
    positions = np.vstack([cathode.positions, raised])
    in_plane = positions[:, :2] @ np.linalg.inv(common)
    positions[:, :2] = (in_plane - np.floor(in_plane + 1e-9)) @ common
    return StackedCell(lattice, positions, gap, (float(shifts[best][0]), float(shifts[best][1])))


class _Face:
    """The atoms of two slabs that may touch, and how deep the upper one can sink."""

    def __init__(self, lower: StrainedSlab, upper: StrainedSlab, common: Floats, top: float):
        low = np.flatnonzero(lower.positions[:, 2] > top - SEARCH_A)
        high = np.flatnonzero(upper.positions[:, 2] < SEARCH_A)
        ions_low = [(lower.species[k], float(lower.charges[k])) for k in low]
        ions_high = [(upper.species[k], float(upper.charges[k])) for k in high]
        self.contact = np.array([[contact_A(a, b) for b in ions_high] for a in ions_low])
        self.rise = (lower.positions[low, 2] - top)[:, None] - upper.positions[high, 2][None, :]
        self.apart = upper.positions[high, :2][None] - lower.positions[low, :2][:, None]
        self.common = common

    def _in_plane(self, moves: Floats) -> Iterator[Floats]:
        """Squared in-plane distances of every pair, one array (low, high, images) a move."""
        span = (-1, 0, 1) if self._is_narrow() else (0,)
        images = np.array([(i, j) for i in span for j in span]) @ self.common
        inverse = np.linalg.inv(self.common)
        for move in moves:
            fractional = (self.apart + move) @ inverse
            wrapped = (fractional - np.rint(fractional)) @ self.common
            yield ((wrapped[:, :, None] + images) ** 2).sum(axis=-1)

    def _is_narrow(self) -> bool:
        """Whether an image other than the wrapped one can be in contact."""
        widths = abs(np.linalg.det(self.common)) / np.linalg.norm(self.common, axis=1)
        return bool(widths.min() <= 2.0 * self.contact.max())

    def contact_gap(self, moves: Floats) -> Floats:
        """(n,) the gap at the first contact for every in-plane move [Å]."""
        gaps = []
        for squared in self._in_plane(moves):
            room = self.contact[:, :, None] ** 2 - squared
            height = self.rise[:, :, None] + np.sqrt(np.maximum(room, 0.0))
            gaps.append(np.where(room > 0, height, -np.inf).max())
        return np.array(gaps)

    def contact_ratio(self, moves: Floats, gap_A: float) -> Floats:
        """(n,) smallest distance over contact distance for every in-plane move."""
        normal = (gap_A - self.rise) ** 2
        return np.array(
            [
                (np.sqrt(squared + normal[:, :, None]) / self.contact[:, :, None]).min()
                for squared in self._in_plane(moves)
            ]
        )


def cross_distances(lattice: Floats, positions: Floats, n_cathode: int) -> Floats:
    """Distances of all pairs across the interface, shortest periodic images.

    Parameters
    ----------
    lattice : ndarray
        (3, 3) rows [Å].
    positions : ndarray
        (n, 3) [Å], cathode first.
    n_cathode : int
        Atoms of the cathode.

    Returns
    -------
    ndarray
        (n_cathode, n - n_cathode) [Å]
    """
    vectors = positions[n_cathode:][None] - positions[:n_cathode][:, None]
    return np.asarray(np.linalg.norm(minimum_image(vectors, lattice), axis=-1))


def shortest_pairs(
    lengths: Floats, cathode: Sequence[str], electrolyte: Sequence[str]
) -> dict[str, float]:
    """Smallest distance per element pair.

    Parameters
    ----------
    lengths : ndarray
        (n_cathode, n_electrolyte) [Å]
    cathode, electrolyte : sequence of str
        Element symbols of the rows and columns.

    Returns
    -------
    dict
        ``"O-Li"``, cathode element first -> [Å], rounded to 1e-4.
    """
    rows, columns = np.array(cathode), np.array(electrolyte)
    return {
        f"{one}-{other}": round(float(lengths[np.ix_(rows == one, columns == other)].min()), 4)
        for one in sorted(set(cathode))
        for other in sorted(set(electrolyte))
    }


def contact_matrix(cathode: StrainedSlab, electrolyte: StrainedSlab) -> Floats:
    """Distances at which the ions of the two sides touch.

    Parameters
    ----------
    cathode, electrolyte : StrainedSlab
        Species and charges count.

    Returns
    -------
    ndarray
        (n_cathode, n_electrolyte) [Å]
    """
    ions = [list(zip(s.species, s.charges.tolist(), strict=True)) for s in (cathode, electrolyte)]
    known = {(a, b): contact_A(a, b) for a in set(ions[0]) for b in set(ions[1])}
    return np.array([[known[a, b] for b in ions[1]] for a in ions[0]])

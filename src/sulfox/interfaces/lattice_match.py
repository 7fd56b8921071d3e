"""Which superlattices of two surfaces lie on each other: a vectorised coincidence search.

The search space is that of Zur and McGill (J. Appl. Phys. 55, 378 (1984), doi:10.1063/1.333084)
as in pymatgen's ``ZSLGenerator``: every superlattice of either side up to an area, pairs of nearly
equal area, reduced vectors of nearly equal length and angle. Beyond it, all near-reduced bases are
compared, not one arbitrary choice among equals, and a pair may also be judged by its strains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.errors import SulfoxError
from sulfox.interfaces.plane_lattice import (
    inverse,
    misfit_stretch,
    reduce_bases,
    signed,
    superlattices,
    unimodular,
)

__all__ = [
    "LatticeMatches",
    "MatchTolerances",
    "match_by_strain",
    "match_by_tolerances",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Pairs compared at once: few enough to stay in the processor's cache.
BLOCK = 100_000
#: Two vectors count as equally long (and two as orthogonal) within this relative tolerance.
TIE = 1e-6

_CHANGES = unimodular(up_to_sign=True)


@dataclass(frozen=True)
class MatchTolerances:
    """Limits of a search, with the meaning and the defaults of pymatgen's ``ZSLGenerator``.

    Attributes
    ----------
    max_area_A2 : float
        Largest area of a superlattice [Å^2].
    max_area_ratio : float
        Largest difference between the ratio of the areas and the ratio of the multiples.
    max_length : float
        Largest relative difference of the reduced vectors' lengths.
    max_angle : float
        Largest relative difference of the angle between them.
    bidirectional : bool
        Whether the relative differences may be taken on either side.
    """

    max_area_A2: float = 400.0
    max_area_ratio: float = 0.09
    max_length: float = 0.03
    max_angle: float = 0.01
    bidirectional: bool = False

    def __post_init__(self) -> None:
        for name in ("max_area_A2", "max_area_ratio", "max_length", "max_angle"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise SulfoxError(
                    "SFX-203",
                    who="lattice match",
                    found=f"{name} = {value}",
                    expected="a positive number",
                    next_step=f"give a positive {name}",
                )


@dataclass(frozen=True)
class LatticeMatches:
    """Matches of two plane lattices.

    Row k of ``first[m] @ first_vectors`` comes to lie on row k of ``second[m] @ second_vectors``.

    Attributes
    ----------
    first_vectors, second_vectors : ndarray
        (2, 2) rows are the surface vectors [Å].
    first, second : ndarray
        (n, 2, 2) integer supercell matrices.
    stretch : ndarray
        (n, 2, 2) left stretch V of the deformation gradient V R, second -> first; R is orthogonal.
    area_A2 : ndarray
        (n,) area of the first side's superlattice [Å^2].
    mirrored : ndarray
        (n,) True where the map reverses the handedness of the plane.
    """

    first_vectors: Floats
    second_vectors: Floats
    first: Ints
    second: Ints
    stretch: Floats
    area_A2: Floats
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.area_A2)

    @property
    def misfit_max(self) -> Floats:
        """(n,) largest absolute principal strain if the second side carried it all."""
        return np.asarray(np.abs(np.linalg.eigvalsh(self.stretch) - 1.0).max(axis=1, initial=0.0))

    def subset(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> LatticeMatches:
        """Select matches by index or mask, in that order.

        Parameters
        ----------
        which : ndarray
            (k,) indices, or (n,) mask.
        """
        return LatticeMatches(
            self.first_vectors,
            self.second_vectors,
            self.first[which],
            self.second[which],
            self.stretch[which],
            self.area_A2[which],
            self.mirrored[which],
        )


@dataclass(frozen=True)
class _Bases:
    """Bases of one side's superlattices to compare: lengths, angles, owners."""

    lengths: Floats  # (n, 2)
    angles: Floats  # (n,)
    multiples: Ints  # (n,)
    owner: Ints  # (n,) index of the superlattice
    change: Ints  # (n, 2, 2)
    hermite: Ints  # (m, 2, 2)

    def matrices(self, which: Ints) -> Ints:
        """(k, 2, 2) the chosen bases in units of the surface vectors."""
        return self.change[which] @ self.hermite[self.owner[which]]

    def sorted_by_first_length(self) -> _Bases:
        order = np.argsort(self.lengths[:, 0], kind="stable")
        return _Bases(
            self.lengths[order],
            self.angles[order],
            self.multiples[order],
            self.owner[order],
            self.change[order],
            self.hermite,
        )


def _partners(
    areas: tuple[float, float], largest: tuple[int, int], ratios: tuple[float, float]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which multiples of the two cells can be matched: first/second area in `ratios`."""
    m = np.arange(largest[0] + 1)[:, None] * areas[0]
    n = np.arange(largest[1] + 1)[None, :] * areas[1]
    fits = (m > 0) & (n > 0) & (m >= ratios[0] * n) & (m <= ratios[1] * n)
    return np.asarray(fits.any(axis=1)), np.asarray(fits.any(axis=0))


def _bases(vectors: Floats, multiple_fits: NDArray[np.bool_], slack: float) -> _Bases:
    """Near-reduced bases of all superlattices whose area has a partner.

    Vectors are at most `slack` times as long as the reduced ones; 1 keeps these and their ties.
    """
    hermite, multiples = superlattices(len(multiple_fits) - 1)
    fits = multiple_fits[multiples]
    hermite, multiples = hermite[fits], multiples[fits]
    reduced, changes = reduce_bases(hermite @ vectors)
    a2, b2 = (reduced**2).sum(axis=-1).T[:, :, None]
    ab = (reduced[:, 0] * reduced[:, 1]).sum(axis=-1)[:, None]
    (p, q), (r, t) = _CHANGES.transpose(1, 2, 0).astype(float)
    first2 = a2 * p**2 + b2 * q**2 + ab * (2 * p * q)
    second2 = a2 * r**2 + b2 * t**2 + ab * (2 * r * t)
    dots = a2 * (p * r) + b2 * (q * t) + ab * (p * t + q * r)
    limit = (slack * (1.0 + TIE)) ** 2
    keep = (first2 <= limit * a2) & (second2 <= limit * b2)
    if slack == 1.0:
        keep &= dots >= -TIE * np.sqrt(a2 * b2)
    owner, which = np.nonzero(keep)
    change = _CHANGES[which] @ changes[owner]
    areas = np.abs(np.linalg.det(vectors)) * multiples[owner]
    return _Bases(
        lengths=np.sqrt(np.stack([first2[keep], second2[keep]], axis=1)),
        angles=np.arctan2(areas, dots[keep]),
        multiples=multiples[owner],
        owner=owner,
        change=change,
        hermite=hermite,
    )


def _areas(first: Floats, second: Floats) -> tuple[Floats, Floats, float, float]:
    cells = []
    for name, vectors in (("first", first), ("second", second)):
        array = np.asarray(vectors, dtype=float)
        if array.shape != (2, 2) or not np.isfinite(array).all():
            found = f"surface vectors {array.tolist()}"
        elif abs(np.linalg.det(array)) < 1e-6:
            found = f"surface vectors without area: {array.tolist()}"
        else:
            cells.append(array)
            continue
        raise SulfoxError(
            "SFX-203",
            who=f"lattice match, {name} side",
            found=found,
            expected="two finite, independent vectors in the plane",
            next_step="check the structure's lattice",
        )
    areas = [float(abs(np.linalg.det(cell))) for cell in cells]
    return cells[0], cells[1], areas[0], areas[1]


def _windows(first: _Bases, second: _Bases, low: float, high: float) -> Iterator[tuple[Ints, Ints]]:
    """Index pairs whose lengths have ratios second/first in [low, high], for both vectors."""
    start = np.searchsorted(second.lengths[:, 0], first.lengths[:, 0] * low, side="left")
    stop = np.searchsorted(second.lengths[:, 0], first.lengths[:, 0] * high, side="right")
    counts = stop - start
    others = (second.lengths[:, 1].copy(), first.lengths[:, 1].copy())
    begin = 0
    while begin < len(counts):
        total = np.cumsum(counts[begin:])
        end = begin + max(1, int(np.searchsorted(total, BLOCK, side="right")))
        block = counts[begin:end]
        i = np.repeat(np.arange(begin, end), block)
        first_of_window = start[begin:end] - np.cumsum(block) + block
        j = np.arange(len(i)) + np.repeat(first_of_window, block)
        ratio = others[0][j] / others[1][i]
        near = np.flatnonzero((ratio >= low) & (ratio <= high))
        yield i[near], j[near]
        begin = end


def match_by_tolerances(
    first_vectors: Floats, second_vectors: Floats, tolerances: MatchTolerances | None = None
) -> LatticeMatches:
    """All matches in the search space of pymatgen's ``ZSLGenerator``, and those it misses.

    Parameters
    ----------
    first_vectors, second_vectors : ndarray
        (2, 2) rows are surface vectors in the plane [Å]; pymatgen's film and substrate.
    tolerances : MatchTolerances, optional
        Limits; pymatgen's defaults.

    Returns
    -------
    LatticeMatches
        Sorted by area, then misfit. Each pair of superlattices with each way of laying one
        on the other within the tolerances, once up to a rotation of one side by 180 degrees.

    Raises
    ------
    SulfoxError
        SFX-203 for vectors without area or limits that are not positive.
    """
    limits = tolerances or MatchTolerances()
    a, b, area_a, area_b = _areas(first_vectors, second_vectors)
    # Length and angle tolerances bound the strain e; a basis that matches a reduced one is
    # at most (1 + e) / (1 - e) longer than the reduced basis of its own lattice.
    strain = min(2.0 * limits.max_length + np.pi * limits.max_angle, 0.5)
    spread = (1.0 + limits.max_length) ** 2 * (1.0 + 2.0 * limits.max_angle) + 1e-9
    if limits.bidirectional:
        spread *= (1.0 + limits.max_length) ** 2
    largest = [int(limits.max_area_A2 / area + 1e-9) for area in (area_a, area_b)]
    fits = _partners((area_a, area_b), (largest[0], largest[1]), (1.0 / spread**1.1, spread**1.1))
    first = _bases(a, fits[0], 1.0)
    second = _bases(b, fits[1], (1.0 + strain) / (1.0 - strain)).sorted_by_first_length()
    tol, ang = limits.max_length + 1e-12, limits.max_angle + 1e-12
    high = 1.0 / (1.0 - tol) if limits.bidirectional and tol < 1 else 1.0 + tol
    found: list[tuple[Ints, Ints]] = []
    low = max(0.0, 1.0 - tol)
    for i, j in _windows(first, second, low, high):
        m, n = first.multiples[i], second.multiples[j]
        good = np.abs(area_a / area_b - n / m) < limits.max_area_ratio
        good |= np.abs(area_b / area_a - m / n) < limits.max_area_ratio
        lengths = second.lengths[j] / first.lengths[i]
        angles = second.angles[j] / first.angles[i]
        same = (np.abs(lengths - 1.0) <= tol).all(axis=1) & (np.abs(angles - 1.0) <= ang)
        if limits.bidirectional:
            back = (np.abs(1.0 / lengths - 1.0) <= tol).all(axis=1)
            same |= back & (np.abs(1.0 / angles - 1.0) <= ang)
        good &= same
        found.append((i[good], j[good]))
    return _collect(a, b, first, second, found)


def match_by_strain(
    first_vectors: Floats,
    second_vectors: Floats,
    *,
    max_area_A2: float,
    max_strain: float,
    second_share: float = 1.0,
) -> LatticeMatches:
    """All matches whose principal strains stay within a limit on both sides after sharing.

    Complete while reduced superlattices are at most ``1.5 / max misfit`` times as long as wide.

    Parameters
    ----------
    first_vectors, second_vectors : ndarray
        (2, 2) rows are surface vectors in the plane [Å].
    max_area_A2 : float
        Largest area of the first side's superlattice [Å^2].
    max_strain : float
        Largest absolute principal strain of either side.
    second_share : float
        Part of the misfit the second side carries, 0 to 1.

    Returns
    -------
    LatticeMatches
        Sorted by area, then misfit.

    Raises
    ------
    SulfoxError
        SFX-203 for vectors without area or limits that are not positive.
    """
    MatchTolerances(max_area_A2=max_area_A2, max_length=max_strain)
    a, b, area_a, area_b = _areas(first_vectors, second_vectors)
    low, high = _stretch_limits(max_strain, second_share)
    largest = (int(max_area_A2 / area_a + 1e-9), int(max_area_A2 / low**2 / area_b + 1e-9))
    edge = 1e-9
    fits = _partners((area_a, area_b), largest, (low**2 - edge, high**2 + edge))
    first = _bases(a, fits[0], 1.0)
    second = _bases(b, fits[1], high / low).sorted_by_first_length()
    low, high = low - 1e-9, high + 1e-9
    found: list[tuple[Ints, Ints]] = []
    for i, j in _windows(first, second, 1.0 / high, 1.0 / low):
        maps = np.linalg.solve(second.matrices(j) @ b, first.matrices(i) @ a)
        trace = np.einsum("nij,nij->n", maps, maps)
        product_ = np.abs(np.linalg.det(maps))
        spread = np.sqrt(np.maximum(trace**2 / 4.0 - product_**2, 0.0))
        largest = np.sqrt(trace / 2.0 + spread)
        good = (largest <= high) & (product_ / largest >= low)
        found.append((i[good], j[good]))
    return _collect(a, b, first, second, found)


def _stretch_limits(max_strain: float, second_share: float) -> tuple[float, float]:
    """Smallest and largest principal stretch that keeps both sides within the limit."""
    if not 0.0 <= second_share <= 1.0:
        raise SulfoxError(
            "SFX-203",
            who="lattice match",
            found=f"electrolyte_strain_share = {second_share}",
            expected="a number from 0 to 1",
            next_step="1 puts all misfit on the electrolyte, 0 on the cathode",
        )
    low, high = 1e-3, 1e3
    if second_share > 0:
        low = max(low, max(1.0 - max_strain, 1e-3) ** (1.0 / second_share))
        high = min(high, (1.0 + max_strain) ** (1.0 / second_share))
    if second_share < 1:
        low = max(low, (1.0 + max_strain) ** (-1.0 / (1.0 - second_share)))
        high = min(high, max(1.0 - max_strain, 1e-3) ** (-1.0 / (1.0 - second_share)))
    return low, high


def _collect(
    a: Floats, b: Floats, first: _Bases, second: _Bases, found: list[tuple[Ints, Ints]]
) -> LatticeMatches:
    """Make matches of the index pairs, each once, sorted by area, misfit and matrices."""
    i, j = np.concatenate([np.zeros((2, 0), dtype=np.int64), *map(np.stack, found)], axis=1)
    relation = inverse(first.change[i]) @ second.change[j]
    keys = np.column_stack([first.owner[i], second.owner[j], signed(relation).reshape(-1, 4)])
    _, unique = np.unique(keys, axis=0, return_index=True)
    i, j = i[unique], j[unique]
    supercells, others = first.matrices(i), second.matrices(j)
    maps = np.linalg.solve(others @ b, supercells @ a)
    areas = np.abs(np.linalg.det(supercells @ a))
    matches = LatticeMatches(
        first_vectors=a,
        second_vectors=b,
        first=supercells,
        second=others,
        stretch=misfit_stretch(np.asarray(maps, dtype=float)),
        area_A2=areas,
        mirrored=np.asarray(np.linalg.det(maps) < 0),
    )
    order = np.lexsort(
        [*keys[unique].T[::-1], np.round(matches.misfit_max, 10), np.round(areas, 6)]
    )
    return matches.subset(order)

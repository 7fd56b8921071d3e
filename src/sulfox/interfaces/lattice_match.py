"""Which superlattices of two surfaces lie on each other: a vectorised coincidence search.

The search space is that of Zur and McGill (J. Appl. Phys. 55, 378 (1984),
doi:10.1063/1.333084) as in pymatgen's ``ZSLGenerator``: every superlattice of either
side up to an area (Hermite normal forms), pairs of nearly equal area, reduced vectors of
nearly equal length and angle. Two things go beyond it: all near-reduced bases of a
superlattice are compared, not one arbitrary choice among equals, and a pair may also be
judged by its principal strains, which do not depend on the choice of basis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sulfox.errors import SulfoxError

__all__ = [
    "LatticeMatches",
    "MatchTolerances",
    "match_by_strain",
    "match_by_tolerances",
    "match_keys",
    "misfit_stretch",
    "share_misfit",
    "superlattices",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Pairs compared at once; bounds the memory of a search to about 100 MB.
BLOCK = 1_000_000
#: Two vectors count as equally long (and two as orthogonal) within this relative tolerance.
TIE = 1e-6


def _unimodular(reach: int) -> Ints:
    """All integer (2, 2) matrices of determinant +-1 with entries up to `reach`, up to sign."""
    span = range(-reach, reach + 1)
    matrices = [
        ((a, b), (c, d))
        for a, b, c, d in product(span, repeat=4)
        if abs(a * d - b * c) == 1 and (a > 0 or (a == 0 and b > 0))
    ]
    return np.array(matrices, dtype=np.int64)


_CHANGES = _unimodular(1)


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

    Row k of ``first[m] @ first_vectors`` comes to lie on row k of
    ``second[m] @ second_vectors``.

    Attributes
    ----------
    first_vectors, second_vectors : ndarray
        (2, 2) rows are the surface vectors [Å].
    first, second : ndarray
        (n, 2, 2) integer supercell matrices.
    stretch : ndarray
        (n, 2, 2) symmetric left stretch V of the map second -> first: the deformation
        gradient is V R with a rotation (or, where `mirrored`, a rotoreflection) R.
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
        if not len(self):
            return np.zeros(0)
        return np.abs(np.linalg.eigvalsh(self.stretch) - 1.0).max(axis=1)

    def subset(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> LatticeMatches:
        """Matches selected by index or mask, in that order."""
        return LatticeMatches(
            self.first_vectors,
            self.second_vectors,
            self.first[which],
            self.second[which],
            self.stretch[which],
            self.area_A2[which],
            self.mirrored[which],
        )


def superlattices(max_multiple: int) -> tuple[Ints, Ints]:
    """Every superlattice of a plane lattice up to an area, once, as a Hermite normal form.

    Parameters
    ----------
    max_multiple : int
        Largest area in units of the primitive cell.

    Returns
    -------
    matrices : ndarray
        (n, 2, 2) rows ``(p, q), (0, r)`` with ``0 <= q < r``; the superlattices of area
        m = p r are sigma(m) in number (sum of the divisors of m).
    multiples : ndarray
        (n,) area of each.
    """
    matrices = [
        ((p, q), (0, m // p))
        for m in range(1, max_multiple + 1)
        for p in range(1, m + 1)
        if m % p == 0
        for q in range(m // p)
    ]
    array = np.array(matrices, dtype=np.int64).reshape(-1, 2, 2)
    return array, array[:, 0, 0] * array[:, 1, 1]


def reduce_bases(bases: Floats) -> tuple[Floats, Ints]:
    """Lagrange-Gauss reduction of many plane bases at once.

    Parameters
    ----------
    bases : ndarray
        (n, 2, 2) rows are vectors [Å].

    Returns
    -------
    reduced : ndarray
        (n, 2, 2) with ``|a| <= |b|`` and ``0 <= a.b <= |a|^2 / 2``.
    changes : ndarray
        (n, 2, 2) integer matrices with ``reduced = changes @ bases``.
    """
    reduced = np.array(bases, dtype=float)
    changes = np.broadcast_to(np.eye(2, dtype=np.int64), reduced.shape).copy()
    active = np.arange(len(reduced))
    while active.size:
        current, change = reduced[active], changes[active]
        norms = np.einsum("nij,nij->ni", current, current)
        swap = norms[:, 0] > norms[:, 1] * (1.0 + 1e-12)
        current[swap], change[swap] = current[swap, ::-1], change[swap, ::-1]
        shortest = np.where(swap, norms[:, 1], norms[:, 0])
        dots = np.einsum("ni,ni->n", current[:, 0], current[:, 1])
        steps = np.rint(dots / shortest * (1.0 - 1e-12)).astype(np.int64)
        current[:, 1] -= steps[:, None] * current[:, 0]
        change[:, 1] -= steps[:, None] * change[:, 0]
        reduced[active], changes[active] = current, change
        active = active[swap | (steps != 0)]
    flip = np.einsum("ni,ni->n", reduced[:, 0], reduced[:, 1]) < 0
    reduced[flip, 1] *= -1.0
    changes[flip, 1] *= -1
    return reduced, changes


@dataclass(frozen=True)
class _Bases:
    """Bases of one side's superlattices to compare: matrices, lengths, angles, owners."""

    matrices: Ints  # (n, 2, 2) in units of the surface vectors
    lengths: Floats  # (n, 2)
    angles: Floats  # (n,)
    multiples: Ints  # (n,)
    owner: Ints  # (n,) index of the superlattice
    change: Ints  # (n, 2, 2) matrices = change @ hermite[owner]
    hermite: Ints

    def sorted_by_first_length(self) -> _Bases:
        order = np.argsort(self.lengths[:, 0], kind="stable")
        return _Bases(
            self.matrices[order],
            self.lengths[order],
            self.angles[order],
            self.multiples[order],
            self.owner[order],
            self.change[order],
            self.hermite,
        )


def _bases(vectors: Floats, max_multiple: int, *, only_reduced: bool) -> _Bases:
    """Near-reduced bases of all superlattices; with `only_reduced`, ties of the reduced one."""
    hermite, multiples = superlattices(max_multiple)
    reduced, changes = reduce_bases(hermite @ vectors)
    bases = np.einsum("uij,njk->nuik", _CHANGES, reduced)
    lengths = np.linalg.norm(bases, axis=-1)
    dots = np.einsum("nui,nui->nu", bases[:, :, 0], bases[:, :, 1])
    crosses = bases[:, :, 0, 0] * bases[:, :, 1, 1] - bases[:, :, 0, 1] * bases[:, :, 1, 0]
    keep = np.ones(dots.shape, dtype=bool)
    if only_reduced:
        shortest = np.linalg.norm(reduced, axis=-1)[:, None, :]
        keep = (np.abs(lengths - shortest) <= TIE * shortest).all(axis=-1)
        keep &= dots >= -TIE * shortest[:, :, 0] * shortest[:, :, 1]
    owner, which = np.nonzero(keep)
    change = np.einsum("nij,njk->nik", _CHANGES[which], changes[owner])
    return _Bases(
        matrices=np.einsum("nij,njk->nik", change, hermite[owner]),
        lengths=lengths[keep],
        angles=np.arctan2(np.abs(crosses[keep]), dots[keep]),
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
    return cells[0], cells[1], *(float(abs(np.linalg.det(cell))) for cell in cells)


def _windows(first: _Bases, second: _Bases, low: float, high: float) -> Iterator[tuple[Ints, Ints]]:
    """Index pairs whose first vectors' lengths have a ratio second/first in [low, high]."""
    start = np.searchsorted(second.lengths[:, 0], first.lengths[:, 0] * low, side="left")
    stop = np.searchsorted(second.lengths[:, 0], first.lengths[:, 0] * high, side="right")
    counts = stop - start
    begin = 0
    while begin < len(counts):
        total = np.cumsum(counts[begin:])
        end = begin + max(1, int(np.searchsorted(total, BLOCK, side="right")))
        block = counts[begin:end]
        i = np.repeat(np.arange(begin, end), block)
        offsets = np.arange(int(block.sum())) - np.repeat(np.cumsum(block) - block, block)
        yield i, np.repeat(start[begin:end], block) + offsets
        begin = end


def match_by_tolerances(
    first_vectors: Floats, second_vectors: Floats, tolerances: MatchTolerances | None = None
) -> LatticeMatches:
    """All matches in the search space of pymatgen's ``ZSLGenerator``, and those it misses.

    Parameters
    ----------
    first_vectors, second_vectors : ndarray
        (2, 2) rows are surface vectors in the plane [Å]. In pymatgen's words the first is
        the film, the second the substrate.
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
    first = _bases(a, int(limits.max_area_A2 / area_a + 1e-9), only_reduced=True)
    second = _bases(b, int(limits.max_area_A2 / area_b + 1e-9), only_reduced=False)
    second = second.sorted_by_first_length()
    tol, ang = limits.max_length + 1e-12, limits.max_angle + 1e-12
    high = 1.0 / (1.0 - tol) if limits.bidirectional and tol < 1 else 1.0 + tol
    found: list[tuple[Ints, Ints]] = []
    for i, j in _windows(first, second, max(0.0, 1.0 - tol), high):
        m, n = first.multiples[i], second.multiples[j]
        close = np.abs(area_a / area_b - n / m) < limits.max_area_ratio
        close |= np.abs(area_b / area_a - m / n) < limits.max_area_ratio
        i, j = i[close], j[close]  # noqa: PLW2901
        ratio = np.stack(
            [*(second.lengths[j] / first.lengths[i]).T, second.angles[j] / first.angles[i]]
        )
        bound = np.array([[tol], [tol], [ang]])
        good = (np.abs(ratio - 1.0) <= bound).all(axis=0)
        if limits.bidirectional:
            good |= (np.abs(1.0 / ratio - 1.0) <= bound).all(axis=0)
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

    Complete as long as no reduced superlattice is more than ``1.5 / max misfit`` times as
    long as wide (15 for a misfit of 10 %).

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
    first = _bases(a, int(max_area_A2 / area_a + 1e-9), only_reduced=True)
    second = _bases(b, int(max_area_A2 / low**2 / area_b + 1e-9), only_reduced=False)
    second = second.sorted_by_first_length()
    edge = 1e-9
    found: list[tuple[Ints, Ints]] = []
    for i, j in _windows(first, second, 1.0 / (high + edge), 1.0 / (low - edge)):
        ratio = second.lengths[j, 1] / first.lengths[i, 1]
        areas = (first.multiples[i] * area_a) / (second.multiples[j] * area_b)
        good = (ratio <= 1.0 / (low - edge)) & (ratio >= 1.0 / (high + edge))
        good &= (areas >= (low - edge) ** 2) & (areas <= (high + edge) ** 2)
        i, j = i[good], j[good]  # noqa: PLW2901
        maps = np.linalg.solve(second.matrices[j] @ b, first.matrices[i] @ a)
        trace = np.einsum("nij,nij->n", maps, maps)
        product_ = np.abs(np.linalg.det(maps))
        spread = np.sqrt(np.maximum(trace**2 / 4.0 - product_**2, 0.0))
        largest = np.sqrt(trace / 2.0 + spread)
        good = (largest <= high + edge) & (product_ / largest >= low - edge)
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
    """Matches of the index pairs, each once, sorted by area, misfit and matrices."""
    i = np.concatenate([pair[0] for pair in found]) if found else np.zeros(0, dtype=np.int64)
    j = np.concatenate([pair[1] for pair in found]) if found else np.zeros(0, dtype=np.int64)
    relation = _inverse(first.change[i]) @ second.change[j]
    keys = np.column_stack([first.owner[i], second.owner[j], _signed(relation).reshape(-1, 4)])
    _, unique = np.unique(keys, axis=0, return_index=True)
    i, j = i[unique], j[unique]
    supercells, others = first.matrices[i], second.matrices[j]
    maps = np.linalg.solve(others @ b, supercells @ a)
    areas = np.abs(np.linalg.det(supercells @ a)) if len(i) else np.zeros(0)
    matches = LatticeMatches(
        first_vectors=a,
        second_vectors=b,
        first=supercells,
        second=others,
        stretch=misfit_stretch(maps),
        area_A2=areas,
        mirrored=np.linalg.det(maps) < 0 if len(i) else np.zeros(0, dtype=bool),
    )
    order = np.lexsort(
        [*keys[unique].T[::-1], np.round(matches.misfit_max, 10), np.round(areas, 6)]
    )
    return matches.subset(order)


def _inverse(matrices: Ints) -> Ints:
    """Inverses of unimodular (n, 2, 2) integer matrices."""
    determinant = matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]
    adjugate = np.empty_like(matrices)
    adjugate[:, 0, 0], adjugate[:, 1, 1] = matrices[:, 1, 1], matrices[:, 0, 0]
    adjugate[:, 0, 1], adjugate[:, 1, 0] = -matrices[:, 0, 1], -matrices[:, 1, 0]
    return adjugate * determinant[:, None, None]


def _signed(matrices: Ints) -> Ints:
    """(n, 2, 2) integer matrices with the sign that makes the first non-zero entry positive."""
    flat = matrices.reshape(-1, 4)
    if not len(flat):
        return matrices
    first = flat[np.arange(len(flat)), (flat != 0).argmax(axis=1)]
    return (flat * np.sign(first)[:, None]).reshape(-1, 2, 2)


def hermite_form(matrices: Ints) -> tuple[Ints, Ints]:
    """Hermite normal forms ``H = U M`` of (n, 2, 2) integer matrices.

    Parameters
    ----------
    matrices : ndarray
        (n, 2, 2) non-singular integer matrices, rows are vectors.

    Returns
    -------
    forms, changes : ndarray
        (n, 2, 2) H with rows ``(p, q), (0, r)``, ``p, r > 0``, ``0 <= q < r``, and the
        unimodular U.
    """
    forms = np.array(matrices, dtype=np.int64).reshape(-1, 2, 2)
    changes = np.broadcast_to(np.eye(2, dtype=np.int64), forms.shape).copy()
    active = np.arange(len(forms))
    while (active := active[forms[active, 1, 0] != 0]).size:
        steps = forms[active, 0, 0] // forms[active, 1, 0]
        for work in (forms, changes):
            rest = work[active, 0] - steps[:, None] * work[active, 1]
            work[active, 0], work[active, 1] = work[active, 1], rest
    signs = np.sign(np.stack([forms[:, 0, 0], forms[:, 1, 1]], axis=1))
    steps = (signs[:, 0] * forms[:, 0, 1]) // (signs[:, 1] * forms[:, 1, 1])
    for work in (forms, changes):
        work *= signs[:, :, None]
        work[:, 0] -= steps[:, None] * work[:, 1]
    return forms, changes


def match_keys(first: Ints, second: Ints, *, up_to_half_turn: bool = True) -> Ints:
    """Integer identity of matches, independent of the choice of the common basis.

    Two matches have the same key if and only if the same superlattices are laid on each
    other in the same way.

    Parameters
    ----------
    first, second : ndarray
        (n, 2, 2) integer supercell matrices; row k of one lies on row k of the other.
    up_to_half_turn : bool
        Whether turning one side by 180 degrees about the normal makes no difference, as
        for plane lattices; it does for most slabs.

    Returns
    -------
    ndarray
        (n, 8) integers.
    """
    forms, changes = hermite_form(first)
    others = changes @ np.asarray(second)
    if up_to_half_turn:
        others = _signed(others)
    return np.concatenate([forms.reshape(-1, 4), others.reshape(-1, 4)], axis=1)


def misfit_stretch(maps: Floats) -> Floats:
    """Left stretch V of plane maps ``x' = x M`` with ``M = R V``: the rotation is removed.

    Parameters
    ----------
    maps : ndarray
        (n, 2, 2) maps for row vectors.

    Returns
    -------
    ndarray
        (n, 2, 2) symmetric positive definite V; ``V - 1`` is the small-strain tensor in
        the frame of the image.
    """
    values, axes = np.linalg.eigh(np.swapaxes(maps, -1, -2) @ maps)
    return (axes * np.sqrt(values)[..., None, :]) @ np.swapaxes(axes, -1, -2)


def share_misfit(stretch: Floats, second_share: float) -> tuple[Floats, Floats]:
    """Share a misfit between the two sides along its principal axes.

    The common cell is the second side's cell stretched by ``V**share``; the first side is
    then stretched by ``V**(share - 1)``. Both are pure stretches: no rotation arises.

    Parameters
    ----------
    stretch : ndarray
        (2, 2) symmetric V that takes the (rotated) second cell to the first.
    second_share : float
        Part of the misfit that the second side carries, 0 to 1.

    Returns
    -------
    first_strain, second_strain : ndarray
        (2, 2) small-strain tensors (stretch - 1) of the two sides, in the plane.
    """
    values, axes = np.linalg.eigh(stretch)
    powers = [(axes * values**power) @ axes.T for power in (second_share - 1.0, second_share)]
    return powers[0] - np.eye(2), powers[1] - np.eye(2)

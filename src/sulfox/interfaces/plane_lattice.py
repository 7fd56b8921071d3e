"""Algebra of plane lattices: superlattices, reduced bases, Hermite forms, stretches."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "hermite_form",
    "inverse",
    "match_keys",
    "misfit_stretch",
    "reduce_bases",
    "share_misfit",
    "signed",
    "superlattices",
    "unimodular",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def unimodular(*, up_to_sign: bool) -> Ints:
    """List the integer (2, 2) matrices of determinant +-1 with entries -1, 0 and 1.

    Parameters
    ----------
    up_to_sign : bool
        Only one of M and -M.

    Returns
    -------
    ndarray
        (20, 2, 2) or (40, 2, 2).
    """
    matrices = [
        ((a, b), (c, d))
        for a, b, c, d in product((-1, 0, 1), repeat=4)
        if abs(a * d - b * c) == 1 and (not up_to_sign or (a, b) > (0, 0))
    ]
    return np.array(matrices, dtype=np.int64)


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
    span = np.arange(1, max(max_multiple, 0) + 1)
    p, r = np.nonzero(np.outer(span, span) <= max_multiple)
    p, r = p + 1, r + 1
    order = np.lexsort((p, p * r))
    p, r = p[order], r[order]
    last = np.cumsum(r)
    q = np.arange(last[-1] if len(last) else 0) - np.repeat(last - r, r)
    matrices = np.zeros((len(q), 2, 2), dtype=np.int64)
    matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 1] = np.repeat(p, r), q, np.repeat(r, r)
    return matrices, matrices[:, 0, 0] * matrices[:, 1, 1]


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
    n = len(bases)
    (a2, b2), ab = (bases**2).sum(axis=-1).T.copy(), (bases[:, 0] * bases[:, 1]).sum(axis=-1)
    p, q, r, t = np.ones(n), np.zeros(n), np.zeros(n), np.ones(n)
    moving = np.ones(n, dtype=bool)
    while moving.any():
        swap = a2 > b2 * (1.0 + 1e-12)
        a2, b2 = np.where(swap, b2, a2), np.where(swap, a2, b2)
        p, r = np.where(swap, r, p), np.where(swap, p, r)
        q, t = np.where(swap, t, q), np.where(swap, q, t)
        steps = np.rint(ab / a2 * (1.0 - 1e-12))
        b2, ab = b2 - steps * (2.0 * ab - steps * a2), ab - steps * a2
        r, t = r - steps * p, t - steps * q
        moving = swap | (steps != 0)
    sign = np.where(ab < 0, -1.0, 1.0)
    changes = np.stack([p, q, r * sign, t * sign], axis=1).reshape(-1, 2, 2).astype(np.int64)
    return changes @ bases, changes


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
    forms: Ints = np.array(matrices, dtype=np.int64).reshape(-1, 2, 2)
    changes: Ints = np.broadcast_to(np.eye(2, dtype=np.int64), forms.shape).copy()
    active = np.arange(len(forms))
    while (active := active[forms[active, 1, 0] != 0]).size:
        steps = forms[active, 0, 0] // forms[active, 1, 0]
        for work in (forms, changes):
            rest = work[active, 0] - steps[:, None] * work[active, 1]
            work[active, 0], work[active, 1] = work[active, 1], rest
    signs: Ints = np.sign(np.stack([forms[:, 0, 0], forms[:, 1, 1]], axis=1))
    steps = (signs[:, 0] * forms[:, 0, 1]) // (signs[:, 1] * forms[:, 1, 1])
    forms, changes = np.asarray(forms * signs[:, :, None]), changes * signs[:, :, None]
    forms[:, 0] -= steps[:, None] * forms[:, 1]
    changes[:, 0] -= steps[:, None] * changes[:, 1]
    return forms, changes


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
        (..., 2, 2) symmetric V that takes the (rotated) second cell to the first.
    second_share : float
        Part of the misfit that the second side carries, 0 to 1.

    Returns
    -------
    first_strain, second_strain : ndarray
        (..., 2, 2) small-strain tensors (stretch - 1) of the two sides, in the plane.
    """
    values, axes = np.linalg.eigh(stretch)
    turned = np.swapaxes(axes, -1, -2)
    first = (axes * values[..., None, :] ** (second_share - 1.0)) @ turned
    second = (axes * values[..., None, :] ** second_share) @ turned
    return first - np.eye(2), second - np.eye(2)


def inverse(matrices: Ints) -> Ints:
    """Invert unimodular matrices.

    Parameters
    ----------
    matrices : ndarray
        (n, 2, 2) integers of determinant +-1.

    Returns
    -------
    ndarray
        (n, 2, 2) integers.
    """
    determinant = matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]
    adjugate = np.empty_like(matrices)
    adjugate[:, 0, 0], adjugate[:, 1, 1] = matrices[:, 1, 1], matrices[:, 0, 0]
    adjugate[:, 0, 1], adjugate[:, 1, 0] = -matrices[:, 0, 1], -matrices[:, 1, 0]
    return adjugate * determinant[:, None, None]


def signed(matrices: Ints) -> Ints:
    """Give matrices the sign that makes their first non-zero entry positive.

    Parameters
    ----------
    matrices : ndarray
        (n, 2, 2) integers.

    Returns
    -------
    ndarray
        (n, 2, 2) integers.
    """
    flat = matrices.reshape(-1, 4)
    if not len(flat):
        return matrices
    first = flat[np.arange(len(flat)), (flat != 0).argmax(axis=1)]
    return (flat * np.sign(first)[:, None]).reshape(-1, 2, 2)


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
        others = signed(others)
    return np.concatenate([forms.reshape(-1, 4), others.reshape(-1, 4)], axis=1)

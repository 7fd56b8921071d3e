"""When are two layers the same? In-plane isometries that keep the normal, checked atom by atom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sulfox.interfaces.plane_lattice import unimodular

__all__ = ["plane_mappings", "same_layer"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Layer = tuple[Floats, Sequence[str], Floats]

#: Atoms of two equal layers lie on each other within this distance [Å].
SAME_TOLERANCE_A = 0.05
#: Relative tolerance for the squared lengths of two equal plane cells.
METRIC_TOLERANCE = 2e-3

_CHANGES = unimodular(up_to_sign=False)


def plane_mappings(first: Layer, second: Layer, *, only_first: bool = False) -> Ints:
    """Find the changes of the surface basis that make one layer the other.

    Parameters
    ----------
    first, second : tuple
        (in_plane (2, 2) [Å], species (n,), positions (n, 3) [Å]); reduced surface vectors;
        heights are compared from the lowest atom.
    only_first : bool
        Stop at the first one found.

    Returns
    -------
    ndarray
        (k, 2, 2) integer g: written in the basis ``g @ first.in_plane``, the first layer
        has the fractional coordinates of the second up to one in-plane translation. With
        the same layer twice these are its symmetry operations; k = 0 if they differ.
    """
    if sorted(first[1]) != sorted(second[1]):
        return np.zeros((0, 2, 2), dtype=np.int64)
    metric = second[0] @ second[0].T
    metrics = np.einsum("nij,jk,nlk->nil", _CHANGES, first[0] @ first[0].T, _CHANGES)
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    alike = (np.abs(metrics - metric) <= METRIC_TOLERANCE * scale).all(axis=(1, 2))
    found = []
    for change in _CHANGES[alike]:
        if _maps(first, second, change):
            found.append(change)
            if only_first:
                break
    return np.array(found, dtype=np.int64).reshape(-1, 2, 2)


def _maps(first: Layer, second: Layer, change: Ints) -> bool:
    a = first[2][:, :2] @ np.linalg.inv(change @ first[0])
    b = second[2][:, :2] @ np.linalg.inv(second[0])
    za, zb = (z - z.min() for z in (first[2][:, 2], second[2][:, 2]))
    elements_a, elements_b = np.array(first[1]), np.array(second[1])
    counts = {element: int((elements_a == element).sum()) for element in sorted(set(elements_a))}
    rare = min(counts, key=lambda element: counts[element])
    anchor = int(np.flatnonzero(elements_a == rare)[0])
    partners = np.flatnonzero((elements_b == rare) & (np.abs(zb - za[anchor]) < SAME_TOLERANCE_A))
    allowed = elements_a[:, None] == elements_b[None, :]
    allowed &= np.abs(za[:, None] - zb[None, :]) < SAME_TOLERANCE_A
    if not allowed.any(axis=1).all():
        return False
    for partner in partners:
        apart = (a + b[partner] - a[anchor])[:, None, :] - b[None, :, :]
        apart -= np.rint(apart)
        near = np.linalg.norm(apart @ second[0], axis=-1) < 2 * SAME_TOLERANCE_A
        hits = near & allowed
        if hits.any(axis=1).all() and hits.any(axis=0).all():
            return True
    return False


def same_layer(first: Layer, second: Layer) -> bool:
    """Whether an in-plane isometry lays one layer on the other, atom by atom.

    Parameters
    ----------
    first, second : tuple
        As for :func:`plane_mappings`.

    Returns
    -------
    bool
        True if they are the same.
    """
    return len(plane_mappings(first, second, only_first=True)) > 0

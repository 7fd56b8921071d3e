"""Distances in a periodic cell of any shape.

The shortest image of a vector is found exactly: the cell is Minkowski-reduced once, the
vector is wrapped into it, and only where the wrapped vector is longer than half the
shortest lattice vector are the neighbouring images looked at (a shorter vector cannot
have a closer image: |r + T| >= |T| - |r| >= |r|). In a Minkowski-reduced basis the
nearest lattice point of a wrapped vector has coefficients -1, 0 or 1
(Nguyen and Stehle, doi 10.1007/978-3-540-24847-7_26).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from sulfox.trajectories.frames import FloatArray, IntArray, Trajectory

__all__ = [
    "iter_pair_vectors",
    "minimum_image",
    "neighbour_pairs",
    "pair_distances",
    "surface_height",
    "unwrap",
]

_CHUNK_VECTORS = 400_000
_NEIGHBOURS = np.array([c for c in product((-1, 0, 1), repeat=3) if c != (0, 0, 0)], dtype=float)


def minimum_image(vectors: FloatArray, lattice: FloatArray) -> FloatArray:
    """Replace vectors by their shortest periodic images.

    Parameters
    ----------
    vectors : ndarray, shape (..., 3)
        Cartesian vectors [Å].
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors, periodic in all three [Å].

    Returns
    -------
    ndarray, shape (..., 3)
        The shortest images [Å].
    """
    reduced = _reduced(lattice)
    fractional = vectors @ np.linalg.inv(reduced)
    fractional -= np.rint(fractional)
    wrapped = fractional @ reduced
    off_diagonal = reduced @ reduced.T - np.diag(np.einsum("ij,ij->i", reduced, reduced))
    if np.abs(off_diagonal).max() < 1e-12 * np.abs(reduced).max() ** 2:
        return wrapped
    safe2 = np.einsum("ij,ij->i", reduced, reduced).min() / 4
    flat = wrapped.reshape(-1, 3)
    far = np.flatnonzero(np.einsum("ij,ij->i", flat, flat) > safe2)
    if far.size:
        flat[far] = _closest_of_images(flat[far], _NEIGHBOURS @ reduced)
    return flat.reshape(wrapped.shape)


def _closest_of_images(vectors: FloatArray, translations: FloatArray) -> FloatArray:
    best = vectors.copy()
    best2 = np.einsum("ij,ij->i", vectors, vectors)
    for translation in translations:
        image = vectors + translation
        image2 = np.einsum("ij,ij->i", image, image)
        closer = image2 < best2
        best[closer] = image[closer]
        best2[closer] = image2[closer]
    return best


def _reduced(lattice: FloatArray) -> FloatArray:
    from ase.geometry import minkowski_reduce

    return np.asarray(minkowski_reduce(lattice)[0], dtype=float)


def unwrap(fractional: FloatArray) -> FloatArray:
    """Make fractional positions continuous across cell walls.

    Parameters
    ----------
    fractional : ndarray, shape (n_frames, n_atoms, 3)
        Fractional positions, wrapped in any way. No atom may move by half a cell
        between two frames.

    Returns
    -------
    ndarray, shape (n_frames, n_atoms, 3)
        The first frame as it was, each next frame in the image closest to the one before.
    """
    steps = np.diff(fractional, axis=0)
    return np.concatenate([fractional[:1], fractional[1:] - np.cumsum(np.rint(steps), axis=0)])


def neighbour_pairs(
    positions: FloatArray, lattice: FloatArray, cutoff: float
) -> tuple[IntArray, FloatArray]:
    """Find the pairs of atoms within a cutoff in one frame.

    Parameters
    ----------
    positions : ndarray, shape (n_atoms, 3)
        Cartesian positions [Å].
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors, periodic in all three [Å].
    cutoff : float
        [Å]

    Returns
    -------
    pairs : ndarray of int64, shape (n_pairs, 2)
        Indices i < j, each pair once, sorted; an atom and its own image are left out.
    distances : ndarray, shape (n_pairs,)
        Distance of the closest images [Å].
    """
    from vesin import NeighborList

    inverse = np.linalg.inv(lattice)
    fractional = positions @ inverse
    wrapped = (fractional - np.floor(fractional)) @ lattice
    finder = NeighborList(cutoff=cutoff, full_list=False, n_threads=1)
    first, second, distances = finder.compute(wrapped, lattice, periodic=True, quantities="ijd")
    low, high = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((distances, high, low))
    pairs = np.stack([low, high], axis=1).astype(np.int64)[order]
    distances = distances[order]
    keep = pairs[:, 0] != pairs[:, 1]
    keep[1:] &= (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[keep], distances[keep]


def iter_pair_vectors(
    trajectory: Trajectory, pairs: IntArray, frames: range | None = None
) -> Iterator[tuple[range, FloatArray]]:
    """Yield the shortest vectors between pairs of atoms, a few frames at a time.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    pairs : ndarray of int, shape (n_pairs, 2)
        Atom indices.
    frames : range, optional
        Successive frames; all if not given.

    Yields
    ------
    frames : range
        Which frames.
    vectors : ndarray, shape (n_frames_here, n_pairs, 3)
        From the first to the second atom of each pair [Å].
    """
    frames = range(trajectory.n_frames) if frames is None else frames
    size = max(1, _CHUNK_VECTORS // max(1, len(pairs)))
    if trajectory.lattices is not None:
        size = 1
    for k in range(0, len(frames), size):
        here = frames[k : k + size]
        block = trajectory.positions[here.start : here.stop]
        vectors = block[:, pairs[:, 1]] - block[:, pairs[:, 0]]
        yield here, minimum_image(vectors, trajectory.cell(here.start))


def pair_distances(trajectory: Trajectory, pairs: IntArray) -> FloatArray:
    """Measure chosen pairs in every frame.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    pairs : ndarray of int, shape (n_pairs, 2)
        Atom indices.

    Returns
    -------
    ndarray, shape (n_pairs, n_frames)
        Distance of the closest images [Å].
    """
    distances = np.empty((len(pairs), trajectory.n_frames))
    for frames, vectors in iter_pair_vectors(trajectory, pairs):
        distances[:, frames.start : frames.stop] = np.sqrt(
            np.einsum("fpk,fpk->pf", vectors, vectors)
        )
    return distances


def surface_height(point: FloatArray, lattice: FloatArray, plane: float) -> float:
    """Measure the height of a point above a plane parallel to the first two lattice vectors.

    Parameters
    ----------
    point : ndarray, shape (3,)
        Cartesian position [Å].
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].
    plane : float
        Height of the plane along the normal a x b, from the origin [Å].

    Returns
    -------
    float
        Height above the nearest periodic image of the plane, negative below it [Å].
    """
    normal = np.cross(lattice[0], lattice[1])
    normal /= np.linalg.norm(normal)
    period = abs(float(normal @ lattice[2]))
    height = float(point @ normal) - plane
    return height - period * float(np.rint(height / period))

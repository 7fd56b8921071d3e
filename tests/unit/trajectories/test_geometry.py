"""The shortest image is the shortest, whatever the cell looks like."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sulfox.trajectories.frames import Trajectory
from sulfox.trajectories.geometry import (
    minimum_image,
    neighbour_pairs,
    pair_distances,
    surface_height,
    unwrap,
)

CELLS = {
    "cubic": np.eye(3) * 5,
    "hexagonal slab": np.array([[3.0, 0, 0], [-1.5, 3 * 3**0.5 / 2, 0], [0, 0, 25]]),
    "sheared slab": np.array([[4.0, 0, 0], [3.7, 4.2, 0], [7.9, 3.1, 18]]),
    "very sheared": np.array([[4.0, 0, 0], [9.5, 4.2, 0], [-13, 6.1, 5]]),
    "left-handed": np.array([[0, 5.0, 0], [5, 0.3, 0], [1, 1, 6]]),
}


def brute_force(vectors, lattice):
    """Shortest length over every image that could be it.

    The shortest image r is no longer than the vector v itself, so its fractional
    coordinates are at most |v| |b_i| with the reciprocal vectors b_i.
    """
    inverse = np.linalg.inv(lattice)
    longest = np.linalg.norm(vectors, axis=1).max()
    reach = longest * np.linalg.norm(inverse, axis=0) + np.abs(vectors @ inverse).max(axis=0)
    ranges = [range(-n, n + 1) for n in np.ceil(reach).astype(int)]
    shifts = np.array(list(product(*ranges))) @ lattice
    return np.array([np.linalg.norm(vector + shifts, axis=1).min() for vector in vectors])


@pytest.mark.parametrize("name", CELLS)
def test_minimum_image_equals_brute_force(name):
    lattice = CELLS[name]
    rng = np.random.default_rng(0)
    vectors = (rng.random((200, 3)) - 0.5) @ lattice
    shifted = vectors + rng.integers(-4, 5, (200, 3)) @ lattice
    found = minimum_image(shifted, lattice)
    assert np.allclose(np.linalg.norm(found, axis=1), brute_force(vectors, lattice), atol=1e-9)
    # the image differs from the vector by whole lattice vectors
    whole = (found - shifted) @ np.linalg.inv(lattice)
    assert np.allclose(whole, np.rint(whole), atol=1e-8)


@settings(deadline=None, max_examples=100)
@given(
    cell=st.lists(st.floats(-6, 6), min_size=9, max_size=9),
    seed=st.integers(0, 10_000),
)
def test_minimum_image_in_any_cell(cell, seed):
    lattice = np.array(cell).reshape(3, 3)
    lengths = np.linalg.norm(lattice, axis=1)
    assume(lengths.min() > 3)
    assume(abs(np.linalg.det(lattice)) > 0.2 * lengths.prod())
    vectors = (np.random.default_rng(seed).random((5, 3)) - 0.5) @ lattice
    found = np.linalg.norm(minimum_image(vectors, lattice), axis=1)
    assert np.allclose(found, brute_force(vectors, lattice), atol=1e-8)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("cutoff", [2.4, 7.0])
def test_neighbour_pairs_equal_brute_force_for_unwrapped_atoms(name, cutoff):
    """Also where the cutoff is longer than the cell: each pair once, with its closest image."""
    lattice = CELLS[name]
    rng = np.random.default_rng(1)
    wrapped = rng.random((12, 3)) @ lattice
    positions = wrapped + rng.integers(-3, 4, (12, 3)) @ lattice
    pairs, distances = neighbour_pairs(positions, lattice, cutoff)
    every = np.array([(i, j) for i in range(12) for j in range(i + 1, 12)])
    exact = brute_force(wrapped[every[:, 1]] - wrapped[every[:, 0]], lattice)
    assert pairs.tolist() == every[exact < cutoff].tolist()
    assert np.allclose(distances, exact[exact < cutoff], atol=1e-8)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000))
def test_unwrapping_restores_a_continuous_walk(seed):
    rng = np.random.default_rng(seed)
    walk = rng.random((1, 4, 3)) + np.cumsum(rng.uniform(-0.49, 0.49, (30, 4, 3)), axis=0)
    walk -= np.floor(walk[:1])
    assert np.allclose(unwrap(walk - np.floor(walk)), walk, atol=1e-9)
    assert np.allclose(unwrap(walk), walk)


def test_distances_of_many_frames_follow_a_changing_cell():
    lattices = np.array([np.diag([5.0, 5, 5]), np.diag([6.0, 5, 5])])
    positions = np.array([[[0.5, 0, 0], [4.5, 0, 0]]] * 2)
    trajectory = Trajectory(positions, lattices[0], ("S", "S"), None, lattices=lattices)
    assert np.allclose(pair_distances(trajectory, np.array([[0, 1]])), [[1.0, 2.0]])


def test_height_is_measured_along_the_normal_from_the_nearest_plane():
    lattice = np.array([[4.0, 0, 0], [0, 4, 0], [1.5, 0, 20]])
    assert surface_height(np.array([1.0, 1, 9]), lattice, 8.0) == pytest.approx(1.0)
    assert surface_height(np.array([1.0, 1, 27]), lattice, 8.0) == pytest.approx(-1.0)

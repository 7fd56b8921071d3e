"""The vectorised state machine does what its definition says, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.analysis.bonds import bond_events
from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.analysis.bonds.bond_events import find_close_pairs, find_transitions
from sulfox.trajectories.frames import Trajectory

CRITERIA = choose_criteria("S-S")


def by_definition(distances, times, criteria):
    """Walk one pair through its frames with plain loops."""
    form, far, lifetime = criteria.form_A, criteria.break_A, criteria.min_lifetime_fs
    bonded = initial = bool(distances[0] < form)
    events = []
    n = len(distances)
    frame = 0
    while frame < n:
        starts = distances[frame] > far if bonded else distances[frame] < form
        if starts:
            last = frame
            while last + 1 < n and (distances[last + 1] > far) == bonded:
                last += 1
            if times[last] - times[frame] >= lifetime - 1e-6:
                bonded = not bonded
                events.append((frame, bonded))
            frame = last
        frame += 1
    return initial, events, bonded


LEVELS = st.sampled_from([2.0, 2.35, 2.4, 2.41, 2.55, 2.69, 2.7, 2.71, 3.0])


@settings(deadline=None, max_examples=300)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(LEVELS, min_size=n * 7, max_size=n * 7), max_size=5)
    ),
    steps=st.lists(st.sampled_from([1.0, 10.0, 25.0, 50.0, 80.0]), min_size=28, max_size=28),
    lifetime=st.sampled_from([0.0, 10.0, 50.0, 100.0]),
    block=st.sampled_from([1, 1_000_000]),
)
def test_vectorised_equals_the_definition(rows, steps, lifetime, block):
    criteria = CRITERIA.model_copy(update={"min_lifetime_fs": lifetime})
    n = len(rows[0]) if rows else 5
    times = np.cumsum(steps)[:n]
    distances = np.array(rows, dtype=float).reshape(len(rows), n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bond_events, "_ROW_BLOCK_ELEMENTS", block)
        found = find_transitions(distances, times, criteria)
    counts = np.zeros(n, dtype=int)
    n_final = 0
    for row, series in enumerate(distances):
        initial, events, final = by_definition(series, times, criteria)
        mine = found.pair == row
        assert found.initial[row] == initial
        assert list(zip(found.frame[mine], found.formed[mine], strict=True)) == events
        n_final += final
        state = np.full(n, initial)
        for frame, bonded in events:
            state[frame:] = bonded
        counts += state
    assert found.n_initial + found.n_formed - found.n_broken == found.n_final == n_final
    assert found.counts(n).tolist() == counts.tolist()


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    pair=st.sampled_from(["S-S", "P-S", "S-P"]),
    step=st.sampled_from([0.05, 0.3, 5.0]),
    stretch=st.sampled_from([2, 1000]),
)
def test_close_pairs_are_all_that_ever_come_close(seed, pair, step, stretch):
    """Also the closest approach is exact, within the cutoff or beyond it."""
    rng = np.random.default_rng(seed)
    lattice = np.array([[7.0, 0, 0], [2.5, 6.5, 0], [-1, 1.5, 8]]) * rng.uniform(0.8, 2.5)
    species = tuple(rng.permutation(["S"] * 5 + ["P"] * 3 + ["Li"] * 2).tolist())
    walk = np.cumsum(rng.normal(scale=step, size=(12, 10, 3)), axis=0)
    positions = rng.random((1, 10, 3)) @ lattice + walk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bond_events, "_STRETCH_FRAMES", stretch)
        close = find_close_pairs(Trajectory(positions, lattice, species, None), pair, 2.5)
    first, second = pair.split("-")
    shifts = np.array(np.meshgrid(*[range(-2, 3)] * 3)).reshape(3, -1).T @ lattice
    expected, least = {}, np.inf
    for i in range(10):
        for j in range(i + 1, 10):
            if sorted((species[i], species[j])) != sorted((first, second)):
                continue
            fractional = (positions[:, j] - positions[:, i]) @ np.linalg.inv(lattice)
            vectors = (fractional - np.floor(fractional)) @ lattice
            d = np.linalg.norm(vectors[:, None] + shifts, axis=-1).min(axis=1)
            least = min(least, d.min())
            if d.min() < 2.5:
                expected[i, j] = d
    assert [tuple(p) for p in close.pairs.tolist()] == sorted(expected)
    for row, key in enumerate(sorted(expected)):
        assert np.allclose(close.distances[row], expected[key])
        assert close.distances[row].min() < 2.5
    assert close.min_distance == pytest.approx(least)
    there = Trajectory(positions[[close.min_frame]], lattice, species, None)
    assert find_close_pairs(there, pair, 2.5).min_distance == pytest.approx(least)

"""What every analysis of frames promises: nothing that is not physics changes its answer."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.analysis.bonds.sulfur_bonds import analyze_bonds
from sulfox.trajectories.export import export_trajectory
from sulfox.trajectories.frames import Trajectory

SPECIES = ("S",) * 7 + ("P",) * 3 + ("Li",) * 2
PAIRS = st.sampled_from(["S-S", "P-S", "P-P"])


def random_trajectory(seed):
    """Atoms on a dense walk in a triclinic cell: many contacts form and break."""
    rng = np.random.default_rng(seed)
    lattice = np.array([[7.0, 0, 0], [2.5, 6.5, 0], [-1, 1.5, 8]])
    start = rng.random((1, len(SPECIES), 3)) @ lattice
    walk = np.cumsum(rng.normal(scale=0.12, size=(80, len(SPECIES), 3)), axis=0)
    sides = tuple(rng.choice(["cathode", "electrolyte"], len(SPECIES)).tolist())
    return Trajectory(start + walk, lattice, SPECIES, np.arange(80) * 20.0, sides=sides)


def answer(trajectory, pair, order=None):
    """What must not change; `order` maps the atoms back to their first numbers."""
    document = analyze_bonds(trajectory, choose_criteria(pair))
    order = np.arange(trajectory.n_atoms) if order is None else order
    events = sorted(
        (
            e.frame,
            e.type,
            *sorted(order[list(e.atoms)].tolist()),
            round(e.distance_A, 6),
            e.location,
        )
        for e in document.events
    )
    lives = sorted(
        (life.start_fs, life.duration_fs, *sorted(order[list(life.atoms)].tolist()))
        for life in document.lifetimes
    )
    rows = [(row.n_formed, row.n_broken, row.n_final) for row in document.sensitivity]
    groups = sorted(sorted(e.groups) for e in document.events if e.groups)
    return (
        (document.n_initial, document.n_formed, document.n_broken, document.n_final),
        round(document.min_distance_A, 6),
        document.counts,
        events,
        lives,
        rows,
        groups,
    )


many = settings(deadline=None, max_examples=20)


def test_the_random_trajectories_have_events_to_lose():
    assert sum(analyze_bonds(random_trajectory(seed)).n_formed for seed in range(10)) > 5


@many
@given(seed=st.integers(0, 999), pair=PAIRS)
def test_the_balance_holds(seed, pair):
    document = analyze_bonds(random_trajectory(seed), choose_criteria(pair))
    assert document.n_initial + document.n_formed - document.n_broken == document.n_final
    assert len(document.events) == document.n_formed + document.n_broken
    assert document.counts[0] == document.n_initial
    assert document.counts[-1] == document.n_final


@many
@given(seed=st.integers(0, 999), pair=PAIRS, shift=st.tuples(*[st.floats(-20, 20)] * 3))
def test_translation_changes_nothing(seed, pair, shift):
    one = random_trajectory(seed)
    moved = dataclasses.replace(one, positions=one.positions + np.array(shift))
    assert answer(moved, pair) == answer(one, pair)


@many
@given(seed=st.integers(0, 999), pair=PAIRS)
def test_wrapping_changes_nothing(seed, pair):
    """Each atom of each frame in any image."""
    one = random_trajectory(seed)
    images = np.random.default_rng(seed).integers(-3, 4, one.positions.shape)
    wrapped = dataclasses.replace(one, positions=one.positions + images @ one.lattice)
    assert answer(wrapped, pair) == answer(one, pair)


@many
@given(seed=st.integers(0, 999), pair=PAIRS)
def test_relabelling_changes_nothing(seed, pair):
    one = random_trajectory(seed)
    order = np.random.default_rng(seed).permutation(one.n_atoms)
    relabelled = dataclasses.replace(
        one,
        positions=one.positions[:, order],
        species=tuple(SPECIES[k] for k in order),
        sides=tuple(one.sides[k] for k in order),
    )
    assert answer(relabelled, pair, order) == answer(one, pair)


@many
@given(seed=st.integers(0, 999), pair=PAIRS)
def test_rotation_and_another_choice_of_cell_change_nothing(seed, pair):
    one = random_trajectory(seed)
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    same_crystal = np.array([[1, 1, 0], [0, 1, 0], [0, -2, 1]]) @ one.lattice
    turned = dataclasses.replace(
        one, positions=one.positions @ rotation, lattice=same_crystal @ rotation
    )
    assert answer(turned, pair) == answer(one, pair)


@many
@given(seed=st.integers(0, 999), pair=PAIRS)
def test_time_reversal_keeps_the_closest_approach(seed, pair):
    one = random_trajectory(seed)
    back = dataclasses.replace(one, positions=one.positions[::-1])
    assert answer(back, pair)[1] == answer(one, pair)[1]


@pytest.mark.parametrize("format_name", ["extxyz", "traj", "xdatcar"])
def test_the_command_answers_the_same_for_every_format(tmp_path, format_name):
    one = random_trajectory(3)
    path = tmp_path / {"xdatcar": "XDATCAR"}.get(format_name, f"run.{format_name}")
    export_trajectory(one, path, format_name)
    code = (
        "import sys; from sulfox.cli.analysis.analyze import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'pymatgen', 'maggma', 'jobflow', 'atomate2', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    command = [sys.executable, "-c", code, "bonds", str(path), "--json"]
    command += ["--time-step-fs", "20"] if format_name == "xdatcar" else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = analyze_bonds(one)
    keys = ["n_frames", "n_atoms", "pair", "n_initial", "n_formed", "n_broken", "n_final"]
    assert list(found)[:9] == [*keys, "min_distance_A", "events"]
    for key in ("n_frames", "n_atoms", "n_initial", "n_formed", "n_broken", "n_final"):
        assert found[key] == getattr(expected, key)
    assert found["min_distance_A"] == pytest.approx(expected.min_distance_A, abs=1e-6)
    assert [e["frame"] for e in found["events"]] == [e.frame for e in expected.events]

"""The projection keeps every atom in the cell and every bond at its length."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.reports.interfaces import side_view_section
from sulfox.reports.side_view import HIGHLIGHT, Projection
from sulfox.trajectories.frames import Trajectory

SHEARED = np.array([[6.0, 0.0, 0.0], [4.0, 9.0, 0.0], [1.0, 2.0, 40.0]])


def frame(positions, lattice=SHEARED):
    return Trajectory(
        positions=np.asarray(positions, dtype=float)[None],
        lattice=lattice,
        species=("S",) * len(positions),
        times_fs=np.zeros(1),
    )


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(0, 0.99)] * 3), min_size=1, max_size=8),
    st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=8, max_size=8),
)
def test_any_image_of_an_atom_is_drawn_at_the_same_place_in_the_cell(fractions, shifts):
    fractions = np.array(fractions) * [1, 1, 0.5]  # half of the cell is vacuum
    inside = frame(fractions @ SHEARED)
    moved = frame((fractions + np.array(shifts)[: len(fractions)]) @ SHEARED)
    projection = Projection.of([inside])
    one, other = (projection.project(f.positions[0].copy()) for f in (inside, moved))
    across = (one[:, 0] - other[:, 0] + projection.width_A / 2) % projection.width_A
    assert np.allclose(across, projection.width_A / 2, atol=1e-6)
    assert np.allclose(one[:, 1:2], other[:, 1:2], atol=1e-6)
    assert (one[:, 0] >= 0).all()
    assert (one[:, 0] <= projection.width_A + 1e-9).all()
    assert (one[:, 1] >= projection.low_A).all()
    assert (one[:, 1] <= projection.high_A).all()


def test_the_longer_edge_is_shown_and_the_period_is_the_cell_seen_edge_on():
    projection = Projection.of([frame([[0, 0, 1], [1, 1, 9]])])
    assert projection.seen_along == "a"
    assert np.isclose(projection.width_A, 9.0)
    assert projection.has_vacuum


def test_a_cell_without_vacuum_is_shown_whole():
    filled = [[0, 0, z] for z in np.arange(0, 40, 2.0)]
    projection = Projection.of([frame(filled)])
    assert not projection.has_vacuum
    assert np.isclose(projection.high_A - projection.low_A, 40.0)


def test_bonds_drawn_are_those_the_analysis_counts_at_start_and_end(make_data):
    data = make_data({("LCO|LPSCl", "default", 600.0, 1): 2})
    (figure,) = side_view_section(data).figures
    halves = figure.svg.decode().lower().count(f"fill: {HIGHLIGHT.lower()}")
    assert halves == 2 * data.bonds_of(data.runs[0], "S-S").n_final
    assert "NEP89 (MLIP, not DFT)" in figure.caption

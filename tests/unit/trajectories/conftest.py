"""Small random trajectories and archives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sulfox.trajectories.archive import Segment, TrajectoryHeader, write_header, write_segment
from sulfox.trajectories.frames import Trajectory

SPECIES = ("Li", "P", "S", "S", "Li")


def _segment(n: int, first: int = 0, seed: int = 0) -> Segment:
    rng = np.random.default_rng([seed, first])
    frames = np.arange(first, first + n)
    return Segment(
        steps=frames * 10,
        times_fs=frames * 20.0,
        positions=rng.normal(size=(n, len(SPECIES), 3)) * 7,
        lattice=np.array([[6.0, 0.1, 0], [0, 7, 0.2], [1, 0, 8]]),
        potential_energy_eV=rng.normal(size=n),
        temperature_K=300 + rng.normal(size=n),
        conserved_eV=rng.normal(size=n),
        velocities=rng.normal(size=(n, len(SPECIES), 3)),
    )


@pytest.fixture
def make_segment() -> Callable[..., Segment]:
    """Make a segment of n random frames, numbered from `first`."""
    return _segment


@pytest.fixture
def header() -> TrajectoryHeader:
    """Header of the random archive."""
    return TrajectoryHeader(
        trajectory_id="md-test",
        species=SPECIES,
        sides=("cathode", "electrolyte", "electrolyte", "electrolyte", "bulk"),
        time_step_fs=2.0,
        frame_interval_fs=20.0,
        metadata={"seed": 7},
    )


@pytest.fixture
def archive_folder(tmp_path: Path, header: TrajectoryHeader) -> Path:
    """Archive of 23 frames in segments of 7, 5, 1 and 10."""
    folder = tmp_path / "md-test"
    write_header(folder, header)
    first = 0
    for n in (7, 5, 1, 10):
        write_segment(folder, _segment(n, first), first)
        first += n
    return folder


@pytest.fixture(params=["constant cell", "changing cell"])
def trajectory(request: pytest.FixtureRequest) -> Trajectory:
    """Six continuous frames of five atoms in a triclinic cell."""
    rng = np.random.default_rng(3)
    lattice = np.array([[6.0, 0, 0], [1.5, 7, 0], [-0.7, 0.4, 8]])
    start = rng.random((len(SPECIES), 3)) @ lattice
    walk = np.cumsum(rng.normal(scale=0.5, size=(6, len(SPECIES), 3)), axis=0)
    changes = request.param == "changing cell"
    lattices = lattice * np.linspace(1, 1.05, 6)[:, None, None]
    return Trajectory(
        positions=start + walk - walk[0],
        lattice=lattice,
        species=SPECIES,
        times_fs=np.arange(6) * 20.0 + 40,
        steps=np.arange(6) * 10 + 20,
        potential_energy_eV=rng.normal(size=6),
        temperature_K=300 + rng.normal(size=6),
        velocities=rng.normal(size=(6, len(SPECIES), 3)) * 1e-2,
        sides=("cathode", "electrolyte", "electrolyte", "electrolyte", "cathode"),
        lattices=lattices if changes else None,
    )

"""Negative control: ab initio dynamics of Li6PS5Cl at 500 K (doi 10.1021/acs.chemmater.0c03738).

No S-S bond forms and every PS4 stays whole; a detector that sees one is wrong.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.analysis.bonds.sulfur_bonds import analyze_bonds, sulfur_groups
from sulfox.documents.base import Status
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import Trajectory
from sulfox.trajectories.readers import read_trajectory

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
FOLDER = DATA / "argyrodite_aimd"
FRAME_FS = 100.0

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"recorded data not found: {FOLDER} (set SULFOX_TEST_DATA)"
)


@pytest.fixture(scope="module", params=["0p", "50p", "100p"])
def trajectory(request: pytest.FixtureRequest) -> Trajectory:
    """One of the three runs: 0, 50 and 100 % of the sites exchanged."""
    return read_trajectory(FOLDER / f"Li6PS5Cl_{request.param}_run1.XDATCAR.gz", FRAME_FS)


def test_shape(trajectory):
    assert (trajectory.n_frames, trajectory.n_atoms) == (140, 416)
    assert [trajectory.indices(e).size for e in ("Li", "P", "S", "Cl")] == [192, 32, 160, 32]


def test_no_sulfur_bond_forms(trajectory):
    document = analyze_bonds(trajectory)
    assert (document.n_initial, document.n_formed, document.n_final) == (0, 0, 0)
    assert document.min_distance_A >= 2.8
    assert document.robust


def test_every_tetrahedron_stays_whole(trajectory):
    document = analyze_bonds(trajectory, choose_criteria("P-S"))
    assert (document.n_initial, document.n_formed, document.n_broken) == (128, 0, 0)
    assert set(document.counts) == {128}
    groups = list(sulfur_groups(trajectory).values())
    assert (groups.count("PS4"), groups.count("S2-")) == (128, 32)


def test_a_loose_threshold_would_see_false_bonds(trajectory):
    """Why 3.0 A, found in loose scripts, is not the default."""
    loose = analyze_bonds(trajectory, choose_criteria("S-S", 3.0, 3.3))
    assert loose.n_formed > 0


def test_the_answer_needs_no_time_step_here():
    document = analyze_bonds(read_trajectory(FOLDER / "Li6PS5Cl_0p_run1.XDATCAR.gz"))
    assert (document.n_formed, document.status) == (0, Status.PARTIAL)


def test_unwrapped_atoms_never_jump(trajectory):
    """Vibrating P and S move far less than half a cell between frames."""
    heavy = np.concatenate([trajectory.indices("P"), trajectory.indices("S")])
    steps = np.diff(trajectory.positions[:, heavy], axis=0)
    assert np.linalg.norm(steps, axis=-1).max() < 3.0


def test_our_reader_and_pymatgen_agree(trajectory, tmp_path):
    from pymatgen.io.vasp import Xdatcar

    source = FOLDER / "Li6PS5Cl_50p_run1.XDATCAR.gz"
    short = tmp_path / "XDATCAR"
    lines = gzip.decompress(source.read_bytes()).decode().split("\n")
    short.write_text("\n".join(lines[: 7 + 417 * 3]) + "\n")
    ours = read_trajectory(short, FRAME_FS)
    theirs = Xdatcar(short).structures
    assert len(theirs) == ours.n_frames == 3
    for frame, structure in enumerate(theirs):
        difference = (structure.cart_coords - ours.positions[frame]) @ np.linalg.inv(ours.lattice)
        assert np.abs(difference - np.rint(difference)).max() < 1e-9


def test_cut_anywhere_the_recorded_file_never_gives_a_wrong_frame(tmp_path):
    """Forty random byte positions of the real file."""
    source = FOLDER / "Li6PS5Cl_0p_run1.XDATCAR.gz"
    text = gzip.decompress(source.read_bytes()).decode()
    frame = len(text.split("Direct", 2)[1]) + len("Direct")
    text = text[: 10 * frame]
    path = tmp_path / "XDATCAR"
    whole = read_trajectory(source)
    outcomes = []
    for cut in np.random.default_rng(1).integers(0, len(text), 40):
        path.write_text(text[:cut])
        try:
            part = read_trajectory(path)
        except SulfoxError as error:
            outcomes.append((error.code, "frame" in error.who))
        else:
            assert np.array_equal(part.positions, whole.positions[: part.n_frames])
    assert set(outcomes) == {("SFX-401", True)}
    assert len(outcomes) > 35

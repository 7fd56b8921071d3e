"""Real runs of VASP read frame by frame, cut, and stitched."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import open_archive
from sulfox.trajectories.files.opening import iter_frames, open_frames
from sulfox.trajectories.runs.ingest import ingest_folder
from sulfox.trajectories.runs.summary import summarize_files

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
LGPS = DATA / "vasp" / "LGPS_aimd_800K_264steps.vasprun.xml.gz"
ARGYRODITE = DATA / "argyrodite_aimd" / "Li6PS5Cl_0p_run1.XDATCAR.gz"

pytestmark = pytest.mark.skipif(
    not (LGPS.is_file() and ARGYRODITE.is_file()),
    reason=f"recorded data not found: {DATA} (set SULFOX_TEST_DATA)",
)


@pytest.fixture(scope="module")
def lgps():
    """Text of the run, and its frames."""
    return gzip.decompress(LGPS.read_bytes()), list(iter_frames(LGPS))


def test_the_run_that_stopped_early(lgps):
    summary = summarize_files([LGPS])
    assert (summary.format, summary.n_frames, summary.n_atoms) == ("vasprun.xml", 264, 50)
    assert summary.species == {"Li": 20, "Ge": 2, "P": 4, "S": 24}
    assert (summary.complete_frames, summary.truncated) == (264, False)
    assert (summary.n_steps_requested, summary.stopped_early) == (300, True)
    assert summary.time_step_fs == 2.0
    assert summary.temperature_mean_K == pytest.approx(800, abs=10)  # its thermostat's target
    assert abs(summary.energy_drift_eV_per_atom_ps) < 0.02


def test_pymatgen_gives_the_same_numbers(lgps):
    from pymatgen.io.vasp import Vasprun

    theirs = Vasprun(str(LGPS), parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    assert len(theirs.ionic_steps) == len(lgps[1])
    for frame, step in zip(lgps[1], theirs.ionic_steps, strict=True):
        assert np.array_equal(frame.coordinates % 1, step["structure"].frac_coords % 1)
        assert np.array_equal(frame.forces_eV_A, step["forces"])
        assert np.array_equal(frame.stress_kB, step["stress"])
        assert frame.energies.sigma_to_0_eV == step["e_0_energy"]
        assert frame.energies.kinetic_eV == step["kinetic"]
        assert frame.energies.conserved_eV == step["total"]
        assert frame.energies.n_electronic_steps == len(step["electronic_steps"])


def check_cut(path, whole, start):
    """No wrong frame, and the cut is told."""
    with open_frames(path) as reader:
        frames = list(reader)
        told = reader.truncated
    assert start <= len(frames) <= len(whole)
    for frame, right in zip(frames[start - 1 :], whole[start - 1 :], strict=False):
        assert frame.coordinates.tobytes() == right.coordinates.tobytes()
        assert frame.energies == right.energies
        if right.forces_eV_A is not None:
            assert frame.forces_eV_A.tobytes() == right.forces_eV_A.tobytes()
    return told


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_vasprun_cut_in_its_last_two_frames(tmp_path, lgps, data):
    text, whole = lgps
    ends = [text.rfind(b"<calculation>")]
    ends.append(text.rfind(b"<calculation>", 0, ends[0]))
    cut = data.draw(st.integers(ends[1], len(text) - len(b"</modeling>\n")))
    path = tmp_path / "vasprun.xml"
    path.write_bytes(text[:cut])
    assert check_cut(path, whole, 262)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_xdatcar_cut_in_its_last_two_frames(tmp_path, data):
    text = gzip.decompress(ARGYRODITE.read_bytes())
    starts = [text.rfind(b"Direct")]
    starts.append(text.rfind(b"Direct", 0, starts[0]))
    cut = data.draw(st.integers(starts[1] + 1, len(text) - 1))
    path = tmp_path / "XDATCAR"
    path.write_bytes(text[:cut])
    missing = text[cut : starts[0] if cut <= starts[0] else None]
    is_cut = bool(missing.strip())  # an end of line that is missing takes no digit with it
    assert check_cut(path, list(iter_frames(ARGYRODITE)), 138) == is_cut


@pytest.mark.parametrize("share", ["0p", "50p", "100p"])
def test_the_argyrodites(share):
    path = ARGYRODITE.with_name(f"Li6PS5Cl_{share}_run1.XDATCAR.gz")
    summary = summarize_files([path])
    assert (summary.format, summary.n_frames, summary.truncated) == ("XDATCAR", 140, False)
    assert summary.species == {"Li": 192, "Cl": 32, "S": 160, "P": 32}
    last = list(iter_frames(path))[-1].coordinates
    words = gzip.decompress(path.read_bytes()).split()[-3 * 416 :]
    assert last.ravel().tolist() == [float(word) for word in words]


def segment(text, first, last):
    """Steps `first` to `last` of the run, as a run of their own."""
    head, *steps = text.split(b" <calculation>\n")
    steps[-1] = steps[-1][: steps[-1].index(b"</calculation>") + len(b"</calculation>\n")]
    return head + b"".join(b" <calculation>\n" + step for step in steps[first:last])


def test_the_run_cut_anywhere_is_stitched_without_a_false_alarm(tmp_path, lgps):
    text, whole = lgps
    for k in range(0, 264, 12):
        folder = tmp_path / "run" / f"segment{k}"
        folder.mkdir(parents=True)
        again = 2 if k % 24 == 0 and k else 0  # some start from an earlier frame
        (folder / "vasprun.xml").write_bytes(segment(text, k - again, k + 12))
    report = ingest_folder(tmp_path / "run", tmp_path / "archive")
    assert report.run.n_frames == 264
    assert {seam.kind for seam in report.run.seams} == {"continuous", "overlap"}
    frames = open_archive(tmp_path / "archive").frames()
    assert frames.potential_energy_eV.tolist() == [f.energies.free_energy_eV for f in whole]
    wrapped = frames.positions @ np.linalg.inv(frames.lattice)
    difference = wrapped - np.stack([frame.coordinates for frame in whole])
    assert np.abs(difference - np.rint(difference)).max() < 1e-12
    assert np.linalg.norm(np.diff(frames.positions, axis=0), axis=-1).max() < 0.2


@pytest.mark.parametrize("cut", [40, 100, 177, 230])
def test_missing_steps_are_found(tmp_path, lgps, cut):
    """Already three lost steps of 2 fs are no smooth motion."""
    text, _ = lgps
    for name, (first, last) in {"run1": (cut - 30, cut), "run2": (cut + 3, cut + 33)}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "vasprun.xml").write_bytes(segment(text, first, last))
    with pytest.raises(SulfoxError, match=r"SFX-409.*run1.*run2"):
        ingest_folder(tmp_path, tmp_path / "archive")


def test_the_command(tmp_path):
    from typer.testing import CliRunner

    from sulfox.cli.main import app

    text = gzip.decompress(LGPS.read_bytes())
    path = tmp_path / "vasprun.xml"
    path.write_bytes(text[: text.rfind(b"</calculation>")])
    answer = CliRunner().invoke(app, ["trajectory", "info", str(path), "--json"])
    document = json.loads(answer.stdout)
    assert (document["n_frames"], document["truncated"]) == (263, True)
    assert "inside a step" in document["files"][0]["remainder"]

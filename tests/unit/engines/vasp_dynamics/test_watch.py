"""A running VASP is stopped in time, and ended when it is silent or runs away."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sulfox.engines.mlip.guard import RunawayGuard
from sulfox.engines.vasp.dynamics import watch as watching
from sulfox.engines.vasp.dynamics.motion_file import MotionFile
from sulfox.engines.vasp.dynamics.watch import SegmentWatch, WatchLimits, reserve_s
from sulfox.protocols.dynamics import DynamicsSpec

LINE = "{n:7d} T= {t:6.0f}. E= -.10E+02 F= {f:.4E} E0= -.1E+02  EK= 0.1E+00 SP= 0.0E+00\n"
PLACES = np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]])


def watch(folder, **changes):
    spec = DynamicsSpec(temperature_K=300, seed=1, frame_interval_steps=1)
    started = MotionFile(np.eye(3) * 5, ("Li", "O"), (1, 1), PLACES)
    fields = {"limits": WatchLimits(silent_floor_s=0.2, silent_start_s=0.4), "first_step": 10}
    return SegmentWatch(
        folder=folder, guard=RunawayGuard(spec, "trial"), started=started, **(fields | changes)
    )


def write(folder, *rows):
    with (folder / "OSZICAR").open("a") as stream:
        for n, kelvin, energy in rows:
            stream.write("DAV:   1    -0.1E+02   -0.1E+02   -0.1E+02    64   0.1E+02\n")
            stream.write(LINE.format(n=n, t=kelvin, f=energy))


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch):
    monkeypatch.setattr(watching, "seconds_left", lambda: None)


def test_steps_are_counted_once_and_a_half_line_not(tmp_path):
    eye = watch(tmp_path)
    write(tmp_path, (1, 300, -10.0), (2, 300, -10.0))
    assert eye.look() is None
    with (tmp_path / "OSZICAR").open("a") as stream:
        stream.write("      3 T=   300. E= -.10E+0")
    assert eye.look() is None
    assert eye.n_steps == 2


def test_the_pace_is_time_over_steps_and_nothing_is_known_before_two_looks(tmp_path):
    eye = watch(tmp_path)
    assert eye.step_s is None
    write(tmp_path, (1, 300, -10.0))
    eye.look()
    time.sleep(0.2)
    write(tmp_path, *((n, 300, -10.0) for n in (2, 3, 4, 5)))
    eye.look()
    assert 0.04 < eye.mean_step_s < 0.5
    assert eye.step_s >= eye.mean_step_s


@pytest.mark.parametrize(
    ("row", "word"), [((1, 2000, -10.0), "2000 K at step 10"), ((1, 300, -20.0), "eV/atom")]
)
def test_a_run_that_leaves_its_physics_is_ended(tmp_path, row, word):
    eye = watch(tmp_path, start_energy_eV=-10.0)
    write(tmp_path, row)
    found = eye.look()
    assert found.ending == "runaway"
    assert word in found.message


def test_atoms_that_meet_are_seen_in_the_newest_frame(tmp_path):
    eye = watch(tmp_path)
    write(tmp_path, (1, 300, -10.0))
    (tmp_path / "XDATCAR").write_text(
        "Direct configuration= 1\n 0.1 0.1 0.1\n 0.1 0.1 0.15\nDirect configuration= 2\n 0.1"
    )
    assert "apart" in eye.look().message


def test_silence_ends_a_run(tmp_path):
    eye = watch(tmp_path)
    assert eye.look() is None
    time.sleep(0.5)
    assert eye.look().ending == "hung"


def test_stopcar_is_written_in_time_and_force_comes_last(tmp_path, monkeypatch):
    eye = watch(tmp_path, reserve_s=10.0, expected_step_s=5.0)
    for left, stopping, ending in ((25, False, None), (19, True, None), (4, True, "out-of-time")):
        monkeypatch.setattr(watching, "seconds_left", lambda left=left: float(left))
        alarm = eye.look()
        assert (alarm.ending if alarm else None) == ending
        assert (tmp_path / "STOPCAR").exists() == stopping
    assert "LSTOP" in (tmp_path / "STOPCAR").read_text()


@pytest.mark.parametrize(("left", "kept"), [(None, 0), (20, 6), (1000, 100), (86400, 300)])
def test_a_tenth_of_a_job_is_kept(left, kept):
    assert reserve_s(left) == kept

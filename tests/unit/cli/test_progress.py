"""Promise: long work tells where it stands, also into a log file, once a minute at most."""

from __future__ import annotations

import pytest

from sulfox.cli import progress
from sulfox.flows.local_manager import JobState, JobView

MD = {"steps_done": 2400, "n_steps": 10000, "ps_per_hour": 431.2, "seconds_left": 127.0}


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def jobs():
    return {
        "a": JobView("a", "relax LCO|LPSCl", JobState.DONE),
        "b": JobView("b", "produce LCO|LPSCl 300 K", JobState.RUNNING, progress=dict(MD)),
        "c": JobView("c", "relax CoO|LPSCl", JobState.RUNNING),
        "d": JobView("d", "bonds LCO|LPSCl"),
    }


def test_a_log_gets_one_line_a_minute_with_every_running_branch(clock, capsys):
    with progress.StudyProgress("gsirr") as shown:
        for second in range(130):
            clock[0] = 1000.0 + second
            shown.update(jobs())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        f"gsirr: 1 of 4 steps done, 0 failed, {minutes:.1f} min; "
        "produce LCO|LPSCl 300 K 2400 / 10000 steps, 431 ps/h, 2.1 min left; relax CoO|LPSCl"
        for minutes in (1, 2)
    ]


def test_a_short_run_writes_nothing(clock, capsys):
    with progress.StudyProgress("gsirr") as shown:
        clock[0] += 59
        shown.update(jobs())
    assert capsys.readouterr().err == ""

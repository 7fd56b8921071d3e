"""Promise: what status says of an interface is the sum of what it says of its jobs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sulfox.clusters.failures import Failure, FailureKind
from sulfox.clusters.monitoring import JobStanding, interface_standings, standing_fields

STATES = ("waiting", "ready", "queued", "running", "finishing", "done", "failed", "cancelled")


def standing(state, metadata, progress=(), **more):
    fields = standing_fields(state, metadata, dict(progress))
    names = {"uuid": "u", "db_id": "1", "name": "a job", "index": 1}
    return JobStanding(state=state, **names, **fields, **more)


jobs = st.builds(
    lambda state, interface, step, asked, share: standing(
        state,
        {"interface": interface, "step": step, "length_ps": asked},
        {"steps_done": round(100 * share), "n_steps": 100, "ps_per_hour": 2.0},
    ),
    st.sampled_from(STATES),
    st.sampled_from(["LCO|LPSCl", "CoO|LPSCl", None]),
    st.sampled_from(["production", "bonds"]),
    st.one_of(st.none(), st.floats(0.1, 100)),
    st.floats(0, 1),
)


@given(st.lists(jobs, max_size=30))
def test_every_job_is_counted_once(found):
    summed = interface_standings(found)
    assert sum(row.n_jobs for row in summed) == len(found)
    assert sum(row.n_done for row in summed) == sum(job.state == "done" for job in found)
    assert sum(row.asked_ps for row in summed) == pytest.approx(
        sum(job.asked_ps or 0 for job in found)
    )
    assert all(row.done_ps <= row.asked_ps * (1 + 1e-12) for row in summed)
    assert len({row.interface for row in summed}) == len(summed)
    assert all(row.interface is not None for row in summed[:-1])


def test_a_run_that_is_done_has_done_all_it_was_asked():
    run = standing("done", {"interface": "i", "step": "production", "length_ps": 20.0})
    assert (run.done_ps, run.asked_ps) == (20.0, 20.0)


def test_a_running_run_has_done_the_share_of_its_steps():
    progress = {"steps_done": 2500, "n_steps": 10000, "ps_per_hour": 5.0, "seconds_left": 60.0}
    run = standing("running", {"step": "production", "length_ps": 20.0}, progress)
    assert (run.done_ps, run.seconds_left) == (5.0, 60.0)
    stopped = standing("failed", {"step": "production", "length_ps": 20.0}, progress)
    assert (stopped.done_ps, stopped.seconds_left) == (5.0, None)


def test_a_cause_stands_once_however_many_jobs_it_stopped():
    failure = Failure(kind=FailureKind.NODE, cause="NODE FAILURE")
    run = {"interface": "LCO|LPSCl", "step": "production", "length_ps": 20.0}
    (row,) = interface_standings([standing("failed", run, failure=failure) for _ in range(3)])
    assert row.failures == ("node: NODE FAILURE",)
    assert row.now == ("3 production failed",)


def test_what_interfaces_share_comes_last():
    rows = interface_standings([standing("done", {}), standing("ready", {"interface": "a"})])
    assert [row.interface for row in rows] == ["a", None]

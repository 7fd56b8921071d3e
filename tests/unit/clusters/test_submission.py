"""Promise: submitting is idempotent; one temperature more adds only its jobs."""

from __future__ import annotations

import pytest

from sulfox.clusters.cluster import load_cluster
from sulfox.clusters.submission import describe, plan_submission
from sulfox.flows.interface_study import build_study_flow


@pytest.fixture
def plan(study):
    def make(*temperatures_K, done=(), queued=(), cluster="local-slurm", **changes):
        flow = build_study_flow(study(*temperatures_K, **{"equilibration_ps": 0.1, **changes})).flow
        limits = {"max_atoms": 200, "done": set(done), "queued": set(queued)}
        return plan_submission(flow, load_cluster(cluster), study="tiny", **limits)

    return make


def uuids(made):
    return [job.uuid for job in made[0].jobs]


def test_the_second_time_nothing_is_new(plan):
    first = uuids(plan(300))
    assert uuids(plan(300)) == first
    for known in ({"done": first}, {"queued": first}, {"done": first[:4], "queued": first[4:]}):
        again, jobs = plan(300, **known)
        assert (again.jobs, jobs, again.core_hours) == ((), {}, 0)
        assert again.n_done + again.n_queued == len(first)


def test_one_temperature_more_adds_only_its_jobs(plan):
    first = uuids(plan(300))
    more, _ = plan(300, 600, done=first)
    names = [job.name for job in more.jobs]
    # two runs, the bonds of each, the rates of this temperature; and the comparison, now of both
    assert len(names) == 6
    assert sum("600 K" in name for name in names) == 5
    assert "comparison" in names[-1]


def test_only_unfinished_parents_are_waited_for(plan):
    first, _ = plan(300)
    order = [job.uuid for job in first.jobs]
    for job in first.jobs:  # parents come first
        assert all(order.index(parent) < order.index(job.uuid) for parent in job.parents)
    half = order[:4]
    rest, _ = plan(300, done=half)
    assert not {parent for job in rest.jobs for parent in job.parents} & set(half)
    waiting, _ = plan(300, queued=half)
    assert {parent for job in waiting.jobs for parent in job.parents} & set(half)


def test_another_protocol_of_dynamics_is_other_work(plan):
    first = uuids(plan(300))
    other, _ = plan(300, done=first, equilibration_ps=0, length_ps=2)
    assert next(job.name for job in other.jobs).endswith("production")


@pytest.mark.parametrize(("cluster", "on_manager"), [("cpu-example", 0), ("gpu-example", 2)])
def test_jobs_that_read_frames_run_where_the_database_is(plan, cluster, on_manager):
    made, _ = plan(300, cluster=cluster)
    assert sum(job.on_manager for job in made.jobs) == on_manager


def test_core_hours_are_those_of_the_table(plan):
    made, _ = plan(300)
    assert sum(row["core_hours"] for row in describe(made)) == pytest.approx(made.core_hours)
    assert sum(row["n"] for row in describe(made)) == len(made.jobs)

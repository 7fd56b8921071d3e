"""Promise: FireWorks takes a study as jobflow-remote does: only what is new, each at its size."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("fireworks")

from sulfox.clusters.cluster import load_cluster
from sulfox.clusters.cluster_queue import open_launchpad
from sulfox.clusters.submission import plan_submission
from sulfox.errors import SulfoxError
from sulfox.flows.interface_study import build_study_flow


@pytest.fixture
def queue(mongo, database, monkeypatch, tmp_path):
    monkeypatch.setenv("SULFOX_MONGO_HOST", "127.0.0.1")
    monkeypatch.setenv("SULFOX_MONGO_PORT", str(mongo.port))
    monkeypatch.setenv("SULFOX_MONGO_DATABASE", database.name)
    for name in ("USER", "PASSWORD"):
        monkeypatch.setenv(f"SULFOX_MONGO_{name}", "")
    monkeypatch.setenv("JFREMOTE_PROJECTS_FOLDER", str(tmp_path))
    if os.environ.get("SULFOX_TEST_MONGO_URI"):
        pytest.skip("FireWorks' own file would need this server's password")
    return open_launchpad(load_cluster("local-slurm"))


@pytest.fixture
def submit(queue, study):
    return lambda *temperatures_K: _submit(queue, study(*temperatures_K))


def _submit(queue, asked):
    flow = build_study_flow(asked).flow
    machine = load_cluster("local-slurm")
    states = queue.states([job.uuid for job, _ in flow.iterflow()])
    done = {uuid for uuid, state in states.items() if state == "COMPLETED"}
    limits = {"max_atoms": 140, "done": done, "queued": set(states) - done}
    plan, jobs = plan_submission(flow, machine, study="tiny", **limits)
    return plan, queue.submit(plan, jobs, machine)


def test_again_nothing_and_one_temperature_more_only_its_jobs(queue, submit):
    plan, added = submit(300)
    assert added == len(plan.jobs) == 8
    assert submit(300)[1] == 0
    _, added = submit(300, 600)
    assert added == 4
    launchpad = queue.launchpad
    assert launchpad.workflows.count_documents({}) == 1  # appended where its parents are
    assert launchpad.fireworks.count_documents({}) == 12
    names = {s.name: s.state for s in queue.standings(load_cluster("local-slurm"), "tiny")}
    assert len(names) == 11  # the comparison of one temperature and of two have one name
    assert set(names.values()) == {"ready", "waiting"}


def test_children_of_an_unfinished_parent_wait_for_it(queue, submit):
    submit(300)
    submit(300, 600)
    (fw,) = queue.launchpad.fireworks.find({"name": {"$regex": "600 K seed 1: production"}})
    assert fw["state"] == "WAITING"
    (workflow,) = queue.launchpad.workflows.find({})
    relaxation = queue.launchpad.fireworks.find_one({"name": {"$regex": "relaxation"}})
    assert fw["fw_id"] in workflow["links"][str(relaxation["fw_id"])]


def test_every_job_asks_for_its_own_size(queue, submit):
    submit(300)
    for fw in queue.launchpad.fireworks.find({}):
        asked = fw["spec"]["_queueadapter"]
        assert asked["queue"] == "debug"
        assert asked["walltime"] == "0-00:06:00"


def test_two_submissions_at_once_add_the_jobs_once(queue, submit):
    plan, _ = submit(300)
    with pytest.raises(SulfoxError, match="SFX-804"):
        queue._hold([job.uuid for job in plan.jobs])
    assert queue.launchpad.db["sulfox_submissions"].count_documents({}) == 0

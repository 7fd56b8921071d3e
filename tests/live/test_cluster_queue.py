"""Promise: a queue takes a study once, refuses what it cannot hold, and gives back what is left.

Through jobflow-remote's own controller and a database with sockets; no scheduler.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

pytest.importorskip("jobflow_remote", reason="needs sulfox[remote]")

from sulfox.clusters.cluster import load_cluster
from sulfox.clusters.cluster_queue import cluster_store, database_errors, open_launchpad, open_queue
from sulfox.clusters.fireworks.recovery import cancel_fireworks, resume_fireworks
from sulfox.clusters.jobflow_remote.recovery import cancel_study, resume_study
from sulfox.clusters.monitoring import read_standings
from sulfox.clusters.submission import plan_submission
from sulfox.errors import SulfoxError
from sulfox.flows.interface_study import build_study_flow
from sulfox.flows.study import Study

SIDES = {
    "cathode": {"material": "CoO", "facet": [1, 0, 0]},
    "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
}


@pytest.fixture
def cluster(mongo, database, tmp_path, monkeypatch):
    server = urlsplit(mongo.uri)
    variables = {
        "SULFOX_MONGO_HOST": server.hostname,
        "SULFOX_MONGO_PORT": str(server.port or 27017),
        "SULFOX_MONGO_DATABASE": database.name,
        "SULFOX_MONGO_USER": server.username or "",
        "SULFOX_MONGO_PASSWORD": server.password or "",
        "SULFOX_LOCAL_SLURM": str(tmp_path),
        "SULFOX_VENV": str(tmp_path),
        "JFREMOTE_PROJECTS_FOLDER": str(tmp_path / "projects"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_cluster("local-slurm")


def planned(cluster, queue, *temperatures_K, finding="short"):
    expected = {"quantity": "q", "published": "p", "source": finding, "test": "not_computed"}
    dynamics = {"temperatures_K": temperatures_K, "seeds": [1]}
    study = Study.model_validate(
        {
            "name": "tiny",
            "title": "t",
            "question": "q",
            "bonds": ["S-S"],
            "potential": "ase.calculators.emt:EMT",
            "pairs": [{"name": "CoO|LPSCl", **SIDES}],
            "dynamics": {**dynamics, "equilibration_ps": 0, "length_ps": 1},
            "expected": [expected],
        }
    )
    flow = build_study_flow(study).flow
    known = set(queue.states())
    return plan_submission(flow, cluster, study="tiny", max_atoms=140, done=(), queued=known)


def submit(cluster, queue, *temperatures_K, **more):
    return queue.submit(*planned(cluster, queue, *temperatures_K, **more), cluster)


def finish(queue, name, state="COMPLETED", **change):
    queue.controller.jobs.update_one(
        {"job.name": {"$regex": name}}, {"$set": {"state": state, **change}}
    )


@pytest.mark.parametrize("open_it", [open_queue, open_launchpad])
def test_one_temperature_more_adds_only_its_jobs(cluster, open_it):
    queue = open_it(cluster)
    assert submit(cluster, queue, 300) == 8
    assert submit(cluster, queue, 300) == 0
    plan, _ = planned(cluster, queue, 300, 400)
    assert sum("400 K" in job.name for job in plan.jobs) == 3
    assert submit(cluster, queue, 300, 400) == 4
    assert submit(cluster, queue, 300, 400) == 0


@pytest.mark.parametrize("open_it", [open_queue, open_launchpad])
def test_a_job_too_large_for_the_database_adds_nothing(cluster, open_it):
    queue = open_it(cluster)
    submit(cluster, queue, 300)
    with pytest.raises(SulfoxError, match=r"SFX-507 .*comparison.* 17\.\d MB"):
        submit(cluster, queue, 300, 400, finding="x" * 17_000_000)
    assert len(queue.states()) == 8
    assert submit(cluster, queue, 300, 400) == 4


def test_a_database_that_refuses_to_write_is_told_in_a_sentence(cluster, mongo):
    queue = open_queue(cluster)
    refusal = "14031 OutOfDiskSpace available disk space is below the minimum"
    with mongo.refusing(refusal):
        with (
            pytest.raises(SulfoxError, match=r"SFX-503 .*local-slurm: available disk"),
            database_errors(cluster),
        ):
            submit(cluster, queue, 300)
        cluster_store(cluster)  # can be read
    assert queue.states() == {}
    assert submit(cluster, queue, 300) == 8


def test_a_database_that_is_away_is_told_in_a_sentence(cluster, monkeypatch):
    monkeypatch.setenv("SULFOX_MONGO_PORT", "1")
    with pytest.raises(SulfoxError, match=r"SFX-501 .*local-slurm: .*Timeout"):
        open_queue(cluster)


def test_what_was_cancelled_comes_back_with_its_order(cluster):
    queue = open_queue(cluster)
    submit(cluster, queue, 300)
    cancelled = cancel_study(queue, cluster, "tiny")
    assert len(cancelled) == 8
    assert set(queue.states().values()) == {"USER_STOPPED"}
    left = resume_study(queue, cluster, "tiny")
    assert {row.action for row in left} == {"left"}
    back = resume_study(queue, cluster, "tiny", mended=True)
    assert {row.action for row in back} == {"sent back"}
    states = [standing.state for standing in read_standings(queue, cluster, "tiny")]
    assert sorted(states) == ["ready"] * 2 + ["waiting"] * 6


def test_a_failure_whose_followers_went_on_without_it_is_done_again_with_them(cluster):
    """The rates of all seeds do not wait for an analysis that failed."""
    queue = open_queue(cluster)
    submit(cluster, queue, 300)
    for name in ("bulk", "interface", "relaxation", "production", "rates", "comparison"):
        queue.controller.jobs.update_many(
            {"job.name": {"$regex": name}}, {"$set": {"state": "COMPLETED"}}
        )
    error = "pymongo.errors.AutoReconnect: connection closed"
    finish(queue, "bonds", "FAILED", error=error)
    (row,) = resume_study(queue, cluster, "tiny")
    assert (row.action, row.why) == ("sent back", f"transient: {error}")
    states = {s.name: s.state for s in read_standings(queue, cluster, "tiny")}
    undone = {name: state for name, state in states.items() if state != "done"}
    assert sorted(undone.values()) == ["ready", "waiting", "waiting"]


@pytest.mark.parametrize(
    ("minutes", "mended", "action"),
    [(60, False, ["unlocked"]), (12, False, []), (12, True, ["unlocked"]), (0.5, True, [])],
)
def test_only_an_old_lock_is_taken_for_that_of_a_dead_runner(cluster, minutes, mended, action):
    queue = open_queue(cluster)
    submit(cluster, queue, 300)
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    finish(queue, "CoO: bulk", "READY", lock_id="x", lock_time=since)
    done = resume_study(queue, cluster, "tiny", mended=mended)
    assert [row.action for row in done] == action


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A ``squeue`` that knows the jobs of a file."""
    pytest.importorskip("fireworks", reason="needs sulfox[fireworks]")
    known = tmp_path / "known"
    for name, body in (("squeue", f"cat {known}"), ("scancel", f"echo > {known}")):
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return known


def submitted(queue, folder, number):
    """Reserve a job as FireWorks' launcher does; its folder of this launch."""
    from fireworks import FWorker

    launch = folder / f"launch-{number}"
    launch.mkdir()
    firework, launch_id = queue.launchpad.reserve_fw(FWorker(), str(launch))
    queue.launchpad.set_reservation_id(launch_id, number)
    return firework.name, launch


def test_a_job_of_fireworks_that_was_killed_is_found_and_sent_back(cluster, scheduler, tmp_path):
    queue = open_launchpad(cluster)
    submit(cluster, queue, 300)
    scheduler.write_text("77\n")
    name, launch = submitted(queue, tmp_path, "77")
    assert {s.name: s.state for s in queue.standings(cluster, "tiny")}[name] == "queued"
    scheduler.write_text("")
    (launch / "x.error").write_text("slurmstepd: error: Job 77 exceeded memory limit (9 > 5)\n")
    (lost,) = [s for s in queue.standings(cluster, "tiny") if s.failure]
    assert (lost.name, lost.state, lost.failure.kind) == (name, "failed", "memory")
    order = [s.name.split(": ")[-1] for s in queue.standings(cluster, "tiny")]
    assert order[0] == "bulk"
    assert order[-1] == "comparison with the source"
    (row,) = resume_fireworks(queue, cluster, "tiny")
    assert row.action == "sent back"
    assert row.why.endswith("it asks for 4000M of memory per node")
    states = {s.name: (s.state, s.n_resent) for s in queue.standings(cluster, "tiny")}
    assert states[name] == ("ready", 1)
    assert resume_fireworks(queue, cluster, "tiny") == ()


def test_a_study_of_fireworks_is_cancelled_and_taken_up_again(cluster, scheduler, tmp_path):
    queue = open_launchpad(cluster)
    submit(cluster, queue, 300)
    scheduler.write_text("78\n")
    submitted(queue, tmp_path, "78")
    assert len(cancel_fireworks(queue, cluster, "tiny")) == 8
    assert scheduler.read_text().strip() == ""
    assert {s.state for s in queue.standings(cluster, "tiny")} == {"cancelled"}
    assert {row.action for row in resume_fireworks(queue, cluster, "tiny")} == {"left"}
    back = resume_fireworks(queue, cluster, "tiny", mended=True)
    assert {row.action for row in back} == {"sent back"}
    states = [s.state for s in queue.standings(cluster, "tiny")]
    assert sorted(states) == ["ready"] * 2 + ["waiting"] * 6


def test_a_wrong_password_is_told_without_it(cluster):
    from pymongo.errors import OperationFailure

    with (
        pytest.raises(SulfoxError, match=r"SFX-501 .*does not let this user in") as error,
        database_errors(cluster),
    ):
        raise OperationFailure("Authentication failed for someone:secret", code=18)
    assert "secret" not in error.value.line

"""Promise: a queue takes a study once, refuses what it cannot hold, and gives back what is left.

Through jobflow-remote's own controller and a database with sockets; no scheduler.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import AutoReconnect
from typer.testing import CliRunner

pytest.importorskip("jobflow_remote", reason="needs sulfox[remote]")

from sulfox.cli import main
from sulfox.clusters.cluster_queue import cluster_store, database_errors, open_launchpad, open_queue
from sulfox.clusters.fireworks.recovery import cancel_fireworks, resume_fireworks
from sulfox.clusters.jobflow_remote import recovery
from sulfox.clusters.jobflow_remote.recovery import cancel_study, resume_study
from sulfox.clusters.manager import Manager
from sulfox.clusters.monitoring import read_standings
from sulfox.clusters.other_queues import find_elsewhere
from sulfox.clusters.submission import plan_submission
from sulfox.errors import SulfoxError
from sulfox.flows.interface_study import build_study_flow
from sulfox.flows.study import Study

SIDES = {
    "cathode": {"material": "CoO", "facet": [1, 0, 0]},
    "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
}


def study_flow(temperatures_K, finding="short"):
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
    return build_study_flow(study).flow


def planned(cluster, queue, *temperatures_K, finding="short", elsewhere=()):
    return plan_submission(
        study_flow(temperatures_K, finding),
        cluster,
        study="tiny",
        max_atoms=140,
        done=(),
        queued=set(queue.states()),
        elsewhere=elsewhere,
    )


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


@contextlib.contextmanager
def a_lock_of_another(controller, flow=None, job=None):
    """What a second controller sees while this one works on a flow, or on a job."""
    lock = controller.lock_flow(filter=flow) if flow else controller.lock_job(filter=job)
    with lock as held:
        assert held.locked_document
        yield


def test_a_flow_that_another_process_holds_is_told_and_nothing_is_added(cluster):
    """Two controllers of one database: SFX-804 while one holds the lock, none afterwards."""
    one, other = open_queue(cluster), open_queue(cluster)
    submit(cluster, one, 300)
    before = one.states()
    with (
        a_lock_of_another(one.controller, flow={"metadata.study": "tiny"}),
        pytest.raises(SulfoxError, match=r"SFX-804 \[transient\] .*flow .* is locked.*again"),
    ):
        submit(cluster, other, 300, 400)
    assert other.states() == before
    assert submit(cluster, other, 300, 400) == 4


def test_of_two_submissions_at_once_one_is_told_and_all_is_there_once(cluster):
    """Both have planned before either added a job."""
    one, other = open_queue(cluster), open_queue(cluster)
    plans = [planned(cluster, queue, 300) for queue in (one, other)]
    assert one.submit(*plans[0], cluster) == 8
    with pytest.raises(SulfoxError, match=r"SFX-804 .*another process added the same jobs"):
        other.submit(*plans[1], cluster)
    assert len(one.states()) == one.controller.jobs.count_documents({}) == 8
    assert one.controller.flows.count_documents({}) == 1
    assert submit(cluster, other, 300) == 0
    more = [
        planned(cluster, queue, 300, *hot) for queue, hot in ((one, [400]), (other, [500, 400]))
    ]
    assert one.submit(*more[0], cluster) == 4
    with pytest.raises(SulfoxError, match=r"SFX-804 .*another process added the same jobs"):
        other.submit(*more[1], cluster)
    assert one.controller.jobs.count_documents({}) == 12, "nothing of the second, not even 500 K"
    assert submit(cluster, other, 300, 500, 400) == 4


def test_a_job_that_a_runner_holds_is_not_sent_back_but_told(cluster, monkeypatch):
    monkeypatch.setattr(recovery, "_LOCK_WAIT_S", 1)
    one, other = open_queue(cluster), open_queue(cluster)
    submit(cluster, one, 300)
    error = "pymongo.errors.AutoReconnect: connection closed"
    finish(one, "CoO: bulk", "FAILED", error=error)
    with (
        a_lock_of_another(one.controller, job={"job.name": {"$regex": "CoO: bulk"}}),
        pytest.raises(SulfoxError, match=r"SFX-804 .*same command again in a minute"),
    ):
        resume_study(other, cluster, "tiny")
    (row,) = resume_study(other, cluster, "tiny")
    assert row.action == "sent back"


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


def interrupt(monkeypatch, collection, method, after):
    """Let the connection break when some documents of a bulk are there."""

    def broken(documents, *arguments, **options):
        for document in documents[:after]:
            collection.insert_one(document, *arguments, **options)
        raise AutoReconnect("connection closed")

    monkeypatch.setattr(collection, method, broken)


@pytest.mark.parametrize("there", [0, 1, 3, 7])
def test_a_submission_that_died_while_it_added_jobs_is_completed(cluster, monkeypatch, there):
    queue = open_queue(cluster)
    with monkeypatch.context() as broken:
        interrupt(broken, queue.controller.jobs, "insert_many", there)
        with pytest.raises(AutoReconnect):
            submit(cluster, queue, 300)
    assert len(queue.states()) == there
    with pytest.raises(SulfoxError, match=r"SFX-804 .*submit again in 10 minutes"):
        queue.settle("tiny")
    earlier = datetime.now(UTC) - timedelta(minutes=11)
    queue.controller.flows.update_many({}, {"$set": {"created_on": earlier}})
    assert queue.settle("tiny") == 8 - there
    assert submit(cluster, queue, 300) == 8 - there
    assert queue.settle("tiny") == 0
    jobs = list(queue.controller.jobs.find({}))
    assert len({job["uuid"] for job in jobs}) == len(jobs) == 8
    flows = list(queue.controller.flows.find({}))
    assert sorted(uuid for flow in flows for uuid in flow["jobs"]) == sorted(queue.states())
    named = sorted((tuple(entry) for flow in flows for entry in flow["ids"]), key=str)
    assert named == sorted(((j["db_id"], j["uuid"], j["index"]) for j in jobs), key=str)
    assert submit(cluster, queue, 300, 400) == 4


def test_fireworks_forgets_jobs_that_are_in_no_workflow(cluster, monkeypatch):
    queue = open_launchpad(cluster)
    with monkeypatch.context() as broken:
        broken.setattr(queue.launchpad.workflows, "insert_one", raise_broken)
        with pytest.raises(AutoReconnect):
            submit(cluster, queue, 300)
    assert len(queue.states()) == 8
    with pytest.raises(SulfoxError, match=r"SFX-804 .*submit again in 10 minutes"):
        queue.settle("tiny")
    earlier = (datetime.now(UTC) - timedelta(minutes=11)).replace(tzinfo=None).isoformat()
    queue.launchpad.fireworks.update_many({}, {"$set": {"created_on": earlier}})
    assert queue.settle("tiny") == 8
    assert submit(cluster, queue, 300) == 8
    assert queue.settle("tiny") == 0


def raise_broken(*_arguments, **_options):
    raise AutoReconnect("connection closed")


@pytest.mark.parametrize("open_it", [open_queue, open_launchpad])
def test_two_clusters_share_a_database_and_no_job(cluster, open_it):
    other = cluster.model_copy(update={"name": "other"})
    queue, its = open_it(cluster), open_it(other)
    assert submit(cluster, queue, 300) == 8
    assert (queue.studies(), its.studies()) == (["tiny"], [])
    assert its.states() == {}
    assert read(its, other) == ()
    kind = "jobflow-remote" if open_it is open_queue else "fireworks"
    held = find_elsewhere(its.database, "other", kind, queue.states())
    assert held == dict.fromkeys(queue.states(), ("local-slurm", kind))
    assert find_elsewhere(queue.database, "local-slurm", kind, queue.states()) == {}


def read(queue, cluster):
    if hasattr(queue, "standings"):
        return queue.standings(cluster, "tiny")
    return read_standings(queue, cluster, "tiny")


def test_the_other_manager_does_not_add_what_the_first_one_has(cluster):
    assert submit(cluster, open_queue(cluster), 300) == 8
    launchpad = open_launchpad(cluster)
    uuids = [job.uuid for job, _ in study_flow((300, 400)).iterflow()]
    held = find_elsewhere(launchpad.database, "local-slurm", "fireworks", uuids)
    plan, _ = planned(cluster, launchpad, 300, 400, elsewhere=held)
    assert (plan.jobs, plan.n_elsewhere) == ((), 11)  # the new run needs the relaxation


def test_what_is_cancelled_in_one_queue_may_go_into_another(cluster):
    queue = open_queue(cluster)
    submit(cluster, queue, 300)
    cancel_study(queue, cluster, "tiny")
    launchpad = open_launchpad(cluster)
    assert find_elsewhere(launchpad.database, "local-slurm", "fireworks", queue.states()) == {}
    assert submit(cluster, launchpad, 300) == 8


@pytest.mark.parametrize("manager", ["jobflow-remote", "fireworks"])
@pytest.mark.parametrize("command", ["status", "resume", "cancel"])
def test_a_study_that_is_not_there_is_told_with_those_that_are(cluster, manager, command):
    submit(cluster, Manager(manager, cluster).queue, 300)
    asked = [command, "Tiny", "--cluster", "local-slurm", "--manager", manager]
    outcome = CliRunner().invoke(main.app, asked)
    assert outcome.exit_code == 1
    assert isinstance(outcome.exception, SulfoxError)
    assert outcome.exception.code == "SFX-808"
    assert "one of tiny" in outcome.exception.line

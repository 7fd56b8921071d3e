"""Promise: a study on a cluster finishes with all its frames, whatever happens to its jobs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time

import pytest
from slurm_lab import SlurmLab, why_not

_REASON = why_not()
ALL = os.environ.get("SULFOX_SLURM_FAULTS") == "all"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.usefixtures("nep89"),
    pytest.mark.skipif(_REASON is not None, reason=str(_REASON)),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory, mongo):
    lab = SlurmLab(tmp_path_factory.mktemp("lab"), mongo, "sulfox-lab")
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
        mongo.client().drop_database(lab.database)


def note(lab, *faults, recovery, said=()):
    """Keep what was said and done, for the table of hpc/local-slurm/README.md."""
    with (lab.folder / "faults.jsonl").open("a") as file:
        file.write(json.dumps({"faults": faults, "said": said, "recovery": recovery}) + "\n")


def test_a_run_longer_than_its_jobs_finishes_with_all_its_frames(lab):
    lab.write_study(300, length_ps=0.5)  # 250 steps of 0.1 s and more, in jobs of a minute
    plan = lab.submit()
    assert (len(plan["jobs"]), plan["n_done"], plan["n_queued"]) == (8, 0, 0)
    assert lab.status()["states"] == {"ready": 2, "waiting": 6}
    lab.start_runner()
    (job,) = lab.running_jobs(1)
    (during,) = [row for row in lab.status()["jobs"] if row["uuid"] == job["uuid"]]
    assert during["state"] != "done"
    assert during["n_steps"] == 250
    assert 0 < during["steps_done"] <= 250
    lab.wait_until_done(400)
    after = lab.status()
    assert after["states"] == {"done": 8}
    assert max(row["index"] for row in after["jobs"]) > 1
    lab.check_results(1, 51)


def test_the_same_study_again_adds_nothing(lab):
    plan = lab.submit()
    assert (plan["jobs"], plan["n_done"]) == ([], 8)


def test_what_clusters_do_to_jobs(lab):
    """One temperature per fault: they are submitted alone, and each run ends whole."""
    faults = ["scancel", "node", *(["requeue", "timeout"] if ALL else [])]
    temperatures = [310.0 + 10 * i for i in range(len(faults))]
    lab.write_cluster(minutes=10)
    lab.write_study(300, *temperatures, length_ps=0.5)
    plan = lab.submit()
    assert plan["n_done"] == 7  # all but the comparison, which is now of more
    assert len(plan["jobs"]) == 3 * len(faults) + 1
    jobs = dict(zip(faults, lab.running_jobs(len(faults)), strict=True))
    numbers = {fault: lab.queue_id(job) for fault, job in jobs.items()}
    node = lab.kill_node(jobs["node"])
    lab.slurm("scancel", numbers["scancel"])
    if ALL:
        lab.slurm("scontrol", "requeue", numbers["requeue"])
        lab.slurm("scontrol", "update", f"jobid={numbers['requeue']}", "starttime=now")
        lab.slurm("scontrol", "update", f"jobid={numbers['timeout']}", "timelimit=1")
    cancelled = lab.wait_for_failure()
    assert cancelled["failure"]["kind"] == "cancelled"
    done = lab.resume_until_done()
    note(lab, "scancel", "kill -9 of slurmd", recovery=done, said=[cancelled])
    assert {row["action"] for row in done} == {"sent back"}
    lab.check_results(1 + len(faults), 51)
    lab.start_node(node)


def test_the_runner_and_the_database_may_die(lab):
    lab.write_study(300, 400, length_ps=0.5)
    plan = lab.submit()
    assert len(plan["jobs"]) == 4
    lab.running_jobs(1)
    for runner in lab.runners:
        lab.stop_runner(runner, signal.SIGKILL)
    lab.start_runner()
    lab.start_runner()  # two at once
    if lab.mongo.process is not None:
        lab.mongo.kill()
        time.sleep(20)
        lab.mongo.start()
    done = lab.resume_until_done()
    note(lab, "runner killed, two runners, database away for 20 s", recovery=done)
    before = len(lab.sulfox("query", "trajectories", "--store", "mongodb")["documents"])
    lab.check_results(before, 51)


@pytest.mark.skipif(not ALL, reason="make test-slurm: SULFOX_SLURM_FAULTS=all")
def test_a_job_that_needs_more_memory_asks_for_it(lab):
    lab.write_cluster(minutes=10, memory_GB=0.5)
    lab.write_study(300, 500, length_ps=0.5)
    lab.submit()
    killed = lab.wait_for_failure(240)
    assert killed["failure"]["kind"] == "memory"
    done = lab.resume_until_done()
    assert "1000M" in done[0]["why"]
    note(lab, "memory", recovery=done, said=[killed])


@pytest.mark.skipif(not ALL, reason="make test-slurm: SULFOX_SLURM_FAULTS=all")
def test_a_bug_waits_for_a_person(lab):
    lab.write_cluster(minutes=10)
    lab.write_study(300, 600, length_ps=0.5)
    lab.submit()
    (lab.folder / "raise").touch()
    failed = lab.wait_for_failure(240)
    assert failed["failure"]["kind"] == "bug"
    assert failed["failure"]["cause"] == "ZeroDivisionError: a bug on purpose"
    left = lab.resume()
    assert [row["action"] for row in left] == ["left"]
    (lab.folder / "raise").unlink()
    done = lab.resume("--mended")
    assert [row["action"] for row in done] == ["sent back"]
    lab.wait_until_done()
    note(lab, "a job that raises", recovery=[*left, *done], said=[failed])


@pytest.mark.skipif(not ALL, reason="make test-slurm: SULFOX_SLURM_FAULTS=all")
def test_a_run_whose_scratch_is_deleted_starts_anew(lab):
    lab.write_study(300, 700, length_ps=0.5)
    lab.submit()
    (job,) = lab.running_jobs(1)
    shutil.rmtree(lab.segments(job)[0].parent)
    failed = lab.wait_for_failure(240)
    lab.resume("--mended")
    done = lab.resume_until_done()
    note(lab, "scratch deleted", recovery=done, said=[failed])
    before = len(lab.sulfox("query", "trajectories", "--store", "mongodb")["documents"])
    lab.check_results(before, 51)

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


def test_jobs_are_cancelled_runners_killed_and_the_database_goes_away(lab):
    lab.write_cluster(minutes=10)
    lab.write_study(300, 310, length_ps=0.5)
    plan = lab.submit()
    assert plan["n_done"] == 7  # all but the comparison, which is now of one run more
    assert len(plan["jobs"]) == 4
    (job,) = lab.running_jobs(1)
    lab.slurm("scancel", lab.queue_id(job))
    cancelled = lab.wait_for_failure()
    assert cancelled["failure"]["kind"] == "cancelled"
    sent = lab.resume()
    assert [row["action"] for row in sent] == ["sent back"]
    note(lab, "scancel", recovery=sent, said=[cancelled])
    for runner in lab.runners:
        lab.stop_runner(runner, signal.SIGKILL)
    lab.start_runner()
    second = lab.start_runner()
    if lab.mongo.process is not None:
        lab.running_jobs(1)
        lab.mongo.kill()
        time.sleep(20)
        lab.mongo.start()
    done = lab.resume_until_done()
    note(lab, "runner killed", "two runners", "database away for 20 s", recovery=done)
    lab.check_results(2, 51)
    lab.stop_runner(second)


def test_through_fireworks(lab):
    """One temperature more, by another engine: what jobflow-remote has done is not done again."""
    lab.write_cluster(minutes=1)
    lab.write_study(300, 310, 320, length_ps=0.5)
    plan = lab.submit("--manager", "fireworks")
    assert (len(plan["jobs"]), plan["n_done"]) == (4, 10)
    assert lab.status("--manager", "fireworks")["states"] == {"ready": 1, "waiting": 3}
    launcher = lab.start_launcher()  # it ends by itself when all is done

    def all_done() -> bool:
        return set(lab.status("--manager", "fireworks")["states"]) == {"done"}

    lab.wait("the end of the workflow", all_done, 400)
    assert launcher.wait(60) == 0
    lab.check_results(3, 51)
    assert lab.submit("--manager", "fireworks")["jobs"] == []
    assert lab.submit()["jobs"] == []


@pytest.mark.skipif(not ALL, reason="make test-slurm: SULFOX_SLURM_FAULTS=all")
def test_what_clusters_do_to_jobs(lab):
    """One temperature per fault, all at once; a node dies while the others come back."""
    faults = ("node", "requeue", "timeout")
    lab.write_cluster(minutes=10)
    lab.write_study(300, 400, 410, 420, length_ps=0.5)
    lab.submit()
    jobs = dict(zip(faults, lab.running_jobs(3), strict=True))
    numbers = {fault: lab.queue_id(job) for fault, job in jobs.items()}
    lab.slurm("scontrol", "update", f"jobid={numbers['timeout']}", "timelimit=1")
    lab.slurm("scontrol", "requeue", numbers["requeue"])
    lab.slurm("scontrol", "update", f"jobid={numbers['requeue']}", "starttime=now")
    out = lab.wait_for_failure(200)
    assert out["failure"]["kind"] == "walltime"
    lab.resume()
    (job, *_) = lab.running_jobs(1)
    node = lab.kill_node(job)
    down = ("sinfo", "-h", "-n", node, "-o", "%T")
    lab.wait("the node to be down", lambda: "down" in lab.slurm(*down), 90)
    for number in lab.slurm("squeue", "-h", "-t", "PD", "-o", "%i").split():
        lab.slurm("scontrol", "update", f"jobid={number}", "starttime=now")
    done = lab.resume_until_done()
    note(lab, *faults, recovery=done, said=[out])
    lab.start_node(node)
    lab.check_results(6, 51)


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
    before = len(lab.trajectories())
    lab.write_study(300, 700, length_ps=0.5)
    lab.submit()
    (job,) = lab.running_jobs(1)
    shutil.rmtree(lab.segments(job)[0].parent)
    failed = lab.wait_for_failure(240)
    done = lab.resume_until_done()
    note(lab, "scratch deleted", recovery=done, said=[failed])
    lab.check_results(before + 1, 51)

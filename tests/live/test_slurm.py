"""Promise: a study on a cluster finishes with all its frames, through either workflow engine."""

from __future__ import annotations

import signal

import pytest
from slurm_study import BOTH, STEPS

pytestmark = [pytest.mark.slow, pytest.mark.slurm]


def test_a_run_longer_than_its_jobs_finishes_with_all_its_frames(lab):
    lab.write_cluster(minutes=1)
    lab.write_study(290, **BOTH)  # 250 steps of 0.1 s and more, in jobs of a minute
    before = len(lab.trajectories())
    plan = lab.submit()
    assert len(plan["jobs"]) + plan["n_done"] == 3 + 2 * 5 + 1
    assert plan["n_queued"] == 0
    assert lab.runners or set(lab.status()["states"]) == {"ready", "waiting"}
    lab.ensure_runner()
    (job, *_) = lab.running_jobs(1)
    (during,) = [row for row in lab.status()["jobs"] if row["uuid"] == job["uuid"]]
    assert during["state"] != "done"
    assert during["n_steps"] == STEPS
    assert 0 < during["steps_done"] <= STEPS
    lab.wait_until_done()
    after = lab.status()
    assert set(after["states"]) == {"done"}
    runs = [row for row in after["jobs"] if row["name"].endswith(": production")]
    assert [row["index"] > 1 for row in runs] == [True, True]
    lab.note("time limit of 1 min, shorter than the run", recovery=after["jobs"])
    lab.check_results(before + 2)
    again = lab.submit()
    assert (again["jobs"], again["n_done"]) == ([], 14)


def test_one_temperature_more_adds_only_its_jobs(ran):
    ran.write_study(300, 310)
    plan = ran.submit("--dry-run")
    names = [job["name"] for job in plan["jobs"]]
    assert len(names) == 4
    assert sum("310 K" in name for name in names) == 3
    assert names[-1] == "tiny: comparison with the source"  # which is now of one run more
    assert (plan["n_done"], plan["n_queued"]) == (7, 0)


def test_jobs_are_cancelled_runners_killed_and_the_database_goes_away(ran):
    before = len(ran.trajectories())
    ran.write_study(300, 320)
    ran.submit()
    (job,) = ran.running_jobs(1)
    ran.slurm("scancel", ran.queue_id(job))
    cancelled = ran.wait_for_failure()
    assert cancelled["failure"]["kind"] == "cancelled"
    sent = ran.resume()
    assert [row["action"] for row in sent] == ["sent back"]
    ran.note("scancel", recovery=sent, said=[cancelled])
    for runner in ran.runners:
        ran.stop_runner(runner, signal.SIGKILL)
    ran.start_runner()
    second = ran.start_runner()
    seconds = 0
    if ran.mongo.process is not None:
        ran.running_jobs(1)
        seconds = 60 if ran.all_faults else 20
        said = ran.without_database(seconds)
        assert said.startswith("SFX-501 [input] database of cluster lab: ")
        ran.note("database killed", recovery=[f"back after {seconds} s"], said=[said])
    done = ran.resume_until_done()
    ran.note("runner killed", "two runners", f"database away for {seconds} s", recovery=done)
    ran.check_results(before + 1)
    ran.stop_runner(second)


def test_through_fireworks(ran):
    """By another engine: what jobflow-remote has done is not done again."""
    before = len(ran.trajectories())
    ran.write_cluster(minutes=1)
    ran.write_study(330, **BOTH)
    plan = ran.submit("--manager", "fireworks")
    new = len(plan["jobs"])
    assert new + plan["n_done"] == 3 + 2 * 5 + 1
    assert plan["n_done"] >= 2  # CoO and LPSCl, at least
    states = ran.status("--manager", "fireworks")["states"]
    assert set(states) == {"ready", "waiting"}
    assert sum(states.values()) == new
    launcher = ran.start_launcher()  # it ends by itself when all is done

    def found(state: str) -> list[dict]:
        jobs = ran.status("--manager", "fireworks")["jobs"]
        return [job for job in jobs if job["state"] == state]

    def on_its_way() -> list[dict]:
        if not ran.fireworks_states()["RUNNING"]:
            return []
        return [job for job in found("running") if job["steps_done"]]

    (running, *_) = ran.wait("a running job", on_its_way, 600)
    ran.slurm("scancel", running["queue_id"])
    (failed,) = ran.wait("its end", lambda: found("failed"), 240)
    assert failed["failure"]["kind"] == "cancelled"
    sent = ran.resume("--manager", "fireworks")
    assert [row["action"] for row in sent] == ["sent back"]
    ran.note("scancel of a job of FireWorks", recovery=sent, said=[failed])

    def all_done() -> bool:
        assert not ran.fireworks_states()["FIZZLED"], found("failed")
        return set(ran.fireworks_states()) == {"COMPLETED"}

    ran.wait("the end of the workflow", all_done, 1200)
    after = ran.status("--manager", "fireworks")
    assert set(after["states"]) == {"done"}
    runs = [row for row in after["jobs"] if row["name"].endswith(": production")]
    assert [row["index"] > 1 for row in runs] == [True, True]
    assert launcher.wait(60) == 0
    ran.check_results(before + 2)
    assert ran.submit("--manager", "fireworks")["jobs"] == []
    assert ran.submit()["jobs"] == []

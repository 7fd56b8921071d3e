"""Promise: a study on a cluster finishes with all its frames; what cannot work is refused.

Through either workflow engine, with real sbatch, munge and sockets.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from slurm_lab import ROOT
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
    lab.resume_until_done()  # nothing to resume, unless the machine is so slow as to TIMEOUT
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


def test_a_document_too_large_for_the_database_is_refused_before_it(ran):
    """A finding of the source of 13 MB fits into a job, not into the answer beside others."""
    ran.ensure_runner()
    before = len(ran.trajectories())
    ran.write_study(300, finding="x" * 13_000_000)
    assert len(ran.submit()["jobs"]) == 1  # the comparison; no run is repeated
    failed = ran.wait_for_failure()
    assert failed["failure"]["kind"] == "input"
    assert failed["failure"]["cause"].startswith("SFX-507 [data] comparison ")
    left = ran.resume()
    assert [row["action"] for row in left] == ["left"]
    ran.write_study(300, finding="x" * 17_000_000)
    n_jobs = ran.jobs.count_documents({})
    said = ran.refused("submit", str(ran.folder / "tiny"), "--cluster", "lab", "--yes")
    assert said.startswith("SFX-507 [data] job tiny: comparison with the source: 17.")
    assert ran.jobs.count_documents({}) == n_jobs
    ran.note("a document over 16 MB", recovery=left, said=[failed, said])
    ran.check_results(before)


def test_a_worker_with_another_version_computes_nothing(ran, tmp_path):
    shutil.copytree(ROOT / "src" / "sulfox", tmp_path / "old" / "sulfox")
    module = tmp_path / "old" / "sulfox" / "__init__.py"
    module.write_text(module.read_text().replace('__version__ = "', '__version__ = "0.0.'))
    ran.write_cluster(path=str(tmp_path / "old"))
    ran.ensure_runner(anew=True)
    before = len(ran.trajectories())
    ran.write_study(300, finding="for the other version")
    assert len(ran.submit()["jobs"]) == 1
    failed = ran.wait_for_failure()
    assert failed["failure"]["kind"] == "input"
    assert failed["failure"]["cause"].startswith("SFX-640 [input] sulfox on ")
    checks = {check["name"]: check for check in ran.doctor()["checks"]}
    node = checks["sulfox on a node"]
    assert node["state"] == "problem"
    assert node["found"].startswith("0.0.")
    left = ran.resume()
    assert [row["action"] for row in left] == ["left"]
    ran.write_cluster(minutes=10)
    ran.ensure_runner(anew=True)
    done = ran.resume("--mended")
    ran.wait_until_done()
    ran.note("another version", recovery=[*left, *done], said=[failed, node])
    ran.check_results(before)


def test_what_a_dead_runner_leaves_is_settled(ran):
    """A job of the scheduler that nobody owns, and a job that stays locked."""
    folder = Path(ran.cluster_folder("queue")) / "orphan"
    folder.mkdir(parents=True)
    orphan = ran.slurm("sbatch", "--parsable", f"--chdir={folder}", "--wrap", "sleep 600")
    ran.stop_runners()
    before = len(ran.trajectories())
    ran.write_study(300, finding="for the dead runner")
    assert len(ran.submit()["jobs"]) == 1
    ran.lock_a_job(hours=1)
    settled = {row["action"]: row for row in ran.resume()}
    assert set(settled) == {"cancelled", "unlocked"}
    assert settled["cancelled"]["name"] == f"job {orphan}"
    ran.ensure_runner()
    ran.resume_until_done()
    ran.note("runner died with a lock", "orphan", recovery=list(settled.values()))
    ran.check_results(before)


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
        states = ran.fireworks_states()
        assert not states["FIZZLED"], found("failed")
        if states["RUNNING"] and not ran.slurm("squeue", "-h"):  # a slow machine: TIMEOUT
            ran.resume("--manager", "fireworks")
        return set(states) == {"COMPLETED"}

    ran.wait("the end of the workflow", all_done, 1200)
    after = ran.status("--manager", "fireworks")
    assert set(after["states"]) == {"done"}
    runs = [row for row in after["jobs"] if row["name"].endswith(": production")]
    assert [row["index"] > 1 for row in runs] == [True, True]
    assert launcher.wait(60) == 0
    ran.check_results(before + 2)
    assert ran.submit("--manager", "fireworks")["jobs"] == []
    assert ran.submit()["jobs"] == []

"""Promise: whatever happens to the jobs of a study, no frame is lost and none is there twice.

What was said and done stands in ``faults.jsonl`` of the test's folder, and from there in the table
of ``hpc/local-slurm/README.md``.
"""

from __future__ import annotations

import shutil

import pytest
from slurm_lab import ALL
from slurm_study import BOTH, STEPS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(not ALL, reason="make test-slurm: SULFOX_SLURM_FAULTS=all"),
]
MINUTES = 10


def one_more(lab, temperature_K, **cluster) -> int:
    """Submit one temperature more; how many runs there were."""
    lab.write_cluster(**{"minutes": MINUTES, **cluster})
    lab.ensure_runner(anew=bool(cluster))
    lab.write_study(300, temperature_K)
    before = len(lab.trajectories())
    assert len(lab.submit()["jobs"]) == 4
    return before


def test_what_clusters_do_to_jobs(ran):
    """One temperature per fault, all at once; a node dies while the others come back."""
    faults = ("node", "requeue", "timeout")
    before = len(ran.trajectories())
    ran.write_cluster(minutes=MINUTES, step_s=0.4)  # long enough for all that is done to them
    ran.ensure_runner(anew=True)
    ran.write_study(300, 400, 410, 420)
    ran.submit()
    jobs = dict(zip(faults, ran.running_jobs(3), strict=True))
    numbers = {fault: ran.queue_id(job) for fault, job in jobs.items()}
    ran.slurm("scontrol", "update", f"jobid={numbers['timeout']}", "timelimit=1")
    ran.slurm("scontrol", "requeue", numbers["requeue"])
    ran.slurm("scontrol", "update", f"jobid={numbers['requeue']}", "starttime=now")
    out = ran.wait_for_failure()
    assert out["failure"]["kind"] == "walltime"
    ran.resume()
    (job, *_) = ran.running_jobs(1)
    node = ran.kill_node(job)
    down = ("sinfo", "-h", "-n", node, "-o", "%T")
    ran.wait("the node to be down", lambda: "down" in ran.slurm(*down), 120)
    for number in ran.slurm("squeue", "-h", "-t", "PD", "-o", "%i").split():
        ran.slurm("scontrol", "update", f"jobid={number}", "starttime=now")
    done = ran.resume_until_done()
    ran.note(*faults, recovery=done, said=[out])
    ran.start_node(node)
    ran.check_results(before + 3)


def test_a_job_that_needs_more_memory_asks_for_it(ran):
    before = one_more(ran, 500, memory_GB=0.5)
    killed = ran.wait_for_failure()
    assert killed["failure"]["kind"] == "memory"
    done = ran.resume_until_done()
    assert "1000M" in done[0]["why"]
    ran.note("memory", recovery=done, said=[killed])
    ran.check_results(before + 1)


def test_a_bug_waits_for_a_person(ran):
    before = one_more(ran, 600)
    (ran.folder / "raise").touch()
    try:
        failed = ran.wait_for_failure()
    finally:
        (ran.folder / "raise").unlink()
    assert failed["failure"]["kind"] == "bug"
    assert failed["failure"]["cause"] == "ZeroDivisionError: a bug on purpose"
    left = ran.resume()
    assert [row["action"] for row in left] == ["left"]
    done = ran.resume("--mended")
    assert [row["action"] for row in done] == ["sent back"]
    ran.wait_until_done()
    ran.note("a job that raises", recovery=[*left, *done], said=[failed])
    ran.check_results(before + 1)


def test_a_run_whose_scratch_is_deleted_starts_anew(ran):
    before = one_more(ran, 700)
    (job,) = ran.running_jobs(1)
    shutil.rmtree(ran.segments(job)[0].parent)
    failed = ran.wait_for_failure()
    done = ran.resume_until_done()
    ran.note("scratch deleted", recovery=done, said=[failed])
    ran.check_results(before + 1)


def test_a_study_by_vasps_stand_in_on_both_interfaces_of_the_source(lab):
    """LCO | LPSCl and CoO | LPSCl on three nodes, in jobs shorter than the runs."""
    before = len(lab.trajectories())
    lab.write_cluster(minutes=2, step_s=0.8)
    lab.stop_runners()
    lab.write_study(300, engine="vasp", **BOTH)
    plan = lab.submit()
    assert len(plan["jobs"]) == 3 + 2 * 5 + 1
    states = lab.status()["states"]
    assert (states.pop("ready"), states.pop("waiting"), set(states) - {"done"}) == (3, 11, set())
    lab.ensure_runner(anew=True)
    seen = lab.watch_until_done(3000)
    assert {"running", "done"} <= {state for states in seen for state in states}
    assert [states.get("done", 0) for states in seen] == sorted(s.get("done", 0) for s in seen)
    own = {job["uuid"] for job in plan["jobs"] if job["name"].endswith(": production")}
    after = [row for row in lab.status()["jobs"] if row["uuid"] in own]
    assert [row["index"] > 1 for row in after] == [True, True]
    lab.note("stand-in VASP, two interfaces", recovery=after)
    runs = [run for run in lab.trajectories() if run["provenance"]["engine"] == "standin"]
    assert {run["pair"] for run in runs} == {"LCO|LPSCl", "CoO|LPSCl"}
    asked = len(range(0, STEPS, 5))
    assert [run["archive"]["n_frames"] for run in runs] == [asked, asked]
    assert all("not VASP" in run["provenance"]["level_of_theory"] for run in runs)
    ids = {run["id"] for run in runs}
    assert {bonds["trajectory_id"] for bonds in lab.documents("sulfur-bonds")} >= ids
    assert len(lab.trajectories()) == before + 2
    lab.check_nothing_twice()
    assert lab.submit()["jobs"] == []


@pytest.mark.parametrize(
    ("temperature_K", "error", "word"),
    [
        (800, "14031 OutOfDiskSpace available disk space is below the minimum", "disk space"),
        (810, "13 Unauthorized not authorized on lab to execute command", "not authorized"),
    ],
)
def test_a_database_that_takes_no_writes_only_delays(ran, temperature_K, error, word):
    before = one_more(ran, temperature_K)
    (job,) = ran.running_jobs(1)
    number = ran.queue_id(job)
    with ran.mongo.refusing(error):
        ran.write_study(300, temperature_K, 820)
        said = ran.refused("submit", str(ran.folder / "tiny"), "--cluster", "lab", "--yes")
        assert said.startswith("SFX-503 [resource] database of cluster lab: ")
        assert word in said
        states = ran.status()["states"]
        assert states["waiting"] == 3
        assert "failed" not in states
        ran.wait("the end of the job", lambda: number not in ran.slurm("squeue", "-h"), 400)
        assert ran.trajectories() is not None  # reading goes on
        checks = {check["name"]: check for check in ran.doctor()["checks"]}
        (writable,) = [check for name, check in checks.items() if name.endswith("writable")]
        assert writable["state"] == "problem"
        assert word in writable["found"]
    ran.write_study(300, temperature_K)
    done = ran.resume_until_done()
    ran.note(f"database: {error}", recovery=done, said=[said, writable])
    ran.check_results(before + 1)


def test_a_study_is_cancelled_and_taken_up_again(ran):
    before = one_more(ran, 1100)
    (job,) = ran.running_jobs(1)
    number = ran.queue_id(job)
    cancelled = ran.cancel()
    assert [row["action"] for row in cancelled] == ["cancelled"] * 4
    assert ran.status()["states"]["cancelled"] == 4
    ran.wait("the job to go", lambda: number not in ran.slurm("squeue", "-h"), 60)
    assert {row["action"] for row in ran.resume()} == {"left"}
    done = ran.resume("--mended")
    ran.wait_until_done()
    ran.note("sulfox cancel", recovery=done)
    ran.check_results(before + 1)

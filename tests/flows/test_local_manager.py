"""The local manager: branches side by side, failures contained, nothing computed twice."""

from __future__ import annotations

import operator
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from jobflow import Flow, Job, OnMissing

from sulfox.flows.local_manager import JobState, run_flow


def make_job(name, function, *arguments):
    job = Job(function=function, function_args=arguments, name=name)
    job.set_uuid(f"test-{name}")
    return job


def states(run):
    return {job.name: job.state for job in run.jobs.values()}


def test_outputs_reach_children_and_the_store(opener, tmp_path):
    first = make_job("first", operator.add, 1, 2)
    second = make_job("second", operator.mul, first.output, 10)
    run = run_flow(Flow([first, second]), opener, work_dir=tmp_path / "work", workers=2)
    assert set(states(run).values()) == {JobState.DONE}
    assert opener().get_output("test-second") == 30


def test_a_second_run_recomputes_nothing(opener, tmp_path):
    marker = tmp_path / "ran"
    job = make_job("once", pathlib.Path.mkdir, marker)
    run_flow(Flow([job]), opener, work_dir=tmp_path / "work", workers=1)
    assert marker.is_dir()
    again = make_job("once", pathlib.Path.mkdir, marker)  # would raise FileExistsError
    run = run_flow(Flow([again]), opener, work_dir=tmp_path / "work", workers=1)
    assert states(run) == {"once": JobState.PRESENT}


def test_an_answer_longer_than_a_pipe_arrives(opener, tmp_path):
    """A run that goes on answers with its whole input; a pipe holds 64 KiB."""
    job = make_job("long", operator.getitem, {}, "x" * 300_000)  # KeyError: 'xxx...'
    run = run_flow(Flow([job]), opener, work_dir=tmp_path / "work", workers=1)
    assert len(run.jobs["test-long"].message) > 300_000


def test_a_failing_branch_does_not_stop_the_others(opener, tmp_path):
    bad = make_job("bad", operator.truediv, 1, 0)
    child = make_job("child of bad", operator.add, bad.output, 1)
    grandchild = make_job("grandchild", operator.add, child.output, 1)
    good = make_job("good", operator.add, 1, 1)
    heir = make_job("heir", operator.add, good.output, 1)
    flow = Flow([bad, child, grandchild, good, heir])
    run = run_flow(flow, opener, work_dir=tmp_path / "work", workers=2)
    assert states(run) == {
        "bad": JobState.FAILED,
        "child of bad": JobState.SKIPPED,
        "grandchild": JobState.SKIPPED,
        "good": JobState.DONE,
        "heir": JobState.DONE,
    }
    assert "ZeroDivisionError" in run.failures[0].message
    assert len(run.failures) == 1


def tolerate(job):
    job.update_config({"on_missing_references": OnMissing.NONE})
    return job


def summarised_flow(divisor):
    good = make_job("good", operator.add, 1, 1)
    risky = make_job("risky", operator.truediv, 4, divisor)
    of_good = tolerate(make_job("of good", max, [good.output, 0]))
    of_both = tolerate(make_job("of both", operator.contains, [good.output, risky.output], None))
    return Flow([good, risky, of_good, of_both])


def test_a_tolerant_summary_runs_with_what_there_is_and_again_when_more_comes(opener, tmp_path):
    run = run_flow(summarised_flow(0), opener, work_dir=tmp_path / "work", workers=1)
    assert states(run)["risky"] is JobState.FAILED
    assert opener().get_output("test-of both") is True  # None stands for what is missing
    run = run_flow(summarised_flow(2), opener, work_dir=tmp_path / "work", workers=1)
    assert opener().get_output("test-of both") is False
    assert states(run)["of good"] is JobState.PRESENT


def test_a_killed_worker_fails_only_its_branch_and_runs_again(opener, tmp_path):
    killed = make_job("killed", signal.raise_signal, int(signal.SIGKILL))
    good = make_job("good", operator.add, 1, 1)
    run = run_flow(Flow([killed, good]), opener, work_dir=tmp_path / "work", workers=1)
    assert states(run) == {"killed": JobState.FAILED, "good": JobState.DONE}
    assert "SIGKILL" in run.failures[0].message
    repaired = make_job("killed", operator.add, 2, 2)
    run = run_flow(Flow([repaired]), opener, work_dir=tmp_path / "work", workers=1)
    assert states(run) == {"killed": JobState.DONE}


def test_independent_jobs_run_side_by_side(opener, tmp_path):
    most_running = 0

    def watch(jobs):
        nonlocal most_running
        now = sum(job.state is JobState.RUNNING for job in jobs.values())
        most_running = max(most_running, now)

    flow = Flow([make_job(f"sleep {i}", time.sleep, 0.5) for i in range(3)])
    run_flow(flow, opener, work_dir=tmp_path / "work", workers=2, on_update=watch)
    assert most_running == 2


DETOUR = """
from operator import add
from jobflow import Job, Response

def ask_for_more():
    return Response(detour=Job(function=add, function_args=(1, 1)))
"""


def test_a_job_that_asks_for_more_jobs_is_refused(opener, tmp_path, monkeypatch):
    (tmp_path / "asking_for_more.py").write_text(DETOUR)
    monkeypatch.syspath_prepend(str(tmp_path))
    from asking_for_more import ask_for_more

    job = make_job("detour", ask_for_more)
    run = run_flow(Flow([job]), opener, work_dir=tmp_path / "work", workers=1)
    assert states(run) == {"detour": JobState.FAILED}
    assert "more jobs" in run.failures[0].message


IN_PIECES = """
from pathlib import Path
from jobflow import CURRENT_JOB, Job, Response

def work(folder):
    pieces = Path(folder, "pieces")
    done = int(pieces.read_text()) + 1 if pieces.exists() else 1
    pieces.write_text(str(done))
    if done == 3:
        raise RuntimeError("killed")
    if done == 4:
        return "all of it"
    again = Job(function=work, function_args=(folder,), name="work", uuid=CURRENT_JOB.job.uuid)
    return Response(output={"continues": True}, replace=again)
"""


def test_a_run_in_pieces_that_broke_ends_with_its_last_answer(opener, tmp_path, monkeypatch):
    """What an earlier run left under a higher index must not hide the answer from the children."""
    (tmp_path / "in_pieces.py").write_text(IN_PIECES)
    monkeypatch.syspath_prepend(str(tmp_path))
    from in_pieces import work

    def flow():
        job = make_job("work", work, str(tmp_path))
        return Flow([job, make_job("child", operator.add, job.output, "!")])

    def run():
        return run_flow(flow(), opener, work_dir=tmp_path / "work", workers=1)

    assert states(run()) == {"work": JobState.FAILED, "child": JobState.SKIPPED}
    assert states(run()) == {"work": JobState.DONE, "child": JobState.DONE}
    assert opener().get_output("test-child") == "all of it!"
    assert states(run()) == {"work": JobState.PRESENT, "child": JobState.PRESENT}


SLEEPER = """
import sys, time
from functools import partial
from pathlib import Path
from jobflow import Flow, Job
from sulfox.flows.local_manager import run_flow
from sulfox.stores.opening import open_store
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    job = Job(function=time.sleep, function_args=(60,), name="sleep")
    def say(jobs):
        if any(j.state == "running" for j in jobs.values()):
            print("running", flush=True)
    run_flow(Flow([job]), partial(open_store, str(folder / "store")), work_dir=folder / "work",
             workers=1, on_update=say)
"""


@pytest.mark.slow
def test_workers_leave_when_the_manager_is_killed(tmp_path):
    """kill -9 of the manager must not leave orphans that hold the run's lock."""
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    manager = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert "running" in manager.stdout.readline()
    time.sleep(3)
    os.kill(manager.pid, signal.SIGKILL)
    manager.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _processes_naming(str(tmp_path)):
        time.sleep(0.2)
    assert _processes_naming(str(tmp_path)) == []


def _processes_naming(text):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().decode(errors="replace")
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in command or f"SULFOX_WORK_DIR={text}" in environment:
            found.append(command)
    return found

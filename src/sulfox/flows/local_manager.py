"""Run a jobflow Flow on this machine: branches side by side, and again without repeating work.

jobflow's own ``run_locally`` runs one job after the other and starts from nothing each
time (jobflow#873). Here each job is a process of its own. A job whose output is already
in the store is not run again; this needs jobs with reproducible UUIDs, see
:func:`sulfox.flows.identity.name_by_content`. A job that fails, or whose process is
killed, stops only the jobs that need its output. A job that tolerates missing
references (``OnMissing.NONE``: a comparison, a summary) runs with what there is, and
again whenever one of its inputs is new.

A job may answer with another job in its own place (``Response(replace=...)``): a run that
its time limit stopped goes on so. Answers with more jobs than that are refused: no job of
sulfox's studies gives one.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from jobflow import Flow, Job, JobStore, Response

__all__ = ["FlowRun", "JobState", "JobView", "done_jobs", "run_flow"]

POLL_SECONDS = 0.5


class JobState(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PRESENT = "present"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass
class JobView:
    """What a watcher sees of a job.

    Attributes
    ----------
    uuid, name : str
        Identity and what it does.
    state : JobState
        Where it stands.
    message : str
        Why it failed or was skipped; empty otherwise.
    progress : dict
        What the job wrote into ``progress.json``: steps done, ps per hour, seconds left.
    """

    uuid: str
    name: str
    state: JobState = JobState.WAITING
    message: str = ""
    progress: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FlowRun:
    """Outcome of :func:`run_flow`.

    Attributes
    ----------
    jobs : dict
        uuid -> JobView, in the order of the flow.
    """

    jobs: dict[str, JobView]

    def count(self, *states: JobState) -> int:
        """Count the jobs in any of these states.

        Parameters
        ----------
        *states : JobState
            States that count.
        """
        return sum(job.state in states for job in self.jobs.values())

    @property
    def failures(self) -> list[JobView]:
        """Jobs that failed, not those skipped because of them."""
        return [job for job in self.jobs.values() if job.state is JobState.FAILED]


@dataclass(frozen=True)
class _Worker:
    process: Any
    answer: connection.Connection


def run_flow(
    flow: Flow,
    open_store: Callable[[], JobStore],
    *,
    work_dir: Path,
    workers: int,
    walltime_s: float | None = None,
    on_update: Callable[[dict[str, JobView]], None] | None = None,
) -> FlowRun:
    """Run what is not in the store yet.

    Parameters
    ----------
    flow : Flow
        Jobs with reproducible UUIDs.
    open_store : callable
        Opens the JobStore; called in this process and in each worker, so it must pickle.
    work_dir : Path
        Folder for running jobs: ``work_dir/<uuid>`` keeps checkpoints until the output
        is stored.
    workers : int
        Jobs run at the same time.
    walltime_s : float, optional
        Time limit of every job, as a scheduler would set it [s]; a job that knows how to
        leaves in time and goes on in another process.
    on_update : callable, optional
        Called with uuid -> JobView whenever something changed, about twice a second.

    Returns
    -------
    FlowRun
        State of every job. A failed job is a state here, not an exception.
    """
    jobs: dict[str, Job] = {}
    parents: dict[str, list[str]] = {}
    with warnings.catch_warnings():  # that branches are not connected is intended
        warnings.filterwarnings("ignore", message="Some jobs are not connected")
        for job, job_parents in flow.iterflow():
            jobs[job.uuid] = job
            parents[job.uuid] = job_parents
    run = FlowRun({uuid: JobView(uuid, job.name) for uuid, job in jobs.items()})
    tolerant = {uuid for uuid, job in jobs.items() if _tolerates_missing(job)}
    store = open_store()
    _mark_present(run, store, work_dir)
    _go_on_after(jobs, store)
    for uuid in tolerant:
        if any(run.jobs[parent].state is not JobState.PRESENT for parent in parents[uuid]):
            run.jobs[uuid].state = JobState.WAITING
    running: dict[str, _Worker] = {}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sulfox.flows.jobs"])
    try:
        while True:
            _skip_orphans(run, parents, tolerant)
            for uuid in _ready(run, parents)[: max(0, workers - len(running))]:
                running[uuid] = _start(context, jobs[uuid], open_store, work_dir, walltime_s)
                run.jobs[uuid].state = JobState.RUNNING
            if on_update:
                on_update(run.jobs)
            if not running:
                return run
            jobs |= _collect(run, running, work_dir)
    finally:
        for worker in running.values():
            worker.process.kill()


def done_jobs(store: JobStore, uuids: list[str]) -> set[str]:
    """Find the jobs whose output is stored.

    Parameters
    ----------
    store : JobStore
        Connected.
    uuids : list of str
        Jobs to look for.
    """
    # one that continues ran out of time, and goes on under the next index
    wanted = {"uuid": {"$in": uuids}, "output.continues": {"$ne": True}}
    return {document["uuid"] for document in store.query(wanted, properties=["uuid"])}


def _mark_present(run: FlowRun, store: JobStore, work_dir: Path) -> None:
    for uuid in done_jobs(store, list(run.jobs)):
        run.jobs[uuid].state = JobState.PRESENT
        shutil.rmtree(work_dir / uuid, ignore_errors=True)


def _go_on_after(jobs: dict[str, Job], store: JobStore) -> None:
    """Set indices above those that an earlier, broken run left: the last index is the answer."""
    wanted = {"uuid": {"$in": list(jobs)}, "output.continues": True}
    for document in store.query(wanted, properties=["uuid", "index"]):
        job = jobs[document["uuid"]]
        job.index = max(job.index, document["index"] + 1)


def _tolerates_missing(job: Job) -> bool:
    from jobflow import OnMissing

    return job.config.on_missing_references == OnMissing.NONE


def _skip_orphans(run: FlowRun, parents: dict[str, list[str]], tolerant: set[str]) -> None:
    for uuid, view in run.jobs.items():
        if view.state is not JobState.WAITING or uuid in tolerant:
            continue
        lost = [run.jobs[p] for p in parents[uuid]]
        lost = [p for p in lost if p.state in (JobState.FAILED, JobState.SKIPPED)]
        if lost:
            view.state = JobState.SKIPPED
            view.message = f"needs {lost[0].name}, which {lost[0].state.value}"


def _ready(run: FlowRun, parents: dict[str, list[str]]) -> list[str]:
    unfinished = (JobState.WAITING, JobState.RUNNING)
    return [
        uuid
        for uuid, view in run.jobs.items()
        if view.state is JobState.WAITING
        and not any(run.jobs[parent].state in unfinished for parent in parents[uuid])
    ]


def _start(
    context: Any,
    job: Job,
    open_store: Callable[[], JobStore],
    work_dir: Path,
    walltime_s: float | None,
) -> _Worker:
    from monty.json import MontyEncoder

    receiver, sender = context.Pipe(duplex=False)
    text = json.dumps(job, cls=MontyEncoder)
    arguments = (text, open_store, str(work_dir), walltime_s, sender)
    process = context.Process(target=_work, args=arguments, daemon=True)
    process.start()
    sender.close()
    return _Worker(process, receiver)


def _collect(run: FlowRun, running: dict[str, _Worker], work_dir: Path) -> dict[str, Job]:
    """Take the answers of finished processes; give the jobs that go on as another job."""
    from monty.json import MontyDecoder

    going_on: dict[str, Job] = {}
    signs = [sign for w in running.values() for sign in (w.process.sentinel, w.answer)]
    connection.wait(signs, timeout=POLL_SECONDS)
    for uuid, worker in list(running.items()):
        view = run.jobs[uuid]
        view.progress = _read_progress(work_dir / uuid) or view.progress
        # an answer longer than the pipe is read while its process still writes it
        if worker.process.is_alive() and not worker.answer.poll():
            continue
        problem, successor = _take_answer(worker)
        del running[uuid]
        if successor:
            going_on[uuid] = MontyDecoder().decode(successor)
            view.state = JobState.WAITING
            continue
        view.state = JobState.FAILED if problem else JobState.DONE
        view.message = problem
        if not problem:
            shutil.rmtree(work_dir / uuid, ignore_errors=True)
    return going_on


def _take_answer(worker: _Worker) -> tuple[str, str]:
    found: tuple[str, str] | None = None
    with contextlib.suppress(EOFError, OSError):
        if worker.answer.poll():
            found = worker.answer.recv()
    worker.process.join()
    return (_death(worker.process.exitcode), "") if found is None else found


def _death(exit_code: int) -> str:
    if exit_code < 0:
        return f"its process was killed by {signal.Signals(-exit_code).name}; run again to continue"
    return f"its process ended with status {exit_code} and no answer; run again to continue"


def _read_progress(run_dir: Path) -> dict[str, Any]:
    try:
        return json.loads((run_dir / "progress.json").read_text())
    except (OSError, ValueError):
        return {}


def _work(
    job_json: str,
    open_store: Callable[[], JobStore],
    work_dir: str,
    walltime_s: float | None,
    answer: connection.Connection,
) -> None:
    """Run one job in this process; answer with what went wrong and with the job it goes on as."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["SULFOX_WORK_DIR"] = work_dir
    if walltime_s is not None:
        os.environ["SULFOX_JOB_ENDS_AT"] = str(time.time() + walltime_s)
    try:
        from monty.json import MontyDecoder

        job = MontyDecoder().decode(job_json)
        response = job.run(open_store())
        answer.send(_answer(job, response))
    except SulfoxError as error:
        answer.send((error.line, ""))
    except Exception as error:  # noqa: BLE001 - the branch fails, the others go on
        if os.environ.get("SULFOX_DEBUG"):
            import traceback

            traceback.print_exc()
        answer.send((" ".join(f"{type(error).__name__}: {error}".split()), ""))


def _answer(job: Job, response: Response) -> tuple[str, str]:
    """Give the problem, and the JSON of the job that takes this one's place."""
    from monty.json import MontyEncoder

    successor = response.replace
    successors = getattr(successor, "jobs", [successor] if successor is not None else [])
    same = len(successors) == 1 and getattr(successors[0], "uuid", None) == job.uuid
    if response.detour or response.addition or (successors and not same):
        return "the job asked for more jobs, which a local run cannot add", ""
    return "", json.dumps(successors[0], cls=MontyEncoder) if successors else ""


def _die_with_parent() -> None:
    """Leave at once when the process that started the run is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

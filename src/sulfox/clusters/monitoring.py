"""Where a study stands on a cluster: each job, its progress, and why what failed failed."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import Failure, find_failure
from sulfox.clusters.jobflow_remote.project import QUEUE_WORKER
from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
from sulfox.documents.base import Record
from sulfox.units import Dimensionless, Seconds, TimePs

__all__ = [
    "InterfaceStanding",
    "JobStanding",
    "interface_standings",
    "read_progress",
    "read_standings",
    "standing_fields",
]

_FAILED = ("FAILED", "REMOTE_ERROR")
_STATES = {
    "WAITING": "waiting",
    "READY": "ready",
    "CHECKED_OUT": "queued",
    "UPLOADED": "queued",
    "SUBMITTED": "queued",
    "RUNNING": "running",
    "BATCH_SUBMITTED": "queued",
    "BATCH_RUNNING": "running",
    "RUN_FINISHED": "finishing",
    "DOWNLOADED": "finishing",
    "COMPLETED": "done",
    "FAILED": "failed",
    "REMOTE_ERROR": "failed",
    "PAUSED": "paused",
    "STOPPED": "stopped",
    "USER_STOPPED": "cancelled",
}
_AT_REST = ("done", "waiting")
_NOT_BEGUN = ("waiting", "ready")
_PROGRESS = "progress.json"
_TAIL_BYTES = 20_000


class JobStanding(Record):
    """Where one job stands.

    Attributes
    ----------
    uuid, db_id, name : str
        Identity, number in the queue, what it does.
    state : str
        waiting, ready, queued, running, finishing, done, failed, stopped, cancelled, paused.
    index : int
        How often it has gone on in another job, from 1.
    queue_id : str or None
        Number of the scheduler.
    steps_done, n_steps : int or None
        Of dynamics.
    ps_per_hour : float or None
        Pace of the running process [ps/h].
    seconds_left : float or None
        At this pace [s].
    failure : Failure or None
        Why it failed.
    n_resent : int
        How often it was sent back after a failure.
    interface, step : str or None
        What it is about and which step of it; None for what several interfaces share.
    asked_ps, done_ps : float or None
        Of dynamics [ps]; None where what the run wrote of itself cannot be read.
    """

    uuid: str
    db_id: str
    name: str
    state: str
    index: int
    queue_id: str | None = None
    steps_done: int | None = None
    n_steps: int | None = None
    ps_per_hour: Dimensionless | None = None
    seconds_left: Seconds | None = None
    failure: Failure | None = None
    n_resent: int = 0
    interface: str | None = None
    step: str | None = None
    asked_ps: TimePs | None = None
    done_ps: TimePs | None = None


class InterfaceStanding(Record):
    """Where one interface of a study stands, over all its temperatures and seeds.

    Attributes
    ----------
    interface : str or None
        Pair and variant; None for the jobs that several interfaces share.
    n_jobs, n_done : int
        Jobs, and those that are done.
    now : tuple of str
        Steps that are neither done nor waiting, ``"2 production running"``.
    asked_ps, done_ps : float
        Dynamics over all runs [ps]; what is known to be done.
    ps_per_hour : float or None
        Pace of all running processes together [ps/h].
    seconds_left : float or None
        Until the slowest running process ends [s].
    failures : tuple of str
        Each cause once.
    """

    interface: str | None
    n_jobs: int
    n_done: int
    now: tuple[str, ...]
    asked_ps: TimePs
    done_ps: TimePs
    ps_per_hour: Dimensionless | None
    seconds_left: Seconds | None
    failures: tuple[str, ...]


def read_standings(
    queue: JobflowRemoteQueue, cluster: Cluster, study: str
) -> tuple[JobStanding, ...]:
    """Read where the jobs of a study stand.

    Parameters
    ----------
    queue : JobflowRemoteQueue
        The cluster's queue.
    cluster : Cluster
        For its folder of running jobs.
    study : str
        Name of the study.

    Returns
    -------
    tuple of JobStanding
        The latest index of each job, in the order of their submission.
    """
    fields = dict.fromkeys(
        (
            *("uuid", "index", "db_id", "state", "worker", "run_dir", "error", "remote"),
            *("job.name", "job.metadata"),
        ),
        1,
    )
    found = queue.controller.jobs.find({"job.metadata.study": study}, fields).sort([("index", 1)])
    latest = {job["uuid"]: job for job in found}
    order = sorted(latest.values(), key=lambda job: int(job["db_id"].rpartition("_")[2]))
    moving = [
        job["uuid"]
        for job in order
        if (_state(job) in ("running", "failed") or job["index"] > 1) and _state(job) != "done"
    ]
    if cluster.login is None:
        progress = {uuid: read_progress(cluster, uuid) for uuid in moving}
    else:
        progress = _fetch_progress(queue, cluster, moving)
    return tuple(_standing(queue, job, progress.get(job["uuid"], {})) for job in order)


def _state(job: Mapping[str, Any]) -> str:
    return _STATES.get(job["state"], job["state"].lower())


def _standing(
    queue: JobflowRemoteQueue, job: Mapping[str, Any], progress: Mapping[str, Any]
) -> JobStanding:
    state = _state(job)
    remote = job.get("remote") or {}
    return JobStanding(
        uuid=job["uuid"],
        db_id=job["db_id"],
        name=job["job"]["name"],
        state=state,
        index=job["index"],
        queue_id=remote.get("process_id"),
        failure=_failure(queue, job) if job["state"] in _FAILED else None,
        **standing_fields(state, job["job"].get("metadata") or {}, progress),
    )


def standing_fields(
    state: str, metadata: Mapping[str, Any], progress: Mapping[str, Any]
) -> dict[str, Any]:
    """Give what every manager knows of a job from its metadata and what it wrote of itself.

    Parameters
    ----------
    state : str
        As in :class:`JobStanding`.
    metadata : mapping
        Of the job.
    progress : mapping
        As :func:`read_progress` gives it.

    Returns
    -------
    dict
        Fields of a :class:`JobStanding`.
    """
    fields = {name: progress.get(name) for name in ("steps_done", "n_steps", "ps_per_hour")}
    asked_ps = metadata.get("length_ps")
    done_ps = None
    if asked_ps is not None and state == "done":
        done_ps = asked_ps
    elif asked_ps is not None and fields["n_steps"]:
        done_ps = asked_ps * (fields["steps_done"] or 0) / fields["n_steps"]
    elif asked_ps is not None and state in _NOT_BEGUN:
        done_ps = 0.0
    return fields | {
        "interface": metadata.get("interface"),
        "step": metadata.get("step"),
        "asked_ps": asked_ps,
        "done_ps": done_ps,
        "seconds_left": progress.get("seconds_left") if state == "running" else None,
        "n_resent": int(metadata.get("resent", 0)),
    }


def interface_standings(standings: Iterable[JobStanding]) -> tuple[InterfaceStanding, ...]:
    """Sum up the jobs of each interface.

    Parameters
    ----------
    standings : iterable of JobStanding
        Of a study.

    Returns
    -------
    tuple of InterfaceStanding
        In the order of their first jobs; what interfaces share comes last.
    """
    groups: dict[str | None, list[JobStanding]] = {}
    for standing in standings:
        groups.setdefault(standing.interface, []).append(standing)
    names = sorted(groups, key=lambda name: name is None)
    return tuple(_summed(name, groups[name]) for name in names)


def _summed(interface: str | None, jobs: Sequence[JobStanding]) -> InterfaceStanding:
    steps = Counter(
        f"{job.step or job.name} {job.state}" for job in jobs if job.state not in _AT_REST
    )
    paces = [job.ps_per_hour for job in jobs if job.state == "running" and job.ps_per_hour]
    lefts = [job.seconds_left for job in jobs if job.seconds_left is not None]
    causes = [f"{job.failure.kind}: {job.failure.cause}" for job in jobs if job.failure]
    return InterfaceStanding(
        interface=interface,
        n_jobs=len(jobs),
        n_done=sum(job.state == "done" for job in jobs),
        now=tuple(text if n == 1 else f"{n} {text}" for text, n in steps.items()),
        asked_ps=sum(job.asked_ps or 0.0 for job in jobs),
        done_ps=sum(job.done_ps or 0.0 for job in jobs),
        ps_per_hour=sum(paces) if paces else None,
        seconds_left=max(lefts, default=None),
        failures=tuple(dict.fromkeys(causes)),
    )


def read_progress(cluster: Cluster, uuid: str) -> dict[str, Any]:
    """Read what a run wrote of itself.

    Parameters
    ----------
    cluster : Cluster
        For its folder of running jobs.
    uuid : str
        Of the job.

    Returns
    -------
    dict
        ``steps_done``, ``n_steps``, ``ps_per_hour``, ``seconds_left``; nothing where the folder
        is on another machine.
    """
    try:
        text = (Path(cluster.work_dir) / uuid / _PROGRESS).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return {}
    return _parsed(text)


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _fetch_progress(
    queue: JobflowRemoteQueue, cluster: Cluster, uuids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Read what runs wrote of themselves on a machine that is reached by ssh, all at once."""
    if not uuids:
        return {}
    files = " ".join(shlex.quote(f"{uuid}/{_PROGRESS}") for uuid in uuids)
    # one line per run: its UUID, a space, the JSON without line breaks
    command = (
        f"for f in {files}; do if [ -f $f ]; then "
        "printf '%s ' ${f%%/*}; tr -d '\\n' < $f; echo; fi; done"
    )
    host = queue.project.workers[QUEUE_WORKER].get_host()
    try:
        host.connect()
        output, _, status = host.execute(command, workdir=cluster.work_dir)
    except OSError:
        return {}
    finally:
        host.close()
    lines = output.splitlines() if status == 0 else []
    return {uuid: _parsed(text) for uuid, _, text in (line.partition(" ") for line in lines)}


def _failure(queue: JobflowRemoteQueue, job: Mapping[str, Any]) -> Failure:
    remote = job.get("remote") or {}
    said = "\n".join(text for text in (job.get("error"), remote.get("error")) if text)
    return find_failure(said, remote.get("queue_err") or _end_of_error_file(queue, job))


def _end_of_error_file(queue: JobflowRemoteQueue, job: Mapping[str, Any]) -> str:
    if not job.get("run_dir"):
        return ""
    host = queue.project.workers[job["worker"]].get_host()
    command = f"tail -c {_TAIL_BYTES} queue.err 2>/dev/null"
    try:
        host.connect()
        output, _, status = host.execute(command, workdir=job["run_dir"])
    except OSError:
        return ""
    finally:
        host.close()
    return output if status == 0 else ""

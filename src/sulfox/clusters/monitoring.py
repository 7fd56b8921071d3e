"""Where a study stands on a cluster: each job, its progress, and why what failed failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import Failure, find_failure
from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
from sulfox.documents.base import Record
from sulfox.units import Dimensionless, Seconds

__all__ = ["JobStanding", "read_progress", "read_standings"]

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
    return tuple(_standing(queue, cluster, job) for job in order)


def _standing(queue: JobflowRemoteQueue, cluster: Cluster, job: Mapping[str, Any]) -> JobStanding:
    state = _STATES.get(job["state"], job["state"].lower())
    progress: dict[str, Any] = {}
    if state in ("running", "failed") or job["index"] > 1:
        progress = read_progress(cluster, job["uuid"])
    remote = job.get("remote") or {}
    return JobStanding(
        uuid=job["uuid"],
        db_id=job["db_id"],
        name=job["job"]["name"],
        state=state,
        index=job["index"],
        queue_id=remote.get("process_id"),
        steps_done=progress.get("steps_done"),
        n_steps=progress.get("n_steps"),
        ps_per_hour=progress.get("ps_per_hour"),
        seconds_left=progress.get("seconds_left") if state == "running" else None,
        failure=_failure(queue, job) if job["state"] in _FAILED else None,
        n_resent=int(job["job"].get("metadata", {}).get("resent", 0)),
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
        text = (Path(cluster.work_dir) / uuid / "progress.json").read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


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

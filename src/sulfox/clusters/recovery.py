"""Send back what can go back, by the kind of its failure, and settle what nobody owns."""

from __future__ import annotations

import re
import shlex
import time
from typing import Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import RESEND_LIMITS, FailureKind
from sulfox.clusters.jobflow_remote_project import QUEUE_WORKER
from sulfox.clusters.jobflow_remote_queue import JobflowRemoteQueue
from sulfox.clusters.monitoring import JobStanding, read_standings
from sulfox.documents.base import Record

__all__ = ["Recovery", "cancel_study", "resume_study"]

_MEMORY_FACTOR = 2
_SUBMITTED = ("SUBMITTED", "RUNNING")
#: So long the database may lag behind the scheduler [s].
_ORPHAN_S = 10.0


class Recovery(Record):
    """What was done about one job.

    Attributes
    ----------
    name : str
        What the job does.
    action : str
        ``"sent back"``, ``"left"`` or ``"cancelled"``.
    why : str
        The failure, and the rule.
    """

    name: str
    action: str
    why: str


def resume_study(
    queue: JobflowRemoteQueue, cluster: Cluster, study: str, *, mended: bool = False
) -> tuple[Recovery, ...]:
    """Send back the failed jobs of a study, within the limits of their kinds.

    A job that ran out of memory asks for twice as much; one whose files are damaged starts
    anew, and the files are set aside; what an input, the physics or a bug stopped waits for a
    person. Checkpoints lie in the job's own folder, so a run goes on
    where it was.

    Parameters
    ----------
    queue : JobflowRemoteQueue
        The cluster's queue.
    cluster : Cluster
        The cluster.
    study : str
        Name of the study.
    mended : bool
        A person has mended what stopped the jobs that wait for one: they go back too.

    Returns
    -------
    tuple of Recovery
        One per failed job, and one per job of the scheduler that no job of the queue owns.
    """
    done = [
        _recover(queue, cluster, standing, mended=mended)
        for standing in read_standings(queue, cluster, study)
        if standing.failure is not None
    ]
    return (*done, *_cancel_orphans(queue, cluster))


def cancel_study(queue: JobflowRemoteQueue, cluster: Cluster, study: str) -> tuple[Recovery, ...]:
    """Cancel the jobs of a study that are not done; ``resume`` does not send them back.

    Parameters
    ----------
    queue : JobflowRemoteQueue
        The cluster's queue.
    cluster : Cluster
        The cluster.
    study : str
        Name of the study.

    Returns
    -------
    tuple of Recovery
        One per cancelled job.
    """
    going = ("waiting", "ready", "queued", "running", "paused")
    cancelled = []
    for standing in read_standings(queue, cluster, study):
        if standing.state in going:
            if standing.state == "waiting":
                queue.controller.jobs.update_one(
                    {"db_id": standing.db_id, "state": "WAITING"},
                    {"$set": {"state": "USER_STOPPED"}},
                )
            else:
                queue.controller.stop_job(db_id=standing.db_id, wait=20)
            cancelled.append(
                Recovery(name=standing.name, action="cancelled", why=f"it was {standing.state}")
            )
    return tuple(cancelled)


def _recover(
    queue: JobflowRemoteQueue, cluster: Cluster, standing: JobStanding, *, mended: bool
) -> Recovery:
    failure = standing.failure
    assert failure is not None  # noqa: S101 the caller chose by it
    limit = RESEND_LIMITS.get(failure.kind, 0)
    what = f"{failure.kind.value}: {failure.cause}"
    if standing.n_resent >= limit and not mended:
        rule = (
            f"sent back {standing.n_resent} times already"
            if limit
            else "it needs a person; then --mended"
        )
        return Recovery(name=standing.name, action="left", why=f"{what}; {rule}")
    if failure.kind is FailureKind.MEMORY:
        what += "; it asks for " + _more_memory(queue, cluster, standing.db_id)
    if failure.kind is FailureKind.DAMAGED:
        aside = _set_aside(queue, cluster, standing)
        if aside is None:
            return Recovery(name=standing.name, action="left", why=f"{what}; not in its own folder")
        what += f"; its files are set aside in {aside}, it starts anew"
    queue.controller.rerun_job(db_id=standing.db_id, wait=20)
    queue.controller.jobs.update_one(
        {"db_id": standing.db_id}, {"$inc": {"job.metadata.resent": 1}}
    )
    return Recovery(name=standing.name, action="sent back", why=what)


def _set_aside(queue: JobflowRemoteQueue, cluster: Cluster, standing: JobStanding) -> str | None:
    """Rename the folder of a run whose files are damaged; None where there is none."""
    folder = f"{cluster.work_dir}/{standing.uuid}"
    aside = f"{folder}.damaged-{standing.n_resent + 1}"
    host = queue.project.workers[QUEUE_WORKER].get_host()
    try:
        host.connect()
        _, _, status = host.execute(f"mv -n {shlex.quote(folder)} {shlex.quote(aside)}")
    except OSError:
        return None
    finally:
        host.close()
    return aside if status == 0 else None


def _more_memory(queue: JobflowRemoteQueue, cluster: Cluster, db_id: str) -> str:
    job = queue.controller.jobs.find_one({"db_id": db_id}, {"resources": 1})
    resources: dict[str, Any] = dict(job.get("resources") or {})
    found = re.fullmatch(r"(\d+)M", str(resources.get("mem", "")))
    most = 1000 * cluster.partition(resources["partition"]).memory_GB_per_node
    wanted = min(most, _MEMORY_FACTOR * int(found.group(1))) if found else most
    resources["mem"] = f"{round(wanted)}M"
    queue.controller.jobs.update_one({"db_id": db_id}, {"$set": {"resources": resources}})
    return f"{resources['mem']} of memory per node"


def _cancel_orphans(queue: JobflowRemoteQueue, cluster: Cluster) -> list[Recovery]:
    """Cancel jobs of the scheduler in our folder that the queue does not know any more."""
    worker = queue.project.workers[QUEUE_WORKER]
    host = worker.get_host()
    try:
        host.connect()
        output, _, status = host.execute("squeue -h -u $(id -un) -o '%i %Z'")
        if status != 0:
            return []
        ours = [line.split(maxsplit=1) for line in output.splitlines()]
        folder = f"{cluster.work_dir}/queue"
        orphans = [line[0] for line in ours if len(line) == 2 and line[1].startswith(folder)]
        orphans = _unknown(queue, orphans)
        if orphans:  # a runner may have submitted one, and be about to say so
            time.sleep(_ORPHAN_S)
            orphans = _unknown(queue, orphans)
        for number in orphans:
            host.execute(f"scancel {number}")
    except OSError:
        return []
    finally:
        host.close()
    return [
        Recovery(name=f"job {number}", action="cancelled", why="no job of the queue owns it")
        for number in orphans
    ]


def _unknown(queue: JobflowRemoteQueue, numbers: list[str]) -> list[str]:
    wanted = {"state": {"$in": _SUBMITTED}, "remote.process_id": {"$in": numbers}}
    known = queue.controller.jobs.distinct("remote.process_id", wanted)
    return [number for number in numbers if number not in known]

"""Send back what can go back, by the kind of its failure, and settle what nobody owns."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import FailureKind
from sulfox.clusters.jobflow_remote.project import QUEUE_WORKER
from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
from sulfox.clusters.monitoring import JobStanding, read_standings
from sulfox.clusters.recovery_rules import CANCELLED, GOING, Recovery, more_memory, why_left
from sulfox.errors import SulfoxError

__all__ = ["cancel_study", "resume_study"]

_SUBMITTED = ("SUBMITTED", "RUNNING")
_LOCK_WAIT_S = 20
#: So long the database may lag behind the scheduler [s].
_ORPHAN_S = 10.0
#: No step of a runner takes so long; what is locked since then was locked by one that died.
_LONGEST_LOCK = timedelta(minutes=30)
#: The same where a person says that no runner of before is left.
_SHORTEST_LOCK = timedelta(minutes=1)


def resume_study(
    queue: JobflowRemoteQueue, cluster: Cluster, study: str, *, mended: bool = False
) -> tuple[Recovery, ...]:
    """Send back the failed jobs of a study, within the limits of their kinds.

    A job that ran out of memory asks for twice as much; one whose files are damaged starts
    anew, and the files are set aside; what an input, the physics or a bug stopped, or a person
    cancelled, waits for a person. Checkpoints lie in the job's own folder, so a run goes on
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
        A person has mended what stopped the jobs that wait for one: they go back too, so do
        cancelled ones, and what a killed runner left locked is free after a minute, not after
        30.

    Returns
    -------
    tuple of Recovery
        One per failed job, one per job that a dead runner left locked, and one per job of the
        scheduler that no job of the queue owns.

    Raises
    ------
    SulfoxError
        SFX-804 if a runner holds a job all the while.
    """
    done = _unlock(queue, study, _SHORTEST_LOCK if mended else _LONGEST_LOCK)
    for standing in read_standings(queue, cluster, study):
        if standing.failure is not None:
            done.append(_recover(queue, cluster, standing, mended=mended))
        elif standing.state == "cancelled":
            done.append(_recover_cancelled(queue, standing, mended=mended))
    return (*done, *_cancel_orphans(queue, cluster))


def cancel_study(queue: JobflowRemoteQueue, cluster: Cluster, study: str) -> tuple[Recovery, ...]:
    """Cancel the jobs of a study that are not done; only ``resume --mended`` sends them back.

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
    cancelled = []
    for standing in read_standings(queue, cluster, study):
        if standing.state in GOING:
            if standing.state == "waiting":
                queue.controller.jobs.update_one(
                    {"db_id": standing.db_id, "state": "WAITING"},
                    {"$set": {"state": "USER_STOPPED"}},
                )
            else:
                with _locks():
                    queue.controller.stop_job(db_id=standing.db_id, wait=_LOCK_WAIT_S)
            cancelled.append(
                Recovery(name=standing.name, action="cancelled", why=f"it was {standing.state}")
            )
    return tuple(cancelled)


def _recover(
    queue: JobflowRemoteQueue, cluster: Cluster, standing: JobStanding, *, mended: bool
) -> Recovery:
    failure = standing.failure
    assert failure is not None  # noqa: S101 the caller chose by it
    what = f"{failure.kind.value}: {failure.cause}"
    rule = why_left(failure.kind, standing.n_resent, mended=mended)
    if rule is not None:
        return Recovery(name=standing.name, action="left", why=f"{what}; {rule}")
    if failure.kind is FailureKind.MEMORY:
        what += "; it asks for " + _more_memory(queue, cluster, standing.db_id)
    if failure.kind is FailureKind.DAMAGED:
        aside = _set_aside(queue, cluster, standing)
        if aside is None:
            return Recovery(name=standing.name, action="left", why=f"{what}; not in its own folder")
        what += f"; its files are set aside in {aside}, it starts anew"
    _send_back(queue, standing.db_id)
    return Recovery(name=standing.name, action="sent back", why=what)


def _send_back(queue: JobflowRemoteQueue, db_id: str) -> None:
    """Let a job run again, and with it those that have gone on without its output."""
    with _locks():
        try:
            queue.controller.rerun_job(db_id=db_id, wait=_LOCK_WAIT_S)
        except ValueError:  # a later job has run already, or this one was cancelled
            queue.controller.rerun_job(db_id=db_id, wait=_LOCK_WAIT_S, force=True)
    queue.controller.jobs.update_one({"db_id": db_id}, {"$inc": {"job.metadata.resent": 1}})


def _recover_cancelled(
    queue: JobflowRemoteQueue, standing: JobStanding, *, mended: bool
) -> Recovery:
    if not mended:
        return Recovery(name=standing.name, action="left", why=CANCELLED)
    jobs = queue.controller.jobs
    (parents,) = [job["parents"] for job in jobs.find({"db_id": standing.db_id}, {"parents": 1})]
    if all(state == "COMPLETED" for state in queue.states(parents).values()):
        _send_back(queue, standing.db_id)
    else:
        jobs.update_one(
            {"db_id": standing.db_id, "state": "USER_STOPPED"}, {"$set": {"state": "WAITING"}}
        )
    return Recovery(name=standing.name, action="sent back", why="you cancelled it")


@contextlib.contextmanager
def _locks() -> Iterator[None]:
    from jobflow_remote.utils.db import LockedDocumentError

    try:
        yield
    except LockedDocumentError as error:
        raise SulfoxError(
            "SFX-804",
            who="queue of jobflow-remote",
            found=str(error),
            expected="a job that no runner is working on",
            next_step="give the same command again in a minute",
        ) from None


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
    resources["mem"] = more_memory(resources.get("mem"), cluster, resources["partition"])
    queue.controller.jobs.update_one({"db_id": db_id}, {"$set": {"resources": resources}})
    return f"{resources['mem']} of memory per node"


def _unlock(queue: JobflowRemoteQueue, study: str, longest: timedelta) -> list[Recovery]:
    """Free the jobs and flows that a killed runner left locked."""
    before = datetime.now(UTC) - longest
    held: dict[str, Any] = {"lock_id": {"$ne": None}, "lock_time": {"$lt": before}}
    free = {"$set": {"lock_id": None, "lock_time": None}}
    jobs, flows = queue.controller.jobs, queue.controller.flows
    done = []
    for collection, field in ((jobs, "job.metadata.study"), (flows, "metadata.study")):
        for document in list(collection.find({**held, field: study})):
            same = {"_id": document["_id"], "lock_id": document["lock_id"]}
            collection.update_one(same, free)
            name = document["job"]["name"] if "job" in document else f"flow {document['name']}"
            since = document["lock_time"].replace(tzinfo=UTC)
            why = f"locked since {since:%Y-%m-%d %H:%M} UTC by a runner that is gone"
            done.append(Recovery(name=name, action="unlocked", why=why))
    return done


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

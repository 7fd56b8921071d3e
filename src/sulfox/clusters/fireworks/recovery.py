"""Send back and cancel jobs of a FireWorks launchpad, by the rules of the other engine."""

from __future__ import annotations

from pathlib import Path

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import FailureKind
from sulfox.clusters.fireworks.queue import FireworksQueue, ask_scheduler
from sulfox.clusters.monitoring import JobStanding
from sulfox.clusters.recovery_rules import CANCELLED, GOING, Recovery, more_memory, why_left

__all__ = ["cancel_fireworks", "resume_fireworks"]


def resume_fireworks(
    queue: FireworksQueue, cluster: Cluster, study: str, *, mended: bool = False
) -> tuple[Recovery, ...]:
    """Send back the failed jobs of a study, and those that the scheduler does not know any more.

    Parameters
    ----------
    queue : FireworksQueue
        The cluster's launchpad.
    cluster : Cluster
        The cluster.
    study : str
        Name of the study.
    mended : bool
        As for :func:`sulfox.clusters.jobflow_remote.recovery.resume_study`.

    Returns
    -------
    tuple of Recovery
        One per failed or cancelled job.
    """
    done = []
    for standing in queue.standings(cluster, study):
        if standing.failure is not None:
            done.append(_recover(queue, cluster, standing, mended=mended))
        elif standing.state == "cancelled" and not mended:
            done.append(Recovery(name=standing.name, action="left", why=CANCELLED))
        elif standing.state == "cancelled":
            queue.launchpad.reignite_fw(int(standing.db_id))
            done.append(Recovery(name=standing.name, action="sent back", why="you cancelled it"))
    return tuple(done)


def cancel_fireworks(queue: FireworksQueue, cluster: Cluster, study: str) -> tuple[Recovery, ...]:
    """Cancel the jobs of a study that are not done; only ``resume --mended`` sends them back.

    Parameters
    ----------
    queue : FireworksQueue
        The cluster's launchpad.
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
    standings = queue.standings(cluster, study)
    # FireWorks sends a started job back before it stops it, and its followers with it: those last
    started_first = sorted(
        (s for s in reversed(standings) if s.state in GOING),
        key=lambda standing: standing.state not in ("queued", "running"),
    )
    for standing in started_first:
        if standing.queue_id is not None and standing.state in ("queued", "running"):
            ask_scheduler("scancel", standing.queue_id)
        queue.launchpad.defuse_fw(int(standing.db_id))
        why = f"it was {standing.state}"
        cancelled.append(Recovery(name=standing.name, action="cancelled", why=why))
    return tuple(cancelled)


def _recover(
    queue: FireworksQueue, cluster: Cluster, standing: JobStanding, *, mended: bool
) -> Recovery:
    failure = standing.failure
    assert failure is not None  # noqa: S101 the caller chose by it
    what = f"{failure.kind.value}: {failure.cause}"
    rule = why_left(failure.kind, standing.n_resent, mended=mended)
    if rule is not None:
        return Recovery(name=standing.name, action="left", why=f"{what}; {rule}")
    number = int(standing.db_id)
    if failure.kind is FailureKind.DAMAGED:
        folder = Path(cluster.work_dir) / standing.uuid
        aside = folder.with_name(f"{folder.name}.damaged-{standing.n_resent + 1}")
        if not folder.is_dir() or aside.exists():
            return Recovery(name=standing.name, action="left", why=f"{what}; not in its own folder")
        folder.rename(aside)
        what += f"; its files are set aside in {aside}, it starts anew"
    queue.launchpad.rerun_fw(number)
    change: dict[str, str | int] = {"sulfox.resent": standing.n_resent + 1}
    if failure.kind is FailureKind.MEMORY:
        options = queue.launchpad.get_fw_dict_by_id(number)["spec"]["_queueadapter"]
        memory = more_memory(options.get("mem"), cluster, options["queue"])
        change["_queueadapter.mem"] = memory
        what += f"; it asks for {memory} of memory per node"
    queue.launchpad.update_spec([number], change)
    return Recovery(name=standing.name, action="sent back", why=what)

"""What is done about a job that failed, the same under every manager."""

from __future__ import annotations

import re

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import RESEND_LIMITS, FailureKind
from sulfox.documents.base import Record

__all__ = ["CANCELLED", "GOING", "Recovery", "more_memory", "why_left"]

CANCELLED = "you cancelled it; --mended sends it back"

#: States of :class:`~sulfox.clusters.monitoring.JobStanding` that a study's cancelling ends.
GOING = ("waiting", "ready", "queued", "running", "paused")

_MEMORY_FACTOR = 2


class Recovery(Record):
    """What was done about one job.

    Attributes
    ----------
    name : str
        What the job does.
    action : str
        ``"sent back"``, ``"left"``, ``"cancelled"`` or ``"unlocked"``.
    why : str
        The failure, and the rule.
    """

    name: str
    action: str
    why: str


def why_left(kind: FailureKind, n_resent: int, *, mended: bool) -> str | None:
    """Tell why a failed job is not sent back; None where it is.

    Parameters
    ----------
    kind : FailureKind
        Of its failure.
    n_resent : int
        How often it was sent back.
    mended : bool
        Whether a person has mended the cause.
    """
    limit = RESEND_LIMITS.get(kind, 0)
    if mended or n_resent < limit:
        return None
    return f"sent back {n_resent} times already" if limit else "it needs a person; then --mended"


def more_memory(asked: str | None, cluster: Cluster, partition: str) -> str:
    """Give twice the memory that a job asked for, at most that of a node.

    Parameters
    ----------
    asked : str or None
        As ``sbatch`` was told, ``"500M"``.
    cluster : Cluster
        The cluster.
    partition : str
        Where the job runs.
    """
    most = 1000 * cluster.partition(partition).memory_GB_per_node
    found = re.fullmatch(r"(\d+)M", str(asked))
    return f"{round(min(most, _MEMORY_FACTOR * int(found.group(1))) if found else most)}M"

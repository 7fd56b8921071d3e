"""Jobs that another cluster or another manager has in its queue, in the same database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sulfox.clusters.jobflow_remote.project import JOBS

if TYPE_CHECKING:
    from pymongo.database import Database

__all__ = ["GIVEN_UP", "find_elsewhere"]

#: States of either manager that give no output by themselves, nor by ``resume`` alone.
GIVEN_UP = ["USER_STOPPED", "STOPPED", "ARCHIVED", "DEFUSED"]


def find_elsewhere(
    database: Database[dict[str, Any]], cluster: str, manager: str, uuids: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Find the jobs that other queues hold, so that no two of them compute the same.

    What is cancelled there may go elsewhere; what failed there is waiting for ``resume``.

    Parameters
    ----------
    database : Database
        Of the queue.
    cluster, manager : str
        Whose queue is not another one.
    uuids : iterable of str
        Of the jobs asked for.

    Returns
    -------
    dict
        uuid -> (cluster, manager) of the queue that holds it.
    """
    wanted = list(uuids)
    found: dict[str, tuple[str, str]] = {}
    for name in sorted(database.list_collection_names()):
        other = name.removeprefix(JOBS)
        if other == name or (other, "jobflow-remote") == (cluster, manager):
            continue
        held = {"uuid": {"$in": wanted}, "state": {"$nin": GIVEN_UP}}
        for uuid in database[name].distinct("uuid", held):
            found[uuid] = (other, "jobflow-remote")
    held = {"spec.sulfox.uuid": {"$in": wanted}, "state": {"$nin": GIVEN_UP}}
    for job in database["fireworks"].find(held, {"spec.sulfox": 1}):
        own = job["spec"]["sulfox"]
        if (own.get("cluster"), "fireworks") != (cluster, manager):
            found[own["uuid"]] = (str(own.get("cluster")), "fireworks")
    return found

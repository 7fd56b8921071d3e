"""Open what a cluster's manager needs: its store and its queue."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.jobflow_remote_project import write_project
from sulfox.clusters.jobflow_remote_queue import JobflowRemoteQueue
from sulfox.errors import SulfoxError
from sulfox.settings import find_config
from sulfox.stores.described import read_description

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["cluster_store", "done_jobs", "open_queue", "projects_folder", "store_description"]


def store_description(cluster: Cluster) -> dict[str, Any]:
    """Read the description of a cluster's store.

    Parameters
    ----------
    cluster : Cluster
        Its `store` names a file in ``configs/stores``, or is the path of one.

    Raises
    ------
    SulfoxError
        SFX-501 if it is no description of a server's store.
    """
    return read_description(_store_file(cluster))


def cluster_store(cluster: Cluster) -> JobStore:
    """Open the store of a cluster's results.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    """
    from sulfox.stores.described import open_described_store

    return open_described_store(_store_file(cluster))


def projects_folder() -> Path:
    """jobflow-remote's folder of projects: ``JFREMOTE_PROJECTS_FOLDER``, else ``~/.jfremote``."""
    stated = os.environ.get("JFREMOTE_PROJECTS_FOLDER")
    return Path(stated).expanduser() if stated else Path.home() / ".jfremote"


def open_queue(cluster: Cluster) -> JobflowRemoteQueue:
    """Write the cluster's project file anew and open its queue.

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Returns
    -------
    JobflowRemoteQueue
        Its collections are there.

    Raises
    ------
    SulfoxError
        SFX-302 without jobflow-remote, SFX-501 if the database does not answer.
    """
    from pymongo.errors import PyMongoError

    project = write_project(cluster, store_description(cluster), projects_folder())
    try:
        queue = JobflowRemoteQueue(project)
        queue.initialise()
    except ImportError as error:
        raise SulfoxError(
            "SFX-302",
            who="jobflow-remote",
            found="the package is missing",
            expected="jobflow-remote on the manager's machine and on the cluster",
            next_step="pip install 'sulfox[remote]'",
        ) from error
    except PyMongoError as error:
        raise SulfoxError(
            "SFX-501",
            who=f"database of cluster {cluster.name}",
            found=type(error).__name__,
            expected="a MongoDB server that answers",
            next_step="see that it runs, and that the variables of its store file are set",
        ) from None
    return queue


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
    found = store.query(wanted, properties=["uuid"])
    return {document["uuid"] for document in found}


def _store_file(cluster: Cluster) -> Path:
    path = Path(cluster.store).expanduser()
    if path.suffix not in (".yaml", ".yml"):
        path = find_config("stores", cluster.store) or path
    if not path.is_file():
        raise SulfoxError(
            "SFX-501",
            who=f"store {cluster.store} of cluster {cluster.name}",
            found="no such file",
            expected="a YAML file that describes a MongoDB store",
            next_step="see configs/stores/mongodb.yaml",
        )
    return path

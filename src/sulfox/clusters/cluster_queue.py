"""Open what a cluster's manager needs: its store and its queue."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.fireworks.files import write_fireworks_files
from sulfox.clusters.fireworks.queue import FireworksQueue
from sulfox.clusters.jobflow_remote.project import write_project
from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
from sulfox.clusters.sizes.resources import job_resources
from sulfox.errors import SulfoxError
from sulfox.settings import find_config
from sulfox.stores.described import read_description
from sulfox.stores.server_failures import explain_server_failure

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = [
    "cluster_store",
    "database_errors",
    "fireworks_folder",
    "open_launchpad",
    "open_queue",
    "projects_folder",
    "store_description",
    "store_file",
]


def store_file(cluster: Cluster) -> Path:
    """Find the description of a cluster's store.

    Parameters
    ----------
    cluster : Cluster
        Its `store` names a file in ``configs/stores``, or is the path of one.

    Raises
    ------
    SulfoxError
        SFX-501 if there is none.
    """
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
    return read_description(store_file(cluster))


def cluster_store(cluster: Cluster) -> JobStore:
    """Open the store of a cluster's results.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    """
    from sulfox.stores.described import open_described_store

    return open_described_store(store_file(cluster))


def projects_folder() -> Path:
    """Folder of jobflow-remote's projects: ``JFREMOTE_PROJECTS_FOLDER``, else ``~/.jfremote``."""
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
    with database_errors(cluster), _package("jobflow-remote", "remote"):
        project = write_project(cluster, store_description(cluster), projects_folder())
        queue = JobflowRemoteQueue(project)
        queue.initialise()
    return queue


def fireworks_folder(cluster: Cluster) -> Path:
    """FireWorks' configuration folder of a cluster, beside jobflow-remote's projects.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    """
    return projects_folder() / f"fireworks-{cluster.name}"


def open_launchpad(cluster: Cluster) -> FireworksQueue:
    """Write FireWorks' files of a cluster anew and open its launchpad.

    Parameters
    ----------
    cluster : Cluster
        The cluster.

    Returns
    -------
    FireworksQueue
        Its collections are there.

    Raises
    ------
    SulfoxError
        SFX-302 without FireWorks, SFX-501 if the database does not answer, SFX-803 and SFX-806
        for the user's own file of the launchpad.
    """
    folder = fireworks_folder(cluster)
    with database_errors(cluster), _package("fireworks", "fireworks"):
        size = job_resources(cluster, "light", 1, "none")
        write_fireworks_files(cluster, store_description(cluster), folder, size)
        queue = FireworksQueue(folder, cluster.name)
        queue.initialise()
    return queue


@contextlib.contextmanager
def database_errors(cluster: Cluster) -> Iterator[None]:
    """Turn what the database answers into sentences.

    Parameters
    ----------
    cluster : Cluster
        Named in them.

    Raises
    ------
    SulfoxError
        SFX-501 if the database does not answer or does not let this user in, with the likely
        cause; SFX-503 if it takes no writes: full, over its quota, or only to be read by this user.
    """
    from pymongo.errors import PyMongoError

    try:
        yield
    except PyMongoError as error:
        who = f"database of cluster {cluster.name}"
        raise explain_server_failure(error).error(who) from None


@contextlib.contextmanager
def _package(package: str, extra: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise SulfoxError(
            "SFX-302",
            who=package,
            found="the package is missing",
            expected=f"{package} on the manager's machine and on the cluster",
            next_step=f"pip install 'sulfox[{extra}]'",
        ) from error

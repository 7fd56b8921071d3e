"""The jobflow-remote project of a cluster: rendered, never written by hand, without secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.private_files import write_private
from sulfox.stores.server import server_job_store, server_store

__all__ = ["JOBS", "LIGHT_WORKER", "changed_at", "project_name", "render_project", "write_project"]

#: Worker of jobs that need the database, on the manager's machine.
LIGHT_WORKER = "manager"
#: Collection of a cluster's jobs, before the cluster's name.
JOBS = "jobs-"
#: Worker of jobs that go through the scheduler.
QUEUE_WORKER = "queue"
_HEADER = "# Made by sulfox from its cluster and store files; changes here are lost.\n"
_CHANGED = "# Its content changed at "


def project_name(cluster: Cluster) -> str:
    """Name of the project, ``"sulfox-<cluster>"``.

    Parameters
    ----------
    cluster : Cluster
        The cluster.
    """
    return f"sulfox-{cluster.name}"


def render_project(cluster: Cluster, store: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the content of the project file.

    Parameters
    ----------
    cluster : Cluster
        Where jobs run.
    store : dict
        Content of a file in ``configs/stores``; its ``${NAME}`` stay as they are.
    folder : Path
        Folder of the manager's own files (logs, downloads, daemon, jobs it runs itself).

    Returns
    -------
    dict
        As jobflow-remote's ``Project`` takes it.
    """
    queue: dict[str, Any] = {
        "scheduler_type": cluster.scheduler,
        "work_dir": f"{cluster.work_dir}/queue",
        "pre_run": cluster.pre_run() + cluster.version_check(),
        "max_jobs": cluster.max_jobs,
        "timeout_execute": 120,
    }
    if cluster.login is None:
        queue["type"] = "local"
    else:
        queue |= {"type": "remote", "host": cluster.login.host}
        queue |= {"user": cluster.login.user} if cluster.login.user else {}
    documents = dict(store["docs_store"])
    return {
        "name": project_name(cluster),
        "base_dir": str(folder),
        "log_level": "info",
        "runner": {
            "delay_checkout": cluster.poll_s,
            "delay_check_run_status": cluster.poll_s,
            "delay_advance_status": cluster.poll_s,
            "delay_refresh_limited": 20 * cluster.poll_s,
            "delay_update_batch": 2 * cluster.poll_s,
            "delta_retry": [cluster.poll_s, 10 * cluster.poll_s, 40 * cluster.poll_s],
        },
        "workers": {
            QUEUE_WORKER: queue,
            LIGHT_WORKER: {
                "type": "local",
                "scheduler_type": "shell",
                "work_dir": str(folder / "manager-jobs"),
                "pre_run": cluster.pre_run() if cluster.login is None else "",
                "max_jobs": 2,
            },
        },
        "queue": {
            # of this cluster alone: a runner takes whatever is ready in its collection
            "store": server_store({**documents, "collection_name": f"{JOBS}{cluster.name}"}),
            "flows_collection": f"flows-{cluster.name}",
            "auxiliary_collection": f"jf_auxiliary-{cluster.name}",
        },
        "jobstore": server_job_store(store),
    }


def write_project(cluster: Cluster, store: dict[str, Any], folder: Path) -> Path:
    """Write the project file, readable by its owner only, and when its content changed.

    Parameters
    ----------
    cluster : Cluster
        Where jobs run.
    store : dict
        Content of a file in ``configs/stores``.
    folder : Path
        jobflow-remote's folder of projects.

    Returns
    -------
    Path
        ``<folder>/sulfox-<cluster>.yaml``.
    """
    content = render_project(cluster, store, folder / project_name(cluster))
    path = folder / f"{project_name(cluster)}.yaml"
    text = yaml.safe_dump(content, sort_keys=False)
    changed = changed_at(path)
    if path.is_file() and _content(path) != yaml.safe_load(text):
        changed = datetime.now(UTC)
    when = "" if changed is None else f"{_CHANGED}{changed.isoformat()}\n"
    return write_private(path, _HEADER + when + text)


def changed_at(path: Path) -> datetime | None:
    """Read when the content of a project file last became another.

    Parameters
    ----------
    path : Path
        As :func:`write_project` wrote it.

    Returns
    -------
    datetime or None
        UTC; None where it is the first, or there is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[:2]
        stated = next(line for line in lines if line.startswith(_CHANGED))
        return datetime.fromisoformat(stated.removeprefix(_CHANGED))
    except (OSError, ValueError, StopIteration):
        return None


def _content(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None

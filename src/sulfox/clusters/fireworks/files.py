"""The files that FireWorks reads, for a cluster: rendered, without secrets of our own.

FireWorks knows no variables: where the database wants a password, ``my_launchpad.yaml`` is
the user's own file, and only its mode is checked here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.private_files import refuse_readable_by_others, write_private
from sulfox.clusters.sizes.resources import Resources
from sulfox.errors import SulfoxError
from sulfox.stores.server import resolve_options, resolve_variables, server_job_store

__all__ = ["queue_options", "write_fireworks_files"]

_SECRET_OPTION = re.compile("password|token", re.IGNORECASE)
_HEADER = "# Made by sulfox from its cluster and store files; changes here are lost.\n"


def queue_options(cluster: Cluster, resources: Resources) -> dict[str, Any]:
    """Options of one job for FireWorks' SLURM adapter (``_queueadapter``).

    Parameters
    ----------
    cluster : Cluster
        For its account and partition.
    resources : Resources
        Size of the job.
    """
    partition = cluster.partition(resources.partition)
    options: dict[str, Any] = {
        "queue": partition.name,
        "nodes": resources.nodes,
        "ntasks_per_node": resources.tasks // resources.nodes,
        "cpus_per_task": resources.threads,
        "mem": f"{round(1000 * resources.memory_GB / resources.nodes)}M",
        "walltime": resources.time_text,
        "account": cluster.account,
        "qos": partition.qos,
        "constraint": partition.constraint,
        "gres": f"gpu:{resources.gpus // resources.nodes}" if resources.gpus else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def write_fireworks_files(
    cluster: Cluster, store: dict[str, Any], folder: Path, default: Resources
) -> list[Path]:
    """Write ``my_launchpad``, ``my_fworker``, ``my_qadapter`` and ``jobflow.yaml``.

    Parameters
    ----------
    cluster : Cluster
        Where jobs run.
    store : dict
        Content of a file in ``configs/stores``.
    folder : Path
        FireWorks' configuration folder.
    default : Resources
        Of a job that does not say its own.

    Returns
    -------
    list of Path
        What was written; a user's own ``my_launchpad.yaml`` is left alone.

    Raises
    ------
    SulfoxError
        SFX-501 if a variable of the store is not set, SFX-803 if the user's own
        ``my_launchpad.yaml`` is readable by others, SFX-806 if the database wants a password
        and there is none.
    """
    documents = store["docs_store"]
    launchpad = folder / "my_launchpad.yaml"
    contents: dict[str, dict[str, Any]] = {
        "my_fworker.yaml": {"name": cluster.name, "category": cluster.name, "query": "{}"},
        "my_qadapter.yaml": {
            "_fw_name": "CommonAdapter",
            "_fw_q_type": "SLURM",
            "rocket_launch": f"rlaunch -c {folder} singleshot",
            "job_name": "sulfox",
            "logdir": str(folder / "logs"),
            "pre_rocket": cluster.pre_run()
            + cluster.version_check()
            + f"export JOBFLOW_CONFIG_FILE={folder / 'jobflow.yaml'}\n",
            **queue_options(cluster, default),
        },
        "jobflow.yaml": {"JOB_STORE": server_job_store(store)},
    }
    if launchpad.exists() and not launchpad.read_text(encoding="utf-8").startswith(_HEADER):
        refuse_readable_by_others(launchpad)
    else:
        contents["my_launchpad.yaml"] = _open_launchpad(documents, launchpad)
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    return [
        write_private(folder / name, _HEADER + yaml.safe_dump(content, sort_keys=False))
        for name, content in contents.items()
    ]


def _open_launchpad(documents: dict[str, Any], path: Path) -> dict[str, Any]:
    """Content of a launchpad for a database without a password."""
    options = documents.get("mongoclient_kwargs") or {}
    secret = any(_SECRET_OPTION.search(name) for name in options)
    if resolve_variables(documents.get("password") or "") or documents.get("uri") or secret:
        more = [name for name in ("auth_source", "mongoclient_kwargs") if documents.get(name)]
        also = " and ".join(name.replace("_source", "source") for name in more)
        raise SulfoxError(
            "SFX-806",
            who=str(path),
            found="the database wants a password, and FireWorks reads it from this file only",
            expected="a file of your own with host, port, name, username and password, mode 600",
            next_step=f"lpad init -c {path.parent}, "
            + (f"write {also} of the store's file into it, " if also else "")
            + f"then chmod 600 {path}",
        )
    return {
        "host": resolve_variables(documents["host"]),
        "port": int(resolve_variables(documents.get("port", 27017))),
        "name": resolve_variables(documents["database"]),
        "username": None,
        "password": None,
        "authsource": resolve_variables(documents.get("auth_source") or "") or None,
        "mongoclient_kwargs": resolve_options(options),
        "strm_lvl": "ERROR",
    }

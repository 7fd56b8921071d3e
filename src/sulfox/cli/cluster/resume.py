"""``sulfox resume`` and ``sulfox cancel``: send back what can go back, or stop a study."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sulfox.cli.options import JsonOutput, ManagerName
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text

__all__ = ["cancel", "resume"]

StudyName = Annotated[str, typer.Argument(help="Name of a study, or its folder.")]
ClusterName = Annotated[str, typer.Option("--cluster", help="A file of configs/clusters.")]


def resume(
    study: StudyName,
    cluster: ClusterName,
    mended: Annotated[
        bool,
        typer.Option("--mended", help="Also what waits for a person."),
    ] = False,
    manager: ManagerName = "jobflow-remote",
    as_json: JsonOutput = False,
) -> None:
    """Send back the failed jobs that can go back, each kind of failure by its own rule."""
    from sulfox.cli.cluster.named_study import study_name
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import database_errors
    from sulfox.clusters.manager import Manager

    machine = load_cluster(cluster)
    with database_errors(machine):
        managed = Manager(manager, machine)
        name = managed.known_study(study_name(study))
        done = managed.resume(name, mended=mended)
        emit_note(*managed.remarks())
    _tell(name, done, as_json=as_json)


def cancel(
    study: StudyName,
    cluster: ClusterName,
    manager: ManagerName = "jobflow-remote",
    as_json: JsonOutput = False,
) -> None:
    """Cancel the jobs of a study that are not done; what is done stays."""
    from sulfox.cli.cluster.named_study import study_name
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import database_errors
    from sulfox.clusters.manager import Manager

    machine = load_cluster(cluster)
    with database_errors(machine):
        managed = Manager(manager, machine)
        name = managed.known_study(study_name(study))
        done = managed.cancel(name)
    _tell(name, done, as_json=as_json)


def _tell(study: str, done: tuple[Any, ...], *, as_json: bool) -> None:
    if as_json:
        emit_json({"study": study, "jobs": done})
    elif done:
        emit_table(study, ("job", "what", "why"), [(r.name, r.action, r.why) for r in done])
    else:
        emit_text(f"Nothing of {study} to do.")

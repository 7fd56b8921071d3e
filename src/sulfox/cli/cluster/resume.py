"""``sulfox resume`` and ``sulfox cancel``: send back what can go back, or stop a study."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sulfox.cli.options import JsonOutput, Manager
from sulfox.cli.output import emit_json, emit_table, emit_text

__all__ = ["cancel", "resume"]

StudyName = Annotated[str, typer.Argument(help="Name of a study.")]
ClusterName = Annotated[str, typer.Option("--cluster", help="A file of configs/clusters.")]


def resume(
    study: StudyName,
    cluster: ClusterName,
    mended: Annotated[
        bool,
        typer.Option("--mended", help="Also what waits for a person."),
    ] = False,
    manager: Manager = "jobflow-remote",
    as_json: JsonOutput = False,
) -> None:
    """Send back the failed jobs that can go back, each kind of failure by its own rule."""
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import database_errors, open_launchpad, open_queue
    from sulfox.clusters.fireworks.recovery import resume_fireworks
    from sulfox.clusters.jobflow_remote.recovery import resume_study

    machine = load_cluster(cluster)
    with database_errors(machine):
        if manager == "fireworks":
            done = resume_fireworks(open_launchpad(machine), machine, study, mended=mended)
        else:
            done = resume_study(open_queue(machine), machine, study, mended=mended)
    _tell(study, done, as_json=as_json)


def cancel(
    study: StudyName,
    cluster: ClusterName,
    manager: Manager = "jobflow-remote",
    as_json: JsonOutput = False,
) -> None:
    """Cancel the jobs of a study that are not done; what is done stays."""
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import database_errors, open_launchpad, open_queue
    from sulfox.clusters.fireworks.recovery import cancel_fireworks
    from sulfox.clusters.jobflow_remote.recovery import cancel_study

    machine = load_cluster(cluster)
    with database_errors(machine):
        if manager == "fireworks":
            done = cancel_fireworks(open_launchpad(machine), machine, study)
        else:
            done = cancel_study(open_queue(machine), machine, study)
    _tell(study, done, as_json=as_json)


def _tell(study: str, done: tuple[Any, ...], *, as_json: bool) -> None:
    if as_json:
        emit_json({"study": study, "jobs": done})
    elif done:
        emit_table(study, ("job", "what", "why"), [(r.name, r.action, r.why) for r in done])
    else:
        emit_text(f"Nothing of {study} to do.")

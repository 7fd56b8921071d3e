"""``sulfox resume`` and ``sulfox cancel``: send back what can go back, or stop a study."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sulfox.cli.cluster.managed_study import managed_study
from sulfox.cli.options import ClusterName, JsonOutput, ManagerName, StudyName
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text

__all__ = ["cancel", "resume"]


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
    with managed_study(study, cluster, manager) as (managed, name):
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
    with managed_study(study, cluster, manager) as (managed, name):
        done = managed.cancel(name)
    _tell(name, done, as_json=as_json)


def _tell(study: str, done: tuple[Any, ...], *, as_json: bool) -> None:
    if as_json:
        emit_json({"study": study, "jobs": done})
    elif done:
        emit_table(study, ("job", "what", "why"), [(r.name, r.action, r.why) for r in done])
    else:
        emit_text(f"Nothing of {study} to do.")

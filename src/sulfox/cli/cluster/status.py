"""``sulfox status``: where a study stands on a cluster, and why what failed failed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sulfox.cli.cluster.managed_study import managed_study
from sulfox.cli.options import ClusterName, JsonOutput, ManagerName, StudyName
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text

__all__ = ["status"]


def status(
    study: StudyName,
    cluster: ClusterName,
    manager: ManagerName = "jobflow-remote",
    jobs: Annotated[bool, typer.Option("--jobs", help="One line per job.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Say where each interface stands, how fast it runs, and why what failed failed."""
    from collections import Counter

    from sulfox.clusters.monitoring import interface_standings

    with managed_study(study, cluster, manager) as (managed, name):
        standings = managed.standings(name)
        emit_note(*managed.remarks())
    counts = Counter(standing.state for standing in standings)
    interfaces = interface_standings(standings)
    if as_json:
        content = {"study": name, "cluster": managed.cluster.name, "states": counts}
        emit_json({**content, "interfaces": interfaces, "jobs": standings})
        return
    title = f"{name} on {managed.cluster.name}"
    ends = ("done [ps]", "pace [ps/h]", "left", "why")
    if jobs:
        emit_table(title, ("job", "state", *ends), map(_job_row, standings))
    else:
        columns = ("interface", "jobs done", "now", *ends)
        emit_table(title, columns, map(_interface_row, interfaces))
    emit_text(", ".join(f"{n} {state}" for state, n in sorted(counts.items())))


def _interface_row(standing: Any) -> tuple[Any, ...]:
    return (
        standing.interface or "(shared)",
        f"{standing.n_done} of {standing.n_jobs}",
        "\n".join(standing.now) or None,
        _progress(standing) if standing.asked_ps else None,
        *_pace(standing),
        "\n".join(standing.failures) or None,
    )


def _job_row(standing: Any) -> tuple[Any, ...]:
    progress = None if standing.asked_ps is None else _progress(standing)
    if standing.index > 1:
        progress = f"{progress or ''} (job {standing.index} of this run)".strip()
    failure = standing.failure
    return (
        standing.name,
        standing.state,
        progress,
        *_pace(standing),
        None if failure is None else f"{failure.kind.value}: {failure.cause}",
    )


def _progress(standing: Any) -> str:
    return f"{standing.done_ps:.4g} of {standing.asked_ps:.4g}"


def _pace(standing: Any) -> tuple[str | None, str | None]:
    pace, left = standing.ps_per_hour, standing.seconds_left
    return (
        None if pace is None else f"{pace:.3g}",
        None if left is None else f"{left / 3600:.1f} h" if left > 3600 else f"{left / 60:.0f} min",
    )

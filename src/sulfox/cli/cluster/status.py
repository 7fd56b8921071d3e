"""``sulfox status``: where a study stands on a cluster, and why what failed failed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sulfox.cli.options import JsonOutput, Manager
from sulfox.cli.output import emit_json, emit_table, emit_text

__all__ = ["status"]


def status(
    study: Annotated[str, typer.Argument(help="Name of a study.")],
    cluster: Annotated[str, typer.Option("--cluster", help="A file of configs/clusters.")],
    manager: Manager = "jobflow-remote",
    as_json: JsonOutput = False,
) -> None:
    """Say where each job stands, how fast it runs, and why what failed failed."""
    from collections import Counter

    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import database_errors, open_launchpad, open_queue
    from sulfox.clusters.monitoring import read_standings

    machine = load_cluster(cluster)
    with database_errors(machine):
        if manager == "fireworks":
            standings = open_launchpad(machine).standings(machine, study)
        else:
            standings = read_standings(open_queue(machine), machine, study)
    counts = Counter(standing.state for standing in standings)
    if as_json:
        emit_json({"study": study, "cluster": machine.name, "states": counts, "jobs": standings})
        return
    if not standings:
        emit_text(f"No job of {study} is in the queue of {machine.name}.")
        return
    columns = ("job", "state", "progress", "pace [ps/h]", "left", "why")
    emit_table(f"{study} on {machine.name}", columns, map(_row, standings))
    emit_text(", ".join(f"{n} {state}" for state, n in sorted(counts.items())))


def _row(standing: Any) -> tuple[Any, ...]:
    done = standing.steps_done
    progress = None if done is None else f"{done} of {standing.n_steps} steps"
    if standing.index > 1:
        progress = f"{progress or ''} (job {standing.index} of this run)".strip()
    left = standing.seconds_left
    failure = standing.failure
    return (
        standing.name,
        standing.state,
        progress,
        None if standing.ps_per_hour is None else f"{standing.ps_per_hour:.3g}",
        None if left is None else f"{left / 3600:.1f} h" if left > 3600 else f"{left / 60:.0f} min",
        None if failure is None else f"{failure.kind.value}: {failure.cause}",
    )

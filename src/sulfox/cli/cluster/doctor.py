"""``sulfox doctor``: what must hold before a study runs, and what to do where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sulfox.clusters.preflight import Check

__all__ = ["doctor"]


def doctor(
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="A file of configs/clusters; none: here.")
    ] = None,
    study: Annotated[
        str | None, typer.Option("--study", help="Also what this study needs.")
    ] = None,
    wait_s: Annotated[
        float, typer.Option("--wait", help="How long the test job may take [s].", min=1)
    ] = 180.0,
    as_json: JsonOutput = False,
) -> None:
    """Check this machine, or a cluster with its database and a test job."""
    from sulfox.errors import SulfoxError

    checks = list(_checks(cluster, study, wait_s))
    bad = [check.name for check in checks if check.state == "problem"]
    if as_json:
        emit_json({"cluster": cluster, "study": study, "problems": len(bad), "checks": checks})
    else:
        rows = [(c.name, c.state, c.found, c.next_step) for c in checks]
        emit_table(f"{cluster or 'this machine'}", ("check", "is", "found", "do"), rows)
    if bad:
        raise SulfoxError(
            "SFX-807",
            who=cluster or "this machine",
            found=f"{len(bad)} of {len(checks)} checks: {', '.join(bad)}",
            expected="no problem",
            next_step="do what the last column says, then run doctor again",
        )


def _checks(cluster: str | None, study: str | None, wait_s: float) -> Iterator[Check]:
    from sulfox.clusters.preflight import check_database, check_here, check_study

    yield from check_here()
    machine = None
    if cluster is not None:
        from sulfox.clusters.cluster import load_cluster
        from sulfox.clusters.cluster_queue import open_queue
        from sulfox.clusters.worker_checks import check_worker

        machine = load_cluster(cluster)
        queue = open_queue(machine)
        yield from check_database(queue)
        yield from check_worker(queue, machine, seconds=wait_s)
    if study is not None:
        from sulfox.flows.study import load_study

        yield from check_study(load_study(study), machine)

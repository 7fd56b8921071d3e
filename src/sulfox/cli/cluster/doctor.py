"""``sulfox doctor``: what must hold before a study runs, and what to do where it does not."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.options import JsonOutput, ManagerName
from sulfox.cli.output import emit_json, emit_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sulfox.clusters.checks.preflight import Check
    from sulfox.clusters.cluster import Cluster

__all__ = ["doctor"]


def doctor(
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="A file of configs/clusters; none: here.")
    ] = None,
    study: Annotated[
        str | None, typer.Option("--study", help="Also what this study needs.")
    ] = None,
    manager: ManagerName = "jobflow-remote",
    wait_s: Annotated[
        float, typer.Option("--wait", help="How long the test job may take [s].", min=1)
    ] = 180.0,
    as_json: JsonOutput = False,
) -> None:
    """Check this machine, or a cluster with its database and a test job."""
    from sulfox.errors import SulfoxError

    checks = list(_checks(cluster, study, manager, wait_s))
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


def _checks(cluster: str | None, study: str | None, manager: str, wait_s: float) -> Iterator[Check]:
    from sulfox.clusters.checks.preflight import check_here, check_study, check_walltime, judged
    from sulfox.errors import SulfoxError

    yield from check_here()
    machine = None
    if cluster is not None:
        from sulfox.clusters.cluster import load_cluster

        try:
            machine = load_cluster(cluster)
        except SulfoxError as error:
            yield judged(f"cluster {cluster}", True, error.found, error.next_step)
        else:
            yield from _cluster_checks(machine, manager, wait_s)
    if study is not None:
        from sulfox.flows.study import load_study

        asked = load_study(study)
        yield from check_study(asked, machine)
        if machine is not None:
            yield from check_walltime(asked, machine)


def _cluster_checks(machine: Cluster, manager: str, wait_s: float) -> Iterator[Check]:
    from sulfox.clusters.checks.preflight import Check, check_database, check_results, judged
    from sulfox.clusters.checks.worker_checks import check_worker
    from sulfox.clusters.cluster_queue import (
        database_errors,
        open_launchpad,
        open_queue,
        store_file,
    )
    from sulfox.errors import SulfoxError

    try:
        queue = open_queue(machine)
    except SulfoxError as error:
        yield judged(error.who, True, error.found, error.next_step)
        left = "login node, scheduler and nodes"
        yield Check(name=left, state="left out", found="they need the database's answer")
        return
    yield from check_database(queue)
    yield from check_results(store_file(machine))
    if manager == "fireworks":
        try:
            with database_errors(machine):
                n_jobs = len(open_launchpad(machine).states())
            yield judged("launchpad of FireWorks", False, f"{n_jobs} jobs of {machine.name}", "")
        except SulfoxError as error:
            yield judged("launchpad of FireWorks", True, error.found, error.next_step)
        place = shutil.which("qlaunch")
        next_step = "pip install 'sulfox[fireworks]', and activate its environment"
        yield judged("qlaunch", place is None, place or "not found", next_step)
    yield from check_worker(queue, machine, seconds=wait_s)

"""``sulfox submit``: a study to a cluster, only what is new."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.options import ClusterName, Engine, JsonOutput, ManagerName
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text
from sulfox.cli.study import LengthPs, Only, Potential, ProtocolName, Seeds, Variants, parse_parts

if TYPE_CHECKING:
    from sulfox.clusters.cluster import Cluster
    from sulfox.clusters.manager import Manager
    from sulfox.clusters.submission import SubmissionPlan
    from sulfox.flows.study import Study

__all__ = ["submit"]

#: To estimate its dynamics, an interface is built, some 10 s; so for this many at most.
_MOST_ESTIMATED = 8


def submit(
    study: Annotated[str, typer.Argument(help="Folder with a study.yaml, or a study's name.")],
    cluster: ClusterName,
    engine: Engine = None,
    potential: Potential = None,
    seeds: Seeds = None,
    length_ps: LengthPs = None,
    variants: Variants = False,
    only: Only = None,
    protocol: ProtocolName = None,
    manager: ManagerName = "jobflow-remote",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be added.")
    ] = False,
    budget: Annotated[
        float, typer.Option("--budget", help="Core-hours above which it asks first.", min=0)
    ] = 1000.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    preflight: Annotated[
        bool, typer.Option("--preflight/--no-preflight", help="Check what the study needs first.")
    ] = True,
    as_json: JsonOutput = False,
) -> None:
    """Submit a study to a cluster; submitting it again adds only what is new."""
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import cluster_store, database_errors
    from sulfox.clusters.manager import Manager
    from sulfox.clusters.other_queues import find_elsewhere
    from sulfox.clusters.submission import plan_submission
    from sulfox.flows.interface_study import build_study_flow
    from sulfox.flows.local_manager import done_jobs
    from sulfox.flows.study import StudyOverrides, load_study

    overrides = StudyOverrides(
        engine=engine,
        potential=potential,
        n_seeds=seeds,
        length_ps=length_ps,
        variants=variants,
        only=parse_parts(only),
        protocol=protocol,
    )
    machine = load_cluster(cluster)
    # what VASP is there, not here, is part of a job's identity
    os.environ["SULFOX_VASP_STD_COMMAND"] = machine.commands.vasp_std
    os.environ["SULFOX_VASP_GAM_COMMAND"] = machine.commands.vasp_gam
    asked = load_study(study).with_overrides(overrides)
    made = build_study_flow(asked)
    emit_note(*made.left_out)
    uuids = [job.uuid for job, _ in made.flow.iterflow()]
    managed = Manager(manager, machine)
    queue = managed.queue
    with database_errors(machine):
        emit_note(*managed.remarks())
        if not dry_run:
            queue.settle(asked.name)
        states = queue.states(uuids)
        done = done_jobs(cluster_store(machine), uuids)
        undone = [uuid for uuid in uuids if uuid not in done and uuid not in states]
        others = find_elsewhere(queue.database, machine.name, manager, undone)
        plan, jobs = plan_submission(
            made.flow,
            machine,
            study=asked.name,
            max_atoms=asked.interface.max_atoms,
            done=done,
            queued=states.keys(),
            elsewhere=others.keys(),
            pace=_pace(asked, machine),
        )
    emit_note(*_remarks(asked.name, managed, states, others))
    _tell(plan, as_json=as_json, dry_run=dry_run)
    if not plan.jobs:
        return
    if preflight:
        _check_first(asked, managed, dry_run=dry_run)
    if dry_run:
        return
    _confirm(plan, budget, yes=yes, as_json=as_json)
    with database_errors(machine):
        added = queue.submit(plan, jobs, machine)
    if not as_json:
        named = f"{asked.name} --cluster {cluster}{managed.option}"
        emit_text(f"{added} jobs added; see: sulfox status {named}")


def _remarks(
    study: str,
    managed: Manager,
    states: Mapping[str, str],
    others: Mapping[str, tuple[str, str]],
) -> Iterator[str]:
    """Say what stands still here, and what another queue has."""
    from sulfox.clusters.other_queues import GIVEN_UP

    n_cancelled = sum(state in GIVEN_UP for state in states.values())
    if n_cancelled:
        yield (
            f"{n_cancelled} jobs are cancelled; to take them up: sulfox resume {study} "
            f"--cluster {managed.cluster.name}{managed.option} --mended"
        )
    for (other, its_manager), n in Counter(others.values()).items():
        yield (
            f"{n} jobs are in the queue of {other} ({its_manager}), and are not added here; to "
            f"move them: sulfox cancel {study} --cluster {other} --manager {its_manager}, then "
            "this again"
        )


def _tell(plan: SubmissionPlan, *, as_json: bool, dry_run: bool) -> None:
    from sulfox.clusters.submission import describe

    if as_json:
        emit_json({"dry_run": dry_run, "plan": plan})
        return
    known = f"{plan.n_queued} in the queue, {plan.n_done} done"
    if plan.n_elsewhere:
        known += f", {plan.n_elsewhere} in other queues or waiting for them"
    if not plan.jobs:
        emit_text(f"{plan.study} on {plan.cluster}: nothing new; {known}")
        return
    rows = [
        (*list(row.values())[:-2], f"{row['core_hours']:.3g}", f"{row['gpu_hours']:.3g}")
        for row in describe(plan)
    ]
    columns = (
        "kind",
        "partition",
        "nodes",
        "cores",
        "GPUs",
        "time limit [h]",
        "new",
        "jobs in the queue",
        "core-hours",
        "GPU-hours",
    )
    emit_table(f"{plan.study} on {plan.cluster}: new jobs", columns, rows)
    emit_text(*plan.steps, f"{len(plan.jobs)} new, {known}; {_cost(plan)}")
    emit_text(*(f"basis: {text}" for text in plan.basis))


def _cost(plan: SubmissionPlan) -> str:
    cost = f"{plan.core_hours:.3g} core-hours"
    return f"{cost}, {plan.gpu_hours:.3g} GPU-hours" if plan.gpu_hours else cost


def _pace(study: Study, cluster: Cluster) -> Callable[[str], float | None]:
    from sulfox.clusters.sizes.estimate import expected_pace
    from sulfox.errors import SulfoxError

    estimated: dict[str, float | None] = {}

    def pace(pair: str) -> float | None:
        if pair not in estimated and len(estimated) >= _MOST_ESTIMATED:
            if len(estimated) == _MOST_ESTIMATED:
                emit_note(f"all others are counted as the slowest of these {_MOST_ESTIMATED}")
            estimated[pair] = max(filter(None, estimated.values()), default=None)
        if pair not in estimated:
            emit_note(f"estimating the dynamics of {pair}")
            try:
                estimated[pair] = expected_pace(study, cluster, pair)
            except SulfoxError as error:
                emit_note(f"no estimate: {error.line}")
                estimated[pair] = None
        return estimated[pair]

    return pace


def _check_first(study: Study, managed: Manager, *, dry_run: bool) -> None:
    """Make the checks of doctor that need neither the scheduler nor a node."""
    from sulfox.clusters.checks.preflight import check_database, check_study
    from sulfox.clusters.cluster_queue import database_errors
    from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
    from sulfox.errors import SulfoxError

    cluster = managed.cluster
    checks = list(check_study(study, cluster))
    if isinstance(managed.queue, JobflowRemoteQueue) and not dry_run:
        with database_errors(cluster):
            checks += check_database(managed.queue)
    # what refuses to be written is told by the submission itself, with its cause
    bad = [c for c in checks if c.state == "problem" and not c.name.endswith("writable")]
    told: dict[str, list[str]] = {}
    for check in bad:
        told.setdefault(f"{check.found}; {check.next_step}", []).append(check.name)
    emit_note(*(f"{', '.join(names)}: {what}" for what, names in told.items()))
    if bad and not dry_run:
        raise SulfoxError(
            "SFX-807",
            who=f"{study.name} on {cluster.name}",
            found=f"{len(bad)} of {len(checks)} checks: {', '.join(c.name for c in bad)}",
            expected="no problem before jobs are added",
            next_step=f"mend them (sulfox doctor --cluster {cluster.name} --study {study.name} "
            "checks more), or give --no-preflight",
        )


def _confirm(plan: SubmissionPlan, budget: float, *, yes: bool, as_json: bool) -> None:
    from sulfox.errors import SulfoxError

    if plan.core_hours <= budget or yes:
        return
    question = f"That is {_cost(plan)}, above {budget:.0f}. Submit?"
    if not as_json and _agrees(question):
        return
    raise SulfoxError(
        "SFX-805",
        who=plan.study,
        found=_cost(plan),
        expected=f"at most {budget:.0f} (--budget)",
        next_step="give --yes, a larger --budget, or a smaller study",
    )


def _agrees(question: str) -> bool:
    """Ask; whoever says nothing, because nobody is there, does not agree."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort as stop:
        if isinstance(stop.__context__, EOFError):
            emit_note("")
            return False
        raise

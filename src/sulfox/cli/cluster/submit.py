"""``sulfox submit``: a study to a cluster, only what is new."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.options import Engine, JsonOutput, Manager
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text
from sulfox.cli.study import LengthPs, Only, Potential, ProtocolName, Seeds, Variants, parse_parts

if TYPE_CHECKING:
    from sulfox.clusters.submission import SubmissionPlan

__all__ = ["submit"]

ClusterName = Annotated[str, typer.Option("--cluster", help="A file of configs/clusters.")]


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
    manager: Manager = "jobflow-remote",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be added.")
    ] = False,
    budget: Annotated[
        float, typer.Option("--budget", help="Core-hours above which it asks first.", min=0)
    ] = 1000.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOutput = False,
) -> None:
    """Submit a study to a cluster; submitting it again adds only what is new."""
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import (
        cluster_store,
        database_errors,
        open_manager,
    )
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
    queue = open_manager(machine, manager)
    with database_errors(machine):
        plan, jobs = plan_submission(
            made.flow,
            machine,
            study=asked.name,
            max_atoms=asked.interface.max_atoms,
            done=done_jobs(cluster_store(machine), uuids),
            queued=set(queue.states(uuids)),
        )
    _tell(plan, as_json=as_json, dry_run=dry_run)
    if dry_run or not plan.jobs:
        return
    _confirm(plan, budget, yes=yes, as_json=as_json)
    with database_errors(machine):
        added = queue.submit(plan, jobs, machine)
    if not as_json:
        named = f"{asked.name} --cluster {cluster}{_option(manager)}"
        emit_text(f"{added} jobs added; see: sulfox status {named}")


def _option(manager: str) -> str:
    return "" if manager == "jobflow-remote" else f" --manager {manager}"


def _tell(plan: SubmissionPlan, *, as_json: bool, dry_run: bool) -> None:
    from sulfox.clusters.submission import describe

    if as_json:
        emit_json({"dry_run": dry_run, "plan": plan})
        return
    known = f"{plan.n_queued} in the queue, {plan.n_done} done"
    if not plan.jobs:
        emit_text(f"{plan.study} on {plan.cluster}: nothing new; {known}")
        return
    rows = [(*list(row.values())[:-1], f"{row['core_hours']:.3g}") for row in describe(plan)]
    columns = (
        "kind",
        "partition",
        "nodes",
        "cores",
        "GPUs",
        "time limit [h]",
        "jobs",
        "core-hours at most",
    )
    emit_table(f"{plan.study} on {plan.cluster}: new jobs", columns, rows)
    emit_text(f"{len(plan.jobs)} new, {known}; at most {plan.core_hours:.3g} core-hours")


def _confirm(plan: SubmissionPlan, budget: float, *, yes: bool, as_json: bool) -> None:
    from sulfox.errors import SulfoxError

    if plan.core_hours <= budget or yes:
        return
    question = f"That is up to {plan.core_hours:.0f} core-hours, above {budget:.0f}. Submit?"
    if not as_json and typer.confirm(question, err=True):
        return
    raise SulfoxError(
        "SFX-805",
        who=plan.study,
        found=f"up to {plan.core_hours:.0f} core-hours",
        expected=f"at most {budget:.0f} (--budget)",
        next_step="give --yes, a larger --budget, or a smaller study",
    )

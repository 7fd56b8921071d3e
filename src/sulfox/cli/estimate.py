"""``sulfox estimate STUDY``: what it costs with VASP, before anything is submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import JsonOutput, Store
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text
from sulfox.cli.study import LengthPs, Seeds

if TYPE_CHECKING:
    from sulfox.engines.vasp.dynamics.pace import MeasuredPace

__all__ = ["estimate"]

_COLUMNS = (
    "run",
    "runs",
    "steps",
    "atoms",
    "electrons",
    "bands",
    "plane waves",
    "memory [GB]",
    "cores",
    "GPUs",
    "s/step",
    "core-hours",
    "jobs per run",
    "hours per run",
    "with waiting [h]",
)


def estimate(
    study: Annotated[str, typer.Argument(help="Folder with a study.yaml, or a study's name.")],
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="A file of configs/clusters.")
    ] = None,
    seeds: Seeds = None,
    length_ps: LengthPs = None,
    wait_h: Annotated[
        float, typer.Option("--wait-h", min=0, help="Hours that a job waits in the queue.")
    ] = 0.0,
    store: Store = None,
    as_json: JsonOutput = False,
) -> None:
    """Estimate core-hours, memory and jobs of a study; no number of it is a measurement."""
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.sizes.estimate import estimate_cost
    from sulfox.engines.vasp.inputs.profile import load_profile
    from sulfox.flows.input_decks import study_decks
    from sulfox.flows.study import StudyOverrides, load_study

    machine = None if cluster is None else load_cluster(cluster)
    overrides = StudyOverrides(n_seeds=seeds, length_ps=length_ps)
    asked = load_study(study).with_overrides(overrides)
    emit_note("building the interfaces of the study")
    cost = estimate_cost(
        asked.name,
        study_decks(asked),
        load_profile(),
        cluster=machine,
        paces=_paces(store),
        wait_h=wait_h,
    )
    if as_json:
        emit_json(cost)
        return
    emit_table(f"{cost.study} with VASP on {cost.cluster}", _COLUMNS, map(_cells, cost.rows))
    gpus = f", {cost.gpu_hours:.3g} GPU-hours" if cost.gpu_hours else ""
    emit_text(f"in all {cost.core_hours:.3g} core-hours{gpus}")
    emit_text(*(f"basis: {text}" for text in cost.basis))


def _paces(store: str | None) -> list[MeasuredPace]:
    """Paces of VASP's runs in the store, and of those that are going on."""
    from sulfox.documents.trajectory import TrajectoryDoc
    from sulfox.engines.vasp.dynamics.pace import MeasuredPace, running_paces
    from sulfox.stores.opening import open_documents, work_folder

    found = list(running_paces(work_folder(store)))
    wanted = {"output.kind": "trajectory", "output.provenance.engine": "vasp"}
    for document in open_documents(store).find(wanted):
        run = TrajectoryDoc.model_validate(document["output"])
        found.append(
            MeasuredPace(
                source=f"{run.id}, {run.n_steps_done} steps",
                species=tuple(sorted(run.species)),
                n_steps=run.n_steps_done,
                seconds_per_step=run.wall_time_s / max(1, run.n_steps_done),
            )
        )
    return found


def _cells(row: Any) -> tuple[object, ...]:
    return (
        row.label,
        row.n_runs,
        row.n_steps,
        row.n_atoms,
        f"{row.n_electrons:g}",
        row.n_bands,
        row.n_plane_waves,
        f"{row.memory_GB:.2g}",
        row.cores,
        row.gpus,
        f"{row.seconds_per_step:.2g}",
        f"{row.core_hours:.3g}",
        row.n_jobs,
        f"{row.hours:.3g}",
        f"{row.queue_hours:.3g}",
    )

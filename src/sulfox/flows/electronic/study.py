"""The electronic part of a study as jobs.

[relaxation ->] ground state and band centre, one per case -> alignment
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sulfox.documents.structure import StructureRecord
from sulfox.flows.electronic import jobs as electronic_jobs
from sulfox.flows.electronic.cells import case_cell, core_shell_cell, cost_line
from sulfox.flows.electronic.plan import BandCenterPlan, CoreShellPlan
from sulfox.flows.job_context import identify_calculator
from sulfox.materials.catalogue import load_material
from sulfox.protocols.electronic import ElectronicSpec
from sulfox.protocols.protocol import load_electronic_protocol

__all__ = ["add_band_centers", "add_core_shell"]

AddJob = Callable[..., Any]


def add_band_centers(add: AddJob, study: str, plan: BandCenterPlan) -> list[Any]:
    """Add the jobs of a plan.

    Parameters
    ----------
    add : callable
        ``add(job_function, name, *arguments, tolerant=False) -> Job``.
    study : str
        Name of the study.
    plan : BandCenterPlan
        What is computed.

    Returns
    -------
    list of OutputReference
        Outputs that hold documents to compare.

    Raises
    ------
    SulfoxError
        SFX-10x for an unknown material or protocol, SFX-30x if the engine is missing.
    """
    protocol = load_electronic_protocol(plan.protocol)
    calculator = identify_calculator(plan.engine, "default")
    outputs = []
    measured = {}
    for case in plan.cases:
        entry = load_material(case.material).model_dump(mode="json")
        measured[case.material] = entry["measured"]
        given = case.model_dump(mode="json") | {
            "entry": entry,
            "element": plan.element,
            "orbital": plan.orbital,
        }
        label = electronic_jobs.case_label(given)
        relaxed = None
        if protocol.relaxation is not None:
            relaxed = add(
                electronic_jobs.relax_electronic,
                f"{label}: relaxation by {plan.engine}",
                study,
                calculator,
                given,
                protocol.model_dump(mode="json"),
            ).output
        job = add(
            electronic_jobs.compute_electronic_structure,
            f"{label}: density of states by {plan.engine}",
            study,
            calculator,
            given,
            protocol.electronic.model_dump(mode="json"),
            relaxed,
        )
        _tell_cost(job, calculator, *case_cell(given, protocol.electronic))
        outputs.append(job.output)
    alignment = add(
        electronic_jobs.align_band_centers,
        f"{plan.upper} minus {plan.lower}: band centres",
        study,
        plan.model_dump(mode="json"),
        measured,
        outputs,
        tolerant=True,
    )
    return [*outputs, alignment.output]


def add_core_shell(add: AddJob, study: str, plan: CoreShellPlan) -> list[Any]:
    """Add the job of a coherent core and shell.

    Parameters
    ----------
    add : callable
        As for :func:`add_band_centers`.
    study : str
        Name of the study.
    plan : CoreShellPlan
        What is computed.

    Returns
    -------
    list of OutputReference
        Outputs that hold documents to compare.

    Raises
    ------
    SulfoxError
        SFX-10x for an unknown material or protocol, SFX-30x if the engine is missing.
    """
    given = plan.model_dump(mode="json") | {
        f"{side}_entry": load_material(getattr(plan, side)).model_dump(mode="json")
        for side in ("core", "shell")
    }
    calculator = identify_calculator(plan.engine, "default")
    settings = load_electronic_protocol(plan.protocol).electronic
    job = add(
        electronic_jobs.compute_core_shell,
        f"{plan.core}|{plan.shell} coherent: states by layer by {plan.engine}",
        study,
        calculator,
        given,
        settings.model_dump(mode="json"),
    )
    cell, spec = core_shell_cell(given, settings)
    _tell_cost(job, calculator, cell.structure, spec)
    return [job.output]


def _tell_cost(
    job: Any, calculator: dict[str, str], structure: StructureRecord, spec: ElectronicSpec
) -> None:
    line = cost_line(calculator, structure, spec)
    if line is not None:
        job.metadata["expected_cost"] = line

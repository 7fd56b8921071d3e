"""The jobs of a study: each turns stored documents into the next one.

Arguments and outputs are plain JSON, so that a job runs the same in a process of this
machine and on a cluster, and a stored output never depends on a class path. Numbers are
made in other rooms; a job only reads, calls and stores.
"""

from __future__ import annotations

from typing import Any

from jobflow import CURRENT_JOB, Response, job

from sulfox.analysis.comparison import compare_findings
from sulfox.documents.base import Provenance, Status, content_hash
from sulfox.documents.comparison import ComparisonDoc, ExpectedFinding
from sulfox.documents.interface import InterfaceDoc
from sulfox.documents.kinds import parse_document
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.sulfur_bonds import SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.flows.electronic.electrons import relax_bulk, with_electrons
from sulfox.flows.job_context import (
    JsonDocument,
    checked_engine,
    ordered_material,
    typed_documents,
    work_folder,
)
from sulfox.stores.documents import storable

__all__ = [
    "analyze_bonds",
    "build_interface",
    "compare_with_source",
    "pool_rates",
    "prepare_bulk",
    "relax_interface",
    "run_stage",
]


@job
def prepare_bulk(
    study: str, calculator: dict[str, str], side: dict[str, Any], relaxation: dict[str, Any]
) -> JsonDocument:
    """Relax the ordered representative, or a random sample, of a material.

    A disordered crystal keeps its shape: only the volume of its ordered cell is relaxed.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    calculator : dict
        As :func:`identify_calculator` gives it.
    side, relaxation : dict
        A ``MaterialSide`` with its ``entry``, and a ``RelaxationSpec``, as JSON.
    """
    from sulfox.protocols.relaxation import RelaxationSpec

    ordered = ordered_material(side)
    spec = RelaxationSpec.model_validate(relaxation)
    if ordered.material.is_disordered:
        spec = spec.model_copy(update={"cell": "hydrostatic"})
    engine = checked_engine(calculator)
    label = f"{side['material']} bulk"
    if "electrons" in calculator:
        return storable(_accepted(relax_bulk(engine, ordered, spec, calculator, (label, study))))
    return storable(_accepted(engine.relax(ordered.structure, spec, label=label, study=study)))


@job
def build_interface(
    study: str,
    pair: dict[str, Any],
    limits: dict[str, Any],
    variant: dict[str, Any],
    cathode_bulk: JsonDocument,
    electrolyte_bulk: JsonDocument,
) -> JsonDocument:
    """Build the best candidate interface of a pair.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    pair, limits : dict
        The study's pair and limits of the search, as JSON.
    variant : dict
        ``variant`` (its name), ``allow_broken_polyanions``, ``delithiated_fraction``.
    cathode_bulk, electrolyte_bulk : dict
        Relaxations of the two materials.
    """
    from sulfox.interfaces.search import find_interfaces
    from sulfox.interfaces.specification import InterfaceSpec

    cathode, electrolyte = (
        ordered_material(pair[side]).model_copy(
            update={"structure": RelaxationDoc.model_validate(bulk).final}
        )
        for side, bulk in (("cathode", cathode_bulk), ("electrolyte", electrolyte_bulk))
    )
    spec = InterfaceSpec(
        cathode_facet=pair["cathode"]["facet"],
        electrolyte_facet=pair["electrolyte"]["facet"],
        allow_broken_polyanions=variant["allow_broken_polyanions"],
        **limits,
    )
    search = find_interfaces(cathode, electrolyte, spec)
    candidates = search.candidates
    if variant["allow_broken_polyanions"]:
        candidates = tuple(c for c in candidates if _has_broken_polyanion(c))
    if not candidates:
        raise SulfoxError(
            "SFX-202",
            who=f"{pair['name']} ({variant['variant']})",
            found="no candidate; " + "; ".join(refusal.reason for refusal in search.refused[:3]),
            expected=f"strain <= {spec.max_strain:.1%} with <= {spec.max_atoms} atoms",
            next_step=f"see: sulfox interfaces {pair['name'].replace('|', ' ')}",
        )
    chosen = candidates[0]
    if variant["delithiated_fraction"]:
        from sulfox.interfaces.variants import delithiate

        chosen = delithiate(chosen, variant["delithiated_fraction"])
    return storable(_labelled(chosen.model_copy(update={"pair": pair["name"]}), study))


@job
def relax_interface(
    study: str, calculator: dict[str, str], relaxation: dict[str, Any], interface: JsonDocument
) -> JsonDocument:
    """Relax an interface in its cell.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    calculator : dict
        As :func:`identify_calculator` gives it.
    relaxation, interface : dict
        A ``RelaxationSpec`` and an ``InterfaceDoc`` as JSON.
    """
    from sulfox.protocols.relaxation import RelaxationSpec

    built = InterfaceDoc.model_validate(interface)
    spec = RelaxationSpec.model_validate(relaxation)
    document = checked_engine(calculator).relax(
        built.structure,
        with_electrons(spec, calculator, built.structure),
        label=built.pair,
        interface_id=built.id,
        study=study,
    )
    return storable(_accepted(document))


@job
def run_stage(
    study: str,
    calculator: dict[str, str],
    dynamics: dict[str, Any],
    labels: dict[str, Any],
    interface: JsonDocument,
    start: JsonDocument,
) -> JsonDocument | Response:
    """Run one stage of dynamics; resumes what a killed process left behind.

    Where the scheduler's time does not suffice, the job answers with itself: it goes on under
    the same UUID with the next index, as often as it takes. A run that left its physics gives
    a refused document, so that its analysis says so.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    calculator : dict
        As :func:`identify_calculator` gives it.
    dynamics, labels : dict
        A ``DynamicsSpec`` as JSON; ``pair``, ``variant`` and ``stage`` of the run.
    interface, start : dict
        The interface; the relaxation or the stage that this one goes on from.
    """
    from sulfox.engines.allocation import OutOfTime
    from sulfox.engines.base import RunContext
    from sulfox.protocols.dynamics import DynamicsSpec
    from sulfox.stores.archive import publish_archive

    built = InterfaceDoc.model_validate(interface)
    before = parse_document(start)
    if before.status is Status.REFUSED:
        raise SulfoxError(
            "SFX-603",
            who=f"{labels['pair']} {labels['stage']}",
            found=f"it should start from {before.id}, which is refused",
            expected="a complete stage before it",
            next_step="; ".join(reason.message for reason in before.reasons),
        )
    if isinstance(before, TrajectoryDoc) and before.final_structure is not None:
        structure, velocities = before.final_structure, before.final_velocities_A_fs
    else:
        structure, velocities = RelaxationDoc.model_validate(start).final, None
    run_dir = work_folder()
    context = RunContext(
        interface_id=built.id,
        interface_height_A=_interface_height(built),
        area_A2=built.area_A2,
        study=study,
        job_uuids=(CURRENT_JOB.job.uuid,),
        **labels,
    )
    if "electrons" in calculator:
        structure = structure.model_copy(update={"moments": built.structure.moments})
    spec = with_electrons(DynamicsSpec.model_validate(dynamics), calculator, structure)
    engine = checked_engine(calculator)
    try:
        document = engine.dynamics(
            structure, spec, run_dir, context=context, start_velocities=velocities
        )
    except OutOfTime as stop:  # the next job takes this one's place, and its folder
        again = run_stage(study, calculator, dynamics, labels, interface, start)
        again.name, again.config = CURRENT_JOB.job.name, CURRENT_JOB.job.config
        going_on = {"continues": True, "steps_done": stop.done, "n_steps": stop.wanted}
        return Response(output=going_on, replace=again)
    reference = publish_archive(run_dir, CURRENT_JOB.store, document.id)
    return storable(document.model_copy(update={"archive": reference}))


@job
def analyze_bonds(pairs: list[str], trajectory: JsonDocument) -> dict[str, list[JsonDocument]]:
    """Follow the bonds of each element pair that the trajectory holds.

    Parameters
    ----------
    pairs : list of str
        Element pairs such as ``"S-S"``.
    trajectory : dict
        A ``TrajectoryDoc`` as JSON.
    """
    from sulfox.analysis.bonds import sulfur_bonds
    from sulfox.analysis.bonds.bond_criteria import choose_criteria
    from sulfox.stores.archive import open_run

    run = TrajectoryDoc.model_validate(trajectory)
    frames = open_run(CURRENT_JOB.store, run).frames()
    present = [pair for pair in pairs if set(pair.split("-")) <= set(run.species)]
    documents = [sulfur_bonds.analyze_bonds(frames, choose_criteria(pair), run) for pair in present]
    return {"documents": [storable(document) for document in documents]}


@job
def pool_rates(analyses: list[dict[str, list[JsonDocument]]]) -> dict[str, list[JsonDocument]]:
    """Pool the bond counts of the seeds of one interface and temperature.

    Parameters
    ----------
    analyses : list of dict
        Outputs of :func:`analyze_bonds`, one per seed; None where one is missing.
    """
    from sulfox.analysis.bonds import sulfur_bonds

    by_pair: dict[str, list[SulfurBondsDoc]] = {}
    for document in typed_documents(analyses):
        by_pair.setdefault(document.criteria.pair, []).append(document)
    pooled = [sulfur_bonds.pool_rates(documents) for documents in by_pair.values()]
    return {"documents": [storable(document) for document in pooled]}


@job
def compare_with_source(
    study: str, findings: list[dict[str, Any]], outputs: list[Any]
) -> JsonDocument:
    """Set every finding of the source beside what this study computed.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    findings : list of dict
        Each an ``ExpectedFinding`` as JSON.
    outputs : list
        Outputs of the study's jobs; None where one is missing.
    """
    documents = typed_documents(outputs)
    rows = compare_findings(
        [ExpectedFinding.model_validate(finding) for finding in findings],
        documents,
    )
    inputs = tuple(document.id for document in documents)
    missing = sum(output is None for output in outputs)
    levels = sorted({row.level_of_theory for row in rows} - {"none"})
    inputs_hash = content_hash([study, findings, inputs])
    document = ComparisonDoc(
        id=f"cmp-{inputs_hash[:16]}",
        status=Status.PARTIAL if missing else Status.COMPLETE,
        study=study,
        rows=rows,
        inputs=inputs,
        provenance=Provenance(
            engine=", ".join(sorted({row.engine for row in rows} - {"none"})) or "none",
            level_of_theory=", ".join(levels) or "none",
            inputs_hash=inputs_hash,
            study=study,
        ),
    )
    return storable(document)


def _interface_height(interface: InterfaceDoc) -> float:
    """Middle of the gap: halfway between the top of the cathode and the electrolyte above."""
    structure = interface.structure
    heights = [
        [p[2] for p, s in zip(structure.positions, structure.sides, strict=True) if s == side]
        for side in ("cathode", "electrolyte")
    ]
    return (max(heights[0]) + min(heights[1])) / 2


def _has_broken_polyanion(interface: InterfaceDoc) -> bool:
    return any(p.n_intact < p.n_units for p in interface.electrolyte.polyanions)


def _labelled(interface: InterfaceDoc, study: str) -> InterfaceDoc:
    provenance = interface.provenance.model_copy(update={"study": study})
    return interface.model_copy(update={"provenance": provenance})


def _accepted(document: RelaxationDoc) -> RelaxationDoc:
    """Refuse to go on from a relaxation that is refused."""
    if document.status is Status.REFUSED:
        raise SulfoxError(
            "SFX-305",
            who=document.label,
            found="; ".join(reason.message for reason in document.reasons),
            expected="a relaxed structure",
            next_step="check the structure, or choose another candidate or potential",
        )
    return document

"""One flow that relaxes every phase of the catalogue and freezes the entry set."""

from __future__ import annotations

from typing import Any

from jobflow import Flow, Job, OnMissing, job

from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.flows.identity import name_by_content
from sulfox.flows.job_context import (
    JsonDocument,
    checked_engine,
    identify_calculator,
    typed_documents,
)
from sulfox.materials.phases import Phase, PhaseCatalogue
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.stores.documents import storable

__all__ = ["PHASE_RELAXATION", "build_entry_set_flow", "freeze_entry_set", "relax_phases"]

#: How a phase is relaxed; the energy is then within about 1 meV/atom of the minimum.
PHASE_RELAXATION = RelaxationSpec(
    force_threshold_eV_A=0.05,
    max_steps=500,
    cell="full",
    optimizer="LBFGS",
    max_displacement_A=4.0,
)
#: Phases of one job: a potential takes seconds to load.
_PHASES_PER_JOB = 8


@job
def relax_phases(
    calculator: dict[str, str], phases: list[dict[str, Any]], relaxation: dict[str, Any]
) -> dict[str, Any]:
    """Relax some phases; one that the engine refuses leaves the others alone.

    Parameters
    ----------
    calculator : dict
        As :func:`identify_calculator` gives it.
    phases : list of dict
        ``name``, ``relax_cell`` (molecular crystals keep their cell) and ``structure``.
    relaxation : dict
        A ``RelaxationSpec`` as JSON.
    """
    engine = checked_engine(calculator)
    spec = RelaxationSpec.model_validate(relaxation)
    documents, problems = [], {}
    for content in phases:
        chosen = spec if content["relax_cell"] else spec.model_copy(update={"cell": "fixed"})
        structure = StructureRecord.model_validate(content["structure"])
        try:
            documents.append(storable(engine.relax(structure, chosen, label=content["name"])))
        except SulfoxError as error:
            problems[content["name"]] = error.line
    return {"documents": documents, "problems": problems}


@job
def freeze_entry_set(
    name: str, calculator: dict[str, str], catalogue: dict[str, Any], outputs: list[Any]
) -> JsonDocument:
    """Collect the relaxed phases into a frozen set.

    Parameters
    ----------
    name : str
        Name of the set.
    calculator : dict
        As :func:`identify_calculator` gives it.
    catalogue : dict
        The ``PhaseCatalogue`` as JSON.
    outputs : list
        Outputs of :func:`relax_phases`; None where one is missing.
    """
    from sulfox.analysis.thermodynamics.entries.computed_set import collect_phases

    found = {d.label: d for d in typed_documents(outputs) if isinstance(d, RelaxationDoc)}
    problems = {k: v for out in outputs if out for k, v in out.get("problems", {}).items()}
    phases = PhaseCatalogue.model_validate(catalogue)
    return storable(collect_phases(name, phases, found, calculator["inputs_hash"], problems))


def build_entry_set_flow(
    name: str,
    catalogue: PhaseCatalogue,
    engine: str = "mlip",
    potential: str = "nep89",
    relaxation: RelaxationSpec = PHASE_RELAXATION,
) -> tuple[Flow, str]:
    """Wire the computation of an entry set.

    Parameters
    ----------
    name : str
        Name of the set.
    catalogue : PhaseCatalogue
        What to relax.
    engine, potential : str
        As :func:`sulfox.engines.registry.get_engine` takes them.
    relaxation : RelaxationSpec
        How.

    Returns
    -------
    flow : Flow
        Jobs of some phases each; what a store holds is not run again.
    uuid : str
        Of the job whose output is the ``ComputedEntrySetDoc``.

    Raises
    ------
    SulfoxError
        SFX-301, SFX-302 or SFX-303 if the engine cannot run here.
    """
    calculator = identify_calculator(engine, potential)
    contents = [_start(phase) for phase in catalogue.phases]
    jobs: list[Flow | Job] = []
    outputs = []
    for start in range(0, len(contents), _PHASES_PER_JOB):
        batch = contents[start : start + _PHASES_PER_JOB]
        made = relax_phases(calculator, batch, relaxation.model_dump(mode="json"))
        made.name = f"{name}: {batch[0]['name']} to {batch[-1]['name']}"
        jobs.append(_named(made))
        outputs.append(made.output)
    last = freeze_entry_set(name, calculator, catalogue.model_dump(mode="json"), outputs)
    last.name = f"{name}: freeze"
    last.config.on_missing_references = OnMissing.NONE
    jobs.append(_named(last))
    return Flow(jobs, name=name), last.uuid


def _start(phase: Phase) -> dict[str, Any]:
    """Give a phase with its structure, so that the job needs no file where it runs."""
    structure = phase.structure().model_dump(mode="json")
    return {"name": phase.name, "relax_cell": phase.relax_cell, "structure": structure}


def _named(made: Job) -> Job:
    made.update_config({"expose_store": True}, dict_mod=False)
    return name_by_content(made)

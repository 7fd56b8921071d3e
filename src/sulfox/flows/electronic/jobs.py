"""Jobs of the electronic part of a study: ground states, band centres, their alignment."""

from __future__ import annotations

from typing import Any

from jobflow import CURRENT_JOB, job

from sulfox.documents.base import Status
from sulfox.documents.electronic_structure import MagneticState
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.flows.electronic.cells import case_cell, core_shell_cell
from sulfox.flows.job_context import (
    JsonDocument,
    checked_engine,
    typed_documents,
    work_folder,
)
from sulfox.protocols.electronic import ElectronicSettings
from sulfox.stores.documents import storable

__all__ = [
    "align_band_centers",
    "case_label",
    "compute_core_shell",
    "compute_electronic_structure",
    "relax_electronic",
]


@job
def relax_electronic(
    study: str,
    calculator: dict[str, str],
    case: dict[str, Any],
    protocol: dict[str, Any],
) -> JsonDocument:
    """Relax a bulk cell with an engine that has electrons.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    calculator : dict
        As :func:`sulfox.flows.jobs.identify_calculator` gives it.
    case : dict
        An ``ElectronicCase`` with the ``entry`` of its material, as JSON.
    protocol : dict
        An ``ElectronicProtocol`` with a relaxation, as JSON.
    """
    from sulfox.protocols.protocol import ElectronicProtocol

    level = ElectronicProtocol.model_validate(protocol)
    if level.relaxation is None:
        raise ValueError("the protocol does not relax")
    structure, spec = case_cell(case, level.electronic)
    document = checked_engine(calculator).relax(
        structure,
        level.relaxation.model_copy(update={"electronic": spec}),
        label=case_label(case),
        study=study,
    )
    return storable(document)


@job
def compute_electronic_structure(
    study: str,
    calculator: dict[str, str],
    case: dict[str, Any],
    settings: dict[str, Any],
    relaxed: JsonDocument | None = None,
) -> dict[str, list[JsonDocument]]:
    """Compute a ground state with its projected density of states, and the band centre.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    calculator : dict
        As :func:`sulfox.flows.jobs.identify_calculator` gives it.
    case : dict
        An ``ElectronicCase`` with the ``entry`` of its material, as JSON.
    settings : dict
        ``ElectronicSettings`` as JSON.
    relaxed : dict, optional
        A relaxation to start from; None computes at the catalogue's measured lattice.
    """
    from sulfox.analysis.electronic.band_center import analyze_band_center
    from sulfox.engines.base import ElectronicContext

    structure, spec = case_cell(case, ElectronicSettings.model_validate(settings))
    if relaxed is not None:
        before = RelaxationDoc.model_validate(relaxed)
        structure = before.final.model_copy(update={"moments": structure.moments})
    result = checked_engine(calculator).electronic_structure(
        structure,
        spec,
        work_folder(),
        context=ElectronicContext(
            label=case_label(case),
            material=case["material"],
            magnetic_state=case["magnetic_state"],
            study=study,
            job_uuids=(CURRENT_JOB.job.uuid,),
        ),
    )
    documents = [storable(result.document)]
    if result.dos is not None and result.document.status is not Status.REFUSED:
        center = analyze_band_center(result.dos, case["element"], case["orbital"])
        labels = {
            "material": case["material"],
            "magnetic_state": case["magnetic_state"],
            "hubbard": case["hubbard"],
            "calculation_id": result.document.id,
            "provenance": center.provenance.model_copy(update={"study": study}),
        }
        documents.append(storable(center.model_copy(update=labels)))
    return {"documents": documents}


@job
def align_band_centers(
    study: str, plan: dict[str, Any], measured: dict[str, Any], outputs: list[Any]
) -> JsonDocument:
    """Set the band centres of two materials side by side, by every definition.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    plan : dict
        A ``BandCenterPlan`` as JSON.
    measured : dict
        Material -> gaps and moments of the literature, as JSON.
    outputs : list
        Outputs of :func:`compute_electronic_structure`; None where one is missing.
    """
    from sulfox.analysis.electronic import band_alignment
    from sulfox.documents.band_center import BandCenterDoc
    from sulfox.documents.electronic_structure import ElectronicStructureDoc
    from sulfox.flows.electronic.plan import BandCenterPlan
    from sulfox.materials.literature import Measurement

    asked = BandCenterPlan.model_validate(plan)
    documents = typed_documents(outputs)
    literature = {
        name: [Measurement.model_validate(item) for item in items]
        for name, items in measured.items()
    }
    return storable(
        band_alignment.align_band_centers(
            [d for d in documents if isinstance(d, BandCenterDoc)],
            [d for d in documents if isinstance(d, ElectronicStructureDoc)],
            upper=asked.upper,
            lower=asked.lower,
            published=asked.published,
            tolerance_eV=asked.tolerance_eV,
            measured=literature,
            study=study,
        )
    )


@job
def compute_core_shell(
    study: str, calculator: dict[str, str], plan: dict[str, Any], settings: dict[str, Any]
) -> dict[str, list[JsonDocument]]:
    """Compute the states of a coherent core and shell, layer by layer.

    Parameters
    ----------
    study : str
        Name of the study, for the document.
    calculator : dict
        As :func:`sulfox.flows.job_context.identify_calculator` gives it.
    plan : dict
        A ``CoreShellPlan`` with ``core_entry`` and ``shell_entry``, as JSON.
    settings : dict
        ``ElectronicSettings`` as JSON.
    """
    from sulfox.analysis.electronic.layered_dos import layer_band_centers
    from sulfox.engines.base import ElectronicContext

    cell, spec = core_shell_cell(plan, ElectronicSettings.model_validate(settings))
    label = f"{plan['core']}|{plan['shell']}"
    result = checked_engine(calculator).electronic_structure(
        cell.structure,
        spec,
        work_folder(),
        context=ElectronicContext(
            label=label, material=label, study=study, job_uuids=(CURRENT_JOB.job.uuid,)
        ),
    )
    documents = [storable(cell), storable(result.document)]
    if result.dos is not None:
        layered = layer_band_centers(
            result.dos,
            cell.structure.sides,
            element=plan["element"],
            orbital=plan["orbital"],
            upper="coating",
            label=label,
        )
        provenance = layered.provenance.model_copy(update={"study": study})
        labels = {"calculation_id": result.document.id, "provenance": provenance}
        documents.append(storable(layered.model_copy(update=labels)))
    return {"documents": documents}


def case_label(case: dict[str, Any]) -> str:
    """Name a case for a reader: ``"CoO (ferromagnetic, no U)"``.

    Parameters
    ----------
    case : dict
        An ``ElectronicCase`` as JSON.
    """
    state: MagneticState = case["magnetic_state"]
    words = {"ground": [], "ferromagnetic": ["ferromagnetic"], "none": ["non-magnetic"]}
    remarks = words[state]
    remarks = remarks + ([] if case["hubbard"] else ["no U"])
    return case["material"] + (f" ({', '.join(remarks)})" if remarks else "")

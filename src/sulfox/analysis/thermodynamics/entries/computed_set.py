"""From relaxed phases to a computed entry set: what is accepted, and what its file holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.entry_set import ComputedEntrySetDoc, ComputedPhase
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.materials.phases import Phase, PhaseCatalogue

__all__ = ["FORCE_FACTOR", "VOLUME_RATIO", "collect_phases", "judge_phase"]

#: A relaxed phase whose volume changed by more than this factor has left its structure.
VOLUME_RATIO = 1.3
#: A relaxation that ended with forces within this factor of its threshold counts as converged:
#: the cell's own convergence is measured in another metric after the cell has changed.
FORCE_FACTOR = 2.0
_VERSION = 1
_DIGITS = 5


def judge_phase(relaxation: RelaxationDoc) -> str | None:
    """Say why a relaxed phase cannot be taken, if it cannot.

    Parameters
    ----------
    relaxation : RelaxationDoc
        Of a phase of the catalogue.

    Returns
    -------
    str or None
        None where its forces are within :data:`FORCE_FACTOR` of the threshold and it kept its
        structure: same sites after the cell is scaled (pymatgen's ``StructureMatcher``),
        volume within :data:`VOLUME_RATIO`.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher

    if not _is_converged(relaxation):
        return "; ".join(reason.message for reason in relaxation.reasons) or "no energy"
    before, after = relaxation.initial.to_pymatgen(), relaxation.final.to_pymatgen()
    ratio = after.volume / before.volume
    if not 1 / VOLUME_RATIO <= ratio <= VOLUME_RATIO:
        return f"left its structure: {ratio:.2f} times the volume at the start"
    matcher = StructureMatcher(ltol=0.2, stol=0.3, angle_tol=8, primitive_cell=False)
    if not matcher.fit(before, after):
        moved = relaxation.max_displacement_A
        return f"left its structure: an atom moved {moved:.2f} Å beyond the strain of the cell"
    return None


def collect_phases(
    name: str,
    catalogue: PhaseCatalogue,
    relaxations: Mapping[str, RelaxationDoc],
    engine_inputs_hash: str,
    problems: Mapping[str, str] | None = None,
) -> ComputedEntrySetDoc:
    """Freeze the relaxations of a catalogue.

    Parameters
    ----------
    name : str
        Name of the set.
    catalogue : PhaseCatalogue
        What was asked for.
    relaxations : mapping
        Name of the phase -> relaxation; a phase without one is refused in the set.
    engine_inputs_hash : str
        SHA-256 of what decides the engine's numbers.
    problems : mapping, optional
        Name of the phase -> why the engine refused it.

    Returns
    -------
    ComputedEntrySetDoc
        Partial, with a reason per refused phase, or complete.

    Raises
    ------
    SulfoxError
        SFX-728 if no phase at all was relaxed, or several levels of theory are mixed.
    """
    levels = {doc.provenance.level_of_theory for doc in relaxations.values()}
    if len(levels) != 1:
        raise SulfoxError(
            "SFX-728",
            who=f"entry set {name}",
            found=", ".join(sorted(levels)) or "no relaxed phase",
            expected="phases of one level of theory",
            next_step="compute every phase with one engine",
        )
    phases = tuple(
        _phase(phase, relaxations.get(phase.name), (problems or {}).get(phase.name))
        for phase in catalogue.phases
    )
    first = next(iter(relaxations.values()))
    reasons = tuple(
        Reason(code="SFX-728", message=f"{phase.name} refused: {phase.reason}")
        for phase in phases
        if phase.status is Status.REFUSED
    )
    inputs_hash = content_hash(
        [_VERSION, catalogue.hash, engine_inputs_hash, first.force_threshold_eV_A]
    )
    return ComputedEntrySetDoc(
        id="es-" + inputs_hash[:16],
        status=Status.PARTIAL if reasons else Status.COMPLETE,
        reasons=reasons,
        provenance=Provenance(
            engine=first.provenance.engine,
            level_of_theory=first.provenance.level_of_theory,
            inputs_hash=inputs_hash,
            code_versions=first.provenance.code_versions,
        ),
        name=name,
        catalogue_hash=catalogue.hash,
        engine_inputs_hash=engine_inputs_hash,
        force_threshold_eV_A=first.force_threshold_eV_A,
        phases=phases,
    )


def _is_converged(relaxation: RelaxationDoc) -> bool:
    force = relaxation.max_force_eV_A
    if relaxation.energy_eV is None or force is None or relaxation.status is Status.REFUSED:
        return False
    return force <= FORCE_FACTOR * relaxation.force_threshold_eV_A


def _phase(
    phase: Phase, relaxation: RelaxationDoc | None, refusal: str | None = None
) -> ComputedPhase:
    measured = phase.formation_enthalpy
    problem = refusal or "no relaxation" if relaxation is None else judge_phase(relaxation)
    numbers: dict[str, Any] = {}
    if relaxation is not None:
        force, energy, atoms = (
            relaxation.max_force_eV_A,
            relaxation.energy_eV,
            relaxation.final.n_atoms,
        )
        numbers = {
            "n_atoms": atoms,
            "max_force_eV_A": None if force is None else round(force, 4),
            "volume_ratio": round(_ratio(relaxation), 4),
            "max_displacement_A": round(relaxation.max_displacement_A, 3),
        }
        if problem is None and energy is not None:
            numbers["energy_eV_per_atom"] = round(energy / atoms, 6)
            numbers["structure"] = _rounded(relaxation.final)
    return ComputedPhase(
        name=phase.name,
        formula=phase.formula,
        status=Status.COMPLETE if problem is None else Status.REFUSED,
        reason=problem,
        **numbers,
        structure_type=phase.structure_type,
        remark=phase.remark,
        measured_eV_per_atom=None if measured is None else phase.formation_energy_eV_per_atom,
        measured_source=None if measured is None else measured.reference.citation,
        references=tuple(reference.citation for reference in phase.references),
    )


def _ratio(relaxation: RelaxationDoc) -> float:
    before, after = relaxation.initial.to_pymatgen(), relaxation.final.to_pymatgen()
    return float(after.volume / before.volume)


def _rounded(structure: StructureRecord) -> StructureRecord:
    def short(rows: tuple[tuple[float, float, float], ...]) -> list[list[float]]:
        return [[round(value, _DIGITS) + 0.0 for value in row] for row in rows]

    content = structure.model_dump()
    return StructureRecord.model_validate(
        content | {"lattice": short(structure.lattice), "positions": short(structure.positions)}
    )

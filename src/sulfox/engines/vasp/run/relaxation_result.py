"""A finished relaxation as a document."""

from __future__ import annotations

from typing import Any

import numpy as np

from sulfox.documents.base import Provenance, Reason
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.engines.vasp.inputs.calculation import PoscarOrder
from sulfox.engines.vasp.run.electronic_result import last_calculation
from sulfox.engines.vasp.run.step import StepOutcome
from sulfox.engines.vasp.run.verdict import Verdict
from sulfox.protocols.relaxation import RelaxationSpec

__all__ = ["relaxation_document"]


def relaxation_document(
    structure: StructureRecord,
    spec: RelaxationSpec,
    provenance: Provenance,
    outcome: StepOutcome,
    labels: dict[str, Any],
) -> RelaxationDoc:
    """Put the outcome of a relaxation into a document.

    Parameters
    ----------
    structure : StructureRecord
        Start, atoms in any order; the final structure has the same order.
    spec : RelaxationSpec
        Threshold, cell, limits.
    provenance : Provenance
        Level of theory, versions, inputs' hash.
    outcome : StepOutcome
        Of the run.
    labels : dict
        ``label`` and ``interface_id``.

    Returns
    -------
    RelaxationDoc
        Refused, with the start as the final structure, where VASP gave nothing; refused too
        where it left the limits; partial where it did not converge.
    """
    final, energy, force, steps = structure, None, None, 0
    verdict = outcome.verdict
    if outcome.task is not None:
        output = last_calculation(outcome.task).output
        last = output.ionic_steps[-1]
        final = _final(structure, output.structure)
        energy = output.energy
        force = float(np.linalg.norm(np.array(last.forces), axis=1).max())
        steps = len(output.ionic_steps)
        verdict += _limits(structure, final, spec, labels["label"])
    return RelaxationDoc(
        id="rx-" + provenance.inputs_hash[:16],
        status=verdict.status,
        reasons=verdict.reasons,
        provenance=provenance,
        **labels,
        relax_cell=spec.cell != "fixed",
        energy_eV=energy,
        max_force_eV_A=force,
        force_threshold_eV_A=spec.force_threshold_eV_A,
        n_steps=steps,
        max_displacement_A=_largest_displacement(structure, final),
        initial=structure,
        final=final,
    )


def _final(structure: StructureRecord, relaxed: Any) -> StructureRecord:
    """Give the relaxed structure in the order of the start, atoms not folded into the cell."""
    order = PoscarOrder.of(structure.species)
    lattice = np.array(relaxed.lattice.matrix)
    start = np.array(structure.positions) @ np.linalg.inv(np.array(structure.lattice))
    fractional = np.array(order.restore(tuple(map(tuple, relaxed.frac_coords))))
    moved = fractional - start
    positions = (start + moved - np.round(moved)) @ lattice
    return structure.model_copy(
        update={
            "lattice": tuple(map(tuple, lattice.tolist())),
            "positions": tuple(map(tuple, positions.tolist())),
        }
    )


def _largest_displacement(start: StructureRecord, final: StructureRecord) -> float:
    """Largest displacement beyond the common strain of the cell [Å]."""
    lattice = np.array(final.lattice)
    carried = np.array(start.positions) @ np.linalg.inv(np.array(start.lattice)) @ lattice
    return float(np.linalg.norm(np.array(final.positions) - carried, axis=1).max())


def _limits(
    start: StructureRecord, final: StructureRecord, spec: RelaxationSpec, label: str
) -> Verdict:
    found = []
    displacement = _largest_displacement(start, final)
    if displacement > spec.max_displacement_A:
        found.append(
            f"an atom {displacement:.1f} Å from its start, limit {spec.max_displacement_A} Å"
        )
    volumes = [abs(np.linalg.det(np.array(s.lattice))) for s in (start, final)]
    ratio = float(volumes[1] / volumes[0])
    if not 1 / spec.max_volume_ratio <= ratio <= spec.max_volume_ratio:
        found.append(f"{ratio:.2f} times the volume at the start, limit {spec.max_volume_ratio}")
    return Verdict(
        refusals=tuple(Reason(code="SFX-305", message=f"{label}: {text}") for text in found)
    )

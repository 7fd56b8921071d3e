"""The electronic part of a study's relaxations and dynamics, for engines that have electrons.

It travels inside a job's ``calculator``, so that jobs of an interatomic potential are what they
were: same arguments, same identity.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from sulfox.documents.base import Reason
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.materials.catalogue import load_material
from sulfox.materials.material import Material
from sulfox.materials.ordering import OrderedMaterial
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import CellKind, ElectronicSettings, resolve
from sulfox.protocols.relaxation import RelaxationSpec

__all__ = ["ENGINES_WITH_ELECTRONS", "calculator_with_electrons", "relax_bulk", "with_electrons"]

ENGINES_WITH_ELECTRONS = frozenset({"vasp"})

_Spec = TypeVar("_Spec", RelaxationSpec, DynamicsSpec)


def calculator_with_electrons(
    calculator: dict[str, Any], settings: ElectronicSettings, materials: tuple[str, ...]
) -> dict[str, Any]:
    """Add the electronic part to a calculator.

    Parameters
    ----------
    calculator : dict
        As :func:`sulfox.flows.job_context.identify_calculator` gives it.
    settings : ElectronicSettings
        Of the protocol.
    materials : tuple of str
        Names of the catalogue; they supply U.

    Returns
    -------
    dict
        With the key ``electrons``.
    """
    entries = [load_material(name).model_dump(mode="json") for name in materials]
    level = {"settings": settings.model_dump(mode="json"), "materials": entries}
    return calculator | {"electrons": level}


def with_electrons(
    spec: _Spec,
    calculator: dict[str, Any],
    structure: StructureRecord,
    cell: CellKind | None = None,
) -> _Spec:
    """Complete a specification for a structure.

    Parameters
    ----------
    spec : RelaxationSpec or DynamicsSpec
        Without its electronic part.
    calculator : dict
        Of the job.
    structure : StructureRecord
        Its lattice and moments decide mesh and spin.
    cell : str, optional
        As for :func:`sulfox.protocols.electronic.resolve`.

    Returns
    -------
    RelaxationSpec or DynamicsSpec
        Unchanged for an engine without electrons.
    """
    level = calculator.get("electrons")
    if level is None:
        return spec
    entries = [Material.model_validate(entry) for entry in level["materials"]]
    settings = ElectronicSettings.model_validate(level["settings"])
    electronic = resolve(settings, structure, {entry.name: entry for entry in entries}, cell)
    return spec.model_copy(update={"electronic": electronic})


def relax_bulk(
    engine: Any,
    ordered: OrderedMaterial,
    spec: RelaxationSpec,
    calculator: dict[str, Any],
    labels: tuple[str, str],
) -> RelaxationDoc:
    """Relax a bulk cell with electrons; a magnetic order is kept in the cell that holds it.

    Parameters
    ----------
    engine : Engine
        That relaxes.
    ordered : OrderedMaterial
        Conventional cell, and the magnetic one where there is an order.
    spec : RelaxationSpec
        Thresholds.
    calculator : dict
        Of the job.
    labels : tuple of str
        Label and study.

    Returns
    -------
    RelaxationDoc
        Of the conventional cell: it takes the relaxed volume of the magnetic cell, whose shape
        was kept.
    """
    label, study = labels
    magnetic = ordered.magnetic_cell
    if magnetic is None:
        full = with_electrons(spec, calculator, ordered.structure, "conventional")
        relaxed: RelaxationDoc = engine.relax(ordered.structure, full, label=label, study=study)
        return relaxed
    kept = spec.model_copy(update={"cell": "hydrostatic"})
    full = with_electrons(kept, calculator, magnetic, "magnetic")
    found: RelaxationDoc = engine.relax(magnetic, full, label=label, study=study)
    volumes = [abs(np.linalg.det(np.array(s.lattice))) for s in (magnetic, found.final)]
    factor = float((volumes[1] / volumes[0]) ** (1 / 3))
    text = (
        f"relaxed in the magnetic cell of {magnetic.n_atoms} atoms with its shape kept; the "
        f"conventional cell is scaled by {factor:.4f}"
    )
    return found.model_copy(
        update={
            "initial": ordered.structure,
            "final": _scaled(ordered.structure, factor),
            "reasons": (*found.reasons, Reason(code="magnetic-cell", message=text)),
        }
    )


def _scaled(structure: StructureRecord, factor: float) -> StructureRecord:
    lattice = np.array(structure.lattice) * factor
    positions = np.array(structure.positions) * factor
    return structure.model_copy(
        update={
            "lattice": tuple(map(tuple, lattice.tolist())),
            "positions": tuple(map(tuple, positions.tolist())),
        }
    )

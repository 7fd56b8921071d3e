"""Cells of the electronic part of a study, and what computing them is expected to cost."""

from __future__ import annotations

from typing import Any

from sulfox.documents.coherent_interface import CoherentInterfaceDoc
from sulfox.documents.structure import StructureRecord
from sulfox.flows.job_context import checked_engine, ordered_material
from sulfox.protocols.electronic import CellKind, ElectronicSettings, ElectronicSpec, resolve

__all__ = ["case_cell", "core_shell_cell", "cost_line"]


def case_cell(
    case: dict[str, Any], settings: ElectronicSettings
) -> tuple[StructureRecord, ElectronicSpec]:
    """Give the cell of a case with its moments, and the settings for it.

    Parameters
    ----------
    case : dict
        An ``ElectronicCase`` with the ``entry`` of its material, as JSON.
    settings : ElectronicSettings
        Of the protocol.

    Returns
    -------
    structure : StructureRecord
        The magnetic cell where the material orders, else the conventional one.
    spec : ElectronicSpec
        For this cell.
    """
    from sulfox.materials.magnetic_order import in_magnetic_state

    ordered = ordered_material({"entry": case["entry"]})
    cell: CellKind = "conventional" if ordered.magnetic_cell is None else "magnetic"
    structure = in_magnetic_state(
        ordered.magnetic_cell or ordered.structure, case["magnetic_state"]
    )
    switched = settings.model_copy(update={"hubbard": settings.hubbard and case["hubbard"]})
    return structure, resolve(switched, structure, {case["material"]: ordered.material}, cell)


def core_shell_cell(
    plan: dict[str, Any], settings: ElectronicSettings
) -> tuple[CoherentInterfaceDoc, ElectronicSpec]:
    """Build the coherent cell of a core and a shell, and the settings for it.

    Parameters
    ----------
    plan : dict
        A ``CoreShellPlan`` with ``core_entry`` and ``shell_entry``, as JSON.
    settings : ElectronicSettings
        Of the protocol.

    Returns
    -------
    cell : CoherentInterfaceDoc
        With its structure and the side of every atom.
    spec : ElectronicSpec
        For this cell.
    """
    from sulfox.interfaces.coherent.core_shell import build_core_shell
    from sulfox.interfaces.coherent.specification import CoreShellSpec

    core, shell = (ordered_material({"entry": plan[f"{side}_entry"]}) for side in ("core", "shell"))
    size = CoreShellSpec(core_layers=plan["core_layers"], shell_layers=plan["shell_layers"])
    cell = build_core_shell(core, shell, size)
    materials = {side.material.name: side.material for side in (core, shell)}
    return cell, resolve(settings, cell.structure, materials)


def cost_line(
    calculator: dict[str, str], structure: StructureRecord, spec: ElectronicSpec
) -> str | None:
    """Say what an electronic structure will cost; None where the engine cannot tell.

    Parameters
    ----------
    calculator : dict
        As :func:`sulfox.flows.job_context.identify_calculator` gives it.
    structure : StructureRecord
        What is computed.
    spec : ElectronicSpec
        How.
    """
    engine = checked_engine(calculator)
    if not hasattr(engine, "expected_cost"):
        return None
    line: str = engine.expected_cost(structure, spec).line
    return line

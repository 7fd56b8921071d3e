"""``sulfox interfaces CORE SHELL --coherent``: one oxide grown on the other, with its cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.coherent_interface import CoherentInterfaceDoc
    from sulfox.engines.gpaw.cost import ExpectedCost
    from sulfox.protocols.electronic import ElectronicSpec

__all__ = ["CoherentRequest", "coherent_interface"]


class CoherentRequest(NamedTuple):
    """Options of the command as they were typed."""

    core_facet: str | None
    shell_facet: str | None
    layers: str
    vacuum_A: float
    protocol: str


def coherent_interface(
    names: tuple[str, str], request: CoherentRequest, write: Path | None, *, json_output: bool
) -> None:
    """Build, write and show the coherent cell of two oxides.

    Parameters
    ----------
    names : tuple of str
        Core and shell.
    request : CoherentRequest
        What was typed.
    write : Path or None
        Folder for POSCAR and JSON.
    json_output : bool
        One JSON document instead of text.

    Raises
    ------
    SulfoxError
        SFX-901 for an option of the wrong form, and what the builder raises.
    """
    from sulfox.engines.gpaw.cost import expected_cost
    from sulfox.interfaces.candidate import write_cell
    from sulfox.interfaces.coherent.core_shell import build_core_shell
    from sulfox.interfaces.coherent.specification import CoreShellSpec
    from sulfox.materials.catalogue import load_material
    from sulfox.materials.miller import facet_indices
    from sulfox.materials.ordering import ordered_representative
    from sulfox.protocols.electronic import resolve
    from sulfox.protocols.protocol import load_electronic_protocol

    core_layers, shell_layers = _layers(request.layers)
    facet = {}
    if request.core_facet:
        facet["core_facet"] = facet_indices(request.core_facet, "--cathode-facet")
    settings = load_electronic_protocol(request.protocol).electronic
    spec = CoreShellSpec(
        core_layers=core_layers, shell_layers=shell_layers, vacuum_A=request.vacuum_A, **facet
    )
    core, shell = (ordered_representative(load_material(name)) for name in names)
    doc = build_core_shell(core, shell, spec)
    _must_agree(request.shell_facet, doc)
    materials = {side.material.name: side.material for side in (core, shell)}
    electronic = resolve(settings, doc.structure, materials)
    cost = expected_cost(doc.structure, electronic, electronic.k_mesh)
    if write is not None:
        from sulfox.cli.materials.interfaces import writing

        with writing(write):
            write_cell(doc, doc.structure, f"{doc.id} {doc.epitaxy} {doc.geometry}", write)
    if json_output:
        content = doc.model_dump(mode="json", exclude={"structure", "provenance"})
        emit_json({"coherent": content, "protocol": request.protocol, "cost": cost})
    else:
        _tell(doc, electronic, cost)


def _layers(text: str) -> tuple[int, int]:
    from sulfox.errors import SulfoxError
    from sulfox.interfaces.coherent.specification import CORE_SHELL_SIZES

    if text in CORE_SHELL_SIZES:
        return CORE_SHELL_SIZES[text]
    try:
        core, shell = (int(part) for part in text.split(","))
    except ValueError:
        raise SulfoxError(
            "SFX-901",
            who="--layers",
            found=repr(text),
            expected=f"{', '.join(CORE_SHELL_SIZES)}, or two whole numbers such as 5,3",
            next_step="give the layers of core and shell",
        ) from None
    return core, shell


def _must_agree(shell_facet: str | None, doc: CoherentInterfaceDoc) -> None:
    """One lattice leaves no choice of the shell's plane, but for symmetry."""
    from sulfox.errors import SulfoxError
    from sulfox.materials.miller import facet_indices

    if shell_facet is None:
        return
    asked = facet_indices(shell_facet, "--electrolyte-facet")
    if sorted(map(abs, asked)) != sorted(map(abs, doc.shell.miller)):
        raise SulfoxError(
            "SFX-901",
            who="--electrolyte-facet",
            found=f"{asked} on {doc.core.material}{doc.core.miller}",
            expected=f"{doc.shell.miller}, the same plane of the common lattice",
            next_step="leave this option out, or change --cathode-facet",
        )


def _tell(doc: CoherentInterfaceDoc, electronic: ElectronicSpec, cost: ExpectedCost) -> None:
    emit_table(
        f"{doc.id}: {doc.epitaxy}, {doc.geometry}, {doc.n_atoms} atoms, {doc.area_A2:.2f} Å²",
        ["layer", "side", "height Å", "from interface", "atoms", "charge e", "moments µB"],
        [
            (
                layer.number,
                doc.core.material if layer.side == "cathode" else doc.shell.material,
                f"{layer.height_A:.2f}",
                layer.layers_from_interface,
                " ".join(f"{e}{n}" for e, n in layer.composition.items()),
                f"{layer.charge_e:+g}",
                f"{layer.net_moment_muB:+g} of {layer.absolute_moment_muB:g}",
            )
            for layer in reversed(doc.layers)
        ],
    )
    for side in (doc.core, doc.shell):
        low, high = (100 * x for x in side.strain_principal)
        emit_text(
            f"{side.material}: {side.thickness_A:.1f} Å, strain {low:+.2f} and {high:+.2f} % in "
            f"the plane, {100 * side.normal_strain:+.2f} % along the normal."
        )
    environments = ", ".join(f"{n} O to {label}" for label, n in doc.oxygen.environments.items())
    emit_text(f"Oxygen: {environments}; nearest two {doc.oxygen.shortest_O_O_A:.2f} Å.")
    emit_text(f"Strain: {doc.strain_rule}.")
    for reason in doc.reasons:
        emit_text(f"Note: {reason.message}.")
    emit_text(f"Cost with GPAW, {electronic.method}, then the density of states: {cost.line}.")

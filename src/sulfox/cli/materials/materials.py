"""``sulfox materials``: what the catalogue knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.materials.material import Material
    from sulfox.materials.ordering import OrderedMaterial

__all__ = ["materials"]

Name = Annotated[
    str | None, typer.Argument(help="Name, alias, or path of a CIF or POSCAR. None lists all.")
]


def materials(name: Name = None, json_output: JsonOutput = False) -> None:
    """List the materials of the catalogue, or show one in full."""
    from sulfox.materials.catalogue import list_materials, load_material

    if name is None:
        _show_all(list_materials(), json_output)
        return
    from sulfox.materials.ordering import ordered_representative

    material = load_material(name)
    _show_one(material, ordered_representative(material), json_output)


def _show_all(entries: list[Material], json_output: bool) -> None:
    if json_output:
        emit_json({"materials": [_summary(entry) for entry in entries]})
        return
    columns = ("name", "formula", "role", "space group", "facets", "U (eV)", "order", "aliases")
    rows = [
        (
            entry.name,
            entry.formula,
            entry.role,
            entry.space_group.symbol,
            " ".join("({} {} {})".format(*miller) for miller in entry.facets),
            " ".join(f"{e} {u.u_eV:g}" for e, u in entry.hubbard_u.items()) or None,
            entry.magnetic_order and entry.magnetic_order.label,
            ", ".join(entry.aliases),
        )
        for entry in entries
    ]
    emit_table("materials", columns, rows)


def _summary(entry: Material) -> dict[str, Any]:
    return {
        "name": entry.name,
        "formula": entry.formula,
        "title": entry.title,
        "aliases": entry.aliases,
        "role": entry.role,
        "space_group": entry.space_group.symbol,
        "facets": entry.facets,
        "is_disordered": entry.is_disordered,
        "magnetic_order": entry.magnetic_order and entry.magnetic_order.label,
        "source": entry.source,
    }


def _show_one(entry: Material, ordered: OrderedMaterial, json_output: bool) -> None:
    if json_output:
        representative = ordered.model_dump(mode="json", exclude={"material"})
        representative["composition"] = ordered.structure.composition
        representative["n_atoms"] = ordered.structure.n_atoms
        document = entry.model_dump(mode="json")
        document["is_disordered"] = entry.is_disordered
        emit_json({**document, "representative": representative})
        return
    cell = entry.lattice
    order = entry.magnetic_order
    emit_text(
        f"{entry.name}: {entry.title}, {entry.formula}, {entry.role} ({entry.source})",
        f"space group {entry.space_group.symbol} ({entry.space_group.number}), "
        f"{entry.space_group.setting}",
        f"cell {cell.a_A:g} {cell.b_A:g} {cell.c_A:g} Å, "
        f"{cell.alpha_deg:g} {cell.beta_deg:g} {cell.gamma_deg:g} deg",
        "charges " + (_pairs(entry.oxidation_states) or "none found"),
        "Hubbard U " + (_pairs({e: u.u_eV for e, u in entry.hubbard_u.items()}, " eV") or "none"),
        "magnetic order "
        + (f"{order.label}, {order.element} {order.moment_muB:g} µB" if order else "none"),
        "facets " + ", ".join("({} {} {})".format(*miller) for miller in entry.facets),
        "kept whole "
        + (", ".join(f"{p.central}{p.ligand}{p.coordination}" for p in entry.polyanions) or "-"),
        f"representative {ordered.id}: {_pairs(ordered.structure.composition)}, "
        f"{ordered.structure.n_atoms} atoms; {ordered.description}",
    )
    emit_table(
        "sites",
        ("label", "Wyckoff", "occupancy", "x", "y", "z"),
        [(s.label, s.wyckoff, _pairs(s.species), *(f"{x:g}" for x in s.xyz)) for s in entry.sites],
    )
    emit_table(
        "references",
        ("what", "citation", "doi", "read for this entry"),
        [(r.what, r.citation, r.doi, r.checked) for r in entry.references],
    )


def _pairs(values: dict[str, Any], unit: str = "") -> str:
    return ", ".join(f"{key} {value:g}{unit}" for key, value in values.items())

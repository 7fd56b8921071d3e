"""``sulfox interfaces CATHODE ELECTROLYTE``: which interfaces two materials can form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.interface import InterfaceDoc
    from sulfox.interfaces.specification import InterfaceSearch

__all__ = ["interfaces", "writing"]


def interfaces(
    cathode: Annotated[str, typer.Argument(help="Catalogue name, CIF or POSCAR; lies below.")],
    electrolyte: Annotated[str, typer.Argument(help="Catalogue name, CIF or POSCAR; on top.")],
    cathode_facet: Annotated[
        str | None, typer.Option(help="h,k,l of the conventional cell. Default: its first facet.")
    ] = None,
    electrolyte_facet: Annotated[str | None, typer.Option(help="h,k,l, as above.")] = None,
    max_strain: Annotated[float, typer.Option(help="Largest principal strain of a side.")] = 0.05,
    max_atoms: Annotated[int, typer.Option(help="Largest number of atoms.")] = 400,
    write: Annotated[
        Path | None, typer.Option(help="Folder for POSCAR and JSON of each candidate.")
    ] = None,
    coherent: Annotated[
        bool, typer.Option("--coherent", help="Grow the second oxide on the first, one lattice.")
    ] = False,
    layers: Annotated[
        str, typer.Option(help="With --coherent: small, production, or layers of both, 5,3.")
    ] = "small",
    vacuum: Annotated[float, typer.Option(help="With --coherent: vacuum in Å; 0 repeats.")] = 0.0,
    protocol: Annotated[str, typer.Option(help="With --coherent: whose cost is told.")] = "paper",
    json_output: JsonOutput = False,
) -> None:
    """Find, check and rank the interfaces of two materials."""
    if coherent:
        from sulfox.cli.materials.core_shell import CoherentRequest, coherent_interface

        request = CoherentRequest(cathode_facet, electrolyte_facet, layers, vacuum, protocol)
        coherent_interface((cathode, electrolyte), request, write, json_output=json_output)
        return
    from sulfox.errors import SulfoxError
    from sulfox.interfaces.search import find_interfaces
    from sulfox.interfaces.specification import InterfaceSpec
    from sulfox.materials.catalogue import load_material
    from sulfox.materials.miller import facet_indices
    from sulfox.materials.ordering import ordered_representative

    facets = {
        "cathode_facet": facet_indices(cathode_facet, "--cathode-facet") if cathode_facet else None,
        "electrolyte_facet": facet_indices(electrolyte_facet, "--electrolyte-facet")
        if electrolyte_facet
        else None,
    }
    spec = InterfaceSpec(max_strain=max_strain, max_atoms=max_atoms, **facets)
    below, above = (ordered_representative(load_material(x)) for x in (cathode, electrolyte))
    found = find_interfaces(below, above, spec)
    if not found.candidates and {refusal.code for refusal in found.refused} <= {"SFX-202"}:
        pair, _, found_words = found.refused[0].reason.partition(":")
        raise SulfoxError(
            "SFX-202",
            who=pair.strip(),
            found=found_words.strip(),
            expected="at least one match",
            next_step="raise --max-strain or --max-atoms, or take another facet",
        )
    if write is not None:
        _write(found, write)
    if json_output:
        emit_json(_answer(found))
    else:
        _tell(found)


def _summary(doc: InterfaceDoc) -> dict[str, Any]:
    whole = doc.model_dump(mode="json", exclude={"structure", "provenance", "kind"})
    return {
        "id": doc.id,
        "n_atoms": doc.n_atoms,
        "area_A2": doc.area_A2,
        "strain_max": doc.strain_max,
        "cathode_termination": doc.cathode.termination,
        "electrolyte_termination": doc.electrolyte.termination,
        "composition": doc.composition,
    } | whole


def _answer(found: InterfaceSearch) -> dict[str, Any]:
    return {
        "candidates": [_summary(doc) for doc in found.candidates],
        "refused": [refusal.model_dump(mode="json") for refusal in found.refused],
        "pareto": [row.model_dump(mode="json") for row in found.pareto],
        "n_matches": found.n_matches,
    }


def _tell(found: InterfaceSearch) -> None:
    columns = ["rank", "id", "atoms", "area Å²", "strain %", "cathode", "electrolyte"]
    columns += ["dipoles e/Å", "polyanions", "gap Å", "shortest Å"]
    rows = []
    for doc in found.candidates:
        sides = (doc.cathode, doc.electrolyte)
        units = [check for side in sides for check in side.polyanions]
        shortest = min(doc.min_distances_A, key=lambda pair: doc.min_distances_A[pair])
        row: list[object] = [doc.rank, doc.id, doc.n_atoms, f"{doc.area_A2:.1f}"]
        row += [f"{100 * doc.strain_max:.2f}", *(_face(side) for side in sides)]
        row += [" ".join(f"{side.dipole_per_area:+.3f}" for side in sides)]
        row += [" ".join(f"{c.n_intact}/{c.n_units} {c.central}{c.ligand}" for c in units)]
        row += [f"{doc.gap_A:.2f}", f"{shortest} {doc.min_distances_A[shortest]:.2f}"]
        rows.append(row)
    shown = f"{len(found.candidates)} of {found.n_matches} matches within the limits"
    emit_table(f"Candidates ({shown})", columns, rows)
    if found.candidates:
        emit_text(f"Strain: {found.candidates[0].strain_rule}.")
        emit_text(f"Ranked by: {found.candidates[0].ranking}.")
    for refusal in found.refused:
        emit_text(f"Refused: {refusal.reason}")
    emit_table(
        "Strain against atoms (no other match has less of both)",
        ["atoms", "strain %", "area Å²", "cathode cell", "electrolyte cell", "within limits"],
        [
            (
                row.n_atoms,
                f"{100 * row.strain_max:.2f}",
                f"{row.area_A2:.1f}",
                row.cathode_supercell,
                row.electrolyte_supercell,
                "yes" if row.within_limits else "no",
            )
            for row in found.pareto
        ],
    )


def _face(side: Any) -> str:
    h, k, m = side.miller
    return f"{side.material}({h},{k},{m}) {side.termination}, {side.thickness_A:.1f} Å"


def _write(found: InterfaceSearch, folder: Path) -> None:
    from sulfox.interfaces.candidate import write_candidate

    with writing(folder):
        for doc in found.candidates:
            write_candidate(doc, folder)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make the folder of ``--write``; say which one cannot be written.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Raises
    ------
    SulfoxError
        SFX-901 if it cannot be made or written.
    """
    from sulfox.errors import SulfoxError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise SulfoxError(
            "SFX-901",
            who="--write",
            found=f"{folder}: {error.strerror or error}",
            expected="a folder that can be written",
            next_step="give another folder",
        ) from error

"""``sulfox analyze reaction``: what two phases in contact do to each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import FigureFile, JsonOutput
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.entry_set import EntrySet
    from sulfox.documents.reaction_energy import ReactionEnergyDoc

__all__ = ["EntriesFile", "load_entries", "reaction", "read_formula"]

EntriesFile = Annotated[
    Path | None,
    typer.Option(
        "--entries",
        help="CSV with formula,formation_energy_eV_per_atom, pymatgen entries in JSON, "
        "or a named set (sulfox entries).",
        metavar="FILE|NAME",
    ),
]


def reaction(
    reactant_1: Annotated[
        str, typer.Argument(help="Formula, or a material's name.", metavar="REACTANT1")
    ],
    reactant_2: Annotated[
        str, typer.Argument(help="Formula, or a material's name.", metavar="REACTANT2")
    ],
    entries: EntriesFile = None,
    open_: Annotated[
        str | None,
        typer.Option(
            "--open",
            help="Open to an element: a voltage, Li=3.6V, or relative to the element, Co=-1.0eV.",
            metavar="Li=3.6V",
        ),
    ] = None,
    reference: Annotated[
        str, typer.Option(help="Electrode of the voltage: Li, or Li-In (0.62 V against Li).")
    ] = "Li",
    hull: Annotated[
        bool, typer.Option("--hull/--own-energy", help="Reactants on the hull, or as they are.")
    ] = True,
    figure: FigureFile = None,
    tie_line: Annotated[
        Path | None,
        typer.Option("--tie-line", help="Write the hull with the pair's tie line: .png or .svg."),
    ] = None,
    json_output: JsonOutput = False,
) -> None:
    """Reaction energy of two phases against their mixing ratio."""
    entry_set = load_entries(entries)
    from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy

    document = reaction_energy(
        entry_set,
        (read_formula(reactant_1), read_formula(reactant_2)),
        parse_open_element(open_, reference) if open_ is not None else None,
        use_hull_energy=hull,
    )
    _draw(document, figure, tie_line)
    if json_output:
        emit_json(_answer(document))
    else:
        _tell(document)


def load_entries(path: Path | None) -> EntrySet:
    """Read the entry set of a command; without one, the default computed set, and say so.

    Parameters
    ----------
    path : Path or None
        Value of ``--entries``: a file, a name, or ``NAME:SCHEME``.

    Returns
    -------
    EntrySet
        The phases.

    Raises
    ------
    SulfoxError
        SFX-720 for a file that cannot be read, SFX-726 for an unknown name or scheme.
    """
    from sulfox.analysis.thermodynamics.entries.entry_sources import open_entry_set
    from sulfox.materials.entry_files import DEFAULT_ENTRY_SET, find_entry_file

    if path is None:
        emit_note(
            f"no --entries given: set {DEFAULT_ENTRY_SET}, computed here (see: sulfox entries); "
            "Materials Project energies with your key: sulfox entries fetch"
        )
    file, name, scheme = find_entry_file(str(path or DEFAULT_ENTRY_SET))
    return open_entry_set(file, name, scheme)


def read_formula(text: str) -> str:
    """Turn a material's name into its formula; anything else stays as it is.

    Parameters
    ----------
    text : str
        ``"LPSCl"`` or ``"Li6PS5Cl"``.

    Returns
    -------
    str
        Formula.
    """
    from sulfox.materials.catalogue import list_materials

    names = {m.name.lower(): m.formula for m in list_materials()}
    return names.get(text.strip().lower(), text)


def _draw(document: ReactionEnergyDoc, figure: Path | None, tie_line: Path | None) -> None:
    """Write the figures that were asked for."""
    if figure is None and tie_line is None:
        return
    from sulfox.errors import SulfoxError
    from sulfox.reports.thermodynamics.figure_file import write_figure
    from sulfox.reports.thermodynamics.reaction_energy import draw_mixing, draw_tie_line

    if tie_line is not None and document.open is not None:
        raise SulfoxError(
            "SFX-901",
            who="--tie-line",
            found="an open element: the ends have no formation energy",
            expected="a closed system",
            next_step="leave out --open or --tie-line",
        )
    if figure is not None:
        write_figure(draw_mixing(document), figure)
    if tie_line is not None:
        write_figure(draw_tie_line(document), tie_line)


def _answer(document: ReactionEnergyDoc) -> dict[str, Any]:
    content = document.model_dump(mode="json")
    content["entry_set"] = content["entries"]  # with level of theory and accuracy
    content["entries"] = {key: content["entries"][key] for key in ("name", "hash", "n")}
    first = ("entries", "kinks", "minimum", "use_hull_energy", "open")
    return {**{key: content[key] for key in first}, **content}


def _tell(document: ReactionEnergyDoc) -> None:
    one, two = document.reactants
    opened = document.open
    held = ""
    if opened:
        volts = "" if opened.voltage_V is None else f" = {opened.voltage_V:g} V {opened.reference}"
        held = f", open to {opened.element} at {opened.chemical_potential_eV:g} eV{volts}"
    emit_text(
        f"{one.formula} + {two.formula}{held}",
        f"entry set {document.entries.name}, {document.entries.n} entries, "
        f"hash {document.entries.hash[:12]}",
        f"x: {document.x_is}; energies per {document.energy_per}",
    )
    for side in document.reactants:
        above = side.e_above_hull_eV_per_atom
        state = "no entry of its own" if above is None else f"{above:.3f} eV/atom above the hull"
        alone = f"alone {side.self_decomposition_eV_per_atom:.3f} eV/atom"
        emit_text(f"{side.formula}: {state}; {alone} to {' + '.join(side.decomposes_to)}")
    emit_table(
        "Kinks",
        ["x", "on the hull (eV/atom)", "own energy (eV/atom)", "kJ/mol", "reaction"],
        (
            (
                f"{kink.x_atomic:.4f}",
                f"{kink.mutual_eV_per_atom:.4f}",
                f"{kink.own_energy_eV_per_atom:.4f}",
                f"{kink.energy_kJ_per_mol:.1f}",
                kink.reaction,
            )
            for kink in document.kinks
        ),
    )
    asked = "on the hull" if document.use_hull_energy else "at their own energy"
    emit_text(
        f"minimum, reactants {asked}: {document.minimum.energy_eV_per_atom:.4f} eV/atom "
        f"({document.minimum.energy_kJ_per_mol:.1f} kJ/mol) at x = {document.minimum.x_atomic:.4f}",
        f"minimum on the hull {document.minimum_hull.mutual_eV_per_atom:.4f}, "
        f"at their own energy {document.minimum_own_energy.own_energy_eV_per_atom:.4f} eV/atom",
        *(f"remark: {reason.message}" for reason in document.reasons),
    )

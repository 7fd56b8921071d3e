"""``sulfox screen``: coatings between a cathode and an electrolyte, ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.analysis.reaction import EntriesFile, load_entries, read_formula
from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.entry_set import EntrySet
    from sulfox.documents.screening import ScreeningDoc
    from sulfox.materials.pairs import PairPlan

__all__ = ["screen"]


def screen(
    cathode: Annotated[
        str | None, typer.Argument(help="Formula or name; none: the three documents.")
    ] = None,
    electrolyte: Annotated[str | None, typer.Argument(help="Formula or name.")] = None,
    coatings: Annotated[
        str | None,
        typer.Option(help="Formulas with commas; default: lithium compounds near the hull."),
    ] = None,
    entries: EntriesFile = None,
    lower: Annotated[float, typer.Option(help="Lower cut-off of the cell [V, Li/Li+].")] = 2.6,
    upper: Annotated[float, typer.Option(help="Upper cut-off of the cell [V, Li/Li+].")] = 4.3,
    temperature: Annotated[
        float, typer.Option(help="Of the mixing term of solid solutions [K]; 0 leaves it out.")
    ] = 0.0,
    json_output: JsonOutput = False,
) -> None:
    """Rank coatings by stability against both sides and under the cell's voltages."""
    from sulfox.materials.pairs import read_pair_plan

    plan = read_pair_plan()
    entry_set = load_entries(entries)
    volts = (lower, upper)
    if cathode is None or electrolyte is None:
        questions = [
            (f"{row.label}: ", row.cathode, row.electrolyte, row.coatings)
            for row in plan.screenings
        ]
        if cathode is not None:
            _refuse(cathode)
    else:
        wanted = tuple(filter(None, (coatings or "").replace(" ", "").split(",")))
        questions = [("", cathode, electrolyte, tuple(map(read_formula, wanted)))]
    documents = [
        (label, _screened(entry_set, plan, (first, second), wanted, volts, temperature))
        for label, first, second, wanted in questions
    ]
    if json_output:
        found = [document.model_dump(mode="json") for _, document in documents]
        emit_json(found[0] if cathode is not None else {"screenings": found})
        return
    _tell(documents)


def _screened(
    entry_set: EntrySet,
    plan: PairPlan,
    sides: tuple[str, str],
    coatings: tuple[str, ...],
    cut_offs_V: tuple[float, float],
    temperature_K: float,
) -> ScreeningDoc:
    from sulfox.analysis.thermodynamics.pair_table import with_solutions
    from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
    from sulfox.analysis.thermodynamics.screening import candidate_coatings, screen_coatings

    named = tuple(text if plan.solution(text) else read_formula(text) for text in sides)
    library, first, second = with_solutions(
        HullLibrary(entry_set), plan, (named[0], named[1]), temperature_K
    )
    wanted = coatings or candidate_coatings(library, first, second)
    return screen_coatings(library, first, second, wanted, cut_offs_V)


def _refuse(cathode: str) -> None:
    from sulfox.errors import SulfoxError

    raise SulfoxError(
        "SFX-901",
        who="sulfox screen",
        found=f"{cathode} alone",
        expected="a cathode and an electrolyte, or neither",
        next_step="run: sulfox screen NCM811 Li6PS5Cl",
    )


def _tell(documents: list[tuple[str, ScreeningDoc]]) -> None:
    first = documents[0][1]
    sets = {d.entries.hash: d.entries for _, d in documents}.values()
    emit_text(
        *(f"entry set {e.name}, {e.n} entries, hash {e.hash[:12]}" for e in sets),
        f"cell {first.lower_V:g} to {first.upper_V:g} V against Li/Li+",
    )
    seen = dict.fromkeys(r.message for _, document in documents for r in document.reasons)
    emit_text(*(f"remark: {message}" for message in seen))
    rows: list[tuple[str | None, ...]] = []
    for label, document in documents:
        sides = f"{label}{document.cathode} | {document.electrolyte}"
        bare = f"{document.bare.mutual_eV_per_atom:.3f}"
        rows.append((sides, "-", "none", bare, None, None, None, None, "bare contact"))
        for row in document.coatings:
            top = "no limit" if row.oxidation_V is None else f"{row.oxidation_V:.2f}"
            rows.append(
                (
                    sides,
                    str(row.rank),
                    row.asked,
                    f"{row.cathode.mutual_eV_per_atom:.3f}",
                    f"{row.electrolyte.mutual_eV_per_atom:.3f}",
                    f"{row.reduction_V:.2f} to {top}",
                    f"{row.at_lower_eV_per_atom:.3f} / {row.at_upper_eV_per_atom:.3f}",
                    f"{row.triple_junction.energy_eV_per_atom:.3f}",
                    f"{row.worst_eV_per_atom:.3f}: {row.worst_is}",
                )
            )
    columns = (
        *("cathode | electrolyte", "rank", "coating", "with cathode", "with electrolyte"),
        *("window (V)", "alone at cut-offs", "triple junction", "worst (eV/atom)"),
    )
    emit_table("screening, eV/atom", columns, rows)
    left = [text for _, document in documents for text in document.left_out]
    emit_text(*(f"left out: {text}" for text in left))

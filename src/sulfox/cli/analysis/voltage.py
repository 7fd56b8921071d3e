"""``sulfox analyze voltage``: reaction energy of a pair against voltage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.analysis.reaction import EntriesFile, load_entries, read_formula
from sulfox.cli.options import FigureFile, JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.voltage_curve import VoltageCurveDoc

__all__ = ["voltage"]


def voltage(
    cathode: Annotated[str, typer.Argument(help="Formula, or a material's name.")],
    electrolyte: Annotated[str, typer.Argument(help="Formula, or a material's name.")],
    range_: Annotated[
        tuple[float, float],
        typer.Option(
            "--range", help="Voltages; for Co or O chemical potentials [eV], such as -3 0."
        ),
    ] = (2.0, 4.5),
    open_: Annotated[str, typer.Option("--open", help="Open element: Li, Co, O ...")] = "Li",
    scale: Annotated[str, typer.Option(help="Li, or Li-In (+0.62 V).")] = "Li",
    entries: EntriesFile = None,
    figure: FigureFile = None,
    json_output: JsonOutput = False,
) -> None:
    """Reaction energy of two phases against the voltage of an open element."""
    entry_set = load_entries(entries)
    from sulfox.analysis.thermodynamics.voltage_curve import voltage_curve

    pair = (read_formula(cathode), read_formula(electrolyte))
    document = voltage_curve(entry_set, pair, range_, open_, scale)
    if figure is not None:
        from sulfox.reports.thermodynamics.figure_file import write_figure
        from sulfox.reports.thermodynamics.voltage_curve import draw_voltage_curve

        write_figure(draw_voltage_curve(document), figure)
    if json_output:
        emit_json(_answer(document))
    else:
        _tell(document)


def _answer(document: VoltageCurveDoc) -> dict[str, Any]:
    content = document.model_dump(mode="json")
    first = ("entries", "reactants", "open_element", "scale", "points", "segments", "marks")
    return {**{key: content[key] for key in first}, **content}


def _tell(document: VoltageCurveDoc) -> None:
    one, two = document.reactants
    by_volts = document.points[0].scale_V is not None
    unit = f"V against {document.scale}" if by_volts else "eV"
    emit_text(
        f"{one} + {two}, open to {document.open_element}; energies per {document.energy_per}",
        f"entry set {document.entries.name}, {document.entries.n} entries, "
        f"hash {document.entries.hash[:12]}",
    )
    at = [p.scale_V if by_volts else p.chemical_potential_eV for p in document.points]
    emit_table(
        "Between the kinks",
        [f"from ({unit})", "to", "total (eV/atom)", "mutual (eV/atom)", "reaction (total)"],
        (
            (
                f"{at[s.from_point]:.3f}",
                f"{at[s.to_point]:.3f}",
                _change(document, s.from_point, s.to_point, "total_eV_per_atom"),
                _change(document, s.from_point, s.to_point, "mutual_eV_per_atom"),
                s.total_reaction,
            )
            for s in document.segments
        ),
    )
    emit_text(
        *(
            f"{m.label}, {m.voltage_V:.2f} V against Li/Li+: total {m.total_eV_per_atom:.4f}, "
            f"mutual {m.mutual_eV_per_atom:.4f} eV/atom"
            for m in document.marks
        ),
        *(f"remark: {reason.message}" for reason in document.reasons),
    )


def _change(document: VoltageCurveDoc, first: int, last: int, field: str) -> str:
    values = (getattr(document.points[k], field) for k in (first, last))
    return " to ".join(f"{value:.4f}" for value in values)

"""``sulfox analyze window``: between which voltages a compound is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.analysis.reaction import EntriesFile, load_entries, read_formula
from sulfox.cli.options import FigureFile, JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.stability_window import StabilityWindowDoc

__all__ = ["window"]


def window(
    formula: Annotated[str, typer.Argument(help="Formula, or a material's name.")],
    entries: EntriesFile = None,
    ion: Annotated[str, typer.Option(help="Element of the working ion.")] = "Li",
    figure: FigureFile = None,
    beside: Annotated[
        list[str] | None,
        typer.Option("--beside", help="Another formula for the figure; may be repeated."),
    ] = None,
    json_output: JsonOutput = False,
) -> None:
    """Electrochemical window of a compound and its voltage profile."""
    entry_set = load_entries(entries)
    from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
    from sulfox.analysis.thermodynamics.stability_window import stability_window

    library = HullLibrary(entry_set)
    document = stability_window(library, read_formula(formula), ion)
    if figure is not None:
        from sulfox.reports.thermodynamics.figure_file import write_figure
        from sulfox.reports.thermodynamics.stability_window import draw_windows

        others = [stability_window(library, read_formula(f), ion) for f in beside or ()]
        write_figure(draw_windows([document, *others]), figure)
    if json_output:
        emit_json(_answer(document))
    else:
        _tell(document)


def _answer(document: StabilityWindowDoc) -> dict[str, Any]:
    content = document.model_dump(mode="json")
    first = ("reduction_V", "oxidation_V", "e_above_hull_eV", "convention", "profile")
    return {**{key: content[key] for key in first}, **content}


def _tell(document: StabilityWindowDoc) -> None:
    from sulfox.units import LI_IN_VS_LI_V

    ion = document.ion
    above = document.e_above_hull_eV
    state = "no entry of its own" if above is None else f"{above:.3f} eV/atom above the hull"
    emit_text(
        f"{document.formula}: {state}; voltages against {ion}/{ion}+",
        f"entry set {document.entries.name}, {document.entries.n} entries, "
        f"hash {document.entries.hash[:12]}",
    )
    for row in document.conventions:
        emit_text(
            f"{row.convention}: {_volts(row.reduction_V)} to {_volts(row.oxidation_V)}; "
            f"reduced to {' + '.join(row.reduction_products) or 'nothing'}, "
            f"oxidised to {' + '.join(row.oxidation_products) or 'nothing'}"
        )
    if ion == "Li":
        emit_text(f"against Li-In subtract {LI_IN_VS_LI_V} V")
    emit_table(
        "Profile",
        ["from (V)", "to (V)", f"{ion} taken up", "phases"],
        (
            (
                f"{step.voltage_V:.3f}",
                None if step.to_voltage_V is None else f"{step.to_voltage_V:.3f}",
                f"{step.uptake:.4g}",
                " + ".join(step.products),
            )
            for step in document.profile
        ),
    )
    emit_text(*(f"remark: {reason.message}" for reason in document.reasons))


def _volts(value: float | None) -> str:
    return "no limit" if value is None else f"{value:.3f} V"

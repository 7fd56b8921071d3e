"""Reaction energy against voltage, with the cut-offs of cells."""

from __future__ import annotations

from sulfox.documents.voltage_curve import VoltageCurveDoc
from sulfox.reports.figures import LINE_COLOURS, draw_grid, file_stem, finish, style
from sulfox.reports.markup import Figure
from sulfox.reports.thermodynamics.figure_file import pretty_formula

__all__ = ["draw_voltage_curve"]

_SIZE = (7.6, 3.0)


def draw_voltage_curve(document: VoltageCurveDoc) -> Figure:
    """Draw the total and the mutual reaction energy in two panels.

    Parameters
    ----------
    document : VoltageCurveDoc
        Of one pair.

    Returns
    -------
    Figure
        Kinks as points, cut-off voltages as dashed lines.
    """
    one, two = document.reactants
    by_volts = document.points[0].scale_V is not None
    x = [p.scale_V if p.scale_V is not None else p.chemical_potential_eV for p in document.points]
    rows = (
        ("total\nreactants at own energy", [p.total_eV_per_atom for p in document.points]),
        ("mutual\nreactants on the hull", [p.mutual_eV_per_atom for p in document.points]),
    )
    with style():
        canvas, grid = draw_grid(2, 1, _SIZE)
        for axes, (name, values), colour in zip(grid[:, 0], rows, LINE_COLOURS[1::-1], strict=True):
            axes.plot(x, values, "o-", color=colour, markersize=3.5)
            axes.set_ylabel(f"{name}\n(eV/atom)")
            axes.margins(x=0.01)
            low = min(values)
            axes.set_ylim(1.08 * low - 1e-3, -0.1 * low + 1e-3)
            for mark in document.marks:
                place = mark.voltage_V - document.scale_offset_V
                axes.axvline(place, color="#6B6B6B", linewidth=0.9, linestyle=(0, (4, 3)))
        top = grid[0, 0]
        for number, mark in enumerate(sorted(document.marks, key=lambda m: m.voltage_V)):
            last = number == len(document.marks) - 1
            top.annotate(
                mark.label,
                (mark.voltage_V - document.scale_offset_V, 0.06),
                xycoords=("data", "axes fraction"),
                xytext=(3 if last else -3, 0),
                textcoords="offset points",
                ha="left" if last else "right",
                va="bottom",
                rotation=90,
                fontsize=8,
                color="#6B6B6B",
            )
        grid[1, 0].set_xlabel(_axis(document, by_volts))
        top.set_title(
            f"{pretty_formula(one)} and {pretty_formula(two)}, open to {document.open_element}"
        )
        return finish(
            canvas,
            file_stem("voltage", one, two),
            f"Lowest reaction energy of {one} and {two} over all mixing ratios, per "
            f"{document.energy_per}.",
            document.provenance.level_of_theory,
        )


def _axis(document: VoltageCurveDoc, by_volts: bool) -> str:
    element = document.open_element
    if not by_volts:
        return f"chemical potential of {element}, relative to the element (eV)"
    scale = "Li-In" if document.scale == "Li-In" else f"{element}/{element}+"
    return f"voltage against {scale} (V)"

"""Electrochemical windows side by side, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sulfox.documents.stability_window import StabilityWindowDoc, WindowLimits
from sulfox.reports.figures import LINE_COLOURS, draw_grid, file_stem, finish, style
from sulfox.reports.markup import Figure
from sulfox.reports.thermodynamics.figure_file import pretty_formula

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["draw_windows"]

_TOP_V = 5.0
_CUT_OFFS_V = (2.6, 4.3)
_SHOWN = ("phase equilibria", "direct decomposition")
_LABELS = {
    "phase equilibria": "phase equilibria (= stabilised onto the hull)",
    "direct decomposition": "direct decomposition, own energy",
}


def draw_windows(documents: Sequence[StabilityWindowDoc]) -> Figure:
    """Draw the window of every compound in both conventions.

    Parameters
    ----------
    documents : sequence of StabilityWindowDoc
        Of one working ion and one entry set.

    Returns
    -------
    Figure
        A pair of bars for each compound, with limits; cell cut-offs as lines.
    """
    ion = documents[0].ion
    with style():
        canvas, grid = draw_grid(1, 1, (8.0, 1.6 + 0.75 * len(documents)))
        axes = grid[0, 0]
        for place, document in enumerate(reversed(documents)):
            rows = {row.convention: row for row in document.conventions}
            for shift, name, colour in zip((0.19, -0.19), _SHOWN, LINE_COLOURS, strict=False):
                row = rows.get(name)  # type: ignore[call-overload]
                if row is not None:
                    _bar(axes, row, place + shift, colour)
        axes.set_yticks(range(len(documents)))
        axes.set_yticklabels([pretty_formula(d.formula) for d in reversed(documents)])
        if ion == "Li":
            for volts in _CUT_OFFS_V:
                axes.axvline(volts, color="#6B6B6B", linewidth=0.9, linestyle=(0, (4, 3)))
                axes.annotate(
                    f"{volts:g} V",
                    (volts, 1),
                    xycoords=("data", "axes fraction"),
                    xytext=(3, -9),
                    textcoords="offset points",
                    fontsize=8,
                    color="#6B6B6B",
                )
        axes.set_xlim(0, _TOP_V)
        axes.set_ylim(-0.6, len(documents) - 0.25)
        axes.set_xlabel(f"voltage against {ion}/{ion}+ (V)")
        axes.grid(visible=False, axis="y")
        _key(canvas)
        names = ", ".join(d.formula for d in documents)
        return finish(
            canvas,
            file_stem("windows", *[d.formula for d in documents]),
            f"Electrochemical windows of {names}; a line without a bar: no window.",
            documents[0].provenance.level_of_theory,
        )


def _bar(axes: Axes, row: WindowLimits, y: float, colour: str) -> None:
    low = row.reduction_V
    high = _TOP_V if row.oxidation_V is None else row.oxidation_V
    if high - low < 1e-6:  # stable at no voltage: where it would take up and give off
        axes.plot([low, high], [y, y], "|", color=colour, markersize=13, markeredgewidth=2)
        axes.annotate(
            f"none ({low:.2f} V)" if abs(high - low) < 5e-3 else f"none ({high:.2f} < {low:.2f} V)",
            (max(low, high), y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "pad": 0.6, "lw": 0},
        )
        return
    axes.barh(y, high - low, left=low, height=0.3, color=colour)
    ends = ((low, "right", -4), (high, "left", 4))
    for volts, align, shift in ends:
        inside = (volts < 0.4 and align == "right") or (volts > _TOP_V - 0.4 and align == "left")
        side = {"right": "left", "left": "right"}[align] if inside else align
        text = "no limit" if volts >= _TOP_V and row.oxidation_V is None else f"{volts:.2f}"
        axes.annotate(
            text,
            (min(volts, _TOP_V), y),
            xytext=(-shift if inside else shift, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=8,
            color="white" if inside else "black",
            bbox=None if inside else {"facecolor": "white", "pad": 0.6, "lw": 0},
        )


def _key(canvas: Canvas) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(color=colour, label=_LABELS[name])
        for name, colour in zip(_SHOWN, LINE_COLOURS, strict=False)
    ]
    canvas.legend(handles=handles, loc="outside upper center", ncols=2)

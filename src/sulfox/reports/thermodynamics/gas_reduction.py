"""Predominance diagram of a cathode under gases, and Gibbs energies of its reactions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from sulfox.documents.gas_reduction import GasReductionDoc, PredominanceDiagram
from sulfox.reports.data import ReportData
from sulfox.reports.figures import draw_grid, file_stem, finish, style
from sulfox.reports.markup import Figure, Html, Section, figure_block, note, paragraph, table
from sulfox.reports.thermodynamics.figure_file import pretty_formula

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["draw_predominance", "gas_reductions_section"]

_SHOWN_REACTIONS = 3

#: Light tints of Okabe and Ito's set: black letters can be read on each.
_TINTS = (
    *("#B3D4EA", "#F7D3B5", "#B5E2D3", "#EFD3E3", "#FAEBB8", "#DCEFFB"),
    *("#D9D9D9", "#C9C2E8", "#E8E0C9", "#C2E8C9"),
)
_SIZE = (7.6, 5.0)
_LEAST_SHARE = 0.012


def gas_reductions_section(data: ReportData) -> Section:
    """Tell which skin a reducing gas makes on each cathode.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        A row for each gas, and its predominance diagram.
    """
    title = "Gas-solid reaction"
    documents = data.of_kind(GasReductionDoc)
    if not documents:
        return Section(title, paragraph("No gas-solid reaction is part of this run."))
    rows = []
    for document in documents:
        fed = ", ".join(f"{g.formula} {g.pressure_bar:g} bar" for g in document.feed)
        told = "; ".join(
            f"{r.reaction} ({r.gibbs_kJ_per_mol:.1f} kJ/mol)"
            for r in document.reactions[:_SHOWN_REACTIONS]
        )
        skin, excess = (" + ".join(names) for names in (document.first_skin, document.excess))
        rows.append((document.cathode, fed, f"{document.temperature_K:g}", skin, excess, told))
    columns = (
        *("cathode", "gas as fed", "T (K)", "beside the cathode at a trace of gas"),
        *("in an excess of gas", "most favourable reactions, per formula"),
    )
    figures = tuple(map(draw_predominance, documents))
    remarks = dict.fromkeys(r.message for d in documents for r in d.reasons)
    used = documents[0].data
    html = (
        paragraph(
            "Equilibrium thermodynamics of gas and solid by measured Gibbs energies "
            f"({used.name}, SHA-256 {used.hash[:12]}); no calculation of electrons or forces."
        )
        + table(columns, rows)
        + "".join(note(f"Remark: {remark}.") for remark in remarks)
        + '<div class="gallery">'
        + "".join(map(figure_block, figures))
        + "</div>\n"
    )
    return Section(title, Html(html), figures)


def draw_predominance(document: GasReductionDoc) -> Figure:
    """Draw which condensed phases are stable under which gas.

    Parameters
    ----------
    document : GasReductionDoc
        Of one cathode and gas.

    Returns
    -------
    Figure
        Fields with their phases; hatched where graphite is deposited besides.
    """
    diagram = document.predominance
    with style():
        canvas, grid = draw_grid(1, 1, _SIZE)
        axes = grid[0, 0]
        _draw_fields(axes, diagram)
        if any(any(row) for row in diagram.carbon):
            axes.contourf(
                diagram.x,
                diagram.y,
                np.array(diagram.carbon, dtype=float),
                levels=[0.5, 1.5],
                colors="none",
                hatches=["////"],
                zorder=2,
            )
        if diagram.y_label.startswith("temperature"):
            axes.axhline(document.temperature_K, color="black", linewidth=0.9, linestyle="--")
            axes.annotate(
                f"{document.temperature_K:g} K",
                (diagram.x[-1], document.temperature_K),
                xytext=(9, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
        axes.set_xlabel(_label(diagram.x_label))
        axes.set_ylabel(_label(diagram.y_label))
        axes.grid(visible=False)
        fed = ", ".join(f"{g.formula} {g.pressure_bar:g} bar" for g in document.feed)
        axes.set_title(f"{pretty_formula(document.cathode)} under {pretty_formula(document.gas)}")
        _key(canvas, diagram)
        return finish(
            canvas,
            file_stem("predominance", document.cathode, document.gas),
            f"Condensed phases in equilibrium with the gas ({fed}); hatched: graphite besides.",
            document.provenance.level_of_theory,
        )


def _label(text: str) -> str:
    """Write log10 and the molecules in brackets with subscripts."""
    text = text.replace("log10", "log$_{10}$")
    return re.sub(r"\((\w+)\)", lambda found: f"({pretty_formula(found[1])})", text)


def _draw_fields(axes: Axes, diagram: PredominanceDiagram) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    regions = np.array(diagram.regions)
    n = len(diagram.fields)
    colours = ListedColormap([_TINTS[k % len(_TINTS)] for k in range(n)])
    axes.pcolormesh(
        diagram.x,
        diagram.y,
        regions,
        cmap=colours,
        norm=BoundaryNorm(np.arange(n + 1) - 0.5, n),
        shading="nearest",
        rasterized=True,
    )
    x, y = np.meshgrid(np.arange(len(diagram.x)), np.arange(len(diagram.y)))
    for k, names in enumerate(diagram.fields):
        inside = regions == k
        if inside.mean() < _LEAST_SHARE:
            continue
        # the point of the field that lies deepest in it
        column = int(np.median(x[inside]))
        rows = y[:, 0][inside[:, column]] if inside[:, column].any() else y[inside]
        row = int(np.median(rows))
        if not inside[row, column]:
            distance = (x[inside] - column) ** 2 + (y[inside] - row) ** 2
            column, row = x[inside][distance.argmin()], y[inside][distance.argmin()]
        axes.annotate(
            "\n".join(map(pretty_formula, names)),
            (diagram.x[column], diagram.y[row]),
            ha=_alignment(column / (len(diagram.x) - 1)),
            va="center",
            fontsize=9,
            zorder=4,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "lw": 0},
        )


def _alignment(share: float) -> str:
    """Keep a field's name inside the diagram: share of the width from the left."""
    return "right" if share > 0.93 else "left" if share < 0.07 else "center"


def _key(canvas: Canvas, diagram: PredominanceDiagram) -> None:
    """Name the fields that are too small for their names."""
    from matplotlib.patches import Patch

    regions = np.array(diagram.regions)
    handles = [
        Patch(color=_TINTS[k % len(_TINTS)], label=" + ".join(map(pretty_formula, names)))
        for k, names in enumerate(diagram.fields)
        if (regions == k).mean() < _LEAST_SHARE
    ]
    if any(any(row) for row in diagram.carbon):
        handles.append(Patch(facecolor="none", edgecolor="black", hatch="////", label="graphite"))
    if handles:
        canvas.legend(handles=handles, loc="outside lower center", ncols=3)

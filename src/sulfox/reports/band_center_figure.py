"""Densities of states with their centres, differences by definition, layers of an interface."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sulfox.analysis.electronic.alignment_definitions import orbital_name
from sulfox.documents.band_alignment import AlignmentRow, BandAlignmentDoc
from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.electronic_structure import ElectronicStructureDoc
from sulfox.documents.layered_dos import LayerBandCenter, LayeredBandCenterDoc
from sulfox.reports.figures import (
    LINE_COLOURS,
    draw_grid,
    element_colour,
    file_stem,
    finish,
    style,
)
from sulfox.reports.markup import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["StatesPanel", "draw_differences", "draw_layers", "draw_states"]

_SHOWN_EV = (-9.0, 6.0)
_GREY = "#6B6B6B"
#: Marks of one definition stand a little below each other, so that none hides another.
_STEP = 0.09
_MARKS = ("o", "s", "D", "^", "v", "P")


@dataclass(frozen=True)
class StatesPanel:
    """One material of the figure.

    Attributes
    ----------
    center : BandCenterDoc
        What is marked.
    calculation : ElectronicStructureDoc
        Its curves.
    """

    center: BandCenterDoc
    calculation: ElectronicStructureDoc

    @property
    def is_drawable(self) -> bool:
        """Whether the calculation holds curves on a grid."""
        return bool(self.calculation.energies_eV and self.calculation.curves)

    @property
    def reference(self) -> tuple[str, float]:
        """Name of the zero, and its energy relative to E_F [eV]."""
        vbm, fermi = self.center.vbm_eV, self.center.fermi_eV
        return ("E_F", 0.0) if vbm is None else ("VBM", vbm - fermi)

    def curve(self, element: str, orbital: str) -> NDArray[np.float64] | None:
        """Sum a curve over spins, per formula unit [1/eV]; None where there is none.

        Parameters
        ----------
        element, orbital : str
            Both empty for the total.
        """
        found = [
            np.asarray(curve.density)
            for curve in self.calculation.curves
            if (curve.element, curve.orbital) == (element, orbital)
        ]
        units = math.gcd(*self.calculation.structure.composition.values())
        return np.sum(found, axis=0) / units if found else None

    @property
    def metal(self) -> str | None:
        """The element with the largest d density below the zero, for the thin line."""
        energies = np.asarray(self.calculation.energies_eV)
        below = energies <= self.reference[1]
        sizes = {
            curve.element: float(np.asarray(curve.density)[below].sum())
            for curve in self.calculation.curves
            if curve.orbital == "d"
        }
        return max(sizes, key=lambda element: sizes[element]) if sizes else None


def draw_states(panels: Sequence[StatesPanel], name: str, level: str) -> Figure:
    """Draw the states of several materials below each other, each from its own reference.

    Parameters
    ----------
    panels : sequence of StatesPanel
        With curves.
    name : str
        File stem.
    level : str
        Level of theory, for the lower edge.

    Returns
    -------
    Figure
        Filled: the orbital whose centre is asked for; dashed line: the occupied centre.
    """
    references = list(dict.fromkeys(panel.reference[0] for panel in panels))
    with style():
        canvas, axes = draw_grid(len(panels), 1, (6.4, 2.5))
        for panel, states in zip(axes[:, 0], panels, strict=True):
            _draw_panel(panel, states)
        one = f"the {references[0]} of each material"
        zero = one if len(references) == 1 else "the VBM of an insulator, E_F of a metal"
        axes[-1, 0].set_xlabel(f"energy relative to {_subscript(zero)} (eV)")
        axes[-1, 0].set_xlim(*_SHOWN_EV)
        orbital = orbital_name(panels[0].center.element, panels[0].center.orbital)
        caption = (
            f"Density of states of {', '.join(p.calculation.label for p in panels)}, both spins, "
            f"per formula unit. Filled: {orbital}; grey line: total; the dashed line marks the "
            f"centre of the occupied {orbital} states. Zero is {zero}: energies of two panels are "
            f"not on one scale. {level}."
        )
        return finish(canvas, file_stem(name), caption, _short(level))


def _subscript(text: str) -> str:
    return text.replace("E_F", "$E_\\mathrm{F}$")


def _draw_panel(panel: Axes, states: StatesPanel) -> None:
    center, (reference, zero) = states.center, states.reference
    energies = np.asarray(states.calculation.energies_eV) - zero
    shown = (energies >= _SHOWN_EV[0]) & (energies <= _SHOWN_EV[1])
    total, own = states.curve("", ""), states.curve(center.element, center.orbital)
    top = 1.0
    if total is not None:
        panel.plot(energies, total, color=_GREY, linewidth=0.8, label="total")
        top = float(total[shown].max(initial=0.1))
    if states.metal is not None and (d_states := states.curve(states.metal, "d")) is not None:
        colour = element_colour(states.metal)
        panel.plot(
            energies, d_states, color=colour, linewidth=1.0, label=orbital_name(states.metal, "d")
        )
    colour = element_colour(center.element)
    if own is not None:
        label = orbital_name(center.element, center.orbital)
        panel.fill_between(energies, own, color=colour, alpha=0.55, linewidth=0, label=label)
    value = center.occupied_re_fermi_eV - zero
    panel.axvline(value, color=colour, linestyle=(0, (5, 2)), linewidth=1.8)
    panel.axvline(0.0, color="black", linestyle=":", linewidth=1.0)
    panel.set_ylim(0, 1.15 * top)
    panel.annotate(
        f"{value:+.2f} eV",
        (value, 1.08 * top),
        xytext=(-5, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        color=colour,
        fontweight="bold",
    )
    name = _subscript(reference)
    panel.annotate(name, (0.0, 1.08 * top), xytext=(4, 0), textcoords="offset points", va="center")
    panel.set_title(f"{states.calculation.label}, {_gap_text(center)}", loc="left")
    panel.set_ylabel("states (1/eV per\nformula unit)")
    panel.legend(loc="upper left")


def _gap_text(center: BandCenterDoc) -> str:
    if center.is_metal:
        return "metal"
    return "gap not known" if center.gap_eV is None else f"gap {center.gap_eV:.2f} eV"


def draw_differences(document: BandAlignmentDoc) -> Figure:
    """Draw the difference by every definition, with the published one as a band.

    Parameters
    ----------
    document : BandAlignmentDoc
        The table.

    Returns
    -------
    Figure
        Filled marks: ground states with one reference; hollow ones: anything else.
    """
    rows = [row for row in document.rows if row.difference_eV is not None]
    names = list(dict.fromkeys(_definition(row) for row in _ordered(rows)))
    pairs = list(dict.fromkeys((row.upper, row.lower) for row in rows))
    level = document.provenance.level_of_theory
    with style():
        height = 1.1 + 0.27 * len(names) + 0.2 * len(pairs)
        canvas, axes = draw_grid(1, 1, (7.4, height))
        panel = axes[0, 0]
        if document.published is not None:
            value, reach = document.published.difference_eV, document.tolerance_eV
            panel.axvspan(value - reach, value + reach, color="#E69F00", alpha=0.30, linewidth=0)
            panel.axvline(value, color="#B87900", linewidth=1.2, label=f"published {value:+.2f} eV")
        panel.axvline(0.0, color="black", linewidth=0.8)
        for number, pair in enumerate(pairs):
            _draw_pair(panel, [r for r in rows if (r.upper, r.lower) == pair], names, number)
        panel.set_yticks(range(len(names)), [_subscript(name) for name in names])
        panel.set_ylim(len(names) - 0.5, -0.5)
        orbital = orbital_name(document.element, document.orbital)
        panel.set_xlabel(f"{orbital} centre, {document.upper} minus {document.lower} (eV)")
        panel.margins(x=0.08)
        canvas.legend(loc="outside upper center", ncols=1 + len(pairs) // 4, fontsize=8)
        caption = (
            f"{orbital} band centre, {document.upper} minus {document.lower}, by definition and "
            "variant. Filled marks: both ground states with one reference; hollow marks: another "
            "magnetic state, no U, two different references, or E_F in a gap. The band is the "
            f"published difference with the tolerance of {document.tolerance_eV:g} eV. {level}."
        )
        stem = file_stem("band-centre-differences", document.upper, document.lower)
        return finish(canvas, stem, caption, _short(level))


def _ordered(rows: Sequence[AlignmentRow]) -> list[AlignmentRow]:
    kinds = ("consistent", "mixed", "undefined")
    return sorted(rows, key=lambda row: kinds.index(row.kind))


def _definition(row: AlignmentRow) -> str:
    mark = {"consistent": "", "mixed": " (mixed)", "undefined": " (undefined)"}[row.kind]
    return f"{row.definition}, re {row.reference}{mark}"


def _draw_pair(
    panel: Axes, rows: Sequence[AlignmentRow], names: Sequence[str], number: int
) -> None:
    colour, mark = LINE_COLOURS[number % len(LINE_COLOURS)], _MARKS[number % len(_MARKS)]
    look: dict[str, Any] = {
        "color": colour,
        "marker": mark,
        "linestyle": "none",
        "markersize": 7,
        "markeredgewidth": 1.4,
    }
    solid = [row.ground_states and row.hubbard and row.kind == "consistent" for row in rows]
    label = f"{rows[0].upper} minus {rows[0].lower}"
    panel.plot([], [], **look, fillstyle="full" if any(solid) else "none", label=label)
    for row, sound in zip(rows, solid, strict=True):
        height = names.index(_definition(row)) + _STEP * number
        fill = "full" if sound else "none"
        panel.plot([row.difference_eV or 0.0], [height], **look, fillstyle=fill, zorder=3 + sound)


def _short(level: str, width: int = 105) -> str:
    """Break a long level of theory into lines that fit below a figure."""
    return "\n".join(textwrap.wrap(level, width, max_lines=3, placeholder=" ..."))


def draw_layers(document: LayeredBandCenterDoc) -> Figure:
    """Draw the states of each layer on the one axis of an interface cell.

    Parameters
    ----------
    document : LayeredBandCenterDoc
        Layer by layer.

    Returns
    -------
    Figure
        From the bottom to the top of the cell; thick edges mark the middle of each side.
    """
    energies = np.asarray(document.energies_eV)
    zero, reference = 0.0, "E_F"
    if document.vbm_eV is not None:
        zero, reference = document.vbm_eV - document.fermi_eV, "VBM"
    shown = (energies - zero >= _SHOWN_EV[0]) & (energies - zero <= _SHOWN_EV[1])
    sides = list(dict.fromkeys(layer.side for layer in document.layers))
    level = document.provenance.level_of_theory
    peak = max(
        (max(np.asarray(layer.density)[shown], default=0.0) / len(layer.sites))
        for layer in document.layers
    )
    with style():
        canvas, axes = draw_grid(1, 1, (6.6, 1.2 + 0.5 * len(document.layers)))
        panel = axes[0, 0]
        for number, layer in enumerate(document.layers):
            colour = LINE_COLOURS[sides.index(layer.side) % len(LINE_COLOURS)]
            scaled = 0.95 * np.asarray(layer.density) / len(layer.sites) / max(peak, 1e-12)
            _draw_layer(panel, energies - zero, number + scaled, layer, colour, zero, number)
        panel.axvline(0.0, color="black", linestyle=":", linewidth=1.0)
        labels = [f"{layer.height_A:.1f} Å  {layer.side}" for layer in document.layers]
        panel.set_yticks(range(len(labels)), labels)
        panel.set_xlim(*_SHOWN_EV)
        panel.set_ylim(-0.15, len(labels) + 0.1)
        zero_name = _subscript(f"the {reference} of the whole cell")
        panel.set_xlabel(f"energy relative to {zero_name} (eV)")
        panel.grid(axis="y", visible=False)
        orbital = orbital_name(document.element, document.orbital)
        panel.set_title(f"{document.label}: {orbital} by layer, one energy axis", loc="left")
        caption = (
            f"{orbital} states per site, layer by layer, of {document.label}. Ticks: centre of the "
            "occupied states; thick ticks: the middle of each side. "
            f"{_difference_text(document)}{level}."
        )
        return finish(canvas, file_stem("layers", document.label), caption, _short(level))


def _draw_layer(
    panel: Axes,
    energies: NDArray[np.float64],
    heights: NDArray[np.float64],
    layer: LayerBandCenter,
    colour: str,
    zero: float,
    number: int,
) -> None:
    panel.fill_between(energies, number, heights, color=colour, alpha=0.45, linewidth=0)
    panel.axhline(number, color=colour, linewidth=0.5)
    if layer.occupied_re_fermi_eV is None:
        return
    value = layer.occupied_re_fermi_eV - zero
    width = 3.0 if layer.is_middle else 1.2
    panel.plot([value, value], [number, number + 0.8], color=colour, linewidth=width)
    weight = "bold" if layer.is_middle else "normal"
    panel.annotate(
        f"{value:+.2f}",
        (_SHOWN_EV[1], number + 0.35),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        color=colour,
        fontweight=weight,
        fontsize=9,
    )


def _difference_text(document: LayeredBandCenterDoc) -> str:
    apart = document.difference
    if apart is None:
        return ""
    unsure = (
        ""
        if apart.uncertainty_eV is None
        else f" (neighbours differ by {apart.uncertainty_eV:.2f})"
    )
    return f"Middles: {apart.upper} minus {apart.lower} {apart.occupied_eV:+.2f} eV{unsure}. "

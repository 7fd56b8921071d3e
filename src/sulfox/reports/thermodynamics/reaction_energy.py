"""Reaction energy against mixing, and the hull with the pair's tie line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sulfox.documents.reaction_energy import ReactionEnergyDoc, ReactionKink
from sulfox.reports.figures import LINE_COLOURS, draw_grid, file_stem, finish, style
from sulfox.reports.markup import Figure
from sulfox.reports.thermodynamics.figure_file import pretty_formula

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_mixing", "draw_tie_line"]

_SIZE = (7.6, 4.4)
#: Kinks closer than this share of the axis share a label.
_CLOSE = 0.025
_MUTUAL, _OWN, _GREY = LINE_COLOURS[0], LINE_COLOURS[1], "#6B6B6B"


def draw_mixing(document: ReactionEnergyDoc) -> Figure:
    """Draw the reaction energy against mixing, with the products at each kink.

    Parameters
    ----------
    document : ReactionEnergyDoc
        Of one pair.

    Returns
    -------
    Figure
        Both conventions; numbered kinks, with their products below.
    """
    one, two = (r.formula for r in document.reactants)
    x = [k.x_fixed_atoms for k in document.kinks]
    with style():
        kinks = [k for k in document.kinks if 1e-9 < k.x_fixed_atoms < 1 - 1e-9]
        canvas, grid = draw_grid(1, 1, (_SIZE[0], _SIZE[1] + 0.21 * len(kinks)))
        axes = grid[0, 0]
        axes.plot(
            x,
            [k.mutual_eV_per_atom for k in document.kinks],
            "o-",
            color=_MUTUAL,
            clip_on=False,
            label="reactants on the hull (mutual)",
        )
        axes.plot(
            x,
            [k.own_energy_eV_per_atom for k in document.kinks],
            "s--",
            color=_OWN,
            clip_on=False,
            label="reactants at their own energy",
        )
        _number_kinks(axes, kinks)
        low = min(k.own_energy_eV_per_atom for k in document.kinks)
        axes.set_ylim(min(1.08 * low, -0.01), max(-0.12 * low, 0.005))
        axes.set_xlim(0, 1)
        axes.set_ylabel(_energy_label(document))
        _label_mixing(axes, document, one, two)
        canvas.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        _list_products(axes, document, kinks)
        stem = file_stem("mixing", one, two)
        return finish(
            canvas,
            stem,
            f"Reaction energy of {one} and {two} against their mixing ratio; products at kinks.",
            _level(document),
        )


def draw_tie_line(document: ReactionEnergyDoc) -> Figure:
    """Draw formation energies along the pair: the hull and the reactants' tie line.

    Parameters
    ----------
    document : ReactionEnergyDoc
        Of one pair without an open element.

    Returns
    -------
    Figure
        The distance between line and hull is the reaction energy.

    Raises
    ------
    ValueError
        For a document with an open element, or of an earlier version: its ends have no
        formation energy.
    """
    ends = [r.hull_eV_per_atom for r in document.reactants if r.hull_eV_per_atom is not None]
    if document.open is not None or len(ends) < 2:
        raise ValueError("a tie line needs a closed system and the reactants' hull energies")
    one, two = (r.formula for r in document.reactants)
    x = np.array([k.x_atomic for k in document.kinks])
    tie = x * ends[0] + (1 - x) * ends[1]
    mutual = np.array([k.mutual_eV_per_atom for k in document.kinks])
    alone = np.array([k.self_decomposition_eV_per_atom for k in document.kinks])
    with style():
        canvas, grid = draw_grid(1, 1, _SIZE)
        axes = grid[0, 0]
        axes.fill_between(x, tie + mutual, tie, color=_MUTUAL, alpha=0.12, linewidth=0)
        axes.plot(
            x, tie + mutual, "o-", color="black", clip_on=False, label="convex hull along the pair"
        )
        axes.plot(x, tie, "-", color=_MUTUAL, label="tie line, reactants on the hull")
        axes.plot(x, tie - alone, "--", color=_OWN, label="tie line, reactants at their own energy")
        deepest = int(mutual.argmin())
        axes.annotate(
            "",
            (x[deepest], tie[deepest] + mutual[deepest]),
            (x[deepest], tie[deepest]),
            arrowprops={"arrowstyle": "->", "color": _MUTUAL},
        )
        axes.annotate(
            f"{mutual[deepest]:.3f} eV/atom".replace("-", "\N{MINUS SIGN}"),
            (x[deepest], tie[deepest] + mutual[deepest]),
            xytext=(0, -9),
            textcoords="offset points",
            ha="right" if ends[0] < ends[1] else "left",  # the side where the hull is higher
            va="top",
            color=_MUTUAL,
        )
        axes.margins(y=0.14)
        axes.set_xlim(0, 1)
        axes.set_ylabel("formation energy (eV/atom)")
        _label_mixing(axes, document, one, two)
        canvas.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return finish(
            canvas,
            file_stem("tie-line", one, two),
            f"Formation energies between {one} and {two}: what lies between the tie line and "
            "the hull is the reaction energy.",
            _level(document),
        )


def _number_kinks(axes: Axes, kinks: list[ReactionKink]) -> None:
    """Write numbers at the kinks; those that lie close together share one label, ``8-11``."""
    groups: list[list[int]] = []
    for k, kink in enumerate(kinks):
        if groups and kink.x_fixed_atoms - kinks[groups[-1][-1]].x_fixed_atoms < _CLOSE:
            groups[-1].append(k)
        else:
            groups.append([k])
    for group in groups:
        first, last = kinks[group[0]], kinks[group[-1]]
        rising = last.mutual_eV_per_atom > first.mutual_eV_per_atom
        shown = first if rising else last
        text = str(group[0] + 1) + (f"\N{EN DASH}{group[-1] + 1}" if len(group) > 1 else "")
        axes.annotate(
            text,
            (shown.x_fixed_atoms, shown.mutual_eV_per_atom),
            xytext=(0, 7),
            textcoords="offset points",
            ha=("right" if rising else "left") if len(group) > 1 else "center",
            fontsize=9,
        )


def _list_products(axes: Axes, document: ReactionEnergyDoc, kinks: list[ReactionKink]) -> None:
    """Write the products of every inner kink below the axis."""
    minimum = document.minimum_hull.x_fixed_atoms
    for number, kink in enumerate(kinks, 1):
        names = " + ".join(pretty_formula(t.formula) for t in kink.products)
        lowest = "  (lowest)" if kink.x_fixed_atoms == minimum else ""
        axes.annotate(
            f"{number}   x = {kink.x_fixed_atoms:.3f}:  {names}{lowest}",
            (0, 0),
            xycoords="axes fraction",
            xytext=(0, -48 - 14.5 * number),
            textcoords="offset points",
            fontsize=8.5,
            annotation_clip=False,
        )


def _energy_label(document: ReactionEnergyDoc) -> str:
    atoms = f" without {document.open.element}" if document.open else ""
    return f"reaction energy (eV/atom{atoms})"


def _label_mixing(axes: Axes, document: ReactionEnergyDoc, one: str, two: str) -> None:
    """Name the axis, and below its ends what stands there."""
    atoms = f", without {document.open.element}" if document.open else ""
    axes.set_xlabel(f"atomic fraction of {pretty_formula(one)}{atoms}")
    for place, formula, align in ((0, two, "left"), (1, one, "right")):
        axes.annotate(
            pretty_formula(formula),
            (place, 0),
            xycoords="axes fraction",
            xytext=(0, -20),
            textcoords="offset points",
            ha=align,
            va="top",
            fontweight="bold",
        )


def _level(document: ReactionEnergyDoc) -> str:
    opened = document.open
    held = ""
    if opened:
        held = f", open to {opened.element} at {opened.chemical_potential_eV:g} eV"
    return f"{document.provenance.level_of_theory}{held}"

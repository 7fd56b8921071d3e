"""Reaction energy against mixing, and the hull with the pair's tie line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sulfox.analysis.thermodynamics.entry_set import read_composition
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.documents.reaction_energy import ReactionEnergyDoc
from sulfox.reports.figures import LINE_COLOURS, draw_grid, file_stem, finish, style
from sulfox.reports.markup import Figure
from sulfox.reports.thermodynamics.figure_file import pretty_formula

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_mixing", "draw_tie_line"]

_SIZE = (7.6, 4.4)
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
        for number, kink in enumerate(kinks, 1):
            axes.annotate(
                str(number),
                (kink.x_fixed_atoms, kink.mutual_eV_per_atom),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
        low = min(k.own_energy_eV_per_atom for k in document.kinks)
        axes.set_ylim(min(1.08 * low, -0.01), max(-0.12 * low, 0.005))
        axes.set_xlim(0, 1)
        axes.set_ylabel(_energy_label(document))
        axes.set_xlabel(_mixing_label(document, one, two))
        canvas.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        _list_products(axes, document, kinks)
        stem = file_stem("mixing", one, two)
        return finish(
            canvas,
            stem,
            f"Reaction energy of {one} and {two} against their mixing ratio; products at kinks.",
            _level(document),
        )


def draw_tie_line(library: HullLibrary, document: ReactionEnergyDoc) -> Figure:
    """Draw formation energies along the pair: the hull and the reactants' tie line.

    Parameters
    ----------
    library : HullLibrary
        The same entry set.
    document : ReactionEnergyDoc
        Of one pair without an open element.

    Returns
    -------
    Figure
        The distance between line and hull is the reaction energy.

    Raises
    ------
    ValueError
        For a document with an open element: its ends have no formation energy.
    """
    if document.open is not None:
        raise ValueError("a tie line needs a closed system")
    one, two = (r.formula for r in document.reactants)
    compositions = [read_composition(f, "reactant")[1] for f in (one, two)]
    hull = library.hull({e.symbol for c in compositions for e in c})
    x = np.array([k.x_atomic for k in document.kinks])
    ends = [hull.energy(hull.vector(c)) / c.num_atoms for c in compositions]
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
        right = x[deepest] > 0.6
        axes.annotate(
            f"{mutual[deepest]:.3f} eV/atom".replace("-", "\N{MINUS SIGN}"),
            (x[deepest], tie[deepest] + mutual[deepest] / 2),
            xytext=(-6 if right else 6, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            color=_MUTUAL,
        )
        axes.set_xlim(0, 1)
        axes.set_ylabel("formation energy (eV/atom)")
        axes.set_xlabel(_mixing_label(document, one, two))
        canvas.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return finish(
            canvas,
            file_stem("tie-line", one, two),
            f"Formation energies between {one} and {two}: what lies between the tie line and "
            "the hull is the reaction energy.",
            _level(document),
        )


def _list_products(axes: Axes, document: ReactionEnergyDoc, kinks: list[Any]) -> None:
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


def _mixing_label(document: ReactionEnergyDoc, one: str, two: str) -> str:
    atoms = f" without {document.open.element}" if document.open else ""
    return f"{pretty_formula(two)}   <   atomic fraction of {pretty_formula(one)}{atoms}   >"


def _level(document: ReactionEnergyDoc) -> str:
    opened = document.open
    held = ""
    if opened:
        held = f", open to {opened.element} at {opened.chemical_potential_eV:g} eV"
    return f"{document.provenance.level_of_theory}{held}"

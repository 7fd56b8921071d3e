"""Thermodynamic figures: what they draw is what the documents hold, and always the same bytes."""

from __future__ import annotations

import pytest

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy
from sulfox.analysis.thermodynamics.stability_window import stability_window
from sulfox.analysis.thermodynamics.voltage_curve import voltage_curve
from sulfox.errors import SulfoxError
from sulfox.reports.thermodynamics.figure_file import pretty_formula, write_figure
from sulfox.reports.thermodynamics.reaction_energy import draw_mixing, draw_tie_line
from sulfox.reports.thermodynamics.stability_window import draw_windows
from sulfox.reports.thermodynamics.voltage_curve import draw_voltage_curve

ENERGIES = {"Li2S": -1.5, "P2S5": -0.6, "Li3PS4": -1.26, "LiS": -1.0}


@pytest.fixture(scope="module")
def library():
    rows = [{"formula": f, "formation_energy_eV_per_atom": e} for f, e in ENERGIES.items()]
    return HullLibrary(freeze_entries("made up", rows))


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("Li6PS5Cl", "Li$_{6}$PS$_{5}$Cl"),
        ("Li0.5CoO2", "Li$_{0.5}$CoO$_{2}$"),
        ("Li10Ge(PS6)2", "Li$_{10}$Ge(PS$_{6}$)$_{2}$"),
        ("CoO", "CoO"),
    ],
)
def test_a_formula_has_subscripts(formula, written):
    assert pretty_formula(formula) == written


PAIR = ("Li2S", "P2S5")


def test_a_figure_is_the_same_bytes_twice(library):
    document = reaction_energy(library, PAIR)
    one, two = draw_mixing(document), draw_mixing(document)
    assert (one.png, one.svg) == (two.png, two.svg)


def test_every_document_can_be_drawn(library):
    """Also those without a window, with an open element, on the other scale, or in eV."""
    opened = reaction_energy(library, PAIR, parse_open_element("Li=2.0V"))
    figures = [
        draw_mixing(opened),
        draw_tie_line(reaction_energy(library, PAIR)),
        draw_windows([stability_window(library, f) for f in ("Li2S", "Li3PS4", "LiS", "P2S5")]),
        draw_voltage_curve(voltage_curve(library, PAIR, (1.0, 4.5), scale="Li-In")),
        draw_voltage_curve(voltage_curve(library, PAIR, (-2.0, 0.0), "S")),
    ]
    assert len({figure.name for figure in figures}) == 4
    for figure in figures:
        assert figure.caption.endswith(".")


def test_a_tie_line_needs_a_closed_system(library):
    document = reaction_energy(library, ("Li2S", "P2S5"), parse_open_element("Li=2.0V"))
    with pytest.raises(ValueError, match="closed"):
        draw_tie_line(document)


def test_a_figure_that_cannot_be_written_is_refused(library, tmp_path):
    figure = draw_mixing(reaction_energy(library, ("Li2S", "P2S5")))
    with pytest.raises(SulfoxError, match=r"^SFX-901.*\.pdf"):
        write_figure(figure, tmp_path / "x.pdf")
    (tmp_path / "file").write_text("")
    with pytest.raises(SulfoxError, match=r"^SFX-901"):
        write_figure(figure, tmp_path / "file" / "x.png")
    assert write_figure(figure, tmp_path / "new" / "x.PNG").read_bytes() == figure.png

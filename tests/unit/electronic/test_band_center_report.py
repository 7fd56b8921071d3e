"""The section says what the documents say, and its figures name their reference and level."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sulfox.analysis.electronic.band_alignment import align_band_centers
from sulfox.analysis.electronic.layered_dos import layer_band_centers
from sulfox.documents.band_alignment import PublishedDifference
from sulfox.materials.catalogue import load_material
from sulfox.reports.band_center_figure import StatesPanel, draw_states
from sulfox.reports.band_centers import band_centers_section
from sulfox.reports.data import ReportData

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def entries(make_variant):
    potentials = (-60.0, -85.0)
    return (
        make_variant("LCO", -4.0, edges=(-0.7, 1.3), potentials=potentials, moment=0.0),
        make_variant("CoO", -4.5, edges=(-0.5, 1.5), potentials=potentials, energy=-12.0),
        make_variant("CoO", -6.0, edges=None, state="none", energy=-10.1, moment=0.0),
    )


@pytest.fixture(scope="module")
def layered(make_dos):
    """The toy's two atoms are two layers of one cell: O of one side alone."""
    dos = make_dos(-4.0)
    return layer_band_centers(dos, ("oxide", "metal"), label="a|b")


@pytest.fixture(scope="module")
def section(entries, layered):
    alignment = align_band_centers(
        [center for center, _ in entries],
        [run for _, run in entries],
        upper="CoO",
        lower="LCO",
        published=PublishedDifference(difference_eV=-2.75, source="Fig. <5i>"),
        measured={name: load_material(name).measured for name in ("CoO", "LCO")},
    )
    documents = (*[d for pair in entries for d in pair], alignment, layered)
    return alignment, band_centers_section(ReportData(study="toy", documents=documents))


def cells(html):
    return re.findall(r"<td>(.*?)</td>", html)


def test_verdict_and_every_row_stand_in_the_section(section):
    alignment, made = section
    assert alignment.verdict in made.html
    table = made.html[made.html.index("differences of") :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")])[-len(alignment.rows) :]
    for text, row in zip(rows, alignment.rows, strict=True):
        found = cells(text)
        assert found[1:3] == [row.definition, row.reference]
        expected = "–" if row.difference_eV is None else f"{row.difference_eV:+.2f}"
        assert found[5] == expected
        assert found[6].startswith("yes" if row.kind == "consistent" else "no")


def test_variants_and_literature_stand_beside_the_computed(section):
    _, made = section
    for words in ("1.900", "no, by energy", "metal", "2.50 eV", "3.98 µB", "Co 2.60", "van Elp"):
        assert words in made.html
    assert "Fig. &lt;5i&gt;" in made.html


def test_the_figures_name_reference_definition_and_level(section):
    _, made = section
    states, differences, layers = made.figures
    assert "the VBM of each material" in states.caption
    assert "O 2p" in states.caption
    assert "tolerance of 0.25 eV" in differences.caption
    assert "layer by layer" in layers.caption
    for figure in made.figures:
        assert figure.png.startswith(b"\x89PNG")
        assert "toy" in figure.caption


def test_a_metal_and_an_insulator_are_not_said_to_share_a_reference(entries):
    panels = [StatesPanel(*entries[0]), StatesPanel(*entries[2])]
    caption = draw_states(panels, "mixed", "toy").caption
    assert "the VBM of an insulator, E_F of a metal" in caption


def test_curves_are_drawn_per_formula_unit(entries):
    panel = StatesPanel(*entries[1])
    energies = np.asarray(panel.calculation.energies_eV)
    # five occupied and one empty O p state in a cell of two formula units
    assert np.trapezoid(panel.curve("O", "p"), energies) == pytest.approx(3.0, abs=1e-3)
    assert panel.curve("S", "p") is None
    assert panel.reference == ("VBM", pytest.approx(-0.5))


def test_without_documents_one_sentence_is_told(entries):
    empty = band_centers_section(ReportData(study="toy"))
    assert "No electronic structure" in empty.html
    assert empty.figures == ()
    centers_only = band_centers_section(ReportData(study="toy", documents=(entries[0][0],)))
    assert "not aligned" in centers_only.html
    assert "-3.30" in centers_only.html


def test_the_same_documents_give_the_same_bytes(entries):
    panels = [StatesPanel(*entries[0]), StatesPanel(*entries[1])]
    one, other = (draw_states(panels, "same", "toy") for _ in range(2))
    assert one.png == other.png
    assert one.svg == other.svg

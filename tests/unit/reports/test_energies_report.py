"""Reaction energies on the page: every set, its hash and its error; never shown as DFT."""

from __future__ import annotations

import pytest

from sulfox.analysis.thermodynamics.entries.element_references import SCHEMES
from sulfox.analysis.thermodynamics.entries.entry_sources import open_named_sets
from sulfox.analysis.thermodynamics.pair_table import tabulate_pairs
from sulfox.materials.pairs import read_pair_plan
from sulfox.reports.data import ReportData
from sulfox.reports.findings import findings
from sulfox.reports.page import render_page
from sulfox.reports.thermodynamics.gas_reduction import gas_reductions_section
from sulfox.reports.thermodynamics.pair_table import reaction_energies_section, windows_section

ASKED = ("LCO | LPSCl", "CoO | LPSCl", "Li2CO3 | LPSCl")


@pytest.fixture(scope="module")
def data():
    """Build documents of the shipped sets for three pairs and one window."""
    plan = read_pair_plan()
    plan = plan.model_copy(
        update={
            "pairs": tuple(pair for pair in plan.pairs if pair.label in ASKED),
            "windows": plan.windows[:2],
        }
    )
    sets, _ = open_named_sets(("chgnet", "nep89:fitted-elements"))
    assert len(sets) == len(SCHEMES) + 1
    documents = []
    for entry_set in sets:
        table, behind = tabulate_pairs(entry_set, plan)
        documents += [table, *behind]
    return ReportData("toy", documents=tuple(documents))


@pytest.fixture(scope="module")
def sections(data):
    return reaction_energies_section(data), windows_section(data)


def test_every_set_stands_with_hash_error_and_level(data, sections):
    html = sections[0].html
    for table in data.of_kind(type(data.documents[0])):
        assert table.entries.hash in html
        assert f"mean error {table.entries.accuracy.split('mean error ')[1][:5]}" in html
        assert table.entries.level_of_theory in html
    assert "No set here is of DFT energies" in html
    assert "Li0.5CoO2 instead of LiCoO2" in html


def test_the_skin_is_told_to_be_as_reactive_as_the_cathode(data):
    said = " ".join(findings(data))
    assert "CoO | LPSCl beside LCO | LPSCl: at least as negative" in said
    assert "does not say why it protects" in said
    assert "the source has \N{MINUS SIGN}0.52 eV/atom" in said
    assert "No production run" not in said


def test_figures_are_of_the_set_with_the_smallest_error(sections):
    names = [figure.name for section in sections for figure in section.figures]
    assert len(names) == len(set(names)) == 2 * len(ASKED) + 1
    assert "Figures by chgnet, fitted-elements" in sections[0].html
    captions = [figure.caption for section in sections for figure in section.figures]
    assert any("products at kinks" in caption for caption in captions)


def test_the_page_says_at_its_top_what_the_energies_are(data, sections):
    top, _, _ = render_page(data, sections).partition("<nav>")
    assert "CHGNet 0.3.0 (MLIP, not DFT); NEP89 (MLIP, not DFT)" in top


def test_a_run_without_energies_says_so():
    empty = ReportData("toy")
    for section in (reaction_energies_section, windows_section, gas_reductions_section):
        assert "part of this run" in section(empty).html
        assert not section(empty).figures

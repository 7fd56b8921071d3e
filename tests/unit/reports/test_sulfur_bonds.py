"""Sentences and tables say what the counts say."""

from __future__ import annotations

import re

from sulfox.reports.data import ReportData
from sulfox.reports.sulfur_bonds import bond_counts_section, bond_details_section, findings
from sulfox.reports.variants import matrix_section

LCO, COO = "LCO|LPSCl", "CoO|LPSCl"


def test_none_one_and_many_bonds_are_counted_in_words(make_data):
    data = make_data(
        {
            (LCO, "default", 300.0, 1): 0,
            (LCO, "default", 300.0, 2): 1,
            (LCO, "default", 600.0, 1): 2,
            (LCO, "default", 600.0, 2): 0,
            (COO, "default", 300.0, 1): 0,
            (COO, "default", 300.0, 2): 0,
        }
    )
    lco, coo = findings(data)
    assert lco.startswith(
        "LCO|LPSCl (default): 3 S-S bonds formed in 2 of 4 runs of 1 ps "
        "(by seed, 300 K: 0, 1; 600 K: 2, 0)"
    )
    assert "0 there at the start and 3 at the end" in lco
    assert coo.startswith("CoO|LPSCl (default): no S-S bond formed in 2 runs of 1 ps")


def test_one_bond_is_not_bonds(make_data):
    data = make_data({(LCO, "default", 300.0, 1): 1})
    assert "1 S-S bond formed in 1 of 1 run of 1 ps" in findings(data)[0]


def test_one_seed_has_no_error_bar_and_two_have_an_interval(make_data):
    one = make_data({(LCO, "default", 300.0, 1): 1})
    assert findings(one)[-1] == "Where a condition ran with one seed there is no error bar."
    assert "one seed: no error bar" in bond_details_section(one).html
    assert "One seed: no error bar." in bond_counts_section(one).figures[0].caption
    two = make_data({(LCO, "default", 300.0, 1): 1, (LCO, "default", 300.0, 2): 0})
    assert len(findings(two)) == 1
    assert "no error bar" not in bond_details_section(two).html
    (rate,) = two.rates
    interval = f"{rate.rate_low_per_nm2_ps:.3g} to {rate.rate_high_per_nm2_ps:.3g}"
    assert interval in bond_details_section(two).html


def test_runs_without_analysis_are_told(make_data):
    data = make_data({(LCO, "default", 300.0, 1): 0}, analysed=())
    assert findings(data) == (
        "1 production run stored, none analysed for S-S bonds: nothing is known of them.",
    )
    assert not bond_counts_section(data).figures
    assert "–" in matrix_section(data).html


def test_nothing_stored_is_told():
    (sentence,) = findings(ReportData(study="empty"))
    assert sentence.startswith("No production run is stored")


def test_the_matrix_has_a_row_a_run_with_the_counts_of_its_documents(make_data):
    data = make_data(
        {
            (LCO, "default", 600.0, 1): 2,
            (LCO, "half-delithiated", 600.0, 1): 1,
            (COO, "default", 600.0, 1): 0,
        }
    )
    html = matrix_section(data).html
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(<td>.*?)</tr>", html)]
    shown = [(row[0], row[1], row[5], row[7]) for row in rows]
    assert shown == [
        (LCO, "default", "2 (0)", "0 → 2"),
        (COO, "default", "0 (0)", "0 → 0"),
        (LCO, "half-delithiated", "1 (0)", "0 → 1"),
    ]
    assert all("4 of 4" in row for row in rows)  # P-S of the one PS4
    smallest = data.bonds_of(data.runs[0], "S-S").min_distance_A
    assert rows[0][8] == f"{smallest:.2f}"


def test_events_list_each_event_of_the_documents(make_data):
    data = make_data({(LCO, "default", 600.0, 1): 2})
    events = data.bonds_of(data.runs[0], "S-S").events
    assert len(events) == 2
    html = bond_details_section(data).html
    for event in events:
        assert f"<td>{event.atoms[0]}, {event.atoms[1]}</td>" in html
    assert html.count("S2- + S2-") == 2

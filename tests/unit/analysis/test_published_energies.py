"""Published reaction energies: judged per entry set, by a rule that no set can bend."""

from __future__ import annotations

import pytest

from sulfox.analysis.comparison import compare_findings
from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.pair_table import tabulate_pairs
from sulfox.documents.comparison import ExpectedFinding, Verdict
from sulfox.documents.entry_set import Accuracy
from sulfox.materials.pairs import PairPlan

#: LiO + S -> LiS + O releases 0.4 eV for 4 atoms; the charged O2 + 2 S -> 2 SO releases more.
ENERGIES = {"LiO": -1.0, "LiS": -1.2, "SO": -0.9}
PLAN = {
    "title": "made up",
    "sources": {"paper": {"citation": "a paper", "doi": None}},
    "pairs": [
        {
            "label": "cathode | sulfur",
            "reactants": ["LiO", "S"],
            "published_eV_per_atom": -0.15,
            "source": "paper",
            "charged": ["O2"],
        },
        {"label": "skin | sulfur", "reactants": ["O2", "S"], "compare_with": "cathode | sulfur"},
    ],
    "windows": [{"formula": "LiS", "published_oxidation_V": 2.4, "source": "paper"}],
}


def table(error=None, published=-0.15, name="made up", left_out=None):
    rows = [{"formula": f, "formation_energy_eV_per_atom": e} for f, e in ENERGIES.items()]
    entry_set = freeze_entries(name, rows)
    if error is not None:
        accuracy = Accuracy(
            scheme="own",
            n=3,
            mean_abs_eV_per_atom=error,
            largest_eV_per_atom=error,
            largest_formula="LiO",
            mean_abs_left_out_eV_per_atom=left_out,
            compounds=(),
        )
        level = "a potential (MLIP, not DFT)"
        entry_set = entry_set.model_copy(update={"accuracy": accuracy, "level_of_theory": level})
    pairs = [PLAN["pairs"][0] | {"published_eV_per_atom": published}, PLAN["pairs"][1]]
    return tabulate_pairs(entry_set, PairPlan.model_validate(PLAN | {"pairs": pairs}))[0]


def finding(test="reaction_energy", row="cathode | sulfur"):
    return ExpectedFinding(quantity="q", published="p", source="s", test=test, row=row)


def hull(document):
    return document.pairs[0].hull_eV_per_atom


def test_the_made_up_pair_is_what_it_was_made_to_be():
    document = table()
    own, skin = document.pairs
    assert own.hull_eV_per_atom < 0
    (charged,) = own.charged
    assert (charged.hull_eV_per_atom, charged.formula) == (skin.hull_eV_per_atom, "O2")
    assert charged.hull_eV_per_atom < own.hull_eV_per_atom - 0.1


@pytest.mark.parametrize(
    ("away", "error", "left_out", "verdict"),
    [
        (0.0, None, None, Verdict.REPRODUCED),
        (0.02, 0.01, None, Verdict.REPRODUCED),
        (0.02, 0.05, None, Verdict.NOT_COMPARABLE),
        (0.02, 0.01, 0.05, Verdict.NOT_COMPARABLE),  # what its fit hides counts
        (0.05, 0.01, None, Verdict.NOT_REPRODUCED),
        (0.05, 0.5, None, Verdict.NOT_REPRODUCED),  # a poor set is no excuse
    ],
)
def test_a_number_counts_only_if_the_set_is_good_enough(away, error, left_out, verdict):
    published = hull(table()) + away
    (row,) = compare_findings([finding()], [table(error, published, left_out=left_out)])
    assert row.verdict is verdict
    assert "/" in row.computed
    assert "skin | sulfur" in row.computed


def test_another_state_of_charge_is_told_and_does_not_count():
    charged = table().pairs[0].charged[0].hull_eV_per_atom
    (row,) = compare_findings([finding()], [table(0.01, charged)])
    assert row.verdict is Verdict.NOT_REPRODUCED
    assert "another state of charge: O2" in row.reason


def test_every_set_gives_a_row_with_its_hash_level_and_error():
    one, two = table(0.05, name="one"), table(0.07, name="two")
    rows = compare_findings([finding()], [one, two])
    for row, document in zip(rows, (one, two), strict=True):
        assert document.entries.name in row.quantity
        assert document.entries.hash[:12] in row.level_of_theory
        assert "MLIP, not DFT" in row.level_of_theory
        assert f"mean error {document.entries.mean_error_eV_per_atom:.3f}" in row.level_of_theory
        assert row.inputs[0] == document.id


def test_a_window_is_judged_in_volts():
    window = finding("oxidation_limit", "LiS")
    (row,) = compare_findings([window], [table()])
    assert (row.verdict, row.computed[:6]) == (Verdict.REPRODUCED, "2.40 V")
    (row,) = compare_findings([window], [table(0.2)])  # 2 atoms for one Li: 0.4 V
    assert row.verdict is Verdict.NOT_COMPARABLE


def test_without_a_table_or_without_the_row_nothing_is_computed():
    for documents in ([], [table()]):
        (row,) = compare_findings([finding(row="other")], documents)
        assert (row.verdict, row.engine) == (Verdict.NOT_COMPUTED, "none")

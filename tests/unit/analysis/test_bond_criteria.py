"""The table of pairs, and what may be asked of it."""

from __future__ import annotations

import pytest

from sulfox.analysis.bonds.bond_criteria import (
    DEFAULT_CRITERIA,
    choose_criteria,
    split_pair,
    varied_criteria,
)
from sulfox.errors import SulfoxError


def test_sulfur_is_the_first_row():
    assert next(iter(DEFAULT_CRITERIA)) == "S-S"
    criteria = choose_criteria()
    assert (criteria.form_A, criteria.break_A, criteria.min_lifetime_fs) == (2.4, 2.7, 50.0)


@pytest.mark.parametrize("pair", DEFAULT_CRITERIA)
def test_each_row_may_be_asked_for_in_either_order(pair):
    assert choose_criteria("-".join(reversed(pair.split("-")))) == choose_criteria(pair)
    assert choose_criteria(pair, form=1.0).break_A == DEFAULT_CRITERIA[pair][1]


@pytest.mark.parametrize("pair", ["", "S", "SS", "S-", "s-s", "S-S-S", "1-2"])
def test_a_pair_that_is_none_is_refused(pair):
    with pytest.raises(SulfoxError, match="SFX-701"):
        split_pair(pair)


def test_a_pair_outside_the_table_needs_thresholds():
    with pytest.raises(SulfoxError, match="SFX-702"):
        choose_criteria("Li-Cl")
    assert choose_criteria("Cl-Li", 2.9, 3.5).pair == "Cl-Li"


@pytest.mark.parametrize(
    ("form", "break_", "lifetime"),
    [
        (2.8, 2.7, 50),
        (0, 2.7, 50),
        (-1, 2.7, 50),
        (float("nan"), 2.7, 50),
        (2.4, float("inf"), 50),
        (2.4, 2.7, -1),
    ],
)
def test_thresholds_out_of_range_are_refused(form, break_, lifetime):
    with pytest.raises(SulfoxError, match="SFX-702"):
        choose_criteria("S-S", form, break_, lifetime)


def test_the_variations_move_one_number_each():
    rows = [(r.form_A, r.break_A, r.min_lifetime_fs) for r in varied_criteria(choose_criteria())]
    assert rows == [
        (2.3, 2.7, 50),
        (2.5, 2.7, 50),
        (2.4, 2.6, 50),
        (2.4, 2.8, 50),
        (2.4, 2.7, 100),
    ]
    narrow = varied_criteria(choose_criteria("S-S", 2.65, 2.7))
    assert all(row.form_A <= row.break_A for row in narrow)
    assert len(narrow) == 3

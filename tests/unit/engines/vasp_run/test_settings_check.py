"""INCARs are compared on the union of tags; only what is known to be numerical may change."""

from __future__ import annotations

import pytest

pytest.importorskip("custodian", reason="needs sulfox[vasp]")

from hypothesis import given
from hypothesis import strategies as st

from sulfox.engines.vasp.run.settings_check import (
    NUMERICAL_TAGS,
    compare_incar,
    differences_as_reasons,
)

MEANT = {
    "ENCUT": 500.0,
    "GGA": "Pe",
    "ISPIN": 2,
    "MAGMOM": [3.0, -3.0, 0.0, 0.0],
    "LDAU": True,
    "LDAUU": [3.9, 0.0],
    "ALGO": "Normal",
    "IBRION": -1,
    "LREAL": False,
    "EDIFF": 4e-6,
    "NBANDS": 30,
    "PREC": "Accurate",
}


def _physics(changed, kind="static", meant=MEANT):
    return {d.name for d in compare_incar(meant, changed, kind) if d.physics}


def test_the_same_incar_has_no_differences():
    assert compare_incar(MEANT, dict(MEANT), "static") == ()


@pytest.mark.parametrize("tag", sorted(set(MEANT) - NUMERICAL_TAGS))
def test_a_dropped_tag_is_physics(tag):
    ran = {key: value for key, value in MEANT.items() if key != tag}
    assert _physics(ran) == {tag}


@pytest.mark.parametrize("tag", ["METAGGA", "IVDW", "NELECT", "LHFCALC", "ISIF"])
def test_an_added_tag_is_physics(tag):
    assert _physics(MEANT | {tag: 1}) == {tag}


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("ENCUT", 520.0),
        ("GGA", "Ps"),
        ("ISPIN", 1),
        ("MAGMOM", [-3.0, 3.0, 0.0, 0.0]),
        ("LDAU", False),
        ("LDAUU", [0.0, 3.9]),
        ("IBRION", 1),
        ("EDIFF", 1e-4),
        ("NBANDS", 20),
        ("LREAL", "Auto"),
    ],
)
def test_changed_physics_is_found(tag, value):
    assert _physics(MEANT | {tag: value}) == {tag}


@pytest.mark.parametrize(
    "change",
    [
        {"ALGO": "All", "ISEARCH": 1},
        {"SYMPREC": 1e-6},
        {"ISYM": 0},
        {"NELM": 300, "AMIX": 0.1},
        {"EDIFF": 1e-7},
        {"NBANDS": 33},
        {"NCORE": 4},
    ],
)
def test_changed_numerics_is_told_and_not_refused(change):
    found = compare_incar(MEANT, MEANT | change, "static")
    assert {d.name for d in found} == set(change)
    refusals, remarks = differences_as_reasons(found, "CoO static")
    assert refusals == ()
    assert all(tag in remarks[0].message for tag in change)


def test_another_minimiser_is_numerics_in_a_relaxation_only():
    meant = MEANT | {"IBRION": 2, "POTIM": 0.5}
    assert _physics(meant | {"IBRION": 1, "POTIM": 0.3}, "relax", meant) == set()
    assert _physics(meant | {"IBRION": 0}, "relax", meant) == {"IBRION"}
    assert _physics(MEANT | {"IBRION": 1}, "md", MEANT | {"IBRION": 0}) == {"IBRION"}
    assert _physics(meant | {"POTIM": 1.0}, "md", meant) == {"POTIM"}


def test_spelling_is_no_difference():
    ran = MEANT | {"GGA": "PE", "ALGO": "NORMAL", "LDAUU": ["3.9", "0"], "PREC": "accurate"}
    assert compare_incar(MEANT, ran, "static") == ()
    assert compare_incar({"LDAUTYPE": 2}, {"LDAUTYPE": [2]}, "static") == ()
    assert compare_incar({"ldautype": 2}, {"LDAUTYPE": 2}, "static") == ()


def test_a_number_is_not_a_flag():
    assert _physics({"LASPH": 1}, meant={"LASPH": True}) == {"LASPH"}


@given(
    meant=st.dictionaries(st.sampled_from(sorted(MEANT)), st.integers(-3, 3)),
    ran=st.dictionaries(st.sampled_from(sorted(MEANT)), st.integers(-3, 3)),
)
def test_comparison_is_on_the_union_and_symmetric_in_names(meant, ran):
    forth = {d.name for d in compare_incar(meant, ran, "static")}
    back = {d.name for d in compare_incar(ran, meant, "static")}
    assert forth == back
    assert forth == {t for t in meant.keys() | ran.keys() if meant.get(t) != ran.get(t)}

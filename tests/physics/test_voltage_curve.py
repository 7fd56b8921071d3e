"""Reaction energy against voltage: by hand, against single voltages, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy
from sulfox.analysis.thermodynamics.voltage_curve import CELL_MARKS, voltage_curve
from sulfox.errors import SulfoxError

exactly = {"abs": 1e-9}


def library(energies, *, reverse=False):
    rows = [{"formula": f, "formation_energy_eV_per_atom": e} for f, e in energies.items()]
    return HullLibrary(freeze_entries("made up", rows[::-1] if reverse else rows))


def curve(points, volts, field):
    return np.interp(volts, [p.voltage_V for p in points], [getattr(p, field) for p in points])


SULFUR = {"Li2S": -1.5, "PS": -0.4}


def test_sulfur_and_phosphorus_by_hand():
    """S + 2 Li -> Li2S gains 4.5 - 2 V per S below 2.25 V; S + P -> PS gains 0.8 per PS.

    At their own energy: the better of (Li2S at x = 1) and (PS at x = 1/2), which cross where
    4.5 - 2 V = 0.4. On the hull: PS against Li2S + P, from 0 at V = 1.85 to -0.4 at 2.25 V.
    """
    document = voltage_curve(library(SULFUR), ("S", "P"), (1.0, 3.0))
    volts = [p.voltage_V for p in document.points]
    assert volts == pytest.approx([1.0, 1.85, 2.05, 2.25, 3.0], **exactly)
    total = [p.total_eV_per_atom for p in document.points]
    assert total == pytest.approx([-2.5, -0.8, -0.4, -0.4, -0.4], **exactly)
    mutual = [p.mutual_eV_per_atom for p in document.points]
    assert mutual == pytest.approx([0, 0, -0.2, -0.4, -0.4], **exactly)
    assert document.segments[0].total_reaction == "S + 2 Li -> Li2S"
    assert document.segments[-1].total_reaction == "0.5 S + 0.5 P -> 0.5 PS"
    assert [s.total_uptake for s in document.segments] == pytest.approx([2, 2, 0, 0], **exactly)


FORMULAS = ("Li2S", "LiS", "Li3P", "LiP", "P2S5", "PS", "P4S3", "Li3PS4", "Li7PS6")
random_sets = st.lists(st.floats(-2.0, 0.1), min_size=len(FORMULAS), max_size=len(FORMULAS)).map(
    lambda values: dict(zip(FORMULAS, np.round(values, 4).tolist(), strict=True))
)
pairs = st.sampled_from([("Li3PS4", "S"), ("Li2S", "P2S5"), ("PS", "S"), ("Li7PS6", "P")])


@settings(max_examples=5, deadline=None)
@given(energies=random_sets, pair=pairs, at=st.floats(0.1, 3.9))
def test_the_curve_goes_through_the_energy_at_any_single_voltage(energies, pair, at):
    volts = round(at, 6)
    phases = library(energies)
    document = voltage_curve(phases, pair, (0.0, 4.0))
    single = reaction_energy(phases, pair, parse_open_element(f"Li={volts}V"))
    total = single.minimum_own_energy.own_energy_eV_per_atom
    assert curve(document.points, volts, "total_eV_per_atom") == pytest.approx(total, abs=1e-7)
    mutual = single.minimum_hull.mutual_eV_per_atom
    assert curve(document.points, volts, "mutual_eV_per_atom") == pytest.approx(mutual, abs=1e-7)


@settings(max_examples=5, deadline=None)
@given(energies=random_sets, pair=pairs)
def test_the_total_is_concave_below_the_mutual_and_neither_is_positive(energies, pair):
    points = voltage_curve(library(energies), pair, (0.0, 4.0)).points
    for point in points:
        assert point.total_eV_per_atom <= point.mutual_eV_per_atom + 1e-8
        assert point.mutual_eV_per_atom <= 1e-9
    volts = np.array([p.voltage_V for p in points])
    slopes = np.diff([p.total_eV_per_atom for p in points]) / np.diff(volts)
    wide = np.diff(volts) > 1e-4
    assert (np.diff(slopes[wide]) <= 1e-4).all()


@settings(max_examples=5, deadline=None)
@given(energies=random_sets, multiple=st.integers(2, 5))
def test_multiples_of_a_formula_order_of_entries_and_of_reactants_change_nothing(
    energies, multiple
):
    first = voltage_curve(library(energies), ("Li3PS4", "S"), (1.0, 3.0))
    many = "".join(f"{e}{n * multiple}" for e, n in (("Li", 3), ("P", 1), ("S", 4)))
    other = voltage_curve(library(energies, reverse=True), ("S", many), (1.0, 3.0))
    for field in ("voltage_V", "total_eV_per_atom", "mutual_eV_per_atom"):
        values = [[getattr(p, field) for p in d.points] for d in (first, other)]
        assert values[0] == pytest.approx(values[1], abs=1e-7)


def test_volts_against_lithium_indium_are_062_lower():
    phases = library(SULFUR)
    metal = voltage_curve(phases, ("S", "P"), (1.62, 2.62))
    alloy = voltage_curve(phases, ("S", "P"), (1.0, 2.0), scale="Li-In")
    for one, two in zip(metal.points, alloy.points, strict=True):
        assert two.voltage_V == pytest.approx(one.voltage_V, **exactly)
        assert two.scale_V == pytest.approx(one.voltage_V - 0.62, **exactly)
        assert two.total_eV_per_atom == pytest.approx(one.total_eV_per_atom, **exactly)


def test_the_cut_offs_of_cells_are_marked():
    document = voltage_curve(library(SULFUR), ("S", "P"), (2.0, 4.5))
    assert {m.label: m.voltage_V for m in document.marks} == dict(CELL_MARKS)
    assert dict(CELL_MARKS)["3.6 V against Li-In"] == pytest.approx(4.22)
    for mark in document.marks:
        value = curve(document.points, mark.voltage_V, "total_eV_per_atom")
        assert mark.total_eV_per_atom == pytest.approx(value, **exactly)


def test_open_to_sulfur_the_axis_is_a_chemical_potential():
    """P + S -> PS gains 0.8 eV + mu per P while mu > -0.8 eV."""
    document = voltage_curve(library({"PS": -0.4}), ("P", "PS"), (-1.0, 0.0), "S")
    assert [p.voltage_V for p in document.points] == [None] * len(document.points)
    mus = [p.chemical_potential_eV for p in document.points]
    assert mus == pytest.approx([0.0, -0.8, -1.0], abs=1e-9)
    total = [p.total_eV_per_atom for p in document.points]
    assert total == pytest.approx([-0.8, 0.0, -0.2], abs=1e-9)


def test_two_identical_reactants_do_not_react():
    document = voltage_curve(library(SULFUR), ("Li2S", "Li4S2"), (0.5, 2.0))
    assert all(p.mutual_eV_per_atom == 0 and p.total_eV_per_atom == 0 for p in document.points)


@pytest.mark.parametrize(
    ("pair", "limits", "opened", "scale", "code"),
    [
        (("S", "P"), (3.0, 2.0), "Li", "Li", "SFX-736"),
        (("S", "P"), (-0.1, 2.0), "Li", "Li", "SFX-736"),
        (("S", "P"), (0.0, float("nan")), "Li", "Li", "SFX-736"),
        (("S", "P"), (0.0, 99.0), "Li", "Li", "SFX-736"),
        (("S", "P"), (-1.0, 0.5), "S", "Li", "SFX-724"),
        (("Li2S", "P"), (-1.0, 0.5), "S", "Li", "SFX-736"),
        (("S", "P"), (0.0, 2.0), "Li", "SHE", "SFX-736"),
        (("Li2S", "P"), (-1.0, 0.0), "S", "Li-In", "SFX-736"),
        (("S", "P"), (0.0, 2.0), "Na", "Li", "SFX-722"),
        (("S", "Co"), (0.0, 2.0), "Li", "Li", "SFX-722"),
        (("Li", "P"), (0.0, 2.0), "Li", "Li", "SFX-724"),
        (("S", "x!"), (0.0, 2.0), "Li", "Li", "SFX-723"),
    ],
)
def test_a_range_or_a_pair_that_cannot_be_used_is_refused(pair, limits, opened, scale, code):
    with pytest.raises(SulfoxError, match=rf"^{code}"):
        voltage_curve(library(SULFUR), pair, limits, opened, scale)

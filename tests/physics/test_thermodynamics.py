"""Thermodynamics solved by hand, and what must hold for any set of energies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.interface_reactions import InterfacialReactivity
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.analysis.reaction_calculator import BalancedReaction
from pymatgen.core import Composition

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary, envelope_kinks
from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy
from sulfox.analysis.thermodynamics.stability_window import stability_window
from sulfox.units import KJ_PER_MOL_PER_EV

exactly = {"abs": 1e-12}


def entry_set(energies):
    rows = [{"formula": f, "formation_energy_eV_per_atom": e} for f, e in energies.items()]
    return freeze_entries("made up", rows)


def test_a_three_phase_system_by_hand():
    """Li2O + CO2 -> Li2CO3: E = -2.03 - (3 (-2.0) + 3 (-1.3)) / 6 = -0.38 eV/atom."""
    entries = entry_set({"Li2O": -2.0, "CO2": -1.3, "Li2CO3": -2.03})
    document = reaction_energy(entries, ("Li2O", "CO2"))
    assert [k.x_atomic for k in document.kinks] == pytest.approx([0, 0.5, 1], **exactly)
    energies = [k.energy_eV_per_atom for k in document.kinks]
    assert energies == pytest.approx([0, -0.38, 0], **exactly)
    # half a mole of each: three atoms per mole of the reaction
    kilojoules = -0.38 * 3 * KJ_PER_MOL_PER_EV
    assert document.minimum.energy_kJ_per_mol == pytest.approx(kilojoules, abs=1e-9)
    assert document.minimum.reaction == "0.5 Li2O + 0.5 CO2 -> 0.5 Li2CO3"


def test_a_metastable_reactant_by_hand():
    """Li2CO3 raised by 0.1 eV/atom above Li2O + CO2: mutual part and self-decomposition add up."""
    energies = {"Li2O": -2.0, "CO2": -1.3, "Li2CO3": -1.65 + 0.1, "LiO": -1.2}
    document = reaction_energy(entry_set(energies), ("Li2CO3", "C"), use_hull_energy=False)
    reactant = document.reactants[0]
    assert reactant.e_above_hull_eV_per_atom == pytest.approx(0.1, **exactly)
    assert reactant.decomposes_to == ("CO2", "Li2O")
    for kink in document.kinks:
        alone = -0.1 * kink.x_atomic
        assert kink.self_decomposition_eV_per_atom == pytest.approx(alone, **exactly)
        assert kink.own_energy_eV_per_atom == pytest.approx(
            kink.mutual_eV_per_atom + alone, **exactly
        )
        assert kink.energy_eV_per_atom == kink.own_energy_eV_per_atom


POTENTIAL_SET = {"Li2S": -1.5, "PS": -0.4}


def test_under_potential_lithium_is_left_alone_above_its_plateau():
    """3 V: Li2S costs -4.5 + 2 x 3 > 0, so S + P -> PS, -0.4 eV/atom, as without lithium."""
    document = reaction_energy(
        entry_set(POTENTIAL_SET), ("S", "P"), parse_open_element("Li=3.0V"), use_hull_energy=False
    )
    assert [k.x_atomic for k in document.kinks] == pytest.approx([0, 0.5, 1], **exactly)
    assert document.minimum.energy_eV_per_atom == pytest.approx(-0.4, **exactly)
    assert document.minimum.reaction == "0.5 S + 0.5 P -> 0.5 PS"


def test_under_potential_lithium_is_taken_up_below_its_plateau():
    """1 V: S + 2 Li -> Li2S gains 4.5 - 2 x 1 = 2.5 eV per S; P does nothing."""
    pair, opened = ("S", "P"), parse_open_element("Li=1.0V")
    document = reaction_energy(entry_set(POTENTIAL_SET), pair, opened, use_hull_energy=False)
    assert [k.mutual_eV_per_atom for k in document.kinks] == pytest.approx([0, 0], **exactly)
    assert [k.energy_eV_per_atom for k in document.kinks] == pytest.approx([0, -2.5], **exactly)
    assert document.kinks[-1].reaction == "S + 2 Li -> Li2S"


def test_under_potential_x_counts_all_atoms_and_energy_the_fixed_ones():
    """2 V, Li2S + P: at 2.25 V and below Li2S keeps its lithium; the Li2S-PS line is closed."""
    entries = entry_set({**POTENTIAL_SET, "PS": -0.9})
    document = reaction_energy(entries, ("Li2S", "P"), parse_open_element("Li=2.0V"))
    # Li2S -> S + 2 Li costs 0.5 eV per S at 2 V, S + P -> PS gains 1.8 eV: sum -1.3 per two atoms
    middle = document.minimum
    assert middle.energy_eV_per_atom == pytest.approx(-0.65, **exactly)
    assert (middle.x_fixed_atoms, middle.x_atomic) == pytest.approx((0.5, 0.75), **exactly)
    assert middle.reaction == "0.5 Li2S + 0.5 P -> 0.5 PS + Li"


def test_a_window_by_hand():
    """Li + LiS -> Li2S at 2.1 V; LiS -> S + Li at 2.4 V."""
    document = stability_window(entry_set({"Li2S": -1.5, "LiS": -1.2}), "LiS")
    assert document.reduction_V == pytest.approx(2.1, **exactly)
    assert document.oxidation_V == pytest.approx(2.4, **exactly)
    assert document.edges_V == pytest.approx((2.1, 2.4), **exactly)
    assert [step.uptake for step in document.profile] == pytest.approx([1, 0, -1], **exactly)
    assert [step.products for step in document.profile] == [("Li2S",), ("LiS",), ("S",)]
    for row in document.conventions:  # a stable compound has one window
        assert (row.reduction_V, row.oxidation_V) == pytest.approx((2.1, 2.4), **exactly)


def test_a_metastable_compound_has_its_conventions_by_hand():
    """LiS 0.05 eV/atom above the Li2S-S line (-1.125): the plateau at 2.25 V has no width."""
    document = stability_window(entry_set({"Li2S": -1.5, "LiS": -1.075}), "LiS")
    by_name = {row.convention: row for row in document.conventions}
    for name in ("phase equilibria", "stabilised onto the hull"):
        row = by_name[name]
        assert (row.reduction_V, row.oxidation_V) == pytest.approx((2.25, 2.25), **exactly)
    direct = by_name["direct decomposition"]
    assert direct.reduction_V == pytest.approx(4.5 - 2.15, **exactly)
    assert direct.oxidation_V == pytest.approx(2.15, **exactly)
    assert document.e_above_hull_eV == pytest.approx(0.05, **exactly)
    assert "no_window" in {reason.code for reason in document.reasons}


FORMULAS = ("Li2S", "LiS", "Li3P", "LiP", "P2S5", "PS", "P4S3", "Li3PS4", "Li7PS6", "Li2PS3")
random_sets = st.lists(st.floats(-2.0, 0.1), min_size=len(FORMULAS), max_size=len(FORMULAS)).map(
    lambda values: dict(zip(FORMULAS, np.round(values, 6).tolist(), strict=True))
)
# few different energies: many phases on one plane, so that products are not unique
coplanar_sets = st.lists(
    st.sampled_from([-1.5, -1.0, -0.5, 0.0]), min_size=len(FORMULAS), max_size=len(FORMULAS)
).map(lambda values: dict(zip(FORMULAS, values, strict=True)))
any_sets = st.one_of(random_sets, coplanar_sets)
pairs = st.tuples(st.sampled_from(FORMULAS), st.sampled_from(FORMULAS))
opened = st.sampled_from([None, "Li=0V", "Li=1.3V", "Li=3.7V", "S=-0.8eV"])
many = settings(max_examples=60, deadline=None)


def ask(energies, pair, condition, **more):
    return reaction_energy(
        entry_set(energies), pair, parse_open_element(condition) if condition else None, **more
    )


@many
@given(energies=any_sets, pair=pairs, condition=opened)
def test_every_reaction_balances(energies, pair, condition):
    for kink in ask(energies, pair, condition).kinks:
        sides = [{}, {}]
        for side, terms in zip(sides, (kink.reactants, kink.products), strict=True):
            for term in terms:
                side[term.formula] = side.get(term.formula, 0) + term.amount_mol
        BalancedReaction(*sides)  # raises where it does not balance to 1e-6
        mine = {Composition(text).reduced_formula for text in pair}
        total = sum(t.amount_mol for t in kink.reactants if t.formula in mine)
        assert total == pytest.approx(1)


@many
@given(energies=any_sets, pair=pairs, condition=opened)
def test_nothing_happens_at_the_ends_and_the_line_is_convex(energies, pair, condition):
    document = ask(energies, pair, condition)
    x = np.array([k.x_fixed_atoms for k in document.kinks])
    energy = np.array([k.mutual_eV_per_atom for k in document.kinks])
    assert (x[0], x[-1]) == (0, 1)
    assert energy[[0, -1]] == pytest.approx(0, **exactly)
    slopes = np.diff(energy) / np.diff(x)
    assert np.all(np.diff(slopes) > 0)
    assert np.all(energy <= 0)
    assert all(k.self_decomposition_eV_per_atom <= 0 for k in document.kinks)
    if condition is None:
        assert x == pytest.approx(np.array([k.x_atomic for k in document.kinks]))


@many
@given(
    energies=random_sets,
    pair=pairs,
    condition=opened,
    times=st.tuples(st.sampled_from([2, 3, 0.5]), st.sampled_from([2, 7, 0.25])),
    order=st.permutations(FORMULAS),
)
def test_multiples_and_order_change_nothing(energies, pair, condition, times, order):
    def numbers(document):
        return document.entries.hash, document.kinks, document.minimum, document.id

    other = tuple(
        (Composition(text) * n).formula.replace(" ", "")
        for text, n in zip(pair, times, strict=True)
    )
    shuffled = {formula: energies[formula] for formula in order}
    one, two = ask(energies, pair, condition), ask(shuffled, other, condition)
    assert numbers(one) == numbers(two)


@many
@given(energies=random_sets, pair=pairs)
def test_exchanging_the_reactants_mirrors_the_line(energies, pair):
    one, two = ask(energies, pair, None), ask(energies, pair[::-1], None)
    mirrored = [(1 - k.x_atomic, k.energy_eV_per_atom) for k in reversed(two.kinks)]
    found = [(k.x_atomic, k.energy_eV_per_atom) for k in one.kinks]
    assert np.array(found) == pytest.approx(np.array(mirrored), abs=1e-9)


@many
@given(energies=random_sets, pair=pairs)
def test_the_kinks_are_those_of_pymatgen(energies, pair):
    one, two = (Composition(text) for text in pair)
    rows = [PDEntry(f, e * Composition(f).num_atoms) for f, e in energies.items()]
    diagram = PhaseDiagram([*rows, *(PDEntry(element, 0.0) for element in ("Li", "P", "S"))])
    peer = InterfacialReactivity(one, two, diagram, use_hull_energy=True).get_kinks()
    line = [(k.x_atomic, k.energy_eV_per_atom) for k in ask(energies, pair, None).kinks]
    x, energy = np.array(line).T
    for _, peer_x, peer_energy, _, _ in peer:
        assert np.interp(peer_x, x, energy) == pytest.approx(peer_energy, abs=1e-9)


@many
@given(lines=st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=12))
def test_the_envelope_is_the_highest_line_everywhere(lines):
    values, slopes = np.array(lines).T
    points, ramps = envelope_kinks(values, slopes, end=1.0)
    for t in np.linspace(0, 1, 31):
        piece = np.searchsorted(points, t, side="right") - 1
        start = (values + slopes * points[piece]).max()
        height = start + ramps[piece] * (t - points[piece])
        assert height == pytest.approx((values + slopes * t).max(), abs=1e-7)


def test_hulls_are_shared():
    library = HullLibrary(entry_set(POTENTIAL_SET))
    assert library.hull(["S", "P"]) is library.hull(["P", "S"])
    assert library.hull(["S", "P"], {"Li": -1.0}) is not library.hull(["S", "P"], {"Li": -2.0})

"""Screening, triple junctions and solid solutions: by hand, and what must hold for any energies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.entries.solid_solution import (
    BOLTZMANN_EV_PER_K,
    add_solid_solution,
)
from sulfox.analysis.thermodynamics.pair_table import tabulate_pairs
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import reaction_energy
from sulfox.analysis.thermodynamics.screening import (
    candidate_coatings,
    screen_coatings,
    triple_junction,
)
from sulfox.errors import SulfoxError
from sulfox.materials.pairs import PairPlan

exactly = {"abs": 1e-9}


def entry_set(energies, **columns):
    rows = [
        {"formula": f, "formation_energy_eV_per_atom": e, "entry_id": f, **columns}
        for f, e in energies.items()
    ]
    return freeze_entries("made up", rows)


# --- triple junction ---------------------------------------------------------------------


def test_a_junction_where_only_the_three_react():
    """Li2O + CO2 + S -> a compound of all three, though no two of them react."""
    energies = {"Li2O": -2.0, "CO2": -1.3, "Li2CSO3": -1.9}
    found = triple_junction(HullLibrary(entry_set(energies)), ("Li2O", "CO2", "S"))
    # 3 atoms of Li2O, 3 of CO2, 1 of S: -1.9 - (3 (-2.0) + 3 (-1.3)) / 7
    assert found.energy_eV_per_atom == pytest.approx(-1.9 + 9.9 / 7, **exactly)
    assert found.fractions == pytest.approx((3 / 7, 3 / 7, 1 / 7), abs=1e-6)
    assert found.worst_pair_eV_per_atom == 0.0


def test_a_junction_of_phases_that_do_not_react():
    energies = {"Li2O": -2.0, "CO2": -1.3, "S": 0.0}
    found = triple_junction(HullLibrary(entry_set(energies)), ("Li2O", "CO2", "S"))
    assert found.energy_eV_per_atom == 0.0


FORMULAS = ("Li2S", "LiS", "Li3P", "LiP", "P2S5", "PS", "P4S3", "Li3PS4", "Li7PS6", "Li2PS3")
random_sets = st.lists(st.floats(-2.0, 0.1), min_size=len(FORMULAS), max_size=len(FORMULAS)).map(
    lambda values: dict(zip(FORMULAS, np.round(values, 6).tolist(), strict=True))
)
threes = st.lists(st.sampled_from(FORMULAS), min_size=3, max_size=3, unique=True).map(tuple)
many = settings(max_examples=15, deadline=None)


@many
@given(energies=random_sets, three=threes, order=st.permutations(range(3)))
def test_a_junction_is_as_reactive_as_its_worst_pair_whatever_the_order(energies, three, order):
    library = HullLibrary(entry_set(energies))
    found = triple_junction(library, three)
    pairs = [
        reaction_energy(library, (three[a], three[b])).minimum_hull.mutual_eV_per_atom
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert found.worst_pair_eV_per_atom == min(pairs)
    assert found.energy_eV_per_atom <= min(pairs) + 1e-8
    again = triple_junction(library, tuple(three[k] for k in order))
    assert again.energy_eV_per_atom == pytest.approx(found.energy_eV_per_atom, abs=1e-8)


@many
@given(energies=random_sets, three=threes, x=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_no_mixture_gains_more_than_the_junction(energies, three, x):
    total = sum(x)
    if total < 1e-3:
        return
    library = HullLibrary(entry_set(energies))
    found = triple_junction(library, three)
    hull = library.hull({"Li", "P", "S"})
    parts = [Composition(f) for f in three]
    units = [hull.vector(part) / part.num_atoms for part in parts]
    shares = [value / total for value in x]
    mixture = sum(share * unit for share, unit in zip(shares, units, strict=True))
    alone = sum(share * hull.energy(unit) for share, unit in zip(shares, units, strict=True))
    assert found.energy_eV_per_atom <= hull.energy(mixture) - alone + 1e-8


# --- ranking -----------------------------------------------------------------------------

CELL = {"Li2O": -2.0, "CO2": -1.3, "Li2CO3": -2.03, "LiCl": -2.0, "Li2S": -1.5}


def test_the_worst_of_four_energies_ranks_a_coating():
    library = HullLibrary(entry_set(CELL))
    document = screen_coatings(library, "CO2", "Li2S", ["Li2O", "LiCl"], (1.0, 3.0))
    first, second = document.coatings
    assert [first.formula, second.formula] == ["LiCl", "Li2O"]
    assert [first.rank, second.rank] == [1, 2]
    # LiCl: 4 V oxidation limit, no reaction with CO2 or Li2S
    assert first.worst_eV_per_atom == 0.0
    assert first.oxidation_V == pytest.approx(4.0, **exactly)
    assert first.covers_cell_window
    # Li2O at 3 V gives off lithium: O + 2 Li at -2 x 3 eV against -6 eV: exactly at its limit
    assert second.oxidation_V == pytest.approx(3.0, **exactly)
    assert second.cathode.mutual_eV_per_atom == pytest.approx(-0.38, **exactly)
    assert second.worst_is == "contact with the cathode"
    assert document.bare.mutual_eV_per_atom <= 0


def test_a_coating_decomposes_alone_at_the_cut_offs_by_hand():
    """Li2S above its limit of 2.25 V: at 3 V each S gains 2 x 3 - 4.5 = 1.5 eV."""
    library = HullLibrary(entry_set({"Li2S": -1.5, "LiCl": -2.0}))
    document = screen_coatings(library, "S", "LiCl", ["Li2S"], (1.0, 3.0))
    (row,) = document.coatings
    assert row.at_lower_eV_per_atom == 0.0
    assert row.at_upper_eV_per_atom == pytest.approx(-1.5, **exactly)
    assert row.worst_is == "decomposition at 3 V"
    assert not row.covers_cell_window


def test_coatings_that_cannot_be_judged_are_named_and_the_others_stay():
    library = HullLibrary(entry_set(CELL))
    document = screen_coatings(library, "CO2", "Li2S", ["LiCl", "LiNbO3", "nonsense"])
    assert [row.formula for row in document.coatings] == ["LiCl"]
    assert document.status == "partial"
    assert [text.split(":")[0] for text in document.left_out] == ["LiNbO3", "nonsense"]
    gradient = screen_coatings(library, "CO2", "Li2S", ["Li3ClO"]).coatings[0]
    assert gradient.e_above_hull_eV is None
    assert "equilibrium phases" in gradient.remarks[0]


def test_candidates_are_lithium_compounds_near_the_hull():
    energies = CELL | {"Li2SO4": -1.0, "LiS": -0.1}
    library = HullLibrary(entry_set(energies))
    found = candidate_coatings(library, "CO2", "Li2S")
    assert "LiCl" in found
    assert "Li2S" not in found  # the electrolyte
    assert "LiS" not in found  # far above the hull
    assert "CO2" not in found  # no lithium


@pytest.mark.parametrize("cut_offs", [(4.3, 2.6), (-1.0, 2.0), (2.0, 2.0), (2.0, math.inf)])
def test_impossible_cut_offs_are_refused(cut_offs):
    library = HullLibrary(entry_set(CELL))
    with pytest.raises(SulfoxError, match=r"^SFX-741"):
        screen_coatings(library, "CO2", "Li2S", ["LiCl"], cut_offs)
    with pytest.raises(SulfoxError, match=r"^SFX-741"):
        screen_coatings(library, "CO2", "Li2S", [])


# --- solid solutions ---------------------------------------------------------------------

LAYERED = {"LiNiO2": -1.4, "LiCoO2": -1.7, "LiMnO2": -2.0}
NCM = {"LiNiO2": 0.8, "LiCoO2": 0.1, "LiMnO2": 0.1}


def test_a_solid_solution_by_hand():
    found = add_solid_solution(entry_set(LAYERED), "NCM811", NCM)
    (mixed,) = [e for e in found.entries if e.entry_id == "solid solution NCM811"]
    assert mixed.formation_energy_eV_per_atom == pytest.approx(-1.12 - 0.17 - 0.2, **exactly)
    assert found.hash != entry_set(LAYERED).hash
    assert "NCM811 is a model" in found.remarks[-1].message


def test_ideal_mixing_lowers_it_by_the_configurational_entropy():
    """kT (0.8 ln 0.8 + 2 x 0.1 ln 0.1) per formula of four atoms."""
    cold, warm = (
        {
            e.entry_id: e.formation_energy_eV_per_atom
            for e in add_solid_solution(entry_set(LAYERED), "NCM811", NCM, kelvin).entries
        }["solid solution NCM811"]
        for kelvin in (0.0, 1000.0)
    )
    entropy = BOLTZMANN_EV_PER_K * 1000 * (0.8 * math.log(0.8) + 0.2 * math.log(0.1)) / 4
    assert warm - cold == pytest.approx(entropy, **exactly)


def test_the_layered_polymorph_is_meant_and_the_scheme_is_kept():
    rows = [
        {"formula": "LiAlO2", "formation_energy_eV_per_atom": -3.1, "entry_id": "gamma"},
        {
            "formula": "LiAlO2",
            "formation_energy_eV_per_atom": -3.0,
            "entry_id": "layered",
            "structure_type": "alpha-NaFeO2",
        },
        {"formula": "LiNiO2", "formation_energy_eV_per_atom": -1.4, "entry_id": "LiNiO2"},
    ]
    made = freeze_entries("x", [row | {"correction_scheme": "one"} for row in rows])
    found = add_solid_solution(made, "NA", {"LiAlO2": 0.5, "LiNiO2": 0.5})
    mixed = {e.entry_id: e.formation_energy_eV_per_atom for e in found.entries}
    assert mixed["solid solution NA"] == pytest.approx(-2.2, **exactly)
    assert found.correction_scheme == "one"


@pytest.mark.parametrize(
    ("shares", "kelvin", "code"),
    [
        ({"LiNiO2": 0.5, "LiCoO2": 0.4}, 0, "SFX-742"),
        ({"LiNiO2": 1.2, "LiCoO2": -0.2}, 0, "SFX-742"),
        ({"LiNiO2": 0.5, "LiFeO2": 0.5}, 0, "SFX-742"),
        (NCM, -5, "SFX-742"),
        (NCM, math.nan, "SFX-742"),
        ({"LiNiO2": 0.5, "nonsense": 0.5}, 0, "SFX-723"),
    ],
)
def test_what_is_no_model_is_refused(shares, kelvin, code):
    with pytest.raises(SulfoxError) as caught:
        add_solid_solution(entry_set(LAYERED), "x", shares, kelvin)
    assert caught.value.code == code


# --- the table of pairs ------------------------------------------------------------------

PLAN = {
    "title": "made up",
    "sources": {"paper": {"citation": "a paper", "doi": None}},
    "solid_solutions": [{"name": "NCM811", "formula": "LiNi0.8Co0.1Mn0.1O2", "end_members": NCM}],
    "pairs": [
        {
            "label": "oxide | gas",
            "reactants": ["Li2O", "CO2"],
            "published_eV_per_atom": -0.4,
            "source": "paper",
        },
        {"label": "sulfide | gas", "reactants": ["Li2S", "CO2"], "compare_with": "oxide | gas"},
        {"label": "no phosphorus", "reactants": ["Li3P", "CO2"]},
    ],
    "windows": [{"formula": "Li2S", "published_oxidation_V": 4.0, "source": "paper"}],
}


def test_a_table_says_what_is_met_and_what_it_cannot_say():
    table, documents = tabulate_pairs(entry_set(CELL), PairPlan.model_validate(PLAN))
    met, compared, lost = table.pairs
    assert met.hull_eV_per_atom == pytest.approx(-0.38, **exactly)
    assert met.said.startswith("met: Li2O, reactants on the hull, -0.380")
    assert "oxide | gas" in compared.said
    assert lost.hull_eV_per_atom is None
    assert "no entry with P" in lost.said
    assert table.status == "partial"
    ids = [met.reaction_energy_id, compared.reaction_energy_id]
    assert [d.id for d in documents] == [*ids, table.windows[0].stability_window_id]
    assert (met.outcome, compared.outcome, table.windows[0].outcome) == ("met", None, "missed")
    assert {d.entries.hash for d in documents} == {table.entries.hash}
    (window,) = table.windows
    assert window.oxidation_V == pytest.approx(2.25, **exactly)
    assert "-1.75 V from it" in window.said


def test_a_number_of_another_state_of_charge_is_named():
    energies = {"LiO": -1.0, "O3": 0.0, "LiS": -1.0, "SO": -0.9}
    plan = {
        "title": "x",
        "sources": {"paper": {"citation": "a paper", "doi": None}},
        "pairs": [
            {
                "label": "a | b",
                "reactants": ["LiO", "S"],
                "published_eV_per_atom": -0.9,
                "source": "paper",
                "charged": ["O2"],
            }
        ],
    }
    table, _ = tabulate_pairs(entry_set(energies), PairPlan.model_validate(plan))
    assert "another state of charge: O2" in table.pairs[0].said

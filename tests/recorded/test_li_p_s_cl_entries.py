"""Li-P-S-Cl with 88 formation energies of the Materials Project: published numbers and pymatgen.

The energies are those of matgenb (BSD-3; Materials Project data CC-BY 4.0); they are rounded
to 1 meV/atom, so voltages agree with the published ones within 3 mV.
"""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import pytest
from pymatgen.analysis.interface_reactions import GrandPotentialInterfacialReactivity
from pymatgen.analysis.phase_diagram import GrandPotentialPhaseDiagram, PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.entries.entry_sources import read_entry_set
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy
from sulfox.analysis.thermodynamics.stability_window import stability_window

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
TABLE = DATA / "thermo" / "Li-P-S-Cl_formation_energies.csv"
EDGES_V = (0.870, 0.932, 1.177, 1.242, 1.717, 2.140, 2.356, 3.402, 3.707)

pytestmark = pytest.mark.skipif(
    not TABLE.is_file(), reason=f"recorded data not found: {TABLE} (set SULFOX_TEST_DATA)"
)


@pytest.fixture(scope="module")
def library():
    return HullLibrary(read_entry_set(TABLE))


@pytest.fixture(scope="module")
def peer_entries(library):
    return [
        PDEntry(e.formula, e.formation_energy_eV_per_atom * Composition(e.formula).num_atoms)
        for e in library.entry_set.entries
    ]


def test_the_set_is_whole_and_its_hash_does_not_depend_on_the_order(library):
    entry_set = library.entry_set
    assert entry_set.reference.n == 88
    rows = [
        {
            "formula": e.formula,
            "entry_id": e.entry_id,
            "formation_energy_eV_per_atom": e.formation_energy_eV_per_atom,
        }
        for e in entry_set.entries
    ]
    random.Random(1).shuffle(rows)
    assert freeze_entries("shuffled", rows).hash == entry_set.hash


def test_the_argyrodite_lies_26_meV_above_the_hull(library):
    document = stability_window(library, "Li6PS5Cl")
    assert document.e_above_hull_eV == pytest.approx(0.026, abs=5e-4)
    assert document.entries == library.entry_set.reference


def test_the_nine_plateau_edges(library):
    document = stability_window(library, "Li6PS5Cl")
    assert document.edges_V == pytest.approx(EDGES_V, abs=0.003)
    assert document.reduction_V == pytest.approx(1.717, abs=0.003)
    assert document.oxidation_V == pytest.approx(2.140, abs=0.003)
    within = next(step for step in document.profile if step.uptake == 0)
    assert within.products == ("Li2S", "Li3PS4", "LiCl")


@pytest.mark.parametrize("formula", ["Li6PS5Cl", "Li3PS4", "Li7P3S11", "Li2S", "LiCl", "P2S5"])
def test_the_profile_is_that_of_pymatgen(library, peer_entries, formula):
    composition = Composition(formula)
    elements = {*composition.elements, Element("Li")}
    rows = [entry for entry in peer_entries if elements.issuperset(entry.elements)]
    peer = PhaseDiagram(rows).get_element_profile("Li", composition)
    mine = stability_window(library, formula).profile
    assert [s.voltage_V for s in mine] == pytest.approx([-p["chempot"] for p in peer], abs=1e-9)
    assert [s.uptake for s in mine] == pytest.approx([p["evolution"] for p in peer], abs=1e-6)
    for step, row in zip(mine, peer, strict=True):
        assert set(step.products) == {entry.name for entry in row["entries"]}


def test_lowering_the_compound_to_the_hull_gives_the_stated_window(library, peer_entries):
    """The window of the stabilised compound, by putting it 1e-7 eV/atom below pymatgen's hull."""
    document = stability_window(library, "Li6PS5Cl")
    composition = Composition("Li6PS5Cl")
    below = PhaseDiagram(peer_entries).get_hull_energy(composition) - 1e-7 * composition.num_atoms
    stable = PDEntry(composition, below)
    diagram = PhaseDiagram([*peer_entries, stable])
    index = diagram.qhull_entries.index(stable)
    volts = [
        -diagram._get_facet_chempots(facet)[Element("Li")]
        for facet in diagram.facets
        if index in facet
    ]
    row = document.conventions[1]
    assert row.convention == "stabilised onto the hull"
    assert (min(volts), max(volts)) == pytest.approx((row.reduction_V, row.oxidation_V), abs=1e-5)


@pytest.mark.parametrize("volt", [0.0, 1.9, 2.5, 3.6])
@pytest.mark.parametrize("use_hull", [True, False])
def test_reactions_under_potential_are_those_of_pymatgen(library, peer_entries, volt, use_hull):
    phases = ("Li6PS5Cl", "Li3P", "P2S5", "LiCl")
    potential = parse_open_element(f"Li={volt}V")
    for first, second in itertools.combinations(phases, 2):
        one, two = Composition(first), Composition(second)
        elements = {*one.elements, *two.elements}
        rows = [entry for entry in peer_entries if elements.issuperset(entry.elements)]
        peer = GrandPotentialInterfacialReactivity(
            one,
            two,
            GrandPotentialPhaseDiagram(rows, {Element("Li"): -volt}),
            pd_non_grand=PhaseDiagram(rows),
            include_no_mixing_energy=not use_hull,
            use_hull_energy=use_hull,
        ).get_kinks()
        mine = reaction_energy(library, (first, second), potential, use_hull_energy=use_hull).kinks
        assert [k.x_atomic for k in mine] == pytest.approx([p[1] for p in peer], abs=1e-7)
        assert [k.energy_eV_per_atom for k in mine] == pytest.approx([p[2] for p in peer], abs=1e-9)
        # pymatgen rounds the constant to 96.4853
        assert [k.energy_kJ_per_mol for k in mine] == pytest.approx(
            [p[4] for p in peer], rel=1e-6, abs=1e-6
        )


def test_the_choice_of_reactant_energy_is_the_metastability(library):
    """Li6PS5Cl with P2S5: own energy minus hull is 0.026 eV/atom at the argyrodite's end."""
    document = reaction_energy(library, ("Li6PS5Cl", "P2S5"))
    end = document.kinks[-1]
    assert end.mutual_eV_per_atom == 0
    assert end.own_energy_eV_per_atom == pytest.approx(-0.026, abs=5e-4)
    assert end.reaction == "Li6PS5Cl -> Li2S + Li3PS4 + LiCl"

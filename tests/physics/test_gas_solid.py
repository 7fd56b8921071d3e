"""Gases over solids: printed values of NIST-JANAF, thermodynamic identities, equilibria by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.gas_solid.equilibrium import gas_solid_equilibrium
from sulfox.analysis.thermodynamics.gas_solid.gas_reduction import GasQuestion, gas_reduction
from sulfox.analysis.thermodynamics.gas_solid.gibbs_energy import (
    R_KJ,
    GibbsTable,
    thermal_functions,
)
from sulfox.analysis.thermodynamics.gas_solid.predominance import element_potentials
from sulfox.analysis.thermodynamics.gas_solid.reactions import (
    GasConditions,
    enumerate_reactions,
)
from sulfox.errors import SulfoxError
from sulfox.materials.thermochemistry import read_thermochemistry
from sulfox.units import KJ_PER_MOL_PER_EV

DATA = GibbsTable(read_thermochemistry())
ELEMENTS = {"H": ("H2", 2), "O": ("O2", 2), "N": ("N2", 2), "Cl": ("Cl2", 2), "S": ("S2", 2)}


def gibbs(formula, kelvin, gas=True):
    return DATA.gibbs(DATA.find(formula, gas=gas), kelvin)


def element(symbol, kelvin):
    if symbol in ELEMENTS:
        molecule, n = ELEMENTS[symbol]
        return gibbs(molecule, kelvin) / n
    return gibbs(symbol, kelvin, gas=False)


def formation(formula, kelvin, gas):
    atoms = DATA.atoms[DATA.find(formula, gas=gas).formula]
    return gibbs(formula, kelvin, gas) - sum(n * element(e, kelvin) for e, n in atoms.items())


@pytest.mark.parametrize(
    ("formula", "entropy_298", "entropy_1000", "rise_1000"),
    [
        ("H2", 130.680, 166.216, 20.680),
        ("O2", 205.147, 243.578, 22.703),
        ("CO", 197.653, 234.538, 21.690),
        ("CO2", 213.795, 269.299, 33.397),
        ("N2", 191.609, 228.170, 21.463),
        ("CH4", 186.251, 247.549, 38.179),
        ("SO2", 248.212, 305.767, 34.428),
        ("Cl2", 223.079, 266.767, 25.565),
    ],
)
def test_gases_are_those_of_janaf(formula, entropy_298, entropy_1000, rise_1000):
    gas = DATA.find(formula, gas=True)
    cold, hot = thermal_functions(gas, 298.15), thermal_functions(gas, 1000.0)
    assert cold.entropy_J_per_mol_K == pytest.approx(entropy_298, abs=0.02)
    assert hot.entropy_J_per_mol_K == pytest.approx(entropy_1000, abs=0.02)
    rise = hot.enthalpy_kJ_per_mol - cold.enthalpy_kJ_per_mol
    assert rise == pytest.approx(rise_1000, abs=0.03)


@pytest.mark.parametrize(
    ("formula", "gas", "kelvin", "printed"),
    [  # Gibbs energies of formation as NIST-JANAF prints them [kJ/mol]
        ("H2O", True, 1000, -192.590),
        ("CO", True, 900, -191.416),
        ("CO", True, 1000, -200.275),
        ("CO2", True, 1000, -395.886),
        ("H2S", True, 1000, -40.984),
        ("SO2", True, 1000, -288.725),
        ("CoO", False, 900, -170.21),
        ("Co3O4", False, 900, -563.52),
        ("Li2O", False, 900, -480.25),
        ("Li2CO3", False, 600, -1045.22),
        ("Li2CO3", False, 900, -960.43),
        ("LiOH", False, 600, -391.44),
        ("LiOH", False, 900, -348.80),
        ("LiH", False, 900, -19.02),
        ("Li2SO4", False, 900, -1079.65),
        ("Ni3S2", False, 900, -187.21),
        ("NiS", False, 900, -74.60),
    ],
)
def test_gibbs_energies_of_formation_are_those_of_janaf(formula, gas, kelvin, printed):
    assert formation(formula, kelvin, gas) == pytest.approx(printed, abs=0.6)


def test_the_water_gas_shift_at_650_degrees():
    """CO + H2O -> CO2 + H2: K = exp(4577.8/T - 4.33) of Moe, good to ten percent."""
    t = 923.15
    change = gibbs("CO2", t) + gibbs("H2", t) - gibbs("CO", t) - gibbs("H2O", t)
    assert math.exp(-change / (R_KJ * t)) == pytest.approx(math.exp(4577.8 / t - 4.33), rel=0.1)


def test_the_boudouard_equilibrium_turns_near_700_degrees():
    """2 CO = C + CO2 at 1 bar each: dG = 0 at about 973 K."""
    below, above = (
        gibbs("CO2", t) + gibbs("C", t, gas=False) - 2 * gibbs("CO", t) for t in (965, 980)
    )
    assert below < 0 < above


def test_cobalt_oxide_gives_off_oxygen_in_air_near_900_degrees():
    """2 Co3O4 = 6 CoO + O2 at 0.21 bar: measured between 1160 and 1240 K."""

    def change(t):
        solids = 6 * gibbs("CoO", t, gas=False) - 2 * gibbs("Co3O4", t, gas=False)
        return solids + gibbs("O2", t) + R_KJ * t * math.log(0.21)

    assert change(1140) > 0 > change(1238)


def test_lithium_carbonate_is_stable_beside_traces_of_carbon_dioxide():
    """Li2CO3 = Li2O + CO2 at 923 K: far below 1e-3 bar, above 1e-7 bar."""
    t = 923.0
    change = gibbs("Li2O", t, gas=False) + gibbs("CO2", t) - gibbs("Li2CO3", t, gas=False)
    assert 1e-7 < math.exp(-change / (R_KJ * t)) < 1e-3


@pytest.mark.parametrize(
    "substance", DATA.substances, ids=lambda s: f"{s.formula}-{s.state.split()[0]}"
)
def test_entropy_is_the_slope_of_the_gibbs_energy(substance):
    """dG/dT = -S and d(G/T)/d(1/T) = H (Gibbs and Helmholtz), inside every segment."""
    for segment in substance.segments:
        t = (segment.from_K + min(segment.to_K, 2500.0)) / 2
        enthalpy, entropy = thermal_functions(substance, t)
        step = 0.01
        lower, upper = (DATA.gibbs(substance, t + d) for d in (-step, step))
        assert (upper - lower) / (2 * step) == pytest.approx(-entropy / 1000, rel=1e-5)
        slope = (upper / (t + step) - lower / (t - step)) / (1 / (t + step) - 1 / (t - step))
        assert slope == pytest.approx(enthalpy, abs=0.01)


@pytest.mark.parametrize("substance", DATA.substances, ids=lambda s: s.formula)
def test_the_gibbs_energy_has_no_steps(substance):
    """Segments meet: a phase transition changes the slope, not the Gibbs energy."""
    for before, after in pairwise(substance.segments):
        t = before.to_K
        left, right = (DATA.gibbs(substance, x) for x in (t, t + 1e-6))
        assert right == pytest.approx(left, abs=0.03), (substance.formula, after.from_K)


@pytest.mark.parametrize("kelvin", [200.0, 5000.0, -1.0, float("nan")])
def test_a_temperature_outside_the_range_is_refused(kelvin):
    with pytest.raises(SulfoxError, match=r"^SFX-732"):
        thermal_functions(DATA.find("CO", gas=True), kelvin)


def test_a_mixture_obeys_the_law_of_mass_action():
    """CO2 + H2: every gas has the potential of its atoms, and the shares sum to one."""
    found = gas_solid_equilibrium(DATA, {"C": 1, "O": 2, "H": 2}, 923.0, 1.0)
    total = sum(found.gases.values())
    share = {f: n / total for f, n in found.gases.items()}
    constant = share["CO2"] * share["H2"] / (share["CO"] * share["H2O"])
    change = gibbs("CO2", 923) + gibbs("H2", 923) - gibbs("CO", 923) - gibbs("H2O", 923)
    assert constant == pytest.approx(math.exp(-change / (R_KJ * 923)), rel=1e-3)


def test_little_hydrogen_makes_the_skin_and_much_of_it_metal():
    """LiCoO2 + H2/2 -> CoO + LiOH: with 0.3 mol H2, 0.6 mol of each, nothing else forms."""
    found = gas_solid_equilibrium(DATA, {"Li": 1, "Co": 1, "O": 2, "H": 0.6}, 923.0, 1.0)
    assert found.phases == pytest.approx({"CoO": 0.6, "LiOH": 0.6, "LiCoO2": 0.4}, abs=1e-5)
    found = gas_solid_equilibrium(DATA, {"Li": 1, "Co": 1, "O": 2, "H": 20}, 923.0, 1.0)
    assert "Co" in found.phases
    assert "CoO" not in found.phases


amounts = st.floats(0.05, 5.0).map(lambda v: round(v, 4))


@settings(max_examples=15, deadline=None)
@given(hydrogen=amounts, carbon=amounts, kelvin=st.floats(700, 980), bar=st.floats(0.1, 10))
def test_atoms_are_kept_and_the_energy_is_that_of_the_amounts(hydrogen, carbon, kelvin, bar):
    atoms = {"Li": 1.0, "Co": 1.0, "O": 2.0 + carbon, "H": hydrogen, "C": carbon}
    found = gas_solid_equilibrium(DATA, atoms, kelvin, bar)
    every = {**found.phases, **found.gases}
    for symbol, n in atoms.items():
        held = sum(amount * DATA.atoms[f].get(symbol, 0.0) for f, amount in every.items())
        assert held == pytest.approx(n, abs=1e-6)
    total = sum(found.gases.values())
    energy = sum(n * gibbs(f, kelvin, gas=False) for f, n in found.phases.items())
    energy += sum(
        n * (gibbs(f, kelvin) + R_KJ * kelvin * math.log(bar * n / total))
        for f, n in found.gases.items()
        if n > 0
    )
    assert found.gibbs_kJ == pytest.approx(energy, abs=1e-3)
    for substance in DATA.among(set(atoms), gases=False):  # no phase would gain by forming
        atoms_of = DATA.atoms[substance.formula]
        level = sum(k * found.potentials_kJ[e] for e, k in atoms_of.items())
        assert level <= DATA.gibbs(substance, kelvin) + 1e-6


def test_the_equilibrium_does_not_depend_on_how_much_there_is():
    atoms = {"Li": 1.0, "Co": 1.0, "O": 2.1, "H": 1.8, "C": 0.05}
    one = gas_solid_equilibrium(DATA, atoms, 923.0, 1.0)
    ten = gas_solid_equilibrium(DATA, {e: 10 * n for e, n in atoms.items()}, 923.0, 1.0)
    assert ten.gibbs_kJ == pytest.approx(10 * one.gibbs_kJ, abs=1e-3)
    assert ten.phases == pytest.approx({f: 10 * n for f, n in one.phases.items()}, abs=1e-3)


def test_every_reaction_is_balanced_and_its_constant_is_that_of_the_gibbs_energy():
    cathode = DATA.find("LiCoO2", gas=False)
    conditions = GasConditions({"H2": 0.9, "CO2": 0.1}, 923.0, 0.01)
    reactions = enumerate_reactions(DATA, cathode, conditions, (800.0, 923.0))
    assert any(r.reaction == "LiCoO2 + 0.5 H2 -> LiOH + CoO" for r in reactions)
    for reaction in reactions:
        totals = {}
        for sign, side in ((-1, reaction.reactants), (1, reaction.products)):
            for term in side:
                for symbol, n in DATA.atoms[term.formula].items():
                    totals[symbol] = totals.get(symbol, 0.0) + sign * n * term.amount_mol
        assert max(map(abs, totals.values())) < 1e-9
        constant = math.exp(-reaction.standard_gibbs_kJ_per_mol / (R_KJ * 923))
        assert 10**reaction.log10_K == pytest.approx(constant, rel=1e-9)
        at_923 = reaction.by_temperature[-1]
        assert at_923.gibbs_kJ_per_mol == pytest.approx(reaction.standard_gibbs_kJ_per_mol)


def test_a_pressure_changes_the_gibbs_energy_by_rt_ln_p():
    cathode = DATA.find("LiCoO2", gas=False)
    values = []
    for bar in (1.0, 0.1):
        rows = enumerate_reactions(DATA, cathode, GasConditions({"H2": bar}, 923.0, 0.01), ())
        row = next(r for r in rows if r.reaction == "LiCoO2 + 0.5 H2 -> LiOH + CoO")
        values.append(row.gibbs_kJ_per_mol)
    assert values[1] - values[0] == pytest.approx(0.5 * R_KJ * 923 * math.log(10))


@pytest.fixture(scope="module")
def hydrogen_document():
    return gas_reduction(DATA, GasQuestion("LiCoO2", "H2", 923.0, against="co2"))


def test_the_border_of_cobalt_and_its_oxide_is_where_their_reaction_is_in_balance(
    hydrogen_document,
):
    """CoO + H2 = Co + H2O: the step in the diagram lies at log10 K."""
    diagram = hydrogen_document.predominance
    change = gibbs("Co", 923, gas=False) + gibbs("H2O", 923)
    change -= gibbs("CoO", 923, gas=False) + gibbs("H2", 923)
    border = -change / (R_KJ * 923 * math.log(10))
    row = [diagram.fields[k] for k in diagram.regions[0]]
    last_metal = max(x for x, names in zip(diagram.x, row, strict=True) if "Co" in names)
    first_oxide = min(x for x, names in zip(diagram.x, row, strict=True) if "CoO" in names)
    assert last_metal <= border <= first_oxide
    assert first_oxide - last_metal < 0.21


def test_carbon_dioxide_turns_hydroxide_into_carbonate(hydrogen_document):
    """At a fixed water content lithium is hydroxide below, carbonate above one CO2 pressure."""
    diagram = hydrogen_document.predominance
    column = int(np.argmin(np.abs(np.array(diagram.x) - 2.6)))
    names = [diagram.fields[row[column]] for row in diagram.regions]
    assert names[0] == ("CoO", "LiOH")
    assert names[-1] == ("CoO", "Li2CO3")


def test_potentials_of_elements_give_back_the_gases():
    levels = element_potentials(DATA, 900.0, {"H2": 0.3, "H2O": 0.5, "CO2": 0.2})
    carbon_dioxide = levels["C"] + 2 * levels["O"]
    assert carbon_dioxide == pytest.approx(gibbs("CO2", 900) + R_KJ * 900 * math.log(0.2))
    with pytest.raises(ValueError, match="gases for"):
        element_potentials(DATA, 900.0, {"H2": 0.3, "CO2": 0.2})


def test_the_documents_say_that_the_skin_is_not_the_end(hydrogen_document):
    assert hydrogen_document.first_skin == ("CoO", "LiOH")
    assert "Co" in hydrogen_document.excess
    codes = {reason.code for reason in hydrogen_document.reasons}
    assert {"model", "not_the_end", "carbon"} <= codes


def test_nickel_is_reduced_before_cobalt():
    """At one gas the nickel oxide is the less stable one: its reaction constant is larger."""

    def constant(metal, oxide):
        change = gibbs(metal, 923, gas=False) + gibbs("H2O", 923)
        return -(change - gibbs(oxide, 923, gas=False) - gibbs("H2", 923))

    assert constant("Ni", "NiO") > constant("Co", "CoO")


def entries(shift_eV=0.0):
    """Formation energies of an entry set that are the measured enthalpies, and a shift."""
    rows = []
    for formula in ("LiCoO2", "CoO", "Co3O4", "Li2O", "LiOH", "Li2CO3", "LiH"):
        substance = DATA.find(formula, gas=False)
        enthalpy = substance.formation_enthalpy_kJ_per_mol
        if enthalpy is None:
            enthalpy = thermal_functions(substance, 298.15).enthalpy_kJ_per_mol
        n_atoms = sum(DATA.atoms[formula].values())
        energy = enthalpy / KJ_PER_MOL_PER_EV / n_atoms
        extra = shift_eV if formula == "LiCoO2" else 0.0
        rows.append({"formula": formula, "formation_energy_eV_per_atom": energy + extra})
    return freeze_entries("made up", rows)


def test_an_entry_set_stands_for_the_formation_enthalpies():
    """Measured enthalpies as entries change nothing; 0.1 eV/atom more is 38.6 kJ per LiCoO2."""
    same, shifted = (GibbsTable(DATA.table, entries(eV)) for eV in (0.0, 0.1))
    for table, change in ((same, 0.0), (shifted, 0.1 * 4 * KJ_PER_MOL_PER_EV)):
        found = table.gibbs(table.find("LiCoO2", gas=False), 923.0)
        assert found == pytest.approx(gibbs("LiCoO2", 923, gas=False) + change, abs=1e-6)
        oxide = table.gibbs(table.find("Li2O", gas=False), 923.0)
        assert oxide == pytest.approx(gibbs("Li2O", 923, gas=False), abs=1e-6)
    assert same.find("NiO", gas=False) is None
    assert same.hash != DATA.hash
    assert {r.code for r in same.remarks} == {"mixed_energies"}


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (GasQuestion("LiCoO2", "Ar", 923), "SFX-733"),
        (GasQuestion("LiCoO2", "H2", 923, pressure_bar=0), "SFX-733"),
        (GasQuestion("LiCoO2", "H2", 923, pressure_bar=float("nan")), "SFX-733"),
        (GasQuestion("LiCoO2", "H2", 923, product_pressure_bar=-1), "SFX-733"),
        (GasQuestion("LiCoO2", "H2", 923, co2_fraction=1.0), "SFX-733"),
        (GasQuestion("LiCoO2", "CO", 923, against="co2"), "SFX-733"),
        (GasQuestion("LiCoO2", "H2", 923, against="pressure"), "SFX-733"),
        (GasQuestion("LiCoO2", "H2", 2000), "SFX-732"),
        (GasQuestion("LiNi0.8Co0.1Mn0.1O2", "H2", 923), "SFX-734"),
        (GasQuestion("nonsense", "H2", 923), "SFX-723"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(question, code):
    with pytest.raises(SulfoxError, match=rf"^{code}"):
        gas_reduction(DATA, question)


def test_atoms_without_a_substance_are_refused():
    with pytest.raises(SulfoxError, match=r"^SFX-734.*Mn"):
        gas_solid_equilibrium(DATA, {"Mn": 1, "O": 1}, 900.0, 1.0)

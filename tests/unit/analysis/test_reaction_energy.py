"""Reaction energies: what may be asked, what is refused, and the command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy
from sulfox.cli.analysis.analyze import app
from sulfox.errors import SulfoxError
from sulfox.units import KJ_PER_MOL_PER_EV

ENERGIES = {"Li2S": -1.5, "P2S5": -0.6, "Li3PS4": -1.26, "Li7PS6": -1.3, "CoS": -0.5, "NiS": 0.2}


@pytest.fixture(scope="module")
def library():
    rows = [{"formula": f, "formation_energy_eV_per_atom": e} for f, e in ENERGIES.items()]
    return HullLibrary(freeze_entries("made up", rows))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "made-up.csv"
    rows = [f"{f},{e}" for f, e in ENERGIES.items()]
    path.write_text("\n".join(["formula,formation_energy_eV_per_atom", *rows]))
    return str(path)


@pytest.mark.parametrize(
    ("text", "reference", "potential"),
    [
        ("Li=3.6V", "Li", -3.6),
        (" Li = 2.98 V ", "Li-In", -3.6),
        ("Li=0V", "Li", 0.0),
        ("Mg=1.5V", "Li", -3.0),
        ("Co=-1.0eV", "Li", -1.0),
        ("Li=-3.6eV", "Li", -3.6),
    ],
)
def test_a_voltage_is_a_chemical_potential(text, reference, potential):
    opened = parse_open_element(text, reference)
    assert opened.chemical_potential_eV == pytest.approx(potential)
    assert (opened.voltage_V is None) == text.endswith("eV")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("Li", "Li"),
        ("Li=3.6", "Li"),
        ("Li=nanV", "Li"),
        ("Li=1.2.3V", "Li"),
        ("Li=1e999V", "Li"),
        ("3.6V", "Li"),
        ("Li=-0.1V", "Li"),
        ("Li=-0.7V", "Li-In"),
        ("Co=+0.3eV", "Li"),
        ("Co=3V", "Li"),
        ("Na=3V", "Li-In"),
        ("Li=3V", "SHE"),
    ],
)
def test_an_impossible_open_element_is_refused(text, reference):
    with pytest.raises(SulfoxError, match=r"^SFX-724"):
        parse_open_element(text, reference)


@pytest.mark.parametrize(
    ("pair", "opened", "code"),
    [
        (("LiCl", "Li2S"), None, "SFX-722"),
        (("Li2S", "Li3PO4"), None, "SFX-722"),
        (("Li2S", "nonsense"), None, "SFX-723"),
        (("Li2S", ""), None, "SFX-723"),
        (("Li2S", "P2S5"), "O=-1eV", "SFX-724"),
        (("Li", "P2S5"), "Li=2V", "SFX-724"),
        (("Li", "Li"), "Li=2V", "SFX-724"),
    ],
)
def test_what_the_set_cannot_answer_is_refused(library, pair, opened, code):
    with pytest.raises(SulfoxError) as caught:
        reaction_energy(library, pair, parse_open_element(opened) if opened else None)
    assert caught.value.code == code


def test_identical_reactants_do_not_react(library):
    """pymatgen#1177; a multiple of the formula is the same reactant."""
    for pair in (("Li2S", "Li2S"), ("Li3PS4", "Li6P2S8"), ("Li2S", "S")):
        document = reaction_energy(library, pair)
        assert [k.x_atomic for k in document.kinks] == [0, 1]
        assert {k.energy_eV_per_atom for k in document.kinks} == {0.0}
        assert "no_reaction" in {reason.code for reason in document.reasons}


def test_reactants_that_differ_by_the_open_element_only_are_one_line(library):
    document = reaction_energy(
        library, ("Li2S", "S"), parse_open_element("Li=3V"), use_hull_energy=False
    )
    assert [k.x_fixed_atoms for k in document.kinks] == [0, 1]
    assert document.kinks[1].reaction == "Li2S -> S + 2 Li"
    assert document.minimum.energy_eV_per_atom == pytest.approx(4.5 - 6.0)


def test_an_element_outside_the_pair_may_be_open(library):
    """Co from a reservoir reacts with a cobalt-free pair."""
    document = reaction_energy(library, ("Li2S", "P2S5"), parse_open_element("Co=-0.1eV"))
    assert any("CoS" in [t.formula for t in k.products] for k in document.kinks)
    assert any("Co" in [t.formula for t in k.reactants] for k in document.kinks)


def test_a_reactant_with_positive_formation_energy_keeps_its_own_energy(library):
    """pymatgen puts it on the hull with a mere warning."""
    document = reaction_energy(library, ("NiS", "Li2S"), use_hull_energy=False)
    assert document.reactants[0].e_above_hull_eV_per_atom == pytest.approx(0.2)
    assert document.kinks[-1].energy_eV_per_atom == pytest.approx(-0.2)
    assert document.minimum == document.kinks[-1]
    assert {"end_point", "no_reaction"} <= {reason.code for reason in document.reasons}


def test_a_reactant_without_an_entry_stands_on_the_hull_and_says_so(library):
    document = reaction_energy(library, ("LiPS3", "Li2S"), use_hull_energy=False)
    reactant = document.reactants[0]
    assert (reactant.own_energy_from, reactant.e_above_hull_eV_per_atom) == ("hull", None)
    assert "no_entry" in {reason.code for reason in document.reasons}


def test_the_same_question_has_the_same_id_and_another_another(library):
    def ask(*pair, **more):
        return reaction_energy(library, pair, **more).id

    first = ask("Li2S", "P2S5")
    assert first == ask("Li4S2", "P4S10")
    others = {ask("P2S5", "Li2S"), ask("Li2S", "P2S5", use_hull_energy=False)}
    assert first not in others


def run(arguments, capsys):
    app(["reaction", *arguments, "--json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def test_the_command_keeps_its_contract(table, capsys):
    found = run(["Li2S", "P2S5", "--entries", table], capsys)
    assert list(found)[:5] == ["entries", "kinks", "minimum", "use_hull_energy", "open"]
    assert set(found["entries"]) == {"name", "hash", "n"}
    assert (found["entries"]["name"], found["entries"]["n"]) == ("made-up", len(ENERGIES))
    assert (found["use_hull_energy"], found["open"]) == (True, None)
    lowest = min(found["kinks"], key=lambda kink: kink["energy_eV_per_atom"])
    assert found["minimum"] == lowest
    assert lowest["reaction"] == "0.75 Li2S + 0.25 P2S5 -> 0.5 Li3PS4"
    assert lowest["x_atomic"] == pytest.approx(9 / 16)
    energy = -1.26 - (9 * -1.5 + 7 * -0.6) / 16
    assert lowest["energy_eV_per_atom"] == pytest.approx(energy)
    assert lowest["energy_kJ_per_mol"] == pytest.approx(4 * energy * KJ_PER_MOL_PER_EV)


def test_the_command_opens_and_takes_names(table, capsys):
    arguments = ["Li3PS4", "P2S5", "--entries", table, "--open", "Li=2.0V", "--own-energy"]
    found = run(arguments, capsys)
    assert found["open"]["chemical_potential_eV"] == -2.0
    assert found["use_hull_energy"] is False
    app(["reaction", *arguments], standalone_mode=False)
    told = capsys.readouterr().out
    assert found["entries"]["hash"][:12] in told
    assert "atomic fraction of reactant 1, Li3PS4" in told


def test_without_entries_the_command_takes_the_computed_set_and_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "sulfox", "analyze", "reaction", "LCO", "LPSCl", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert set(found["entries"]) == {"name", "hash", "n"}
    assert "not DFT" in found["entry_set"]["level_of_theory"]
    assert "measured enthalpies" in found["entry_set"]["accuracy"]
    assert found["entries"]["name"] in done.stderr
    assert "sulfox entries fetch" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_materials_name_stands_for_its_formula(table):
    with pytest.raises(SulfoxError, match=r"^SFX-722.*Li6PS5Cl.*Cl"):
        app(["reaction", "LPSCl", "Li2S", "--entries", table], standalone_mode=False)

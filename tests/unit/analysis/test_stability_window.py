"""Windows: what may be asked, what is refused, and the command."""

from __future__ import annotations

import json

import pytest

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries
from sulfox.analysis.thermodynamics.stability_window import stability_window
from sulfox.cli.analysis.analyze import app
from sulfox.errors import SulfoxError

ENERGIES = {"Li2S": -1.5, "P2S5": -0.6, "Li3PS4": -1.26, "MgO": -3.0}


@pytest.fixture(scope="module")
def entry_set():
    rows = [{"formula": f, "formation_energy_eV_per_atom": e} for f, e in ENERGIES.items()]
    return freeze_entries("made up", rows)


@pytest.mark.parametrize(
    ("formula", "ion", "code"),
    [
        ("LiCl", "Li", "SFX-722"),
        ("P2S5", "Na", "SFX-722"),
        ("P2S5", "S", "SFX-724"),
        ("Li", "Li", "SFX-724"),
        ("rust", "Li", "SFX-723"),
    ],
)
def test_what_has_no_window_is_refused(entry_set, formula, ion, code):
    with pytest.raises(SulfoxError) as caught:
        stability_window(entry_set, formula, ion)
    assert caught.value.code == code


def test_a_compound_without_the_ion_has_no_oxidation_limit(entry_set):
    document = stability_window(entry_set, "P2S5")
    assert document.oxidation_V is None
    assert document.reduction_V > 0
    assert document.profile[-1].to_voltage_V is None
    assert "no_oxidation" in {reason.code for reason in document.reasons}


def test_a_divalent_ion_counts_two_charges(entry_set):
    """MgO -> Mg + O: 6 eV per formula and two electrons."""
    assert stability_window(entry_set, "MgO", "Mg").oxidation_V == pytest.approx(3.0)


def test_multiples_of_a_formula_change_nothing(entry_set):
    one, two = (stability_window(entry_set, text) for text in ("Li3PS4", "P2Li6S8"))
    assert one.model_copy(update={"asked": "", "provenance": two.provenance}) == two.model_copy(
        update={"asked": ""}
    )


def test_the_command_keeps_its_contract(tmp_path, capsys):
    path = tmp_path / "made-up.csv"
    rows = [f"{f},{e}" for f, e in ENERGIES.items()]
    path.write_text("\n".join(["formula,formation_energy_eV_per_atom", *rows]))
    app(["window", "Li2S", "--entries", str(path), "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    keys = ["reduction_V", "oxidation_V", "e_above_hull_eV", "convention", "profile"]
    assert list(found)[:5] == keys
    assert found["oxidation_V"] == pytest.approx(2.25)
    assert found["reduction_V"] == 0  # nothing lies between Li2S and the metal
    assert found["entries"]["hash"]
    assert {"voltage_V", "products", "uptake"} <= set(found["profile"][0])
    app(["window", "Li2S", "--entries", str(path)], standalone_mode=False)
    assert "2.250 V" in capsys.readouterr().out


def test_without_entries_the_command_takes_the_computed_set_and_says_so(capsys):
    app(["window", "Li2S"], standalone_mode=False)
    said = capsys.readouterr()
    assert "no --entries given" in said.err
    assert "MLIP, not DFT" in said.out

"""``sulfox analyze`` voltage, gas-reduction, gitt, arrhenius and their figures."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sulfox.cli.analysis.analyze import app
from sulfox.errors import SulfoxError

PNG = b"\x89PNG\r\n\x1a\n"
ENERGIES = {"Li2S": -1.5, "P2S5": -0.6, "Li3PS4": -1.26, "Li7PS6": -1.3, "CoS": -0.5}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "made-up.csv"
    rows = [f"{f},{e}" for f, e in ENERGIES.items()]
    path.write_text("\n".join(["formula,formation_energy_eV_per_atom", *rows]))
    return str(path)


def ask(*arguments):
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_voltage_answers_with_points_segments_and_marks(table):
    answer = json.loads(ask("voltage", "Li3PS4", "CoS", "--entries", table, "--json"))
    assert [m["label"] for m in answer["marks"]][:2] == ["lower cut-off", "upper cut-off"]
    volts = [p["voltage_V"] for p in answer["points"]]
    assert volts == sorted(volts)
    assert (volts[0], volts[-1]) == (2.0, 4.5)
    assert len(answer["segments"]) == len(volts) - 1
    assert answer["entries"]["n"] == len(ENERGIES)


def test_voltage_for_a_person_names_the_scale(table):
    text = ask("voltage", "Li3PS4", "CoS", "--entries", table, "--scale", "Li-In")
    assert "V against Li-In" in text
    text = ask("voltage", "Li3PS4", "CoS", "--entries", table, "--open", "Co", "--range", -2, 0)
    assert "open to Co" in text


def test_gas_reduction_answers_with_the_skin():
    answer = json.loads(ask("gas-reduction", "LCO", "--gas", "CO", "--json"))
    assert answer["first_skin"] == ["CoO", "Li2CO3"]
    assert answer["temperature_K"] == 923.0
    assert any(r["reaction"].startswith("LiCoO2 + 0.5 CO") for r in answer["reactions"])
    assert len(answer["data"]["hash"]) == 64


def test_gas_reduction_for_a_person_shows_reactions_and_equilibria():
    text = ask("gas-reduction", "LiNiO2", "--temperature", 800)
    assert "NiO" in text
    assert "remark: " in text


def test_gas_reduction_takes_an_entry_set(tmp_path):
    path = tmp_path / "computed.csv"
    rows = ["LiCoO2,-1.7", "CoO,-1.2", "Li2O,-2.0", "LiOH,-1.65"]
    path.write_text("\n".join(["formula,formation_energy_eV_per_atom", *rows]))
    answer = json.loads(ask("gas-reduction", "LiCoO2", "--entries", path, "--json"))
    assert answer["data"]["name"] == "computed"
    assert "mixed_energies" in {reason["code"] for reason in answer["reasons"]}
    phases = {p["formula"] for step in answer["steps"] for p in step["phases"]}
    assert phases <= {"LiCoO2", "CoO", "Co", "Li2O", "LiOH", "Li"}


def test_gitt_questions_the_printed_constants():
    printed = ("--molar-mass", 81.87, "--molar-volume", 32.13)
    voltages = ("--steady", 0.01, "--transient", 0.1)
    answer = json.loads(ask("gitt", "LCO", *voltages, *printed, "--json"))
    assert answer["ratio"] == pytest.approx(3.93, abs=0.01)
    assert {reason["code"] for reason in answer["reasons"]} == {"molar_mass", "molar_volume"}
    assert "given constants over computed ones" in ask("gitt", "LCO", *voltages, *printed)


def test_arrhenius_reads_a_table(tmp_path):
    path = tmp_path / "sigma.csv"
    path.write_text("temperature_C,conductivity_S_per_cm\n25,1e-3\n50,2.4e-3\n75,5.1e-3\n")
    answer = json.loads(ask("arrhenius", path, "--at", 300, "--json"))
    assert 0.2 < answer["activation_energy_eV"] < 0.4
    assert answer["unit"] == "S/cm"
    text = ask("arrhenius", path, "--times-temperature")
    assert "S/cm K" in text


def test_figures_are_written(table, tmp_path):
    names = [tmp_path / "figures" / n for n in ("a.png", "b.svg", "c.png", "d.svg")]
    ask("voltage", "Li3PS4", "CoS", "--entries", table, "--figure", names[0])
    ask("window", "Li3PS4", "--entries", table, "--figure", names[1], "--beside", "Li2S")
    ask(
        *("reaction", "Li3PS4", "CoS", "--entries", table),
        *("--figure", names[2], "--tie-line", names[3]),
    )
    for name in names:
        content = name.read_bytes()
        assert content.startswith(PNG) if name.suffix == ".png" else b"<svg" in content


def test_the_predominance_diagram_is_written(tmp_path):
    path = tmp_path / "predominance.svg"
    ask("gas-reduction", "LiCoO2", "--diagram", "co2", "--figure", path)
    assert b"<svg" in path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("voltage", "Li3PS4", "CoS", "--entries", "no-such.csv"), "SFX-72"),
        (("gas-reduction", "LCO", "--gas", "Ar"), "SFX-733"),
        (("gas-reduction", "LCO", "--temperature", "5000"), "SFX-732"),
        (("gas-reduction", "NCM811"), "SFX-734"),
        (("gas-reduction", "LCO", "--figure", "diagram.pdf"), "SFX-901"),
        (("gitt", "LCO", "--steady", "0", "--transient", "0.1"), "SFX-745"),
        (("arrhenius", "no-such.csv"), "SFX-746"),
    ],
)
def test_bad_input_is_refused_with_its_code(arguments, code):
    with pytest.raises(SulfoxError, match=rf"^{code}"):
        ask(*arguments)


def test_a_refusal_is_one_line_and_status_2(tmp_path):
    command = [sys.executable, "-m", "sulfox", "analyze", "gas-reduction", "NCM811"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("SFX-734")
    assert "LiNiO2" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_tie_line_under_potential_is_refused(table, tmp_path):
    pair = ("reaction", "Li3PS4", "CoS", "--entries", table, "--open", "Li=3V")
    with pytest.raises(SulfoxError, match=r"^SFX-901"):
        ask(*pair, "--tie-line", tmp_path / "t.png")

"""Entry sets: what is read, what the hash covers, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition
from pymatgen.core.entries import ComputedEntry

from sulfox.analysis.thermodynamics.entries.entry_set import freeze_entries, read_composition
from sulfox.analysis.thermodynamics.entries.entry_sources import read_entry_set
from sulfox.errors import SulfoxError

HEADER = "formula,formation_energy_eV_per_atom"
ROWS = ("Li2S,-1.5", "P2S5,-0.6", "Li3PS4,-1.25", "Li,0", "S,0", "P,0")


def write(folder, text, name="set.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table(folder, *rows, header=HEADER):
    return write(folder, "\n".join([header, *rows, ""]))


def test_a_csv_is_read_with_its_other_columns(tmp_path):
    header = f"\ufeffformula, entry_id ,{HEADER.split(',')[1]},e_above_hull"
    entry_set = read_entry_set(table(tmp_path, "S2Li4,mp-1,-1.5,Stable", header=header))
    (entry,) = entry_set.entries
    assert (entry.formula, entry.entry_id) == ("Li2S", "mp-1")
    assert entry.formation_energy_eV_per_atom == -1.5
    assert entry.metadata == {"e_above_hull": "Stable"}
    assert (entry_set.name, entry_set.reference.n) == ("set", 1)
    assert any("Li, S" in remark.message for remark in entry_set.remarks)


@settings(max_examples=20, deadline=None)
@given(rows=st.permutations(ROWS))
def test_the_hash_knows_content_not_order(rows):
    def frozen(lines):
        pairs = (line.split(",") for line in lines)
        return freeze_entries(
            "x", [{"formula": f, "formation_energy_eV_per_atom": e} for f, e in pairs]
        )

    assert frozen(rows).hash == frozen(ROWS).hash
    assert frozen(rows).entries == frozen(ROWS).entries
    assert frozen([*ROWS[1:], "Li2S,-1.501"]).hash != frozen(ROWS).hash


def test_the_lowest_polymorph_counts_and_a_remark_says_so(tmp_path):
    entry_set = read_entry_set(table(tmp_path, *ROWS, "Li2S,-1.4", "Li4S2,-1.52"))
    assert entry_set.reference.n == len(ROWS) + 2
    energies = [e.formation_energy_eV_per_atom for e in entry_set.entries if e.formula == "Li2S"]
    assert energies == [-1.52, -1.5, -1.4]
    (remark,) = [r for r in entry_set.remarks if r.code == "polymorphs"]
    assert "Li2S" in remark.message


@pytest.mark.parametrize(
    ("text", "smallest"),
    [
        ("Li12P2S10Cl2", "Li6PS5Cl"),
        ("Li0.5CoO2", "Li(CoO2)2"),
        ("LiCo2O4", "Li(CoO2)2"),
        (" LiCoO2 ", "LiCoO2"),
        ("Li5P(S2Cl)2", "Li5P(S2Cl)2"),
        ("Cl", "Cl2"),
    ],
)
def test_formulas_of_one_composition_are_one_formula(text, smallest):
    formula, composition = read_composition(text, "x")
    assert formula == smallest
    assert composition.reduced_composition == Composition(smallest).reduced_composition


@pytest.mark.parametrize("text", ["", "Xx2O", "li", "Li-1", "Li(CoO2", "Li+", "LCX", "X2O", "Li0"])
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(SulfoxError, match=r"^SFX-723"):
        read_composition(text, "x")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "SFX-720"),
        (b"\n\n", "SFX-720"),
        (HEADER.encode(), "SFX-720"),
        (b"just some words\nand more\n", "SFX-720"),
        (b"\xff\xfe\x00\x89PNG", "SFX-720"),
        (b"formula,energy\nLi2S,-1.5\n", "SFX-720"),
        (HEADER.encode() + b"\nLi2S,-1.5,extra\n", "SFX-720"),
        (HEADER.encode() + b'\nLi2S,"-1.5\n', "SFX-720"),
        (HEADER.encode() + b"\nLi2S,nan\n", "SFX-721"),
        (HEADER.encode() + b"\nLi2S,\n", "SFX-721"),
        (HEADER.encode() + b"\nLi2S,-inf\n", "SFX-721"),
        (HEADER.encode() + b"\nLi2S,-440.1\n", "SFX-721"),
        (HEADER.encode() + b"\nLi2X,-1.5\n", "SFX-723"),
        (HEADER.encode() + b"\n,-1.5\n", "SFX-723"),
    ],
)
def test_a_bad_csv_is_refused_with_its_line(tmp_path, text, code):
    with pytest.raises(SulfoxError) as caught:
        read_entry_set(write(tmp_path, text))
    assert caught.value.code == code
    assert "set.csv" in caught.value.line
    if code != "SFX-720":
        assert "line 2" in caught.value.line


@pytest.mark.parametrize("column", ["correction_scheme", "Correction Scheme", "thermo_type"])
def test_mixed_corrections_are_refused(tmp_path, column):
    header = f"{HEADER},{column}"
    rows = ("Li,0,", "S,0,", "Li2S,-1.5,MP2020")
    assert read_entry_set(table(tmp_path, *rows, header=header)).correction_scheme == "MP2020"
    for other in ("none", "", "r2SCAN"):
        with pytest.raises(SulfoxError, match=r"^SFX-721.*mixed corrections"):
            read_entry_set(table(tmp_path, *rows, f"Li2S2,-1.1,{other}", header=header))


def test_corrections_in_eV_are_no_scheme(tmp_path):
    path = table(tmp_path, "Li2S,-1.5,-0.2", "P2S5,-0.6,-0.4", header=f"{HEADER},correction_eV")
    assert read_entry_set(path).correction_scheme is None


def test_one_entry_with_two_energies_is_refused(tmp_path):
    header = f"{HEADER},entry_id"
    same = table(tmp_path, "Li2S,-1.5,mp-1", "Li2S,-1.5,mp-1", header=header)
    assert read_entry_set(same).reference.n == 2
    with pytest.raises(SulfoxError, match=r"^SFX-721.*mp-1.*twice"):
        read_entry_set(table(tmp_path, "Li2S,-1.5,mp-1", "Li2S,-1.4,mp-1", header=header))


def computed(**more):
    rows = [ComputedEntry("Li2", -3.8), ComputedEntry("S8", -33.6)]
    rows.append(ComputedEntry("Li4S2", -25.0, correction=-1.0, entry_id="mp-1", **more))
    return [entry.as_dict() for entry in rows]


def test_total_energies_become_formation_energies(tmp_path):
    entry_set = read_entry_set(write(tmp_path, json.dumps(computed()), "set.json"))
    energies = {e.formula: e.formation_energy_eV_per_atom for e in entry_set.entries}
    assert energies == pytest.approx({"Li": 0.0, "S": 0.0, "Li2S": (-26 + 4 * 1.9 + 2 * 4.2) / 6})
    assert {e.entry_id for e in entry_set.entries if e.formula == "Li2S"} == {"mp-1"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[", "SFX-720"),
        ("[]", "SFX-720"),
        ("3", "SFX-720"),
        ('{"a": 1}', "SFX-720"),
        ("[1, 2]", "SFX-720"),
        ('[{"composition": {"Li": 1}}]', "SFX-720"),
        ('[{"composition": {"Li": 1}, "energy": NaN}]', "SFX-721"),
        ('[{"composition": {"Li": 1, "S": 1}, "energy": -4}]', "SFX-722"),
        ('[{"composition": {"Qq": 1}, "energy": -4}]', "SFX-723"),
        ('[{"composition": {"Li": 0}, "energy": -4}]', "SFX-723"),
    ],
)
def test_a_bad_json_is_refused(tmp_path, content, code):
    with pytest.raises(SulfoxError) as caught:
        read_entry_set(write(tmp_path, content, "set.json"))
    assert caught.value.code == code


def test_json_entries_of_two_schemes_are_refused(tmp_path):
    rows = computed(data={"correction_scheme": "MP2020"})
    rows += [ComputedEntry("LiS", -8.0, data={"correction_scheme": "none"}).as_dict()]
    with pytest.raises(SulfoxError, match=r"^SFX-721.*mixed corrections"):
        read_entry_set(write(tmp_path, json.dumps(rows), "set.json"))


def test_a_missing_file_or_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SulfoxError, match=r"^SFX-720"):
            read_entry_set(path)

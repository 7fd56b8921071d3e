"""Entry sets on the command line: named sets, what is shown, what is refused."""

from __future__ import annotations

import json

import pytest

from sulfox.cli.analysis import reaction
from sulfox.errors import SulfoxError
from sulfox.materials.entry_files import DEFAULT_ENTRY_SET, find_entry_file, list_entry_files
from sulfox.materials.pairs import read_pair_plan

HEADER = "formula,formation_energy_eV_per_atom\n"


@pytest.fixture
def own_sets(tmp_path, monkeypatch):
    """A configuration folder with a set of the user's own."""
    (tmp_path / "entries").mkdir()
    rows = [{"composition": {"Li": 1}, "energy": -1.9}, {"composition": {"O": 2}, "energy": -9.8}]
    rows.append({"composition": {"Li": 2, "O": 1}, "energy": -14.0})
    (tmp_path / "entries" / "mine.json").write_text(json.dumps(rows))
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path))
    return tmp_path


def test_a_name_a_file_and_a_scheme_are_told_apart(own_sets):
    assert find_entry_file("mine")[1:] == ("mine", None)
    assert find_entry_file("mine:own-elements")[1:] == ("mine", "own-elements")
    table = own_sets / "table.csv"
    table.write_text(HEADER + "Li2O,-2\n")
    assert find_entry_file(str(table)) == (table, "table", None)
    assert find_entry_file(f"{table}:x") == (table, "table", "x")
    assert {"mine", DEFAULT_ENTRY_SET} <= list_entry_files().keys()


@pytest.mark.parametrize(
    ("text", "code"), [("nothing", "SFX-726"), ("no/file.csv", "SFX-720"), ("x.json", "SFX-720")]
)
def test_an_unknown_set_is_refused_with_the_known_names(own_sets, text, code):
    with pytest.raises(SulfoxError) as caught:
        find_entry_file(text)
    assert caught.value.code == code
    assert "mine" in caught.value.line


def test_a_named_set_gives_energies(own_sets):
    from pathlib import Path

    entry_set = reaction.load_entries(Path("mine"))
    assert entry_set.name == "mine"
    assert {e.formula for e in entry_set.entries} == {"Li", "O2", "Li2O"}
    with pytest.raises(SulfoxError, match=r"^SFX-726"):
        reaction.load_entries(Path("mine:own-elements"))  # it has no schemes


def test_without_a_set_the_computed_one_is_taken_and_said(capsys):
    entry_set = reaction.load_entries(None)
    assert entry_set.name == DEFAULT_ENTRY_SET
    assert "not DFT" in entry_set.level_of_theory
    said = capsys.readouterr()
    assert DEFAULT_ENTRY_SET in said.err
    assert said.out == ""


def test_the_plan_of_pairs_holds_every_pair_of_the_three_documents():
    plan = read_pair_plan()
    assert len(plan.pairs) == 18
    assert {row.label for row in plan.screenings} == {"000", "002", "004"}
    for solution in plan.solid_solutions:
        assert sum(solution.end_members.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "title: x",
        "title: x\nsources: {}\npairs: [{label: a, reactants: [Li]}]",
        "title: x\nsources: {}\npairs: [{label: a, reactants: [Li, O], compare_with: b}]",
        "title: x\nsources: {}\npairs: [{label: a, reactants: [Li, O], source: nobody}]",
        "title: [",
    ],
)
def test_a_wrong_plan_is_refused(tmp_path, monkeypatch, text):
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "mine.yaml").write_text(text)
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path))
    with pytest.raises(SulfoxError, match=r"^SFX-743"):
        read_pair_plan("mine")
    with pytest.raises(SulfoxError, match=r"^SFX-743.*no such file"):
        read_pair_plan("nowhere")

"""``sulfox interfaces``: one JSON document, or one line that says what is wrong."""

from __future__ import annotations

import json

import pytest

from sulfox.cli.materials.interfaces import interfaces
from sulfox.errors import SulfoxError


def run(cathode="CoO", electrolyte="LPSCl", **options):
    interfaces(cathode, electrolyte, **options)


def test_json_holds_the_contract(capsys):
    run(json_output=True, cathode_facet="1,0,0")
    answer = json.loads(capsys.readouterr().out)
    assert {"candidates", "refused", "pareto"} <= set(answer)
    first = answer["candidates"][0]
    assert {
        "id",
        "n_atoms",
        "area_A2",
        "strain_max",
        "cathode_termination",
        "electrolyte_termination",
        "composition",
    } <= set(first)
    assert sum(first["composition"].values()) == first["n_atoms"]
    assert all(refusal["reason"] for refusal in answer["refused"])


def test_text_shows_candidates_refusals_and_the_trade(capsys):
    run()
    text = capsys.readouterr().out
    assert "Candidates" in text
    assert "Refused:" in text
    assert "Strain against atoms" in text


def test_written_candidates_can_be_read_back(tmp_path, capsys):
    run(write=tmp_path / "new" / "folder", json_output=True)
    answer = json.loads(capsys.readouterr().out)
    names = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    for candidate in answer["candidates"]:
        assert {f"{candidate['id']}{end}" for end in (".vasp", ".json", ".atoms.tsv")} <= names


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SulfoxError, match="--write"):
        run(write=tmp_path / "file" / "below")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"cathode": "Unobtainium"}, "SFX-101"),
        ({"cathode_facet": "0,0,0"}, "SFX-901"),
        ({"electrolyte_facet": "1,0"}, "SFX-901"),
        ({"cathode_facet": "1,x,0"}, "SFX-901"),
        ({"cathode_facet": "40,1,3"}, "SFX-202"),
        ({"max_strain": 0.0001}, "SFX-202"),
        ({"max_strain": -0.05}, "SFX-203"),
        ({"max_strain": float("nan")}, "SFX-203"),
        ({"max_atoms": -10}, "SFX-203"),
        ({"max_atoms": 12}, "SFX-202"),
    ],
)
def test_bad_input_is_one_clear_line(options, code):
    with pytest.raises(SulfoxError) as caught:
        run(**options)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2

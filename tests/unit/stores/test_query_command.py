"""``sulfox query`` answers people, programs and spreadsheets, and at once."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sulfox.cli.store.query import query
from sulfox.documents.base import Document
from sulfox.errors import SulfoxError
from sulfox.stores.opening import open_store

app = typer.Typer()
app.command("query")(query)


def _ask(*words: str) -> str:
    result = CliRunner().invoke(app, [*words], catch_exceptions=False, standalone_mode=False)
    return result.stdout


@pytest.fixture
def folder(tmp_path: Path, make_document: Callable[..., Document], job: Callable) -> str:
    documents = [
        make_document("interface", "if-1", gap_A=2.125, area_A2=81.0),
        make_document("interface", "if-2", pair="CoO|LPSCl", status="partial"),
        make_document("trajectory", "tr-1", temperature_K=600.0),
        make_document("sulfur_bonds", "sb-1", n_formed=3),
        make_document("sulfur_bond_rate", "sr-1", seeds=(1, 2)),
    ]
    open_store(tmp_path / "store").update([job(doc.id, doc) for doc in documents])
    return str(tmp_path / "store")


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        ("interfaces", 2),
        ("relaxations", 0),
        ("trajectories", 1),
        ("sulfur-bonds", 1),
        ("sulfur-bond-rates", 1),
        ("comparisons", 0),
    ],
)
def test_every_kind_answers_in_every_form(folder: str, kind: str, n: int) -> None:
    answer = json.loads(_ask(kind, "--json", "--store", folder))
    assert (answer["kind"], answer["n"], len(answer["documents"])) == (kind, n, n)
    rows = list(csv.reader(io.StringIO(_ask(kind, "--csv", "--store", folder))))
    assert len(rows) == n + 1
    assert len({len(row) for row in rows}) == 1
    table = _ask(kind, "--store", folder)
    assert all(doc["id"] in table for doc in answer["documents"])


def test_numbers_keep_their_precision_and_units_stand_in_the_heads(folder: str) -> None:
    rows = list(csv.DictReader(io.StringIO(_ask("interfaces", "--csv", "--store", folder))))
    row = next(row for row in rows if row["id"] == "if-1")
    assert (float(row["gap_A"]), float(row["area_A2"])) == (2.125, 81.0)
    table = _ask("interfaces", "--store", folder)
    assert "gap [Å]" in table
    assert "area [Å^2]" in table


def test_filters_restrict(folder: str) -> None:
    found = json.loads(_ask("interfaces", "--pair", "coo|lpscl", "--json", "--store", folder))
    assert [doc["id"] for doc in found["documents"]] == ["if-2"]
    found = json.loads(_ask("interfaces", "--status", "partial", "--json", "--store", folder))
    assert [doc["id"] for doc in found["documents"]] == ["if-2"]
    assert json.loads(_ask("interfaces", "--limit", "1", "--json", "--store", folder))["n"] == 1
    words = ("trajectories", "--temperature", "600", "--json", "--store", folder)
    assert json.loads(_ask(*words))["n"] == 1


def test_json_leaves_out_what_has_a_value_per_atom_unless_asked(folder: str) -> None:
    short = json.loads(_ask("interfaces", "--json", "--store", folder))["documents"][0]
    full = json.loads(_ask("interfaces", "--json", "--full", "--store", folder))["documents"][0]
    assert "structure" not in short
    assert set(full) - set(short) == {"structure"}
    assert full["structure"]["positions"]


def test_an_empty_answer_says_what_is_there(folder: str, tmp_path: Path) -> None:
    text = _ask("relaxations", "--store", folder)
    assert "2 interfaces" in text
    assert "1 sulfur-bonds" in text
    open_store(tmp_path / "empty")
    assert "is empty" in _ask("interfaces", "--store", str(tmp_path / "empty"))


def test_wrong_words_are_told(folder: str) -> None:
    for words in (
        ("interface",),
        ("interfaces", "--status", "good"),
        ("interfaces", "--temperature", "300"),
    ):
        with pytest.raises(SulfoxError, match="SFX-901"):
            _ask(*words, "--store", folder)
    with pytest.raises(SulfoxError, match="SFX-501"):
        _ask("interfaces", "--store", folder + "-missing")


def test_the_answer_comes_without_the_heavy_packages(folder: str) -> None:
    """maggma and jobflow take seconds to import; a question should not."""
    script = (
        "import sys, typer; from sulfox.cli.store.query import query; app = typer.Typer(); "
        "app.command('query')(query); "
        f"app(['sulfur-bonds', '--store', {folder!r}], standalone_mode=False); "
        "heavy = {'maggma', 'jobflow', 'numpy', 'pymatgen', 'pymongo', 'ase', 'matplotlib'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.monotonic() - start < 10.0, "a bound for a loaded machine; ordinarily below 1 s"

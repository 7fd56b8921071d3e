"""``sulfox materials``: one JSON document, no traceback, no heavy import for the listing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from sulfox.cli.materials.materials import materials
from sulfox.errors import SulfoxError

app = typer.Typer()
app.command()(materials)
runner = CliRunner()


def test_listing_as_json_names_every_entry() -> None:
    result = runner.invoke(app, ["--json"])
    assert result.exit_code == 0
    rows = json.loads(result.stdout)["materials"]
    assert {"LCO", "CoO", "LPSCl", "Li2CO3"} <= {row["name"] for row in rows}


def test_listing_as_a_table() -> None:
    result = runner.invoke(app, [])
    assert result.exit_code == 0
    assert "AFM-II" in result.stdout
    assert "F-43m" in result.stdout


def test_one_entry_tells_sources_and_representative() -> None:
    result = runner.invoke(app, ["licoo2", "--json"])
    entry = json.loads(result.stdout)
    assert entry["name"] == "LCO"
    assert entry["references"][0]["doi"] == "10.1107/S0108270184002833"
    assert entry["representative"]["id"].startswith("mat-")
    assert entry["representative"]["composition"] == {"Co": 3, "Li": 3, "O": 6}


def test_one_entry_in_words() -> None:
    result = runner.invoke(app, ["CoO"])
    assert result.exit_code == 0
    assert "AFM-II, Co 3 µB" in result.stdout
    assert "10.1103/PhysRevB.64.052102" in result.stdout


def test_unknown_name_reaches_the_door_as_one_line() -> None:
    result = runner.invoke(app, ["nonsense"])
    assert isinstance(result.exception, SulfoxError)
    assert "\n" not in result.exception.line


def test_listing_imports_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from sulfox.cli.materials.materials import materials\n"
        "materials()\n"
        "heavy = {'numpy', 'pymatgen', 'scipy', 'ase'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("flag", ["--help"])
def test_help(flag: str) -> None:
    assert runner.invoke(app, [flag]).exit_code == 0

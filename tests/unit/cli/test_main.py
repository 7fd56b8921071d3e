"""The door: light help, one line per error, one JSON document on stdout, exit 0, 1 or 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest


def sulfox(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "sulfox", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_help_names_every_command_and_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['sulfox', '--help']\n"
        "from sulfox.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('rich', 'numpy', 'scipy', 'ase', 'pymatgen', 'jobflow', 'maggma', 'matplotlib')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for command in ("reproduce", "run", "materials", "interfaces", "analyze", "query", "report"):
        assert command in done.stdout
    assert "engines" in done.stdout
    assert "export" in done.stdout


def best_of(command, times=5):
    took = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        took.append(time.perf_counter() - start)
    return min(took)


def test_help_starts_in_less_than_half_the_time_of_pymatgen():
    help_time = best_of([sys.executable, "-m", "sulfox", "--help"])
    pymatgen_time = best_of([sys.executable, "-c", "import pymatgen.core"])
    assert help_time < 0.5 * pymatgen_time


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["materials", "LCX"], "SFX-101"),
        (["interfaces", "LCO", "LPSCl", "--cathode-facet", "1,0"], "SFX-901"),
        (["interfaces", "LCO", "LPSCl", "--cathode-facet", "0,0,0"], "SFX-901"),
        (["interfaces", "LCO", "LPSCl", "--max-strain", "-1"], "SFX-203"),
        (["interfaces", "LCO", "nowhere"], "SFX-101"),
        (["analyze", "bonds", "no-such-file"], "SFX-407"),
        (["reproduce", "no-such-study"], "SFX-602"),
        (["reproduce", "gsirr", "--length-ps", "-3"], "SFX-601"),
        (["query", "nonsense"], "SFX-901"),
        (["query", "trajectories", "--temperature", "warm"], "SFX-901"),
        (["no-such-command"], "SFX-901"),
        (["materials", "--no-such-option"], "SFX-901"),
    ],
)
def test_bad_input_is_one_line_with_a_code_and_exit_2(arguments, code, tmp_path):
    done = sulfox(*arguments, SULFOX_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(code)
    assert "Traceback" not in done.stderr


def test_json_is_one_document_on_stdout():
    done = sulfox("materials", "--json")
    assert done.returncode == 0
    assert {m["name"] for m in json.loads(done.stdout)["materials"]} >= {"LCO", "CoO", "LPSCl"}


def test_an_unexpected_error_shows_a_traceback_only_with_debug(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sulfox.materials.catalogue as c\n"
        "def broken(): raise RuntimeError('surprise')\n"
        "c.list_materials = broken\n"
    )
    done = sulfox("materials", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("SFX-999")
    assert "Traceback" not in done.stderr
    debug = sulfox("--debug", "materials", PYTHONPATH=str(tmp_path))
    assert "Traceback" in debug.stderr


def test_version():
    assert sulfox("--version").stdout.startswith("sulfox ")

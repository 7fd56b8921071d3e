"""``sulfox run``, whole and real: interface, dynamics, store, report; then again, then killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("nep89"),
]

STUDY = {
    "name": "tiny",
    "title": "a small interface, a short run",
    "question": "does the chain hold together?",
    "pairs": [
        {
            "name": "CoO|LPSCl",
            "cathode": {"material": "CoO", "facet": [1, 0, 0]},
            "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
        }
    ],
    "interface": {"max_strain": 0.12, "max_atoms": 140},
    "dynamics": {
        "temperatures_K": [300],
        "seeds": [1],
        "equilibration_ps": 0.05,
        "length_ps": 0.2,
    },
    "bonds": ["S-S", "P-S"],
}
FINDING = {
    "quantity": "S-S bonds",
    "published": "none",
    "source": "this test",
    "test": "no_bonds_form",
    "pair": "CoO|LPSCl",
    "bond": "S-S",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    (folder / "expected.yaml").write_text(yaml.safe_dump({"findings": [FINDING]}))
    return folder


def command(folder, store, *more):
    return [
        *(sys.executable, "-m", "sulfox", "run", str(folder), "--store", str(folder / store)),
        *("--out", str(folder / "report"), "--json", "--workers", "2", *more),
    ]


def run(folder, store="store", *more):
    done = subprocess.run(
        command(folder, store, *more), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def query(folder, kind, store="store"):
    done = subprocess.run(
        [sys.executable, "-m", "sulfox", "query", kind, "--json", "--store", str(folder / store)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)["documents"]


@pytest.fixture(scope="module")
def first(folder):
    return run(folder)


def test_the_chain_runs_whole(folder, first):
    assert first["jobs"] == {"done": len_jobs(seeds=1)}
    assert first["failures"] == []
    (row,) = first["comparison"]["rows"]
    assert row["verdict"] == "reproduced"
    assert row["level_of_theory"] == "NEP89 (MLIP, not DFT)"
    page = next(path for path in first["files"] if path.endswith("index.html"))
    assert "not DFT" in Path(page).read_text(encoding="utf-8")
    (interface,) = query(folder, "interfaces")
    assert interface["provenance"]["study"] == "tiny"
    stages = {t["stage"]: t for t in query(folder, "trajectories")}
    assert stages["production"]["n_steps_done"] == 100
    assert stages["production"]["archive"]["n_frames"] == 21
    assert not any((folder / "store" / "work").glob("*"))


def len_jobs(seeds):
    return 2 + 2 + seeds * 4 + 1 + 1  # bulks, interface and relaxation, runs, rates, comparison


def test_the_same_command_again_runs_nothing(folder, first):
    again = run(folder)
    assert again["jobs"] == {"present": len_jobs(seeds=1)}
    assert again["comparison"]["id"] == first["comparison"]["id"]


def test_one_seed_more_runs_only_that_seed(folder, first):
    more = run(folder, "store", "--seeds", "2")
    assert more["jobs"] == {"present": 2 + 2 + 4, "done": 4 + 1 + 1}
    back = run(folder)
    assert back["comparison"]["id"] == first["comparison"]["id"]


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(folder, first):
    """kill -9 of the whole command at random moments; frames equal those of the clean run."""
    for seconds in (9.0, 14.0, 17.0):
        process = subprocess.Popen(
            command(folder, "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(1.0)
    run(folder, "killed")

    def checksums(store):
        return {
            t["stage"]: [s["sha256"] for s in t["archive"]["segments"]]
            for t in query(folder, "trajectories", store)
            if t["seed"] == 1
        }

    assert checksums("killed") == checksums("store")


def test_a_failing_branch_is_told_with_its_cause_and_exit_1(folder):
    impossible = {**STUDY, "interface": {"max_strain": 0.001, "max_atoms": 40}}
    (folder / "bad").mkdir()
    (folder / "bad" / "study.yaml").write_text(yaml.safe_dump(impossible))
    done = subprocess.run(
        command(folder / "bad", "../store"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]  # before it: progress, where it took long
    assert line.startswith("SFX-603")
    assert "SFX-202" in line

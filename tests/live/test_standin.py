"""The stand-in as a process: killed at any moment, spoilt on demand, run by custodian and atomate2.

After SIGKILL the files are what VASP leaves: vasprun.xml cut anywhere, CONTCAR whole or empty.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from sulfox.engines.mlip.potentials import find_nep89
from sulfox.engines.standin.files.poscar import read_poscar
from sulfox.engines.standin.label import is_standin
from sulfox.engines.standin.potcars import write_placeholder_library, write_placeholder_potcar
from sulfox.errors import SulfoxError

COMMAND = [sys.executable, "-m", "sulfox.engines.standin.main"]
DYNAMICS = "IBRION = 0; NSW = {steps}; POTIM = 2; TEBEG = 600; MDALGO = 2; SMASS = 0; ISYM = 0\n"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def _potential(monkeypatch):
    monkeypatch.setenv("SULFOX_STANDIN_POTENTIAL", "ase.calculators.emt:EMT")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")


def deck(folder: Path, steps: int, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    atoms = bulk("Al", cubic=True) * (2, 1, 1)
    atoms.rattle(0.05, seed=2)
    write(folder / "POSCAR", atoms, format="vasp", direct=True)
    write_placeholder_potcar(["Al"], folder / "POTCAR")
    (folder / "INCAR").write_text(DYNAMICS.format(steps=steps) + more)
    (folder / "KPOINTS").write_text("mesh\n0\nGamma\n1 1 1\n")
    return folder


def start(folder: Path, **faults: str) -> subprocess.Popen[bytes]:
    with (folder / "vasp.out").open("wb") as out:
        return subprocess.Popen(
            COMMAND, cwd=folder, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **faults}
        )


def n_ionic(folder: Path) -> int:
    path = folder / "OSZICAR"
    return len(re.findall(r" T=.*mag|SK=", path.read_text())) if path.is_file() else 0


def whole_frames(folder: Path) -> list[np.ndarray]:
    """Positions of the steps that vasprun.xml holds whole."""
    text = (folder / "vasprun.xml").read_text()
    blocks = re.findall(r"<calculation>(.*?)</calculation>", text, re.DOTALL)
    found = [re.search(r'name="positions" >(.*?)</varray>', b, re.DOTALL) for b in blocks]
    rows = [re.findall(r"<v>(.*?)</v>", match[1]) for match in found if match]
    return [np.array([row.split() for row in table], dtype=float) for table in rows]


def test_a_kill_at_any_moment_leaves_nothing_that_misleads(tmp_path):
    reference = deck(tmp_path / "whole", 120)
    assert start(reference).wait(timeout=120) == 0
    truth = whole_frames(reference)
    assert len(truth) == 120
    chance, is_cut = random.Random(5), []
    for attempt in range(5):
        folder = deck(tmp_path / f"killed{attempt}", 120)
        process = start(folder, STANDIN_FAULTS="sleep=0.01")
        give_up = time.monotonic() + 60
        while n_ionic(folder) < 3 and time.monotonic() < give_up:
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=10) == -signal.SIGKILL
        frames = whole_frames(folder)
        for found, true in zip(frames, truth, strict=False):
            assert (found == true).all()
        is_cut.append("</modeling>" not in (folder / "vasprun.xml").read_text())
        assert is_standin(folder)
        assert is_standin(folder / "vasprun.xml")
        if (folder / "CONTCAR").stat().st_size:
            contcar = read_poscar(folder / "CONTCAR")
            done = contcar.state.steps_done
            assert done <= len(frames) + 1
            ahead = contcar.fractional - truth[done]
            assert np.abs(ahead - np.rint(ahead)).max() < 1e-8
    assert all(is_cut)


@pytest.mark.parametrize(
    ("fault", "whole", "contcar"),
    [
        ("sigkill@5", 4, "whole"),
        ("truncate_last_frame@5", 4, "whole"),
        ("empty_contcar@5", 5, "empty"),
        ("half_contcar@5", 5, "half"),
    ],
)
def test_a_fault_that_kills_leaves_what_it_says(fault, whole, contcar, tmp_path):
    folder = deck(tmp_path / "spoilt", 9)
    assert start(folder, STANDIN_FAULTS=fault).wait(timeout=60) == -signal.SIGKILL
    assert len(whole_frames(folder)) == whole
    text = (folder / "CONTCAR").read_text()
    n_atoms = 8
    if contcar == "whole":
        assert read_poscar(folder / "CONTCAR").state.steps_done == 4
    elif contcar == "empty":
        assert text == ""
    else:
        assert 0 < len(text.splitlines()) < 8 + 5 * n_atoms
    if fault.startswith("truncate"):
        last = (folder / "XDATCAR").read_text().rsplit("Direct configuration=", 1)[1]
        assert 0 < len(last.splitlines()) - 1 < n_atoms + 1
        assert last.startswith("     5")


def test_a_hanging_run_lives_and_writes_nothing(tmp_path):
    folder = deck(tmp_path / "hanging", 9)
    process = start(folder, STANDIN_FAULTS="hang@3")
    try:
        give_up = time.monotonic() + 60
        while (folder / "OSZICAR").is_file() is False or n_ionic(folder) < 2:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        time.sleep(0.3)
        sizes = [path.stat().st_size for path in sorted(folder.iterdir())]
        time.sleep(0.5)
        assert sizes == [path.stat().st_size for path in sorted(folder.iterdir())]
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(timeout=10)


def test_exit_statuses_and_messages(tmp_path):
    folder = deck(tmp_path / "status", 9)
    assert start(folder, STANDIN_FAULTS="exit3@2").wait(timeout=60) == 3
    assert start(folder, STANDIN_FAULTS="disk_full@3").wait(timeout=60) == 38
    assert "forrtl: severe" in (folder / "vasp.out").read_text()
    assert start(folder, STANDIN_FAULTS="nonsense").wait(timeout=60) == 1
    assert "SFX-343" in (folder / "vasp.out").read_text()
    (folder / "POSCAR").unlink()
    assert start(folder).wait(timeout=60) == 1
    out = (folder / "vasp.out").read_text()
    assert "SFX-341" in out
    assert "I REFUSE TO CONTINUE WITH THIS SICK JOB" in out
    assert "Traceback" not in out
    assert start(folder, OMPI_COMM_WORLD_RANK="1").wait(timeout=60) == 0  # a second MPI rank


def test_custodian_corrects_a_fault_and_runs_to_the_end(tmp_path, monkeypatch):
    from custodian import Custodian
    from custodian.vasp.handlers import UnconvergedErrorHandler, VaspErrorHandler
    from custodian.vasp.jobs import VaspJob
    from custodian.vasp.validators import VaspFilesValidator, VasprunXMLValidator

    folder = deck(tmp_path / "corrected", 5, "ALGO = Fast\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("STANDIN_FAULTS", "edddav@2")
    Custodian(
        [VaspErrorHandler(), UnconvergedErrorHandler()],
        [VaspJob(COMMAND, auto_npar=False, gamma_vasp_cmd=None)],
        validators=[VasprunXMLValidator(), VaspFilesValidator()],
        max_errors=3,
        polling_time_step=0.2,
        monitor_freq=1,
    ).run()
    assert len(whole_frames(folder)) == 5
    assert "ALGO = All" in (folder / "INCAR").read_text()
    assert list(folder.glob("error.*.tar.gz"))


def test_custodian_stops_a_run_before_the_wall(tmp_path, monkeypatch):
    from custodian import Custodian
    from custodian.vasp.handlers import WalltimeHandler
    from custodian.vasp.jobs import VaspJob

    folder = deck(tmp_path / "wall", 5000)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CUSTODIAN_WALLTIME_START", raising=False)
    monkeypatch.setenv("STANDIN_FAULTS", "sleep=0.02")
    Custodian(
        [WalltimeHandler(wall_time=8, buffer_time=4)],
        [VaspJob(COMMAND, auto_npar=False, gamma_vasp_cmd=None)],
        max_errors=1,
        polling_time_step=0.2,
        monitor_freq=1,
    ).run()
    os.environ.pop("CUSTODIAN_WALLTIME_START", None)
    frames = whole_frames(folder)
    assert 0 < len(frames) < 5000
    assert read_poscar(folder / "CONTCAR").state.steps_done == len(frames)
    assert "soft stop encountered!  aborting job" in (folder / "OUTCAR").read_text()


_FLOW = """
import warnings; warnings.simplefilter("ignore")
from pymatgen.core import Lattice, Structure
from jobflow import run_locally
from atomate2.vasp.jobs.core import RelaxMaker, StaticMaker
from atomate2.vasp.jobs.md import MDMaker
from atomate2.vasp.sets.core import MDSetGenerator
cell = Structure.from_spacegroup(
    "Fm-3m", Lattice.cubic(5.14), ["Li", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)]
)
cell.perturb(0.03, seed=1)
generator = MDSetGenerator(ensemble="nvt", nsteps=8, time_step=2, start_temp=300, end_temp=300)
makers = [StaticMaker(), RelaxMaker(), MDMaker(input_set_generator=generator)]
for maker in makers:
    job = maker.make(cell)
    done = run_locally(job, create_folders=True, ensure_success=True, log=False)
    task = done[job.uuid][1].output
    print(task.task_type, task.state, task.calcs_reversed[0].vasp_version, task.output.energy)
"""


def test_atomate2_makers_run_unmodified(tmp_path):
    try:
        find_nep89()  # custodian refuses the positive energies of EMT
    except SulfoxError as error:
        pytest.skip(error.line)
    library = write_placeholder_library(tmp_path / "library", "PBE_64", ["Li_sv", "Cl"])
    write_placeholder_library(library, "PBE_54", ["Li_sv", "Cl"])
    command = " ".join(COMMAND)
    environment = {
        **os.environ,
        "PMG_VASP_PSP_DIR": str(library),
        "SULFOX_STANDIN_POTENTIAL": "nep89",
        "ATOMATE2_VASP_CMD": command,
        "ATOMATE2_VASP_GAMMA_CMD": command,
    }
    done = subprocess.run(
        [sys.executable, "-c", _FLOW],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if "successful 0.1.0" in line]
    assert len(lines) == 3, done.stdout

"""Dynamics with VASP that time limits stop and signals kill: every step once, none lost.

The executable is the stand-in; nothing else is replaced. Outcome of each of its faults:

====================  =============  ==========================================================
fault                 segment ends   then
====================  =============  ==========================================================
nelm                  -              the step is counted; partial above 1 % (SFX-352)
edddav, zbrent, exit  failed         from CONTCAR where it fits, else the last whole frame
empty, half CONTCAR   killed         from the last whole frame, the thermostat anew, told
truncate_last_frame   killed         the half frame is left out and computed again
sigkill               killed         from CONTCAR where it fits: exact
disk_full             failed         the same; SFX-503 where the disk is full indeed
hang                  hung           ended after 20 steps' time, from CONTCAR
explode               runaway        refused, SFX-304
a fault every time    failed         refused, SFX-351
====================  =============  ==========================================================
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

pytest.importorskip("custodian", reason="needs sulfox[vasp]")

from pymatgen.core import SETTINGS

from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.allocation import OutOfTime
from sulfox.engines.base import RunContext
from sulfox.engines.standin.potcars import write_placeholder_library
from sulfox.engines.vasp.dynamics import failures, watch
from sulfox.engines.vasp.dynamics import run as elastic
from sulfox.engines.vasp.dynamics.ledger import read_checkpoint
from sulfox.engines.vasp.dynamics.run import VaspSetup, run_vasp_dynamics
from sulfox.engines.vasp.dynamics.watch import WatchLimits
from sulfox.engines.vasp.inputs.profile import load_profile
from sulfox.engines.vasp.run.machine import VaspMachine
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import resolve
from sulfox.protocols.protocol import load_protocol
from sulfox.trajectories.archive import open_archive

pytestmark = pytest.mark.slow

CONTEXT = RunContext(pair="Ni|Ni")
STANDIN = str(Path(sys.executable).with_name("sulfox-vasp-standin"))
N_STEPS = 200


@pytest.fixture(autouse=True)
def _surroundings(tmp_path_factory, monkeypatch):
    library = tmp_path_factory.getbasetemp() / "potcars"
    if not library.is_dir():
        write_placeholder_library(library, symbols=("Ni",))
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(library))
    monkeypatch.setenv("SULFOX_STANDIN_POTENTIAL", "ase.calculators.emt:EMT")
    for name in ("SULFOX_JOB_ENDS_AT", "SLURM_JOB_END_TIME", "STANDIN_FAULTS"):
        monkeypatch.delenv(name, raising=False)


def case(n_steps=N_STEPS, **changes):
    atoms = bulk("Ni", a=3.55, cubic=True)
    atoms.rattle(0.05, seed=3)
    structure = StructureRecord.from_ase(atoms)
    electronic = resolve(load_protocol("aimd").electronic, structure, {})
    settings = {"temperature_K": 600, "seed": 5, "frame_interval_steps": 1} | changes
    return structure, DynamicsSpec(n_steps=n_steps, electronic=electronic, **settings)


def setup(**limits):
    machine = VaspMachine(std_command=STANDIN, gam_command=STANDIN, poll_s=0.1)
    return VaspSetup(load_profile(), machine, "test", WatchLimits(**limits))


def go(folder, n_steps=N_STEPS, limits=None, **changes):
    structure, spec = case(n_steps, **changes)
    return run_vasp_dynamics(structure, spec, folder, setup=setup(**limits or {}), context=CONTEXT)


def ledger_of(folder):
    name = next(Path(folder).glob("trajectory.json"))
    run_hash = json.loads(name.read_text())["metadata"]["run_hash"]
    return read_checkpoint(Path(folder), run_hash).ledger


def newest(folder):
    found = sorted((Path(folder) / "segments").glob("[0-9]*"))
    return found[-1] if found else None


def steps_of(segment):
    try:
        return (segment / "OSZICAR").read_text("latin-1").count(" T= ")
    except (OSError, TypeError):
        return 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run once without a stop."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        library = write_placeholder_library(folder / "potcars", symbols=("Ni",))
        patch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(library))
        patch.setenv("SULFOX_STANDIN_POTENTIAL", "ase.calculators.emt:EMT")
        document = go(folder / "run")
    return document, open_archive(folder / "run").frames()


def stop_after(monkeypatch, folder, n_steps):
    """Let the job's time be nearly up when its segment has done some steps."""

    def left():
        return 80.0 if steps_of(newest(folder)) >= n_steps else 1000.0

    monkeypatch.setattr(elastic, "seconds_left", lambda: 1000.0)
    monkeypatch.setattr(watch, "seconds_left", left)


def assert_every_step_once(folder, document, n_steps=N_STEPS):
    frames = open_archive(folder).frames()
    assert document.archive.n_frames == document.n_steps_done == n_steps
    assert frames.steps.tolist() == list(range(n_steps))
    return frames


def test_clean_stops_leave_the_trajectory_as_it_is(tmp_path, monkeypatch, whole):
    monkeypatch.setenv("STANDIN_FAULTS", "sleep=0.01")
    for _ in range(5):
        stop_after(monkeypatch, tmp_path, 25)
        with pytest.raises(OutOfTime):
            go(tmp_path)
    monkeypatch.setattr(watch, "seconds_left", lambda: None)
    document = go(tmp_path)
    frames = assert_every_step_once(tmp_path, document)
    endings = [run.ending for run in ledger_of(tmp_path).runs]
    assert endings == ["stopped"] * 5 + ["complete"]
    assert document.status is Status.COMPLETE
    assert [reason.code for reason in document.reasons] == ["segments"]
    # CONTCAR holds 16 decimals of a fraction: not one bit of what is archived differs
    np.testing.assert_allclose(frames.positions, whole[1].positions, rtol=0, atol=1e-7)
    np.testing.assert_allclose(frames.conserved_eV, whole[1].conserved_eV, rtol=0, atol=1e-6)
    assert document.final_velocities_A_fs == whole[0].final_velocities_A_fs
    assert document.provenance.engine == "standin"
    assert "not VASP" in document.provenance.level_of_theory


def _job(folder, ends, queue):
    if ends:
        watch.seconds_left = lambda: 80.0 if steps_of(newest(folder)) >= ends else 1000.0
        elastic.seconds_left = lambda: 1000.0
    try:
        queue.put(go(folder).model_dump_json())
    except OutOfTime:
        queue.put("out of time")


def _run_job(folder, ends=0, kill=0, whom="vasp"):
    """Run a job in a process of its own; kill it, or its VASP, at a step."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    job = context.Process(target=_job, args=(folder, ends, queue))
    before = newest(folder)
    job.start()
    if kill:
        while steps_of(newest(folder)) < kill or newest(folder) == before:
            time.sleep(0.005)
        time.sleep(random.Random(kill).random() * 0.02)
        pid = json.loads((newest(folder) / "vasp.pid").read_text())["pid"]
        if whom == "vasp":
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(job.pid, signal.SIGKILL)
            job.join()
            return None
    answer = queue.get(timeout=120)
    job.join()
    return answer


def test_stops_and_kills_at_random_steps_lose_and_repeat_nothing(tmp_path, monkeypatch, whole):
    monkeypatch.setenv("STANDIN_FAULTS", "sleep=0.01")
    chance = random.Random(11)
    answer = None
    for number in range(5):
        whom = "job" if number % 2 else "vasp"
        answer = _run_job(tmp_path, ends=18, kill=chance.randint(1, 15), whom=whom)
        if answer is None:  # the job itself was killed: the next one goes on and is stopped
            answer = _run_job(tmp_path, ends=18)
        assert answer == "out of time"
    answer = _run_job(tmp_path)
    frames = open_archive(tmp_path).frames()
    assert frames.steps.tolist() == list(range(N_STEPS))
    endings = Counter(run.ending for run in ledger_of(tmp_path).runs)
    assert endings == {"stopped": 5, "killed": 3, "interrupted": 2, "complete": 1}
    apart = np.abs(frames.positions - whole[1].positions).max(axis=(1, 2))
    assert apart[:10].max() < 1e-7
    jumps = np.abs(np.diff(frames.positions, axis=0)).max(axis=(1, 2))
    assert jumps.max() < 1.5 * np.abs(np.diff(whole[1].positions, axis=0)).max()
    assert np.ptp(frames.conserved_eV) < 3 * np.ptp(whole[1].conserved_eV)
    assert json.loads(answer)["status"] == "complete"


def test_every_fault_is_recovered_and_told(tmp_path, monkeypatch):
    faults = (
        "nelm@3 edddav@4 zbrent@5 exit3@6 empty_contcar@7 half_contcar@8 truncate_last_frame@9 "
        "sigkill@10 disk_full@11 hang@12"
    )
    monkeypatch.setenv("STANDIN_FAULTS", faults)
    monkeypatch.setenv("STANDIN_FAULTS_DONE", str(tmp_path / "done"))
    folder = tmp_path / "run"
    limits = {"silent_floor_s": 4.0, "silent_start_s": 60.0}
    document = go(folder, n_steps=80, limits=limits)
    frames = assert_every_step_once(folder, document, 80)
    runs = ledger_of(folder).runs
    words = [(run.ending, run.n_new_steps) for run in runs]
    assert words == [
        ("failed", 3),  # edddav
        ("failed", 5),  # zbrent, behind whole frame 5
        ("failed", 5),  # exit 3
        ("killed", 7),  # empty CONTCAR behind frame 7
        ("killed", 7),  # half CONTCAR behind frame 8; its first one is a repeated frame
        ("killed", 7),  # half a frame 9; the same
        ("killed", 9),
        ("failed", 10),
        ("hung", 11),
        ("complete", 16),
    ]
    assert "EDDDAV" in runs[0].message
    assert "ZBRENT" in runs[1].message
    assert "No space left" in runs[7].message or "status 38" in runs[7].message
    told = [reason.message for reason in document.reasons if reason.code == "seam"]
    assert sum("it is empty" in text for text in told) == 1
    assert sum("thermostat starts anew" in text for text in told) == 2
    assert document.status is Status.PARTIAL  # 1 of 80 steps did not converge
    assert document.reasons[0].code == "SFX-352"
    assert np.abs(np.diff(frames.positions, axis=0)).max() < 0.2


@pytest.mark.parametrize(
    ("faults", "code", "word"),
    [("explode@6", "SFX-304", "K at step"), ("edddav@4!", "SFX-351", "EDDDAV")],
)
def test_what_cannot_be_recovered_is_refused_with_its_frames(
    tmp_path, monkeypatch, faults, code, word
):
    monkeypatch.setenv("STANDIN_FAULTS", faults)
    monkeypatch.setattr(failures, "_FAILURES_PER_CORRECTION", 0)
    document = go(tmp_path, n_steps=40)
    assert document.status is Status.REFUSED
    assert document.reasons[0].code == code
    assert word in document.reasons[0].message
    assert document.final_structure is None
    steps = open_archive(tmp_path).frames().steps.tolist()
    assert steps == list(range(len(steps)))
    assert len(steps) in (3, 6)


def test_a_vasp_that_never_makes_a_step_is_an_error_with_its_words(tmp_path, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", "exit3@1!")
    with pytest.raises(SulfoxError) as error:
        go(tmp_path, n_steps=40)
    assert error.value.code == "SFX-351"
    assert "exit status 3" in error.value.line

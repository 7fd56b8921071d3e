"""Each fault of VASP alone, in dynamics: recovered, or refused with a code; docs/faults-vasp.md.

The executable is the stand-in. Nothing ends in a traceback, a hang, a lost or a wrong frame:
where the run goes on from CONTCAR, the trajectory is the one without the fault.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

pytest.importorskip("custodian", reason="needs sulfox[vasp]")

from pymatgen.core import SETTINGS

from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import RunContext
from sulfox.engines.standin.potcars import write_placeholder_library
from sulfox.engines.vasp.dynamics import failures
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

STANDIN = str(Path(sys.executable).with_name("sulfox-vasp-standin"))
N_STEPS = 20


@pytest.fixture(scope="module", autouse=True)
def _surroundings(tmp_path_factory):
    library = write_placeholder_library(tmp_path_factory.mktemp("potcars"), symbols=("Ni",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(library))
        patch.setenv("SULFOX_STANDIN_POTENTIAL", "ase.calculators.emt:EMT")
        for name in ("SULFOX_JOB_ENDS_AT", "SLURM_JOB_END_TIME", "STANDIN_FAULTS"):
            patch.delenv(name, raising=False)
        yield


def go(folder):
    atoms = bulk("Ni", a=3.55, cubic=True)
    atoms.rattle(0.05, seed=3)
    structure = StructureRecord.from_ase(atoms)
    electronic = resolve(load_protocol("aimd").electronic, structure, {})
    spec = DynamicsSpec(
        n_steps=N_STEPS, electronic=electronic, temperature_K=600, seed=5, frame_interval_steps=1
    )
    machine = VaspMachine(std_command=STANDIN, gam_command=STANDIN, poll_s=0.1)
    limits = WatchLimits(silent_floor_s=5.0, silent_start_s=120.0)
    setup = VaspSetup(load_profile(), machine, "test", limits)
    return run_vasp_dynamics(structure, spec, folder, setup=setup, context=RunContext(pair="Ni|Ni"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run once without a fault."""
    folder = tmp_path_factory.mktemp("whole")
    assert go(folder).status is Status.COMPLETE
    return open_archive(folder).frames()


@pytest.mark.parametrize(
    ("fault", "n_exact", "told"),
    [
        ("edddav@8", N_STEPS, "Error EDDDAV"),
        ("zbrent@8", N_STEPS, "ZBRENT: fatal error"),
        ("exit3@8", N_STEPS, "exit status 3"),
        ("sigkill@8", N_STEPS, ""),
        ("truncate_last_frame@8", N_STEPS, ""),
        ("disk_full@8", N_STEPS, "status 38"),
        ("hang@8", N_STEPS, "no output for"),
        ("empty_contcar@8", 8, "it is empty"),
        ("half_contcar@8", 8, "thermostat starts anew"),
    ],
)
def test_a_fault_is_recovered(tmp_path, monkeypatch, whole, fault, n_exact, told):
    """Every step once; all frames, or those up to a lost CONTCAR, as without the fault."""
    monkeypatch.setenv("STANDIN_FAULTS", fault)
    monkeypatch.setenv("STANDIN_FAULTS_DONE", str(tmp_path / "done"))
    document = go(tmp_path / "run")
    assert (tmp_path / "done").read_text().split() == [fault]
    frames = open_archive(tmp_path / "run").frames()
    assert document.status is Status.COMPLETE, document.reasons
    assert document.n_steps_done == frames.n_frames == N_STEPS
    assert frames.steps.tolist() == list(range(N_STEPS))
    assert any(told in reason.message for reason in document.reasons)
    apart = np.abs(frames.positions - whole.positions).max(axis=(1, 2))
    assert apart[:n_exact].max() < 1e-7
    assert apart.max() < 0.05  # it starts again from the last frame, its velocity by differences
    np.testing.assert_allclose(
        frames.potential_energy_eV[:n_exact], whole.potential_energy_eV[:n_exact], atol=1e-6
    )


def test_electrons_that_do_not_converge_are_counted(tmp_path, monkeypatch, whole):
    monkeypatch.setenv("STANDIN_FAULTS", "nelm@8")
    document = go(tmp_path)
    assert document.status is Status.PARTIAL  # 1 of 20 steps is more than the 1 % allowed
    assert document.reasons[0].code == "SFX-352"
    frames = open_archive(tmp_path).frames()
    assert np.abs(frames.positions - whole.positions).max() < 1e-7


@pytest.mark.parametrize(
    ("fault", "n_frames", "word"),
    [
        ("edddav@4!", 3, "EDDDAV"),
        ("zbrent@4!", 4, "ZBRENT"),
        ("exit3@4!", 3, "exit status 3"),
        ("disk_full@4!", 3, "status 38"),
        ("hang@4!", 3, "no output for"),
        ("sigkill@1!", 0, "signal 9"),
        ("truncate_last_frame@1!", 0, "signal 9"),
        ("empty_contcar@1!", 1, "signal 9"),
        ("half_contcar@1!", 1, "signal 9"),
    ],
)
def test_a_fault_that_comes_each_time_is_refused(
    tmp_path, monkeypatch, whole, fault, n_frames, word
):
    """It ends, says why, and keeps the frames that were whole."""
    monkeypatch.setenv("STANDIN_FAULTS", fault)
    monkeypatch.setattr(failures, "_FAILURES_PER_CORRECTION", 0)  # at once; else after 20
    monkeypatch.setattr(failures, "_KILLS_IN_A_ROW", 3)
    if n_frames == 0:
        with pytest.raises(SulfoxError, match=f"SFX-351.*{word}"):
            go(tmp_path)
        return
    document = go(tmp_path)
    assert document.status is Status.REFUSED
    assert document.reasons[0].code == "SFX-351"
    assert word in document.reasons[0].message
    frames = open_archive(tmp_path).frames()
    assert frames.n_frames == n_frames
    assert np.abs(frames.positions - whole.positions[:n_frames]).max() < 1e-7


def test_a_disk_that_is_full_stops_the_run_and_room_lets_it_go_on(tmp_path, monkeypatch, whole):
    monkeypatch.setenv("STANDIN_FAULTS", "disk_full@8")
    monkeypatch.setenv("STANDIN_FAULTS_DONE", str(tmp_path / "done"))
    with monkeypatch.context() as full:
        full.setattr(failures, "_ROOM_BYTES", float("inf"))
        with pytest.raises(SulfoxError, match="SFX-503"):
            go(tmp_path / "run")
    document = go(tmp_path / "run")
    assert document.status is Status.COMPLETE
    frames = open_archive(tmp_path / "run").frames()
    assert frames.steps.tolist() == list(range(N_STEPS))
    assert np.abs(frames.positions - whole.positions).max() < 1e-7

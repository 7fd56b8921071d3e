"""A checkpoint keeps every bit, and one that is broken or foreign is refused with a way out."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import RunContext
from sulfox.engines.mlip.calculators import load_calculator
from sulfox.engines.mlip.checkpoint import Checkpoint, Ledger, read_checkpoint, write_checkpoint
from sulfox.engines.mlip.dynamics import run_dynamics
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec

CONTEXT = RunContext(pair="Cu|Cu")
EMT = load_calculator("ase.calculators.emt:EMT")
SPEC = DynamicsSpec(temperature_K=300, seed=1, n_steps=20, segment_steps=10)
finite = st.floats(allow_nan=False, allow_infinity=False)


def copper():
    return StructureRecord.from_ase(bulk("Cu", cubic=True))


@pytest.fixture
def run_dir(tmp_path):
    run_dynamics(copper(), SPEC, EMT, tmp_path, context=CONTEXT)
    return tmp_path


@given(eta=st.lists(finite, min_size=3, max_size=3), seed=st.integers(0, 2**64), x=finite)
def test_every_bit_survives(tmp_path_factory, eta, seed, x):
    folder = tmp_path_factory.mktemp("checkpoint")
    state = np.random.default_rng(seed).bit_generator.state
    ledger = Ledger(
        run_hash="ab",
        step=3,
        thermostat={"eta": eta, "bit_generator": state},
        start_energy_eV=-1.0,
        code_versions={},
    )
    arrays = np.full((2, 3), x), np.full((2, 3), -x), np.ones(2)
    write_checkpoint(folder, Checkpoint(ledger, *arrays))
    found = read_checkpoint(folder)
    assert found.ledger == ledger
    assert found.positions.tobytes() == arrays[0].tobytes()
    assert found.momenta.tobytes() == arrays[1].tobytes()


@pytest.mark.parametrize("keep", [0, 10, 500, -40])
def test_a_broken_checkpoint_is_refused(run_dir, keep):
    path = run_dir / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SulfoxError, match=r"SFX-306.*damaged.*delete the folder"):
        run_dynamics(copper(), SPEC, EMT, run_dir, context=CONTEXT)


def test_a_flipped_bit_in_a_checkpoint_is_refused(run_dir):
    path = run_dir / "checkpoint.npz"
    data = bytearray(path.read_bytes())
    start = data.find(b"positions.npy")
    data[start + 200] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(SulfoxError, match=r"SFX-306"):
        run_dynamics(copper(), SPEC, EMT, run_dir, context=CONTEXT)


@pytest.mark.parametrize("change", [{"seed": 2}, {"temperature_K": 301.0}, {"time_step_fs": 1.0}])
def test_another_runs_folder_is_refused_and_left_alone(run_dir, change):
    before = {p.name: p.read_bytes() for p in run_dir.iterdir()}
    with pytest.raises(SulfoxError, match=r"SFX-306.*its own folder"):
        run_dynamics(copper(), SPEC.model_copy(update=change), EMT, run_dir, context=CONTEXT)
    assert {p.name: p.read_bytes() for p in run_dir.iterdir()} == before


def test_a_damaged_last_segment_is_found_before_going_on(run_dir):
    path = sorted(run_dir.glob("segment-*"))[-1]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(SulfoxError, match=r"SFX-404"):
        run_dynamics(copper(), SPEC, EMT, run_dir, context=CONTEXT)
    path.unlink()
    with pytest.raises(SulfoxError, match=r"SFX-404.*no such file"):
        run_dynamics(copper(), SPEC, EMT, run_dir, context=CONTEXT)


def test_what_a_killed_process_left_half_written_is_cleared(run_dir):
    expected = run_dynamics(copper(), SPEC, EMT, run_dir, context=CONTEXT).archive
    (run_dir / ".segment-000005-000009.npz-abc").write_bytes(b"half")
    assert run_dynamics(copper(), SPEC, EMT, run_dir, context=CONTEXT).archive == expected
    assert not list(run_dir.glob(".segment*"))


def test_going_on_with_other_codes_is_remarked(tmp_path):
    def die(progress):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sulfox.engines.mlip.progress._SECONDS_BETWEEN", 0.0)
        patch.setattr("sulfox.engines.mlip.dynamics._Driver._record", _record_until(10, die))
        with pytest.raises(KeyboardInterrupt):
            run_dynamics(copper(), SPEC, EMT, tmp_path, context=CONTEXT)
    saved = read_checkpoint(tmp_path)
    older = saved.ledger.model_copy(update={"code_versions": {"ase": "3.0"}})
    write_checkpoint(tmp_path, Checkpoint(older, saved.positions, saved.momenta, saved.masses))
    doc = run_dynamics(copper(), SPEC, EMT, tmp_path, context=CONTEXT)
    assert doc.status is Status.COMPLETE
    assert doc.reasons[0].code == "resumed-with-other-codes"
    assert "ase 3.0 ->" in doc.reasons[0].message


def _record_until(last, die):
    from sulfox.engines.mlip.dynamics import _Driver

    real = _Driver._record

    def record(self, frames, step, temperature_K):
        if step > last:
            die(None)
        real(self, frames, step, temperature_K)

    return record


def test_input_that_cannot_be_run_is_refused(tmp_path):
    one = StructureRecord.from_ase(bulk("Cu"))
    with pytest.raises(SulfoxError, match=r"SFX-103"):
        run_dynamics(one, SPEC, EMT, tmp_path, context=CONTEXT)
    for wrong in (np.zeros((3, 3)), np.full((4, 3), np.nan)):
        with pytest.raises(SulfoxError, match=r"SFX-103.*velocities"):
            run_dynamics(copper(), SPEC, EMT, tmp_path, context=CONTEXT, start_velocities=wrong)
    assert not list(tmp_path.iterdir())


def test_atoms_on_top_of_each_other_are_refused_at_frame_0(tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.positions[1] = atoms.positions[0] + [0.3, 0, 0]
    with pytest.raises(SulfoxError, match=r"SFX-304.*0.30 Å apart at step 0"):
        run_dynamics(StructureRecord.from_ase(atoms), SPEC, EMT, tmp_path, context=CONTEXT)


def test_numbers_that_are_not_finite_stop_a_run(tmp_path):
    wild = {"time_step_fs": 1e6, "thermostat_time_fs": 1e8}
    doc = run_dynamics(copper(), SPEC.model_copy(update=wild), EMT, tmp_path, context=CONTEXT)
    assert doc.status is Status.REFUSED
    assert doc.archive.n_frames == 1
    assert "SFX-304" in doc.reasons[0].message


def test_progress_is_told_to_other_processes(tmp_path):
    import json

    told = []
    run_dynamics(copper(), SPEC, EMT, tmp_path, context=CONTEXT, progress=told.append)
    written = json.loads((tmp_path / "progress.json").read_text())
    assert told[-1].steps_done == told[-1].n_steps == written["steps_done"] == 20
    assert written["ps_per_hour"] > 0
    assert written["seconds_left"] == 0

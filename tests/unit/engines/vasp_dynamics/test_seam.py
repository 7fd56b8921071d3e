"""Seams between segments: exact ones are taken, all others are told or refused."""

from __future__ import annotations

import numpy as np
import pytest

from sulfox.engines.standin.files.poscar import MotionState, Poscar, contcar_text
from sulfox.engines.vasp.dynamics.ledger import Start, Tail
from sulfox.engines.vasp.dynamics.motion_file import read_motion_file
from sulfox.engines.vasp.dynamics.seam import SeamFrame, check_seam, choose_start

N_ATOMS, STEP_FS = 8, 2.0
LATTICE = np.diag([8.0, 8.0, 8.0])
NOISE = np.random.default_rng(2)
PLACES = NOISE.random((N_ATOMS, 3)) * 8.0
VELOCITIES = NOISE.normal(size=(N_ATOMS, 3)) * 0.01


def frame(step):
    return PLACES + VELOCITIES * STEP_FS * step


def text_at(step, state=True):
    poscar = Poscar(
        "trial",
        LATTICE,
        ("O",),
        (N_ATOMS,),
        (frame(step) / 8.0) % 1.0,
        velocities=VELOCITIES,
        state=MotionState(np.zeros(6), step) if state else None,
    )
    return contcar_text(poscar, "trial", STEP_FS, np.zeros((N_ATOMS, 3)) if state else None)


def tail_at(step, **changes):
    rows = NOISE.normal(size=20)
    fields = {
        "positions": np.stack([frame(step - 1), frame(step)]),
        "forces": np.zeros((N_ATOMS, 3)),
        "energies": -10 + rows * 0.01,
        "temperatures": 300 + rows,
        "conserved": -9 + rows * 1e-4,
    }
    return Tail(**(fields | changes))


def start(origin="contcar", **changes):
    fields = {
        "step": 0,
        "origin": origin,
        "keeps_thermostat": True,
        "poscar": text_at(0),
        "random_seed": (3, 0, 0),
    }
    return Start(**(fields | changes))


def chosen(folder, contcar, closed=False, step=9):
    if contcar is not None:
        (folder / "CONTCAR").write_text(contcar)
    if closed:
        (folder / "OUTCAR").write_text("General timing and accounting informations for this job:")
    return choose_start(folder, start(), tail_at(step), step + 1, STEP_FS)


def test_a_contcar_one_step_ahead_goes_on_behind_the_last_frame(tmp_path):
    found = chosen(tmp_path, text_at(10))
    assert (found.step, found.origin, found.remark) == (10, "contcar", "")
    assert found.poscar == text_at(10)


def test_a_contcar_of_the_last_frame_reads_that_frame_again(tmp_path):
    assert chosen(tmp_path, text_at(9)).step == 9


@pytest.mark.parametrize("step", [5, 7, 11, 12, 20])
def test_a_contcar_that_would_skip_or_repeat_steps_is_left(tmp_path, step):
    found = chosen(tmp_path, text_at(step))
    assert (found.step, found.origin) == (9, "last-frame")
    assert "steps behind" in found.remark


@pytest.mark.parametrize(
    ("contcar", "word"),
    [
        (None, "no CONTCAR"),
        ("", "empty"),
        (text_at(10)[:400], "ends"),
        (text_at(10, False), "missing"),
    ],
)
def test_without_a_whole_contcar_the_last_frame_serves(tmp_path, contcar, word):
    found = chosen(tmp_path, contcar)
    assert found.origin == "last-frame"
    assert not found.keeps_thermostat
    assert word in found.remark
    again = read_motion_file(found.poscar)
    np.testing.assert_allclose(again.velocities, VELOCITIES, atol=1e-8)
    np.testing.assert_allclose(again.fractional, (frame(9) / 8.0) % 1.0, atol=1e-12)


def test_a_vasp_that_ended_itself_may_leave_no_thermostat_and_it_is_told(tmp_path):
    found = chosen(tmp_path, text_at(10, False), closed=True)
    assert found.origin == "contcar"
    assert "thermostat" in found.remark


def test_random_numbers_go_on_and_are_not_used_twice(tmp_path):
    lines = [f"   RANDOM_SEED =  3 {24 * k} 0\n" for k in range(10)]
    (tmp_path / "REPORT").write_text("".join(lines))
    assert chosen(tmp_path, text_at(10)).random_seed == (3, 240, 0)
    assert chosen(tmp_path, "").random_seed == (3, 216, 0)


def seam(positions, energy=-10.0, kelvin=300.0, conserved=-9.0, repeated=False, **changes):
    tail = tail_at(9, energies=np.full(20, -10.0))
    found = SeamFrame(positions, energy, kelvin, conserved)
    return check_seam(tail, found, start(**changes), STEP_FS, is_repeated=repeated)


def test_a_seam_that_fits_says_nothing():
    assert seam(frame(10)) is None
    assert seam(frame(9), repeated=True) is None


@pytest.mark.parametrize(
    ("case", "word"),
    [
        ({"positions": frame(10) + 0.2}, "moved"),
        ({"positions": frame(10), "kelvin": 420.0}, "temperature jumps"),
        ({"positions": frame(10), "conserved": -8.9}, "conserved energy jumps"),
        ({"positions": frame(10), "repeated": True}, "same frame"),
        ({"positions": frame(9), "energy": -9.99, "repeated": True}, "energy other"),
    ],
)
def test_a_seam_that_does_not_fit_says_what(case, word):
    assert word in seam(**case)


def test_a_thermostat_that_starts_anew_is_no_jump_of_the_conserved_energy():
    assert seam(frame(9), conserved=-7.0, repeated=True, keeps_thermostat=False) is None

"""A CONTCAR is taken whole or not at all, wherever it was cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sulfox.engines.standin.files.poscar import MotionState, Poscar, contcar_text
from sulfox.engines.vasp.dynamics.motion_file import (
    MotionFile,
    check_contcar,
    read_motion_file,
    write_motion_file,
)

N_ATOMS = 5


def contcar(**changes):
    noise = np.random.default_rng(4)
    fields = {
        "comment": "trial",
        "lattice": np.diag([5.0, 6.0, 7.0]),
        "symbols": ("Li", "O"),
        "counts": (2, 3),
        "fractional": noise.random((N_ATOMS, 3)),
        "velocities": noise.normal(size=(N_ATOMS, 3)) * 0.01,
        "state": MotionState(noise.normal(size=6) * 0.01, 17),
    } | changes
    return contcar_text(Poscar(**fields), "trial", 2.0, noise.normal(size=(N_ATOMS, 3)))


def started(**changes):
    fields = {
        "lattice": np.diag([5.0, 6.0, 7.0]),
        "symbols": ("Li", "O"),
        "counts": (2, 3),
        "fractional": np.zeros((N_ATOMS, 3)),
    } | changes
    return MotionFile(**fields)


def test_a_whole_contcar_gives_its_numbers():
    found = check_contcar(contcar(), started(), needs_state=True)
    noise = np.random.default_rng(4)
    np.testing.assert_allclose(found.fractional, noise.random((N_ATOMS, 3)), atol=1e-15)
    assert found.velocities.shape == (N_ATOMS, 3)
    assert found.has_state
    assert found.species == ("Li", "Li", "O", "O", "O")


def test_a_contcar_cut_at_any_byte_is_not_taken():
    text = contcar()
    for length in range(len(text)):
        with pytest.raises(ValueError, match=r"."):
            check_contcar(text[:length], started(), needs_state=True)


def test_what_vasp_ended_itself_may_lack_the_thermostat_but_nothing_else():
    text = contcar()
    taken = set()
    for length in range(len(text)):
        try:
            found = check_contcar(text[:length], started(), needs_state=False)
        except ValueError:
            continue
        assert not found.has_state
        taken.add(text[:length].rstrip("\n"))
    assert len(taken) == 1
    assert taken.pop() == contcar(state=None).rstrip("\n")


@given(position=st.integers(0, 10_000), byte=st.sampled_from("\0xN*"))
def test_a_spoilt_number_is_not_taken_silently(position, byte):
    text = contcar()
    at = text.index("Direct\n") + 7 + position % (len(text) - text.index("Direct\n") - 8)
    if text[at] not in "0123456789":
        return
    with pytest.raises(ValueError, match=r"."):
        check_contcar(text[:at] + byte + text[at + 1 :], started(), needs_state=True)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"symbols": ("O", "Li")}, "other atoms"),
        ({"counts": (3, 2)}, "other atoms"),
        ({"lattice": np.diag([5.0, 6.0, 7.1])}, "another cell"),
    ],
)
def test_a_contcar_of_another_structure_is_not_taken(changes, word):
    with pytest.raises(ValueError, match=word):
        check_contcar(contcar(), started(**changes), needs_state=True)


def test_resting_atoms_are_no_dynamics():
    with pytest.raises(ValueError, match="no velocities"):
        check_contcar(contcar(velocities=None), started(), needs_state=True)


def test_what_is_written_is_read_again_to_ten_digits():
    found = read_motion_file(contcar())
    again = read_motion_file(write_motion_file("again", found))
    np.testing.assert_array_equal(again.fractional, found.fractional)
    np.testing.assert_allclose(again.velocities, found.velocities, rtol=1e-9)
    np.testing.assert_allclose(again.lattice, found.lattice, atol=1e-15)
    assert not again.has_state

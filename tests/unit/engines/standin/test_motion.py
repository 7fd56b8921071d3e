"""The stand-in's dynamics: they conserve what they must, and stop and go on bit by bit."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from sulfox.engines.standin.files.poscar import as_written, in_cell, read_poscar
from sulfox.errors import SulfoxError

DYNAMICS = "IBRION = 0; NSW = {steps}; POTIM = {potim}; TEBEG = 600\n"
THERMOSTATS = {
    "free": "MDALGO = 0; SMASS = -3",
    "nose-hoover": "MDALGO = 2; SMASS = 0",
    "chain": "MDALGO = 4; NHC_NCHAINS = 4; NHC_PERIOD = 50",
    "langevin": "MDALGO = 3; LANGEVIN_GAMMA = 5; RANDOM_SEED = 7 0 0",
    "andersen": "MDALGO = 1; ANDERSEN_PROB = 0.1; RANDOM_SEED = 7 0 0",
}


def column(folder, name):
    text = (folder / "OSZICAR").read_text()
    return np.array([float(x) for x in re.findall(rf" {name}=\s*(\S+)", text)])


def total_energy(folder):
    text = (folder / "OUTCAR").read_text()
    return np.array([float(x) for x in re.findall(r"ETOTAL =\s+(\S+)", text)])


@pytest.mark.parametrize("name", THERMOSTATS)
def test_a_stopped_and_continued_run_is_the_uninterrupted_one(name, deck, run):
    tags = THERMOSTATS[name]
    whole = run(deck("whole", DYNAMICS.format(steps=30, potim=2) + tags))
    first = run(deck("first", DYNAMICS.format(steps=18, potim=2) + tags))
    second = deck("second", DYNAMICS.format(steps=12, potim=2) + tags)
    shutil.copy(first / "CONTCAR", second / "POSCAR")
    run(second)
    end = [(folder / "CONTCAR").read_text().split("\n", 1)[1] for folder in (whole, second)]
    assert end[0] == end[1]
    frames = [
        re.split(r"Direct configuration=.*\n", (f / "XDATCAR").read_text())[1:]
        for f in (whole, first, second)
    ]
    assert frames[0] == frames[1] + frames[2]  # no frame twice, none missing


@pytest.mark.parametrize("links", [0, 1, 3])
def test_the_conserved_energy_is_conserved_to_second_order_in_the_time_step(links, deck, run):
    spread = []
    for potim in (4.0, 2.0):
        tags = DYNAMICS.format(steps=round(200 / potim), potim=potim)
        tags += f"MDALGO = 4; NHC_NCHAINS = {links}; NHC_PERIOD = {160 / potim}"
        energy = total_energy(run(deck(f"dt{potim:g}", tags)))
        spread.append(np.ptp(energy))
    assert spread[1] / 16 < 1e-3  # eV/atom
    assert 2.5 < spread[0] / spread[1] < 6.5  # 4 for a scheme of second order


def test_langevin_dynamics_reaches_its_temperature(deck, run):
    tags = DYNAMICS.format(steps=200, potim=5) + "MDALGO = 3; LANGEVIN_GAMMA = 100"
    kelvin = column(run(deck("hot", tags)), "T")[40:]
    # 45 degrees of freedom: one value scatters by 600 sqrt(2 / 45) = 126 K
    assert kelvin.mean() == pytest.approx(600, abs=45)


def test_first_velocities_have_the_temperature_asked_for_and_no_drift(deck, run):
    folder = run(deck("cold", DYNAMICS.format(steps=1, potim=1e-3) + THERMOSTATS["free"]))
    assert column(folder, "T")[0] == pytest.approx(600, abs=1)
    velocities = read_poscar(folder / "CONTCAR").velocities
    assert np.abs(velocities.sum(axis=0)).max() < 1e-8


def test_temperature_follows_the_ramp(deck, run):
    tags = DYNAMICS.format(steps=20, potim=1) + "TEEND = 300\nMDALGO = 0; SMASS = -1"
    kelvin = column(run(deck("ramp", tags)), "T")
    assert kelvin[-1] == pytest.approx(310, abs=25)


def test_atoms_that_are_held_do_not_move(deck, run):
    folder = deck("held", DYNAMICS.format(steps=5, potim=2) + THERMOSTATS["langevin"])
    lines = (folder / "POSCAR").read_text().splitlines()
    at = next(k for k, line in enumerate(lines) if line.strip().lower().startswith("direct"))
    body = [
        f"{line}  F F F" if k == 0 else f"{line}  T T T"
        for k, line in enumerate(lines[at + 1 : at + 17])
    ]
    (folder / "POSCAR").write_text("\n".join([*lines[:at], "Selective dynamics", "Direct", *body]))
    start = read_poscar(folder / "POSCAR")
    end = read_poscar(run(folder) / "CONTCAR")
    assert (end.fractional[0] == start.fractional[0]).all()
    assert (end.fractional[1] != start.fractional[1]).all()
    assert (end.is_free == start.is_free).all()


def test_a_state_read_back_is_the_state_written():
    noise = np.random.default_rng(3)
    inside = in_cell(noise.normal(size=(2000, 3)) * 3)
    assert inside.min() >= 0
    assert inside.max() < 1
    text = np.array([[float(f"{x:.16f}") for x in row] for row in inside])
    assert (in_cell(text) == inside).all()
    velocities = as_written(noise.normal(size=(500, 3)) * 1e-2)
    assert (as_written(velocities) == velocities).all()


@pytest.mark.parametrize(
    "tags", ["MDALGO = 5", "ISIF = 3; MDALGO = 3", "SMASS = -2", "MDALGO = 4; NHC_NCHAINS = 40"]
)
def test_what_is_not_served_is_refused(tags, deck, run):
    with pytest.raises(SulfoxError, match="SFX-342"):
        run(deck("refused", DYNAMICS.format(steps=5, potim=2) + tags))

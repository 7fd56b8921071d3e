"""Statistical mechanics that a thermostatted run must obey.

The model is a rock-salt crystal of two masses held by springs between neighbours: the bond
length makes it anharmonic, its forces are exact and fast. The integrators, thermostats, seeds,
archive and averages are the ones every run uses.
"""

from __future__ import annotations

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.neighborlist import neighbor_list

from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import RunContext
from sulfox.engines.mlip.calculators import LoadedCalculator
from sulfox.engines.mlip.dynamics import run_dynamics
from sulfox.engines.mlip.thermostats import draw_velocities
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.trajectories.archive import open_archive

CONTEXT = RunContext(pair="A|B")
LATTICE_A = 5.2
NOSE_HOOVER, LANGEVIN = "nose-hoover-chain", "langevin"


def crystal(repeats=2):
    return bulk("LiCl", "rocksalt", a=LATTICE_A, cubic=True).repeat(repeats)


class Springs(Calculator):
    """Springs of 2 eV/Å^2 between first and 0.5 eV/Å^2 between second neighbours."""

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012

    def __init__(self):
        super().__init__()
        ideal = crystal()
        self._i, self._j, vectors = neighbor_list("ijD", ideal, 0.75 * LATTICE_A)
        self._rest = np.linalg.norm(vectors, axis=1)
        offsets = vectors - (ideal.positions[self._j] - ideal.positions[self._i])
        self._offsets = offsets
        self._k = np.where(self._rest < 0.6 * LATTICE_A, 2.0, 0.5)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        vectors = atoms.positions[self._j] - atoms.positions[self._i] + self._offsets
        lengths = np.linalg.norm(vectors, axis=1)
        stretch = lengths - self._rest
        pulls = (self._k * stretch / lengths)[:, None] * vectors
        energy = float(0.25 * (self._k * stretch**2).sum())  # every pair is listed twice
        columns = [np.bincount(self._i, pulls[:, x], len(atoms)) for x in range(3)]
        forces = np.stack(columns, axis=1)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}


SPRINGS = LoadedCalculator("springs", "springs (not DFT)", "springs-1", Springs, is_stateless=False)


def settings(thermostat=NOSE_HOOVER, n_steps=4000, **changes):
    defaults = {
        "temperature_K": 300,
        "seed": 1,
        "frame_interval_steps": 5,
        "segment_steps": 1000,
        "friction_per_ps": 20.0,
    }
    return DynamicsSpec(thermostat=thermostat, n_steps=n_steps, **(defaults | changes))


def run(folder, thermostat=NOSE_HOOVER, n_steps=4000, **changes):
    spec = settings(thermostat, n_steps, **changes)
    structure = StructureRecord.from_ase(crystal())
    doc = run_dynamics(structure, spec, SPRINGS, folder, context=CONTEXT)
    return doc, open_archive(folder).frames()


@pytest.fixture(scope="module", params=[NOSE_HOOVER, LANGEVIN])
def long_run(request, tmp_path_factory):
    """Return 12 ps after a Langevin equilibration, as the protocol has it.

    A chain that starts at a crystal at rest rings for many picoseconds: one global thermostat
    cannot tell the modes of a nearly harmonic crystal apart.
    """
    folder = tmp_path_factory.mktemp("run")
    settled, _ = run(folder / "equilibration", LANGEVIN, n_steps=1000)
    spec = settings(request.param, n_steps=6000)
    doc = run_dynamics(
        settled.final_structure,
        spec,
        SPRINGS,
        folder / "production",
        context=CONTEXT,
        start_velocities=settled.final_velocities_A_fs,
    )
    return doc, open_archive(folder / "production").frames()


def standard_error(values, n_blocks=10):
    """Standard error of a correlated series, from block averages."""
    blocks = np.array([block.mean() for block in np.array_split(values, n_blocks)])
    return blocks.std(ddof=1) / np.sqrt(n_blocks)


def mean_velocities(frames):
    """Velocities between frames by central differences, shape (n, n_atoms, 3) [Å/fs]."""
    return np.gradient(frames.positions, frames.times_fs, axis=0)


@pytest.mark.slow
def test_mean_temperature_is_the_target_within_its_error(long_run):
    doc, frames = long_run
    settled = frames.temperature_K
    assert abs(settled.mean() - 300) < 4 * max(standard_error(settled), 0.5)
    assert doc.temperature_mean_K == pytest.approx(frames.temperature_K.mean())


@pytest.mark.slow
def test_temperature_fluctuates_as_in_the_canonical_ensemble(long_run):
    # var(T) / T^2 = 2 / (number of degrees of freedom), 3 N - 3 with zero total momentum
    _, frames = long_run
    settled = frames.temperature_K
    expected = 300 * np.sqrt(2 / (3 * frames.n_atoms - 3))
    assert settled.std() == pytest.approx(expected, rel=0.25)


@pytest.mark.slow
def test_equipartition_between_light_and_heavy_atoms(tmp_path):
    # both kinds carry the same kinetic energy per atom; frames at every step give velocities
    _, frames = run(tmp_path, LANGEVIN, n_steps=4000, frame_interval_steps=1)
    velocities = mean_velocities(frames)[1000:-1]
    masses = crystal().get_masses()
    kinetic = 0.5 * masses[:, None] * velocities**2 * 103.642696  # eV
    light, heavy = (kinetic[:, frames.indices(symbol)] for symbol in ("Li", "Cl"))
    for atoms in (light, heavy):
        per_degree = atoms.mean(axis=(1, 2))
        target = 0.5 * units.kB * 300 * (1 - 1 / frames.n_atoms)
        # a central difference over 2 x 2 fs damps the fastest vibrations by a few percent
        assert abs(per_degree.mean() - target) < 4 * standard_error(per_degree) + 0.06 * target


@pytest.mark.slow
def test_conserved_quantity_of_the_chain_does_not_drift(tmp_path):
    doc, frames = run(tmp_path, NOSE_HOOVER, n_steps=5000)
    assert abs(doc.conserved_drift_eV_per_atom_ps) < 2e-6
    spread = np.ptp(frames.conserved_eV) / frames.n_atoms
    assert spread < 0.02 * np.ptp(frames.potential_energy_eV) / frames.n_atoms + 2e-4


def test_conserved_quantity_converges_with_the_square_of_the_time_step(tmp_path):
    errors = []
    for k, time_step_fs in enumerate((4.0, 2.0, 1.0)):
        n_steps = int(2000 / time_step_fs)
        _, frames = run(
            tmp_path / str(k), n_steps=n_steps, time_step_fs=time_step_fs, segment_steps=n_steps
        )
        errors.append(frames.conserved_eV.std())
    assert 2.5 < errors[0] / errors[1] < 6
    assert 2.5 < errors[1] / errors[2] < 6


def test_langevin_has_no_conserved_quantity(tmp_path):
    doc, frames = run(tmp_path, LANGEVIN, n_steps=100)
    assert doc.conserved_drift_eV_per_atom_ps is None
    assert frames.conserved_eV is None


@pytest.mark.parametrize("thermostat", [NOSE_HOOVER, LANGEVIN])
def test_total_momentum_stays_zero_and_the_centre_of_mass_at_rest(tmp_path, thermostat):
    doc, frames = run(tmp_path, thermostat, n_steps=1000)
    masses = crystal().get_masses()
    velocities = np.array(doc.final_velocities_A_fs)
    assert np.abs(masses @ velocities).max() < 1e-10 * np.abs(masses[:, None] * velocities).sum()
    centre = np.einsum("a,fax->fx", masses, frames.positions) / masses.sum()
    assert np.abs(centre - centre[0]).max() < 1e-9


@pytest.mark.parametrize("thermostat", [NOSE_HOOVER, LANGEVIN])
def test_same_seed_same_trajectory_other_seed_another(tmp_path, thermostat):
    first, frames = run(tmp_path / "1", thermostat, n_steps=200)
    same, _ = run(tmp_path / "2", thermostat, n_steps=200)
    _, other = run(tmp_path / "3", thermostat, n_steps=200, seed=2)
    assert first.archive == same.archive
    assert np.abs(frames.positions[-1] - other.positions[-1]).max() > 0.01


def test_stages_with_the_same_seed_do_not_share_their_noise(tmp_path):
    first, before = run(tmp_path / "1", LANGEVIN, n_steps=100)
    run_dynamics(
        first.final_structure,
        settings(LANGEVIN, n_steps=100),
        SPRINGS,
        tmp_path / "2",
        context=CONTEXT,
        start_velocities=first.final_velocities_A_fs,
    )
    after = open_archive(tmp_path / "2").frames()
    moves = [np.diff(f.positions, axis=0).ravel() for f in (before, after)]
    assert abs(np.corrcoef(moves)[0, 1]) < 0.3


def test_drawn_velocities_are_maxwell_boltzmann_without_drift():
    temperatures, momenta = [], []
    for seed in range(200):
        atoms = crystal()
        draw_velocities(atoms, DynamicsSpec(temperature_K=500, seed=seed))
        dof = 3 * len(atoms) - 3
        temperatures.append(2 * atoms.get_kinetic_energy() / (dof * units.kB))
        momenta.append(np.abs(atoms.get_momenta().sum(axis=0)).max())
    assert max(momenta) < 1e-10
    error = 500 * np.sqrt(2 / dof / 200)
    assert abs(np.mean(temperatures) - 500) < 4 * error
    assert np.std(temperatures) == pytest.approx(500 * np.sqrt(2 / dof), rel=0.2)

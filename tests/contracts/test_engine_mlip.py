"""What every engine promises: units, number of frames, restart, refusal.

Each engine inherits :class:`EngineContract`. NEP89 runs where its potential is present.
"""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.units import kB

from sulfox.documents import relaxation, trajectory
from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import RunContext
from sulfox.engines.mlip.engine import MlipEngine
from sulfox.engines.registry import get_engine
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec, RunawayLimits
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.trajectories.archive import open_archive

CONTEXT = RunContext(pair="A|B", variant="default", interface_id="if-0", stage="production")


class EngineContract:
    """The promises; a subclass gives `engine` and `structure`."""

    spec = DynamicsSpec(
        temperature_K=300, seed=7, n_steps=40, frame_interval_steps=5, segment_steps=20
    )

    def test_frame_count_and_times_follow_from_the_steps(self, engine, structure, tmp_path):
        doc = engine.dynamics(structure, self.spec, tmp_path, context=CONTEXT)
        frames = open_archive(tmp_path, doc.archive).frames()
        assert doc.archive.n_frames == frames.n_frames == 40 // 5 + 1
        assert frames.steps.tolist() == list(range(0, 41, 5))
        assert frames.times_fs.tolist() == [10.0 * k for k in range(9)]
        assert [s.last_step for s in doc.archive.segments] == [20, 40]
        assert doc.length_ps == pytest.approx(0.08)
        assert np.array_equal(frames.positions[0], structure.positions)
        assert frames.species == structure.species

    def test_units_energy_is_that_of_the_archived_positions_in_ev(
        self, engine, structure, tmp_path
    ):
        doc = engine.dynamics(structure, self.spec, tmp_path, context=CONTEXT)
        frames = open_archive(tmp_path, doc.archive).frames()
        last = doc.final_structure
        single = engine.relax(last, RelaxationSpec(max_steps=0), label="last frame")
        assert np.array_equal(frames.positions[-1], last.positions)
        assert doc.final_energy_eV == pytest.approx(single.energy_eV, abs=1e-9)
        velocities = np.array(doc.final_velocities_A_fs)
        masses = structure.to_ase().get_masses()
        u_A2_fs2_in_eV = 103.642696  # 1 u (Å/fs)^2 in eV, CODATA 2018
        kinetic = 0.5 * u_A2_fs2_in_eV * (masses[:, None] * velocities**2).sum()
        dof = 3 * (structure.n_atoms - 1)
        assert 2 * kinetic / (dof * kB) == pytest.approx(frames.temperature_K[-1], rel=1e-5)

    def test_a_run_in_pieces_has_the_bytes_of_a_run_in_one_go(self, engine, structure, tmp_path):
        whole = engine.dynamics(structure, self.spec, tmp_path / "whole", context=CONTEXT)

        class StoppedError(Exception):
            pass

        def stop_in_the_second_segment(progress):
            if progress.steps_done == 30:
                raise StoppedError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sulfox.engines.mlip.progress._SECONDS_BETWEEN", 0.0)
            with pytest.raises(StoppedError):
                engine.dynamics(
                    structure,
                    self.spec,
                    tmp_path / "pieces",
                    context=CONTEXT,
                    progress=stop_in_the_second_segment,
                )
        assert open_archive(tmp_path / "pieces").n_frames == 5
        pieces = engine.dynamics(structure, self.spec, tmp_path / "pieces", context=CONTEXT)
        assert pieces.archive == whole.archive
        assert pieces.final_velocities_A_fs == whole.final_velocities_A_fs

    def test_a_finished_run_is_not_computed_again(self, engine, structure, tmp_path):
        first = engine.dynamics(structure, self.spec, tmp_path, context=CONTEXT)
        times = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("segment-*")}
        again = engine.dynamics(structure, self.spec, tmp_path, context=CONTEXT)
        assert {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("segment-*")} == times
        changed = {"provenance"}
        assert again.model_dump(exclude=changed) == first.model_dump(exclude=changed)

    def test_the_same_inputs_give_the_same_id_and_others_another(self, engine, structure, tmp_path):
        one = engine.dynamics(structure, self.spec, tmp_path / "1", context=CONTEXT)
        same = engine.dynamics(structure, self.spec, tmp_path / "2", context=CONTEXT)
        other_seed = self.spec.model_copy(update={"seed": 8})
        other = engine.dynamics(structure, other_seed, tmp_path / "3", context=CONTEXT)
        assert one.id == same.id
        assert one.archive == same.archive
        assert other.id != one.id
        assert other.archive.segments[-1].sha256 != one.archive.segments[-1].sha256

    def test_a_stage_starts_where_the_one_before_ended(self, engine, structure, tmp_path):
        first = engine.dynamics(structure, self.spec, tmp_path / "1", context=CONTEXT)
        # through JSON, as a job store keeps it
        stored = trajectory.TrajectoryDoc.model_validate_json(first.model_dump_json())
        second = engine.dynamics(
            stored.final_structure,
            self.spec,
            tmp_path / "2",
            context=CONTEXT,
            start_velocities=stored.final_velocities_A_fs,
        )
        before = open_archive(tmp_path / "1").frames()
        after = open_archive(tmp_path / "2").frames()
        assert np.array_equal(before.positions[-1], after.positions[0])
        assert after.temperature_K[0] == pytest.approx(before.temperature_K[-1], rel=1e-12)
        assert second.status is Status.COMPLETE

    def test_a_run_that_explodes_is_refused_with_its_frames(self, engine, structure, tmp_path):
        limits = RunawayLimits(max_temperature_K=30.0)
        spec = self.spec.model_copy(update={"temperature_K": 20.0, "runaway": limits})
        hot = 0.002 * np.random.default_rng(0).standard_normal((structure.n_atoms, 3))
        with pytest.raises(SulfoxError, match=r"SFX-304"):
            engine.dynamics(
                structure, spec, tmp_path / "hot", context=CONTEXT, start_velocities=10 * hot
            )
        strict = RunawayLimits(max_energy_change_eV_per_atom=1e-4)
        spec = self.spec.model_copy(update={"runaway": strict})
        doc = engine.dynamics(structure, spec, tmp_path / "run", context=CONTEXT)
        again = engine.dynamics(structure, spec, tmp_path / "run", context=CONTEXT)
        assert doc.status is Status.REFUSED
        assert doc.reasons[0].code == "SFX-304"
        for word in ("eV/atom", "step", "expected at most 0.0001"):
            assert word in doc.reasons[0].message
        assert 0 <= doc.n_steps_done < spec.n_steps
        assert open_archive(tmp_path / "run").n_frames == doc.archive.n_frames >= 1
        assert again.reasons == doc.reasons
        assert again.archive == doc.archive

    def test_relaxation_lowers_the_energy_and_the_forces(self, engine, structure):
        start = engine.relax(structure, RelaxationSpec(max_steps=0), label="x")
        doc = engine.relax(structure, RelaxationSpec(force_threshold_eV_A=0.02), label="x")
        assert start.status is Status.PARTIAL
        assert start.reasons[0].code == "SFX-305"
        assert doc.status is Status.COMPLETE
        assert doc.energy_eV < start.energy_eV
        assert doc.max_force_eV_A <= 0.02 < start.max_force_eV_A
        assert doc.final.lattice == structure.lattice
        assert 0 < doc.max_displacement_A < 0.5
        assert relaxation.RelaxationDoc.model_validate_json(doc.model_dump_json()) == doc

    @pytest.mark.parametrize("cell", ["full", "hydrostatic"])
    def test_the_cell_relaxes_where_it_is_asked_to(self, engine, structure, cell):
        spec = RelaxationSpec(force_threshold_eV_A=0.05, cell=cell, optimizer="LBFGS")
        doc = engine.relax(structure, spec, label="x")
        assert doc.status is Status.COMPLETE
        assert doc.relax_cell
        assert doc.final.lattice != structure.lattice
        shape = np.linalg.inv(structure.lattice) @ np.array(doc.final.lattice)
        if cell == "hydrostatic":
            assert shape == pytest.approx(shape[0, 0] * np.eye(3), abs=1e-9)

    def test_level_of_theory_never_claims_dft(self, engine):
        assert "not DFT" in engine.level_of_theory


class TestEmt(EngineContract):
    """The contract with a calculator by import path that keeps a neighbour list."""

    @pytest.fixture(scope="class")
    def engine(self):
        return get_engine("mlip", "ase.calculators.emt:EMT")

    @pytest.fixture(scope="class")
    def structure(self):
        atoms = bulk("Cu", a=3.7, cubic=True)
        atoms.rattle(0.05, seed=3)
        return StructureRecord.from_ase(atoms)


class TestNep89(EngineContract):
    """The contract with the default engine."""

    @pytest.fixture(scope="class")
    def engine(self, nep89):
        return MlipEngine(nep89)

    @pytest.fixture(scope="class")
    def structure(self):
        atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
        atoms.rattle(0.05, seed=3)
        return StructureRecord.from_ase(atoms)

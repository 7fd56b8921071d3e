"""The document of a dynamics run, computed from its archive, so that kills leave no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase import units

from sulfox.documents.base import Provenance, Reason, Status
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import ArchiveReference, TrajectoryDoc
from sulfox.engines.base import RunContext
from sulfox.engines.mlip.calculators import LoadedCalculator
from sulfox.engines.mlip.checkpoint import Checkpoint
from sulfox.engines.mlip.thermostats import degrees_of_freedom
from sulfox.engines.trajectory_series import archive_series, drift
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.trajectories.archive import FolderBackend, TrajectoryArchive
from sulfox.units import FS_PER_PS

__all__ = ["summarise_run"]


def summarise_run(
    structure: StructureRecord,
    spec: DynamicsSpec,
    calculator: LoadedCalculator,
    run_dir: Path,
    *,
    context: RunContext,
    checkpoint: Checkpoint,
    remarks: tuple[Reason, ...] = (),
) -> TrajectoryDoc:
    """Describe a finished or refused run.

    Parameters
    ----------
    structure : StructureRecord
        Start of the run.
    spec : DynamicsSpec
        Thermostat, temperature, seed, steps.
    calculator : LoadedCalculator
        What computed the forces.
    run_dir : Path
        Folder with the archive.
    context : RunContext
        What the run belongs to.
    checkpoint : Checkpoint
        Last state, segments, wall time and refusal.
    remarks : tuple of Reason
        Remarks that do not touch the status.

    Returns
    -------
    TrajectoryDoc
        Temperature and drifts over the archived frames.

    Raises
    ------
    SulfoxError
        SFX-404 or SFX-405 if the archive was damaged.
    """
    ledger = checkpoint.ledger
    interval_fs = spec.time_step_fs * spec.frame_interval_steps
    reference = ArchiveReference(
        trajectory_id="tr-" + ledger.run_hash[:16],
        n_frames=ledger.segments[-1].last_frame + 1,
        n_atoms=structure.n_atoms,
        frame_interval_fs=interval_fs,
        segments=ledger.segments,
    )
    archive = TrajectoryArchive(FolderBackend(run_dir), reference)
    energies, temperatures, conserved = archive_series(archive)
    kinetic = degrees_of_freedom(structure.n_atoms, spec) / 2 * units.kB * temperatures
    steps_done = ledger.segments[-1].last_step
    reasons = remarks if ledger.refusal is None else (ledger.refusal, *remarks)
    return TrajectoryDoc(
        id=reference.trajectory_id,
        status=Status.COMPLETE if ledger.refusal is None else Status.REFUSED,
        reasons=reasons,
        provenance=Provenance(
            engine="mlip",
            level_of_theory=calculator.level_of_theory,
            inputs_hash=ledger.run_hash,
            code_versions=ledger.code_versions,
            study=context.study,
            job_uuids=context.job_uuids,
        ),
        pair=context.pair,
        variant=context.variant,
        interface_id=context.interface_id,
        stage=context.stage,
        ensemble=spec.ensemble,
        thermostat=spec.thermostat,
        temperature_K=spec.temperature_K,
        seed=spec.seed,
        time_step_fs=spec.time_step_fs,
        n_steps_requested=spec.n_steps,
        n_steps_done=steps_done,
        length_ps=steps_done * spec.time_step_fs / FS_PER_PS,
        temperature_mean_K=float(temperatures.mean()),
        temperature_std_K=float(temperatures.std()),
        energy_drift_eV_per_atom_ps=drift(energies + kinetic, structure.n_atoms, interval_fs),
        conserved_drift_eV_per_atom_ps=None
        if conserved is None
        else drift(conserved, structure.n_atoms, interval_fs),
        wall_time_s=ledger.wall_time_s,
        species=structure.species,
        sides=structure.sides,
        interface_height_A=context.interface_height_A,
        area_A2=context.area_A2,
        final_energy_eV=float(energies[-1]),
        archive=reference,
        **({} if ledger.refusal else _final_state(structure, checkpoint)),
    )


def _final_state(structure: StructureRecord, checkpoint: Checkpoint) -> dict[str, Any]:
    """Last positions and velocities; JSON keeps every bit of them."""
    velocities = checkpoint.momenta / checkpoint.masses[:, None] * units.fs
    positions = tuple(map(tuple, checkpoint.positions.tolist()))
    return {
        "final_structure": structure.model_copy(update={"positions": positions}),
        "final_velocities_A_fs": tuple(map(tuple, velocities.tolist())),
    }

"""Molecular dynamics in segments that can be killed at any moment and resumed bit by bit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from sulfox.documents.base import Reason, content_hash
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import SegmentRecord, TrajectoryDoc
from sulfox.engines.allocation import OutOfTime, seconds_left
from sulfox.engines.base import ProgressCallback, RunContext
from sulfox.engines.mlip.calculators import LoadedCalculator
from sulfox.engines.mlip.checkpoint import (
    Checkpoint,
    Ledger,
    hold_run,
    read_checkpoint,
    settle_segments,
    write_checkpoint,
)
from sulfox.engines.mlip.guard import RunawayGuard
from sulfox.engines.mlip.progress import ProgressReporter
from sulfox.engines.mlip.summary import summarise_run
from sulfox.engines.mlip.thermostats import Motion, draw_velocities, start_motion, temperature
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.trajectories.archive import Segment, TrajectoryHeader, write_header, write_segment

__all__ = ["run_dynamics", "trajectory_id"]

Velocities = Sequence[Sequence[float]] | NDArray[np.float64]


#: A segment is begun only if this many times the last one fits into the job's time,
_MARGIN = 1.3
#: and this is left for writing and storing [s].
_RESERVE_S = 20.0


@dataclass(frozen=True, eq=False)
class _Run:
    """What decides every bit of a run, and where it is kept."""

    structure: StructureRecord
    spec: DynamicsSpec
    calculator: LoadedCalculator
    run_dir: Path
    context: RunContext
    run_hash: str

    @property
    def id(self) -> str:
        return "tr-" + self.run_hash[:16]

    @property
    def name(self) -> str:
        spec, context = self.spec, self.context
        return f"{context.pair} {context.stage}, {spec.temperature_K:g} K, seed {spec.seed}"


@dataclass
class _Frames:
    """Frames of the segment that is being computed."""

    steps: list[int]
    positions: list[NDArray[np.float64]]
    energies: list[float]
    temperatures: list[float]
    conserved: list[float]

    def to_segment(self, run: _Run, lattice: NDArray[np.float64]) -> Segment:
        steps = np.array(self.steps, dtype=np.int64)
        return Segment(
            steps=steps,
            times_fs=np.asarray(steps * run.spec.time_step_fs, dtype=np.float64),
            positions=np.array(self.positions),
            lattice=lattice,
            potential_energy_eV=np.array(self.energies),
            temperature_K=np.array(self.temperatures),
            conserved_eV=np.array(self.conserved) if self.conserved else None,
        )


def trajectory_id(
    structure: StructureRecord,
    spec: DynamicsSpec,
    calculator: LoadedCalculator,
    context: RunContext,
    start_velocities: Velocities | None = None,
) -> str:
    """Return the id that :func:`run_dynamics` gives, without running it.

    Parameters
    ----------
    structure : StructureRecord
        Start.
    spec : DynamicsSpec
        Thermostat, temperature, seed, steps, guards.
    calculator : LoadedCalculator
        Energies and forces.
    context : RunContext
        What the run belongs to.
    start_velocities : array_like, shape (n_atoms, 3), optional
        As for :func:`run_dynamics` [Å/fs].
    """
    return "tr-" + _run_hash(structure, spec, calculator, context, start_velocities)[:16]


def run_dynamics(
    structure: StructureRecord,
    spec: DynamicsSpec,
    calculator: LoadedCalculator,
    run_dir: Path | str,
    *,
    context: RunContext,
    start_velocities: Velocities | None = None,
    progress: ProgressCallback | None = None,
) -> TrajectoryDoc:
    """Run dynamics in a folder, or go on where a killed process stopped.

    The folder receives the archive (``trajectory.json``, segments), a checkpoint after every
    segment and ``progress.json``. Finished segments are never computed again, and a run that
    was killed and resumed has the same bytes in its archive as one that was not.

    Parameters
    ----------
    structure : StructureRecord
        Start.
    spec : DynamicsSpec
        Thermostat, temperature, seed, steps, guards.
    calculator : LoadedCalculator
        Energies and forces.
    run_dir : Path or str
        Folder of this one run.
    context : RunContext
        What the run belongs to.
    start_velocities : array_like, shape (n_atoms, 3), optional
        Velocities to start with [Å/fs], e.g. the final ones of a run; None draws
        Maxwell-Boltzmann velocities with the seed.
    progress : callable, optional
        Called at most once a second.

    Returns
    -------
    TrajectoryDoc
        Complete; or refused with the reason SFX-304 if the run was stopped by its guard, with
        the frames up to there archived.

    Raises
    ------
    OutOfTime
        If the job ends before another segment could; the checkpoint is written.
    SulfoxError
        SFX-103 for a structure of one atom, SFX-304 if the guard stops it at frame 0, SFX-306
        if the folder belongs to another run, SFX-307 if another process holds it, SFX-308 for
        an element unknown to the potential, SFX-404 if the archive was damaged, SFX-503 if the
        disk is full.
    """
    _check_input(structure, calculator, start_velocities)
    run_hash = _run_hash(structure, spec, calculator, context, start_velocities)
    run = _Run(structure, spec, calculator, Path(run_dir), context, run_hash)
    with hold_run(run.run_dir):
        checkpoint = read_checkpoint(run.run_dir)
        settle_segments(run.run_dir, checkpoint, run_hash)
        remarks = _remarks(run, checkpoint)
        write_header(run.run_dir, _header(run))
        if checkpoint is None or not checkpoint.ledger.is_finished:
            checkpoint = _Driver(run, checkpoint, start_velocities, progress).run()
    return summarise_run(
        structure,
        spec,
        calculator,
        run.run_dir,
        context=context,
        checkpoint=checkpoint,
        remarks=remarks,
    )


class _Driver:
    """Advances one run from its checkpoint to its end."""

    def __init__(
        self,
        run: _Run,
        checkpoint: Checkpoint | None,
        start_velocities: Velocities | None,
        progress: ProgressCallback | None,
    ) -> None:
        self._run = run
        self._atoms = _start_atoms(run, checkpoint, start_velocities)
        self._motion: Motion = start_motion(self._atoms, run.spec, run.run_hash)
        self._guard = RunawayGuard(run.spec, run.name)
        self._attach_calculator()
        if checkpoint is None:
            self._ledger = self._first_ledger()
        else:
            self._ledger = checkpoint.ledger
            self._motion.restore(checkpoint.ledger.thermostat)
        self._progress = ProgressReporter(run.run_dir, run.spec, self._ledger.step, progress)

    def run(self) -> Checkpoint:
        """Compute segment by segment; return the last checkpoint."""
        while True:
            clock = time.perf_counter()
            frames, stopped = self._advance()
            segments = self._ledger.segments
            if frames.steps:
                segments = (*segments, self._archive(frames))
            step = self._ledger.step if stopped else self._segment_end
            self._ledger = self._ledger.model_copy(
                update={
                    "step": step,
                    "is_finished": stopped is not None or step == self._run.spec.n_steps,
                    "thermostat": self._motion.state(),
                    "segments": segments,
                    "wall_time_s": self._ledger.wall_time_s + time.perf_counter() - clock,
                    "refusal": Reason(code=stopped.code, message=stopped.line) if stopped else None,
                    "code_versions": self._run.calculator.code_versions,
                }
            )
            checkpoint = self._checkpoint()
            write_checkpoint(self._run.run_dir, checkpoint)
            self._progress.update(step, is_last=self._ledger.is_finished)
            if self._ledger.is_finished:
                return checkpoint
            left = seconds_left()
            if left is not None and left < _MARGIN * (time.perf_counter() - clock) + _RESERVE_S:
                raise OutOfTime(self._run.name, step, self._run.spec.n_steps)
            self._attach_calculator()

    @property
    def _segment_end(self) -> int:
        spec = self._run.spec
        return min(self._ledger.step + spec.segment_steps, spec.n_steps)

    def _advance(self) -> tuple[_Frames, SulfoxError | None]:
        """Compute one segment; stop early where the guard says so."""
        frames = _Frames([], [], [], [], [])
        spec, atoms, guard = self._run.spec, self._atoms, self._guard
        if self._ledger.step == 0:
            self._record(frames, 0, temperature(atoms, spec))
        with np.errstate(all="ignore"):  # the guard says what happened
            for step in range(self._ledger.step + 1, self._segment_end + 1):
                self._motion.step()
                instantaneous = temperature(atoms, spec)
                stopped = guard.check_step(step, instantaneous)
                if stopped is None and step % spec.frame_interval_steps == 0:
                    energy = float(atoms.get_potential_energy())
                    start = self._ledger.start_energy_eV
                    stopped = guard.check_frame(step, atoms, energy, start)
                    if stopped is None:
                        self._record(frames, step, instantaneous)
                        self._progress.update(step)
                if stopped is not None:
                    return frames, stopped
        return frames, None

    def _record(self, frames: _Frames, step: int, temperature_K: float) -> None:
        energy = float(self._atoms.get_potential_energy())
        frames.steps.append(step)
        frames.positions.append(self._atoms.get_positions())
        frames.energies.append(energy)
        frames.temperatures.append(temperature_K)
        thermostat = self._motion.thermostat_energy()
        if thermostat is not None:
            frames.conserved.append(energy + float(self._atoms.get_kinetic_energy()) + thermostat)

    def _archive(self, frames: _Frames) -> SegmentRecord:
        segment = frames.to_segment(self._run, self._atoms.cell.array)
        first_frame = frames.steps[0] // self._run.spec.frame_interval_steps
        return write_segment(self._run.run_dir, segment, first_frame)

    def _attach_calculator(self) -> None:
        # A calculator with a memory is made anew at every checkpoint, resumed or not.
        if self._atoms.calc is None or not self._run.calculator.is_stateless:
            self._atoms.calc = self._run.calculator.make()

    def _first_ledger(self) -> Ledger:
        energy = float(self._atoms.get_potential_energy())
        stopped = self._guard.check_step(0, temperature(self._atoms, self._run.spec))
        stopped = stopped or self._guard.check_frame(0, self._atoms, energy, energy)
        if stopped is not None:
            raise stopped
        return Ledger(
            run_hash=self._run.run_hash,
            step=0,
            thermostat={},
            start_energy_eV=energy,
            code_versions=self._run.calculator.code_versions,
        )

    def _checkpoint(self) -> Checkpoint:
        atoms = self._atoms
        return Checkpoint(
            self._ledger, atoms.get_positions(), atoms.get_momenta(), atoms.get_masses()
        )


def _start_atoms(
    run: _Run, checkpoint: Checkpoint | None, start_velocities: Velocities | None
) -> Atoms:
    atoms = run.structure.to_ase()
    if checkpoint is not None:
        atoms.set_positions(checkpoint.positions)
        atoms.set_momenta(checkpoint.momenta)
    elif start_velocities is not None:
        atoms.set_velocities(np.asarray(start_velocities, dtype=np.float64) / units.fs)
    else:
        draw_velocities(atoms, run.spec)
    return atoms


def _run_hash(
    structure: StructureRecord,
    spec: DynamicsSpec,
    calculator: LoadedCalculator,
    context: RunContext,
    start_velocities: Velocities | None,
) -> str:
    labels = [context.pair, context.variant, context.interface_id, context.stage]
    velocities = None if start_velocities is None else np.asarray(start_velocities).tolist()
    return content_hash([structure, spec, calculator.inputs_hash, labels, velocities])


def _header(run: _Run) -> TrajectoryHeader:
    spec, context = run.spec, run.context
    metadata: dict[str, Any] = {
        "pair": context.pair,
        "variant": context.variant,
        "interface_id": context.interface_id,
        "stage": context.stage,
        "thermostat": spec.thermostat,
        "temperature_K": spec.temperature_K,
        "seed": spec.seed,
        "level_of_theory": run.calculator.level_of_theory,
        "run_hash": run.run_hash,
    }
    return TrajectoryHeader(
        trajectory_id=run.id,
        species=run.structure.species,
        sides=run.structure.sides,
        time_step_fs=spec.time_step_fs,
        frame_interval_fs=spec.time_step_fs * spec.frame_interval_steps,
        metadata=metadata,
    )


def _remarks(run: _Run, checkpoint: Checkpoint | None) -> tuple[Reason, ...]:
    if checkpoint is None or checkpoint.ledger.is_finished:
        return ()
    before, now = checkpoint.ledger.code_versions, run.calculator.code_versions
    changed = [f"{k} {before.get(k)} -> {v}" for k, v in now.items() if before.get(k) != v]
    if not changed:
        return ()
    message = f"resumed at step {checkpoint.ledger.step} with other codes: {', '.join(changed)}"
    return (Reason(code="resumed-with-other-codes", message=message),)


def _check_input(
    structure: StructureRecord, calculator: LoadedCalculator, start_velocities: Velocities | None
) -> None:
    calculator.check_elements(structure)
    expected = "at least two atoms" if structure.n_atoms < 2 else None
    if start_velocities is not None:
        velocities = np.asarray(start_velocities, dtype=np.float64)
        if velocities.shape != (structure.n_atoms, 3) or not np.isfinite(velocities).all():
            expected = f"finite velocities of shape ({structure.n_atoms}, 3)"
    if expected is not None:
        raise SulfoxError(
            "SFX-103",
            who="start of a dynamics run",
            found=f"{structure.n_atoms} atoms",
            expected=expected,
            next_step="correct the structure or its velocities",
        )

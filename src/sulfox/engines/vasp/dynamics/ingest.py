"""From the files of a segment into the archive: whole frames, each step once, or a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms

from sulfox.documents.base import Reason
from sulfox.documents.trajectory import SegmentRecord
from sulfox.engines.mlip.guard import RunawayGuard
from sulfox.engines.vasp.dynamics.ledger import Checkpoint, Ledger, Tail
from sulfox.engines.vasp.dynamics.motion_file import MotionFile, read_motion_file
from sulfox.engines.vasp.dynamics.seam import SeamFrame, check_seam, moved
from sulfox.engines.vasp.inputs.calculation import PoscarOrder
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.trajectories.archive import Segment, write_segment
from sulfox.trajectories.files.frame import Frame, RunHead
from sulfox.trajectories.files.opening import open_frames
from sulfox.trajectories.frames import FloatArray

__all__ = ["ReadingPlan", "SegmentReading", "read_segment"]

_TAIL_STEPS = 50
_FILE = "vasprun.xml"


@dataclass
class SegmentReading:
    """What a segment's files gave.

    Attributes
    ----------
    tail : Tail
        Last frames after it.
    segments : tuple of SegmentRecord
        New files of the archive.
    n_frames : int
        Whole frames of the file, repeated ones too.
    n_steps_done : int
        Steps of the whole run that are read now.
    nelm_breaches : int
        New steps whose electrons did not converge.
    start_energy_eV : float or None
        Of frame 0 of the run [eV].
    conserved_offset_eV : float
        As in the ledger [eV].
    refusal : Reason or None
        SFX-353 for a seam that does not fit, SFX-304 for a run that left its physics.
    damage : str
        Why reading ended before the end of the file; empty where it did not.
    """

    tail: Tail
    n_steps_done: int
    segments: tuple[SegmentRecord, ...] = ()
    n_frames: int = 0
    nelm_breaches: int = 0
    start_energy_eV: float | None = None
    conserved_offset_eV: float = 0.0
    refusal: Reason | None = None
    damage: str = ""


@dataclass
class _Collected:
    """Frames on their way into one file of the archive."""

    steps: list[int] = field(default_factory=list)
    positions: list[FloatArray] = field(default_factory=list)
    forces: list[FloatArray] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    temperatures: list[float] = field(default_factory=list)
    conserved: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class ReadingPlan:
    """What a reading needs to know of the run.

    Attributes
    ----------
    run_dir : Path
        Folder of the run and of its archive.
    spec : DynamicsSpec
        Of the run.
    order : PoscarOrder
        Order of the atoms in the files.
    name : str
        Of the run, for messages.
    """

    run_dir: Path
    spec: DynamicsSpec
    order: PoscarOrder
    name: str


def read_segment(plan: ReadingPlan, folder: Path, checkpoint: Checkpoint) -> SegmentReading:
    """Read the whole frames of a segment and archive the new ones.

    Parameters
    ----------
    plan : ReadingPlan
        The run.
    folder : Path
        Of the segment.
    checkpoint : Checkpoint
        What is known before it.

    Returns
    -------
    SegmentReading
        The same for the same files, as often as it is done.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full.
    """
    return _Reader(plan, folder, checkpoint).read()


class _Reader:
    def __init__(self, plan: ReadingPlan, folder: Path, checkpoint: Checkpoint) -> None:
        ledger: Ledger = checkpoint.ledger
        self._run_dir, self._folder = plan.run_dir, folder
        self._spec, self._name, self._order = plan.spec, plan.name, plan.order
        self._start, spec = ledger.start, plan.spec
        self._started: MotionFile = read_motion_file(ledger.start.poscar)
        self._guard = RunawayGuard(spec, plan.name)
        self._nelm = spec.electronic.max_scf_steps if spec.electronic else 0
        self._before = checkpoint.tail
        self._series: dict[str, list[float]] = {
            key: getattr(checkpoint.tail, key).tolist()
            for key in ("energies", "temperatures", "conserved")
        }
        self._positions: list[FloatArray] = list(checkpoint.tail.positions)
        self._forces = checkpoint.tail.forces
        self._frames = _Collected()
        self._has_conserved = spec.thermostat == "nose-hoover-chain"
        self.reading = SegmentReading(
            tail=checkpoint.tail,
            n_steps_done=ledger.n_steps_done,
            start_energy_eV=ledger.start_energy_eV,
            conserved_offset_eV=ledger.conserved_offset_eV,
        )

    def read(self) -> SegmentReading:
        reading = self.reading
        for head, frame in self._whole_frames():
            step = self._start.step + reading.n_frames
            try:
                stopped = self._take(head, frame, step)
            except ValueError as error:
                reading.damage = f"step {step}: {error}"
                break
            reading.n_frames += 1
            if stopped is not None:
                reading.refusal = stopped
                break
        self._write()
        reading.tail = Tail(
            np.array(self._positions).reshape(-1, len(self._started.fractional), 3),
            self._forces,
            *(np.array(self._series[key]) for key in ("energies", "temperatures", "conserved")),
        )
        return reading

    def _whole_frames(self) -> Iterator[tuple[RunHead, Frame]]:
        try:
            with open_frames(self._folder / _FILE) as reader:
                if reader.head.species != self._started.species:
                    self.reading.damage = f"{_FILE} has other atoms than the POSCAR"
                    return
                for frame in reader:
                    yield reader.head, frame
        except SulfoxError as error:
            if error.code not in ("SFX-401", "SFX-403", "SFX-407"):
                raise
            self.reading.damage = f"{_FILE}: {error.found}"

    def _take(self, head: RunHead, frame: Frame, step: int) -> Reason | None:
        """Take one frame; return why the run is to be stopped."""
        energies, reading = frame.energies, self.reading
        energy, kelvin = energies.free_energy_eV, head.temperature_K(energies)
        if energy is None or kelvin is None or frame.forces_eV_A is None:
            raise ValueError("a step without energy, temperature or forces")
        origin = self._positions[-1] if self._positions else self._first_positions()
        positions = origin + moved(frame.fractional, origin, self._started.lattice)
        raw = energies.conserved_eV if self._has_conserved else None
        is_repeated = step < reading.n_steps_done
        if reading.n_frames == 0 and self._positions:
            refusal = self._check_seam(positions, (energy, kelvin, raw), step, is_repeated)
            if refusal is not None or is_repeated:
                return refusal
        if reading.n_frames == 0 and not self._positions:
            self._check_start(positions)
        reading.start_energy_eV = (
            energy if reading.start_energy_eV is None else reading.start_energy_eV
        )
        conserved = None if raw is None else raw + reading.conserved_offset_eV
        stopped = self._check_physics(step, positions, energy, kelvin)
        if stopped is not None:
            return stopped
        scalars = (energy, kelvin, conserved)
        self._remember(positions, frame.forces_eV_A, scalars)
        reading.nelm_breaches += (energies.n_electronic_steps or 0) >= self._nelm > 0
        reading.n_steps_done = step + 1
        self._collect(step, positions, frame.forces_eV_A, scalars)
        return None

    def _first_positions(self) -> FloatArray:
        result: FloatArray = self._started.fractional @ self._started.lattice
        return result

    def _check_start(self, positions: FloatArray) -> None:
        if float(np.abs(positions - self._first_positions()).max()) > 1e-4:
            raise ValueError("the first frame is not the POSCAR")

    def _check_seam(
        self,
        positions: FloatArray,
        scalars: tuple[float, float, float | None],
        step: int,
        is_repeated: bool,
    ) -> Reason | None:
        energy, kelvin, raw = scalars
        reading = self.reading
        conserved = None if raw is None else raw + reading.conserved_offset_eV
        frame = SeamFrame(positions, energy, kelvin, conserved)
        wrong = check_seam(
            self._before, frame, self._start, self._spec.time_step_fs, is_repeated=is_repeated
        )
        if wrong is not None:
            text = f"{self._name}: the seam before step {step} ({self._folder.name}): {wrong}"
            return Reason(code="SFX-353", message=f"{text}; the frames before it are kept")
        if conserved is not None and not self._start.keeps_thermostat and self._series["conserved"]:
            # the lost energy of the thermostat is no drift
            reading.conserved_offset_eV += self._series["conserved"][-1] - conserved
        return None

    def _check_physics(
        self, step: int, positions: FloatArray, energy: float, kelvin: float
    ) -> Reason | None:
        stopped = self._guard.check_step(step, kelvin)
        if stopped is None and step % self._spec.frame_interval_steps == 0:
            atoms = Atoms(
                self._started.species, positions=positions, cell=self._started.lattice, pbc=True
            )
            start = self.reading.start_energy_eV
            stopped = self._guard.check_frame(
                step, atoms, energy, energy if start is None else start
            )
        return None if stopped is None else Reason(code=stopped.code, message=stopped.line)

    def _remember(
        self,
        positions: FloatArray,
        forces: FloatArray,
        scalars: tuple[float, float, float | None],
    ) -> None:
        self._positions = [*self._positions[-1:], positions]
        self._forces = forces
        for key, value in zip(self._series, scalars, strict=True):
            if value is not None:
                self._series[key] = [*self._series[key][1 - _TAIL_STEPS :], value]

    def _collect(
        self,
        step: int,
        positions: FloatArray,
        forces: FloatArray,
        scalars: tuple[float, float, float | None],
    ) -> None:
        if step % self._spec.frame_interval_steps:
            return
        frames = self._frames
        frames.steps.append(step)
        frames.positions.append(positions)
        frames.forces.append(forces)
        energy, kelvin, conserved = scalars
        frames.energies.append(energy)
        frames.temperatures.append(kelvin)
        if conserved is not None:
            frames.conserved.append(conserved)
        if len(frames.steps) * self._spec.frame_interval_steps >= self._spec.segment_steps:
            self._write()

    def _write(self) -> None:
        frames = self._frames
        if not frames.steps:
            return
        steps = np.array(frames.steps, dtype=np.int64)
        back = np.argsort(self._order.to_input)
        segment = Segment(
            steps=steps,
            times_fs=np.asarray(steps * self._spec.time_step_fs, dtype=np.float64),
            positions=np.array(frames.positions)[:, back],
            lattice=self._started.lattice,
            potential_energy_eV=np.array(frames.energies),
            temperature_K=np.array(frames.temperatures),
            conserved_eV=np.array(frames.conserved)
            if len(frames.conserved) == len(steps)
            else None,
            forces=np.array(frames.forces)[:, back],
        )
        first = frames.steps[0] // self._spec.frame_interval_steps
        record = write_segment(self._run_dir, segment, first)
        self.reading.segments = (*self.reading.segments, record)
        self._frames = _Collected()

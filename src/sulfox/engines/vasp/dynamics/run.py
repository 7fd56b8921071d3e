"""Dynamics with VASP for as long as a job lasts, and on in the next job."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from sulfox.documents.base import Reason, content_hash
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.engines.allocation import OutOfTime, seconds_left
from sulfox.engines.base import ProgressCallback, RunContext
from sulfox.engines.mlip.checkpoint import hold_run, settle_segments
from sulfox.engines.mlip.guard import RunawayGuard
from sulfox.engines.mlip.progress import ProgressReporter
from sulfox.engines.vasp.dynamics.failures import (
    FAILED,
    check_room,
    error_words,
    other_program,
    seconds_of,
    too_many_failures,
)
from sulfox.engines.vasp.dynamics.ingest import ReadingPlan, SegmentReading, read_segment
from sulfox.engines.vasp.dynamics.ledger import (
    Checkpoint,
    Ending,
    Ledger,
    Start,
    Tail,
    VaspSegment,
    read_checkpoint,
    write_checkpoint,
)
from sulfox.engines.vasp.dynamics.motion_file import read_motion_file
from sulfox.engines.vasp.dynamics.process import VaspProcess, end_leftover
from sulfox.engines.vasp.dynamics.program import check_settings, find_program
from sulfox.engines.vasp.dynamics.raw_files import settle_raw_files
from sulfox.engines.vasp.dynamics.seam import choose_start, first_start
from sulfox.engines.vasp.dynamics.segment_folder import (
    make_segment_folder,
    segment_folder,
    segment_incar,
)
from sulfox.engines.vasp.dynamics.summary import VaspRun, summarise, write_run_header
from sulfox.engines.vasp.dynamics.watch import SegmentWatch, WatchLimits, reserve_s
from sulfox.engines.vasp.inputs.calculation import PoscarOrder, VaspCalculation
from sulfox.engines.vasp.inputs.input_set import InputDeck, make_deck
from sulfox.engines.vasp.inputs.potcar import check_potcars
from sulfox.engines.vasp.inputs.profile import VaspProfile
from sulfox.engines.vasp.run.machine import VaspMachine
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec

__all__ = ["VaspSetup", "run_vasp_dynamics"]

Velocities = tuple[tuple[float, float, float], ...]

#: Jobs without a step, one after the other, before a run is refused.
_FRUITLESS_JOBS = 5


@dataclass(frozen=True)
class VaspSetup:
    """What runs VASP.

    Attributes
    ----------
    profile : VaspProfile
        PAW sets and limits.
    machine : VaspMachine
        How VASP is started.
    inputs_hash : str
        Of the engine.
    limits : WatchLimits
        When VASP is taken as frozen.
    raw_dir : Path or None
        Where compressed files of finished segments go; None drops them.
    """

    profile: VaspProfile
    machine: VaspMachine
    inputs_hash: str
    limits: WatchLimits = field(default_factory=WatchLimits)
    raw_dir: Path | None = None


def run_vasp_dynamics(
    structure: StructureRecord,
    spec: DynamicsSpec,
    run_dir: Path | str,
    *,
    setup: VaspSetup,
    context: RunContext,
    start_velocities: Velocities | None = None,
    progress: ProgressCallback | None = None,
) -> TrajectoryDoc:
    """Run dynamics with VASP, or go on from what lies in the folder.

    VASP runs until all steps are done or the job's time is nearly up; then it is stopped by
    STOPCAR and the next job goes on. What a killed VASP left is read up to its last whole frame.

    Parameters
    ----------
    structure : StructureRecord
        Start.
    spec : DynamicsSpec
        With its electronic part.
    run_dir : Path or str
        Folder of this one run: archive, checkpoint, ``segments``.
    setup : VaspSetup
        What runs VASP.
    context : RunContext
        What the run belongs to.
    start_velocities : tuple, optional
        (n_atoms, 3) velocities to start with [Å/fs]; None lets VASP draw them with the seed.
    progress : callable, optional
        Called at most once a second.

    Returns
    -------
    TrajectoryDoc
        Frames of steps 0 to `n_steps` - 1, as VASP counts them. Partial where too many steps
        did not converge (SFX-352); refused, with the frames up to there, where the guard
        stopped it (SFX-304), a seam does not fit (SFX-353), settings or program changed
        (SFX-327, SFX-354), VASP failed again and again (SFX-351), or no step fits into a job
        (SFX-355).

    Raises
    ------
    OutOfTime
        If the job's time is up; the next call goes on.
    SulfoxError
        SFX-306, SFX-307 for the folder; SFX-321 to SFX-323 for VASP, POTCAR or inputs; SFX-503
        for a full disk; and the codes above where there is no frame at all.
    """
    order = PoscarOrder.of(structure.species)
    labels = [context.pair, context.variant, context.interface_id, context.stage]
    run_hash = content_hash([structure, spec, setup.inputs_hash, labels, start_velocities])
    run = VaspRun(structure, spec, Path(run_dir), context, run_hash, setup.profile, order)
    with hold_run(run.run_dir):
        checkpoint = read_checkpoint(run.run_dir, run_hash)
        if checkpoint is None:
            checkpoint = _first(run, start_velocities)
        settle_segments(run.run_dir, cast("Any", checkpoint), run_hash)
        if not checkpoint.ledger.is_finished:
            checkpoint = _Driver(run, setup, checkpoint, progress).run()
        _settle_all(run, setup, checkpoint.ledger)
    return summarise(run, checkpoint)


def _first(run: VaspRun, velocities: Velocities | None) -> Checkpoint:
    if run.spec.electronic is None:
        raise SulfoxError(
            "SFX-323",
            who=f"dynamics of {run.name} with VASP",
            found="a specification without its electronic part",
            expected="functional, cutoff, mesh and thresholds",
            next_step="add the section electronic to the protocol",
        )
    moving = None if velocities is None else run.order.arrange(velocities)
    start = first_start(run.order.arranged(run.structure), run.name, run.spec.seed, moving)
    nothing = np.empty((0, run.structure.n_atoms, 3))
    return Checkpoint(Ledger(run_hash=run.run_hash, start=start), Tail(nothing))


def _settle_all(run: VaspRun, setup: VaspSetup, ledger: Ledger) -> None:
    """Put the raw files of archived segments away."""
    keep = None if setup.raw_dir is None else setup.raw_dir / run.run_hash[:16]
    for segment in ledger.runs:
        folder = segment_folder(run.run_dir, segment.number)
        settle_raw_files(folder, None if keep is None else keep / folder.name)


class _Driver:
    """Takes one run from its checkpoint as far as this job's time goes."""

    def __init__(
        self,
        run: VaspRun,
        setup: VaspSetup,
        checkpoint: Checkpoint,
        progress: ProgressCallback | None,
    ) -> None:
        self._run, self._setup, self._checkpoint = run, setup, checkpoint
        self._guard = RunawayGuard(run.spec, run.name)
        self._plan = ReadingPlan(run.run_dir, run.spec, run.order, run.name)
        self._steps_before = checkpoint.ledger.n_steps_done
        self._reserve_s = reserve_s(seconds_left())
        self._reporter = ProgressReporter(run.run_dir, run.spec, self._steps_before, progress)
        self._deck_made: InputDeck | None = None

    @property
    def _ledger(self) -> Ledger:
        return self._checkpoint.ledger

    @property
    def _deck(self) -> InputDeck:
        if self._deck_made is None:
            run, electronic = self._run, self._run.spec.electronic
            if electronic is None:
                raise RuntimeError("dynamics without an electronic part")
            calculation = VaspCalculation(kind="md", electronic=electronic, dynamics=run.spec)
            self._deck_made = make_deck(calculation, run.structure, run.profile)
        return self._deck_made

    def run(self) -> Checkpoint:
        """Run segment by segment; return the last checkpoint."""
        folder = self._next_folder()
        if folder.is_dir():
            end_leftover(folder)
            lasted = seconds_of(folder)
            why = "the job that watched it was killed"
            self._take_in(folder, "interrupted", why, lasted, None)
        self._check_machine()
        while not self._ledger.is_finished:
            _settle_all(self._run, self._setup, self._ledger)
            if self._has_no_time():
                self._leave()
            else:
                self._run_segment()
        return self._checkpoint

    def _next_folder(self) -> Path:
        return segment_folder(self._run.run_dir, len(self._ledger.runs) + 1)

    def _check_machine(self) -> None:
        if self._ledger.is_finished:
            return
        problem = self._setup.machine.problem()
        if problem is not None:
            found, _, next_step = problem.partition("; ")
            raise SulfoxError(
                "SFX-321",
                who=self._run.name,
                found=found,
                expected="VASP",
                next_step=next_step,
            )
        spec, elements = self._run.spec, tuple(self._run.structure.composition)
        if spec.electronic is not None:
            titles = check_potcars(self._run.profile.potcar, elements, spec.electronic.cutoff_eV)
            self._update(potcar_titles=titles)

    def _update(self, **changes: Any) -> None:
        ledger = self._ledger.model_copy(update=changes)
        self._checkpoint = replace(self._checkpoint, ledger=ledger)

    def _has_no_time(self) -> bool:
        left = seconds_left()
        if left is None:
            return False
        return left < 2 * self._reserve_s + 3 * (self._ledger.seconds_per_step or 0.0)

    def _leave(self) -> None:
        """Go on in another job, unless jobs have become fruitless."""
        ledger, spec = self._ledger, self._run.spec
        is_fruitless = ledger.n_steps_done == self._steps_before
        self._update(fruitless_jobs=ledger.fruitless_jobs + 1 if is_fruitless else 0)
        if self._ledger.fruitless_jobs >= _FRUITLESS_JOBS:
            text = f"{self._run.name}: {_FRUITLESS_JOBS} jobs in a row ended before a step was done"
            self._refuse(Reason(code="SFX-355", message=f"{text}; ask for a longer time limit"))
        write_checkpoint(self._run.run_dir, self._checkpoint)
        if not self._ledger.is_finished:
            raise OutOfTime(self._run.name, ledger.n_steps_done, spec.n_steps)

    def _refuse(self, reason: Reason) -> None:
        self._update(refusal=reason, is_finished=True)

    def _run_segment(self) -> None:
        folder, machine, start = self._next_folder(), self._setup.machine, self._ledger.start
        incar = segment_incar(self._deck, start, self._run.spec.n_steps, machine.tags)
        make_segment_folder(folder, self._deck, start, incar)
        watch = SegmentWatch(
            folder=folder,
            guard=self._guard,
            limits=self._setup.limits,
            started=read_motion_file(start.poscar),
            first_step=start.step,
            start_energy_eV=self._ledger.start_energy_eV,
            reserve_s=self._reserve_s,
            expected_step_s=self._ledger.seconds_per_step,
        )
        is_gamma = self._deck.executable == "vasp_gam"
        process = VaspProcess(machine.gam_command if is_gamma else machine.std_command, folder)
        ending, message = self._supervise(process, watch)
        self._take_in(folder, ending, message, process.seconds, watch.mean_step_s)
        if ending in ("stopped", "out-of-time") and not self._ledger.is_finished:
            self._leave()

    def _supervise(self, process: VaspProcess, watch: SegmentWatch) -> tuple[Ending, str]:
        try:
            while process.exit_code is None:
                alarm = watch.look()
                if alarm is not None:
                    process.kill()
                    return alarm.ending, alarm.message
                self._reporter.update(watch.first_step + watch.n_steps)
                time.sleep(watch.pause_s(self._setup.machine.poll_s))
        except BaseException:
            process.kill()
            raise
        watch.look()
        code = process.exit_code
        if code < 0 or code == 137:
            return "killed", f"VASP was killed by signal {-code if code < 0 else 9}"
        if code:
            words = error_words(watch.folder)
            return "failed", f"VASP ended with exit status {code}" + (f": {words}" if words else "")
        return ("stopped" if watch.is_stopping else "complete"), ""

    def _take_in(
        self, folder: Path, ending: Ending, message: str, seconds: float, step_s: float | None
    ) -> None:
        """Archive what a segment left, decide where the next one starts, write it all down."""
        run, ledger = self._run, self._ledger
        incar = segment_incar(self._deck, ledger.start, run.spec.n_steps, self._setup.machine.tags)
        program = find_program(folder)
        refusals, remarks = check_settings(folder, incar, {}, run.name)
        if program is not None and ledger.program not in (None, program):
            refusals = (*refusals, other_program(run.name, ledger.program, program))
        reading = SegmentReading(self._checkpoint.tail, ledger.n_steps_done)
        if program is not None and not refusals:
            write_run_header(run, ledger.program or program)
            reading = read_segment(self._plan, folder, self._checkpoint)
        segment = self._describe(reading, ending, message, seconds, step_s)
        start, remarks = self._next_start(folder, reading, segment, remarks)
        changes = {
            "n_steps_done": reading.n_steps_done,
            "start": start,
            "segments": (*ledger.segments, *reading.segments),
            "runs": (*ledger.runs, segment),
            "program": ledger.program or program,
            "remarks": tuple(dict.fromkeys((*ledger.remarks, *remarks))),
        }
        if reading.start_energy_eV is not None:
            changes["start_energy_eV"] = reading.start_energy_eV
            changes["conserved_offset_eV"] = reading.conserved_offset_eV
        self._checkpoint = Checkpoint(ledger.model_copy(update=changes), reading.tail)
        refusal = (
            reading.refusal
            or next(iter(refusals), None)
            or too_many_failures(self._ledger, run.name, self._setup.profile.rules.max_corrections)
        )
        if refusal is not None:
            self._refuse(refusal)
        elif self._ledger.n_steps_done >= run.spec.n_steps:
            self._update(is_finished=True)
        write_checkpoint(run.run_dir, self._checkpoint)
        self._reporter.update(self._ledger.n_steps_done, is_last=self._ledger.is_finished)
        if segment.ending in FAILED:
            check_room(run.run_dir)

    def _describe(
        self,
        reading: SegmentReading,
        ending: Ending,
        message: str,
        seconds: float,
        step_s: float | None,
    ) -> VaspSegment:
        ledger = self._ledger
        if ending == "complete" and reading.n_steps_done < self._run.spec.n_steps:
            ending = "failed"
            message = f"VASP ended after {reading.n_frames} steps, though nobody stopped it"
        return VaspSegment(
            number=len(ledger.runs) + 1,
            first_step=ledger.start.step,
            n_steps=reading.n_frames,
            n_new_steps=reading.n_steps_done - ledger.n_steps_done,
            origin=ledger.start.origin,
            ending=ending,
            message="; ".join(text for text in (message, reading.damage) if text),
            nelm_breaches=reading.nelm_breaches,
            seconds=seconds,
            seconds_per_step=step_s,
        )

    def _next_start(
        self,
        folder: Path,
        reading: SegmentReading,
        segment: VaspSegment,
        remarks: tuple[Reason, ...],
    ) -> tuple[Start, tuple[Reason, ...]]:
        before, spec = self._ledger.start, self._run.spec
        if segment.ending in FAILED:
            text = f"segment {segment.number} (from step {segment.first_step}): {segment.message}"
            remarks = (*remarks, Reason(code="segment-failed", message=text))
        if reading.n_frames == 0 or reading.refusal is not None:
            return before, remarks
        start = choose_start(folder, before, reading.tail, reading.n_steps_done, spec.time_step_fs)
        if start.remark and start != before:
            text = f"seam at step {start.step}: {start.remark}"
            remarks = (*remarks, Reason(code="seam", message=text))
        return start, remarks

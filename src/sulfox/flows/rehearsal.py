"""A study's true production flow with the stand-in in VASP's place, stopped and killed on purpose.

Everything else is what a production run has: jobs, custodian, segments, stores. Nothing of it is
a result: the level of theory of every document is the stand-in's.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sulfox.documents.base import Record, Status
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.flows.interface_study import build_study_flow
from sulfox.flows.local_manager import FlowRun, JobView, run_flow
from sulfox.flows.random_killer import RandomKiller
from sulfox.flows.study import Study
from sulfox.protocols.protocol import load_protocol
from sulfox.units import Seconds

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["RehearsalPlan", "RehearsalReport", "RehearsedRun", "rehearse", "report_rows", "shorten"]

_EXECUTABLE = "sulfox-vasp-standin"
_KILLED = "was killed by SIG"
_MOST_ROUNDS = 1000
_COUNTED = re.compile(r"(\d+) ([a-z-]+)")


class RehearsalPlan(Record):
    """How a rehearsal disturbs the runs.

    Attributes
    ----------
    folder : Path
        For work, placeholder POTCARs and the protocol.
    walltime_s : float or None
        Time limit of every job [s].
    kill_every : int or None
        About every so many steps VASP, or the job that watches it, is killed.
    seed : int
        Of the moments of the kills.
    every_frame : bool
        Archive every step of the production.
    workers : int
        Jobs side by side.
    """

    folder: Path
    walltime_s: Seconds | None = None
    kill_every: int | None = None
    seed: int = 1
    every_frame: bool = False
    workers: int = 1


class RehearsedRun(Record):
    """A dynamics run of a rehearsal.

    Attributes
    ----------
    name : str
        Pair, stage, temperature, seed.
    status : str
        Of its document.
    level_of_theory : str
        The stand-in's.
    segments, stopped, killed, failed : int
        Runs of VASP: all, ended by STOPCAR, by SIGKILL, otherwise.
    inexact_seams : int
        Seams at which velocities or the thermostat had to be made anew.
    frames_expected, frames_found : int
        In the archive; found ones are counted once each, without gap.
    problems : tuple of str
        What would break.
    """

    name: str
    status: Status
    level_of_theory: str
    segments: int
    stopped: int
    killed: int
    failed: int
    inexact_seams: int
    frames_expected: int
    frames_found: int
    problems: tuple[str, ...]


class RehearsalReport(Record):
    """Outcome of a rehearsal.

    Attributes
    ----------
    study : str
        Name.
    runs : tuple of RehearsedRun
        Dynamics runs whose document is stored.
    kills : int
        SIGKILLs sent by this process.
    rounds : int
        Times the flow was started, since killed jobs do not come back by themselves.
    seconds : float
        [s]
    jobs : dict
        State -> number of jobs at the end.
    failures : tuple of str
        Jobs that failed, with the reason.
    """

    study: str
    runs: tuple[RehearsedRun, ...]
    kills: int
    rounds: int
    seconds: Seconds
    jobs: dict[str, int]
    failures: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """All that would break a production run."""
        found = [f"{run.name}: {text}" for run in self.runs for text in run.problems]
        return (*self.failures, *found)


def shorten(study: Study, pair: str | None, temperature_K: float | None) -> Study:
    """Choose what of a study is rehearsed: dynamics, one temperature, one seed.

    Parameters
    ----------
    study : Study
        With every override applied.
    pair : str or None
        One of its pairs; None takes all.
    temperature_K : float or None
        None takes its first [K].

    Returns
    -------
    Study
        With the engine ``vasp``.

    Raises
    ------
    SulfoxError
        SFX-356 for a study without dynamics, or without this pair.
    """
    pairs = tuple(p for p in study.pairs if pair in (None, p.name))
    if not pairs or "dynamics" not in study.parts:
        raise SulfoxError(
            "SFX-356",
            who=study.name,
            found=f"no pair {pair}" if not pairs else "no dynamics",
            expected="dynamics of " + ", ".join(p.name for p in study.pairs),
            next_step="choose one of its pairs",
        )
    plan = study.dynamics
    one = {
        "temperatures_K": (temperature_K or plan.temperatures_K[0],),
        "seeds": plan.seeds[:1],
    }
    changes = {
        "engine": "vasp",
        "pairs": pairs,
        "parts": ("dynamics",),
        "dynamics": plan.model_copy(update=one),
        "variants": (),
        "expected": (),
    }
    return study.model_copy(update=changes)


def rehearse(
    study: Study,
    open_store: Callable[[], JobStore],
    plan: RehearsalPlan,
    on_update: Callable[[dict[str, JobView]], None] | None = None,
) -> RehearsalReport:
    """Run the flow of a study until it is done, through all stops and kills.

    Parameters
    ----------
    study : Study
        As :func:`shorten` gives it.
    open_store : callable
        Opens a store that holds nothing but rehearsals; it must pickle.
    plan : RehearsalPlan
        Stops and kills.
    on_update : callable, optional
        As for :func:`sulfox.flows.local_manager.run_flow`.

    Returns
    -------
    RehearsalReport
        Frames expected and found, and what would break.

    Raises
    ------
    SulfoxError
        SFX-10x, SFX-30x for the study's inputs; SFX-356 where the stand-in is not installed.
    """
    clock = time.monotonic()
    work_dir = plan.folder / "work"
    work_dir.mkdir(parents=True, exist_ok=True)
    with _standin_as_vasp(study, plan):
        if plan.every_frame:
            study = _with_every_frame(study, plan.folder)
        killer = RandomKiller(work_dir, plan.kill_every, plan.seed)
        killer.start()
        try:
            run, rounds = _run_to_the_end(study, open_store, plan, on_update)
        finally:
            killer.stop()
        runs = tuple(_examine(open_store()))
    states: dict[str, int] = {}
    for view in run.jobs.values():
        states[view.state.value] = states.get(view.state.value, 0) + 1
    return RehearsalReport(
        study=study.name,
        runs=runs,
        kills=killer.n_kills,
        rounds=rounds,
        seconds=time.monotonic() - clock,
        jobs=states,
        failures=tuple(f"{job.name}: {job.message}" for job in run.failures),
    )


def _run_to_the_end(
    study: Study,
    open_store: Callable[[], JobStore],
    plan: RehearsalPlan,
    on_update: Callable[[dict[str, JobView]], None] | None,
) -> tuple[FlowRun, int]:
    rounds = 0
    while True:
        rounds += 1
        run = run_flow(
            build_study_flow(study).flow,
            open_store,
            work_dir=plan.folder / "work",
            workers=plan.workers,
            walltime_s=plan.walltime_s,
            on_update=on_update,
        )
        killed = [job for job in run.failures if _KILLED in job.message]
        if not killed or len(killed) < len(run.failures) or rounds == _MOST_ROUNDS:
            return run, rounds


@contextlib.contextmanager
def _standin_as_vasp(study: Study, plan: RehearsalPlan) -> Iterator[None]:
    """Put the stand-in and placeholder POTCARs in place of VASP, for this and child processes."""
    from pymatgen.core import SETTINGS

    from sulfox.engines.standin.potcars import write_placeholder_library
    from sulfox.engines.vasp.inputs.profile import load_profile

    beside = Path(sys.executable).with_name(_EXECUTABLE)
    command = str(beside) if beside.is_file() else shutil.which(_EXECUTABLE)
    if command is None:
        raise SulfoxError(
            "SFX-356",
            who=_EXECUTABLE,
            found="no such executable",
            expected="the stand-in beside sulfox",
            next_step="install sulfox anew",
        )
    functional = load_profile().potcar.functional
    library = str(write_placeholder_library(plan.folder / "potcars", functional).absolute())
    variables = {
        "SULFOX_VASP_STD_COMMAND": command,
        "SULFOX_VASP_GAM_COMMAND": command,
        "SULFOX_VASP_POLL_S": "0.5",
        "SULFOX_VASP_SILENT_FLOOR_S": "60",
        "SULFOX_STANDIN_POTENTIAL": study.potential,
        "PMG_VASP_PSP_DIR": library,
    }
    before = {name: os.environ.get(name) for name in variables}
    library_before = SETTINGS.get("PMG_VASP_PSP_DIR")
    os.environ.update(variables)
    SETTINGS["PMG_VASP_PSP_DIR"] = library
    try:
        yield
    finally:
        SETTINGS["PMG_VASP_PSP_DIR"] = library_before
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _with_every_frame(study: Study, folder: Path) -> Study:
    protocol = load_protocol(study.dynamics.protocol)
    changed = protocol.production.model_copy(update={"frame_interval_steps": 1})
    protocol = protocol.model_copy(update={"production": changed})
    path = folder / "protocol.yaml"
    path.write_text(yaml.safe_dump(protocol.model_dump(mode="json")), encoding="utf-8")
    dynamics = study.dynamics.model_copy(update={"protocol": str(path.absolute())})
    return study.model_copy(update={"dynamics": dynamics})


def _examine(store: JobStore) -> Iterator[RehearsedRun]:
    """Compare every stored run with what it should hold."""
    from sulfox.stores.archive import open_run

    for found in store.query({"output.kind": "trajectory"}, load=False):
        document = TrajectoryDoc.model_validate(found["output"])
        interval = round(document.archive.frame_interval_fs / document.time_step_fs)
        expected = list(range(0, document.n_steps_requested, interval))
        steps: list[int] = []
        for chunk in open_run(store, document).iter_chunks():
            steps += [] if chunk.steps is None else chunk.steps.tolist()
        yield _rehearsed(document, expected, steps)


def _rehearsed(document: TrajectoryDoc, expected: list[int], steps: list[int]) -> RehearsedRun:
    problems = [r.message for r in document.reasons if r.code.startswith("SFX")]
    if steps != expected:
        problems.append(f"{len(steps)} frames, {len(set(expected) - set(steps))} are missing")
    told = next((r.message for r in document.reasons if r.code == "segments"), "")
    counts = {word: int(number) for number, word in _COUNTED.findall(told.partition(":")[2])}
    total = sum(counts.values())
    killed = counts.get("killed", 0) + counts.get("interrupted", 0)
    stopped = counts.get("stopped", 0)
    return RehearsedRun(
        name=f"{document.pair} {document.stage} {document.temperature_K:g} K",
        status=document.status,
        level_of_theory=document.provenance.level_of_theory,
        segments=total,
        stopped=stopped,
        killed=killed,
        failed=total - killed - stopped - counts.get("complete", 0),
        inexact_seams=sum(r.code == "seam" for r in document.reasons),
        frames_expected=len(expected),
        frames_found=len(set(steps) & set(expected)) if len(set(steps)) == len(steps) else -1,
        problems=tuple(problems),
    )


def report_rows(report: RehearsalReport) -> list[tuple[Any, ...]]:
    """Rows of the table of a rehearsal.

    Parameters
    ----------
    report : RehearsalReport
        Its outcome.

    Returns
    -------
    list of tuple
        Run, segments, clean stops, kills, other ends, inexact seams, frames expected, frames
        found, status.
    """
    return [
        (
            run.name,
            run.segments,
            run.stopped,
            run.killed,
            run.failed,
            run.inexact_seams,
            run.frames_expected,
            run.frames_found,
            run.status.value,
        )
        for run in report.runs
    ]

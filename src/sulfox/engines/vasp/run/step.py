"""One run of VASP in its own folder: atomate2's maker, custodian, a task document.

The maker's job runs in this process, unmodified. It works in the current folder, as atomate2
does, so that two steps must not run in two threads of one process.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.documents.structure import StructureRecord
from sulfox.engines.standin.label import standin_level
from sulfox.engines.vasp.inputs.calculation import VaspCalculation
from sulfox.engines.vasp.inputs.input_set import (
    InputDeck,
    SpecifiedInputGenerator,
    make_deck,
    poscar_structure,
)
from sulfox.engines.vasp.inputs.potcar import check_potcars
from sulfox.engines.vasp.inputs.profile import VaspProfile
from sulfox.engines.vasp.run.failure import failure_reason
from sulfox.engines.vasp.run.handlers import choose_handlers
from sulfox.engines.vasp.run.machine import VaspMachine
from sulfox.engines.vasp.run.settings_check import differences_as_reasons
from sulfox.engines.vasp.run.verdict import Verdict, judge, left_incar
from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import write_durably

if TYPE_CHECKING:
    from atomate2.vasp.jobs.base import BaseVaspMaker
    from emmet.core.tasks import TaskDoc

__all__ = ["MARKER", "Step", "StepOutcome", "make_job_maker", "run_step"]

#: File that says how a step ended; it is written last.
MARKER = "sulfox_step.json"
_TASK_DOCUMENT: dict[str, Any] = {
    "parse_dos": False,
    "parse_bandstructure": False,
    "run_bader": False,
    "run_ddec6": False,
    "store_volumetric_data": (),
    "store_additional_json": False,
}


@dataclass(frozen=True)
class Step:
    """A calculation of a structure, and where it runs.

    Attributes
    ----------
    name : str
        ``"CoO static"``, for reasons and for the task document.
    calculation : VaspCalculation
        What is computed.
    structure : StructureRecord
        Atoms in any order.
    folder : Path
        Of this one step.
    previous : Path or None
        Folder of the run whose charge density is taken.
    """

    name: str
    calculation: VaspCalculation
    structure: StructureRecord
    folder: Path
    previous: Path | None = None


@dataclass(frozen=True, eq=False)
class StepOutcome:
    """How a step ended.

    Attributes
    ----------
    folder : Path
        Where its files are.
    task : TaskDoc or None
        emmet's document; None where VASP failed.
    verdict : Verdict
        Refusals, shortcomings, remarks.
    potcar_titles : dict
        ``"POTCAR Co"`` -> title.
    standin : str or None
        What the stand-in calls itself where it took VASP's place; None for VASP.
    """

    folder: Path
    task: TaskDoc | None
    verdict: Verdict
    potcar_titles: dict[str, str]
    standin: str | None = None


def run_step(step: Step, profile: VaspProfile, machine: VaspMachine) -> StepOutcome:
    """Run a step, or read it if it is finished.

    Parameters
    ----------
    step : Step
        What and where.
    profile : VaspProfile
        PAW sets and limits.
    machine : VaspMachine
        How VASP is started.

    Returns
    -------
    StepOutcome
        With refusals and without a task document where VASP failed: SFX-321 no executable,
        SFX-322 no POTCAR, SFX-324 it failed, SFX-325 no or damaged output, SFX-326 electrons
        not self-consistent, SFX-327 other settings than meant.

    Raises
    ------
    SulfoxError
        SFX-306 if the folder holds a finished step of another calculation; SFX-323 if no inputs
        can be made; SFX-503 if the folder cannot be written.
    """
    deck = make_deck(step.calculation, step.structure, profile)
    marker = _read_marker(step, deck)
    started = marker is not None
    try:
        if marker is None:
            titles = _check_machine(step, profile, machine)
            _make_room(step.folder)
            started = True
            task = _run(step, profile, machine)
        else:
            titles = marker["potcar_titles"]
            task = _read(step)
        verdict = judge(task, step, deck, machine.tags)
    except Exception as error:  # noqa: BLE001 - VASP's files can break any parser above
        reason = failure_reason(error, step.name, step.folder)
        left = left_incar(step, deck, machine.tags) if started else ()
        changed, told = differences_as_reasons(left, step.name)
        failed = Verdict(refusals=(reason, *changed), remarks=told)
        standin = standin_level(step.folder) if started else None
        return StepOutcome(step.folder, None, failed, {}, standin)
    if marker is None and not verdict.refusals:
        content = {"deck": deck.hash, "name": step.name, "potcar_titles": titles}
        write_durably(step.folder / MARKER, json.dumps(content, indent=2).encode())
    return StepOutcome(step.folder, task, verdict, titles, standin_level(step.folder))


def make_job_maker(step: Step, profile: VaspProfile, machine: VaspMachine) -> BaseVaspMaker:
    """Give atomate2's maker of a kind of calculation, with sulfox's inputs and handlers.

    Parameters
    ----------
    step : Step
        What is computed.
    profile : VaspProfile
        PAW sets and limits.
    machine : VaspMachine
        How VASP is started.

    Returns
    -------
    BaseVaspMaker
        RelaxMaker, StaticMaker, NonSCFMaker or MDMaker.
    """
    from atomate2.vasp.jobs.core import NonSCFMaker, RelaxMaker, StaticMaker
    from atomate2.vasp.jobs.md import MDMaker
    from atomate2.vasp.run import JobType

    makers = {"relax": RelaxMaker, "static": StaticMaker, "dos": NonSCFMaker, "md": MDMaker}
    kind = step.calculation.kind
    return makers[kind](
        name=step.name,
        input_set_generator=SpecifiedInputGenerator(
            calculation=step.calculation, profile=profile, machine_tags=machine.tags
        ),
        # a user's ~/.atomate2.yaml must not change an INCAR
        write_input_set_kwargs={"apply_incar_updates": False},
        run_vasp_kwargs={
            "job_type": JobType.NORMAL,
            # atomate2 froze its own commands when it was imported
            "vasp_cmd": machine.std_command,
            "vasp_gamma_cmd": machine.gam_command,
            "handlers": choose_handlers(kind, profile.rules),
            "max_errors": profile.rules.max_corrections,
            "scratch_dir": None,
            "custodian_kwargs": {
                "polling_time_step": machine.poll_s,
                "monitor_freq": max(1, round(60 / machine.poll_s)),
            },
        },
        task_document_kwargs=dict(_TASK_DOCUMENT),
        # sulfox judges the task document itself
        stop_children_kwargs={"handle_unsuccessful": False},
    )


def _read_marker(step: Step, deck: InputDeck) -> dict[str, Any] | None:
    path = step.folder / MARKER
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        same = found["deck"] == deck.hash
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not same:
        raise SulfoxError(
            "SFX-306",
            who=f"{step.name} in {step.folder}",
            found=f"a finished run of other inputs ({str(found['deck'])[:12]})",
            expected=f"inputs {deck.hash[:12]}",
            next_step="give another folder, or remove this one",
        )
    return found


def _check_machine(step: Step, profile: VaspProfile, machine: VaspMachine) -> dict[str, str]:
    problem = machine.problem()
    if problem is not None:
        found, _, next_step = problem.partition("; ")
        raise SulfoxError(
            "SFX-321",
            who=step.name,
            found=found,
            expected="VASP",
            next_step=next_step,
        )
    elements = tuple(step.structure.composition)
    return check_potcars(profile.potcar, elements, step.calculation.electronic.cutoff_eV)


def _make_room(folder: Path) -> None:
    """Set a run aside that never finished: nothing of it may be taken for this one's."""
    if folder.is_dir() and any(folder.iterdir()):
        number = 1
        while (aside := folder.with_name(f"{folder.name}.unfinished-{number}")).exists():
            number += 1
        folder.rename(aside)
    folder.mkdir(parents=True, exist_ok=True)


def _run(step: Step, profile: VaspProfile, machine: VaspMachine) -> TaskDoc:
    from jobflow import JobStore
    from maggma.stores import MemoryStore

    maker: Any = make_job_maker(step, profile, machine)
    structure = poscar_structure(step.structure)
    if step.previous is None:
        job = maker.make(structure)
    else:
        job = maker.make(structure, prev_dir=str(step.previous.resolve()))
    with contextlib.chdir(step.folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with JobStore(MemoryStore(), additional_stores={"data": MemoryStore()}) as store:
            return job.run(store).output


def _read(step: Step) -> TaskDoc:
    from atomate2.vasp.jobs.base import get_vasp_task_document

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task: Any = get_vasp_task_document(step.folder, **_TASK_DOCUMENT)
    task.task_label = step.name
    return task

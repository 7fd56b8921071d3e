"""Whether a run of VASP may be used: convergence, and settings as they were meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from sulfox.documents.base import Reason, Record, Status
from sulfox.engines.standin.label import standin_level
from sulfox.engines.vasp.inputs.calculation import PoscarOrder
from sulfox.engines.vasp.inputs.input_set import InputDeck
from sulfox.engines.vasp.run.settings_check import (
    SettingDifference,
    compare_incar,
    differences_as_reasons,
)

if TYPE_CHECKING:
    from emmet.core.tasks import TaskDoc

    from sulfox.engines.vasp.run.step import Step

__all__ = ["ECHOED_TAGS", "Verdict", "judge", "left_incar"]

_SAME_PLACE = 1e-4
#: Physics that every VASP repeats in vasprun.xml as it read it. Other tags are repeated by some
#: versions only, or in another form, and are compared in the INCAR that was left in the folder.
ECHOED_TAGS = frozenset(
    {
        "ENCUT",
        "GGA",
        "IBRION",
        "ISIF",
        "ISMEAR",
        "ISPIN",
        "IVDW",
        "LASPH",
        "LDAU",
        "LDAUJ",
        "LDAUL",
        "LDAUTYPE",
        "LDAUU",
        "LHFCALC",
        "MAGMOM",
        "MDALGO",
        "METAGGA",
        "NELECT",
        "NSW",
        "NUPDOWN",
        "POTIM",
        "SIGMA",
        "TEBEG",
        "TEEND",
    }
)


class Verdict(Record):
    """What stands against the numbers of a run.

    Attributes
    ----------
    refusals : tuple of Reason
        The numbers must not be used.
    shortcomings : tuple of Reason
        They are good for a look: something did not converge.
    remarks : tuple of Reason
        A reader should know.
    """

    refusals: tuple[Reason, ...] = Field(default=())
    shortcomings: tuple[Reason, ...] = Field(default=())
    remarks: tuple[Reason, ...] = Field(default=())

    @property
    def status(self) -> Status:
        """Refused, partial or complete."""
        if self.refusals:
            return Status.REFUSED
        return Status.PARTIAL if self.shortcomings else Status.COMPLETE

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All of them, the worst first."""
        return (*self.refusals, *self.shortcomings, *self.remarks)

    def __add__(self, other: Verdict) -> Verdict:
        """Put two verdicts together."""
        return Verdict(
            refusals=self.refusals + other.refusals,
            shortcomings=self.shortcomings + other.shortcomings,
            remarks=self.remarks + other.remarks,
        )


def judge(task: TaskDoc, step: Step, deck: InputDeck, machine_tags: dict[str, int]) -> Verdict:
    """Judge a task document against what was meant.

    Parameters
    ----------
    task : TaskDoc
        emmet's document of the run.
    step : Step
        What was to be computed, and where.
    deck : InputDeck
        The inputs that were meant.
    machine_tags : dict
        Tags of parallel execution that were added.

    Returns
    -------
    Verdict
        SFX-326 for electrons that did not converge, SFX-305 for ions, SFX-327 for other
        settings than meant.
    """
    refusals, remarks = differences_as_reasons(
        _differences(task, step, deck, machine_tags), step.name
    )
    return Verdict(
        refusals=(*_electrons(task, step), *refusals, *_too_old(task, step)),
        shortcomings=_ions(task, step),
        remarks=remarks,
    )


def _calculation(task: TaskDoc) -> Any:
    """Give the last calculation of a folder; emmet types every part of it as optional."""
    calculations: Any = task.calcs_reversed
    return calculations[0]


def left_incar(
    step: Step, deck: InputDeck, machine_tags: dict[str, int]
) -> tuple[SettingDifference, ...]:
    """Compare the INCAR that a run left in its folder with the one that was meant.

    Parameters
    ----------
    step : Step
        What ran, and where.
    deck : InputDeck
        The inputs that were meant.
    machine_tags : dict
        Tags of parallel execution that were added.

    Returns
    -------
    tuple of SettingDifference
        Empty too where no INCAR was written yet.
    """
    from pymatgen.io.vasp import Incar

    path = Path(_file(step.folder, "INCAR"))
    if not path.is_file():
        return ()
    return compare_incar(
        _meant(deck, machine_tags), dict(Incar.from_file(path)), step.calculation.kind
    )


def _meant(deck: InputDeck, machine_tags: dict[str, int]) -> dict[str, Any]:
    from pymatgen.io.vasp import Incar

    return dict(Incar.from_str(deck.incar)) | machine_tags


def _electrons(task: TaskDoc, step: Step) -> tuple[Reason, ...]:
    calculation = _calculation(task)
    limit = int(calculation.input.parameters["NELM"])
    steps = [len(s.electronic_steps or ()) for s in calculation.output.ionic_steps]
    if steps[-1] < limit:
        return ()
    text = f"{step.name}: the electrons were not self-consistent after {limit} steps"
    return (Reason(code="SFX-326", message=f"{text}; allow more, or start from other moments"),)


def _ions(task: TaskDoc, step: Step) -> tuple[Reason, ...]:
    spec = step.calculation.relaxation
    if spec is None:
        return ()
    steps = _calculation(task).output.ionic_steps
    force = float(np.linalg.norm(np.array(steps[-1].forces), axis=1).max())
    ran_out = spec.max_steps > 0 and len(steps) >= spec.max_steps
    if force <= spec.force_threshold_eV_A * (1 + 1e-6) and not ran_out:
        return ()
    text = (
        f"{step.name}: largest force {force:.3f} eV/Å after {len(steps)} steps; expected at most "
        f"{spec.force_threshold_eV_A:g} eV/Å before {spec.max_steps} steps; allow more steps"
    )
    return (Reason(code="SFX-305", message=text),)


def _too_old(task: TaskDoc, step: Step) -> tuple[Reason, ...]:
    """Refuse a version that does not know a tag and would do something else."""
    if standin_level(step.folder) is not None:  # its version is sulfox's
        return ()
    needs = None
    relaxation, dynamics = step.calculation.relaxation, step.calculation.dynamics
    if relaxation is not None and relaxation.cell == "hydrostatic":
        needs = ("ISIF 8", (6, 4, 1))
    if dynamics is not None and dynamics.thermostat == "nose-hoover-chain":
        needs = ("MDALGO 4", (6, 4, 0))
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", str(task.vasp_version))
    if needs is None or found is None or tuple(int(n or 0) for n in found.groups()) >= needs[1]:
        return ()
    least = ".".join(map(str, needs[1]))
    text = f"{step.name}: VASP {task.vasp_version} does not know {needs[0]}; use {least} or newer"
    return (Reason(code="SFX-327", message=text),)


def _differences(
    task: TaskDoc, step: Step, deck: InputDeck, machine_tags: dict[str, int]
) -> tuple[SettingDifference, ...]:
    kind = step.calculation.kind
    meant = _meant(deck, machine_tags)
    found = {d.name: d for d in left_incar(step, deck, machine_tags)}
    echo = _calculation(task).input.incar or {}
    told = {str(tag).upper(): value for tag, value in echo.items()}
    by_vasp = compare_incar(_echoed(meant), _echoed(told), kind)
    found |= {d.name: d for d in by_vasp if d.physics}
    return (*found.values(), *_files(task, step, deck))


def _echoed(tags: dict[str, Any]) -> dict[str, Any]:
    return {tag: value for tag, value in tags.items() if tag in ECHOED_TAGS}


def _files(task: TaskDoc, step: Step, deck: InputDeck) -> tuple[SettingDifference, ...]:
    found = []
    source = _calculation(task).input
    meant_mesh, ran_mesh = deck.k_divisions, _mesh(source.kpoints)
    if ran_mesh is not None and ran_mesh != meant_mesh:
        found.append(_physics("KPOINTS", meant_mesh, ran_mesh))
    meant_sets, ran_sets = deck.potcar_spec.split(), _set_names(source.potcar)
    if ran_sets and ran_sets != meant_sets:
        found.append(_physics("POTCAR", meant_sets, ran_sets))
    meant_atoms = PoscarOrder.of(step.structure.species).arranged(step.structure)
    ran = source.structure
    if tuple(site.specie.symbol for site in ran) != meant_atoms.species:
        found.append(_physics("POSCAR", "the order of species", "another order"))
    elif step.calculation.kind in ("static", "dos"):
        meant_structure = meant_atoms.to_pymatgen()
        apart = ran.lattice.matrix - meant_structure.lattice.matrix
        moved = ran.frac_coords - meant_structure.frac_coords
        moved -= np.round(moved)
        largest = max(float(np.abs(apart).max()), float(np.abs(moved).max()))
        if largest > _SAME_PLACE:
            found.append(_physics("POSCAR", "the structure", f"another, by {largest:.2g}"))
    return tuple(found)


def _mesh(kpoints: Any) -> tuple[int, ...] | None:
    if kpoints is None or str(kpoints.style).split(".")[-1] not in ("Gamma", "Monkhorst"):
        return None
    return tuple(int(n) for n in kpoints.kpts[0])


def _set_names(titles: list[str] | None) -> list[str]:
    """Names of PAW sets out of titles such as ``"PAW_PBE Co 02Aug2007"``."""
    split = [title.split() for title in titles or ()]
    return [words[1] if len(words) > 1 else words[0] for words in split if words]


def _physics(name: str, meant: object, ran: object) -> SettingDifference:
    return SettingDifference(name=name, meant=str(meant), ran=str(ran), physics=True)


def _file(folder: Path, name: str) -> str:
    packed = folder / f"{name}.gz"
    return str(packed if packed.is_file() else folder / name)

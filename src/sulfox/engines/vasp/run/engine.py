"""VASP behind the engine interface."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sulfox.documents.base import Provenance, content_hash
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.engines.base import ElectronicContext, ElectronicResult, ProgressCallback, RunContext
from sulfox.engines.standin.label import MARK
from sulfox.engines.vasp.dynamics.run import VaspSetup, run_vasp_dynamics
from sulfox.engines.vasp.dynamics.watch import WatchLimits
from sulfox.engines.vasp.inputs.calculation import VaspCalculation
from sulfox.engines.vasp.inputs.profile import VaspProfile, load_profile
from sulfox.engines.vasp.run.electronic_result import electronic_result
from sulfox.engines.vasp.run.machine import VaspMachine
from sulfox.engines.vasp.run.relaxation_result import relaxation_document
from sulfox.engines.vasp.run.step import Step, StepOutcome, run_step
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import ElectronicSpec
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.settings import get_settings

__all__ = ["VaspEngine", "load_vasp"]

#: Raised when the same specification gives other INCAR tags.
REVISION = 1
_PACKAGES = ("sulfox", "atomate2", "custodian", "emmet-core", "pymatgen-core")


@dataclass(frozen=True)
class VaspEngine:
    """VASP through atomate2's makers and custodian.

    Attributes
    ----------
    profile : VaspProfile
        PAW sets and limits.
    machine : VaspMachine
        How VASP is started.
    work_dir : Path or None
        Folder of relaxations; None for the current folder.
    name : str
        ``"vasp"``.
    """

    profile: VaspProfile
    machine: VaspMachine
    work_dir: Path | None = None
    name: str = "vasp"

    @property
    def level_of_theory(self) -> str:
        """What computes the numbers; a calculation adds its own."""
        if self.machine.is_standin:
            return f"{MARK} (synthetic bands; not VASP, not DFT)"
        return f"DFT (VASP, PAW {self.profile.potcar.functional})"

    @property
    def inputs_hash(self) -> str:
        """SHA-256 of PAW sets, limits and the revision of the tags."""
        code = MARK if self.machine.is_standin else "vasp"
        return content_hash([code, REVISION, self.profile.hash])

    def relax(
        self,
        structure: StructureRecord,
        spec: RelaxationSpec,
        *,
        label: str,
        interface_id: str | None = None,
        study: str | None = None,
    ) -> RelaxationDoc:
        """Relax a structure in a folder named after its inputs; refused where VASP failed."""
        electronic = _electronic(spec.electronic, label)
        inputs_hash = content_hash([structure, spec, self.inputs_hash])
        root = self.work_dir or Path.cwd()
        step = Step(
            name=f"{label} relax",
            calculation=VaspCalculation(kind="relax", electronic=electronic, relaxation=spec),
            structure=structure,
            folder=root / f"vasp-relax-{inputs_hash[:16]}",
        )
        outcome = run_step(step, self.profile, self.machine)
        provenance = self._provenance(electronic, structure, inputs_hash, (outcome,))
        return relaxation_document(
            structure,
            spec,
            provenance.model_copy(update={"study": study}),
            outcome,
            {"label": label, "interface_id": interface_id},
        )

    def electronic_structure(
        self,
        structure: StructureRecord,
        spec: ElectronicSpec,
        run_dir: Path,
        *,
        context: ElectronicContext,
    ) -> ElectronicResult:
        """Compute the ground state, then its projected density of states on a denser mesh.

        Parameters
        ----------
        structure : StructureRecord
            With starting moments where `spec` is spin-polarised.
        spec : ElectronicSpec
            Functional, U, cutoff, meshes, thresholds.
        run_dir : Path
            Folder of this one calculation: ``static`` and ``dos`` below it. A finished step is
            read, not run again.
        context : ElectronicContext
            What it belongs to.

        Returns
        -------
        ElectronicResult
            Refused, with reasons and without arrays, where VASP failed, was not
            self-consistent or ran with other physics than meant.

        Raises
        ------
        SulfoxError
            SFX-306 if the folder holds another calculation; SFX-323 if no inputs can be made.
        """
        inputs_hash = content_hash([structure, spec, self.inputs_hash])
        outcomes: tuple[StepOutcome, ...] = ()
        for kind in ("static", "dos"):
            step = Step(
                name=f"{context.label} {kind}",
                calculation=VaspCalculation(kind=kind, electronic=spec),
                structure=structure,
                folder=run_dir / kind,
                previous=outcomes[-1].folder if outcomes else None,
            )
            outcomes = (*outcomes, run_step(step, self.profile, self.machine))
            if outcomes[-1].verdict.refusals:
                break
        provenance = self._provenance(spec, structure, inputs_hash, outcomes)
        labels = {"study": context.study, "job_uuids": context.job_uuids}
        return electronic_result(
            structure, spec, context, provenance.model_copy(update=labels), outcomes
        )

    def dynamics(
        self,
        structure: StructureRecord,
        spec: DynamicsSpec,
        run_dir: Path,
        *,
        context: RunContext,
        start_velocities: tuple[tuple[float, float, float], ...] | None = None,
        progress: ProgressCallback | None = None,
    ) -> TrajectoryDoc:
        """Run or resume dynamics; see :func:`run_vasp_dynamics`."""
        settings = get_settings()
        limits = WatchLimits(
            silent_floor_s=settings.vasp_silent_floor_s,
            silent_start_s=max(settings.vasp_silent_floor_s, self.profile.rules.frozen_after_s),
        )
        setup = VaspSetup(
            self.profile, self.machine, self.inputs_hash, limits, settings.vasp_raw_dir
        )
        return run_vasp_dynamics(
            structure,
            spec,
            run_dir,
            setup=setup,
            context=context,
            start_velocities=start_velocities,
            progress=progress,
        )

    def _provenance(
        self,
        spec: ElectronicSpec,
        structure: StructureRecord,
        inputs_hash: str,
        outcomes: tuple[StepOutcome, ...],
    ) -> Provenance:
        tasks = [outcome.task for outcome in outcomes if outcome.task is not None]
        versions = {name: found for name in _PACKAGES if (found := _version(name))}
        titles = {key: title for o in outcomes for key, title in o.potcar_titles.items()}
        standin = next((o.standin for o in outcomes if o.standin is not None), None)
        if standin is not None or self.machine.is_standin:
            # never VASP's, not even by its identity
            return Provenance(
                engine="standin",
                level_of_theory=f"{standin or self.level_of_theory}, in the place of {spec.method}",
                inputs_hash=content_hash([inputs_hash, MARK]),
                code_versions=versions | titles,
            )
        if tasks:
            versions["vasp"] = str(tasks[-1].vasp_version)
        code = f"VASP {tasks[-1].vasp_version}" if tasks else "VASP, which gave no result"
        potcar = self.profile.potcar
        sets = [potcar.choose(e, spec.cutoff_eV).symbol for e in structure.composition]
        return Provenance(
            engine=self.name,
            level_of_theory=f"{spec.method} ({code}, PAW {potcar.functional}: {' '.join(sets)})",
            inputs_hash=inputs_hash,
            code_versions=versions | titles,
        )


def load_vasp(potential: str = "PBE_54") -> VaspEngine:
    """Make the engine from ``configs/engines/vasp.yaml`` and the machine's settings.

    Parameters
    ----------
    potential : str
        ``"PBE_52"``, ``"PBE_54"`` or ``"PBE_64"``: release of the PAW sets. The name of an
        interatomic potential changes nothing.

    Returns
    -------
    VaspEngine
        Whether VASP and its POTCAR files are here is found out when it runs.

    Raises
    ------
    SulfoxError
        SFX-102 if the file is not valid.
    """
    settings = get_settings()
    return VaspEngine(
        profile=load_profile().with_functional(potential),
        machine=VaspMachine.from_settings(settings),
        work_dir=settings.work_dir,
    )


def _electronic(spec: ElectronicSpec | None, label: str) -> ElectronicSpec:
    if spec is None:
        raise SulfoxError(
            "SFX-323",
            who=f"relaxation of {label} with VASP",
            found="a specification without its electronic part",
            expected="functional, cutoff, mesh and thresholds",
            next_step="add the section electronic to the protocol",
        )
    return spec


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

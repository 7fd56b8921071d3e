"""The document of a run of dynamics with VASP, computed from its archive."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ase import units

from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import ArchiveReference, TrajectoryDoc
from sulfox.engines.base import RunContext
from sulfox.engines.standin.label import MARK
from sulfox.engines.trajectory_series import archive_series, drift
from sulfox.engines.vasp.dynamics.ledger import Checkpoint, Ledger, Program
from sulfox.engines.vasp.dynamics.motion_file import read_motion_file
from sulfox.engines.vasp.dynamics.seam import moved
from sulfox.engines.vasp.inputs.calculation import PoscarOrder
from sulfox.engines.vasp.inputs.profile import VaspProfile
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.trajectories.archive import (
    FolderBackend,
    TrajectoryArchive,
    TrajectoryHeader,
    write_header,
)
from sulfox.units import FS_PER_PS

__all__ = ["NELM_TOLERANCE", "VaspRun", "summarise", "write_run_header"]

#: Part of the steps whose electrons may stay unconverged in a complete document.
NELM_TOLERANCE = 0.01
_PACKAGES = ("sulfox", "pymatgen-core", "custodian")


@dataclass(frozen=True, eq=False)
class VaspRun:
    """What decides a run, and where it is kept.

    Attributes
    ----------
    structure : StructureRecord
        Start.
    spec : DynamicsSpec
        With its electronic part.
    run_dir : Path
        Folder.
    context : RunContext
        What it belongs to.
    run_hash : str
        Identity.
    profile : VaspProfile
        PAW sets.
    order : PoscarOrder
        Of the atoms in VASP's files.
    """

    structure: StructureRecord
    spec: DynamicsSpec
    run_dir: Path
    context: RunContext
    run_hash: str
    profile: VaspProfile
    order: PoscarOrder

    @property
    def name(self) -> str:
        """For messages."""
        spec, context = self.spec, self.context
        return f"{context.pair} {context.stage}, {spec.temperature_K:g} K, seed {spec.seed}"

    def inputs_hash(self, program: Program) -> str:
        """Identity of what a program computed; the stand-in's is never VASP's.

        Parameters
        ----------
        program : Program
            What wrote the files.
        """
        return content_hash([self.run_hash, MARK]) if program.standin else self.run_hash

    def level_of_theory(self, program: Program) -> str:
        """Name what computed the numbers.

        Parameters
        ----------
        program : Program
            What wrote the files.
        """
        electronic = self.spec.electronic
        if electronic is None:
            return "unknown"
        if program.standin:
            return f"{program.standin}, in the place of {electronic.method}"
        potcar = self.profile.potcar
        elements = self.structure.composition
        sets = " ".join(potcar.choose(e, electronic.cutoff_eV).symbol for e in elements)
        code = f"VASP {program.version}, PAW {potcar.functional}: {sets}"
        return f"{electronic.method} ({code})"


def write_run_header(run: VaspRun, program: Program) -> None:
    """Write what all frames share; the same again changes nothing.

    Parameters
    ----------
    run : VaspRun
        The run.
    program : Program
        What wrote its first segment.
    """
    spec, context = run.spec, run.context
    metadata: dict[str, Any] = {
        "pair": context.pair,
        "variant": context.variant,
        "interface_id": context.interface_id,
        "stage": context.stage,
        "thermostat": spec.thermostat,
        "temperature_K": spec.temperature_K,
        "seed": spec.seed,
        "level_of_theory": run.level_of_theory(program),
        "run_hash": run.run_hash,
    }
    header = TrajectoryHeader(
        trajectory_id=_identity(run, program),
        species=run.structure.species,
        sides=run.structure.sides,
        time_step_fs=spec.time_step_fs,
        frame_interval_fs=spec.time_step_fs * spec.frame_interval_steps,
        metadata=metadata,
    )
    write_header(run.run_dir, header)


def summarise(run: VaspRun, checkpoint: Checkpoint) -> TrajectoryDoc:
    """Describe a finished or refused run.

    Parameters
    ----------
    run : VaspRun
        The run.
    checkpoint : Checkpoint
        Its last one.

    Returns
    -------
    TrajectoryDoc
        Temperature and drifts over the archived frames.

    Raises
    ------
    SulfoxError
        The refusal's code where no frame was archived; SFX-404 or SFX-405 for a damaged archive.
    """
    ledger, spec, context = checkpoint.ledger, run.spec, run.context
    program = ledger.program
    if program is None or not ledger.segments:
        raise _without_frames(run, ledger)
    reference = ArchiveReference(
        trajectory_id=_identity(run, program),
        n_frames=ledger.segments[-1].last_frame + 1,
        n_atoms=run.structure.n_atoms,
        frame_interval_fs=spec.time_step_fs * spec.frame_interval_steps,
        segments=ledger.segments,
    )
    archive = TrajectoryArchive(FolderBackend(run.run_dir), reference)
    energies, temperatures, conserved = archive_series(archive)
    n_atoms, interval_fs = run.structure.n_atoms, reference.frame_interval_fs
    kinetic = 1.5 * (n_atoms - 1) * units.kB * temperatures
    status, reasons = _verdict(ledger)
    return TrajectoryDoc(
        id=reference.trajectory_id,
        status=status,
        reasons=reasons,
        provenance=_provenance(run, ledger, program),
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
        n_steps_done=ledger.n_steps_done,
        length_ps=ledger.n_steps_done * spec.time_step_fs / FS_PER_PS,
        temperature_mean_K=float(temperatures.mean()),
        temperature_std_K=float(temperatures.std()),
        energy_drift_eV_per_atom_ps=drift(energies + kinetic, n_atoms, interval_fs),
        conserved_drift_eV_per_atom_ps=None
        if conserved is None
        else drift(conserved, n_atoms, interval_fs),
        wall_time_s=ledger.wall_time_s,
        species=run.structure.species,
        sides=run.structure.sides,
        interface_height_A=context.interface_height_A,
        area_A2=context.area_A2,
        final_energy_eV=float(energies[-1]),
        archive=reference,
        **({} if status is Status.REFUSED else _final_state(run, checkpoint)),
    )


def _identity(run: VaspRun, program: Program) -> str:
    return "tr-" + run.inputs_hash(program)[:16]


def _provenance(run: VaspRun, ledger: Ledger, program: Program) -> Provenance:
    versions = {name: found for name in _PACKAGES if (found := _version(name))}
    if not program.standin:
        versions["vasp"] = program.version
    return Provenance(
        engine="standin" if program.standin else "vasp",
        level_of_theory=run.level_of_theory(program),
        inputs_hash=run.inputs_hash(program),
        code_versions=versions | ledger.potcar_titles,
        study=run.context.study,
        job_uuids=run.context.job_uuids,
    )


def _verdict(ledger: Ledger) -> tuple[Status, tuple[Reason, ...]]:
    endings = Counter(run.ending for run in ledger.runs)
    counted = ", ".join(f"{count} {ending}" for ending, count in endings.items())
    told = Reason(code="segments", message=f"{len(ledger.runs)} runs of VASP: {counted}")
    rest = (*_unconverged(ledger), *ledger.remarks, told)
    if ledger.refusal is not None:
        return Status.REFUSED, (ledger.refusal, *rest)
    is_partial = ledger.nelm_breaches > NELM_TOLERANCE * ledger.n_steps_done
    return (Status.PARTIAL if is_partial else Status.COMPLETE), rest


def _unconverged(ledger: Ledger) -> tuple[Reason, ...]:
    count = ledger.nelm_breaches
    if not count:
        return ()
    worst = max(ledger.runs, key=lambda run: run.nelm_breaches)
    text = (
        f"the electrons of {count} of {ledger.n_steps_done} steps did not converge, at most "
        f"{NELM_TOLERANCE:.0%} is tolerated; most of them ({worst.nelm_breaches}) in segment "
        f"{worst.number}"
    )
    return (Reason(code="SFX-352", message=text),)


def _final_state(run: VaspRun, checkpoint: Checkpoint) -> dict[str, Any]:
    """Read the end from CONTCAR: unwrapped, in the order of the structure."""
    end = read_motion_file(checkpoint.ledger.start.poscar)
    last = checkpoint.tail.positions[-1]
    positions = last + moved(end.fractional, last, end.lattice)
    restored = run.order.restore(tuple(map(tuple, positions.tolist())))
    state: dict[str, Any] = {
        "final_structure": run.structure.model_copy(update={"positions": restored})
    }
    if end.velocities is not None:
        velocities = run.order.restore(tuple(map(tuple, end.velocities.tolist())))
        state["final_velocities_A_fs"] = velocities
    return state


def _without_frames(run: VaspRun, ledger: Ledger) -> SulfoxError:
    reason = ledger.refusal or Reason(code="SFX-351", message="VASP gave no frame")
    return SulfoxError(
        reason.code,
        who=run.name,
        found=reason.message,
        expected="at least one step",
        next_step=f"look into {run.run_dir}, remove it and run again",
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

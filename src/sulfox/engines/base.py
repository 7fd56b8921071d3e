"""What every engine can do: relax a structure, move its atoms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from sulfox.documents.base import Record
from sulfox.documents.electronic_structure import ElectronicStructureDoc, MagneticState
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import ElectronicSpec
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.units import Area, Length

__all__ = [
    "DynamicsProgress",
    "ElectronicContext",
    "ElectronicEngine",
    "ElectronicResult",
    "Engine",
    "EngineInfo",
    "ProgressCallback",
    "RunContext",
]


class RunContext(Record):
    """What a dynamics run belongs to; it labels the document and changes no number of the run.

    Attributes
    ----------
    pair, variant, interface_id : str
        The interface.
    stage : str
        ``"equilibration"`` or ``"production"``.
    interface_height_A : float or None
        Height of the middle of the gap at the start [Å].
    area_A2 : float
        Area of the interface [Å^2]
    study : str or None
        Name of the study that asked for it.
    job_uuids : tuple of str
        jobflow UUIDs of the jobs that made the inputs.
    """

    pair: str
    variant: str = "default"
    interface_id: str = ""
    stage: Literal["equilibration", "production"] = "production"
    interface_height_A: Length | None = None
    area_A2: Area = 0.0
    study: str | None = None
    job_uuids: tuple[str, ...] = ()


@dataclass(frozen=True)
class DynamicsProgress:
    """Where a run stands.

    Attributes
    ----------
    steps_done, n_steps : int
        Dynamics steps.
    ps_per_hour : float
        Simulated time per wall time of this process [ps/h].
    seconds_left : float
        Until the end at this pace [s].
    """

    steps_done: int
    n_steps: int
    ps_per_hour: float
    seconds_left: float


ProgressCallback = Callable[[DynamicsProgress], None]


class Engine(Protocol):
    """Computes energies and forces, and what follows from them.

    Attributes
    ----------
    name : str
        ``"mlip"``.
    level_of_theory : str
        What computed the numbers, e.g. ``"NEP89 (MLIP, not DFT)"``.
    inputs_hash : str
        SHA-256 of what decides them: potential, parameters.
    """

    @property
    def name(self) -> str:
        """Name of the engine."""

    @property
    def level_of_theory(self) -> str:
        """What computes the numbers."""

    @property
    def inputs_hash(self) -> str:
        """Checksum of what decides them."""

    def relax(
        self,
        structure: StructureRecord,
        spec: RelaxationSpec,
        *,
        label: str,
        interface_id: str | None = None,
        study: str | None = None,
    ) -> RelaxationDoc:
        """Relax a structure.

        Parameters
        ----------
        structure : StructureRecord
            Start.
        spec : RelaxationSpec
            Threshold, cell, optimiser, limits.
        label : str
            What is relaxed, for the document.
        interface_id, study : str, optional
            Where it belongs.
        """

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
        """Run or resume dynamics in a folder.

        Parameters
        ----------
        structure : StructureRecord
            Start.
        spec : DynamicsSpec
            Thermostat, temperature, seed, steps, guards.
        run_dir : Path
            Folder of this one run.
        context : RunContext
            What the run belongs to.
        start_velocities : tuple, optional
            (n_atoms, 3) velocities to start with [Å/fs]; None draws them with the seed.
        progress : callable, optional
            Called now and then with a :class:`DynamicsProgress`.
        """


class ElectronicContext(Record):
    """What an electronic structure belongs to; it labels the document and changes no number.

    Attributes
    ----------
    label : str
        ``"CoO (ferromagnetic, no U)"``.
    material : str
        Catalogue name, or the pair of a slab.
    magnetic_state : str
        The order that the structure's moments stand for.
    study : str or None
        Name of the study that asked for it.
    job_uuids : tuple of str
        jobflow UUIDs of the jobs that made the inputs.
    """

    label: str
    material: str
    magnetic_state: MagneticState = "ground"
    study: str | None = None
    job_uuids: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ElectronicResult:
    """An electronic structure as a document, and its states as arrays.

    Attributes
    ----------
    document : ElectronicStructureDoc
        Refused, with reasons, where the calculation failed.
    dos : ProjectedDos or None
        None for a refused document.
    """

    document: ElectronicStructureDoc
    dos: ProjectedDos | None


class ElectronicEngine(Protocol):
    """An engine that has electrons.

    Attributes
    ----------
    name, level_of_theory, inputs_hash : str
        As in :class:`Engine`; what a calculation adds stands in its document.
    """

    @property
    def name(self) -> str:
        """Name of the engine."""

    @property
    def level_of_theory(self) -> str:
        """What computes the numbers."""

    @property
    def inputs_hash(self) -> str:
        """Checksum of what decides them, but for structure and specification."""

    def electronic_structure(
        self,
        structure: StructureRecord,
        spec: ElectronicSpec,
        run_dir: Path,
        *,
        context: ElectronicContext,
    ) -> ElectronicResult:
        """Compute the ground state and its projected density of states.

        Parameters
        ----------
        structure : StructureRecord
            With starting moments where `spec` is spin-polarised.
        spec : ElectronicSpec
            Functional, U, cutoff, meshes, thresholds.
        run_dir : Path
            Folder of this one calculation; a finished one is read, not run again.
        context : ElectronicContext
            What it belongs to.
        """


class EngineInfo(Record):
    """An engine as the command line lists it.

    Attributes
    ----------
    name, potential : str
        ``"mlip"``, ``"nep89"``.
    available : bool
        Whether it can run here.
    problem : str or None
        Why not, and what to do.
    level_of_theory : str
        What it computes.
    license : str
        Licence of the code and the potential, which are not part of sulfox.
    path, sha256 : str or None
        The potential's file and its checksum.
    """

    name: str
    potential: str
    available: bool
    problem: str | None
    level_of_theory: str
    license: str
    path: str | None = None
    sha256: str | None = None

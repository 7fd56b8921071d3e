"""What the process that runs GPAW is asked, and what it answers, as files of a run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from sulfox.documents.base import Reason, Record
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.protocols.electronic import ElectronicSpec, KMesh
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.trajectories.durable import write_durably
from sulfox.units import Charge, Energy, Megabytes, Moment, Seconds

__all__ = [
    "FAILURE_FILE",
    "GROUND_FILE",
    "GROUND_STATE_GPW",
    "LEVELS_FILE",
    "REQUEST_FILE",
    "RESULT_FILE",
    "STATES_GPW",
    "GpawFailure",
    "GpawRequest",
    "GpawResult",
    "GroundState",
    "read_answer",
    "read_request",
    "write_record",
]

REQUEST_FILE = "request.json"
RESULT_FILE = "result.json"
FAILURE_FILE = "failure.json"
GROUND_FILE = "ground.json"
LEVELS_FILE = "levels.npz"
GROUND_STATE_GPW = "ground.gpw"
STATES_GPW = "states.gpw"

_Answer = TypeVar("_Answer", bound="_Answered")


class GpawRequest(Record):
    """One calculation.

    Attributes
    ----------
    kind : str
        ``"electronic"`` or ``"relax"``.
    label : str
        For messages.
    inputs_hash : str
        Identity: a finished folder answers this request only.
    structure : StructureRecord
        In the lattice vectors that GPAW gets.
    electronic : ElectronicSpec
        Functional, U, cutoff, smearing, thresholds.
    mesh : KMesh
        Self-consistent mesh for these vectors.
    relaxation : RelaxationSpec or None
        Of a relaxation.
    keep_gpw : bool
        Whether the ``.gpw`` files stay.
    max_memory_MB : float
        The process limits its own address space with it.
    """

    kind: Literal["electronic", "relax"]
    label: str
    inputs_hash: str
    structure: StructureRecord
    electronic: ElectronicSpec
    mesh: KMesh
    relaxation: RelaxationSpec | None = None
    keep_gpw: bool = False
    max_memory_MB: Megabytes


class _Answered(Record):
    inputs_hash: str


class GroundState(_Answered):
    """The self-consistent part, from which a killed run goes on.

    Attributes
    ----------
    inputs_hash : str
        Of the request.
    energy_eV : float
        Extrapolated to zero smearing, on GPAW's zero: neutral separated atoms of its PAW
        sets [eV].
    total_moment_muB : float or None
        Of the cell [µB]; None without spin.
    moments_muB : tuple of float or None
        Inside the PAW spheres [µB].
    n_occupied : int
        Bands with occupations above 1 % at some k-point, of the spin that has more.
    n_electrons : float
        Valence electrons.
    scf_steps : int
        Self-consistency steps.
    wall_time_s, peak_memory_MB : float
        Of the process up to here.
    """

    energy_eV: Energy
    total_moment_muB: Moment | None
    moments_muB: tuple[Moment, ...] | None
    n_occupied: int
    n_electrons: Charge
    scf_steps: int
    wall_time_s: Seconds
    peak_memory_MB: Megabytes


class GpawResult(_Answered):
    """A finished calculation.

    Attributes
    ----------
    inputs_hash : str
        Of the request.
    ground_state : GroundState or None
        Of an electronic structure; its levels lie in ``levels.npz``.
    relaxation : RelaxationDoc or None
        In the lattice vectors that GPAW got.
    n_irreducible : int or None
        k-points of the density of states that symmetry leaves.
    wall_time_s, peak_memory_MB : float
        Of all processes that worked on it.
    """

    ground_state: GroundState | None = None
    relaxation: RelaxationDoc | None = None
    n_irreducible: int | None = None
    wall_time_s: Seconds
    peak_memory_MB: Megabytes


class GpawFailure(_Answered):
    """Why a calculation gave nothing.

    Attributes
    ----------
    inputs_hash : str
        Of the request.
    reason : Reason
        SFX-326, SFX-331, SFX-332, or the code of the error that was raised.
    raised : dict or None
        The four texts of an error that is the caller's to deal with: GPAW cannot be imported,
        the folder is another's, the disk is full.
    """

    reason: Reason
    raised: dict[str, str] | None = None


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON, whole or not at all.

    Parameters
    ----------
    path : Path
        Of the file.
    record : Record
        What is written.
    """
    write_durably(path, record.model_dump_json().encode())


def read_request(run_dir: Path) -> GpawRequest:
    """Read the request of a folder.

    Parameters
    ----------
    run_dir : Path
        Of the run.

    Returns
    -------
    GpawRequest
        As it was written.
    """
    return GpawRequest.model_validate_json((run_dir / REQUEST_FILE).read_bytes())


def read_answer(path: Path, model: type[_Answer], inputs_hash: str) -> _Answer | None:
    """Read an answer, if it is there and whole.

    Parameters
    ----------
    path : Path
        Of the file.
    model : type
        What is expected.
    inputs_hash : str
        Of the request that is to be answered.

    Returns
    -------
    record or None
        None where there is none, or a damaged one.

    Raises
    ------
    SulfoxError
        SFX-306 if it answers another request.
    """
    try:
        answer = model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    if answer.inputs_hash != inputs_hash:
        raise SulfoxError(
            "SFX-306",
            who=str(path),
            found=f"the answer to another request ({answer.inputs_hash[:12]})",
            expected=inputs_hash[:12],
            next_step="give every calculation its own folder, or delete this one",
        )
    return answer

"""What is known of a run of dynamics between two segments of VASP, in one durable file.

Order of writes: frames into the archive, then the checkpoint that vouches for them and names
where the next segment starts, then the raw files go. A process that is killed in between does
the last step again, to the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError

from sulfox.documents.base import Reason, Record
from sulfox.documents.trajectory import SegmentRecord
from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import write_durably
from sulfox.trajectories.frames import FloatArray
from sulfox.units import Energy, Seconds

__all__ = [
    "Checkpoint",
    "Ending",
    "Ledger",
    "Program",
    "Start",
    "Tail",
    "VaspSegment",
    "read_checkpoint",
    "write_checkpoint",
]

_NAME = "vasp-dynamics.npz"
_ARRAYS = ("positions", "forces", "energies", "temperatures", "conserved")

#: complete: all steps; stopped: by STOPCAR in time; out-of-time: killed at the limit;
#: interrupted: the job that watched it was killed; the others say it themselves.
Ending = Literal[
    "complete", "stopped", "out-of-time", "interrupted", "killed", "failed", "hung", "runaway"
]


class Start(Record):
    """Where a segment starts.

    Attributes
    ----------
    step : int
        Step of its first frame; one that is archived already is read again and dropped.
    origin : str
        ``"structure"``, ``"contcar"`` (exact), or ``"last-frame"``: velocities by differences,
        the thermostat anew.
    keeps_thermostat : bool
        Whether the state of the thermostat goes on.
    poscar : str
        Whole POSCAR.
    random_seed : tuple of int
        RANDOM_SEED.
    remark : str
        Why it is not exact; empty where it is.
    """

    step: int
    origin: Literal["structure", "contcar", "last-frame"]
    keeps_thermostat: bool
    poscar: str
    random_seed: tuple[int, int, int]
    remark: str = ""


class VaspSegment(Record):
    """One process of VASP.

    Attributes
    ----------
    number : int
        From 1.
    first_step, n_steps : int
        Step of its first frame; whole frames it left, repeated ones too.
    n_new_steps : int
        Of these, steps that were not known before.
    origin : str
        As :class:`Start` says.
    ending : str
        How it ended.
    message : str
        Why, where it did not end well.
    nelm_breaches : int
        New steps whose electrons did not converge.
    seconds : float
        From its start to its end [s].
    seconds_per_step : float or None
        None without two steps [s].
    """

    number: int
    first_step: int
    n_steps: int
    n_new_steps: int
    origin: str
    ending: Ending
    message: str = ""
    nelm_breaches: int = 0
    seconds: Seconds = 0.0
    seconds_per_step: Seconds | None = None


class Program(Record):
    """What wrote the files.

    Attributes
    ----------
    standin : str or None
        Level of theory of the stand-in; None for VASP.
    version : str
        As ``vasprun.xml`` says.
    """

    standin: str | None
    version: str


class Ledger(Record):
    """The part of a checkpoint that is not an array.

    Attributes
    ----------
    run_hash : str
        Which run it belongs to.
    n_steps_done : int
        Steps 0 to n - 1 are read.
    is_finished : bool
        Whether nothing is left to do.
    start : Start
        Of the next segment.
    segments : tuple of SegmentRecord
        Files of the archive.
    runs : tuple of VaspSegment
        Processes of VASP so far.
    program : Program or None
        What wrote the files; None before the first.
    start_energy_eV : float or None
        Potential energy of frame 0 [eV].
    conserved_offset_eV : float
        Added to the conserved quantity since thermostats were started anew [eV].
    fruitless_jobs : int
        Jobs that ended without a step, one after the other.
    refusal : Reason or None
        Why the run was stopped for good.
    remarks : tuple of Reason
        What a reader should know.
    potcar_titles : dict
        ``"POTCAR Co"`` -> title of the file.
    """

    run_hash: str
    n_steps_done: int = 0
    is_finished: bool = False
    start: Start
    segments: tuple[SegmentRecord, ...] = ()
    runs: tuple[VaspSegment, ...] = ()
    program: Program | None = None
    start_energy_eV: Energy | None = None
    conserved_offset_eV: Energy = 0.0
    fruitless_jobs: int = 0
    refusal: Reason | None = None
    remarks: tuple[Reason, ...] = ()
    potcar_titles: dict[str, str] = Field(default_factory=dict)

    @property
    def wall_time_s(self) -> Seconds:
        """Time spent in VASP [s]."""
        return sum(run.seconds for run in self.runs)

    @property
    def seconds_per_step(self) -> Seconds | None:
        """Longest mean of the last three segments [s]."""
        known = [r.seconds_per_step for r in self.runs if r.seconds_per_step is not None]
        return max(known[-3:], default=None)

    @property
    def nelm_breaches(self) -> int:
        """Steps whose electrons did not converge."""
        return sum(run.nelm_breaches for run in self.runs)


@dataclass(frozen=True, eq=False)
class Tail:
    """The last frames of a run at every step, in the order of the POSCAR.

    Attributes
    ----------
    positions : ndarray, shape (<= 2, n_atoms, 3)
        Unwrapped, the last two [Å].
    forces : ndarray, shape (n_atoms, 3) or (0, 3)
        Of the last one [eV/Å].
    energies, temperatures, conserved : ndarray, shape (<= 50,)
        Of the last steps [eV], [K], [eV]; the last empty without a conserved quantity.
    """

    positions: FloatArray
    forces: FloatArray = field(default_factory=lambda: np.empty((0, 3)))
    energies: FloatArray = field(default_factory=lambda: np.empty(0))
    temperatures: FloatArray = field(default_factory=lambda: np.empty(0))
    conserved: FloatArray = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A point from which a run goes on.

    Attributes
    ----------
    ledger : Ledger
        What happened and where to start.
    tail : Tail
        The last frames.
    """

    ledger: Ledger
    tail: Tail


def write_checkpoint(run_dir: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint durably in place of the one before.

    Parameters
    ----------
    run_dir : Path
        Folder of the run.
    checkpoint : Checkpoint
        What to go on from.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full; the checkpoint before it stays.
    """
    buffer = io.BytesIO()
    arrays = {name: getattr(checkpoint.tail, name) for name in _ARRAYS}
    np.savez(buffer, ledger=np.array(checkpoint.ledger.model_dump_json()), **arrays)
    write_durably(run_dir / _NAME, buffer.getvalue())


def read_checkpoint(run_dir: Path, run_hash: str) -> Checkpoint | None:
    """Read the checkpoint of a run's folder.

    Parameters
    ----------
    run_dir : Path
        Folder of the run.
    run_hash : str
        Of the run that is asked for.

    Returns
    -------
    Checkpoint or None
        None if there is none.

    Raises
    ------
    SulfoxError
        SFX-306 if it is damaged or belongs to another run.
    """
    path = run_dir / _NAME
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as content:
            ledger = Ledger.model_validate(json.loads(str(content["ledger"])))
            tail = Tail(**{name: content[name] for name in _ARRAYS})
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, ValidationError) as e:
        raise _foreign(run_dir, f"a damaged checkpoint ({type(e).__name__})") from e
    if ledger.run_hash != run_hash:
        raise _foreign(run_dir, "a checkpoint of another structure, protocol or PAW set")
    return Checkpoint(ledger, tail)


def _foreign(run_dir: Path, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-306",
        who=f"run in {run_dir}",
        found=found,
        expected="the checkpoint of this very run",
        next_step="give this run its own folder, or delete the folder to start again",
    )

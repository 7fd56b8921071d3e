"""The state of a run between two segments, and the folder it is kept in.

Order of writes: a segment first, then the checkpoint that vouches for it. Each is whole or
absent. A process killed in between computes that one segment again, to the same bytes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from sulfox.documents.base import Reason, Record
from sulfox.documents.trajectory import SegmentRecord
from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import FolderBackend, discard_segments
from sulfox.trajectories.durable import disk_error, write_durably
from sulfox.units import Energy, Seconds

__all__ = [
    "Checkpoint",
    "Ledger",
    "hold_run",
    "read_checkpoint",
    "settle_segments",
    "write_checkpoint",
]

_NAME = "checkpoint.npz"
_LOCK = ".lock"
_ARRAYS = ("positions", "momenta", "masses")


class Ledger(Record):
    """The part of a checkpoint that is not an array.

    Attributes
    ----------
    run_hash : str
        Which run it belongs to.
    step : int
        Steps done.
    is_finished : bool
        Whether all steps are done.
    thermostat : dict
        State of the thermostat, exact in JSON.
    segments : tuple of SegmentRecord
        Archived so far.
    start_energy_eV : float
        Potential energy of frame 0 [eV].
    wall_time_s : float
        Time spent so far [s].
    refusal : Reason or None
        Why the run was stopped for good.
    code_versions : dict
        Of the process that wrote it.
    """

    run_hash: str
    step: int
    is_finished: bool = False
    thermostat: dict[str, Any]
    segments: tuple[SegmentRecord, ...] = ()
    start_energy_eV: Energy
    wall_time_s: Seconds = 0.0
    refusal: Reason | None = None
    code_versions: dict[str, str]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A point from which a run goes on bit by bit.

    Attributes
    ----------
    ledger : Ledger
        Step, thermostat, segments.
    positions, momenta : ndarray, shape (n_atoms, 3)
        In double precision [Å], [ASE: sqrt(u eV)].
    masses : ndarray, shape (n_atoms,)
        [u]
    """

    ledger: Ledger
    positions: NDArray[np.float64]
    momenta: NDArray[np.float64]
    masses: NDArray[np.float64]


@contextlib.contextmanager
def hold_run(run_dir: Path) -> Iterator[None]:
    """Keep a run's folder for this process and clear what a killed one left half-written.

    Parameters
    ----------
    run_dir : Path
        Made where it is missing.

    Raises
    ------
    SulfoxError
        SFX-307 if another process holds it; SFX-503 or SFX-407 if it cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        lock = (run_dir / _LOCK).open("a")
    except OSError as error:
        raise disk_error(run_dir, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SulfoxError(
                "SFX-307",
                who=f"run in {run_dir}",
                found="another process is working on it",
                expected="one process per run",
                next_step="wait for it, or end it; then start again to go on",
            ) from error
        for leftover in run_dir.glob(".*-*"):
            leftover.unlink()
        yield


def write_checkpoint(run_dir: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint durably in place of the one before.

    Parameters
    ----------
    run_dir : Path
        Folder of the run.
    checkpoint : Checkpoint
        State to go on from.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full; the checkpoint before it stays.
    """
    buffer = io.BytesIO()
    arrays = {name: getattr(checkpoint, name) for name in _ARRAYS}
    np.savez(buffer, ledger=np.array(checkpoint.ledger.model_dump_json()), **arrays)
    write_durably(run_dir / _NAME, buffer.getvalue())


def read_checkpoint(run_dir: Path) -> Checkpoint | None:
    """Read the checkpoint of a run's folder.

    Parameters
    ----------
    run_dir : Path
        Folder of the run.

    Returns
    -------
    Checkpoint or None
        None if there is none: the run starts at the beginning.

    Raises
    ------
    SulfoxError
        SFX-306 if it is damaged.
    """
    path = run_dir / _NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as content:
            ledger = Ledger.model_validate(json.loads(str(content["ledger"])))
            return Checkpoint(ledger, *(content[name] for name in _ARRAYS))
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, ValidationError) as e:
        raise _foreign(run_dir, f"a damaged checkpoint ({type(e).__name__})") from e


def settle_segments(run_dir: Path, checkpoint: Checkpoint | None, run_hash: str) -> None:
    """Bring the archive to the state the checkpoint vouches for.

    Parameters
    ----------
    run_dir : Path
        Folder of the run; segments beyond the checkpoint are removed.
    checkpoint : Checkpoint or None
        Where the run goes on.
    run_hash : str
        Identity of the run that is asked for.

    Raises
    ------
    SulfoxError
        SFX-306 if the checkpoint belongs to another run; SFX-404 if the last segment it
        vouches for is missing or damaged.
    """
    segments = checkpoint.ledger.segments if checkpoint else ()
    if checkpoint and checkpoint.ledger.run_hash != run_hash:
        raise _foreign(run_dir, "a checkpoint of another structure, protocol or potential")
    discard_segments(run_dir, segments[-1].last_frame + 1 if segments else 0)
    for segment in segments[-1:]:
        try:
            digest = hashlib.sha256(FolderBackend(run_dir).read(segment.name)).hexdigest()
        except FileNotFoundError:
            digest = "none: no such file"
        if digest != segment.sha256:
            raise SulfoxError(
                "SFX-404",
                who=f"segment {segment.name} in {run_dir}",
                found=f"sha256 {digest}",
                expected=f"sha256 {segment.sha256}",
                next_step="restore this file, or delete the folder to run it again",
            )


def _foreign(run_dir: Path, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-306",
        who=f"run in {run_dir}",
        found=found,
        expected="the checkpoint of this very run",
        next_step="give this run its own folder, or delete the folder to start again",
    )

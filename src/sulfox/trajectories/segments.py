"""One immutable file of frames: compressed numpy arrays that carry their own checksum.

A segment is an ordinary ``.npz`` file (``numpy.load`` opens it). Its zip comment holds
the SHA-256 of all bytes before the comment, so that a segment can be checked alone,
and equal arrays give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from sulfox.documents.base import Record
from sulfox.documents.structure import Side
from sulfox.documents.trajectory import SegmentRecord
from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import write_durably
from sulfox.trajectories.frames import FloatArray, IntArray
from sulfox.units import TimeFs

__all__ = [
    "HEADER_NAME",
    "FolderBackend",
    "Segment",
    "SegmentBackend",
    "TrajectoryHeader",
    "decode_segment",
    "discard_segments",
    "encode_segment",
    "record_of",
    "segment_range",
    "write_header",
    "write_segment",
]

HEADER_NAME = "trajectory.json"
_NAME = re.compile(r"segment-(\d{6,})-(\d{6,})\.npz")
_MARK = b"sha256:"
_COMMENT_LENGTH = len(_MARK) + 64


class TrajectoryHeader(Record):
    """What all frames of an archive share; written once, before the first segment.

    Attributes
    ----------
    trajectory_id : str
        Identity of the run; also the name of its folder or key prefix.
    species, sides : tuple of str
        (n_atoms,) element symbols, and the side of each atom.
    time_step_fs, frame_interval_fs : float
        Step of the dynamics, and time between frames [fs].
    metadata : dict
        Anything else JSON can hold: seed, temperature, engine.
    """

    trajectory_id: str
    species: tuple[str, ...]
    sides: tuple[Side, ...]
    time_step_fs: TimeFs
    frame_interval_fs: TimeFs
    metadata: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Segment:
    """Successive frames as they are stored.

    Attributes
    ----------
    steps, times_fs : ndarray, shape (n,)
        Dynamics step (int64) and time [fs] of each frame.
    positions : ndarray, shape (n, n_atoms, 3)
        Unwrapped Cartesian positions [Å].
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].
    potential_energy_eV, temperature_K : ndarray, shape (n,), optional
        [eV], [K]; left out where the run's file does not tell them.
    conserved_eV : ndarray, shape (n,), optional
        The thermostat's conserved quantity [eV]; left out where there is none.
    velocities : ndarray, shape (n, n_atoms, 3), optional
        [Å/fs]
    forces : ndarray, shape (n, n_atoms, 3), optional
        [eV/Å]
    lattices : ndarray, shape (n, 3, 3), optional
        The cell of each frame, only where it changes [Å].

    Raises
    ------
    SulfoxError
        SFX-401 if shapes disagree; SFX-403 if a number is not finite.
    """

    steps: IntArray
    times_fs: FloatArray
    positions: FloatArray
    lattice: FloatArray
    potential_energy_eV: FloatArray | None = None
    temperature_K: FloatArray | None = None
    conserved_eV: FloatArray | None = None
    velocities: FloatArray | None = None
    forces: FloatArray | None = None
    lattices: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.steps)
        shape = self.positions.shape
        expected = {"positions": (n, *shape[1:2], 3), "velocities": shape, "lattice": (3, 3)}
        expected |= {"forces": shape, "lattices": (n, 3, 3)}
        for field in fields(self):
            array = getattr(self, field.name)
            if array is None:
                continue
            if n == 0 or array.shape != expected.get(field.name, (n,)):
                raise _unusable("SFX-401", field.name, f"shape {array.shape} for {n} frames")
            if not np.isfinite(array).all():
                frame = int(np.argwhere(~np.isfinite(array))[0][0])
                raise _unusable("SFX-403", field.name, f"a number that is not finite, row {frame}")

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.steps)


class SegmentBackend(Protocol):
    """Where segments lie: a folder, or keys of a store. Names are flat."""

    def read(self, name: str) -> bytes:
        """Return the content of `name`; FileNotFoundError if it is not there.

        Parameters
        ----------
        name : str
            Segment or header.
        """

    def write(self, name: str, data: bytes) -> None:
        """Store `data` under `name`, whole or not at all.

        Parameters
        ----------
        name : str
            Segment or header.
        data : bytes
            Its content.
        """

    def names(self) -> list[str]:
        """All names, sorted."""


class FolderBackend:
    """Segments in a folder.

    Parameters
    ----------
    folder : Path
        The folder; it need not exist before the first write.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def read(self, name: str) -> bytes:
        """Return the content of `name`."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write `name` durably; SFX-503 if the disk is full or read-only."""
        write_durably(self.folder / name, data)

    def names(self) -> list[str]:
        """All files of the folder except hidden ones, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(p.name for p in self.folder.iterdir() if not p.name.startswith("."))


def segment_range(name: str) -> tuple[int, int] | None:
    """Read the frames from a segment's name.

    Parameters
    ----------
    name : str
        File name or key.

    Returns
    -------
    tuple of int or None
        First and last frame; None if it is not the name of a segment.
    """
    match = _NAME.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def encode_segment(segment: Segment) -> bytes:
    """Turn a segment into the bytes of its file.

    Parameters
    ----------
    segment : Segment
        Frames.

    Returns
    -------
    bytes
        A compressed ``.npz`` whose zip comment is ``sha256:`` and the checksum of
        everything before the comment. Equal arrays give equal bytes.
    """
    arrays = {field.name: getattr(segment, field.name) for field in fields(segment)}
    stored = {
        name: np.ascontiguousarray(array, dtype="<i8" if name == "steps" else "<f8")
        for name, array in arrays.items()
        if array is not None
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **stored)
    body = buffer.getvalue()[:-2] + _COMMENT_LENGTH.to_bytes(2, "little")
    return body + _MARK + hashlib.sha256(body).hexdigest().encode()


def decode_segment(name: str, data: bytes, sha256: str | None = None) -> Segment:
    """Read a segment's bytes after checking them.

    Parameters
    ----------
    name : str
        Name of the segment, for the message.
    data : bytes
        Its file.
    sha256 : str, optional
        Checksum of the whole file from a :class:`SegmentRecord`; checked as well.

    Returns
    -------
    Segment
        The frames.

    Raises
    ------
    SulfoxError
        SFX-404 if a checksum fails or the content is not a segment.
    """
    body, comment = data[:-_COMMENT_LENGTH], data[-_COMMENT_LENGTH:]
    if comment != _MARK + hashlib.sha256(body).hexdigest().encode():
        raise _corrupt(name, "its own checksum does not fit its bytes")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise _corrupt(name, "another checksum than the one recorded")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return Segment(**{key: arrays[key] for key in arrays.files})
    except (zipfile.BadZipFile, TypeError, ValueError, KeyError) as error:
        raise _corrupt(name, f"not a segment ({error})") from error


def write_segment(folder: Path | str, segment: Segment, first_frame: int) -> SegmentRecord:
    """Write one segment into a folder, whole or not at all.

    Writing the same frames again gives the same bytes under the same name, so a run
    that was killed after this call may simply write the segment once more.

    Parameters
    ----------
    folder : Path or str
        Folder of the archive; made where it is missing.
    segment : Segment
        Frames.
    first_frame : int
        Number of its first frame in the whole run, counted from 0.

    Returns
    -------
    SegmentRecord
        Name, frames, steps, size and checksum.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full or read-only, SFX-406 for a negative frame number.
    """
    if first_frame < 0:
        raise SulfoxError(
            "SFX-406",
            who="a segment",
            found=f"first frame {first_frame}",
            expected="a frame number from 0",
            next_step="count frames from the start of the run",
        )
    data = encode_segment(segment)
    name = f"segment-{first_frame:06d}-{first_frame + segment.n_frames - 1:06d}.npz"
    FolderBackend(folder).write(name, data)
    return record_of(name, data, segment)


def record_of(name: str, data: bytes, segment: Segment) -> SegmentRecord:
    """Describe an encoded segment.

    Parameters
    ----------
    name : str
        Name of the segment.
    data : bytes
        Its file.
    segment : Segment
        Its frames.

    Returns
    -------
    SegmentRecord
        Name, frames, steps, size and checksum.
    """
    first_frame, last_frame = segment_range(name) or (0, segment.n_frames - 1)
    return SegmentRecord(
        name=name,
        first_frame=first_frame,
        last_frame=last_frame,
        first_step=int(segment.steps[0]),
        last_step=int(segment.steps[-1]),
        n_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def write_header(folder: Path | str, header: TrajectoryHeader) -> None:
    """Write ``trajectory.json`` once; the same header again changes nothing.

    Parameters
    ----------
    folder : Path or str
        Folder of the archive.
    header : TrajectoryHeader
        What all frames share.

    Raises
    ------
    SulfoxError
        SFX-408 if the folder holds another run's header; SFX-503 if the disk is full or read-only.
    """
    path = Path(folder) / HEADER_NAME
    data = (header.model_dump_json(indent=1) + "\n").encode()
    if not path.exists():
        write_durably(path, data)
    elif path.read_bytes() != data:
        raise SulfoxError(
            "SFX-408",
            who=str(path),
            found="the header of another run",
            expected=f"the header of {header.trajectory_id}",
            next_step="give this run its own folder",
        )


def discard_segments(folder: Path | str, n_frames: int) -> None:
    """Delete segments that hold frames from `n_frames` on: a resumed run writes them again.

    Temporary files of a killed write go as well. Only the process that owns the run may do this.

    Parameters
    ----------
    folder : Path or str
        Folder of the archive.
    n_frames : int
        Number of frames that the run's checkpoint vouches for.
    """
    backend = FolderBackend(folder)
    for name in backend.names():
        frames = segment_range(name)
        if frames is not None and frames[1] >= n_frames:
            (backend.folder / name).unlink()
    for leftover in backend.folder.glob(".segment-*.npz-*"):
        leftover.unlink(missing_ok=True)


def _corrupt(name: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-404",
        who=f"segment {name}",
        found=found,
        expected="the bytes that were written",
        next_step="restore this file from a backup or run the trajectory again",
    )


def _unusable(code: str, name: str, found: str) -> SulfoxError:
    return SulfoxError(
        code,
        who=f"{name} of a segment",
        found=found,
        expected="finite arrays with one row per frame",
        next_step="check the run that makes the frames",
    )

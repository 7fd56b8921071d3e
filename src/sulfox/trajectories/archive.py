"""A run's frames in immutable segments, read by frame range.

The archive is a set of names and bytes (:class:`SegmentBackend`): one header
``trajectory.json`` and segments ``segment-<first>-<last>.npz``. In a folder the names are
files; a store keeps the same bytes under the same names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from sulfox.documents.trajectory import ArchiveReference, SegmentRecord
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray, IntArray, Trajectory
from sulfox.trajectories.segments import (
    HEADER_NAME,
    FolderBackend,
    Segment,
    SegmentBackend,
    TrajectoryHeader,
    decode_segment,
    discard_segments,
    record_of,
    segment_range,
    write_header,
    write_segment,
)

__all__ = [
    "FolderBackend",
    "Segment",
    "SegmentBackend",
    "TrajectoryArchive",
    "TrajectoryHeader",
    "discard_segments",
    "open_archive",
    "write_header",
    "write_segment",
]


@dataclass(frozen=True)
class _Entry:
    name: str
    first: int
    last: int
    sha256: str | None


class TrajectoryArchive:
    """Random access to archived frames; only the segments needed are read.

    Parameters
    ----------
    backend : SegmentBackend
        Where the bytes are.
    reference : ArchiveReference, optional
        The segments and their checksums as a document recorded them. Without it
        the segments found are taken, each checked by the checksum inside it.

    Raises
    ------
    SulfoxError
        SFX-408 if the header is missing or damaged; SFX-405 if the segments leave a
        gap, overlap, do not start at frame 0, or one of the reference is missing.
    """

    def __init__(self, backend: SegmentBackend, reference: ArchiveReference | None = None) -> None:
        self.backend = backend
        self.header = _read_header(backend)
        self._recorded = reference
        self._entries = _list_entries(backend, reference)
        _check_sequence(self.header.trajectory_id, self._entries, reference)

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self._entries[-1].last + 1 if self._entries else 0

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.header.species)

    def reference(self) -> ArchiveReference:
        """Describe the archive for a document; reads every segment unless it was given.

        Returns
        -------
        ArchiveReference
            Segments with their checksums.
        """
        if self._recorded is not None:
            return self._recorded
        return ArchiveReference(
            trajectory_id=self.header.trajectory_id,
            n_frames=self.n_frames,
            n_atoms=self.n_atoms,
            frame_interval_fs=self.header.frame_interval_fs,
            segments=tuple(self._record(entry) for entry in self._entries),
        )

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Trajectory:
        """Read a range of frames.

        Parameters
        ----------
        start, stop : int
            First frame and one past the last, counted from 0; `stop` None reads to
            the end.
        stride : int
            Every `stride`-th frame from `start`.

        Returns
        -------
        Trajectory
            The frames, with steps, energies and temperatures.

        Raises
        ------
        SulfoxError
            SFX-406 for a range outside the trajectory or without a frame; SFX-404 if
            a segment fails its checksum; SFX-405 if one is missing.
        """
        stop = self.n_frames if stop is None else stop
        if not (0 <= start < stop <= self.n_frames and stride >= 1):
            raise SulfoxError(
                "SFX-406",
                who=f"trajectory {self.header.trajectory_id}",
                found=f"frames {start} to {stop} in steps of {stride}",
                expected=f"a range inside 0 to {self.n_frames}",
                next_step="choose start < stop and a positive stride",
            )
        wanted = np.arange(start, stop, stride)
        pieces = []
        for entry in self._entries:
            here = wanted[(wanted >= entry.first) & (wanted <= entry.last)]
            if here.size:
                pieces.append((self._segment(entry), here - entry.first))
        return self._joined(pieces)

    def iter_chunks(self) -> Iterator[Trajectory]:
        """Yield the frames segment by segment, in order.

        Yields
        ------
        Trajectory
            The frames of one segment.
        """
        for entry in self._entries:
            yield self.frames(entry.first, entry.last + 1)

    def _segment(self, entry: _Entry) -> Segment:
        segment = decode_segment(entry.name, self._bytes(entry), entry.sha256)
        n, atoms = segment.positions.shape[:2]
        if n != entry.last - entry.first + 1 or atoms != self.n_atoms:
            raise _not_in_order(
                self.header.trajectory_id,
                f"{entry.name} holds {n} frames of {atoms} atoms",
                f"{entry.last - entry.first + 1} frames of {self.n_atoms}",
            )
        return segment

    def _bytes(self, entry: _Entry) -> bytes:
        try:
            return self.backend.read(entry.name)
        except FileNotFoundError:
            raise _missing(self.header.trajectory_id, entry.name) from None
        except OSError as error:
            raise SulfoxError(
                "SFX-407",
                who=f"segment {entry.name}",
                found=error.strerror or str(error),
                expected="a segment that can be read",
                next_step="check the permissions and the disk",
            ) from error

    def _record(self, entry: _Entry) -> SegmentRecord:
        return record_of(entry.name, self._bytes(entry), self._segment(entry))

    def _joined(self, pieces: list[tuple[Segment, IntArray]]) -> Trajectory:
        first = pieces[0][0]
        lattices = self._lattices(pieces)

        def joined(name: str) -> Any:
            arrays = [getattr(segment, name) for segment, _ in pieces]
            if any(array is None for array in arrays):
                return None
            return np.concatenate([a[rows] for a, (_, rows) in zip(arrays, pieces, strict=True)])

        steps = joined("steps")
        if (np.diff(steps) <= 0).any():
            raise _not_in_order(
                self.header.trajectory_id, "a step that is repeated or goes back", "ascending steps"
            )
        return Trajectory(
            positions=joined("positions"),
            lattice=first.lattice if lattices is None else lattices[0],
            species=self.header.species,
            times_fs=joined("times_fs"),
            steps=steps,
            potential_energy_eV=joined("potential_energy_eV"),
            temperature_K=joined("temperature_K"),
            conserved_eV=joined("conserved_eV"),
            velocities=joined("velocities"),
            forces=joined("forces"),
            sides=self.header.sides,
            lattices=lattices,
        )

    def _lattices(self, pieces: list[tuple[Segment, IntArray]]) -> FloatArray | None:
        """Join the cells of the frames; None where it never changes."""
        first = pieces[0][0]
        if any(segment.lattices is not None for segment, _ in pieces):
            return np.concatenate(
                [
                    np.broadcast_to(segment.lattice, (len(rows), 3, 3))
                    if segment.lattices is None
                    else segment.lattices[rows]
                    for segment, rows in pieces
                ]
            )
        if any(not np.array_equal(segment.lattice, first.lattice) for segment, _ in pieces):
            raise _not_in_order(
                self.header.trajectory_id, "segments with different cells", "one cell"
            )
        return None


def open_archive(
    folder: Path | str, reference: ArchiveReference | None = None
) -> TrajectoryArchive:
    """Open the archive in a folder.

    Parameters
    ----------
    folder : Path or str
        Folder with ``trajectory.json`` and segments.
    reference : ArchiveReference, optional
        Recorded segments and checksums to hold it against.

    Returns
    -------
    TrajectoryArchive
        The archive.

    Raises
    ------
    SulfoxError
        SFX-407 if the folder does not exist, SFX-408 without a header, SFX-405 for a
        gap or an overlap.
    """
    if not Path(folder).is_dir():
        raise SulfoxError(
            "SFX-407",
            who=str(folder),
            found="no such folder",
            expected="the folder of a trajectory archive",
            next_step="check the path",
        )
    return TrajectoryArchive(FolderBackend(folder), reference)


def _read_header(backend: SegmentBackend) -> TrajectoryHeader:
    try:
        return TrajectoryHeader.model_validate_json(backend.read(HEADER_NAME))
    except (OSError, ValidationError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise SulfoxError(
            "SFX-408",
            who=HEADER_NAME,
            found="no such file" if missing else f"a damaged header ({type(error).__name__})",
            expected="the header that every archive starts with",
            next_step="check that the path is a trajectory's folder, or restore the file",
        ) from error


def _list_entries(backend: SegmentBackend, reference: ArchiveReference | None) -> list[_Entry]:
    if reference is not None:
        return [_Entry(s.name, s.first_frame, s.last_frame, s.sha256) for s in reference.segments]
    found = [(name, segment_range(name)) for name in backend.names()]
    entries = [_Entry(name, *frames, None) for name, frames in found if frames is not None]
    return sorted(entries, key=lambda entry: (entry.first, entry.last))


def _check_sequence(who: str, entries: list[_Entry], reference: ArchiveReference | None) -> None:
    next_frame = 0
    for entry in entries:
        if entry.first != next_frame or entry.last < entry.first:
            raise _not_in_order(who, f"{entry.name} after frame {next_frame - 1}", "one by one")
        next_frame = entry.last + 1
    if reference is not None and reference.n_frames != next_frame:
        raise _not_in_order(who, f"segments of {next_frame} frames", f"{reference.n_frames}")


def _missing(who: str, name: str) -> SulfoxError:
    return _not_in_order(who, f"{name} is missing", "every segment that was recorded")


def _not_in_order(who: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-405",
        who=f"trajectory {who}",
        found=found,
        expected=expected,
        next_step="restore the missing file or run the trajectory again",
    )

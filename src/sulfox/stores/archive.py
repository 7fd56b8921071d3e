"""Trajectory archives in a store: the same bytes under the same names as in a folder."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.documents.trajectory import ArchiveReference, TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.stores.embedded.folder import is_file_name
from sulfox.stores.readers import DocumentReader, trajectories_of
from sulfox.trajectories.archive import (
    FolderBackend,
    SegmentBackend,
    TrajectoryArchive,
    open_archive,
)
from sulfox.trajectories.segments import HEADER_NAME

if TYPE_CHECKING:
    from jobflow import JobStore
    from maggma.core import Store

__all__ = [
    "PART_BYTES",
    "StoreBackend",
    "open_run",
    "open_stored_trajectory",
    "publish_archive",
    "segment_backend",
]

#: Bytes of a segment per document: 8 MiB are 10.7 MiB in base64, below MongoDB's 16 MiB.
PART_BYTES = 8 * 1024 * 1024

_PART = re.compile(r"\.part-\d{4}$")


class StoreBackend:
    """Segments as documents of a maggma store.

    A segment is the document ``{"blob_uuid": "<trajectory id>/<name>", "sha256",
    "n_bytes", "n_parts", "data"}`` with the bytes in base64. Where it is larger than
    ``part_bytes``, the following parts are documents ``<name>.part-0001`` and so on,
    written first, so that the segment appears whole or not at all.

    Parameters
    ----------
    store : maggma.core.Store
        Connected.
    trajectory_id : str
        Key prefix.
    part_bytes : int
        Largest piece in one document.
    """

    def __init__(self, store: Store, trajectory_id: str, part_bytes: int = PART_BYTES) -> None:
        self.store = store
        self.trajectory_id = _checked_id(trajectory_id)
        self.part_bytes = part_bytes

    def read(self, name: str) -> bytes:
        """Return the content of `name`; FileNotFoundError if it is not there.

        Parameters
        ----------
        name : str
            Segment or header.

        Returns
        -------
        bytes
            As it was written.

        Raises
        ------
        FileNotFoundError
            If it, or a part of it, is not in the store.
        SulfoxError
            SFX-404 if the bytes do not have their checksum.
        """
        head = self._document(name)
        rest = [self._document(_part_name(name, i)) for i in range(1, head.get("n_parts", 1))]
        data = b"".join(base64.b64decode(part["data"]) for part in (head, *rest))
        if hashlib.sha256(data).hexdigest() != head["sha256"]:
            raise _wrong_bytes(f"{self.trajectory_id}/{name}", head["sha256"])
        return data

    def write(self, name: str, data: bytes) -> None:
        """Store `data` under `name`, whole or not at all.

        Parameters
        ----------
        name : str
            Segment or header.
        data : bytes
            Its content; split into parts where it is larger than `part_bytes`.
        """
        size = self.part_bytes
        pieces = [data[i : i + size] for i in range(0, len(data), size)] or [b""]
        total: dict[str, Any] = dict.fromkeys(getattr(self.store, "searchable_fields", None) or ())
        total |= {"sha256": hashlib.sha256(data).hexdigest(), "n_bytes": len(data)}
        for i, piece in reversed(list(enumerate(pieces))):
            doc: dict[str, Any] = {
                "blob_uuid": f"{self.trajectory_id}/{_part_name(name, i) if i else name}",
                "data": base64.b64encode(piece).decode(),
                **total,
            }
            if i == 0:
                doc["n_parts"] = len(pieces)
            self.store.update(doc, key="blob_uuid")

    def names(self) -> list[str]:
        """All names, sorted."""
        prefix = f"{self.trajectory_id}/"
        found = self.store.distinct("blob_uuid", {"blob_uuid": {"$regex": f"^{re.escape(prefix)}"}})
        return sorted(name.removeprefix(prefix) for name in found if not _PART.search(name))

    def _document(self, name: str) -> dict[str, Any]:
        identity = f"{self.trajectory_id}/{name}"
        doc = self.store.query_one({"blob_uuid": identity})
        if doc is None:
            raise FileNotFoundError(identity)
        return doc


def publish_archive(
    folder: Path | str, store: JobStore, trajectory_id: str | None = None
) -> ArchiveReference:
    """Copy a finished folder archive into a store; a second time changes nothing.

    Every segment is checked before it is copied and read back afterwards. The header
    goes last: a trajectory that can be opened is whole.

    Parameters
    ----------
    folder : Path or str
        Folder archive.
    store : JobStore
        Connected, with the additional store ``trajectories``.
    trajectory_id : str, optional
        Key prefix; by default the id in the header.

    Returns
    -------
    ArchiveReference
        Segments with their checksums, for the trajectory's document.

    Raises
    ------
    SulfoxError
        SFX-404 if a segment fails its checksum before or after the copy, SFX-503 if
        the store cannot be written, SFX-40x as ``open_archive``.
    """
    archive = open_archive(folder)
    identity = trajectory_id or archive.header.trajectory_id
    reference = archive.reference().model_copy(update={"trajectory_id": identity})
    target = _backend(trajectories_of(store), identity)
    expected = {segment.name: segment.sha256 for segment in reference.segments}
    header = archive.backend.read(HEADER_NAME)
    for name, sha256 in [*expected.items(), (HEADER_NAME, hashlib.sha256(header).hexdigest())]:
        if _sha256_in(target, name) == sha256:
            continue
        target.write(name, archive.backend.read(name))
        if _sha256_in(target, name) != sha256:
            raise _wrong_bytes(f"{identity}/{name}", sha256)
    return reference


def open_stored_trajectory(
    store: JobStore | DocumentReader,
    trajectory_id: str,
    reference: ArchiveReference | None = None,
) -> TrajectoryArchive:
    """Open a trajectory of a store.

    Parameters
    ----------
    store : JobStore or DocumentReader
        The reader of an embedded store needs no maggma.
    trajectory_id : str
        As in ``TrajectoryDoc.archive``.
    reference : ArchiveReference, optional
        Recorded segments and checksums to hold it against.

    Returns
    -------
    TrajectoryArchive
        Frames by range.

    Raises
    ------
    SulfoxError
        SFX-504 if there is none of this id; SFX-40x as ``TrajectoryArchive``.
    """
    place = trajectories_of(store)
    backend = None if place is None else _backend(place, trajectory_id)
    if backend is None or not _has_header(backend):
        raise _no_trajectory(trajectory_id)
    return TrajectoryArchive(backend, reference)


def open_run(store: JobStore, run: TrajectoryDoc) -> TrajectoryArchive:
    """Open the frames of a run inside a job.

    On a cluster the store that a manager hands to a job may hold only what this very job
    writes; frames of earlier jobs are then read from the results database
    (``SULFOX_STORE``).

    Parameters
    ----------
    store : JobStore
        As the manager handed it.
    run : TrajectoryDoc
        The run.

    Returns
    -------
    TrajectoryArchive
        Frames by range.

    Raises
    ------
    SulfoxError
        SFX-504 if neither holds the frames; SFX-40x as ``TrajectoryArchive``.
    """
    from sulfox.settings import get_settings
    from sulfox.stores.opening import open_documents

    identity = run.archive.trajectory_id
    try:
        return open_stored_trajectory(store, identity, run.archive)
    except SulfoxError as error:
        if error.code != "SFX-504" or get_settings().store is None:
            raise
    return open_stored_trajectory(open_documents(None), identity, run.archive)


def segment_backend(store: JobStore | DocumentReader, trajectory_id: str) -> SegmentBackend:
    """Give the place of one trajectory's segments, which need not exist yet.

    Parameters
    ----------
    store : JobStore or DocumentReader
        Open, with the additional store ``trajectories``.
    trajectory_id : str
        Key prefix or folder name.

    Raises
    ------
    SulfoxError
        SFX-504 for an id that cannot be one.
    """
    return _backend(trajectories_of(store), trajectory_id)


def _backend(place: Any, trajectory_id: str) -> SegmentBackend:
    """Plain files where the store is a folder, documents elsewhere."""
    folder = place if isinstance(place, Path) else _folder_of(place)
    if folder is not None:
        return FolderBackend(folder / _checked_id(trajectory_id))
    return StoreBackend(place, trajectory_id)


def _folder_of(store: Store) -> Path | None:
    from sulfox.stores.embedded.store import FolderStore

    return store.root if isinstance(store, FolderStore) else None


def _has_header(backend: SegmentBackend) -> bool:
    try:
        backend.read(HEADER_NAME)
    except FileNotFoundError:
        return False
    return True


def _sha256_in(backend: SegmentBackend, name: str) -> str | None:
    try:
        return hashlib.sha256(backend.read(name)).hexdigest()
    except FileNotFoundError:
        return None


def _part_name(name: str, i: int) -> str:
    return f"{name}.part-{i:04d}"


def _checked_id(trajectory_id: str) -> str:
    if not is_file_name(trajectory_id):
        raise _no_trajectory(trajectory_id)
    return trajectory_id


def _no_trajectory(trajectory_id: str) -> SulfoxError:
    return SulfoxError(
        "SFX-504",
        who=f"trajectory {trajectory_id}",
        found="no archive of that id in the store",
        expected="an id as sulfox query trajectories shows it",
        next_step="list the ids with sulfox query trajectories, or give another --store",
    )


def _wrong_bytes(who: str, sha256: str) -> SulfoxError:
    return SulfoxError(
        "SFX-404",
        who=f"segment {who}",
        found="bytes that do not have their checksum",
        expected=f"sha256 {sha256}",
        next_step="publish the archive again from its folder",
    )

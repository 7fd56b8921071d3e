"""Load an exported study into a store; what the store holds already stays as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sulfox.documents.base import SCHEMA_VERSION, Record
from sulfox.documents.kinds import DOCUMENT_KINDS, parse_document
from sulfox.errors import SulfoxError
from sulfox.stores.archive import segment_backend
from sulfox.stores.migrations import to_newest
from sulfox.stores.portable.files import damaged, members_of
from sulfox.stores.portable.manifest import Manifest, read_manifest
from sulfox.stores.search.search import rows_of
from sulfox.stores.search.values import value_at
from sulfox.stores.store_errors import newer_store, translated_server_errors
from sulfox.trajectories.segments import HEADER_NAME

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["ImportReport", "import_study"]

_BATCH = 200


class ImportReport(Record):
    """What an import did.

    Attributes
    ----------
    manifest : Manifest
        What was offered.
    new, present : int
        Job outputs that were loaded, and that the store held already.
    differing : tuple of str
        Job outputs (``<uuid>:<index>``) of which the store holds another version, and
        trajectories of which it holds other frames: its own were kept, and outputs that name
        the other frames were not loaded.
    """

    manifest: Manifest
    new: int
    present: int
    differing: tuple[str, ...]


def import_study(path: Path, store: JobStore) -> ImportReport:
    """Load a portable archive into a store; a second time changes nothing.

    Older documents are brought to the schema of this sulfox. A job output that the store
    holds already is not replaced, nor are the frames that its document names, unless they
    are damaged there.

    Parameters
    ----------
    path : Path
        File or folder; it is checked as a whole before anything is written.
    store : JobStore
        Connected, with the additional store ``trajectories``.

    Returns
    -------
    ImportReport
        What was loaded.

    Raises
    ------
    SulfoxError
        As :func:`sulfox.stores.portable.manifest.read_manifest`; SFX-502 or SFX-505 for an
        output that is no document of this schema, SFX-503 if the store cannot be written.
    """
    manifest = read_manifest(path)
    jobs = [
        _checked(path, name, content)
        for name, content in members_of(path)
        if name.startswith("jobs/")
    ]
    stored = _stored(store, [job["uuid"] for job in jobs])
    differing = [
        _place(job)
        for job in jobs
        if _place(job) in stored and _text(stored[_place(job)]) != _text(job)
    ]
    with translated_server_errors("the store"):
        conflicts = _load_frames(path, store, _named_segments(store, manifest))
    new = [
        job for job in jobs if _place(job) not in stored and not conflicts & _trajectories_of(job)
    ]
    with translated_server_errors("the store"):
        for start in range(0, len(new), _BATCH):
            store.update(new[start : start + _BATCH], key=["uuid", "index"])
    return ImportReport(
        manifest=manifest,
        new=len(new),
        present=sum(_place(job) in stored for job in jobs),
        differing=(*differing, *sorted(conflicts)),
    )


def _checked(path: Path, name: str, content: bytes) -> dict[str, Any]:
    """Read a job output whose documents fit their classes, at the newest schema."""
    try:
        job = json.loads(content)
        _ = job["uuid"] + ":", int(job.get("index") or 1)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise damaged(path, f"{name!r} is no job output") from None
    if _names_a_class(job.get("output")):
        raise _no_document(f"{name} of {path}", "an output that names a class to be loaded")
    for row, document in rows_of(job):
        version = document.get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise newer_store(f"{name} of {path}", version)
        to_newest(document)
        try:
            if row.kind not in DOCUMENT_KINDS:
                raise _no_document(f"{name} of {path}", f"a document of unknown kind {row.kind!r}")
            parse_document(document)
        except ValidationError as error:
            first = error.errors()[0]
            found = f"{row.kind} {row.id}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise _no_document(f"{name} of {path}", found) from None
    return dict(job)


def _names_a_class(value: Any) -> bool:
    """Tell whether jobflow would import something to read this; documents are plain."""
    if isinstance(value, Mapping):
        return "@class" in value or any(map(_names_a_class, value.values()))
    return isinstance(value, list) and any(map(_names_a_class, value))


def _no_document(who: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-505",
        who=who,
        found=found,
        expected="outputs as sulfox stores them",
        next_step="nothing was loaded; ask whoever made it to export the study again",
    )


def _place(job: Mapping[str, Any]) -> str:
    return f"{job['uuid']}:{job.get('index') or 1}"


def _text(job: Mapping[str, Any]) -> str:
    return json.dumps(job.get("output"), sort_keys=True, default=str)


def _trajectories_of(job: Mapping[str, Any]) -> set[str]:
    """Trajectories whose frames a job output names."""
    return {
        value_at(document, "archive.trajectory_id")
        for row, document in rows_of(job)
        if row.kind == "trajectory"
    }


def _stored(store: JobStore, uuids: list[str]) -> dict[str, dict[str, Any]]:
    found = {}
    for start in range(0, len(uuids), _BATCH):
        wanted = {"uuid": {"$in": uuids[start : start + _BATCH]}}
        for job in store.docs_store.query(wanted):
            for _, document in rows_of(job):
                to_newest(document)
            found[_place(job)] = job
    return found


def _named_segments(store: JobStore, manifest: Manifest) -> dict[str, dict[str, str]]:
    """Trajectory -> segment -> SHA-256, as documents of the store name them."""
    offered = {name.split("/")[1] for name in manifest.members if name.startswith("trajectories/")}
    if not offered:
        return {}
    places = ("output.archive.trajectory_id", "output.documents.archive.trajectory_id")
    wanted = {"$or": [{place: {"$in": sorted(offered)}} for place in places]}
    named = {}
    for job in store.docs_store.query(wanted):
        for row, document in rows_of(job):
            if row.kind == "trajectory":
                segments = value_at(document, "archive.segments") or ()
                named[value_at(document, "archive.trajectory_id")] = {
                    segment["name"]: segment["sha256"] for segment in segments
                }
    return named


def _load_frames(path: Path, store: JobStore, named: dict[str, dict[str, str]]) -> set[str]:
    """Load what is missing or damaged; answer with trajectories that have other frames here."""
    headers = []
    conflicts = set()
    for name, content in members_of(path):
        room, *rest = name.split("/")
        if room != "trajectories":
            continue
        identity, segment = rest
        if segment == HEADER_NAME:  # last: what can be opened is whole
            headers.append((identity, content))
        elif not _write(store, identity, segment, content, named.get(identity)):
            conflicts.add(identity)
    for identity, content in headers:
        _write(store, identity, HEADER_NAME, content, named.get(identity))
    return conflicts


def _write(
    store: JobStore, identity: str, segment: str, content: bytes, named: dict[str, str] | None
) -> bool:
    """Write what is not there; False where stored frames differ, and are kept."""
    sha256 = hashlib.sha256(content).hexdigest()
    backend = segment_backend(store, identity)
    try:
        old = hashlib.sha256(backend.read(segment)).hexdigest()
    except FileNotFoundError:
        old = None
    except SulfoxError:  # damaged: cannot be what its document names
        old = "damaged"
    if old == sha256:
        return True
    if named is not None and named.get(segment, sha256) != sha256:
        return False
    if named is None or old in (None, "damaged") or segment in named:
        backend.write(segment, content)
    return True

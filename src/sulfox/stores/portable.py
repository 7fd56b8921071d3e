"""A study as one file: job outputs, frames, inputs and the hash of each.

A tar file (compressed where its name says so)::

    manifest.json                study, versions, SHA-256 of every other member
    jobs/<uuid>-<index>.json     job outputs as the store held them
    trajectories/<id>/<segment>  archives, the same bytes as in the store
    inputs/...                   what the study was made from

The manifest comes last, so that a file that was cut is told from a whole one. Members are
written without times and owners: the same study gives the same members in the same order.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sulfox import __version__
from sulfox.documents.base import SCHEMA_VERSION, Record
from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory, segment_backend
from sulfox.stores.documents import QueryFilter
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search import Search
from sulfox.stores.store_errors import newer_store
from sulfox.trajectories.segments import HEADER_NAME

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["Manifest", "export_study", "import_study", "read_manifest"]

_MANIFEST = "manifest.json"
#: No member of a study is larger; a file that says so is not one of ours.
_MAX_MEMBER_BYTES = 2**31


class Manifest(Record):
    """What a portable archive holds.

    Attributes
    ----------
    study : str
        Name of the study.
    sulfox : str
        Version that wrote it.
    schema_version : int
        Of its documents.
    documents : dict
        Kind -> number.
    members : dict
        Name -> SHA-256 (hex).
    """

    study: str
    sulfox: str
    schema_version: int
    documents: dict[str, int]
    members: dict[str, str]


def export_study(
    reader: DocumentReader, study: str, path: Path, inputs: Mapping[str, bytes] | None = None
) -> Manifest:
    """Write a study's portable archive.

    Parameters
    ----------
    reader : DocumentReader
        As ``open_documents`` gives it.
    study : str
        Name of the study.
    path : Path
        ``.tar``, ``.tar.gz``, ``.tar.xz`` or ``.tar.bz2``; replaced once it is whole.
    inputs : mapping, optional
        File name -> content of what the study was made from.

    Returns
    -------
    Manifest
        As it stands in the file.

    Raises
    ------
    SulfoxError
        SFX-602 if the store holds nothing of the study, SFX-503 if the file cannot be
        written; SFX-40x and 50x as the store says.
    """
    jobs, counts, trajectories = _of_study(reader, study)
    if not jobs:
        raise SulfoxError(
            "SFX-602",
            who=study,
            found=f"no document of it in {reader.where}",
            expected="a study that was run",
            next_step="list studies with: sulfox query comparisons",
        )
    hashes: dict[str, str] = {}
    part = path.with_name(f".{path.name}.part")
    compression = {".gz": "gz", ".xz": "xz", ".bz2": "bz2"}.get(path.suffix.lower(), "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            with tarfile.open(fileobj=file, mode=f"w:{compression}") as tar:  # type: ignore[call-overload]
                for name, content in _members(reader, jobs, trajectories, inputs or {}):
                    hashes[name] = hashlib.sha256(content).hexdigest()
                    _add(tar, name, content)
                manifest = Manifest(
                    study=study,
                    sulfox=__version__,
                    schema_version=SCHEMA_VERSION,
                    documents=counts,
                    members=hashes,
                )
                _add(tar, _MANIFEST, manifest.model_dump_json(indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SulfoxError(
            "SFX-503",
            who=str(path),
            found=error.strerror or str(error),
            expected="a file that can be written, with space left",
            next_step="give another path",
        ) from error
    return manifest


def read_manifest(path: Path) -> Manifest:
    """Check every hash of a portable archive.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Manifest
        What it holds; everything in it has its hash.

    Raises
    ------
    SulfoxError
        SFX-506 if the file is cut, damaged or holds what its manifest does not name,
        SFX-502 if a newer sulfox wrote it.
    """
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    for name, content in _read(path):
        if name == _MANIFEST:
            manifest = _parsed(path, content)
        else:
            found[name] = hashlib.sha256(content).hexdigest()
    if manifest is None:
        raise _damaged(path, f"no {_MANIFEST}: the file is cut, or no portable archive")
    wrong = [name for name, sha256 in manifest.members.items() if found.get(name) != sha256]
    wrong += [name for name in found if name not in manifest.members]
    if wrong:
        raise _damaged(path, f"{wrong[0]} is missing, unknown or has not its SHA-256")
    return manifest


def import_study(path: Path, store: JobStore) -> Manifest:
    """Load a portable archive into a store; a second time changes nothing.

    Parameters
    ----------
    path : Path
        The file; it is checked as a whole before anything is written.
    store : JobStore
        Connected, with the additional store ``trajectories``.

    Returns
    -------
    Manifest
        What was loaded.

    Raises
    ------
    SulfoxError
        As :func:`read_manifest`; SFX-503 if the store cannot be written.
    """
    manifest = read_manifest(path)
    jobs = []
    headers = []
    for name, content in _read(path):
        room, _, rest = name.partition("/")
        if room == "trajectories":
            identity, _, segment = rest.partition("/")
            if segment == HEADER_NAME:  # last: what can be opened is whole
                headers.append((identity, content))
            else:
                segment_backend(store, identity).write(segment, content)
        elif room == "jobs":
            jobs.append(json.loads(content))
    for identity, content in headers:
        segment_backend(store, identity).write(HEADER_NAME, content)
    store.update(jobs, key=["uuid", "index"])
    return manifest


def _of_study(
    reader: DocumentReader, study: str
) -> tuple[list[dict[str, Any]], dict[str, int], list[TrajectoryDoc]]:
    uuids: dict[str, None] = {}
    counts: dict[str, int] = {}
    trajectories = []
    wanted = QueryFilter(study=study)
    for kind in DOCUMENT_KINDS:
        found = reader.search(Search(kind, wanted.conditions(kind)))
        if found:
            counts[kind] = len(found)
        for _, document in found:
            uuids[document.job_uuid] = None
            if kind == "trajectory":
                trajectories.append(TrajectoryDoc.model_validate(document.content))
    jobs = list(reader.find({"uuid": {"$in": sorted(uuids)}})) if uuids else []
    jobs.sort(key=lambda job: (job["uuid"], job.get("index") or 1))
    return jobs, counts, sorted(trajectories, key=lambda document: document.id)


def _members(
    reader: DocumentReader,
    jobs: list[dict[str, Any]],
    trajectories: list[TrajectoryDoc],
    inputs: Mapping[str, bytes],
) -> Iterator[tuple[str, bytes]]:
    for job in jobs:
        plain = {name: value for name, value in job.items() if name != "_id"}
        content = json.dumps(plain, sort_keys=True, indent=1, default=str).encode()
        yield f"jobs/{job['uuid']}-{job.get('index') or 1}.json", content
    for document in trajectories:
        identity = document.archive.trajectory_id
        archive = open_stored_trajectory(reader, identity, document.archive)
        for name in (*(s.name for s in document.archive.segments), HEADER_NAME):
            yield f"trajectories/{identity}/{name}", archive.backend.read(name)
    for name in sorted(inputs):
        yield f"inputs/{name}", inputs[name]


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o644
    tar.addfile(member, io.BytesIO(content))


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    """Members that are plain files with plain names; anything else is refused."""
    try:
        with tarfile.open(path, "r:*") as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts
                if not member.isfile() or ".." in parts or member.name.startswith("/"):
                    raise _damaged(path, f"{member.name!r} is no plain file")
                if member.size > _MAX_MEMBER_BYTES:
                    raise _damaged(path, f"{member.name!r} is {member.size} bytes long")
                stream = tar.extractfile(member)
                content = b"" if stream is None else stream.read()
                if len(content) != member.size:
                    raise _damaged(path, f"{member.name!r} is cut")
                yield member.name, content
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error


def _parsed(path: Path, content: bytes) -> Manifest:
    try:
        raw = json.loads(content)
        version = raw.get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise newer_store(str(path), version)
        return Manifest.model_validate(raw)
    except (ValueError, AttributeError, ValidationError) as error:
        raise _damaged(path, f"its {_MANIFEST} cannot be read") from error


def _damaged(path: Path, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-506",
        who=f"file {path}",
        found=found,
        expected="a whole file as sulfox db export writes it",
        next_step="fetch the file again, or export the study again",
    )

"""A study as one file or folder: job outputs, frames, inputs and the hash of each.

A tar file (compressed where its name says so), or a folder::

    manifest.json                study, versions, SHA-256 of every other member
    jobs/<uuid>-<index>.json     job outputs as the store held them
    trajectories/<id>/<segment>  archives, the same bytes as in the store
    inputs/...                   what the study was made from

The manifest comes last, so that a file that was cut is told from a whole one. Members are
written without times and owners: the same study gives the same members in the same order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sulfox import __version__
from sulfox.documents.base import SCHEMA_VERSION
from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory
from sulfox.stores.documents import QueryFilter
from sulfox.stores.portable.files import MANIFEST, check_place, new_export
from sulfox.stores.portable.manifest import Manifest
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search.search import Search
from sulfox.trajectories.segments import HEADER_NAME

__all__ = ["export_study"]


def export_study(
    reader: DocumentReader,
    study: str,
    path: Path,
    inputs: Mapping[str, bytes] | None = None,
    *,
    as_folder: bool = False,
    replace: bool = False,
) -> Manifest:
    """Write a study's portable archive.

    Parameters
    ----------
    reader : DocumentReader
        As ``open_documents`` gives it.
    study : str
        Name of the study.
    path : Path
        ``.tar``, ``.tar.gz``, ``.tar.xz`` or ``.tar.bz2``, in a folder that exists.
    inputs : mapping, optional
        File name -> content of what the study was made from.
    as_folder : bool
        Write the members as files of a folder, which can be queried as it is.
    replace : bool
        Whether a file of this name is replaced, once the new one is whole.

    Returns
    -------
    Manifest
        As it stands in the file.

    Raises
    ------
    SulfoxError
        SFX-602 if the store holds nothing of the study, SFX-503 if the file cannot be
        written, SFX-560 if something is there, SFX-901 for a name or place that cannot be;
        SFX-40x and 50x as the store says.
    """
    check_place(path, as_folder=as_folder, replace=replace)
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
    with new_export(path, as_folder=as_folder, replace=replace) as add:
        for name, content in _members(reader, jobs, trajectories, inputs or {}):
            hashes[name] = hashlib.sha256(content).hexdigest()
            add(name, content)
        manifest = Manifest(
            study=study,
            sulfox=__version__,
            schema_version=SCHEMA_VERSION,
            documents=counts,
            members=hashes,
        )
        add(MANIFEST, manifest.model_dump_json(indent=1).encode())
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

"""What an exported study holds, and whether it holds it whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from sulfox.documents.base import SCHEMA_VERSION, Record
from sulfox.stores.embedded.folder import is_file_name
from sulfox.stores.portable.files import MANIFEST, damaged, members_of
from sulfox.stores.store_errors import newer_store

__all__ = ["Manifest", "parse_manifest", "read_manifest"]


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


def read_manifest(path: Path) -> Manifest:
    """Check every hash of a portable archive.

    Parameters
    ----------
    path : Path
        The file or folder.

    Returns
    -------
    Manifest
        What it holds; everything in it has its hash.

    Raises
    ------
    SulfoxError
        SFX-407 if there is nothing to read, SFX-506 if it is cut, damaged or holds what its
        manifest does not name, SFX-502 if a newer sulfox wrote it.
    """
    found: dict[str, str] = {}
    manifest: Manifest | None = None
    for name, content in members_of(path):
        if name == MANIFEST and manifest is None:
            manifest = parse_manifest(path, content)
        elif name in found or name == MANIFEST:
            raise damaged(path, f"{name!r} is there twice")
        else:
            found[name] = hashlib.sha256(content).hexdigest()
    if manifest is None:
        raise damaged(path, f"no {MANIFEST}: the file is cut, or no portable archive")
    wrong = [name for name, sha256 in manifest.members.items() if found.get(name) != sha256]
    wrong += [name for name in found if name not in manifest.members]
    if wrong:
        raise damaged(path, f"{wrong[0]} is missing, unknown or has not its SHA-256")
    strange = [name for name in found if not _is_member(name)]
    if strange:
        raise damaged(path, f"{strange[0]!r} has no place in a store")
    return manifest


def parse_manifest(path: Path, content: bytes) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    path : Path
        File or folder that it is of, for the message.
    content : bytes
        Its JSON.

    Returns
    -------
    Manifest
        Typed.

    Raises
    ------
    SulfoxError
        SFX-506 if it cannot be read, SFX-502 if a newer sulfox wrote it.
    """
    try:
        raw = json.loads(content)
        version = raw.get("schema_version")
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise newer_store(str(path), version)
        return Manifest.model_validate(raw)
    except (ValueError, AttributeError, ValidationError) as error:
        raise damaged(path, f"its {MANIFEST} cannot be read") from error


def _is_member(name: str) -> bool:
    room, *rest = name.split("/")
    deep_enough = {"jobs": len(rest) == 1, "trajectories": len(rest) == 2, "inputs": bool(rest)}
    return deep_enough.get(room, False) and all(map(is_file_name, rest))

"""A run's own files after they are archived: kept, compressed, or dropped."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import disk_error
from sulfox.trajectories.files.byte_source import COMPRESSIONS

__all__ = ["RawFile", "RawPolicy", "check_policy", "settle_files"]

RawPolicy = Literal["keep", "compress", "drop"]
_BLOCK = 1 << 20
_NOT_WORTH = (*COMPRESSIONS, ".h5")


class RawFile(Record):
    """What became of one file.

    Attributes
    ----------
    path : str
        Where it is now, or was.
    action : str
        ``"kept"``, ``"compressed"`` or ``"dropped"``.
    n_bytes_before, n_bytes_after : int
        Its size.
    """

    path: str
    action: str
    n_bytes_before: int
    n_bytes_after: int


def check_policy(policy: str) -> None:
    """Refuse an unknown policy.

    Parameters
    ----------
    policy : str
        What the user asks for.

    Raises
    ------
    SulfoxError
        SFX-901 if it is none of ``"keep"``, ``"compress"`` and ``"drop"``.
    """
    if policy not in get_args(RawPolicy):
        raise SulfoxError(
            "SFX-901",
            who="--raw",
            found=repr(policy),
            expected=", ".join(get_args(RawPolicy)),
            next_step="say what is to become of VASP's files once they are archived",
        )


def settle_files(paths: Sequence[Path], policy: RawPolicy) -> tuple[RawFile, ...]:
    """Keep, compress or delete files whose frames are in an archive.

    A compressed copy is read back and compared before the file goes.

    Parameters
    ----------
    paths : sequence of Path
        The files; compressed ones and HDF5 are not compressed again.
    policy : str
        ``"keep"``, ``"compress"`` (to ``.gz``) or ``"drop"``.

    Returns
    -------
    tuple of RawFile
        What became of each.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full, SFX-407 if a file cannot be written; the file is still
        there then.
    """
    return tuple(_settle(path, policy) for path in dict.fromkeys(paths))


def _settle(path: Path, policy: RawPolicy) -> RawFile:
    before = path.stat().st_size
    try:
        if policy == "drop":
            path.unlink()
            return RawFile(path=str(path), action="dropped", n_bytes_before=before, n_bytes_after=0)
        if policy == "compress" and path.suffix.lower() not in _NOT_WORTH:
            target = _compress(path)
            after = target.stat().st_size
            return RawFile(
                path=str(target), action="compressed", n_bytes_before=before, n_bytes_after=after
            )
    except OSError as error:
        raise disk_error(path, error) from error
    return RawFile(path=str(path), action="kept", n_bytes_before=before, n_bytes_after=before)


def _compress(path: Path) -> Path:
    target = path.with_name(f"{path.name}.gz")
    beside = path.with_name(f".{path.name}.gz-part")
    try:
        with path.open("rb") as source, beside.open("wb") as out:
            with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=6) as packed:
                shutil.copyfileobj(source, packed, _BLOCK)
            out.flush()
            os.fsync(out.fileno())
        with path.open("rb") as source, gzip.open(beside, "rb") as packed:
            if _checksum(source) != _checksum(packed):
                raise OSError(f"the compressed copy of {path.name} differs")
        beside.replace(target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    path.unlink()
    return target


def _checksum(stream: BinaryIO | gzip.GzipFile) -> bytes:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.digest()

"""The files of one VASP run: which of a folder is read, which lie beside it, how they open.

Names follow custodian: ``vasprun.xml``, ``vasprun.xml.gz``, ``vasprun.xml.dos.gz``. A file
belongs to another when what stands before and after its name (the tag) is the same.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from sulfox.errors import SulfoxError

__all__ = ["READ_NAMES", "find_beside", "find_run_file", "open_packed"]

#: Names that are looked for in a folder, the most telling first.
READ_NAMES = ("vasprun.xml", "vaspout.h5", "DOSCAR", "PROCAR")
_PREFERRED_TAGS = ("", ".dos", ".static")
_PACKED: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"BZh", bz2.open),
)
_SUFFIXES = ("", ".gz", ".xz", ".bz2")


def open_packed(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked on the fly where its content is packed.

    Parameters
    ----------
    path : Path
        Plain, or packed by gzip, xz or bzip2 whatever its name.

    Returns
    -------
    binary file
        At its start.
    """
    with path.open("rb") as stream:
        head = stream.read(6)
    for magic, opener in _PACKED:
        if head.startswith(magic):
            packed: IO[bytes] = opener(path, "rb")
            return packed
    return path.open("rb")


def find_beside(path: Path, name: str) -> Path | None:
    """Find another file of the same run.

    Parameters
    ----------
    path : Path
        A file of the run, such as ``vasprun.xml.dos.gz``.
    name : str
        Name of the other without tag and packing, ``"OUTCAR"``.

    Returns
    -------
    Path or None
        ``OUTCAR.dos.gz``, packed in any way; None where there is none with content.
    """
    parts = _parts(path.name)
    stem, tag = parts if parts is not None else ("", "")
    for suffix in _SUFFIXES:
        beside = path.with_name(f"{stem}{name}{tag}{suffix}")
        if beside.is_file() and beside.stat().st_size:
            return beside
    return None


def _parts(file_name: str) -> tuple[str, str] | None:
    """Return what stands before and after the known name, without its packing."""
    for known in READ_NAMES:
        before, found, after = file_name.partition(known)
        if found:
            for suffix in _SUFFIXES[1:]:
                after = after.removesuffix(suffix)
            return before, after
    return None


def find_run_file(folder: Path) -> Path:
    """Choose the file of a folder that holds a projected density of states.

    Parameters
    ----------
    folder : Path
        Of one run.

    Returns
    -------
    Path
        The vasprun.xml if there is one, else vaspout.h5, DOSCAR, PROCAR; untagged names
        first, then ``.dos`` and ``.static``.

    Raises
    ------
    SulfoxError
        SFX-315 if there is none, or several that differ in their tags only.
    """
    present = sorted(path for path in folder.iterdir() if path.is_file() and path.stat().st_size)
    for known in READ_NAMES:
        tagged: dict[str, list[Path]] = {}
        for path in present:
            parts = _parts(path.name)
            if parts is not None and parts[0] == "" and path.name.startswith(known):
                tagged.setdefault(parts[1], []).append(path)
        for tag in _PREFERRED_TAGS:
            if tag in tagged:
                return tagged[tag][0]
        if len(tagged) == 1:
            return next(iter(tagged.values()))[0]
        if tagged:
            names = " ".join(path.name for paths in tagged.values() for path in paths)
            raise _no_choice(folder, names)
    raise _no_choice(folder, "no such file")


def _no_choice(folder: Path, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-315",
        who=str(folder),
        found=found,
        expected=f"one of {', '.join(READ_NAMES)} (also packed)",
        next_step="give the file itself",
    )

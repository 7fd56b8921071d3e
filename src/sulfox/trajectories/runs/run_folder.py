"""The files of a run in a folder, in the order in which they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.byte_source import COMPRESSIONS
from sulfox.trajectories.files.opening import format_of, open_frames

__all__ = ["FoundFiles", "find_segments"]

#: What is read where a segment left several files, the fullest first.
_PREFERENCE = ("vasprun.xml", "vaspout.h5", "OUTCAR", "XDATCAR")


@dataclass(frozen=True)
class FoundFiles:
    """What a folder holds.

    Attributes
    ----------
    segments : tuple of Path
        One file a segment, in order; each has at least one whole frame.
    skipped : tuple of (Path, str)
        Files without a whole frame, and why.
    """

    segments: tuple[Path, ...]
    skipped: tuple[tuple[Path, str], ...]


def find_segments(folder: Path | str) -> FoundFiles:
    """Find the segments of a run.

    Subfolders come first, in the order of the numbers in their names, then the folder's own
    files; names with an ending (``vasprun.xml.run1.gz``) by their numbers, the bare name last.
    Of a segment's files the first with a whole frame is taken: vasprun.xml, vaspout.h5,
    OUTCAR, XDATCAR.

    Parameters
    ----------
    folder : Path or str
        Folder of the run, or of the folders of its segments.

    Returns
    -------
    FoundFiles
        Segments and what was skipped.

    Raises
    ------
    SulfoxError
        SFX-407 if it is no folder; SFX-411 without a whole frame.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SulfoxError(
            "SFX-407",
            who=str(folder),
            found="no such folder",
            expected="the folder of a VASP run",
            next_step="check the path",
        )
    inner = sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: _natural(p.name))
    segments: list[Path] = []
    skipped: list[tuple[Path, str]] = []
    for place in [*inner, folder]:
        for candidates in _groups(place):
            chosen = next((p for p in candidates if _has_frame(p, skipped)), None)
            if chosen is not None:
                segments.append(chosen)
    if not segments:
        reasons = "; ".join(f"{path.name}: {why}" for path, why in skipped[:3])
        raise SulfoxError(
            "SFX-411",
            who=str(folder),
            found=reasons or "no file of a run",
            expected=f"{', '.join(_PREFERENCE)} (also compressed), here or one folder below",
            next_step="check the folder; a run killed before its first step has no frame",
        )
    return FoundFiles(tuple(segments), tuple(skipped))


def _groups(folder: Path) -> list[list[Path]]:
    """Files of each segment in one folder, the preferred first."""
    groups: dict[str, dict[str, Path]] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        name = format_of(path)
        if name not in _PREFERENCE:
            continue
        bare = path.stem if path.suffix.lower() in COMPRESSIONS else path.name
        label = bare.lower().replace(name.lower(), "")
        known = groups.setdefault(label, {})
        if name not in known or bare == path.name:  # the plain file before its compressed copy
            known[name] = path
    ordered = sorted(groups, key=lambda label: (label == "", _natural(label)))
    return [
        [groups[label][name] for name in _PREFERENCE if name in groups[label]] for label in ordered
    ]


def _has_frame(path: Path, skipped: list[tuple[Path, str]]) -> bool:
    try:
        with open_frames(path) as reader:
            if next(iter(reader), None) is not None:
                return True
            why = reader.remainder or "no frame"
    except SulfoxError as error:
        if error.code != "SFX-401":
            raise
        why = error.found
    skipped.append((path, why))
    return False


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key: ``run2`` before ``run10``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]

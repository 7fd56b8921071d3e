"""The reader of a run's file, found by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.byte_source import Following, bare_name, cannot_follow
from sulfox.trajectories.files.frame import Frame, FrameReader

__all__ = ["format_of", "iter_frames", "open_frames"]

#: Word in the upper-case name -> format.
_FORMATS = {
    "XDATCAR": "XDATCAR",
    "OUTCAR": "OUTCAR",
    "OSZICAR": "OSZICAR",
    "VASPRUN": "vasprun.xml",
    "VASPOUT": "vaspout.h5",
}


def format_of(path: Path | str) -> str | None:
    """Tell the format of a file from its name.

    Parameters
    ----------
    path : Path or str
        ``vasprun.xml``, ``run1_XDATCAR.gz``, ``OUTCAR.relax2.gz`` and the like.

    Returns
    -------
    str or None
        ``"XDATCAR"``, ``"vasprun.xml"``, ``"OUTCAR"``, ``"OSZICAR"``, ``"vaspout.h5"``, or
        None for a name that tells none of these.
    """
    name = bare_name(Path(path)).upper()
    return next((found for word, found in _FORMATS.items() if word in name), None)


def open_frames(path: Path | str, following: Following | None = None) -> FrameReader:
    """Open a file of a run; its frames come one by one, the file is never read whole.

    Parameters
    ----------
    path : Path or str
        The file; text also as ``.gz``, ``.xz`` or ``.bz2``.
    following : Following, optional
        Wait for more frames at the end.

    Returns
    -------
    FrameReader
        Iterate it once, then ask how the file ended.

    Raises
    ------
    SulfoxError
        SFX-407 for a missing file, SFX-402 for an unknown name, SFX-401 where the file
        ends or is damaged before the first frame, SFX-419 where it cannot be followed.
    """
    path = Path(path)
    name = format_of(path)
    if path.is_dir() or not path.exists():
        raise SulfoxError(
            "SFX-407",
            who=str(path),
            found="a folder" if path.is_dir() else "no such file",
            expected="a file of a run",
            next_step="check the path",
        )
    if name == "vaspout.h5":
        if following is not None:
            raise cannot_follow(path, "an HDF5 file, which is whole or cannot be opened")
        from sulfox.trajectories.files.vaspout import VaspoutReader

        return VaspoutReader(path)
    if name is None:
        raise SulfoxError(
            "SFX-402",
            who=str(path),
            found=f"a name that tells no known format ({path.name})",
            expected=", ".join(_FORMATS.values()),
            next_step="rename the file after its format",
        )
    return _text_reader(name)(path, following)


def _text_reader(name: str) -> Callable[[Path, Following | None], FrameReader]:
    from sulfox.trajectories.files.oszicar import OszicarReader
    from sulfox.trajectories.files.outcar import OutcarReader
    from sulfox.trajectories.files.vasprun import VasprunReader
    from sulfox.trajectories.files.xdatcar import XdatcarReader

    readers = (XdatcarReader, VasprunReader, OutcarReader, OszicarReader)
    return next(reader for reader in readers if reader.format == name)


def iter_frames(
    path: Path | str, *, follow: bool = False, following: Following | None = None
) -> Iterator[Frame]:
    """Yield the whole frames of a file; an unfinished last one is left out.

    Parameters
    ----------
    path : Path or str
        The file.
    follow : bool
        Wait for more frames at the end: for ever, or as `following` says.
    following : Following, optional
        How to wait.

    Yields
    ------
    Frame
        The next frame.

    Raises
    ------
    SulfoxError
        As :func:`open_frames`; SFX-401 and SFX-403 for damage inside the file.
    """
    wait = (following or Following()) if follow or following is not None else None
    with closing(open_frames(path, wait)) as reader:
        yield from reader

"""The name under which the stand-in writes, and how a reader recognises its files.

Every file of the stand-in carries :data:`MARK` near its start. Readers ask :func:`is_standin`
before they call a number VASP's.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

from sulfox import __version__
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.engines.vasp.run_folder import open_packed

__all__ = ["MARK", "RECORD_NAME", "as_labelled", "banner", "is_standin", "standin_level"]

MARK = "sulfox-vasp-standin"
#: What the stand-in tells about itself beside VASP's files.
RECORD_NAME = "standin.json"
#: Further on a real OUTCAR may quote the comment of a CONTCAR that the stand-in wrote.
_HEAD_BYTES = 640
_LEVEL = re.compile(rf"{MARK} \S+ \(([^)\n]*synthetic bands[^)\n]*)\)")
#: Programs name themselves here; the others quote the comment of the POSCAR or the INCAR.
_TELLING = ("vasprun.xml", "OUTCAR")
_OTHERS = (RECORD_NAME, "OSZICAR", "XDATCAR", "CONTCAR", "DOSCAR", "EIGENVAL", "PROCAR")
_PACKING = ("", ".gz", ".xz", ".bz2")


def banner(potential: str) -> str:
    """Compose the line that every file begins with.

    Parameters
    ----------
    potential : str
        Name of what computes the forces, ``"NEP89"``.

    Returns
    -------
    str
        ``"sulfox-vasp-standin 0.1.0 (NEP89 forces, synthetic bands; not VASP, not DFT)"``.
    """
    plain = " ".join(re.sub(r"[^\w .:+-]", " ", potential).split())
    return f"{MARK} {__version__} ({plain} forces, synthetic bands; not VASP, not DFT)"


def is_standin(path: Path | str) -> bool:
    """Whether a file, or the run in a folder, was written by the stand-in.

    In a folder vasprun.xml and OUTCAR decide: a run of VASP that began from a CONTCAR of the
    stand-in, or took its folder over, is VASP's.

    Parameters
    ----------
    path : Path or str
        A file of VASP's formats, packed or not, or the folder of a run.

    Returns
    -------
    bool
        False also for a file that does not exist or cannot be unpacked.
    """
    return standin_level(path) is not None


def standin_level(path: Path | str) -> str | None:
    """Name the level of theory of the stand-in's file or folder.

    Parameters
    ----------
    path : Path or str
        As for :func:`is_standin`.

    Returns
    -------
    str or None
        ``"sulfox-vasp-standin (NEP89 forces, synthetic bands; not VASP, not DFT)"``; None if
        the stand-in did not write it.
    """
    path = Path(path)
    if not path.is_dir():
        return _level_of_file(path)
    for names in (_TELLING, _OTHERS):
        paths = [path / f"{name}{packing}" for name in names for packing in _PACKING]
        present = [file for file in paths if file.is_file() and file.stat().st_size]
        levels = [level for level in map(_level_of_file, present) if level is not None]
        if present:
            return levels[0] if levels else None
    return None


def as_labelled(dos: ProjectedDos, path: Path) -> ProjectedDos:
    """Name the stand-in as the source of what was read from a file of its own.

    Parameters
    ----------
    dos : ProjectedDos
        As read.
    path : Path
        From where.

    Returns
    -------
    ProjectedDos
        Unchanged where the file is not the stand-in's.
    """
    level = standin_level(path)
    if level is None:
        return dos
    return replace(dos, engine="standin", code=MARK, level_of_theory=level)


def _level_of_file(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        with open_packed(path) as stream:
            head = stream.read(_HEAD_BYTES).decode("latin-1")
    except (OSError, EOFError, zlib.error, ValueError):
        return None
    if MARK not in head:
        return None
    match = _LEVEL.search(head)
    return _label(match[1] if match else "forces of a potential")


def _label(text: str) -> str:
    missing = "" if "not VASP" in text else ", synthetic bands; not VASP, not DFT"
    return f"{MARK} ({text}{missing})"

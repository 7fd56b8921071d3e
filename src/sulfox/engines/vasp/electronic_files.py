"""One call reads a projected density of states from any file that sulfox reads."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sulfox.documents.projected_dos import ProjectedDos
from sulfox.engines.vasp.doscar import parse_doscar
from sulfox.engines.vasp.vasprun_dos import parse_vasprun
from sulfox.errors import SulfoxError

__all__ = ["read_projected_dos"]

_PACKED: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"BZh", bz2.open),
)
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError)
_READ = "vasprun.xml or DOSCAR (also packed as .gz, .xz, .bz2)"


def read_projected_dos(
    path: Path | str,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
) -> ProjectedDos:
    """Read the last density of states of a run, with its projections.

    The format follows from the content; only a DOSCAR is known by its name.

    Parameters
    ----------
    path : Path or str
        ``vasprun.xml`` or ``DOSCAR``, packed or not. Beside a DOSCAR stand POSCAR or
        CONTCAR, and EIGENVAL if the band edges are wanted.
    elements : tuple of str, optional
        Keep the projections on these elements only; all if not given.
    orbitals : tuple of str, optional
        Keep the projections on these orbitals (``"s"``, ``"p"``, ``"d"``, ``"f"``); all
        if not given.

    Returns
    -------
    ProjectedDos
        Sums over all sites and orbitals are there whatever is kept.

    Raises
    ------
    SulfoxError
        SFX-407 for a missing or unreadable file; SFX-311 for a truncated or damaged one;
        SFX-312 for a format that is not read; SFX-313 without projections; SFX-314 for
        numbers that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise SulfoxError(
            "SFX-407",
            who=str(path),
            found="a folder" if path.is_dir() else "no such file",
            expected=f"a file: {_READ}",
            next_step="check the path",
        )
    with _faults_named(path), _open(path) as stream:
        head = stream.read(512)
        stream.seek(0)
        if "DOSCAR" in path.name.upper():
            return parse_doscar(stream, path, elements, orbitals)
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return parse_vasprun(stream, str(path), elements, orbitals)
    raise _not_read(path, head)


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        head = stream.read(6)
    for magic, opener in _PACKED:
        if head.startswith(magic):
            packed: IO[bytes] = opener(path, "rb")
            return packed
    return path.open("rb")


@contextmanager
def _faults_named(path: Path) -> Iterator[None]:
    """Turn what the layers below the text raise into errors with the file's name."""
    try:
        yield
    except (PermissionError, IsADirectoryError) as error:
        raise SulfoxError(
            "SFX-407",
            who=str(path),
            found=error.strerror or "cannot be read",
            expected="a file that can be read",
            next_step="check its permissions",
        ) from error
    except _DAMAGE as error:
        raise SulfoxError(
            "SFX-311",
            who=str(path),
            found=f"damaged or truncated packed data ({type(error).__name__}: {error})",
            expected="a whole file",
            next_step="copy the file again",
        ) from error


def _not_read(path: Path, head: bytes) -> SulfoxError:
    found = f"a content that tells no known format ({path.name})"
    next_step = "give the vasprun.xml of the run, or name a DOSCAR so"
    if head.startswith(b"\x89HDF"):
        found = "an HDF5 file (vaspout.h5?), which sulfox does not read yet"
        next_step = "give the vasprun.xml of the same run"
    elif head.startswith(b"- of Ulm"):
        found = "a GPAW file, which sulfox does not read yet"
        next_step = "use a vasprun.xml for now"
    elif not head:
        found = "an empty file"
    return SulfoxError("SFX-312", who=str(path), found=found, expected=_READ, next_step=next_step)

"""One call reads a projected density of states from any file that sulfox reads."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sulfox.documents.projected_dos import ProjectedDos
from sulfox.engines.gpaw.gpw_file import read_gpw
from sulfox.engines.standin.label import as_labelled
from sulfox.engines.vasp.core_potentials import with_core_potentials
from sulfox.engines.vasp.doscar import parse_doscar
from sulfox.engines.vasp.procar import parse_procar
from sulfox.engines.vasp.run_folder import find_run_file, open_packed
from sulfox.engines.vasp.vaspout_h5 import parse_vaspout
from sulfox.engines.vasp.vasprun_dos import parse_vasprun
from sulfox.errors import SulfoxError

__all__ = ["read_projected_dos"]

_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError)
_READ = "vasprun.xml, vaspout.h5, DOSCAR or PROCAR (also packed as .gz, .xz, .bz2), or .gpw"


def read_projected_dos(
    path: Path | str,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
) -> ProjectedDos:
    """Read the last density of states of a run, with its projections.

    The format follows from the content; only DOSCAR, PROCAR and ``.gpw`` are known by their
    names.

    Parameters
    ----------
    path : Path or str
        ``vasprun.xml``, ``vaspout.h5``, ``DOSCAR`` or ``PROCAR``, packed or not, the folder of
        a run, or GPAW's ``.gpw``. Beside a DOSCAR stand POSCAR or CONTCAR, and EIGENVAL if
        the band edges are wanted; beside a PROCAR stand DOSCAR and POSCAR or CONTCAR. An
        OUTCAR beside any of them gives the electrostatic potential at the sites.
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
        numbers that are not finite; SFX-315 for a folder without one file to choose; SFX-316
        for a PROCAR without its DOSCAR.
    """
    path = Path(path)
    with _faults_named(path):
        if path.is_dir():
            path = find_run_file(path)
    if not path.is_file():
        raise SulfoxError(
            "SFX-407",
            who=str(path),
            found="no such file",
            expected=f"a file: {_READ}",
            next_step="check the path",
        )
    if path.suffix == ".gpw":
        return read_gpw(path, elements, orbitals)
    with _faults_named(path), open_packed(path) as stream:
        head = stream.read(512)
        stream.seek(0)
        dos = _parse(stream, path, head, elements, orbitals)
    return as_labelled(with_core_potentials(dos, path), path)


def _parse(
    stream: IO[bytes],
    path: Path,
    head: bytes,
    elements: tuple[str, ...] | None,
    orbitals: tuple[str, ...] | None,
) -> ProjectedDos:
    if head.startswith(b"\x89HDF"):
        return parse_vaspout(stream, path, elements, orbitals)
    if "DOSCAR" in path.name.upper():
        return parse_doscar(stream, path, elements, orbitals)
    if "PROCAR" in path.name.upper():
        return parse_procar(stream, path, elements, orbitals)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return parse_vasprun(stream, str(path), elements, orbitals)
    raise _not_read(path, head)


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
    if head.startswith(b"- of Ulm"):
        found = "a GPAW file under another name, or packed"
        next_step = "unpack it, and let its name end in .gpw"
    elif not head:
        found = "an empty file"
    return SulfoxError("SFX-312", who=str(path), found=found, expected=_READ, next_step=next_step)

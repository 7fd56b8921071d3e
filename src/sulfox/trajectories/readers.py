"""One call reads any trajectory: a file of VASP, extended XYZ, ASE .traj, or an archive."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import open_archive
from sulfox.trajectories.files.byte_source import bare_name
from sulfox.trajectories.files.frame import FrameReader
from sulfox.trajectories.files.opening import format_of, open_frames
from sulfox.trajectories.frames import Trajectory, series_of, stack_of
from sulfox.trajectories.geometry import unwrap

__all__ = ["read_trajectory"]

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_XYZ = (".xyz", ".extxyz")


def read_trajectory(
    path: Path | str, time_step_fs: float | None = None, *, drop_incomplete: bool = False
) -> Trajectory:
    """Read a trajectory from a file or an archive folder.

    The format follows from the name: ``*XDATCAR*``, ``vasprun*.xml``, ``*OUTCAR*``,
    ``vaspout*.h5``, ``.extxyz``/``.xyz``, ``.traj``; the text formats also compressed
    (``.gz``, ``.xz``, ``.bz2``). A folder is an archive.

    Parameters
    ----------
    path : Path or str
        File or folder.
    time_step_fs : float, optional
        Time between two frames [fs], for files that do not hold it.
    drop_incomplete : bool
        Leave out an unfinished last frame of VASP's files instead of refusing the file.

    Returns
    -------
    Trajectory
        Unwrapped frames; ``times_fs`` is None where neither the file nor the caller
        knows the time.

    Raises
    ------
    SulfoxError
        SFX-407 for a missing or unreadable file, SFX-402 for an unknown format, SFX-401
        for a truncated or damaged file, SFX-403 for numbers that are not finite, SFX-901
        for a time step that is not positive or contradicts the file.
    """
    path = Path(path)
    if time_step_fs is not None and not (np.isfinite(time_step_fs) and time_step_fs > 0):
        raise _bad_step(f"{time_step_fs}", "a positive time in fs")
    if path.is_dir():
        return _read_archive(path, time_step_fs)
    if not path.is_file():
        raise SulfoxError(
            "SFX-407",
            who=str(path),
            found="no such file",
            expected="a trajectory file or the folder of an archive",
            next_step="check the path",
        )
    try:
        return _read_file(path, time_step_fs, drop_incomplete=drop_incomplete)
    except (PermissionError, IsADirectoryError) as error:
        raise SulfoxError(
            "SFX-407",
            who=str(path),
            found=error.strerror or "cannot be read",
            expected="a file that can be read",
            next_step="check its permissions",
        ) from error
    except EOFError as error:
        raise SulfoxError(
            "SFX-401",
            who=f"{path}, frame 1",
            found=f"damaged or truncated compressed data ({error})",
            expected="a whole file",
            next_step="copy the file again",
        ) from error


def _read_file(path: Path, time_step_fs: float | None, *, drop_incomplete: bool) -> Trajectory:
    if format_of(path) not in (None, "OSZICAR"):
        with open_frames(path) as reader:
            return _collect(reader, time_step_fs, drop_incomplete=drop_incomplete)
    if Path(bare_name(path)).suffix.lower() in _XYZ:
        from sulfox.trajectories.ase_formats import read_extxyz

        return read_extxyz(_lines(path), str(path), time_step_fs)
    if path.suffix.lower() == ".traj":
        from sulfox.trajectories.ase_formats import read_ase_traj

        return read_ase_traj(path, time_step_fs)
    raise SulfoxError(
        "SFX-402",
        who=str(path),
        found=f"a name that tells no known format ({path.name})",
        expected="*XDATCAR*, vasprun*.xml, *OUTCAR*, .extxyz, .xyz (also .gz, .xz, .bz2), "
        "vaspout*.h5, .traj or an archive folder",
        next_step="rename the file after its format, or convert it with ASE",
    )


def _collect(
    reader: FrameReader, time_step_fs: float | None, *, drop_incomplete: bool
) -> Trajectory:
    """Gather all frames of a file."""
    own = reader.head.time_step_fs
    if None not in (own, time_step_fs) and not np.isclose(own or 0, time_step_fs or 0, rtol=1e-6):
        raise _bad_step(f"{time_step_fs} fs", f"the {own:g} fs the file tells, or none")
    frames = list(reader)
    if reader.truncated and not (drop_incomplete and frames):
        raise reader.damaged(reader.remainder or "the file is cut", "a whole file")
    if not frames:
        raise reader.damaged("no frame", "at least one frame")
    lattices = np.stack([frame.lattice for frame in frames])
    changes = bool((lattices != lattices[0]).any())
    times = time_step_fs or own
    return Trajectory(
        positions=unwrap(np.stack([frame.fractional for frame in frames]))
        @ (lattices if changes else lattices[0]),
        lattice=lattices[0],
        species=reader.head.species,
        times_fs=None if times is None else np.arange(len(frames), dtype=np.float64) * times,
        potential_energy_eV=series_of([frame.energies.free_energy_eV for frame in frames]),
        temperature_K=series_of([reader.head.temperature_K(frame.energies) for frame in frames]),
        conserved_eV=series_of([frame.energies.conserved_eV for frame in frames]),
        forces=stack_of([frame.forces_eV_A for frame in frames]),
        velocities=stack_of([frame.velocities_A_fs for frame in frames]),
        lattices=lattices if changes else None,
    )


def _lines(path: Path) -> Iterator[str]:
    """Yield text lines; any damage below the text becomes EOFError."""
    opener: Callable[..., Any] = _OPENERS.get(path.suffix.lower(), open)
    try:
        with opener(path, "rt", encoding="utf-8") as stream:
            yield from stream
    except (PermissionError, IsADirectoryError):
        raise
    except (OSError, zlib.error, lzma.LZMAError, UnicodeDecodeError) as error:
        raise EOFError(f"{type(error).__name__}: {error}") from error


def _read_archive(path: Path, time_step_fs: float | None) -> Trajectory:
    archive = open_archive(path)
    if archive.n_frames == 0:
        raise SulfoxError(
            "SFX-406",
            who=str(path),
            found="an archive without frames",
            expected="at least one segment",
            next_step="wait for the run's first segment",
        )
    interval = archive.header.frame_interval_fs
    if time_step_fs is not None and not np.isclose(interval, time_step_fs, rtol=1e-6):
        raise _bad_step(f"{time_step_fs} fs", f"the {interval:g} fs between its frames, or none")
    return archive.frames()


def _bad_step(found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-901",
        who="--time-step-fs",
        found=found,
        expected=expected,
        next_step="give the time between two frames of the file, in fs",
    )

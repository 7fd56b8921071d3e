"""VASP's own files of a segment after it is archived: compressed and kept, or dropped."""

from __future__ import annotations

import contextlib
import gzip
import shutil
from pathlib import Path

from sulfox.trajectories.durable import disk_error

__all__ = ["settle_raw_files"]

#: Licensed, or of this process alone: never kept.
_NEVER_KEPT = ("POTCAR", "STOPCAR", "vasp.pid")


def settle_raw_files(folder: Path, keep_in: Path | None) -> None:
    """Move the files of an archived segment away; done twice it changes nothing.

    Parameters
    ----------
    folder : Path
        Of the segment; it is gone afterwards.
    keep_in : Path or None
        Folder that receives each file compressed by gzip; None drops them.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full; nothing is lost then.
    """
    if not folder.is_dir():
        return
    try:
        if keep_in is not None:
            keep_in.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.iterdir()):
                if path.is_file() and path.name not in _NEVER_KEPT and path.stat().st_size:
                    _compress(path, keep_in / f"{path.name}.gz")
        shutil.rmtree(folder)
    except OSError as error:
        raise disk_error(folder, error) from error


def _compress(path: Path, target: Path) -> None:
    beside = target.with_name(f".{target.name}.part")
    try:
        with path.open("rb") as source, gzip.open(beside, "wb", compresslevel=4) as packed:
            shutil.copyfileobj(source, packed, 1 << 20)
        beside.replace(target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    path.unlink()

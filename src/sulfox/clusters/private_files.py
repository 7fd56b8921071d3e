"""Files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path

from sulfox.errors import SulfoxError

__all__ = ["refuse_readable_by_others", "write_private"]


def write_private(path: Path, text: str) -> Path:
    """Write a file of mode 600, atomically.

    Parameters
    ----------
    path : Path
        Its folder is made where there is none.
    text : str
        Content.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    SulfoxError
        SFX-503 if it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise SulfoxError(
            "SFX-503",
            who=str(path),
            found=error.strerror or str(error),
            expected="a folder that can be written",
            next_step="give another folder",
        ) from error
    return path


def refuse_readable_by_others(path: Path) -> None:
    """Refuse a user's own secret file that others may read.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    SulfoxError
        SFX-803 if group or others may read it.
    """
    if path.stat().st_mode & 0o077:
        raise SulfoxError(
            "SFX-803",
            who=str(path),
            found=f"mode {path.stat().st_mode & 0o777:o}",
            expected="a file that only you may read, mode 600",
            next_step=f"chmod 600 {path}",
        )

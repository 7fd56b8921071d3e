"""Files that are whole or not there: temporary name, flush, rename, flush the folder."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from sulfox.errors import SulfoxError

__all__ = ["disk_error", "write_durably"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
#: Some network file systems cannot flush a folder; their renames are durable by themselves.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP}


def disk_error(path: Path, error: OSError) -> SulfoxError:
    """Turn a failed write into an error with a code.

    Parameters
    ----------
    path : Path
        What could not be written.
    error : OSError
        Why.

    Returns
    -------
    SulfoxError
        SFX-503 for a full or read-only disk, else SFX-407.
    """
    if error.errno in _NO_ROOM:
        return SulfoxError(
            "SFX-503",
            who=str(path),
            found=os.strerror(error.errno or 0),
            expected="room to write the file",
            next_step="free some space or choose another place; nothing half-written was left",
        )
    return SulfoxError(
        "SFX-407",
        who=str(path),
        found=error.strerror or str(error),
        expected="a folder that can be written",
        next_step="check the path and its permissions",
    )


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a crash it is either whole or absent.

    Parameters
    ----------
    path : Path
        Final name; its folder is made where it is missing. An older file of this
        name is replaced in one step.
    data : bytes
        Content.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full or read-only; SFX-407 for other failures. In both
        cases the final name is as it was.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
        temporary = None
        _flush_folder(path.parent)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)

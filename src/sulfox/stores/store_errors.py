"""What goes wrong with a store on a disk, as sentences."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sulfox.documents.base import SCHEMA_VERSION
from sulfox.errors import SulfoxError
from sulfox.stores.server_failures import MAY_NOT_WRITE, explain_server_failure

__all__ = [
    "MAY_NOT_WRITE",
    "damaged",
    "is_read_only",
    "newer_store",
    "not_writable",
    "translated_errors",
    "translated_server_errors",
]


def damaged(where: Path, found: str) -> SulfoxError:
    """Error for a store that cannot be read.

    Parameters
    ----------
    where : Path
        Folder of the store.
    found : str
        What is wrong, for the message.
    """
    return SulfoxError(
        "SFX-501",
        who=f"store {where}",
        found=found,
        expected="an embedded store as sulfox writes it",
        next_step="restore the folder from a backup, or give another one with --store",
    )


def newer_store(who: str, version: object) -> SulfoxError:
    """Error for a store or document of a newer schema.

    Parameters
    ----------
    who : str
        The store or document, for the message.
    version : object
        Its schema version, as found.
    """
    return SulfoxError(
        "SFX-502",
        who=who,
        found=f"schema version {version}",
        expected=f"{SCHEMA_VERSION} or older",
        next_step="install a newer sulfox, or give another store with --store",
    )


@contextlib.contextmanager
def translated_errors(where: Path) -> Iterator[None]:
    """Turn errors of the file system and of SQLite into sentences.

    Parameters
    ----------
    where : Path
        Folder of the store, named in the message.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full or read-only, SFX-505 for a row that cannot be
        decoded, SFX-501 otherwise.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR):
            raise not_writable(where, str(error)) from error
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM) and is_read_only(where):
            raise not_writable(where, str(error)) from error
        raise damaged(where, f"its database: {error}") from error
    except OSError as error:
        full = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}
        text = error.strerror or str(error)
        if error.errno in full:
            raise not_writable(where, text) from error
        raise damaged(where, text) from error
    except Exception as error:
        if not type(error).__module__.startswith("bson"):
            raise
        raise SulfoxError(
            "SFX-505",
            who=f"store {where}",
            found=f"a row that holds no document ({error})",
            expected="rows as sulfox writes them",
            next_step="restore the folder from a backup",
        ) from error


@contextlib.contextmanager
def translated_server_errors(where: str) -> Iterator[None]:
    """Turn what a MongoDB or S3 server refuses into sentences.

    Parameters
    ----------
    where : str
        The store, named in the message; no address, which may hold a password.

    Raises
    ------
    SulfoxError
        SFX-503 if it may not be written or is full, SFX-501 if the server fails.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.startswith("pymongo"):
            raise explain_server_failure(error).error(where) from None
        if not type(error).__module__.startswith(("botocore", "boto3")):
            raise
        raise SulfoxError(
            "SFX-501",
            who=where,
            found=f"the server failed: {type(error).__name__}",
            expected="a server that answers",
            next_step="see that it runs and may be written, then give the command again",
        ) from None


def not_writable(where: Path | str, found: str) -> SulfoxError:
    """Error for a full disk or a read-only store.

    Parameters
    ----------
    where : Path or str
        Folder of the store, or name of a server's.
    found : str
        What the system said.
    """
    return SulfoxError(
        "SFX-503",
        who=f"store {where}",
        found=found,
        expected="a store with free space that may be written",
        next_step="free space or permit writing, then give the same command again: "
        "what was stored is kept",
    )


def is_read_only(where: Path) -> bool:
    """Tell whether nothing can be written into a folder.

    Parameters
    ----------
    where : Path
        The folder.
    """
    return not os.access(where, os.W_OK | os.X_OK)

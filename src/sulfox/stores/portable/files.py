"""Members of an exported study, in one tar file or in a folder of the same names."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import write_durably

__all__ = ["MANIFEST", "AddMember", "damaged", "members_of", "new_export"]

MANIFEST = "manifest.json"
#: No member of a study is larger; a file that says so is not one of ours.
_MAX_MEMBER_BYTES = 2**31
#: Takes a member's name and content.
AddMember = Callable[[str, bytes], None]


@contextlib.contextmanager
def new_export(path: Path, *, as_folder: bool = False) -> Iterator[AddMember]:
    """Write an export that is there whole, or not at all.

    Parameters
    ----------
    path : Path
        ``.tar``, ``.tar.gz``, ``.tar.xz`` or ``.tar.bz2``, replaced once it is whole; or a
        folder that is not there yet.
    as_folder : bool
        Whether it is a folder.

    Yields
    ------
    callable
        Adds a member.

    Raises
    ------
    SulfoxError
        SFX-560 for a folder that is there, SFX-503 if nothing can be written.
    """
    part = path.with_name(f".{path.name}.part")
    if as_folder and path.exists():
        raise SulfoxError(
            "SFX-560",
            who=str(path),
            found="something of this name",
            expected="a folder that is not there yet",
            next_step="give another name, or remove it",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _folder(part) if as_folder else _tar(part, path.suffix.lower()) as add:
            yield add
        part.replace(path)
    except OSError as error:
        raise SulfoxError(
            "SFX-503",
            who=str(path),
            found=error.strerror or str(error),
            expected="a place that can be written, with space left",
            next_step="give another path",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)


def members_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Read the members of an export; anything but plain files with plain names is refused.

    Parameters
    ----------
    path : Path
        File or folder.

    Yields
    ------
    tuple
        Name and content.

    Raises
    ------
    SulfoxError
        SFX-506 if it is cut, damaged or holds something else.
    """
    try:
        yield from _files(path) if path.is_dir() else _tar_members(path)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise damaged(path, str(error) or type(error).__name__) from error
    except Exception as error:  # zlib and lzma have errors of their own
        if type(error).__module__ not in ("zlib", "_lzma", "lzma"):
            raise
        raise damaged(path, str(error)) from error


def damaged(path: Path, found: str) -> SulfoxError:
    """Error for an export that cannot be trusted.

    Parameters
    ----------
    path : Path
        File or folder.
    found : str
        What is wrong with it.
    """
    return SulfoxError(
        "SFX-506",
        who=f"file {path}",
        found=found,
        expected="a whole export as sulfox db export writes it",
        next_step="fetch it again, or export the study again",
    )


@contextlib.contextmanager
def _tar(part: Path, suffix: str) -> Iterator[AddMember]:
    compression = {".gz": "gz", ".tgz": "gz", ".xz": "xz", ".bz2": "bz2"}.get(suffix, "")
    with part.open("wb") as file:
        with tarfile.open(fileobj=file, mode=f"w:{compression}") as tar:  # type: ignore[call-overload]

            def add(name: str, content: bytes) -> None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                member.mode = 0o644
                tar.addfile(member, io.BytesIO(content))

            yield add
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _folder(part: Path) -> Iterator[AddMember]:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()

    def add(name: str, content: bytes) -> None:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        write_durably(part / name, content)

    yield add


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise damaged(folder, f"{name!r} is no plain file")
        if path.is_file() and not path.name.startswith("."):
            yield name, path.read_bytes()


def _tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r:*") as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            if not member.isfile() or ".." in parts or member.name.startswith("/"):
                raise damaged(path, f"{member.name!r} is no plain file")
            if member.size > _MAX_MEMBER_BYTES:
                raise damaged(path, f"{member.name!r} is {member.size} bytes long")
            stream = tar.extractfile(member)
            content = b"" if stream is None else stream.read()
            if len(content) != member.size:
                raise damaged(path, f"{member.name!r} is cut")
            yield member.name, content

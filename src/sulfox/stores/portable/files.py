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

__all__ = ["MANIFEST", "AddMember", "check_place", "damaged", "members_of", "new_export"]

MANIFEST = "manifest.json"
#: No member of a study is larger; a file that says so is not one of ours.
_MAX_MEMBER_BYTES = 2**31
#: A tar file says what it is within its first block.
_HEAD_BYTES = 512
#: Ending of a file's name -> how it is compressed.
_COMPRESSION = {
    ".tar": "",
    ".tar.gz": "gz",
    ".tgz": "gz",
    ".tar.xz": "xz",
    ".txz": "xz",
    ".tar.bz2": "bz2",
}
#: Takes a member's name and content.
AddMember = Callable[[str, bytes], None]


def check_place(path: Path, *, as_folder: bool = False, replace: bool = False) -> None:
    """Refuse a place for an export before anything is read.

    Parameters
    ----------
    path : Path
        File or folder that would be written.
    as_folder : bool
        Whether it is a folder.
    replace : bool
        Whether a file of this name may be replaced.

    Raises
    ------
    SulfoxError
        SFX-560 for something that is there, SFX-901 for another ending than that of a tar file
        and for a folder around it that does not exist.
    """
    if not as_folder and path.is_dir():
        raise _wrong_place(path, "a folder", "a file in it, or --folder with another name")
    if not as_folder and _compression(path) is None:
        raise _wrong_place(path, f"the ending {path.suffix!r}", "one of " + ", ".join(_COMPRESSION))
    if not path.parent.is_dir():
        raise _wrong_place(path, f"no folder {path.parent}", "a place in a folder that exists")
    if (path.exists() or path.is_symlink()) and (as_folder or not replace):
        kind = "a folder" if as_folder else "a file"
        more = "" if as_folder else ", or replace it: --replace"
        raise SulfoxError(
            "SFX-560",
            who=str(path),
            found="something of this name",
            expected=f"{kind} that is not there yet",
            next_step=f"give another name, or remove it{more}",
        )


@contextlib.contextmanager
def new_export(
    path: Path, *, as_folder: bool = False, replace: bool = False
) -> Iterator[AddMember]:
    """Write an export that is there whole, or not at all.

    Parameters
    ----------
    path : Path
        ``.tar``, ``.tar.gz``, ``.tar.xz`` or ``.tar.bz2``; or a folder that is not there yet.
    as_folder : bool
        Whether it is a folder.
    replace : bool
        Whether a file of this name is replaced, once the new one is whole.

    Yields
    ------
    callable
        Adds a member.

    Raises
    ------
    SulfoxError
        As :func:`check_place`; SFX-503 if nothing can be written.
    """
    check_place(path, as_folder=as_folder, replace=replace)
    part = path.with_name(f".{path.name}.part")
    try:
        with _folder(part) if as_folder else _tar(part, _compression(path) or "") as add:
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
        SFX-407 if there is nothing to read, SFX-506 if it is cut, damaged or holds something
        else.
    """
    _check_readable(path)
    try:
        yield from _files(path) if path.is_dir() else _tar_members(path)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise damaged(path, str(error) or type(error).__name__) from error
    except Exception as error:  # zlib and lzma have errors of their own
        if type(error).__module__ not in ("zlib", "_lzma", "lzma"):
            raise
        raise damaged(path, str(error)) from error


def _check_readable(path: Path) -> None:
    """Tell what is no export at all from one that is damaged."""
    who = f"folder {path}" if path.is_dir() else f"file {path}"
    step = "correct the path; sulfox db export STUDY writes such a file"
    whole = "a file or folder that sulfox db export wrote"
    if not path.is_dir() and not path.is_file():
        found = "no plain file" if path.exists() else "no such file or folder"
        raise SulfoxError("SFX-407", who=who, found=found, expected=whole, next_step=step)
    if path.is_dir():
        strange = "" if (path / MANIFEST).is_file() else f"no {MANIFEST} in it"
    else:
        try:
            with path.open("rb") as file:
                start = file.read(_HEAD_BYTES)
        except OSError as error:
            found = error.strerror or str(error)
            raise SulfoxError(
                "SFX-407", who=who, found=found, expected=whole, next_step=step
            ) from error
        packed = start.startswith((b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh"))
        is_tar = packed or start[257:262] == b"ustar"
        strange = "" if is_tar else "no tar file" if start else "an empty file"
    if strange:
        raise SulfoxError("SFX-506", who=who, found=strange, expected=whole, next_step=step)


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


def _compression(path: Path) -> str | None:
    name = path.name.lower()
    return next((how for end, how in _COMPRESSION.items() if name.endswith(end)), None)


def _wrong_place(path: Path, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-901", who=f"--out {path}", found=found, expected=expected, next_step="correct it"
    )


@contextlib.contextmanager
def _tar(part: Path, compression: str) -> Iterator[AddMember]:
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

"""Bytes of a file that may be compressed, cut off, or still growing."""

from __future__ import annotations

import bz2
import lzma
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sulfox.errors import SulfoxError

__all__ = ["COMPRESSIONS", "ByteSource", "Following", "Window", "bare_name", "keep_freed_memory"]

_BLOCK = 1 << 23


#: Ending of a name -> what takes one compressed stream apart.
COMPRESSIONS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".xz": lzma.LZMADecompressor,
    ".bz2": bz2.BZ2Decompressor,
}


def bare_name(path: Path) -> str:
    """Name of a file without the ending of its compression.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        ``"vasprun.xml"`` for ``vasprun.xml.gz``.
    """
    return path.stem if path.suffix.lower() in COMPRESSIONS else path.name


@dataclass(frozen=True)
class Following:
    """How to wait for a file that grows.

    Attributes
    ----------
    poll_s : float
        Time between two looks [s].
    idle_s : float or None
        Stop when nothing was added for so long [s]; None waits for ever.
    stop : callable or None
        Stop when it returns True and nothing more is there.
    """

    poll_s: float = 1.0
    idle_s: float | None = None
    stop: Callable[[], bool] | None = None


class ByteSource:
    """Blocks of a file's (decompressed) bytes.

    What a cut compressed file still gives is right as far as it goes; a damaged one is
    refused where the damage is found.

    Parameters
    ----------
    path : Path
        The file; ``.gz``, ``.xz`` and ``.bz2`` are decompressed.
    following : Following, optional
        Wait for more at the end of the file.

    Raises
    ------
    SulfoxError
        SFX-407 if the file does not exist or cannot be read; SFX-419 for a compressed
        file that is to be followed.
    """

    def __init__(self, path: Path, following: Following | None = None) -> None:
        self.path = path
        self.cut_short = False
        self.follows = following is not None
        self._following = following
        suffix = path.suffix.lower()
        self._make = COMPRESSIONS.get(suffix)
        self._stream: Any = self._make() if self._make else None
        self._pending = b""
        self._file: Any = None
        if following is not None and self._make is not None:
            raise cannot_follow(path, f"a compressed file ({suffix})")
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(path, error) from error

    def read(self) -> bytes:
        """Return the next block; empty at the end.

        Returns
        -------
        bytes
            At least one byte, or none at the end of the file.

        Raises
        ------
        SulfoxError
            SFX-401 where compressed data is damaged, or a followed file got shorter.
        """
        return self._read_plain() if self._stream is None else self._read_compressed()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _read_raw(self) -> bytes:
        try:
            return bytes(self._file.read(_BLOCK))
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def _read_plain(self) -> bytes:
        data = self._read_raw()
        if data or self._following is None:
            return data
        last_growth = time.monotonic()
        while not (data := self._read_raw()):
            stopped = self._following.stop is not None and self._following.stop()
            waited = time.monotonic() - last_growth
            if stopped or (self._following.idle_s is not None and waited > self._following.idle_s):
                return self._read_raw()
            self._check_growing()
            time.sleep(self._following.poll_s)
        return data

    def _check_growing(self) -> None:
        try:
            here, there = os.fstat(self._file.fileno()), self.path.stat()
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if here.st_size < self._file.tell() or here.st_ino != there.st_ino:
            raise SulfoxError(
                "SFX-401",
                who=str(self.path),
                found="the file was cut or replaced while it was read",
                expected="a file that only grows",
                next_step="read it again from the start",
            )

    def _read_compressed(self) -> bytes:
        """Decompress until something comes out; `cut_short` tells that the end is missing."""
        while not self.cut_short:
            hungry = getattr(self._stream, "needs_input", True) or self._ended_stream()
            if hungry and not self._pending:
                self._pending = self._read_raw()
            if self._ended_stream() and not self._pending.strip(b"\0"):
                if not self._pending:
                    return b""
                self._pending = b""  # zeros that fill up a block
                continue
            try:
                out = self._decompress(hungry)
            except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
                raise SulfoxError(
                    "SFX-401",
                    who=str(self.path),
                    found=f"damaged compressed data ({error})",
                    expected="a file as the compressor wrote it",
                    next_step="copy the file again",
                ) from error
            if out:
                return out
        return b""

    def _ended_stream(self) -> bool:
        return self._stream is not None and self._stream.eof

    def _decompress(self, hungry: bool) -> bytes:
        if self._ended_stream():  # another stream follows
            self._stream = self._make() if self._make else None
        stream: Any = self._stream
        given, self._pending = (self._pending, b"") if hungry else (b"", self._pending)
        out: bytes = stream.decompress(given, _BLOCK)
        if stream.eof:
            self._pending = stream.unused_data
        elif hasattr(stream, "unconsumed_tail"):
            self._pending = stream.unconsumed_tail
        self.cut_short = hungry and not (given or out or stream.eof)
        return out


@cache
def keep_freed_memory() -> None:
    """Make the C library keep what is freed for the next block.

    Freeing one large block, never touched, raises the limit above which glibc hands memory
    back to the system (mallopt(3), M_MMAP_THRESHOLD, at most 32 MiB); otherwise each block
    of frames is paid for with page faults. Elsewhere it does nothing.
    """
    bytearray(31 << 20)


class Window:
    """The part of a file that is being looked at; forgets what was read.

    Parameters
    ----------
    source : ByteSource
        Where the bytes come from.
    """

    def __init__(self, source: ByteSource) -> None:
        keep_freed_memory()
        self.source = source
        self.data = b""
        self.at = 0
        self.ended = False

    def more(self) -> bool:
        """Read another block behind what is there; False at the end of the file.

        Returns
        -------
        bool
            Whether bytes were added.
        """
        if self.ended:
            return False
        # as much again as a long frame has already: no quadratic copying
        blocks = [self.data[self.at :]]
        wanted = max(len(blocks[0]), 1)
        self.data, self.at = b"", 0  # its memory takes the next block
        while wanted > 0 and (block := self.source.read()):
            blocks.append(block)
            wanted -= len(block)
            if self.source.follows:
                break  # what is there is looked at before more is waited for
        if len(blocks) == 1:
            self.ended = True
        self.data = b"".join(blocks)
        return not self.ended

    def find(self, mark: bytes) -> int:
        """Find a mark, reading on where needed.

        Parameters
        ----------
        mark : bytes
            What is looked for.

        Returns
        -------
        int
            Where it begins in `data`, -1 if the file ends before it.
        """
        looked = self.at
        while (found := self.data.find(mark, looked)) < 0:
            looked = max(len(self.data) - len(mark) + 1, self.at) - self.at
            if not self.more():
                return -1
            looked += self.at
        return found

    def rest(self) -> bytes:
        """Look at what was read and not yet used.

        Returns
        -------
        bytes
            From the present place to the end of what was read.
        """
        return self.data[self.at :]


def cannot_follow(path: Path, found: str) -> SulfoxError:
    """Make the error for a file that cannot be followed.

    Parameters
    ----------
    path : Path
        The file.
    found : str
        Why not.

    Returns
    -------
    SulfoxError
        SFX-419.
    """
    return SulfoxError(
        "SFX-419",
        who=str(path),
        found=found,
        expected="a text file that VASP is writing",
        next_step="follow XDATCAR, vasprun.xml, OUTCAR or OSZICAR",
    )


def _unreadable(path: Path, error: OSError) -> SulfoxError:
    missing = isinstance(error, FileNotFoundError)
    return SulfoxError(
        "SFX-407",
        who=str(path),
        found="no such file" if missing else error.strerror or str(error),
        expected="a file that can be read",
        next_step="check the path and its permissions",
    )

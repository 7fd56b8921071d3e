"""How the stand-in's files reach the disk: in pieces, as a Fortran program's do.

A process that is killed leaves what had been written: files that grow end in the middle of a
line, a CONTCAR is whole or empty. A disk that fills up is a limit on the bytes of all files.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

__all__ = ["Disk", "GrowingFile"]

_PIECE_BYTES = 4096


class Disk:
    """A folder that may be full.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bytes_left: int | None = None

    def write(self, descriptor: int, data: bytes) -> None:
        """Write piece by piece.

        Parameters
        ----------
        descriptor : int
            Open file.
        data : bytes
            What is written.

        Raises
        ------
        OSError
            ENOSPC where the disk is full; what found room has been written.
        """
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            if self.bytes_left is not None:
                room = self.bytes_left
                self.bytes_left = max(0, room - len(piece))
                if room < len(piece):
                    os.write(descriptor, piece[:room])
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            while piece:
                piece = piece[os.write(descriptor, piece) :]

    def replace(self, name: str, text: str) -> None:
        """Write a file anew, as VASP rewrites CONTCAR: it is empty for a moment.

        Parameters
        ----------
        name : str
            In the folder.
        text : str
            Whole content.
        """
        path, beside = self.folder / name, self.folder / f".{name}.new"
        path.open("wb").close()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            self.write(descriptor, text.encode("ascii", "replace"))
        except OSError:
            beside.unlink()
            raise
        finally:
            os.close(descriptor)
        beside.replace(path)


class GrowingFile:
    """A file that is appended to.

    Parameters
    ----------
    disk : Disk
        Where it lies.
    name : str
        In the folder; an older file of this name is lost.
    buffer_bytes : int
        Text is kept back until so much of it is there, as the Fortran library keeps it; 0
        writes at once.
    """

    def __init__(self, disk: Disk, name: str, buffer_bytes: int = 0) -> None:
        self._disk = disk
        self._pending = bytearray()
        self._buffer_bytes = buffer_bytes
        self._descriptor = os.open(disk.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def write(self, text: str) -> None:
        """Append text.

        Parameters
        ----------
        text : str
            Latin letters only.
        """
        self._pending += text.encode("ascii", "replace")
        if len(self._pending) > self._buffer_bytes:
            whole = len(self._pending)
            if self._buffer_bytes:
                whole -= whole % _PIECE_BYTES
            data, self._pending = bytes(self._pending[:whole]), self._pending[whole:]
            self._disk.write(self._descriptor, data)

    def flush(self) -> None:
        """Write what was kept back."""
        data, self._pending = bytes(self._pending), bytearray()
        self._disk.write(self._descriptor, data)

    def close(self) -> None:
        """Write what was kept back and close."""
        self.flush()
        os.close(self._descriptor)

"""Starting VASP in a process group of its own, and ending it for certain."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import write_durably

__all__ = ["PID_FILE", "VaspProcess", "end_leftover"]

#: Who runs in a folder: process, host, and the process that watches it.
PID_FILE = "vasp.pid"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_GRACE_S = 5.0


def _die_with_watcher() -> None:
    """Let no VASP go on without the process that watches it; called in the child."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class VaspProcess:
    """A running VASP.

    Parameters
    ----------
    command : str
        How it is started, ``"srun vasp_gam"``.
    folder : Path
        Where it runs; standard output goes to ``vasp.out``, errors to ``std_err.txt``.

    Raises
    ------
    SulfoxError
        SFX-321 if it cannot be started.
    """

    def __init__(self, command: str, folder: Path) -> None:
        self.folder = folder
        self.started_at = time.monotonic()
        with (folder / "vasp.out").open("wb") as out, (folder / "std_err.txt").open("wb") as err:
            try:
                self._popen = subprocess.Popen(  # noqa: S603 - the user's own command
                    shlex.split(command),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    preexec_fn=_die_with_watcher,  # noqa: PLW1509 - one call of the C library
                )
            except (OSError, ValueError) as error:
                raise SulfoxError(
                    "SFX-321",
                    who=command,
                    found=str(error),
                    expected="VASP",
                    next_step="set SULFOX_VASP_GAM_COMMAND to how VASP is started here",
                ) from error
        note = {"pid": self._popen.pid, "host": socket.gethostname(), "watcher": os.getpid()}
        write_durably(folder / PID_FILE, json.dumps(note).encode())

    @property
    def exit_code(self) -> int | None:
        """Exit status; negative for a signal, None while it runs."""
        return self._popen.poll()

    @property
    def seconds(self) -> float:
        """Since its start [s]."""
        return time.monotonic() - self.started_at

    def kill(self) -> None:
        """End it and all it started: by SIGTERM, which srun and mpirun pass on, else by force."""
        _end_group(self._popen.pid, lambda: self._popen.poll() is not None)


def end_leftover(folder: Path) -> bool:
    """End a VASP that still runs in a folder whose watcher is gone.

    Parameters
    ----------
    folder : Path
        Of a segment.

    Returns
    -------
    bool
        Whether there was one on this host.
    """
    try:
        note = json.loads((folder / PID_FILE).read_text(encoding="utf-8"))
        pid = int(note["pid"])
        here = note["host"] == socket.gethostname()
        cwd = Path(f"/proc/{pid}/cwd").resolve(strict=True)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if not here or cwd != folder.resolve():
        return False
    _end_group(pid, lambda: not Path(f"/proc/{pid}/cwd").exists())
    return True


def _end_group(pid: int, is_gone: Callable[[], bool]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        deadline = time.monotonic() + _GRACE_S
        while not is_gone() and time.monotonic() < deadline:
            time.sleep(0.02)
        if is_gone():
            return

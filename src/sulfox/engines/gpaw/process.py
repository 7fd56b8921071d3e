"""Runs GPAW in a process of its own and stops it where it takes too much time or memory."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from sulfox.documents.base import Reason, Record
from sulfox.engines.gpaw.request import (
    FAILURE_FILE,
    GROUND_FILE,
    REQUEST_FILE,
    RESULT_FILE,
    GpawFailure,
    GpawRequest,
    GpawResult,
    GroundState,
    read_answer,
    write_record,
)
from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import disk_error
from sulfox.units import Megabytes, Seconds

__all__ = ["ProcessGuard", "machine_memory_MB", "run_guarded"]

_LOG = logging.getLogger(__name__)
_OUTPUT_FILE = "process.log"
_SECONDS_BETWEEN_LINES = 60.0
_SECONDS_TO_END = 5.0
_SHARE_OF_MACHINE = 0.8
_LAST_WORDS = 300


class ProcessGuard(Record):
    """Limits of one process.

    Attributes
    ----------
    max_time_s : float
        Wall time [s].
    max_memory_MB : float
        Resident memory.
    poll_s : float
        Seconds between looks.
    """

    max_time_s: Seconds = Field(gt=0)
    max_memory_MB: Megabytes = Field(gt=0)
    poll_s: Seconds = Field(default=0.2, gt=0)


def machine_memory_MB() -> float:
    """Memory that a calculation may take at most by default: 80 % of the machine's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**2
    return _SHARE_OF_MACHINE * total


def run_guarded(
    request: GpawRequest, run_dir: Path, guard: ProcessGuard
) -> GpawResult | tuple[Reason, float, float]:
    """Answer a request, or read the answer that the folder holds already.

    Parameters
    ----------
    request : GpawRequest
        What is asked.
    run_dir : Path
        Folder of this one calculation.
    guard : ProcessGuard
        Limits.

    Returns
    -------
    GpawResult, or (reason, wall time [s], peak memory [MB])
        The reason is SFX-326, SFX-331 or SFX-332. The time is that of this process.

    Raises
    ------
    SulfoxError
        SFX-302 where GPAW or a PAW set is missing or cannot be imported, SFX-305 for a
        relaxation without a sound start, SFX-306 if the folder holds another calculation,
        SFX-307 if another process works on it, SFX-503 or SFX-407 if it cannot be written.
    """
    known = read_answer(run_dir / RESULT_FILE, GpawResult, request.inputs_hash)
    if known is not None:
        return known
    read_answer(run_dir / GROUND_FILE, GroundState, request.inputs_hash)  # refuses another's
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        (run_dir / FAILURE_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(run_dir, error) from error
    write_record(run_dir / REQUEST_FILE, request)
    _LOG.info("%s: GPAW starts in %s", request.label, run_dir)
    command = [sys.executable, "-m", "sulfox.engines.gpaw.child", str(run_dir)]
    watch = _Watch(request, run_dir, guard)
    status = watch.run(command)
    result = read_answer(run_dir / RESULT_FILE, GpawResult, request.inputs_hash)
    if result is not None:
        return result
    return watch.reason(status), watch.seconds, watch.peak_MB


class _Watch:
    """One process under its guard."""

    def __init__(self, request: GpawRequest, run_dir: Path, guard: ProcessGuard) -> None:
        self._request, self._run_dir, self._guard = request, run_dir, guard
        self.seconds = self.peak_MB = 0.0
        self._stopped: str | None = None

    def run(self, command: Sequence[str]) -> int:
        start = last_line = time.monotonic()
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with (self._run_dir / _OUTPUT_FILE).open("wb") as output:
            # the child ends when this pipe closes, however this process ends
            process = subprocess.Popen(  # noqa: S603 - sulfox's own module
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            try:
                while process.poll() is None:
                    self.seconds = time.monotonic() - start
                    self.peak_MB = max(self.peak_MB, _resident_MB(process.pid))
                    self._stopped = self._limit()
                    if self._stopped is not None:
                        break
                    if time.monotonic() - last_line > _SECONDS_BETWEEN_LINES:
                        last_line = time.monotonic()
                        _LOG.info("%s: %s", self._request.label, _last_step(self._run_dir))
                    self._wait(process)
            finally:
                _end(process)
        self.seconds = time.monotonic() - start
        return process.returncode

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self._guard.poll_s)

    def _limit(self) -> str | None:
        guard = self._guard
        if self.seconds > guard.max_time_s:
            return f"GPAW was stopped at its limit of {guard.max_time_s:.0f} s"
        if self.peak_MB > guard.max_memory_MB:
            return (
                f"GPAW was stopped at {self.peak_MB:.0f} MB, above its limit of "
                f"{guard.max_memory_MB:.0f} MB"
            )
        return None

    def reason(self, status: int) -> Reason:
        label, folder = self._request.label, self._run_dir
        if self._stopped is not None:
            text = (
                f"{label}: {self._stopped} ({_last_step(folder)}); set SULFOX_GPAW_MAX_TIME_S or "
                "SULFOX_GPAW_MAX_MEMORY_MB and start again: a finished ground state is kept"
            )
            return Reason(code="SFX-332", message=text)
        failure = read_answer(folder / FAILURE_FILE, GpawFailure, self._request.inputs_hash)
        if failure is not None and failure.raised is not None:
            raise SulfoxError(failure.reason.code, **failure.raised)
        if failure is not None:
            return failure.reason
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        text = f"{label}: the process of GPAW {ended}{_last_words(folder)}; start again to go on"
        return Reason(code="SFX-331", message=text)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _resident_MB(pid: int) -> float:
    """Resident memory of a process; 0 where it has ended or cannot be asked."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
    except (OSError, IndexError, ValueError):
        pass
    if Path("/proc").is_dir():
        return 0.0
    command = ["/bin/ps", "-o", "rss=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return float(found.stdout.strip() or 0) / 1024


def _last_step(folder: Path) -> str:
    """Last self-consistency step that GPAW wrote."""
    for name in ("gpaw-dos.txt", "gpaw.txt"):
        lines = _lines(folder / name)
        steps = [line for line in lines if "iter:" in line]
        if steps:
            return f"{name} {' '.join(steps[-1].split())}"
    return "no self-consistency step yet"


def _last_words(folder: Path) -> str:
    words = " | ".join(line.strip() for line in _lines(folder / _OUTPUT_FILE)[-3:] if line.strip())
    return f"; its last words: {words[-_LAST_WORDS:]}" if words else ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

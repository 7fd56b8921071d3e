"""Tells how far a run is: to a callback, and to other processes through a small file."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict
from pathlib import Path

from sulfox.engines.base import DynamicsProgress, ProgressCallback
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.units import FS_PER_PS

__all__ = ["PROGRESS_FILE", "ProgressReporter"]

PROGRESS_FILE = "progress.json"
_SECONDS_BETWEEN = 1.0


class ProgressReporter:
    """Reports at most once a second.

    Parameters
    ----------
    run_dir : Path
        ``progress.json`` is kept there.
    spec : DynamicsSpec
        Number of steps and time step.
    first_step : int
        Where this process started.
    callback : callable, optional
        Called with a :class:`DynamicsProgress`.
    """

    def __init__(
        self,
        run_dir: Path,
        spec: DynamicsSpec,
        first_step: int,
        callback: ProgressCallback | None = None,
    ) -> None:
        self._path = run_dir / PROGRESS_FILE
        self._spec = spec
        self._first_step = first_step
        self._callback = callback
        self._start = time.monotonic()
        self._next = self._start + _SECONDS_BETWEEN

    def update(self, step: int, *, is_last: bool = False) -> None:
        """Report `step` if the last report is a second old, or if it is the last.

        Parameters
        ----------
        step : int
            Steps done since the start of the run, earlier processes included.
        is_last : bool
            Whether the run ends here.
        """
        now = time.monotonic()
        if now < self._next and not is_last:
            return
        self._next = now + _SECONDS_BETWEEN
        progress = self._progress(step, now - self._start)
        temporary = self._path.with_name(f".{self._path.name}-")
        with contextlib.suppress(OSError):  # the run matters more than its display
            temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")
            temporary.replace(self._path)
        if self._callback is not None:
            self._callback(progress)

    def _progress(self, step: int, seconds: float) -> DynamicsProgress:
        done = step - self._first_step
        per_second = done / max(seconds, 1e-9)
        ps_per_step = self._spec.time_step_fs / FS_PER_PS
        return DynamicsProgress(
            steps_done=step,
            n_steps=self._spec.n_steps,
            ps_per_hour=per_second * ps_per_step * 3600,
            seconds_left=(self._spec.n_steps - step) / per_second if done else 0.0,
        )

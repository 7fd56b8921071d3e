"""Watching a running VASP through the sizes and the last lines of its files.

Nothing is read twice: OSZICAR from where the last look ended, of XDATCAR the end. Handlers that
correct are none here: a correction in the middle of dynamics would change the physics silently.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from ase import Atoms

from sulfox.documents.base import Record
from sulfox.engines.allocation import seconds_left
from sulfox.engines.mlip.guard import RunawayGuard
from sulfox.engines.vasp.dynamics.motion_file import MotionFile
from sulfox.trajectories.frames import FloatArray
from sulfox.units import Seconds

__all__ = ["Alarm", "SegmentWatch", "WatchLimits", "reserve_s"]

_STEP = re.compile(rb"^ *(\d+) +T= *(\S+) E= *(\S+) F= *(\S+)", re.MULTILINE)
_FILES = ("OSZICAR", "OUTCAR", "vasp.out", "vasprun.xml")
_STOPCAR = "LSTOP = .TRUE.\n"
_XDATCAR_LINE_BYTES = 48
#: VASP is told to stop when so many steps more would pass the time kept.
_STEPS_AHEAD = 2.0
_LONGEST_RESERVE_S = 300.0
_SHORTEST_RESERVE_S = 6.0


class WatchLimits(Record):
    """When a running VASP is taken as frozen.

    Attributes
    ----------
    silent_steps : int
        Without output for as long as so many steps,
    silent_floor_s : float
        but not less than this [s].
    silent_start_s : float
        Before the first step is done [s].
    """

    silent_steps: int = 20
    silent_floor_s: Seconds = 300.0
    silent_start_s: Seconds = 21600.0


@dataclass(frozen=True)
class Alarm:
    """Why VASP is to be ended now.

    Attributes
    ----------
    ending : str
        ``"hung"``, ``"runaway"`` or ``"out-of-time"``.
    message : str
        One sentence.
    """

    ending: Literal["hung", "runaway", "out-of-time"]
    message: str


def reserve_s(left_s: float | None) -> float:
    """Time kept for the end of VASP and the archive.

    Parameters
    ----------
    left_s : float or None
        Of the job, when it began [s].

    Returns
    -------
    float
        A tenth of it, from 6 s to 5 min [s].
    """
    if left_s is None:
        return 0.0
    return float(np.clip(0.1 * left_s, _SHORTEST_RESERVE_S, _LONGEST_RESERVE_S))


@dataclass
class SegmentWatch:
    """Looks at one running VASP.

    Attributes
    ----------
    folder : Path
        Where it runs.
    guard : RunawayGuard
        Limits of temperature, energy and distance.
    limits : WatchLimits
        Of silence.
    started : MotionFile
        Its POSCAR.
    first_step : int
        Step of its first frame.
    start_energy_eV : float or None
        Of frame 0 of the whole run [eV].
    reserve_s : float
        Kept at the end of the job [s].
    expected_step_s : float or None
        Seconds per step of segments before [s].
    """

    folder: Path
    guard: RunawayGuard
    limits: WatchLimits
    started: MotionFile
    first_step: int
    start_energy_eV: float | None = None
    reserve_s: float = 0.0
    expected_step_s: float | None = None
    n_steps: int = field(init=False, default=0)
    is_stopping: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Begin to count."""
        self._read_bytes = 0
        self._first: tuple[float, int] | None = None
        self._last_at = self._changed_at = time.monotonic()
        self._longest_s = 0.0
        self._sizes: tuple[int, ...] = ()
        self._start_energy = self.start_energy_eV

    @property
    def step_s(self) -> float | None:
        """Seconds per step, measured here or expected; None where nothing is known."""
        mean = self.mean_step_s
        if mean is None:
            return self.expected_step_s
        return max(mean, 0.5 * (self._longest_s + mean))

    @property
    def mean_step_s(self) -> float | None:
        """Mean over the steps seen; None without two [s]."""
        if self._first is None or self.n_steps == self._first[1]:
            return None
        return (self._last_at - self._first[0]) / (self.n_steps - self._first[1])

    def look(self) -> Alarm | None:
        """Look at the files; stop VASP in time, or say why it is to be ended.

        Returns
        -------
        Alarm or None
            None while all is well.
        """
        return self._look_at_steps() or self._look_at_silence() or self._look_at_clock()

    def pause_s(self, poll_s: float) -> float:
        """Time until the next look.

        Parameters
        ----------
        poll_s : float
            At most [s].
        """
        step = self.step_s
        return max(0.05, min(poll_s, poll_s if step is None else step))

    def _look_at_steps(self) -> Alarm | None:
        found = list(_STEP.finditer(self._new_lines()))
        if not found:
            return None
        now = time.monotonic()
        for match in found:
            self.n_steps += 1
            with contextlib.suppress(ValueError):
                hot = self.guard.check_step(self._step, float(match[2].rstrip(b".")))
                if hot is not None:
                    return Alarm("runaway", hot.line)
        if self._first is None:
            self._first = (now, self.n_steps)
        else:
            self._longest_s = max(self._longest_s, (now - self._last_at) / len(found))
        self._last_at = now
        with contextlib.suppress(ValueError):
            return self._check_frame(float(found[-1][4]))
        return None

    @property
    def _step(self) -> int:
        return self.first_step + self.n_steps - 1

    def _check_frame(self, energy: float) -> Alarm | None:
        """Check the newest energy, and the newest whole frame of XDATCAR."""
        start = self._start_energy = energy if self._start_energy is None else self._start_energy
        fractional = self._newest_frame()
        atoms = Atoms(
            self.started.species,
            cell=self.started.lattice,
            scaled_positions=self.started.fractional if fractional is None else fractional,
            pbc=True,
        )
        bad = self.guard.check_frame(self._step, atoms, energy, start)
        return None if bad is None else Alarm("runaway", bad.line)

    def _newest_frame(self) -> FloatArray | None:
        n_atoms = len(self.started.fractional)
        try:
            with (self.folder / "XDATCAR").open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - 3 * (n_atoms + 1) * _XDATCAR_LINE_BYTES))
                parts = stream.read().split(b"Direct configuration=")
        except OSError:
            return None
        for part in reversed(parts[1:]):
            rows = [line.split() for line in part.split(b"\n")[1:-1][:n_atoms]]
            if len(rows) == n_atoms:
                with contextlib.suppress(ValueError):
                    return np.array([[float(word) for word in row] for row in rows])
        return None

    def _look_at_silence(self) -> Alarm | None:
        sizes = tuple(_size(self.folder / name) for name in _FILES)
        now = time.monotonic()
        if sizes != self._sizes:
            self._sizes, self._changed_at = sizes, now
        limits, step = self.limits, self.step_s
        allowed = limits.silent_start_s
        if self.n_steps and step is not None:
            allowed = max(limits.silent_steps * step, limits.silent_floor_s)
        silent = now - self._changed_at
        if silent <= allowed:
            return None
        return Alarm("hung", f"no output for {silent:.0f} s after {self.n_steps} steps")

    def _look_at_clock(self) -> Alarm | None:
        left = seconds_left()
        if left is None:
            return None
        if not self.is_stopping and left < self.reserve_s + _STEPS_AHEAD * (self.step_s or 0.0):
            self.is_stopping = True
            (self.folder / "STOPCAR").write_text(_STOPCAR, encoding="ascii")
        if left < 0.5 * self.reserve_s:
            return Alarm("out-of-time", f"VASP did not stop in time, {left:.0f} s were left")
        return None

    def _new_lines(self) -> bytes:
        try:
            with (self.folder / "OSZICAR").open("rb") as stream:
                stream.seek(self._read_bytes)
                new = stream.read()
        except OSError:
            return b""
        whole = new.rfind(b"\n") + 1
        self._read_bytes += whole
        return new[:whole]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

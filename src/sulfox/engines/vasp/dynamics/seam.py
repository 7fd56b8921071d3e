"""Whether two segments of VASP fit, and where the next one starts.

At a seam without a fault the next segment starts from CONTCAR, one time step behind the last
frame. Elsewhere it starts from the last whole frame again, which is then read twice and kept
once.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import units
from ase.data import atomic_masses, atomic_numbers

from sulfox.documents.structure import StructureRecord
from sulfox.engines.vasp.dynamics.ledger import Start, Tail
from sulfox.engines.vasp.dynamics.motion_file import (
    MotionFile,
    check_contcar,
    read_motion_file,
    write_motion_file,
)
from sulfox.trajectories.frames import FloatArray

__all__ = ["SeamFrame", "check_seam", "choose_start", "first_start", "moved"]

_TRIPLE = re.compile(rb"RANDOM_SEED *= *(\d+) +(\d+) +(\d+)")
_TAIL_BYTES = 65_536
#: Displacement along the velocities, in time steps, that is taken as one step (or as none).
_STEP_TOLERANCE = 0.3
_SAME_PLACE_A = 1e-4
_SAME_ENERGY_EV_PER_ATOM = 1e-4
#: Times the root mean square change per step before the seam, and not less than the floors.
_CHANGES = 8.0
_TEMPERATURE_FLOOR = 0.15
_CONSERVED_FLOOR_EV_PER_ATOM = 2e-3


class SeamFrame:
    """First frame of a segment, as far as a seam needs it.

    Parameters
    ----------
    positions : ndarray, shape (n_atoms, 3)
        Unwrapped from the frame before [Å].
    energy_eV, temperature_K : float
        Potential energy [eV], temperature [K].
    conserved_eV : float or None
        Conserved quantity, with the offset of the segments before [eV].
    """

    def __init__(
        self,
        positions: FloatArray,
        energy_eV: float,
        temperature_K: float,
        conserved_eV: float | None,
    ) -> None:
        self.positions = positions
        self.energy_eV = energy_eV
        self.temperature_K = temperature_K
        self.conserved_eV = conserved_eV


def moved(fractional: FloatArray, before: FloatArray, lattice: FloatArray) -> FloatArray:
    """Displacement by the nearest image.

    Parameters
    ----------
    fractional : ndarray, shape (n_atoms, 3)
        Of the later frame.
    before : ndarray, shape (n_atoms, 3)
        Cartesian, of the earlier one [Å].
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].

    Returns
    -------
    ndarray, shape (n_atoms, 3)
        [Å]
    """
    difference = fractional - before @ np.linalg.inv(lattice)
    result: FloatArray = (difference - np.round(difference)) @ lattice
    return result


def check_seam(
    tail: Tail, frame: SeamFrame, start: Start, time_step_fs: float, is_repeated: bool
) -> str | None:
    """Compare the first frame of a segment with the last one before it.

    Parameters
    ----------
    tail : Tail
        Frames before the seam.
    frame : SeamFrame
        First frame after it.
    start : Start
        How the segment was started.
    time_step_fs : float
        [fs]
    is_repeated : bool
        Whether the frame is the last one again.

    Returns
    -------
    str or None
        What does not fit: positions farther than the largest velocity times the time step,
        temperature or conserved energy that jump.
    """
    n_atoms = len(frame.positions)
    shift = float(np.linalg.norm(frame.positions - tail.positions[-1], axis=1).max())
    if is_repeated:
        change = abs(frame.energy_eV - tail.energies[-1]) / n_atoms
        if shift > _SAME_PLACE_A:
            return f"an atom is {shift:.4f} Å from where the same frame had it"
        if change > _SAME_ENERGY_EV_PER_ATOM:
            return f"the same frame has an energy other by {change:.2e} eV/atom"
    else:
        limit = _longest_step(tail, start, time_step_fs)
        if shift > limit:
            return f"an atom moved {shift:.4f} Å in one step, at most {limit:.4f} Å was to expect"
    hotter = abs(frame.temperature_K - tail.temperatures[-1])
    floor = _TEMPERATURE_FLOOR * float(np.mean(tail.temperatures))
    if hotter > (allowed := max(floor, _CHANGES * _change(tail.temperatures))):
        return f"the temperature jumps by {hotter:.0f} K, at most {allowed:.0f} K was to expect"
    if not start.keeps_thermostat or frame.conserved_eV is None or not tail.conserved.size:
        return None
    jump = abs(frame.conserved_eV - tail.conserved[-1]) / n_atoms
    floor = _CONSERVED_FLOOR_EV_PER_ATOM
    if jump > (allowed := max(floor, _CHANGES * _change(tail.conserved) / n_atoms)):
        return f"the conserved energy jumps by {jump:.2e} eV/atom, at most {allowed:.2e} expected"
    return None


def _change(series: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.diff(series) ** 2))) if series.size > 2 else 0.0


def _longest_step(tail: Tail, start: Start, time_step_fs: float) -> float:
    """Twice the largest velocity times the time step [Å]."""
    speeds = [_SAME_PLACE_A]
    velocities = read_motion_file(start.poscar).velocities
    if velocities is not None:
        speeds.append(float(np.linalg.norm(velocities, axis=1).max()) * time_step_fs)
    if len(tail.positions) == 2:
        speeds.append(float(np.linalg.norm(np.diff(tail.positions, axis=0)[0], axis=1).max()))
    return 2.0 * max(speeds)


def first_start(
    arranged: StructureRecord,
    name: str,
    seed: int,
    velocities: tuple[tuple[float, float, float], ...] | None,
) -> Start:
    """Say how a run begins.

    Parameters
    ----------
    arranged : StructureRecord
        In the order of the POSCAR.
    name : str
        Of the run, for the first line.
    seed : int
        Of the run.
    velocities : tuple, or None
        (n_atoms, 3) in the same order [Å/fs]; None lets VASP draw them.

    Returns
    -------
    Start
        At step 0.
    """
    lattice = np.array(arranged.lattice)
    content = MotionFile(
        lattice=lattice,
        symbols=tuple(arranged.composition),
        counts=tuple(arranged.composition.values()),
        fractional=np.array(arranged.positions) @ np.linalg.inv(lattice),
        velocities=None if velocities is None else np.array(velocities),
    )
    return Start(
        step=0,
        origin="structure",
        keeps_thermostat=True,
        poscar=write_motion_file(name, content),
        random_seed=(seed, 0, 0),
    )


def choose_start(
    folder: Path, before: Start, tail: Tail, n_steps_done: int, time_step_fs: float
) -> Start:
    """Say where the next segment starts: from CONTCAR if it is whole and fits.

    Parameters
    ----------
    folder : Path
        Segment that ended.
    before : Start
        How it was started.
    tail : Tail
        Last whole frames.
    n_steps_done : int
        Steps read so far; the last one is `n_steps_done` - 1.
    time_step_fs : float
        [fs]

    Returns
    -------
    Start
        With a remark where it is not exact.
    """
    started = read_motion_file(before.poscar)
    ended = _ended_by_itself(folder)
    try:
        text = (folder / "CONTCAR").read_text("ascii")
        found = check_contcar(text, started, needs_state=not ended)
        step = n_steps_done - 1 + _steps_ahead(found, tail, time_step_fs)
    except (OSError, ValueError) as error:
        why = "there is no CONTCAR" if isinstance(error, FileNotFoundError) else f"CONTCAR: {error}"
        return _from_last_frame(folder, before, tail, n_steps_done, time_step_fs, why)
    remark = "" if found.has_state else "CONTCAR has no state of the thermostat: it starts anew"
    return Start(
        step=step,
        origin="contcar",
        keeps_thermostat=found.has_state,
        poscar=text,
        random_seed=_next_seed(folder, before, repeats=step < n_steps_done),
        remark=remark,
    )


def _steps_ahead(contcar: MotionFile, tail: Tail, time_step_fs: float) -> int:
    """Count the steps from the last frame to CONTCAR: 1, or 0; else an error.

    The displacement is set against velocity times time step; accelerations do not go with
    the velocities, so that their part averages out.
    """
    velocities = contcar.velocities
    if velocities is None:
        raise ValueError("it has no velocities")
    shift = moved(contcar.fractional, tail.positions[-1], contcar.lattice)
    step = velocities * time_step_fs
    steps = float((shift * step).sum() / (step * step).sum())
    nearest = round(steps)
    if nearest not in (0, 1) or abs(steps - nearest) > _STEP_TOLERANCE:
        raise ValueError(f"it lies {steps:.2f} steps behind the last whole frame")
    longest = 2.0 * float(np.linalg.norm(step, axis=1).max()) + _SAME_PLACE_A
    if float(np.linalg.norm(shift, axis=1).max()) > (longest if nearest else _SAME_PLACE_A):
        raise ValueError("an atom of it is farther from the last frame than its velocity reaches")
    return nearest


def _from_last_frame(
    folder: Path,
    before: Start,
    tail: Tail,
    n_steps_done: int,
    time_step_fs: float,
    why: str,
) -> Start:
    """Start from the last whole frame: velocities by differences, with the forces' half step."""
    started = read_motion_file(before.poscar)
    if len(tail.positions) < 2:  # one frame: the run is as it was when it began
        return before
    last, previous = tail.positions[-1], tail.positions[-2]
    masses = np.array([atomic_masses[atomic_numbers[s]] for s in started.species])
    velocities = (last - previous) / time_step_fs
    velocities = velocities + 0.5 * time_step_fs * units.fs**2 * tail.forces / masses[:, None]
    fractional = last @ np.linalg.inv(started.lattice)
    frame = replace(started, fractional=fractional - np.floor(fractional), velocities=velocities)
    return Start(
        step=n_steps_done - 1,
        origin="last-frame",
        keeps_thermostat=False,
        poscar=write_motion_file("last whole frame, velocities by differences", frame),
        random_seed=_next_seed(folder, before, repeats=True),
        remark=f"{why}; positions of the last whole frame, velocities by differences, "
        "the thermostat starts anew",
    )


def _ended_by_itself(folder: Path) -> bool:
    return b"General timing and accounting" in _last_bytes(folder / "OUTCAR")


def _next_seed(folder: Path, before: Start, *, repeats: bool) -> tuple[int, int, int]:
    """State of the random numbers for the next step, from REPORT."""
    found = [tuple(map(int, triple)) for triple in _TRIPLE.findall(_last_bytes(folder / "REPORT"))]
    if not found:
        return before.random_seed
    first, second, third = found[-1]
    if not repeats and len(found) > 1 and found[-2][2] == third:
        second += max(0, second - found[-2][1])
    return (first, second, third)


def _last_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _TAIL_BYTES))
            return stream.read()
    except OSError:
        return b""

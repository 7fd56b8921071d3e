"""One pass over the files of a run: how many frames, how they end, whether they fit together.

At a seam the next file either goes on one step later, or starts again from a frame that the
file before it already holds; then the older copy, and what followed it, is left out.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.frame import Frame, RunHead
from sulfox.trajectories.files.opening import open_frames
from sulfox.trajectories.frames import FloatArray

__all__ = ["FileSurvey", "Seam", "SeamKind", "survey_files"]

SeamKind = Literal["continuous", "duplicate", "overlap", "gap", "jump", "unchecked"]

#: Atoms that lie closer than this in two files are the same frame [Å].
SAME_PLACE_A = 1e-4
#: Times the longest step (the largest change of step) inside the files.
_STEP_FACTOR, _BEND_FACTOR = 1.5, 3.0


@dataclass(frozen=True)
class Seam:
    """How two files follow each other.

    Attributes
    ----------
    before, after : str
        Paths.
    kind : str
        ``"continuous"``; ``"duplicate"`` and ``"overlap"``: the second starts from the last,
        or an earlier, frame of the first; ``"gap"``: atoms move farther than they can in a
        step; ``"jump"``: positions follow, velocities do not; ``"unchecked"``: no positions.
    n_dropped : int
        Frames of the first file that are left out.
    longest_step_A, limit_A : float or None
        Longest displacement across the seam and what it may be [Å].
    bend_A, bend_limit_A : float or None
        Root mean square change of the displacement, and what it may be [Å].
    """

    before: str
    after: str
    kind: SeamKind
    n_dropped: int = 0
    longest_step_A: float | None = None
    limit_A: float | None = None
    bend_A: float | None = None
    bend_limit_A: float | None = None


@dataclass
class FileSurvey:
    """What one pass over a file found.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        Its format.
    head : RunHead
        What it says of the run.
    n_frames : int
        Whole frames.
    truncated : bool
        Whether it ends inside a frame or without its end.
    remainder : str or None
        What stands behind the last whole frame.
    stop : int
        Frames that are used: those before `stop`.
    first, tail : list of Frame
        The first two frames, the last two that are used.
    cell_changes : bool
        Whether two frames have different cells.
    longest_step_A, bend_A : float
        Longest displacement of an atom between two frames, largest root mean square change
        of the displacement between three [Å].
    temperature_K, total_eV, conserved_eV : array of float
        Of each frame, nan where unknown.
    """

    path: Path
    format: str
    head: RunHead
    n_frames: int = 0
    truncated: bool = False
    remainder: str | None = None
    stop: int = 0
    first: list[Frame] = field(default_factory=list)
    tail: list[Frame] = field(default_factory=list)
    cell_changes: bool = False
    longest_step_A: float = 0.0
    bend_A: float = 0.0
    temperature_K: array[float] = field(default_factory=lambda: array("d"))
    total_eV: array[float] = field(default_factory=lambda: array("d"))
    conserved_eV: array[float] = field(default_factory=lambda: array("d"))

    @property
    def knows_positions(self) -> bool:
        """Whether the file holds atoms; an OSZICAR does not."""
        return bool(self.head.species)


def survey_files(paths: Sequence[Path]) -> tuple[list[FileSurvey], list[Seam]]:
    """Read files that follow each other, and compare them at the seams.

    Parameters
    ----------
    paths : sequence of Path
        In order.

    Returns
    -------
    files : list of FileSurvey
        One a path.
    seams : list of Seam
        One between each two.

    Raises
    ------
    SulfoxError
        SFX-413 if atoms or time steps differ; else as
        :func:`sulfox.trajectories.files.opening.open_frames`.
    """
    starts = [_first_frame(path) for path in paths]
    files = [
        _survey(path, start)
        for path, start in zip(paths, [*starts[1:], None][: len(paths)], strict=True)
    ]
    for other in files[1:]:
        _check_same_run(files[0], other)
    longest = max((f.longest_step_A for f in files), default=0.0)
    bend = max((f.bend_A for f in files), default=0.0)
    seams = []
    tail: list[Frame] = []
    for before, after in pairwise(files):
        tail = (tail + before.tail)[-2:] if before.tail else tail
        seams.append(_seam(before, after, tail, (longest, bend)))
    return files, seams


def _first_frame(path: Path) -> Frame | None:
    with open_frames(path) as reader:
        return next(iter(reader), None)


def _survey(path: Path, next_start: Frame | None) -> FileSurvey:
    with open_frames(path) as reader:
        survey = FileSurvey(path, reader.format, reader.head)
        motion = _Motion(survey)
        unknown = float("nan")
        match: tuple[int, list[Frame]] | None = None
        recent: list[Frame] = []
        for frame in reader:
            scalars = frame.energies
            kelvin = reader.head.temperature_K(scalars)
            survey.temperature_K.append(unknown if kelvin is None else kelvin)
            known = scalars.free_energy_eV is not None and scalars.kinetic_eV is not None
            total = (scalars.free_energy_eV or 0.0) + (scalars.kinetic_eV or 0.0)
            survey.total_eV.append(total if known else unknown)
            conserved = scalars.conserved_eV
            survey.conserved_eV.append(unknown if conserved is None else conserved)
            if survey.knows_positions:
                motion.add(frame)
                if next_start is not None and _same(frame, next_start):
                    match = (frame.number, recent)
            recent = [*recent[-1:], frame]
            if frame.number < 2:
                survey.first.append(frame)
        survey.n_frames = survey.stop = reader.n_frames
        survey.tail = recent
        if match is not None:
            survey.stop, survey.tail = match
        survey.first = [_alone(frame) for frame in survey.first]
        survey.tail = [_alone(frame) for frame in survey.tail]
        survey.truncated, survey.remainder = reader.truncated, reader.remainder
    return survey


def _alone(frame: Frame) -> Frame:
    """Copy the frame's positions out of the block of frames they were read in."""
    return Frame(frame.number, frame.lattice.copy(), frame.coordinates.copy(), frame.is_direct)


class _Motion:
    """Longest step and largest bend, a frame at a time."""

    def __init__(self, survey: FileSurvey) -> None:
        self._survey = survey
        self._before: Frame | None = None
        self._step: FloatArray | None = None

    def add(self, frame: Frame) -> None:
        survey, step = self._survey, None
        if self._before is not None:
            step = _step(self._before, frame)
            if frame.lattice is not self._before.lattice:
                survey.cell_changes |= not np.array_equal(frame.lattice, self._before.lattice)
            survey.longest_step_A = max(survey.longest_step_A, _longest(step))
            if self._step is not None:
                survey.bend_A = max(survey.bend_A, _rms(step - self._step))
        self._before, self._step = frame, step


def _step(before: Frame, after: Frame) -> FloatArray:
    difference = after.fractional - before.fractional
    difference -= np.rint(difference)
    result: FloatArray = difference @ after.lattice
    return result


def _longest(step: FloatArray) -> float:
    return float(np.sqrt(np.einsum("ij,ij->i", step, step).max()))


def _rms(step: FloatArray) -> float:
    return float(np.sqrt(np.einsum("ij,ij->", step, step) / len(step)))


def _same(frame: Frame, other: Frame) -> bool:
    if frame.coordinates.shape != other.coordinates.shape:
        return False
    if frame.is_direct and other.is_direct:  # most frames differ at once in the first atom
        first = frame.coordinates[0] - other.coordinates[0]
        if np.abs((first - np.rint(first)) @ frame.lattice).max() > SAME_PLACE_A:
            return False
    return _longest(_step(other, frame)) < SAME_PLACE_A


def _check_same_run(first: FileSurvey, other: FileSurvey) -> None:
    one, two = first.head, other.head
    known = one.time_step_fs is not None and two.time_step_fs is not None
    wrong = None
    if one.species != two.species:
        wrong = f"{two.n_atoms} atoms, others than the {one.n_atoms} of {first.path.name}"
    elif known and not np.isclose(one.time_step_fs or 0, two.time_step_fs or 0, rtol=1e-6):
        wrong = f"a time step of {two.time_step_fs} fs after {one.time_step_fs} fs"
    if wrong is not None:
        raise SulfoxError(
            "SFX-413",
            who=str(other.path),
            found=wrong,
            expected=f"the same system and time step as in {first.path}",
            next_step="give only the segments of one run, in their order",
        )


def _seam(
    before: FileSurvey, after: FileSurvey, tail: list[Frame], inside: tuple[float, float]
) -> Seam:
    n_dropped = before.n_frames - before.stop
    kind: SeamKind = "continuous" if n_dropped == 0 else "overlap"
    if n_dropped == 1:
        kind = "duplicate"
    names = (str(before.path), str(after.path))
    if not (before.knows_positions and after.knows_positions and tail and after.first):
        is_checked = n_dropped > 0
        return Seam(*names, kind if is_checked else "unchecked", n_dropped)
    last, new = tail[-1], after.first[0]
    longest = _longest(_step(last, new))
    limit = _STEP_FACTOR * inside[0] if inside[0] else None
    bends = _bends([*tail, *after.first])
    bend = max(bends, default=None)
    bend_limit = _BEND_FACTOR * inside[1] if inside[1] else None
    if bend is not None and bend_limit is not None and bend > bend_limit:
        kind = "jump"
    if limit is not None and longest > limit:
        kind = "gap"
    if not np.allclose(last.lattice, new.lattice, rtol=0, atol=_cell_limit(before, after)):
        kind = "gap"
    return Seam(*names, kind, n_dropped, longest, limit, bend, bend_limit)


def _bends(frames: list[Frame]) -> list[float]:
    steps = [_step(a, b) for a, b in pairwise(frames)]
    return [_rms(b - a) for a, b in pairwise(steps)]


def _cell_limit(before: FileSurvey, after: FileSurvey) -> float:
    """Say what the cell may change by in a step: what it changed by inside the files [Å]."""
    pairs = [before.tail, after.first]
    changes = [np.abs(f[1].lattice - f[0].lattice).max() for f in pairs if len(f) == 2]
    return SAME_PLACE_A + _BEND_FACTOR * max(map(float, changes), default=0.0)

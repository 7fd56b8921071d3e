"""What the files of a run say in a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray
from sulfox.trajectories.runs.survey import FileSurvey, Seam, survey_files
from sulfox.units import FS_PER_PS, Drift, Length, Temperature, TimeFs

__all__ = [
    "FileSummary",
    "RunSummary",
    "SeamSummary",
    "common_time_step",
    "describe",
    "summarize_files",
]


class FileSummary(Record):
    """One file of a run.

    Attributes
    ----------
    path, format : str
        Where, and what.
    complete_frames, used_frames : int
        Whole frames, and those kept after stitching.
    truncated : bool
        Whether it ends inside a frame or without its end.
    remainder : str or None
        What stands behind its last whole frame.
    n_steps_requested : int or None
        NSW.
    program : str or None
        What wrote it.
    """

    path: str
    format: str
    complete_frames: int
    used_frames: int
    truncated: bool
    remainder: str | None
    n_steps_requested: int | None
    program: str | None


class SeamSummary(Record):
    """How two files follow each other; see :class:`sulfox.trajectories.runs.survey.Seam`.

    Attributes
    ----------
    before, after, kind : str
        The files, and what the seam is.
    n_dropped : int
        Frames of the first file that are left out.
    longest_step_A, limit_A, bend_A, bend_limit_A : float or None
        Measured across the seam, and what they may be [Å].
    """

    before: str
    after: str
    kind: str
    n_dropped: int
    longest_step_A: Length | None
    limit_A: Length | None
    bend_A: Length | None
    bend_limit_A: Length | None


class RunSummary(Record):
    """A run, stitched from its files.

    Attributes
    ----------
    format : str
        Format of the files; several are joined by a plus.
    n_frames : int
        Frames of the stitched run.
    n_atoms : int or None
        Number of atoms; None where no file tells it.
    species : dict
        Element -> number of atoms.
    time_step_fs : float or None
        [fs]
    truncated : bool
        Whether the last file is cut.
    complete_frames : int
        Whole frames in all files, those left out at seams too.
    n_steps_requested : int or None
        NSW of the last file.
    stopped_early : bool or None
        Fewer frames than NSW in the last file.
    temperature_mean_K : float or None
        [K]
    energy_drift_eV_per_atom_ps, conserved_drift_eV_per_atom_ps : float or None
        Slope of potential + kinetic energy, and of the conserved quantity; the latter only of
        one file, as a restart may begin it anew [eV/atom/ps].
    files : tuple of FileSummary
        In order.
    seams : tuple of SeamSummary
        Between them.
    """

    format: str
    n_frames: int
    n_atoms: int | None
    species: dict[str, int]
    time_step_fs: TimeFs | None
    truncated: bool
    complete_frames: int
    n_steps_requested: int | None
    stopped_early: bool | None
    temperature_mean_K: Temperature | None
    energy_drift_eV_per_atom_ps: Drift | None
    conserved_drift_eV_per_atom_ps: Drift | None
    files: tuple[FileSummary, ...]
    seams: tuple[SeamSummary, ...]


def summarize_files(paths: Sequence[Path | str], time_step_fs: float | None = None) -> RunSummary:
    """Read the files of a run, in order, and say what they hold.

    Parameters
    ----------
    paths : sequence of Path or str
        In order; one is enough.
    time_step_fs : float, optional
        Time between two frames, for files that do not tell it [fs].

    Returns
    -------
    RunSummary
        Frames, atoms, ends, temperature, drifts and seams.

    Raises
    ------
    SulfoxError
        SFX-901 for a time step that is not positive or not the files'; else as
        :func:`sulfox.trajectories.runs.survey.survey_files`.
    """
    files, seams = survey_files([Path(path) for path in paths])
    step = common_time_step(files, time_step_fs)
    return describe(files, seams, step)


def describe(files: list[FileSurvey], seams: list[Seam], step_fs: float | None) -> RunSummary:
    """Put a survey into numbers.

    Parameters
    ----------
    files : list of FileSurvey
        In order.
    seams : list of Seam
        Between them.
    step_fs : float or None
        Time between two frames [fs].

    Returns
    -------
    RunSummary
        The numbers.
    """
    last, species = files[-1], files[0].head.species
    asked = last.head.n_steps_requested
    kelvin = _used([f.temperature_K for f in files], files)
    total = _used([f.total_eV for f in files], files)
    conserved = _used([f.conserved_eV for f in files], files) if len(files) == 1 else None
    return RunSummary(
        format="+".join(dict.fromkeys(f.format for f in files)),
        n_frames=sum(f.stop for f in files),
        n_atoms=len(species) or None,
        species={element: species.count(element) for element in dict.fromkeys(species)},
        time_step_fs=step_fs,
        truncated=last.truncated,
        complete_frames=sum(f.n_frames for f in files),
        n_steps_requested=asked,
        stopped_early=None if asked is None else last.n_frames < asked,
        temperature_mean_K=None if kelvin is None else float(kelvin.mean()),
        energy_drift_eV_per_atom_ps=_slope(total, len(species), step_fs),
        conserved_drift_eV_per_atom_ps=_slope(conserved, len(species), step_fs),
        files=tuple(
            FileSummary(
                path=str(f.path),
                format=f.format,
                complete_frames=f.n_frames,
                used_frames=f.stop,
                truncated=f.truncated,
                remainder=f.remainder,
                n_steps_requested=f.head.n_steps_requested,
                program=f.head.program,
            )
            for f in files
        ),
        seams=tuple(SeamSummary(**vars(seam)) for seam in seams),
    )


def common_time_step(files: Sequence[FileSurvey], given_fs: float | None) -> float | None:
    """Time between two frames: as the files tell, else as given.

    Parameters
    ----------
    files : sequence of FileSurvey
        Files of one run.
    given_fs : float or None
        What the user says [fs].

    Returns
    -------
    float or None
        [fs]

    Raises
    ------
    SulfoxError
        SFX-901 if `given_fs` is not positive or contradicts the files.
    """
    told = next((f.head.time_step_fs for f in files if f.head.time_step_fs is not None), None)
    if given_fs is None:
        return told
    if not (np.isfinite(given_fs) and given_fs > 0):
        expected = "a positive time in fs"
    elif told is not None and not np.isclose(told, given_fs, rtol=1e-6):
        expected = f"the {told:g} fs that the files tell, or none"
    else:
        return given_fs
    raise SulfoxError(
        "SFX-901",
        who="--time-step-fs",
        found=f"{given_fs}",
        expected=expected,
        next_step="give the time between two frames of the files, in fs",
    )


def _used(series: Sequence[Sequence[float]], files: list[FileSurvey]) -> FloatArray | None:
    """Values of the frames that are used; None if one is unknown."""
    parts = (values[: f.stop] for values, f in zip(series, files, strict=True))
    values: FloatArray = np.fromiter(chain.from_iterable(parts), dtype=np.float64)
    return values if values.size and np.isfinite(values).all() else None


def _slope(energy_eV: FloatArray | None, n_atoms: int, step_fs: float | None) -> float | None:
    if energy_eV is None or step_fs is None or n_atoms == 0 or len(energy_eV) < 2:
        return None
    times_ps = np.arange(len(energy_eV)) * step_fs / FS_PER_PS
    return float(np.polyfit(times_ps, energy_eV / n_atoms, 1)[0])

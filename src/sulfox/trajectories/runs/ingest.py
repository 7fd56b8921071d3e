"""From a folder of VASP's files to an archive: stitched, checked, whole or not there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from sulfox.documents.base import Record, content_hash
from sulfox.documents.structure import Side
from sulfox.documents.trajectory import ArchiveReference
from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import TrajectoryHeader, open_archive, write_header, write_segment
from sulfox.trajectories.durable import disk_error
from sulfox.trajectories.files.frame import Frame
from sulfox.trajectories.files.opening import open_frames
from sulfox.trajectories.frames import FloatArray, series_of, stack_of
from sulfox.trajectories.runs.raw_files import RawFile, RawPolicy, check_policy, settle_files
from sulfox.trajectories.runs.run_folder import find_segments
from sulfox.trajectories.runs.summary import RunSummary, common_time_step, describe
from sulfox.trajectories.runs.survey import FileSurvey, Seam, survey_files
from sulfox.trajectories.segments import HEADER_NAME, Segment

__all__ = ["IngestOptions", "IngestReport", "ingest_folder"]

#: Numbers of one array in one segment: 16 MiB of positions.
_NUMBERS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class IngestOptions:
    """Choices of an ingest.

    Attributes
    ----------
    raw : str
        ``"keep"``, ``"compress"`` or ``"drop"``: what becomes of the files that were read.
    time_step_fs : float or None
        Time between two frames, for files that do not tell it [fs].
    sides : tuple of str or None
        (n_atoms,) side of each atom; ``"bulk"`` if not given.
    allow_velocity_jumps : bool
        Take a seam where positions follow but velocities were drawn anew.
    replace : bool
        Write the archive anew where another one stands.
    """

    raw: RawPolicy = "keep"
    time_step_fs: float | None = None
    sides: tuple[Side, ...] | None = None
    allow_velocity_jumps: bool = False
    replace: bool = False


class IngestReport(Record):
    """What an ingest did.

    Attributes
    ----------
    archive : str
        Folder of the archive.
    reference : ArchiveReference
        Its segments and checksums.
    run : RunSummary
        Files, frames and seams.
    skipped : tuple of str
        Files without a whole frame, and why.
    raw_files : tuple of RawFile
        What became of the files that were read.
    """

    archive: str
    reference: ArchiveReference
    run: RunSummary
    skipped: tuple[str, ...]
    raw_files: tuple[RawFile, ...]


def ingest_folder(
    folder: Path | str, archive: Path | str, options: IngestOptions | None = None
) -> IngestReport:
    """Stitch the segments of a run and archive its frames.

    Frames repeated at a seam are kept once. The archive appears when it is whole; only then
    the files of the run are touched.

    Parameters
    ----------
    folder : Path or str
        Folder of the run; see :func:`sulfox.trajectories.runs.run_folder.find_segments`.
    archive : Path or str
        Folder of the archive.
    options : IngestOptions, optional
        Choices.

    Returns
    -------
    IngestReport
        What was read, written and done with the files.

    Raises
    ------
    SulfoxError
        SFX-409, with the seam, if two segments do not follow each other; SFX-411 without a
        frame, SFX-412 if another archive stands there, SFX-413 for segments of different
        runs, SFX-414 if VASP did no dynamics, SFX-703 without a time step, SFX-503 if the
        disk is full; SFX-401 and SFX-403 for damage inside a file.
    """
    options = options or IngestOptions()
    check_policy(options.raw)
    folder, archive = Path(folder), Path(archive)
    found = find_segments(folder)
    files, seams = survey_files(found.segments)
    _check_dynamics(files)
    _check_seams(seams, options)
    step = common_time_step(files, options.time_step_fs)
    if step is None:
        raise SulfoxError(
            "SFX-703",
            who=str(folder),
            found="files that do not tell the time between two frames",
            expected="POTIM in vasprun.xml or OUTCAR, or --time-step-fs",
            next_step="give --time-step-fs (POTIM x NBLOCK for an XDATCAR)",
        )
    header = _header(files, step, options)
    reference = _stand_by(archive, header, files, options)
    if reference is None:
        reference = _write(archive, header, files)
    return IngestReport(
        archive=str(archive),
        reference=reference,
        run=describe(files, seams, step),
        skipped=tuple(f"{path}: {why}" for path, why in found.skipped),
        raw_files=settle_files(found.segments, options.raw),
    )


def _check_dynamics(files: Sequence[FileSurvey]) -> None:
    for survey in files:
        if survey.head.is_dynamics is False:
            raise SulfoxError(
                "SFX-414",
                who=str(survey.path),
                found="a relaxation or a static run (IBRION is not 0)",
                expected="a dynamics run",
                next_step="take this folder out, or give the one of the dynamics",
            )


def _check_seams(seams: Sequence[Seam], options: IngestOptions) -> None:
    for seam in seams:
        if seam.kind == "gap":
            found = "the cell changes at once"
            if seam.limit_A is not None and (seam.longest_step_A or 0) > seam.limit_A:
                found = (
                    f"an atom moves {seam.longest_step_A:.4f} Å across the seam, "
                    f"at most {seam.limit_A:.4f} Å was to expect"
                )
        elif seam.kind == "jump" and not options.allow_velocity_jumps:
            found = (
                f"displacements change by {seam.bend_A:.4f} Å (root mean square) across the seam, "
                f"at most {seam.bend_limit_A:.4f} Å was to expect: a step is missing, or the "
                "velocities were drawn anew (then --allow-velocity-jumps)"
            )
        else:
            continue
        raise SulfoxError(
            "SFX-409",
            who=f"seam between {seam.before} and {seam.after}",
            found=found,
            expected="positions that go on from one time step to the next",
            next_step="check the order of the segments and whether one is missing",
        )


def _header(files: list[FileSurvey], step: float, options: IngestOptions) -> TrajectoryHeader:
    head = files[0].head
    ends = [frame.coordinates.tolist() for f in files for frame in (*f.first, *f.tail)]
    lattice = files[0].first[0].lattice.tolist()
    identity = content_hash(
        [head.species, lattice, step, [f.stop for f in files], [f.format for f in files], ends]
    )
    programs = dict.fromkeys(f.head.program for f in files if f.head.program)
    return TrajectoryHeader(
        trajectory_id=f"tr-{identity[:16]}",
        species=head.species,
        sides=options.sides or ("bulk",) * head.n_atoms,
        time_step_fs=step,
        frame_interval_fs=step,
        metadata={
            "source": [f.path.name for f in files],
            "formats": list(dict.fromkeys(f.format for f in files)),
            "programs": list(programs),
        },
    )


def _stand_by(
    archive: Path, header: TrajectoryHeader, files: list[FileSurvey], options: IngestOptions
) -> ArchiveReference | None:
    """Describe the archive that is already there, if it is this one."""
    if not archive.exists() or (archive.is_dir() and not any(archive.iterdir())):
        return None
    found = "something that is no archive"
    if (archive / HEADER_NAME).is_file():
        there = open_archive(archive)
        if there.header == header and there.n_frames == sum(f.stop for f in files):
            return there.reference()
        found = f"an archive of {there.n_frames} frames of {there.header.trajectory_id}"
        if options.replace:
            return None
    raise SulfoxError(
        "SFX-412",
        who=str(archive),
        found=found,
        expected="no archive, or the one of this run",
        next_step="choose another folder, or give --replace to write the archive anew",
    )


def _write(archive: Path, header: TrajectoryHeader, files: list[FileSurvey]) -> ArchiveReference:
    """Write beside the final name, read back, rename."""
    beside = archive.with_name(f".{archive.name}-part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        _write_segments(beside, header, files)
        reference = open_archive(beside).reference()  # decodes every segment
        expected = sum(f.stop for f in files)
        if reference.n_frames != expected:
            raise SulfoxError(
                "SFX-405",
                who=str(archive),
                found=f"{reference.n_frames} frames",
                expected=f"{expected}: the run's files changed while they were read",
                next_step="wait until the run has stopped, then ingest again",
            )
        older = archive.with_name(f".{archive.name}-old")
        if archive.exists():
            archive.replace(older)
        beside.replace(archive)
        shutil.rmtree(older, ignore_errors=True)
    except OSError as error:
        raise disk_error(archive, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return reference


@dataclass(frozen=True)
class _Row:
    """One frame as it is archived."""

    frame: Frame
    fractional: FloatArray
    temperature_K: float | None


def _write_segments(folder: Path, header: TrajectoryHeader, files: list[FileSurvey]) -> None:
    write_header(folder, header)
    size = max(1, _NUMBERS_AT_ONCE // (3 * len(header.species)))
    cell = None if any(f.cell_changes for f in files) else files[0].first[0].lattice
    rows = _rows(files)
    first = 0
    while chunk := list(islice(rows, size)):
        write_segment(folder, _segment(chunk, first, header.frame_interval_fs, cell), first)
        first += len(chunk)


def _rows(files: list[FileSurvey]) -> Iterator[_Row]:
    """Yield the frames that are used, unwrapped from the first one on."""
    before: FloatArray | None = None
    images: FloatArray = np.zeros(3)
    for survey in files:
        with open_frames(survey.path) as reader:
            for frame in islice(reader, survey.stop):
                if before is not None:
                    images = images - np.rint(frame.fractional - before)
                before = frame.fractional
                kelvin = survey.head.temperature_K(frame.energies)
                yield _Row(frame, before + images, kelvin)


def _segment(rows: list[_Row], first: int, step_fs: float, cell: FloatArray | None) -> Segment:
    steps = np.arange(first, first + len(rows), dtype=np.int64)
    frames = [row.frame for row in rows]
    fractional = np.stack([row.fractional for row in rows])
    lattices = np.stack([frame.lattice for frame in frames])
    return Segment(
        steps=steps,
        times_fs=np.asarray(steps * step_fs, dtype=np.float64),
        positions=fractional @ (lattices if cell is None else cell),
        lattice=frames[0].lattice if cell is None else cell,
        potential_energy_eV=series_of([frame.energies.free_energy_eV for frame in frames]),
        temperature_K=series_of([row.temperature_K for row in rows]),
        conserved_eV=series_of([frame.energies.conserved_eV for frame in frames]),
        velocities=stack_of([frame.velocities_A_fs for frame in frames]),
        forces=stack_of([frame.forces_eV_A for frame in frames]),
        lattices=lattices if cell is None else None,
    )

"""``sulfox trajectory``: what the files of a run hold, and their way into an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.trajectories.runs.summary import RunSummary

__all__ = ["app"]

app = typer.Typer(
    name="trajectory",
    help="Read the files of dynamics runs.",
    add_completion=False,
    rich_markup_mode=None,
)

TimeStep = Annotated[
    float | None,
    typer.Option("--time-step-fs", help="Time between two frames [fs], if the files lack it."),
]


@app.command()
def info(
    files: Annotated[
        list[Path],
        typer.Argument(help="XDATCAR, vasprun.xml, OUTCAR, OSZICAR, vaspout.h5; in order."),
    ],
    time_step_fs: TimeStep = None,
    json_output: JsonOutput = False,
) -> None:
    """Frames, atoms, ends, temperature and drift; several files are stitched."""
    from sulfox.trajectories.runs.summary import summarize_files

    summary = summarize_files(files, time_step_fs)
    if json_output:
        emit_json(summary)
    else:
        _tell(summary)


@app.command()
def ingest(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, or of its segments' folders.")],
    archive: Annotated[Path, typer.Option("--archive", help="Folder of the archive to write.")],
    raw: Annotated[
        str, typer.Option("--raw", help="The files read: keep, compress (.gz) or drop.")
    ] = "keep",
    time_step_fs: TimeStep = None,
    allow_velocity_jumps: Annotated[
        bool, typer.Option("--allow-velocity-jumps", help="Velocities may be drawn anew at seams.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write the archive anew where one stands.")
    ] = False,
    json_output: JsonOutput = False,
) -> None:
    """Stitch a run's segments, check the seams, write the archive."""
    from sulfox.trajectories.runs.ingest import IngestOptions, ingest_folder
    from sulfox.trajectories.runs.raw_files import check_policy

    check_policy(raw)
    options = IngestOptions(
        raw=raw,  # type: ignore[arg-type]  # checked above
        time_step_fs=time_step_fs,
        allow_velocity_jumps=allow_velocity_jumps,
        replace=replace,
    )
    report = ingest_folder(folder, archive, options)
    if json_output:
        emit_json(report)
        return
    _tell(report.run)
    emit_note(*(f"skipped {line}" for line in report.skipped))
    size = sum(segment.n_bytes for segment in report.reference.segments)
    emit_text(
        f"{report.archive}: {report.reference.n_frames} frames of {report.reference.n_atoms} atoms "
        f"in {len(report.reference.segments)} segments, {size / 1e6:.1f} MB"
    )
    for file in report.raw_files:
        if file.action != "kept":
            emit_text(
                f"{file.path}: {file.action}, {file.n_bytes_before} -> {file.n_bytes_after} B"
            )


def _tell(summary: RunSummary) -> None:
    atoms = " ".join(f"{element}{n}" for element, n in summary.species.items())
    emit_text(
        f"{summary.format}: {summary.n_frames} frames, {summary.n_atoms or 'unknown'} atoms {atoms}"
    )
    facts = [
        ("time step", summary.time_step_fs, "g", "fs"),
        ("mean temperature", summary.temperature_mean_K, ".1f", "K"),
        ("energy drift", summary.energy_drift_eV_per_atom_ps, ".3e", "eV/atom/ps"),
        (
            "drift of the conserved energy",
            summary.conserved_drift_eV_per_atom_ps,
            ".3e",
            "eV/atom/ps",
        ),
    ]
    for name, value, layout, unit in facts:
        emit_text(f"{name}: {'unknown' if value is None else f'{value:{layout}} {unit}'}")
    emit_table(
        "Files",
        ["file", "format", "whole frames", "used", "asked for", "end"],
        (
            (
                f.path,
                f.format,
                f.complete_frames,
                f.used_frames,
                f.n_steps_requested,
                f"cut: {f.remainder}" if f.truncated else "whole",
            )
            for f in summary.files
        ),
    )
    if summary.seams:
        emit_table(
            "Seams",
            ["before", "after", "kind", "frames dropped", "longest step (Å)", "limit (Å)"],
            (
                (
                    s.before,
                    s.after,
                    s.kind,
                    s.n_dropped,
                    _angstrom(s.longest_step_A),
                    _angstrom(s.limit_A),
                )
                for s in summary.seams
            ),
        )


def _angstrom(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"

"""``sulfox export``: frames for the user's own tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.options import JsonOutput, Store
from sulfox.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from sulfox.trajectories.archive import TrajectoryArchive

__all__ = ["export"]


def export(
    trajectory_id: Annotated[
        str, typer.Argument(help="Id of a stored trajectory, or the folder of an archive.")
    ],
    out: Annotated[Path, typer.Argument(help="File to write.")],
    format_name: Annotated[
        str, typer.Option("--format", help="extxyz, traj, xdatcar or h5md.")
    ] = "extxyz",
    start: Annotated[int, typer.Option(help="First frame, counted from 0.")] = 0,
    stop: Annotated[int | None, typer.Option(help="One past the last frame; default all.")] = None,
    stride: Annotated[int, typer.Option(help="Every n-th frame.")] = 1,
    store: Store = None,
    json_output: JsonOutput = False,
) -> None:
    """Write a stored trajectory as extxyz, ASE .traj, XDATCAR or H5MD."""
    from sulfox.trajectories.export import export_trajectory

    frames = _open(trajectory_id, store).frames(start, stop, stride)
    export_trajectory(frames, out, format_name)
    if json_output:
        emit_json(
            {
                "path": str(out),
                "format": format_name,
                "n_frames": frames.n_frames,
                "n_atoms": frames.n_atoms,
            }
        )
    else:
        emit_text(f"{out}: {frames.n_frames} frames of {frames.n_atoms} atoms")


def _open(trajectory_id: str, store: str | None) -> TrajectoryArchive:
    if Path(trajectory_id).is_dir():
        from sulfox.trajectories.archive import open_archive

        return open_archive(trajectory_id)
    from sulfox.stores.archive import open_stored_trajectory
    from sulfox.stores.opening import open_documents

    return open_stored_trajectory(open_documents(store), trajectory_id)

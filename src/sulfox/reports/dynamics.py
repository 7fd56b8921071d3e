"""Dynamics told: temperature, energy and conserved quantity against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.reports.data import Condition, ReportData, reasons_text
from sulfox.reports.figures import (
    draw_grid,
    file_stem,
    finish,
    style,
    time_axis,
)
from sulfox.reports.markup import Figure, Html, Section, figure_block, note, paragraph, table
from sulfox.trajectories.frames import FloatArray, Trajectory
from sulfox.units import FS_PER_PS

__all__ = ["dynamics_section"]

_MOST_POINTS = 1000
_SMOOTHED_PS = 0.5
_LINE_WIDTH = 1.6
_QUANTITIES = (
    ("temperature_K", "temperature (K)"),
    ("potential_energy_eV", "potential energy,\nchange (meV/atom)"),
    ("conserved_eV", "conserved quantity,\nchange (meV/atom)"),
)


def dynamics_section(data: ReportData) -> Section:
    """Show that the runs kept their temperature and their energy.

    Parameters
    ----------
    data : ReportData
        Documents and frames.

    Returns
    -------
    Section
        A table of all runs, equilibrations too, and a figure a variant.
    """
    runs = data.of_kind(TrajectoryDoc)
    if not runs:
        return Section("Dynamics", paragraph("No dynamics run is stored."))
    frames: dict[str, Trajectory] = {}
    problems = []
    for run in data.runs:
        stride = max(1, -(-run.archive.n_frames // _MOST_POINTS))
        try:
            source = data.open_trajectory(run.archive.trajectory_id)
            frames[run.id] = source.frames(0, run.archive.n_frames, stride)
        except (SulfoxError, KeyError) as error:
            problems.append(note(f"{Condition.of(run).label}: frames cannot be read, {error}"))
    figures = [
        figure
        for variant in data.variants
        if (figure := _figure(variant, frames, data)) is not None
    ]
    html = "".join([*map(figure_block, figures), *problems, _runs_table(runs)])
    return Section("Dynamics", Html(html), tuple(figures))


def _runs_table(runs: Sequence[TrajectoryDoc]) -> Html:
    columns = (
        "run",
        "stage",
        "ensemble, thermostat",
        "step (fs)",
        "steps done / asked",
        "mean T ± std of frames (K)",
        "energy drift (meV/atom/ps)",
        "conserved drift (meV/atom/ps)",
        "wall time (s)",
        "level of theory",
        "status",
    )
    rows = (
        (
            Condition.of(run).label,
            run.stage,
            f"{run.ensemble}, {run.thermostat}",
            f"{run.time_step_fs:g}",
            f"{run.n_steps_done} / {run.n_steps_requested}",
            f"{run.temperature_mean_K:.1f} ± {run.temperature_std_K:.1f}",
            f"{1000 * run.energy_drift_eV_per_atom_ps:.3g}",
            None
            if run.conserved_drift_eV_per_atom_ps is None
            else f"{1000 * run.conserved_drift_eV_per_atom_ps:.3g}",
            f"{run.wall_time_s:.0f}",
            run.provenance.level_of_theory,
            run.status.value + (f": {reasons_text(run)}" if run.reasons else ""),
        )
        for run in runs
    )
    return table(columns, rows, "All runs; the drift is that of potential plus kinetic energy.")


def _figure(variant: str, frames: dict[str, Trajectory], data: ReportData) -> Figure | None:
    runs = [r for r in data.runs if r.variant == variant and r.id in frames]
    pairs = [pair for pair in data.pairs if any(r.pair == pair for r in runs)]
    shown = [
        (name, label)
        for name, label in _QUANTITIES
        if any(getattr(frames[r.id], name) is not None for r in runs)
    ]
    if not runs or not shown:
        return None
    caption = (
        f"Temperature and energy, variant {variant}: frames pale, their running mean over "
        f"{_SMOOTHED_PS:g} ps strong. {data.level_text}."
    )
    with style():
        canvas, axes = draw_grid(len(shown), len(pairs), (4.6, 2.2))
        for row, (name, label) in zip(axes, shown, strict=True):
            for panel, pair in zip(row, pairs, strict=True):
                for run in runs:
                    if run.pair == pair:
                        _draw(panel, frames[run.id], name, run, data)
                panel.set_ylabel(label)
        _share_axes(axes, pairs)
        data.lines.draw_key(canvas, ((r.temperature_K, r.seed) for r in runs))
        return finish(canvas, file_stem("dynamics", variant), caption, data.level_text)


def _share_axes(axes: Any, pairs: list[str]) -> None:
    for panel, pair in zip(axes[0], pairs, strict=True):
        panel.set_title(pair)
    for panel in axes[-1]:
        time_axis(panel)
    for row in axes:
        limits = [panel.get_ylim() for panel in row]
        for panel in row:
            panel.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
            panel.margins(x=0)


def _draw(panel: Any, frames: Trajectory, name: str, run: TrajectoryDoc, data: ReportData) -> None:
    values = getattr(frames, name)
    if values is None or frames.times_fs is None:
        return
    if name != "temperature_K":
        values = (values - values[0]) / frames.n_atoms * 1000
    times = (frames.times_fs - frames.times_fs[0]) / FS_PER_PS
    look = data.lines.look(run.temperature_K, run.seed)
    panel.plot(times, values, color=look["color"], linewidth=0.4, alpha=0.22, zorder=1)
    middle, smooth = _running_mean(times, values)
    panel.plot(middle, smooth, **(look | {"linewidth": _LINE_WIDTH}))


def _running_mean(times: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    if len(times) < 3:
        return times, values
    width = max(1, min(round(_SMOOTHED_PS / float(times[1] - times[0])), len(times) // 2))
    weights = np.full(width, 1 / width)
    return np.convolve(times, weights, "valid"), np.convolve(values, weights, "valid")

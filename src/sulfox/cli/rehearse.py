"""``sulfox rehearse STUDY``: the production flow with the stand-in in VASP's place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sulfox.cli.options import JsonOutput, OutDir, Store
from sulfox.cli.output import emit_json, emit_table, emit_text
from sulfox.cli.study import LengthPs

__all__ = ["rehearse"]

_COLUMNS = (
    "run",
    "segments",
    "clean stops",
    "kills",
    "other ends",
    "inexact seams",
    "frames expected",
    "frames found",
    "status",
)


def rehearse(
    study: Annotated[str, typer.Argument(help="Folder with a study.yaml, or a study's name.")],
    walltime: Annotated[
        str | None, typer.Option(help="Time limit of each job: 60s, 5m, 2h.")
    ] = None,
    kill_every: Annotated[
        int | None, typer.Option(min=1, help="Kill VASP or its job about every N steps.")
    ] = None,
    length_ps: LengthPs = None,
    pair: Annotated[str | None, typer.Option(help="Only this pair, LCO|LPSCl.")] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature-K", help="Default: the study's first.", min=1)
    ] = None,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Archive every step of the production.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the moments of the kills.")] = 1,
    store: Store = None,
    out: OutDir = None,
    as_json: JsonOutput = False,
) -> None:
    """Run a study's true flow with the stand-in for VASP; see what would break."""
    from functools import partial

    from sulfox.cli.progress import StudyProgress
    from sulfox.errors import SulfoxError
    from sulfox.flows.rehearsal import RehearsalPlan, rehearse, report_rows, shorten
    from sulfox.flows.study import StudyOverrides, load_study
    from sulfox.stores.opening import open_store

    loaded = load_study(study).with_overrides(StudyOverrides(length_ps=length_ps))
    chosen = shorten(loaded, pair, temperature)
    folder = (out or Path(f"rehearsal-{chosen.name}")).absolute()
    plan = RehearsalPlan(
        folder=folder,
        walltime_s=None if walltime is None else _seconds(walltime),
        kill_every=kill_every,
        seed=seed,
        every_frame=every_frame,
    )
    opener = partial(open_store, store or str(folder / "store"))
    with StudyProgress(f"rehearsal of {chosen.name}") as progress:
        report = rehearse(chosen, opener, plan, progress.update)
    (folder / "rehearsal.json").write_text(report.model_dump_json(indent=1), encoding="utf-8")
    if as_json:
        emit_json({"report": report, "problems": report.problems, "folder": folder})
    else:
        emit_table(f"rehearsal of {chosen.name} (not VASP)", _COLUMNS, report_rows(report))
        emit_text(
            f"{report.kills} kills, flow started {report.rounds} times, {report.seconds:.0f} s; "
            f"written to {folder}",
            *(f"would break: {text}" for text in report.problems),
        )
        if not report.problems:
            emit_text("Nothing would break; no frame was lost or repeated.")
    if report.problems:
        raise SulfoxError(
            "SFX-357",
            who=chosen.name,
            found=report.problems[0],
            expected="every run complete, with every frame once",
            next_step="read the report; the same command goes on where it stopped",
        )


def _seconds(text: str) -> float:
    from sulfox.errors import SulfoxError

    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], text[-1:]) if text[-1:] in units else (text, "s")
    try:
        seconds = float(number) * units[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise SulfoxError(
            "SFX-901",
            who="--walltime",
            found=repr(text),
            expected="a time such as 60s, 5m or 2h",
            next_step="give a positive number with its unit",
        )
    return seconds

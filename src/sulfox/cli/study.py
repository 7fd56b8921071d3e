"""``sulfox run``, also called ``sulfox reproduce``: a whole study, from names to report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import Engine, JsonOutput, OutDir, Store
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text

if TYPE_CHECKING:
    from jobflow import Flow, JobStore

    from sulfox.documents.comparison import ComparisonRow
    from sulfox.flows.local_manager import FlowRun
    from sulfox.flows.study import Study, StudyOverrides
    from sulfox.reports.data import ReportData

__all__ = [
    "LengthPs",
    "Only",
    "Potential",
    "ProtocolName",
    "Seeds",
    "Variants",
    "parse_parts",
    "run",
]

Potential = Annotated[
    str | None,
    typer.Option(help="nep89, chgnet, or package.module:Class of an ASE calculator."),
]
Seeds = Annotated[int | None, typer.Option(min=1, help="Seeds 1 to N instead of the study's.")]
LengthPs = Annotated[
    float | None, typer.Option("--length-ps", help="Length of the production runs [ps].")
]
Variants = Annotated[bool, typer.Option("--variants", help="Run the labelled variants too.")]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        help="dynamics, band-centers, core-shell or thermodynamics: only this part.",
        metavar="PART",
    ),
]
ProtocolName = Annotated[
    str | None, typer.Option("--protocol", help="Of the band centres: paper, fast, stringent.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Branches run side by side; default: all cores.")
]


def run(
    study: Annotated[str, typer.Argument(help="Folder with a study.yaml, or a study's name.")],
    engine: Engine = None,
    potential: Potential = None,
    seeds: Seeds = None,
    length_ps: LengthPs = None,
    variants: Variants = False,
    only: Only = None,
    protocol: ProtocolName = None,
    workers: Workers = None,
    store: Store = None,
    out: OutDir = None,
    as_json: JsonOutput = False,
) -> None:
    """Run a study, compare, report; what is stored is not run again."""
    from sulfox.flows.study import StudyOverrides

    overrides = StudyOverrides(
        engine=engine,
        potential=potential,
        n_seeds=seeds,
        length_ps=length_ps,
        variants=variants,
        only=parse_parts(only),
        protocol=protocol,
    )
    _run(study, overrides, workers, store, out, as_json)


def parse_parts(only: str | None) -> Any:
    """Read ``--only``: no part for None, SFX-901 for one that does not exist."""
    from sulfox.errors import SulfoxError
    from sulfox.flows.study import PARTS

    if only is None or only in PARTS:
        return () if only is None else (only,)
    raise SulfoxError(
        "SFX-901",
        who="--only",
        found=repr(only),
        expected=" or ".join(PARTS),
        next_step="choose one of these",
    )


def _run(
    name: str,
    overrides: StudyOverrides,
    workers: int | None,
    store: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    from functools import partial

    from sulfox.cli.progress import StudyProgress
    from sulfox.flows.study import load_study

    study = load_study(name).with_overrides(overrides)
    from sulfox.flows.interface_study import build_study_flow
    from sulfox.flows.local_manager import run_flow
    from sulfox.stores.opening import open_results_store, work_folder

    opener = partial(open_results_store, store)
    opened = opener()
    made = build_study_flow(study)
    emit_note(*made.left_out, *_expected_costs(made.flow, opened))
    with StudyProgress(study.name) as progress:
        outcome = run_flow(
            made.flow,
            opener,
            work_dir=work_folder(store),
            workers=workers or os.cpu_count() or 1,
            on_update=progress.update,
        )
    data = _read(study.name, store, made.comparison_uuid)
    files = _write_report(data, out or Path("reports") / study.name) if data else []
    _answer(study, outcome, data, files, as_json)


def _expected_costs(flow: Flow, store: JobStore) -> list[str]:
    """Say what every job that is not stored is expected to cost, where its engine can tell."""
    from sulfox.flows.local_manager import done_jobs

    costs = {
        job.uuid: f"{job.name}: {job.metadata['expected_cost']}"
        for job, _ in flow.iterflow()
        if "expected_cost" in job.metadata
    }
    done = done_jobs(store, list(costs))
    return [line for uuid, line in costs.items() if uuid not in done]


def _read(study: str, store: str | None, comparison_uuid: str) -> ReportData | None:
    """Documents of this very run, or nothing where the comparison could not be made."""
    from sulfox.reports.stored import read_study
    from sulfox.stores.opening import open_documents

    for document in open_documents(store).find({"uuid": comparison_uuid}, limit=1):
        return read_study(study, store, comparison_id=document["output"]["id"])
    return None


def _write_report(data: ReportData, out: Path) -> list[Path]:
    from sulfox.reports.page import write_report

    return write_report(data, out)


def _answer(
    study: Study,
    outcome: FlowRun,
    data: ReportData | None,
    files: list[Path],
    as_json: bool,
) -> None:
    from collections import Counter

    from sulfox.errors import SulfoxError
    from sulfox.reports.findings import findings

    states = Counter(job.state.value for job in outcome.jobs.values())
    failures = [{"name": job.name, "message": job.message} for job in outcome.failures]
    said = list(findings(data)) if data else []
    if as_json:
        answer: dict[str, Any] = {"study": study.name, "jobs": states, "failures": failures}
        comparison = data.comparison if data else None
        emit_json(answer | {"findings": said, "comparison": comparison, "files": files})
    elif data is not None and data.comparison is not None:
        columns = ("quantity", "paper", "computed", "verdict", "level of theory", "definition")
        emit_table(study.title, columns, map(_cells, data.comparison.rows))
        counted = ", ".join(f"{count} {state}" for state, count in states.items())
        emit_text(*said, f"jobs: {counted}", *(f"report: {page}" for page in files[:1]))
    if failures:
        raise SulfoxError(
            "SFX-603",
            who=study.name,
            found="; ".join(f"{f['name']}: {f['message']}" for f in failures),
            expected="every branch to finish",
            next_step="the same command runs only what is missing",
        )


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    verdict = row.verdict.value
    return (
        row.quantity,
        row.published,
        row.computed,
        verdict,
        row.level_of_theory,
        row.definition,
    )

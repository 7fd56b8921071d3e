"""``sulfox db reanalyze`` and ``prune``: analyses of a store at their present version."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import JsonOutput, Store, StudyFilter
from sulfox.cli.output import emit_json, emit_note, emit_text

if TYPE_CHECKING:
    from sulfox.stores.reanalysis.old_versions import PruneReport
    from sulfox.stores.reanalysis.workers import ReanalysisReport

__all__ = ["prune", "reanalyze"]

AnalysisName = Annotated[
    str | None,
    typer.Option("--analysis", help="sulfur-bonds or sulfur-bond-rates. Default: both."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def reanalyze(
    analysis: AnalysisName = None,
    bond: Annotated[
        list[str] | None,
        typer.Option(help="Element pair, may be repeated. Default: those that are stored."),
    ] = None,
    form: Annotated[
        float | None, typer.Option("--form", help="Bonded when closer [Å]; S-S 2.4.")
    ] = None,
    break_: Annotated[
        float | None, typer.Option("--break", help="Broken when farther [Å]; S-S 2.7.")
    ] = None,
    min_lifetime_fs: Annotated[
        float | None, typer.Option(help="A change counts only if it lasts this long [fs].")
    ] = None,
    study: StudyFilter = None,
    workers: Annotated[int, typer.Option(help="Processes that analyse.", min=1)] = 1,
    into: Annotated[
        str | None,
        typer.Option(
            help="Store for the new documents, where --store may only be read.",
            metavar="PATH|YAML",
        ),
    ] = None,
    dry_run: DryRun = False,
    store: Store = None,
    as_json: JsonOutput = False,
) -> None:
    """Analyse every stored trajectory that lacks an analysis of the present version.

    What was made is stored at once: interrupted or killed, the same command goes on. Older
    documents stay until sulfox db prune.

    Covered are bonds, from the stored frames, and their pooled rates, from the bonds. Band centres
    are not, nor layers and alignments: they hold numbers of each site, its coordination and its
    potential, and the store keeps densities of states summed over each element. The raw output has
    them: sulfox analyze band-center FOLDER. Everything else takes seconds from its entry set or
    table: give sulfox run STUDY, or its sulfox analyze command, again.
    """
    from sulfox.stores.reanalysis.bond_analyses import bond_settings
    from sulfox.stores.reanalysis.builder import ReanalysisBuilder
    from sulfox.stores.reanalysis.workers import count_missing, run_builder

    settings = bond_settings(bond or [], form, break_, min_lifetime_fs)
    reports = []
    for name in [analysis] if analysis else ["sulfur-bonds", "sulfur-bond-rates"]:
        builder = ReanalysisBuilder(
            name, store, into, settings if name == "sulfur-bonds" else None, study or ""
        )
        if dry_run:
            reports.append(count_missing(builder))
            continue
        with _progress(name) as on_progress:
            reports.append(run_builder(builder, workers, on_progress))
    if as_json:
        emit_json({"analyses": reports})
    else:
        for report in reports:
            _tell_run(report)
        if any(report.makes_store for report in reports):
            emit_text(f"A store for them would be made in {into}.")
    refusals = {report.refusal for report in reports if report.refusal}
    if refusals:
        emit_note(*(f"The run itself would be refused: {line}" for line in refusals))
        raise typer.Exit(2)
    if any(report.refused for report in reports):
        raise typer.Exit(1)


def prune(
    analysis: AnalysisName = None,
    older_than: Annotated[
        int | None,
        typer.Option("--older-than-version", help="Default: the present version.", min=1),
    ] = None,
    named_too: Annotated[
        bool,
        typer.Option("--named-too", help="Also what comparisons and pooled rates name."),
    ] = False,
    dry_run: DryRun = False,
    store: Store = None,
    as_json: JsonOutput = False,
) -> None:
    """Remove analyses of older versions for which there is a newer one."""
    from sulfox.stores.opening import open_documents, open_store
    from sulfox.stores.reanalysis.builder import ReanalysisBuilder
    from sulfox.stores.reanalysis.old_versions import prune_versions

    opened, reader = open_store(store), open_documents(store)
    reports = []
    for name in [analysis] if analysis else ["sulfur-bond-rates", "sulfur-bonds"]:
        report = prune_versions(
            opened,
            reader,
            ReanalysisBuilder(name).analysis,
            older_than=older_than,
            named_too=named_too,
            dry_run=dry_run,
        )
        reports.append(report)
    if as_json:
        emit_json({"analyses": reports})
        return
    for report in reports:
        _tell_prune(report)


def _tell_run(report: ReanalysisReport) -> None:
    head = f"{report.analysis}, version {report.version}: {report.present} there before"
    if report.dry_run:
        emit_text(f"{head}, {report.missing} to be made")
        return
    others = f", {report.by_others} made by another run meanwhile" if report.by_others else ""
    emit_text(f"{head}, {report.new} new{others}, {len(report.refused)} refused")
    emit_note(*report.refused)


def _tell_prune(report: PruneReport) -> None:
    what = "would be removed" if report.dry_run else "removed"
    emit_text(
        f"{report.analysis}, versions below {report.older_than}: {len(report.removed)} {what}, "
        f"{len(report.kept_alone)} kept because nothing newer stands for them, "
        f"{len(report.kept_named)} kept because comparisons or rates name them"
    )


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], Any]]:
    """Show a bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

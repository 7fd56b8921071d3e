"""``sulfox db``: a study as one file or folder, the index, migrations, newer analyses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sulfox.cli.options import JsonOutput, Store
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text
from sulfox.cli.store.reanalysis import prune, reanalyze

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Export and import studies, look after the store.",
)
app.command("reanalyze")(reanalyze)
app.command("prune")(prune)

File = Annotated[Path, typer.Argument(help="A file or folder that sulfox db export wrote.")]


@app.command("export")
def export(
    study: Annotated[str, typer.Argument(help="Name of a study in the store.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File: .tar, .tar.gz, .tar.xz or .tar.bz2. Default: STUDY.tar."),
    ] = None,
    as_folder: Annotated[
        bool,
        typer.Option("--folder", help="A folder of plain files instead, which query reads."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over a file of this name.")
    ] = False,
    store: Store = None,
    as_json: JsonOutput = False,
) -> None:
    """Write a study as one file: documents, frames, inputs, hashes."""
    from sulfox.flows.study_inputs import study_inputs
    from sulfox.stores.opening import open_documents
    from sulfox.stores.portable.export import export_study

    path = out or Path(study if as_folder else f"{study}.tar")
    reader, inputs = open_documents(store), study_inputs(study)
    manifest = export_study(reader, study, path, inputs, as_folder=as_folder, replace=replace)
    if as_json:
        emit_json({"file": path, "manifest": manifest})
        return
    held = ", ".join(f"{n} {kind}" for kind, n in manifest.documents.items())
    emit_text(f"{path}: {held}; {len(manifest.members)} files, each with its SHA-256")


@app.command("import")
def import_(file: File, store: Store = None, as_json: JsonOutput = False) -> None:
    """Check a study's file and load it; a second time changes nothing."""
    from sulfox.stores.opening import open_store
    from sulfox.stores.portable.loading import import_study
    from sulfox.stores.portable.manifest import read_manifest

    read_manifest(file)
    report = import_study(file, open_store(store))
    if as_json:
        emit_json({"file": file, **report.model_dump(mode="json")})
        return
    study = report.manifest.study
    counted = f"{report.new} new outputs, {report.present} there before"
    emit_text(f"{study}: {counted}; see: sulfox report {study}")
    if report.differing:
        emit_note(f"the store's own was kept of: {', '.join(report.differing)}")


@app.command("verify")
def verify(file: File, as_json: JsonOutput = False) -> None:
    """Check every hash in a study's file."""
    from sulfox.stores.portable.manifest import read_manifest

    manifest = read_manifest(file)
    if as_json:
        emit_json({"file": file, "manifest": manifest})
        return
    emit_text(f"{file}: study {manifest.study}, {len(manifest.members)} files, all whole")


@app.command("migrate")
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    store: Store = None,
    as_json: JsonOutput = False,
) -> None:
    """Bring older documents to the schema of this sulfox; goes on where it was killed."""
    from sulfox.stores.migrations import migrate as run
    from sulfox.stores.opening import open_store

    report = run(open_store(store), dry_run=dry_run)
    if as_json:
        emit_json(report)
        return
    what = "would change" if dry_run else "changed"
    counted = f"{report.changed} of {report.looked_at} older outputs {what}"
    emit_text(f"schema {report.schema_version}: {counted}")


@app.command("index")
def index(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make it anew.")] = False,
    store: Store = None,
    as_json: JsonOutput = False,
) -> None:
    """Bring the search index up to date and say how each declared query is answered."""
    from sulfox.stores.search.index_report import report_index

    rows = report_index(store, rebuild=rebuild)
    if as_json:
        emit_json({"queries": rows})
        return
    columns = ("question", "searched by", "indexed", "plan")
    said = {True: "yes", False: "no", None: "cannot explain here"}
    cells = [(*list(row.values())[:2], said[row["indexed"]], row["plan"]) for row in rows]
    emit_table("Declared queries", columns, cells)

"""``sulfox entries``: the sets of phases and energies behind every thermodynamic number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import JsonOutput, Store
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.entry_set import ComputedEntrySetDoc, EntrySet
    from sulfox.flows.local_manager import FlowRun

__all__ = ["app"]

app = typer.Typer(
    help="List, show, compute or fetch entry sets.", add_completion=False, rich_markup_mode=None
)
Potential = Annotated[
    str, typer.Option(help="nep89, chgnet, or package.module:Class of an ASE calculator.")
]
OutFile = Annotated[Path, typer.Option("--out", help="File that is written.", metavar="FILE")]


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, json_output: JsonOutput = False) -> None:
    """List the named entry sets; with a subcommand, show, compute or fetch one."""
    if context.invoked_subcommand is None:
        _list(json_output)


def _list(json_output: bool) -> None:
    from sulfox.analysis.thermodynamics.entries.entry_sources import open_named_sets

    sets, unusable = open_named_sets()
    left_out = [reason for _, reason in unusable]
    if json_output:
        references = [
            {**s.reference.model_dump(), "scheme": s.correction_scheme, "source": s.source}
            for s in sets
        ]
        emit_json({"entry_sets": references, "left_out": left_out})
        return
    columns = ("name", "scheme", "entries", "hash", "level of theory", "against experiment")
    rows = [
        (
            s.name,
            s.correction_scheme,
            len(s.entries),
            s.hash[:12],
            s.level_of_theory,
            None if s.accuracy is None else s.accuracy.sentence.partition(";")[0],
        )
        for s in sets
    ]
    emit_table("entry sets", columns, rows)
    emit_text(*(f"not usable: {text}" for text in left_out))
    emit_text("use one with --entries NAME or --entries NAME:SCHEME")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name, NAME:SCHEME, or a file.")],
    json_output: JsonOutput = False,
) -> None:
    """Show a set: phases, energies, and each measured enthalpy beside the computed one."""
    from sulfox.analysis.thermodynamics.entries.entry_sources import (
        open_entry_set,
        read_computed_set,
    )
    from sulfox.materials.entry_files import find_entry_file

    path, found, scheme = find_entry_file(name)
    entry_set = open_entry_set(path, found, scheme)
    if json_output:
        emit_json(entry_set)
        return
    emit_text(
        f"{entry_set.name}: {len(entry_set.entries)} entries, hash {entry_set.hash}",
        *(f"remark: {reason.message}" for reason in entry_set.remarks),
    )
    _show_energies(entry_set)
    document = read_computed_set(path)
    if document is not None:
        _show_refused(document)


def _show_energies(entry_set: EntrySet) -> None:
    accuracy = entry_set.accuracy
    compared = {row.name: row for row in accuracy.compounds} if accuracy else {}
    rows = []
    for entry in entry_set.entries:
        row = compared.get(entry.entry_id or "")
        computed = entry.formation_energy_eV_per_atom
        measured = None if row is None else row.measured_eV_per_atom
        left_out = None if row is None else row.left_out_eV_per_atom
        rows.append(
            (
                entry.entry_id or entry.formula,
                entry.formula,
                f"{computed:.4f}",
                None if measured is None else f"{measured:.4f}",
                None if measured is None else f"{computed - measured:+.4f}",
                None if left_out is None or measured is None else f"{left_out - measured:+.4f}",
            )
        )
    columns = ("phase", "formula", "computed", "measured", "difference", "left out of the fit")
    emit_table("formation energies (eV/atom)", columns, rows)


def _show_refused(document: ComputedEntrySetDoc) -> None:
    refused = [(p.name, p.reason) for p in document.phases if p.reason is not None]
    if refused:
        emit_table("refused phases", ("phase", "reason"), refused)


@app.command()
def compute(
    out: OutFile,
    engine: Annotated[str, typer.Option(help="mlip, or another engine's name.")] = "mlip",
    potential: Potential = "nep89",
    name: Annotated[str | None, typer.Option(help="Name of the set; the file's stem.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Jobs side by side.")] = 1,
    store: Store = None,
    json_output: JsonOutput = False,
) -> None:
    """Relax every phase of the catalogue and freeze the set; run again, it resumes."""
    from functools import partial

    from sulfox.flows.local_manager import run_flow
    from sulfox.flows.thermodynamic.entry_set_flow import build_entry_set_flow
    from sulfox.materials.phases import read_phases
    from sulfox.stores.opening import open_results_store, work_folder

    opener = partial(open_results_store, store)
    opener()
    flow, uuid = build_entry_set_flow(name or out.stem, read_phases(), engine, potential)
    outcome = run_flow(flow, opener, work_dir=work_folder(store), workers=workers)
    document = _answer(store, uuid, outcome)
    _write(out, document)
    _tell(document, out, json_output)


def _answer(store: str | None, uuid: str, outcome: FlowRun) -> ComputedEntrySetDoc:
    from sulfox.documents.entry_set import ComputedEntrySetDoc
    from sulfox.errors import SulfoxError
    from sulfox.stores.opening import open_documents

    for failure in outcome.failures:
        emit_note(f"{failure.name}: {failure.message}")
    for row in open_documents(store).find({"uuid": uuid}, limit=1):
        return ComputedEntrySetDoc.model_validate(row["output"])
    raise SulfoxError(
        "SFX-603",
        who="sulfox entries compute",
        found="; ".join(f.message for f in outcome.failures) or "no frozen set",
        expected="relaxed phases",
        next_step="the same command runs only what is missing",
    )


def _write(out: Path, document: ComputedEntrySetDoc) -> None:
    """Write one phase a line, so that two versions of a set can be compared."""
    import json

    from sulfox.trajectories.durable import write_durably

    content = document.model_dump(mode="json")
    phases = content.pop("phases")
    head = json.dumps(content, indent=1, allow_nan=False)[:-2]
    rows = ",\n".join(json.dumps(row, allow_nan=False, ensure_ascii=False) for row in phases)
    write_durably(out, f'{head},\n "phases": [\n{rows}\n]}}\n'.encode())


def _tell(document: ComputedEntrySetDoc, out: Path, json_output: bool) -> None:
    from sulfox.analysis.thermodynamics.entries.element_references import SCHEMES, formation_entries
    from sulfox.errors import SulfoxError

    sentences: dict[str, Any] = {}
    for scheme in SCHEMES:
        try:
            accuracy = formation_entries(document, scheme).accuracy
            sentences[scheme] = None if accuracy is None else accuracy.sentence
        except SulfoxError as error:
            sentences[scheme] = error.line
    refused = {p.name: p.reason for p in document.phases if p.reason is not None}
    if json_output:
        emit_json(
            {
                "file": out,
                "id": document.id,
                "n_phases": len(document.phases),
                "refused": refused,
                "accuracy": sentences,
            }
        )
        return
    emit_text(
        f"{out}: {len(document.phases) - len(refused)} phases, {len(refused)} refused, "
        f"{document.provenance.level_of_theory}",
        *(f"{key}: {value}" for key, value in sentences.items()),
    )
    _show_refused(document)


@app.command()
def fetch(
    chemsys: Annotated[str, typer.Option(help="Li-Co-O-P-S-Cl")],
    out: OutFile,
    source: Annotated[str, typer.Option(help="mp: the Materials Project.")] = "mp",
    thermo_type: Annotated[
        str, typer.Option(help="GGA_GGA+U, R2SCAN or GGA_GGA+U_R2SCAN.")
    ] = "GGA_GGA+U",
    json_output: JsonOutput = False,
) -> None:
    """Ask the Materials Project with your key (MP_API_KEY) once; offline afterwards."""
    from sulfox.errors import SulfoxError
    from sulfox.flows.thermodynamic.materials_project import fetch_entries

    if source != "mp":
        raise SulfoxError(
            "SFX-901",
            who="--source",
            found=repr(source),
            expected="mp",
            next_step="use --source mp, or give a file to --entries",
        )
    header = fetch_entries(chemsys.split("-"), out, thermo_type=thermo_type)
    if json_output:
        emit_json({"file": out, **header})
        return
    known = "kept from before" if header["cached"] else "fetched"
    emit_text(
        f"{out}: {header['n']} entries of {header['chemsys']}, database "
        f"{header['database_version']}, {header['thermo_type']}, {known}",
        f"use them: --entries {out}",
    )

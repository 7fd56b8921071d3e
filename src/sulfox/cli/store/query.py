"""``sulfox query``: what is in a store, for people, programs and spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import Engine, JsonOutput, Store, StudyFilter
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text
from sulfox.cli.store.answers import Column, content_of, emit_csv, table_rows, write_parquet
from sulfox.cli.store.listings import FIRST_COLUMNS, LAST_COLUMNS, LISTINGS, TOLD_ONCE

if TYPE_CHECKING:
    from sulfox.stores.readers import DocumentReader
    from sulfox.stores.search.query_filter import QueryFilter

__all__ = ["query"]


def query(
    kind: Annotated[str, typer.Argument(help=", ".join(LISTINGS), metavar="KIND")],
    study: StudyFilter = None,
    pair: Annotated[str | None, typer.Option(help="Materials, e.g. 'LCO|LPSCl'.")] = None,
    engine: Engine = None,
    temperature: Annotated[float | None, typer.Option(help="Target temperature [K].")] = None,
    variant: Annotated[str | None, typer.Option(help="default, cleaved-PS4, ...")] = None,
    status: Annotated[str | None, typer.Option(help="complete, partial or refused.")] = None,
    material: Annotated[
        str | None, typer.Option(help="Of electrons (CoO), or of a window (Li6PS5Cl).")
    ] = None,
    bond: Annotated[str | None, typer.Option(help="Element pair: S-S.")] = None,
    facet: Annotated[
        str | None, typer.Option(help="Of the cathode: 1,0,4, '(1 0 4)', 104, -110.")
    ] = None,
    electrolyte_facet: Annotated[
        str | None, typer.Option(help="Of the electrolyte or the shell.")
    ] = None,
    gas: Annotated[str | None, typer.Option(help="Of a gas reduction: H2.")] = None,
    entry_set: Annotated[
        str | None, typer.Option(help="Energies behind a reaction, window, curve, screening.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Made on this date (UTC) or later: 2026-11-01.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Made on this date or before.")] = None,
    stage: Annotated[
        str | None, typer.Option(help="Of a trajectory: equilibration or production.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of a trajectory.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="This very document.")] = None,
    interface_id: Annotated[str | None, typer.Option(help="What belongs to it.")] = None,
    trajectory_id: Annotated[str | None, typer.Option(help="What was analysed in it.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Any comparison, may be repeated: 'n_formed > 2', 'strain_max < 0.03', "
            "'band_center_eV < -2', 'reaction_energy_eV < -0.1', 'archive.n_frames >= 2000'.",
            metavar="NAME OP VALUE",
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Sort by this value; -NAME for descending.")
    ] = None,
    fields: Annotated[
        str | None, typer.Option(help="Columns: id,pair,n_formed; dots go deeper.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Only the newest N; 0 for all.", min=0)] = 0,
    as_json: JsonOutput = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    parquet: Annotated[
        Path | None, typer.Option(help="Write this Parquet file (needs pyarrow).")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="With --json: also values per atom, frame and bond.")
    ] = False,
    store: Store = None,
) -> None:
    """List what is in the store: interfaces, trajectories, sulfur-bonds, ..."""
    from sulfox.stores.documents import find_documents
    from sulfox.stores.opening import open_documents
    from sulfox.stores.search.query_filter import query_filter

    forms = {"--json": as_json, "--csv": as_csv, "--parquet": parquet is not None}
    _check_form([form for form, asked in forms.items() if asked], full=full, fields=fields)
    name, columns = _columns(kind, fields)
    wanted = query_filter(
        study=study,
        pair=pair,
        engine=engine,
        temperature=temperature,
        variant=variant,
        status=status,
        material=material,
        bond=bond,
        facet=facet,
        electrolyte_facet=electrolyte_facet,
        gas=gas,
        entry_set=entry_set,
        since=since,
        until=until,
        stage=stage,
        seed=seed,
        id=id_,
        interface_id=interface_id,
        trajectory_id=trajectory_id,
        where=where,
    )
    reader = open_documents(store)
    found = find_documents(reader, name, wanted, limit=limit, sort=sort)
    documents = [document.model_dump(mode="json") for document in found]
    if parquet is not None:
        write_parquet(parquet, columns, documents)
        emit_note(f"{len(documents)} {kind} -> {parquet}")
    elif as_json:
        chosen = columns if fields else None
        contents = [content_of(document, chosen, full=full) for document in documents]
        emit_json({"kind": kind, "n": len(contents), "documents": contents})
    elif as_csv:
        emit_csv(columns, documents)
    elif documents:
        title = f"{len(documents)} {kind} in {reader.where}"
        _show(title, columns, table_rows(columns, documents))
    if documents:
        emit_note(*_other_words(name, wanted, documents[0]))
    else:
        tell = emit_note if any(forms.values()) else emit_text
        tell(_nothing(kind, reader, wanted))


def _check_form(forms: list[str], *, full: bool, fields: str | None) -> None:
    if len(forms) > 1:
        raise _bad_option("form of the answer", " and ".join(forms), "one of them")
    if full and ("--json" not in forms or fields is not None):
        asked = "--full with --fields" if fields is not None else "--full without --json"
        raise _bad_option("form of the answer", asked, "--full with --json, and every field")


def _columns(kind: str, fields: str | None) -> tuple[str, tuple[Column, ...]]:
    if kind not in LISTINGS:
        raise _bad_option("KIND", repr(kind), ", ".join(LISTINGS))
    name, listed = LISTINGS[kind]
    if fields is None:
        heads = (*FIRST_COLUMNS, *listed, *LAST_COLUMNS)
        return name, tuple(Column(head, path, path) for head, path in heads)
    from sulfox.stores.search.names import document_path

    chosen = [field.strip() for field in fields.split(",")]
    return name, tuple(Column(field, field, document_path(name, field)) for field in chosen)


def _show(title: str, columns: Sequence[Column], rows: list[list[object]]) -> None:
    """Print a table; what mostly is the same stands below it where it is the same in all rows."""
    cells = list(zip(*rows, strict=True))
    once = [
        n
        for n, column in enumerate(columns)
        if column.head != column.name and column.name in TOLD_ONCE and len(set(cells[n])) == 1
    ]
    kept = [n for n in range(len(columns)) if n not in once]
    emit_table(title, [columns[n].head for n in kept], [[row[n] for n in kept] for row in rows])
    if once:
        emit_text("In all rows: " + "; ".join(f"{columns[n].head} {cells[n][0]}" for n in once))


def _bad_option(option: str, found: str, expected: str) -> Exception:
    from sulfox.errors import SulfoxError

    return SulfoxError(
        "SFX-901", who=option, found=found, expected=expected, next_step="choose one of these"
    )


def _other_words(kind: str, wanted: QueryFilter, document: dict[str, Any]) -> list[str]:
    """Say where what was found is stored in other words than were asked for."""
    from sulfox.stores.search.values import path_of, value_at

    notes = []
    for condition in wanted.conditions(kind):
        path = path_of(kind, condition.name)
        value = None if path is None else value_at(document, path)
        if condition.name in ("pair", "bond") and not _meets(condition, value):
            notes.append(f"{condition.name} {condition.value} is stored as {value}")
    return notes


def _meets(condition: Any, value: object) -> bool:
    return bool(condition.operator != "=" or condition.holds(value))


def _nothing(kind: str, reader: DocumentReader, wanted: QueryFilter) -> str:
    from sulfox.stores.documents import count_documents
    from sulfox.stores.search.empty_answer import explain_empty

    name, counts = LISTINGS[kind][0], count_documents(reader)
    words = {name: word for word, (name, _) in LISTINGS.items()}
    if not counts:
        return f"The store {reader.where} is empty; sulfox reproduce gsirr fills it."
    why = explain_empty(reader, name, wanted.conditions(name)) if counts.get(name) else ""
    if why:
        return f"No {kind} of the {counts[name]} in {reader.where} match: {why}."
    held = ", ".join(f"{n} {words[name]}" for name, n in counts.items())
    return f"No {kind} match in {reader.where}; it holds {held}."

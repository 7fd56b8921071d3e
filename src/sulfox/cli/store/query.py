"""``sulfox query``: what is in a store, for people, programs and spreadsheets."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sulfox.cli.options import Engine, JsonOutput, Store, StudyFilter
from sulfox.cli.output import emit_json, emit_note, emit_table, emit_text
from sulfox.cli.store.listings import FIRST_COLUMNS, LAST_COLUMNS, LISTINGS

__all__ = ["query"]

JsonDocument = dict[str, Any]


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
    facet: Annotated[str | None, typer.Option(help="Of the cathode, e.g. 1,0,4.")] = None,
    electrolyte_facet: Annotated[
        str | None, typer.Option(help="Of the electrolyte or the shell.")
    ] = None,
    gas: Annotated[str | None, typer.Option(help="Of a gas reduction: H2.")] = None,
    entry_set: Annotated[
        str | None, typer.Option(help="Energies behind a reaction, window, curve, screening.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Made on this date or later: 2026-11-01.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Made on this date or before.")] = None,
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
    from sulfox.stores.documents import QueryFilter, count_documents, find_documents
    from sulfox.stores.opening import open_documents
    from sulfox.stores.search.search import parse_condition

    name, columns = _columns(kind, fields)
    wanted = QueryFilter(
        study=study,
        pair=pair,
        engine=engine,
        temperature_K=temperature,
        variant=variant,
        status=_status(status),
        material=material,
        bond=bond,
        cathode_facet=_miller(facet),
        electrolyte_facet=_miller(electrolyte_facet),
        gas=gas,
        entry_set=entry_set,
        since=_date("--since", since),
        until=_date("--until", until),
        where=tuple(parse_condition(text) for text in where or ()),
    )
    reader = open_documents(store)
    found = find_documents(reader, name, wanted, limit=limit, sort=sort)
    documents = [document.model_dump(mode="json") for document in found]
    if parquet is not None:
        _write_parquet(parquet, columns, documents)
        emit_note(f"{len(documents)} {kind} -> {parquet}")
    elif as_json:
        chosen = [field for field, _ in columns] if fields else None
        contents = [_content(document, chosen, full=full) for document in documents]
        emit_json({"kind": kind, "n": len(contents), "documents": contents})
    elif as_csv:
        _emit_csv(columns, documents)
    elif documents:
        heads = [head for head, _ in columns]
        emit_table(f"{len(documents)} {kind} in {reader.where}", heads, _rows(columns, documents))
    else:
        emit_text(_nothing(kind, reader.where, count_documents(reader)))


def _columns(kind: str, fields: str | None) -> tuple[str, tuple[tuple[str, str], ...]]:
    if kind not in LISTINGS:
        raise _bad_option("KIND", kind, LISTINGS)
    name, columns = LISTINGS[kind]
    if fields is None:
        return name, (*FIRST_COLUMNS, *columns, *LAST_COLUMNS)
    from sulfox.documents.kinds import DOCUMENT_KINDS

    chosen = [field.strip() for field in fields.split(",")]
    known = DOCUMENT_KINDS[name].model_fields
    for field in chosen:
        if field.split(".")[0] not in known:
            raise _bad_option("--fields", field, sorted(known))
    return name, tuple((field, field) for field in chosen)


def _miller(text: str | None) -> str | None:
    return None if text is None else text.strip("()").replace(" ", "")


def _date(option: str, text: str | None) -> str | None:
    from datetime import datetime

    try:
        return None if text is None else datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise _bad_option(option, text or "", ["a date such as 2026-11-01"]) from None


def _status(text: str | None) -> Any:
    from sulfox.documents.base import Status

    words = [status.value for status in Status]
    if text is not None and text not in words:
        raise _bad_option("--status", text, words)
    return None if text is None else Status(text)


def _bad_option(option: str, text: str, words: Any) -> Exception:
    from sulfox.errors import SulfoxError

    return SulfoxError(
        "SFX-901",
        who=option,
        found=repr(text),
        expected=", ".join(words),
        next_step="choose one of these",
    )


def _content(content: JsonDocument, fields: list[str] | None, *, full: bool) -> JsonDocument:
    from sulfox.documents.kinds import BULKY_FIELDS

    if fields is not None:
        return {field: _value(content, field) for field in fields}
    bulky = () if full else BULKY_FIELDS.get(content["kind"], ())
    return {name: value for name, value in content.items() if name not in bulky}


def _value(content: JsonDocument, path: str) -> Any:
    from sulfox.stores.search.values import value_at

    return value_at(content, path)


def _rows(
    columns: Sequence[tuple[str, str]], documents: Sequence[JsonDocument]
) -> list[list[object]]:
    return [[_shown(_value(document, path)) for _, path in columns] for document in documents]


def _shown(value: Any) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        plain = bool(value) and all(isinstance(item, int | str) for item in value)
        return " ".join(map(str, value)) if plain else len(value)
    return value


def _emit_csv(columns: Sequence[tuple[str, str]], documents: Sequence[JsonDocument]) -> None:
    """Full precision, one head per field: units are in the fields' names."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([path for _, path in columns])
    for document in documents:
        cells = [_value(document, path) for _, path in columns]
        writer.writerow([_shown(cell) if isinstance(cell, list) else cell for cell in cells])


def _write_parquet(
    path: Path, columns: Sequence[tuple[str, str]], documents: Sequence[JsonDocument]
) -> None:
    import pandas as pd

    from sulfox.errors import SulfoxError

    rows = [{name: _cell(_value(document, name)) for _, name in columns} for document in documents]
    try:
        pd.DataFrame(rows, columns=[name for _, name in columns]).to_parquet(path)
    except ImportError:
        raise SulfoxError(
            "SFX-302",
            who="--parquet",
            found="no pyarrow",
            expected="the package that writes Parquet files",
            next_step="pip install 'sulfox[parquet]', or use --csv",
        ) from None
    except OSError as error:
        raise SulfoxError(
            "SFX-503",
            who=str(path),
            found=error.strerror or str(error),
            expected="a file that can be written",
            next_step="give another path",
        ) from error


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def _nothing(kind: str, where: str, counts: dict[str, int]) -> str:
    words = {name: word for word, (name, _) in LISTINGS.items()}
    if not counts:
        return f"The store {where} is empty; sulfox reproduce gsirr fills it."
    held = ", ".join(f"{n} {words[name]}" for name, n in counts.items())
    return f"No {kind} match in {where}; it holds {held}."

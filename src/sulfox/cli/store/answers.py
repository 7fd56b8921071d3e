"""The forms in which ``sulfox query`` answers: table, JSON, comma-separated values, Parquet."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Column", "content_of", "emit_csv", "table_rows", "write_parquet"]

JsonDocument = dict[str, Any]


class Column(NamedTuple):
    """A column of an answer.

    Attributes
    ----------
    head : str
        Of a table, with unit.
    name : str
        Of a file: the field, or as it was asked for.
    path : str
        Where documents hold it.
    """

    head: str
    name: str
    path: str


def content_of(
    content: JsonDocument, columns: Sequence[Column] | None, *, full: bool
) -> JsonDocument:
    """Give what ``--json`` shows of a document.

    Parameters
    ----------
    content : dict
        JSON document.
    columns : sequence of Column, optional
        What was asked for; None stands for every field.
    full : bool
        Also fields with a value per atom, frame or bond.
    """
    from sulfox.documents.kinds import BULKY_FIELDS

    if columns is not None:
        return {column.name: _value(content, column.path) for column in columns}
    bulky = () if full else BULKY_FIELDS.get(content["kind"], ())
    return {name: value for name, value in content.items() if name not in bulky}


def table_rows(columns: Sequence[Column], documents: Sequence[JsonDocument]) -> list[list[object]]:
    """Give the rows of a table, numbers with six digits.

    Parameters
    ----------
    columns : sequence of Column
        What is shown.
    documents : sequence of dict
        JSON documents.
    """
    return [[_shown(_value(document, c.path)) for c in columns] for document in documents]


def emit_csv(columns: Sequence[Column], documents: Sequence[JsonDocument]) -> None:
    """Print rows in full precision, one head per field: units are in the fields' names.

    Parameters
    ----------
    columns : sequence of Column
        What is shown.
    documents : sequence of dict
        JSON documents.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for document in documents:
        cells = [_value(document, column.path) for column in columns]
        writer.writerow([_shown(cell) if isinstance(cell, list) else cell for cell in cells])


def write_parquet(path: Path, columns: Sequence[Column], documents: Sequence[JsonDocument]) -> None:
    """Write a Parquet file, numbers as numbers.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of Column
        What is written.
    documents : sequence of dict
        JSON documents.

    Raises
    ------
    SulfoxError
        SFX-302 without pyarrow, SFX-503 if the file cannot be written.
    """
    import pandas as pd

    from sulfox.errors import SulfoxError

    rows = [{c.name: _cell(_value(document, c.path)) for c in columns} for document in documents]
    try:
        pd.DataFrame(rows, columns=[column.name for column in columns]).to_parquet(path)
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


def _value(content: JsonDocument, path: str) -> Any:
    from sulfox.stores.search.values import value_at

    return value_at(content, path)


def _shown(value: Any) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        plain = bool(value) and all(isinstance(item, int | str) for item in value)
        return " ".join(map(str, value)) if plain else len(value)
    return value


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value

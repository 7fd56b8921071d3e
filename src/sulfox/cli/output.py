"""How commands answer: one JSON document on stdout, or words for a person; logs on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["emit_json", "emit_note", "emit_table", "emit_text"]


def emit_json(document: Any) -> None:
    """Print one JSON document on stdout; pydantic models and paths are understood.

    Parameters
    ----------
    document : object
        What is printed.
    """

    def plain(item: Any) -> Any:
        if hasattr(item, "model_dump"):
            return item.model_dump(mode="json")
        if hasattr(item, "tolist"):
            return item.tolist()
        return str(item)

    sys.stdout.write(json.dumps(document, default=plain, allow_nan=False, indent=2) + "\n")


def emit_text(*lines: str) -> None:
    """Print lines for a person on stdout.

    Parameters
    ----------
    *lines : str
        Lines without their line ends.
    """
    for line in lines:
        sys.stdout.write(line + "\n")


def emit_note(*lines: str) -> None:
    """Print lines for a person on stderr: what is not the answer itself.

    Parameters
    ----------
    *lines : str
        Lines without their line ends.
    """
    for line in lines:
        sys.stderr.write(line + "\n")


def emit_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for a person on stdout.

    Parameters
    ----------
    title : str
        Heading.
    columns : sequence of str
        Column heads, with units.
    rows : iterable of sequence
        Cells; None is shown as a dash.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")  # "[eV]" is a unit, not a style
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    for row in rows:
        table.add_row(*("-" if cell is None else escape(str(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        no_edge = Console(width=10_000)  # of a file or a pipe: ids stay whole
        console = Console(width=max(200, no_edge.measure(table).maximum))
    console.print(table)

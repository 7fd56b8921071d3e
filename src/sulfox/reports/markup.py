"""Pieces of a page: sections, figures and tables as escaped HTML."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = [
    "Figure",
    "Html",
    "Section",
    "cards",
    "figure_block",
    "note",
    "paragraph",
    "table",
]


class Html(str):
    """Text that is already HTML; every other string is escaped."""

    __slots__ = ()


@dataclass(frozen=True)
class Figure:
    """A drawn figure.

    Attributes
    ----------
    name : str
        File stem.
    caption : str
        What is seen, for a reader.
    png : bytes
        Raster image.
    svg : bytes
        Vector image.
    embed_png : bool
        Whether a page holds the raster image: smaller where there are hundreds of atoms.
    """

    name: str
    caption: str
    png: bytes
    svg: bytes
    embed_png: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    title : str
        Heading.
    html : Html
        Body, with its figures embedded.
    figures : tuple of Figure
        Figures that are also written as files.
    """

    title: str
    html: Html
    figures: tuple[Figure, ...] = ()


def cell_html(value: object) -> str:
    """Return a value as HTML: a dash for None, everything but `Html` escaped.

    Parameters
    ----------
    value : object
        Content of a cell or a sentence.
    """
    if value is None:
        return "–"
    return value if isinstance(value, Html) else escape(str(value))


def paragraph(*sentences: object) -> Html:
    """Return a paragraph of escaped sentences.

    Parameters
    ----------
    *sentences : object
        Joined by spaces; `Html` is not escaped.
    """
    return Html(f"<p>{' '.join(cell_html(s) for s in sentences)}</p>\n")


def note(*sentences: object) -> Html:
    """Return a paragraph in small print.

    Parameters
    ----------
    *sentences : object
        Joined by spaces; `Html` is not escaped.
    """
    return Html(f'<p class="note">{" ".join(cell_html(s) for s in sentences)}</p>\n')


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    caption: str = "",
    row_heads: bool = False,
) -> Html:
    """Return a table that scrolls sideways where it is wider than the screen.

    Parameters
    ----------
    columns : sequence of str
        Heads, with units.
    rows : iterable of sequence
        Cells; None is a dash, everything but `Html` is escaped.
    caption : str
        What the table shows, with definitions.
    row_heads : bool
        Whether the first cell of a row is its head.

    Returns
    -------
    Html
        The table.
    """
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in columns)
    lines = []
    for row in rows:
        cells = [f"<td>{cell_html(c)}</td>" for c in row]
        if row_heads and cells:
            cells[0] = f'<th scope="row">{cell_html(row[0])}</th>'
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return Html(
        f'<div class="wide"><table>{title}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{''.join(lines)}</tbody></table></div>\n"
    )


def cards(columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> Html:
    """Return a table whose rows become cards on a narrow screen: for cells with long text.

    Parameters
    ----------
    columns : sequence of str
        Heads; repeated in each card.
    rows : iterable of sequence
        Cells; None is a dash, everything but `Html` is escaped.
    caption : str
        What the table shows.

    Returns
    -------
    Html
        The table.
    """
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-head="{escape(column)}">{cell_html(cell)}</td>'
            for column, cell in zip(columns, row, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return Html(
        f'<table class="cards">{title}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table>\n"
    )


def figure_block(figure: Figure) -> Html:
    """Return a figure with its image inside the page.

    Parameters
    ----------
    figure : Figure
        What is shown.

    Returns
    -------
    Html
        ``<figure>`` with a data URI; the page needs no other file.
    """
    kind, image = ("png", figure.png) if figure.embed_png else ("svg+xml", figure.svg)
    data = base64.b64encode(image).decode("ascii")
    caption = escape(figure.caption)
    return Html(
        f'<figure id="{escape(figure.name)}"><img alt="{caption}" '
        f'src="data:image/{kind};base64,{data}"><figcaption>{caption}</figcaption></figure>\n'
    )

"""Published against computed: the table with verdicts, as HTML and as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter

from sulfox.documents.comparison import ComparisonDoc, ComparisonRow, Verdict
from sulfox.reports.data import ReportData
from sulfox.reports.markup import Html, Section, cards, paragraph

__all__ = ["comparison_csv", "comparison_section"]

#: A sign beside the word, so that colour is never alone.
_SIGNS = {
    Verdict.REPRODUCED: ("yes", "✓"),
    Verdict.NOT_REPRODUCED: ("no", "✗"),
    Verdict.NOT_COMPARABLE: ("open", "≠"),
    Verdict.NOT_COMPUTED: ("open", "–"),
}
_COLUMNS = (
    "quantity",
    "paper",
    "computed",
    "verdict",
    "why",
    "engine, level of theory",
    "definition",
    "source",
)


def comparison_section(data: ReportData) -> Section:
    """Set every published number beside what was computed.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        The rows of the comparison as they are stored.
    """
    title = "Paper and computation"
    if data.comparison is None or not data.comparison.rows:
        return Section(title, paragraph("No comparison with published numbers is stored."))
    rows = data.comparison.rows
    counts = Counter(row.verdict for row in rows)
    summary = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)
    html = paragraph(f"{len(rows)} rows: {summary}.") + cards(_COLUMNS, map(_cells, rows))
    return Section(title, Html(html))


def _cells(row: ComparisonRow) -> tuple[object, ...]:
    colour, sign = _SIGNS[row.verdict]
    verdict = Html(f'<span class="verdict {colour}">{sign} {row.verdict.value}</span>')
    engine = f"{row.engine}, {row.level_of_theory}"
    return (
        row.quantity,
        row.published,
        row.computed,
        verdict,
        row.reason,
        engine,
        row.definition,
        row.source,
    )


def comparison_csv(document: ComparisonDoc) -> str:
    """Return the comparison as CSV, one line a row, every field.

    Parameters
    ----------
    document : ComparisonDoc
        The rows.

    Returns
    -------
    str
        With a header line; ids of the inputs are separated by blanks.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(ComparisonRow.model_fields))
    writer.writeheader()
    for row in document.rows:
        writer.writerow({**row.model_dump(mode="json"), "inputs": " ".join(row.inputs)})
    return buffer.getvalue()

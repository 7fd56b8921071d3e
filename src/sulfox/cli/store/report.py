"""``sulfox report``: one page, its figures and its table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sulfox.cli.options import JsonOutput, OutDir, Store
from sulfox.cli.output import emit_json, emit_text

__all__ = ["report"]


def report(
    study: Annotated[str, typer.Argument(help="Name of a study that was run, such as gsirr.")],
    out: OutDir = None,
    store: Store = None,
    as_json: JsonOutput = False,
) -> None:
    """Write one self-contained HTML page, PNG and SVG figures and the table of a study."""
    from sulfox.reports.findings import findings
    from sulfox.reports.page import write_report
    from sulfox.reports.stored import read_study

    data = read_study(study, store)
    paths = write_report(data, out or Path("reports") / study)
    if as_json:
        emit_json({"study": study, "findings": findings(data), "files": paths})
        return
    emit_text(*findings(data), *map(str, paths))

"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Engine", "JsonOutput", "OutDir", "Store", "StudyFilter"]

JsonOutput = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, logs on stderr.")
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Folder of an embedded store, or YAML of a maggma JobStore. Default: user data.",
        metavar="PATH|YAML",
    ),
]
OutDir = Annotated[Path | None, typer.Option("--out", help="Folder for what is written.")]
Engine = Annotated[str | None, typer.Option("--engine", help="mlip, or another engine's name.")]
StudyFilter = Annotated[str | None, typer.Option("--study", help="Only documents of this study.")]

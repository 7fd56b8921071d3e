"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["Engine", "FigureFile", "JsonOutput", "ManagerName", "OutDir", "Store", "StudyFilter"]

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
ManagerName = Annotated[
    Literal["jobflow-remote", "fireworks"],
    typer.Option("--manager", help="Which workflow engine queues the jobs."),
]
ClusterName = Annotated[str, typer.Option("--cluster", help="A file of configs/clusters.")]
StudyName = Annotated[str, typer.Argument(help="Name of a study, or its folder.")]
StudyFilter = Annotated[str | None, typer.Option("--study", help="Only documents of this study.")]


def _image(path: Path | None) -> Path | None:
    """Refuse an ending that no figure has, before anything is computed."""
    if path is not None and path.suffix.lower() not in (".png", ".svg"):
        from sulfox.errors import SulfoxError

        raise SulfoxError(
            "SFX-901",
            who=f"figure {path}",
            found=f"the ending {path.suffix!r}",
            expected="a name that ends in .png or .svg",
            next_step="change the name",
        )
    return path


FigureFile = Annotated[
    Path | None,
    typer.Option(
        "--figure", help="Write the figure: a name ending in .png or .svg.", callback=_image
    ),
]

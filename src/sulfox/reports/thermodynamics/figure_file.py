"""One figure as one file, for a command's ``--figure``."""

from __future__ import annotations

from pathlib import Path

from sulfox.errors import SulfoxError
from sulfox.reports.markup import Figure

__all__ = ["pretty_formula", "write_figure"]


def write_figure(figure: Figure, path: Path) -> Path:
    """Write the PNG or the SVG of a figure.

    Parameters
    ----------
    figure : Figure
        As drawn.
    path : Path
        Ends in ``.png`` or ``.svg``; its folder is made.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    SulfoxError
        SFX-901 for another ending, or a place that cannot be written.
    """
    images = {".png": figure.png, ".svg": figure.svg}
    image = images.get(path.suffix.lower())
    if image is None:
        raise _unwritable(path, f"the ending {path.suffix!r}", "a name that ends in .png or .svg")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error), "a folder to write to") from error
    return path


def pretty_formula(formula: str) -> str:
    """Write a formula with subscripts in matplotlib's notation.

    Parameters
    ----------
    formula : str
        ``"Li6PS5Cl"``.

    Returns
    -------
    str
        ``"Li$_{6}$PS$_{5}$Cl"``.
    """
    text, number = "", ""
    for letter in formula + " ":
        if letter.isdigit() or (letter == "." and number):
            number += letter
            continue
        if number:
            text += f"$_{{{number}}}$"
            number = ""
        text += letter
    return text.rstrip()


def _unwritable(path: Path, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-901", who=f"--figure {path}", found=found, expected=expected, next_step="change it"
    )

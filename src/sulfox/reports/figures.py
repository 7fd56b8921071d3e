"""How figures look: one style, colours that survive colour blindness, PNG and SVG alike."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sulfox.errors import SulfoxError
from sulfox.reports.markup import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "LINE_COLOURS",
    "RunLines",
    "draw_grid",
    "draw_panels",
    "element_colour",
    "element_radius_A",
    "file_stem",
    "finish",
    "style",
    "time_axis",
]

#: Okabe and Ito's set, doi:10.1038/nmeth.1618: told apart with any colour vision.
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: Close to Jmol's where that stays distinguishable in lightness as well as in hue.
ELEMENT_COLOURS = {
    "Li": "#CDB5E3",
    "C": "#4D4D4D",
    "O": "#DB3A2A",
    "P": "#4A1C61",
    "S": "#F5D327",
    "Cl": "#5FCBA4",
    "Co": "#2F7DC0",
    "Ni": "#79AEDB",
    "Mn": "#8C6BB1",
    "Al": "#B9AEB4",
    "In": "#A5785A",
    "Ge": "#5E8A86",
}

_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))

_STYLE: dict[str, Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.solid_capstyle": "butt",
    "savefig.dpi": 200,
    "svg.hashsalt": "sulfox",
    "svg.fonttype": "path",
    "path.simplify": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Use the report's style inside a block; nothing outside of it changes.

    Raises
    ------
    SulfoxError
        SFX-302 if matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise SulfoxError(
            "SFX-302",
            who="figures of the report",
            found="matplotlib is not installed",
            expected="the extra sulfox[report]",
            next_step="pip install 'sulfox[report]'",
        ) from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
        yield


def _canvas(width: float, height: float, layout: Any = "constrained") -> Canvas:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), layout=layout)
    FigureCanvasAgg(canvas)
    return canvas


def draw_grid(n_rows: int, n_columns: int, size: tuple[float, float]) -> tuple[Canvas, Any]:
    """Make a grid of axes on a canvas that no window system knows.

    Parameters
    ----------
    n_rows, n_columns : int
        Shape of the grid.
    size : tuple of float
        Width and height of one panel [inch].

    Returns
    -------
    canvas : matplotlib.figure.Figure
        Laid out without overlap.
    axes : ndarray of Axes, shape (n_rows, n_columns)
        Panels.
    """
    canvas = _canvas(size[0] * n_columns, size[1] * n_rows)
    return canvas, canvas.subplots(n_rows, n_columns, squeeze=False, sharex="col")


def draw_panels(
    n_panels: int, size: tuple[float, float], key_inch: float
) -> tuple[Canvas, list[Axes], Axes]:
    """Make panels of an exact size in a row, with a place for the key on the right.

    Parameters
    ----------
    n_panels : int
        How many.
    size : tuple of float
        Width and height of one panel [inch].
    key_inch : float
        Width of the key [inch].

    Returns
    -------
    canvas : matplotlib.figure.Figure
        With room for a title and for labels.
    panels : list of Axes
        From left to right.
    key : Axes
        Where the key goes.
    """
    left, below, above, between = 0.62, 0.52, 0.82, 0.45
    width = left + n_panels * size[0] + (n_panels - 1) * between + key_inch
    height = below + size[1] + above
    canvas = _canvas(width, height, layout=None)
    panels = [
        canvas.add_axes(
            (
                (left + number * (size[0] + between)) / width,
                below / height,
                size[0] / width,
                size[1] / height,
            )
        )
        for number in range(n_panels)
    ]
    key = canvas.add_axes(
        ((width - key_inch) / width, below / height, key_inch / width, size[1] / height)
    )
    return canvas, panels, key


def finish(canvas: Canvas, name: str, caption: str, level: str, embed_png: bool = False) -> Figure:
    """Write what computed it under a figure and render it.

    Parameters
    ----------
    canvas : matplotlib.figure.Figure
        The drawing.
    name, caption : str
        File stem and text for a reader.
    level : str
        Level of theory, printed at the lower edge: it travels with the image.
    embed_png : bool
        Whether a page shall hold the raster image.

    Returns
    -------
    Figure
        The same bytes for the same input.
    """
    if canvas.get_layout_engine() is None:
        canvas.text(0.99, 0.02, level, ha="right", va="bottom", fontsize=7, color="#6B6B6B")
    else:
        canvas.supxlabel(level, x=0.995, ha="right", fontsize=7, color="#6B6B6B")
    png, svg = io.BytesIO(), io.BytesIO()
    canvas.savefig(png, format="png", metadata={"Software": None})
    canvas.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return Figure(name, caption, png.getvalue(), svg.getvalue(), embed_png)


@dataclass(frozen=True)
class RunLines:
    """One look for each run in all figures: colour by temperature, dashes by seed.

    Attributes
    ----------
    temperatures_K : tuple of float
        All target temperatures of the report, ascending [K].
    seeds : tuple of int
        All seeds, ascending.
    """

    temperatures_K: tuple[float, ...]
    seeds: tuple[int, ...]

    def look(self, temperature_K: float, seed: int) -> dict[str, Any]:
        """Return the keyword arguments of a run's line; where lines coincide, both are seen.

        Parameters
        ----------
        temperature_K : float
            Target temperature, one of `temperatures_K` [K].
        seed : int
            Seed, one of `seeds`.
        """
        hue, dash = self.temperatures_K.index(temperature_K), self.seeds.index(seed)
        place = hue * len(self.seeds) + dash
        return {
            "color": LINE_COLOURS[hue % len(LINE_COLOURS)],
            "linestyle": _DASHES[dash % len(_DASHES)],
            "linewidth": max(1.0, 4.0 - 0.9 * place),
            "zorder": 3 + place,
        }

    def draw_key(self, canvas: Canvas, shown: Iterable[tuple[float, int]]) -> None:
        """Draw the key above the panels.

        Parameters
        ----------
        canvas : matplotlib.figure.Figure
            The drawing.
        shown : iterable of (float, int)
            Temperature and seed of the runs drawn.
        """
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], label=f"{t:g} K, seed {s}", **self.look(t, s))
            for t, s in sorted(set(shown))
        ]
        canvas.legend(
            handles=handles, loc="outside upper center", ncols=min(len(handles), 4), handlelength=3
        )


def element_colour(symbol: str) -> str:
    """Return the fill colour of an element; Jmol's where none is set here.

    Parameters
    ----------
    symbol : str
        Element symbol.
    """
    if symbol in ELEMENT_COLOURS:
        return ELEMENT_COLOURS[symbol]
    from ase.data import atomic_numbers
    from ase.data.colors import jmol_colors
    from matplotlib.colors import to_hex

    return to_hex(jmol_colors[atomic_numbers[symbol]])


def element_radius_A(symbol: str) -> float:
    """Return the covalent radius of an element (doi:10.1039/b801115j, as in ASE) [Å].

    Parameters
    ----------
    symbol : str
        Element symbol.
    """
    from ase.data import atomic_numbers, covalent_radii

    return float(covalent_radii[atomic_numbers[symbol]])


def file_stem(*parts: object) -> str:
    """Return a file name without characters that a file system or a URL minds.

    Parameters
    ----------
    *parts : object
        Joined by hyphens.
    """
    words = "-".join(str(part) for part in parts)
    return "".join(c if c.isalnum() or c in "-." else "-" for c in words)


def time_axis(axes: Axes) -> None:
    """Label the time axis.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Panel with time in ps along x.
    """
    axes.set_xlabel("time (ps)")
    axes.margins(x=0)

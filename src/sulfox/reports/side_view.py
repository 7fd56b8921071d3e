"""Atoms of an interface seen from the side: the cell's edge along the line of sight.

Looking along an in-plane lattice vector, the projection is periodic with one period, so the
cell's outline is a rectangle for any in-plane angle and atoms are wrapped without doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sulfox.reports.figures import element_colour, element_radius_A
from sulfox.trajectories.frames import FloatArray, Trajectory
from sulfox.trajectories.geometry import minimum_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HIGHLIGHT", "Projection", "Sticks", "View", "draw_elements", "draw_view"]

#: Colour of the bonds that the study asks about.
HIGHLIGHT = "#E6007E"
#: Drawn radius = a + b x covalent radius [Å]: small ions stay visible, PS4 stays open.
_RADIUS = (0.30, 0.28)
#: Room around the cell [Å]: left, right (with the names of the sides), below, above.
_MARGINS_A = (1.1, 3.6, 2.6, 0.3)
_VACUUM_SHOWN_A = 1.5
_LEAST_VACUUM_A = 6.0
_SCALE_BAR_A = 5.0


@dataclass(frozen=True)
class Sticks:
    """Bonds drawn in one way.

    Attributes
    ----------
    atoms : tuple of (int, int)
        Bonded atoms.
    colour : str or None
        None gives each half the colour of its atom.
    width_A : float
        Width of the stick [Å].
    """

    atoms: tuple[tuple[int, int], ...]
    colour: str | None
    width_A: float


@dataclass(frozen=True)
class Projection:
    """Line of sight, wrapping and window, shared by all panels of a figure.

    Attributes
    ----------
    across, up, sight : ndarray, shape (3,)
        Unit vectors to the right, up the normal, and away from the eye.
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].
    width_A : float
        Period of the projection [Å].
    seen_along : str
        ``"a"`` or ``"b"``.
    low_A, high_A : float
        Heights shown [Å].
    cut : float
        Fractional height at which the periodic cell is opened.
    has_vacuum : bool
        Whether a layer without atoms was left out of the window.
    """

    across: FloatArray
    up: FloatArray
    sight: FloatArray
    lattice: FloatArray
    width_A: float
    seen_along: str
    low_A: float
    high_A: float
    cut: float
    has_vacuum: bool

    @classmethod
    def of(cls, frames: Sequence[Trajectory]) -> Projection:
        """Choose the projection that shows the longer in-plane edge.

        Parameters
        ----------
        frames : sequence of Trajectory
            The frames to be shown, of one cell; the first frame of each is used.

        Returns
        -------
        Projection
            Window wide enough for all of them.
        """
        lattice = np.asarray(frames[0].lattice, dtype=float)
        a, b, c = lattice
        seen = "b" if np.linalg.norm(a) >= np.linalg.norm(b) else "a"
        along, shown = (b, a) if seen == "b" else (a, b)
        up = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
        sight = along / np.linalg.norm(along)
        across = np.cross(sight, up)
        across *= np.sign(across @ shown)
        period = float(abs(c @ up))
        fractions = np.concatenate([(f.positions[0] @ up) / (c @ up) for f in frames])
        cut, widest_A = _widest_gap(fractions, period)
        has_vacuum = widest_A >= _LEAST_VACUUM_A
        heights = ((fractions - cut) % 1.0 + cut) * period
        margin = _VACUUM_SHOWN_A
        low, high = heights.min() - margin, heights.max() + margin
        if not has_vacuum:
            low, high = cut * period, (cut + 1) * period
        return cls(
            across=across,
            up=up,
            sight=sight,
            lattice=lattice,
            width_A=float(shown @ across),
            seen_along=seen,
            low_A=float(low),
            high_A=float(high),
            cut=cut,
            has_vacuum=has_vacuum,
        )

    @property
    def panel_A(self) -> tuple[float, float]:
        """Width and height of a panel with its margins [Å]."""
        left, right, below, above = _MARGINS_A
        return self.width_A + left + right, self.high_A - self.low_A + below + above

    def project(self, positions: FloatArray) -> FloatArray:
        """Project positions into the window.

        Parameters
        ----------
        positions : ndarray, shape (n_atoms, 3)
            Cartesian, wrapped in any way [Å].

        Returns
        -------
        ndarray, shape (n_atoms, 3)
            To the right (0 to `width_A`), up, and away from the eye [Å].
        """
        fractional = positions @ np.linalg.inv(self.lattice)
        fractional[:, :2] %= 1.0
        fractional[:, 2] = (fractional[:, 2] - self.cut) % 1.0 + self.cut
        inside = fractional @ self.lattice
        seen = inside @ np.stack([self.across, self.up, self.sight], axis=1)
        seen[:, 0] %= self.width_A
        return seen


@dataclass(frozen=True)
class View:
    """What one panel shows.

    Attributes
    ----------
    frame : Trajectory
        Its first frame is drawn.
    title : str
        Above the panel.
    sticks : tuple of Sticks
        Bonds, minimum image.
    side_names : dict
        Side (``"cathode"``) -> name at the edge.
    plane_A : float or None
        Height of the interface plane along the normal [Å].
    """

    frame: Trajectory
    title: str
    sticks: tuple[Sticks, ...] = ()
    side_names: dict[str, str] | None = None
    plane_A: float | None = None


def draw_view(axes: Axes, view: View, projection: Projection, scale_bar: bool = False) -> None:
    """Draw atoms and bonds, far ones first and paler.

    Parameters
    ----------
    axes : Axes
        Panel; 1 Å is equally long in both directions.
    view : View
        What is shown.
    projection : Projection
        How it is seen.
    scale_bar : bool
        Whether a bar of 5 Å is drawn.
    """
    from matplotlib.collections import PathCollection

    seen = projection.project(np.array(view.frame.positions[0]))
    depth = seen[:, 2]
    fade = 0.45 * (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9)
    shapes = _sticks(view, projection, seen, fade) + _balls(view.frame.species, seen, fade)
    shapes.sort(key=lambda shape: -shape[0])
    shapes += _rings(view, seen)
    axes.add_collection(
        PathCollection(
            [shape[1] for shape in shapes],
            facecolors=[shape[2] for shape in shapes],
            edgecolors=[shape[3] for shape in shapes],
            linewidths=[shape[4] for shape in shapes],
        )
    )
    _frame(axes, view, projection, seen)
    if scale_bar:
        _scale_bar(axes, projection)


def draw_elements(axes: Axes, species: Sequence[str], highlighted: str | None) -> None:
    """Draw the key of elements, and of the highlighted bond if there is one.

    Parameters
    ----------
    axes : Axes
        An empty panel.
    species : sequence of str
        Elements of the atoms shown.
    highlighted : str or None
        Name of the bond drawn in the highlight colour.
    """
    from matplotlib.lines import Line2D

    elements = sorted(set(species), key=lambda s: (element_radius_A(s), s), reverse=True)
    keys: list[Any] = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="none",
            markersize=15 * _drawn_radius_A(element),
            markerfacecolor=element_colour(element),
            markeredgecolor="#333333",
            markeredgewidth=0.5,
            label=element,
        )
        for element in elements
    ]
    if highlighted:
        keys.append(Line2D([], [], color=HIGHLIGHT, linewidth=4, label=f"{highlighted} bond"))
    axes.axis("off")
    axes.legend(
        handles=keys,
        loc="center left",
        bbox_to_anchor=(0.0, 0.5),
        handletextpad=0.4,
        labelspacing=0.9,
        borderpad=0,
    )


def _drawn_radius_A(symbol: str) -> float:
    return _RADIUS[0] + _RADIUS[1] * element_radius_A(symbol)


Shape = tuple[float, Any, Any, Any, float]


def _balls(species: Sequence[str], seen: FloatArray, fade: FloatArray) -> list[Shape]:
    from matplotlib.path import Path

    shapes: list[Shape] = []
    for symbol, (x, z, depth), pale in zip(species, seen, fade, strict=True):
        radius = _drawn_radius_A(symbol)
        colour = element_colour(symbol)
        body = Path.circle((x, z), radius)
        shine = Path.circle((x - 0.3 * radius, z + 0.32 * radius), 0.3 * radius)
        shapes.append((depth, body, _mixed(colour, pale), _mixed("#222222", pale), 0.5))
        light = _mixed(colour, 0.55 + 0.45 * pale)
        shapes.append((depth - 1e-6, shine, light, (0, 0, 0, 0), 0.0))
    return shapes


def _sticks(view: View, projection: Projection, seen: FloatArray, fade: FloatArray) -> list[Shape]:
    from matplotlib.path import Path

    positions = view.frame.positions[0]
    axes = np.stack([projection.across, projection.up, projection.sight], axis=1)
    shapes: list[Shape] = []
    for kind in view.sticks:
        for pair in kind.atoms:
            i, j = pair
            vector = minimum_image(positions[j] - positions[i], projection.lattice) @ axes
            for atom, half in ((i, vector / 2), (j, -vector / 2)):
                start, end = seen[atom, :2], seen[atom, :2] + half[:2]
                length = float(np.hypot(*half[:2])) or 1.0
                side = np.array([-half[1], half[0]]) / length * kind.width_A / 2
                outline = np.array([start + side, end + side, end - side, start - side])
                colour = kind.colour or element_colour(view.frame.species[atom])
                pale = 0.0 if kind.colour else fade[atom]
                depth = float(seen[atom, 2] + max(half[2] / 2, 1e-3))
                if kind.colour:  # never hidden
                    depth = float(seen[:, 2].min()) - 1.0
                shapes.append((depth, Path(outline), _mixed(colour, pale), (0, 0, 0, 0), 0.0))
    return shapes


def _rings(view: View, seen: FloatArray) -> list[Shape]:
    """Rings around the atoms of coloured bonds: a bond along the line of sight is seen too."""
    from matplotlib.path import Path

    coloured = [kind for kind in view.sticks if kind.colour]
    marked = {atom: kind.colour for kind in coloured for pair in kind.atoms for atom in pair}
    return [
        (
            0.0,
            Path.circle((seen[atom, 0], seen[atom, 1]), _drawn_radius_A(view.frame.species[atom])),
            (0, 0, 0, 0),
            colour,
            2.0,
        )
        for atom, colour in marked.items()
    ]


def _frame(axes: Axes, view: View, projection: Projection, seen: FloatArray) -> None:
    width, low, high = projection.width_A, projection.low_A, projection.high_A
    outline: dict[str, Any] = {
        "color": "#777777",
        "linewidth": 0.9,
        "linestyle": (0, (4, 3)),
        "zorder": 0,
    }
    for x in (0.0, width):
        axes.plot([x, x], [low, high], **outline)
    if not projection.has_vacuum:
        for z in (low, high):
            axes.plot([0, width], [z, z], **outline)
    axes.set_aspect("equal")
    left, right, below, above = _MARGINS_A
    axes.set_xlim(-left, width + right)
    axes.set_ylim(low - below, high + above)
    axes.set_title(view.title)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.set_ylabel("height (Å)")
    if view.plane_A is not None:
        period = float(abs(projection.lattice[2] @ projection.up))
        plane = (view.plane_A / period - projection.cut) % 1.0 * period + projection.cut * period
        axes.plot([0, width], [plane, plane], color="#111111", linewidth=0.8, linestyle=":")
    for side, name in (view.side_names or {}).items():
        heights = seen[np.array(view.frame.sides) == side, 1] if view.frame.sides else seen[:0, 1]
        if heights.size:
            _bracket(axes, width + 1.6, np.quantile(heights, (0.02, 0.98)), name)


def _bracket(axes: Axes, x: float, ends: FloatArray, name: str) -> None:
    axes.plot([x, x], ends, color="#333333", linewidth=1.4, solid_capstyle="butt", clip_on=False)
    axes.text(x + 0.5, float(np.mean(ends)), name, rotation=90, va="center", ha="left", fontsize=10)


def _scale_bar(axes: Axes, projection: Projection) -> None:
    z = projection.low_A
    axes.plot([0.0, _SCALE_BAR_A], [z - 0.8] * 2, color="black", linewidth=2.5)
    axes.text(_SCALE_BAR_A / 2, z - 1.1, f"{_SCALE_BAR_A:g} Å", ha="center", va="top", fontsize=9)


def _mixed(colour: str, white: float) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    r, g, b = (1 - (1 - channel) * (1 - min(white, 1.0)) for channel in to_rgb(colour))
    return (r, g, b)


def _widest_gap(fractions: FloatArray, period: float) -> tuple[float, float]:
    ordered = np.sort(fractions % 1.0)
    gaps = np.diff(np.append(ordered, ordered[0] + 1.0))
    widest = int(np.argmax(gaps))
    middle = ordered[widest] + gaps[widest] / 2
    return float(middle if middle < 0.5 else middle - 1.0), float(gaps[widest] * period)

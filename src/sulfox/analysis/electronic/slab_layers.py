"""Layers of a cell along its normal: which sites belong together, where the interfaces are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sulfox.documents.projected_dos import ProjectedDos
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray

__all__ = ["Slab", "SlabLayer", "group_by_height", "measure_slab"]

#: A stretch without atoms that is longer is vacuum.
_VACUUM_A = 6.0
_INTERFACE_LAYER_A = 0.6


@dataclass(frozen=True)
class SlabLayer:
    """Sites at one height.

    Attributes
    ----------
    height_A : float
        Mean height, inside the cell [Å].
    sites : tuple of int
        Indices in the file.
    """

    height_A: float
    sites: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Slab:
    """A cell seen along the normal of its first two vectors.

    Attributes
    ----------
    heights_A : ndarray, shape (n_sites,)
        Of all sites, in [0, period) [Å].
    period_A : float
        Of the cell along the normal [Å].
    interfaces_A : tuple of float
        Heights where one side meets the other [Å].
    surfaces_A : tuple of float
        Heights of the outermost atoms next to vacuum [Å]; empty without vacuum.
    """

    heights_A: FloatArray
    period_A: float
    interfaces_A: tuple[float, ...]
    surfaces_A: tuple[float, ...]

    def distance_A(self, height_A: float, planes_A: Sequence[float]) -> float | None:
        """Find the distance from the nearest of some planes, images counted.

        Parameters
        ----------
        height_A : float
            Of a layer [Å].
        planes_A : sequence of float
            Heights of planes [Å].

        Returns
        -------
        float or None
            [Å]; None without planes.
        """
        if not planes_A:
            return None
        apart = np.abs(np.asarray(planes_A) - height_A) % self.period_A
        return float(np.minimum(apart, self.period_A - apart).min())


def measure_slab(
    dos: ProjectedDos,
    sides: Sequence[str] | None = None,
    interface_heights_A: Sequence[float] | None = None,
) -> tuple[Slab, tuple[str, ...]]:
    """Find heights, interfaces and surfaces.

    The interfaces follow from the sides: halfway between the layers of all atoms (0.6 Å)
    where the side changes, unless vacuum lies between. Sides follow from given interfaces:
    ``"below"`` and ``"above"`` the only one, ``"inside"`` and ``"outside"`` of two.

    Parameters
    ----------
    dos : ProjectedDos
        With its structure; the third lattice vector may lean.
    sides : sequence of str, optional
        (n_sites,) side of each atom.
    interface_heights_A : sequence of float, optional
        One or two heights along the normal [Å], where sides are not known.

    Returns
    -------
    slab : Slab
        Along the normal.
    sides : tuple of str
        (n_sites,) side of each atom.

    Raises
    ------
    SulfoxError
        SFX-713 without a structure, or where there are no two sides.
    """
    if dos.lattice_A is None or dos.fractional is None:
        raise _no_sides("no structure", "the positions of the atoms")
    normal = np.cross(dos.lattice_A[0], dos.lattice_A[1])
    normal /= np.linalg.norm(normal)
    period = abs(float(dos.lattice_A[2] @ normal))
    heights = (dos.fractional[:, 2] % 1.0) * period
    heights[np.isclose(heights, period)] = 0.0
    surfaces = _surfaces(heights, period)
    if sides is not None:
        if len(sides) != len(dos.species):
            raise _no_sides(f"{len(sides)} sides", f"one for each of {len(dos.species)} atoms")
        interfaces = _interfaces(heights, period, sides)
    elif interface_heights_A is not None and len(interface_heights_A) in (1, 2):
        interfaces = tuple(sorted(float(h) % period for h in interface_heights_A))
        if len(interfaces) == 1 and not surfaces:
            raise _no_sides("one interface in a cell without vacuum", "both of them")
        sides = _sides(heights, interfaces)
    else:
        raise _no_sides("neither sides nor one or two interface heights", "one of them")
    if not interfaces or len(set(sides)) != 2:
        raise _no_sides(f"the sides {sorted(set(sides))}", "two sides that touch")
    return Slab(heights, period, interfaces, surfaces), tuple(sides)


def _no_sides(found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-713",
        who="layers across an interface",
        found=found,
        expected=expected,
        next_step="give the structure's sides, or the heights of the interfaces",
    )


def _sides(heights: FloatArray, interfaces: tuple[float, ...]) -> tuple[str, ...]:
    if len(interfaces) == 1:
        return tuple("above" if height > interfaces[0] else "below" for height in heights)
    low, high = interfaces
    return tuple("inside" if low < height < high else "outside" for height in heights)


def _surfaces(heights: FloatArray, period: float) -> tuple[float, ...]:
    ordered = np.sort(heights)
    gaps = np.diff(np.append(ordered, ordered[0] + period))
    widest = int(np.argmax(gaps))
    if gaps[widest] < _VACUUM_A:
        return ()
    return float(ordered[widest]), float(ordered[(widest + 1) % len(ordered)])


def _interfaces(heights: FloatArray, period: float, sides: Sequence[str]) -> tuple[float, ...]:
    layers = group_by_height(heights, period, range(len(heights)), _INTERFACE_LAYER_A)
    majority = [
        Counter(sides[site] for site in layer.sites).most_common(1)[0][0] for layer in layers
    ]
    found = []
    for k, layer in enumerate(layers):
        above = layers[(k + 1) % len(layers)]
        gap = (above.height_A - layer.height_A) % period
        if majority[k] != majority[(k + 1) % len(layers)] and gap < _VACUUM_A:
            found.append((layer.height_A + gap / 2) % period)
    return tuple(sorted(found))


def group_by_height(
    heights: FloatArray, period: float, sites: Sequence[int] | range, tolerance_A: float
) -> list[SlabLayer]:
    """Group sites whose heights follow each other closely.

    Parameters
    ----------
    heights : ndarray, shape (n_sites,)
        Of all sites [Å].
    period : float
        Of the cell along the normal; a layer may lie across its end [Å].
    sites : sequence of int
        Which are grouped.
    tolerance_A : float
        A step between neighbouring heights that is larger starts another layer [Å].

    Returns
    -------
    list of SlabLayer
        By height.
    """
    order = sorted(sites, key=lambda site: heights[site])
    steps = np.diff([heights[site] for site in order], append=heights[order[0]] + period)
    ends = np.flatnonzero(steps > tolerance_A)
    if ends.size == 0:
        return [SlabLayer(float(heights[order].mean()), tuple(sorted(order)))]
    # start after a step, so that no layer is cut by the end of the cell
    first = int(ends[0]) + 1
    turned = order[first:] + order[:first]
    unwrapped = np.array([heights[s] + (period if k < first else 0.0) for k, s in enumerate(order)])
    unwrapped = np.concatenate([unwrapped[first:], unwrapped[:first]])
    cuts = np.flatnonzero(np.diff(unwrapped) > tolerance_A) + 1
    groups = zip(np.split(np.array(turned), cuts), np.split(unwrapped, cuts), strict=True)
    layers = [
        SlabLayer(float(h.mean()) % period, tuple(sorted(int(s) for s in group)))
        for group, h in groups
    ]
    return sorted(layers, key=lambda layer: layer.height_A)

"""Band centres layer by layer: two materials in one cell share one energy axis.

In a cell that holds both materials the Fermi level, and the zero of the potential, are one.
The middle of each side is as near to the bulk as the cell allows; the difference of their
centres needs no reference. It holds the dipole of this interface: another facet or
termination moves it, and a polar interface adds a field that no middle is free of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sulfox.analysis.electronic.band_center import choose_densities, dos_hash
from sulfox.analysis.electronic.coordination import coordination_labels
from sulfox.analysis.electronic.electronic_gap import BandEdges
from sulfox.analysis.electronic.energy_ranges import (
    EnergyRanges,
    band_edges,
    difference,
    energy_ranges,
    first_moment,
)
from sulfox.analysis.electronic.slab_layers import Slab, SlabLayer, group_by_height, measure_slab
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.layered_dos import LayerBandCenter, LayeredBandCenterDoc, SideDifference
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.trajectories.frames import FloatArray

__all__ = ["layer_band_centers"]

#: Raised when the meaning of the numbers changes; part of every document's identity.
_METHOD_VERSION = 1
_LAYER_A = 0.5
_EDGE_PART = 0.01
#: A middle that differs more from its neighbours is not bulk-like.
_BULK_LIKE_EV = 0.10
_KEPT_EV = (-25.0, 8.0)


def layer_band_centers(
    dos: ProjectedDos,
    sides: Sequence[str] | None = None,
    *,
    interface_heights_A: Sequence[float] | None = None,
    element: str = "O",
    orbital: str = "p",
    upper: str | None = None,
    label: str = "",
    layer_tolerance_A: float = _LAYER_A,
) -> LayeredBandCenterDoc:
    """Find the centre of an orbital's states in each layer of a cell with an interface.

    Parameters
    ----------
    dos : ProjectedDos
        With its structure; the interfaces are parallel to the first two lattice vectors.
    sides : sequence of str, optional
        (n_sites,) which material each atom belongs to; two names.
    interface_heights_A : sequence of float, optional
        One or two heights along the normal, where the sides are not known [Å].
    element, orbital : str
        Whose states.
    upper : str, optional
        The side whose middle the other's is subtracted from; by default the second met from
        the bottom.
    label : str
        What the cell is.
    layer_tolerance_A : float
        Sites of one side whose heights follow closer than this make one layer [Å].

    Returns
    -------
    LayeredBandCenterDoc
        Partial where a middle is not bulk-like or the file lacks eigenvalues.

    Raises
    ------
    SulfoxError
        SFX-711 for an element or an orbital that is not there, SFX-713 where there are no
        two sides.
    """
    slab, sides = measure_slab(dos, sides, interface_heights_A)
    chosen, densities = choose_densities(dos, element, orbital)
    edges = band_edges(dos)
    ranges = energy_ranges(dos, edges)
    layers = _layers(_Cell(dos, slab, sides, edges, ranges), chosen, densities, layer_tolerance_A)
    sides_apart = _side_difference(layers, upper)
    reasons = _reasons(edges, sides_apart)
    options = [sides, slab.interfaces_A, element, orbital, upper, label, layer_tolerance_A]
    inputs_hash = content_hash(["layers", _METHOD_VERSION, dos_hash(dos, densities), options])
    kept = _kept(ranges)
    return LayeredBandCenterDoc(
        id="lb-" + inputs_hash[:16],
        status=Status.PARTIAL if any(r.code != "metal" for r in reasons) else Status.COMPLETE,
        reasons=reasons,
        provenance=Provenance(
            engine=dos.engine, level_of_theory=dos.level_of_theory, inputs_hash=inputs_hash
        ),
        label=label,
        element=element,
        orbital=orbital,
        fermi_eV=dos.fermi_eV,
        vbm_eV=edges and edges.vbm_eV,
        cbm_eV=edges and edges.cbm_eV,
        is_metal=edges and edges.is_metal,
        window_eV=ranges.window_eV,
        interface_heights_A=slab.interfaces_A,
        period_A=slab.period_A,
        layers=layers,
        difference=sides_apart,
        layer_tolerance_A=layer_tolerance_A,
        energies_eV=tuple(ranges.energies[kept].tolist()),
    )


def _kept(ranges: EnergyRanges) -> slice:
    low, high = np.searchsorted(ranges.energies, _KEPT_EV)
    return slice(int(low), int(high))


@dataclass(frozen=True, eq=False)
class _Cell:
    dos: ProjectedDos
    slab: Slab
    sides: tuple[str, ...]
    edges: BandEdges | None
    ranges: EnergyRanges


def _layers(
    cell: _Cell, chosen: tuple[int, ...], densities: FloatArray, tolerance_A: float
) -> tuple[LayerBandCenter, ...]:
    dos, slab, sides, ranges = cell.dos, cell.slab, cell.sides, cell.ranges
    named = [""] * len(chosen)
    if dos.lattice_A is not None and dos.fractional is not None:
        named = coordination_labels(dos.species, dos.lattice_A, dos.fractional, chosen)
    found: list[tuple[str, SlabLayer]] = []
    for side in dict.fromkeys(sides):
        own = [site for site in chosen if sides[site] == side]
        if own:
            grouped = group_by_height(slab.heights_A, slab.period_A, own, tolerance_A)
            found += [(side, layer) for layer in grouped]
    middles = _middles(slab, found)
    potentials = dos.site_potentials_eV
    made = []
    for side, layer in sorted(found, key=lambda entry: entry[1].height_A):
        rows = [chosen.index(site) for site in layer.sites]
        density = densities[rows].sum(axis=(0, 1))
        valence, conduction = _layer_edges(dos, cell.edges, ranges, density)
        inside = first_moment(ranges.energies[ranges.window], density[ranges.window])
        potential = None if potentials is None else float(potentials[list(layer.sites)].mean())
        made.append(
            LayerBandCenter(
                **ranges.centers(density),
                window_re_fermi_eV=inside and inside[0],
                height_A=layer.height_A,
                distance_A=slab.distance_A(layer.height_A, slab.interfaces_A) or 0.0,
                surface_distance_A=slab.distance_A(layer.height_A, slab.surfaces_A),
                side=side,
                sites=layer.sites,
                coordination=dict(sorted(Counter(named[row] for row in rows).items())),
                valence_edge_re_fermi_eV=valence,
                conduction_edge_re_fermi_eV=conduction,
                potential_re_fermi_eV=None if potential is None else potential - dos.fermi_eV,
                is_middle=layer in middles,
                density=tuple(density[_kept(ranges)].tolist()),
            )
        )
    return tuple(made)


def _middles(slab: Slab, found: list[tuple[str, SlabLayer]]) -> list[SlabLayer]:
    """Return the layer of each side that is farthest from interfaces and surfaces."""
    bounds = (*slab.interfaces_A, *slab.surfaces_A)
    return [
        max(
            (layer for other, layer in found if other == side),
            key=lambda layer: round(slab.distance_A(layer.height_A, bounds) or 0.0, 3),
        )
        for side in dict.fromkeys(side for side, _ in found)
    ]


def _layer_edges(
    dos: ProjectedDos, edges: BandEdges | None, ranges: EnergyRanges, density: FloatArray
) -> tuple[float | None, float | None]:
    """Walk from mid-gap down and up until 1 % of the occupied states is passed."""
    if edges is None or edges.vbm_eV is None or edges.cbm_eV is None:
        return None, None
    middle = (edges.vbm_eV + edges.cbm_eV) / 2 - dos.fermi_eV
    occupied = first_moment(ranges.energies[ranges.occupied], density[ranges.occupied])
    if occupied is None:
        return None, None
    part = _EDGE_PART * occupied[2]
    below, above = ranges.energies <= middle, ranges.energies >= middle
    return (
        _passed(ranges.energies[below][::-1], density[below][::-1], part),
        _passed(ranges.energies[above], density[above], part),
    )


def _passed(energies: FloatArray, density: FloatArray, part: float) -> float | None:
    steps = 0.5 * (density[1:] + density[:-1]) * np.abs(np.diff(energies))
    count = np.cumsum(steps)
    where = int(np.searchsorted(count, part))
    if where >= count.size:
        return None
    before = count[where - 1] if where else 0.0
    share = (part - before) / steps[where]
    return float(energies[where] + share * (energies[where + 1] - energies[where]))


def _side_difference(
    layers: tuple[LayerBandCenter, ...], upper: str | None
) -> SideDifference | None:
    middle = {layer.side: layer for layer in layers if layer.is_middle}
    if len(middle) != 2 or any(m.occupied_re_fermi_eV is None for m in middle.values()):
        return None
    names = list(middle)
    top = upper if upper in middle else names[1]
    bottom = names[0] if top == names[1] else names[1]
    first, second = middle[top], middle[bottom]
    return SideDifference(
        upper=top,
        lower=bottom,
        occupied_eV=_occupied(first) - _occupied(second),
        full_eV=difference(first.window_re_fermi_eV, second.window_re_fermi_eV),
        valence_edge_eV=difference(first.valence_edge_re_fermi_eV, second.valence_edge_re_fermi_eV),
        conduction_edge_eV=difference(
            first.conduction_edge_re_fermi_eV, second.conduction_edge_re_fermi_eV
        ),
        uncertainty_eV=_unrest(middle.values(), layers),
    )


def _unrest(
    middles: Iterable[LayerBandCenter], layers: tuple[LayerBandCenter, ...]
) -> float | None:
    """Largest change from a middle to the next layers of its side and coordination."""
    changes: list[float] = []
    for middle in middles:
        alike = [
            layer
            for layer in layers
            if layer.side == middle.side
            and layer is not middle
            and set(layer.coordination) == set(middle.coordination)
            and layer.occupied_re_fermi_eV is not None
        ]
        if not alike:
            return None
        nearest = sorted(alike, key=lambda layer: -layer.distance_A)[:2]
        changes += [abs(_occupied(layer) - _occupied(middle)) for layer in nearest]
    return max(changes)


def _occupied(layer: LayerBandCenter) -> float:
    return layer.occupied_re_fermi_eV or 0.0


def _reasons(edges: BandEdges | None, apart: SideDifference | None) -> tuple[Reason, ...]:
    found = {}
    if edges is None:
        found["no-eigenvalues"] = "the file holds no eigenvalues: no edges are known"
    elif edges.is_metal:
        found["metal"] = "the cell is a metal by its occupations: layers have no edges"
    if apart is None:
        found["one-side"] = "no middle with occupied states on both sides"
    elif apart.uncertainty_eV is None:
        found["not-shown"] = (
            "a middle has no second layer of its kind: that it is bulk-like is not shown"
        )
    elif apart.uncertainty_eV > _BULK_LIKE_EV:
        found["not-bulk-like"] = (
            f"a middle differs by {apart.uncertainty_eV:.2f} eV from the next layers of its "
            f"kind, more than {_BULK_LIKE_EV:g} eV: too thin a cell, or a field runs through it"
        )
    return tuple(Reason(code=code, message=text) for code, text in found.items())

"""Search all interfaces of two materials, rank them, say what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.interface import InterfaceDoc
from sulfox.interfaces.candidate import Pairing, build_interface
from sulfox.interfaces.lattice_match import match_by_strain
from sulfox.interfaces.layer_symmetry import plane_mappings
from sulfox.interfaces.oriented_bulk import orient_bulk
from sulfox.interfaces.partner import Partner, holds_magnetic_order
from sulfox.interfaces.plane_lattice import match_keys, share_misfit
from sulfox.interfaces.specification import InterfaceSearch, InterfaceSpec, ParetoRow, Refusal
from sulfox.interfaces.terminations import Facing, find_terminations
from sulfox.materials.material import Miller
from sulfox.materials.ordering import OrderedMaterial

__all__ = ["find_interfaces"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: How far beyond the limits the Pareto table looks: (strain and its factor, factor on atoms).
WIDER_STRAIN, WIDER_STRAIN_FACTOR, WIDER_ATOMS = 0.10, 1.5, 1.5
#: How far a search that found nothing looks for the closest miss.
FAR_STRAIN, FAR_ATOMS = 0.2, 1500


def find_interfaces(
    cathode: OrderedMaterial, electrolyte: OrderedMaterial, spec: InterfaceSpec | None = None
) -> InterfaceSearch:
    """Find, build, check and rank the interfaces of two materials.

    Parameters
    ----------
    cathode : OrderedMaterial
        Lies below; its `structure` (also a relaxed one) is what is cut.
    electrolyte : OrderedMaterial
        Lies on the cathode.
    spec : InterfaceSpec, optional
        Facets, limits, gap, strain rule.

    Returns
    -------
    InterfaceSearch
        The same inputs give the same candidates with the same ids.

    Raises
    ------
    SulfoxError
        SFX-201 for a facet that is none, SFX-203 for a parameter out of range.
    """
    spec = spec or InterfaceSpec()
    below = _partners(cathode, spec.cathode_facet, spec.min_cathode_thickness_A, "up", spec)
    above = _partners(
        electrolyte, spec.electrolyte_facet, spec.min_electrolyte_thickness_A, "down", spec
    )
    wider = (
        max(WIDER_STRAIN, min(FAR_STRAIN, WIDER_STRAIN_FACTOR * spec.max_strain)),
        round(WIDER_ATOMS * spec.max_atoms),
    )
    everything, refused = _pairings(below, above, spec, wider)
    within = [pairing for pairing in everything if _within(pairing, spec)]
    candidates: list[InterfaceDoc] = []
    for pairing in _ranked(within, spec):
        if len(candidates) == spec.max_candidates:
            break
        built = build_interface(pairing, spec, rank=len(candidates) + 1)
        if isinstance(built, Refusal):
            refused.append(built)
        else:
            candidates.append(built)
    if not within:
        refused.insert(0, _closest_miss(below, above, spec))
    return InterfaceSearch(
        candidates=tuple(candidates),
        refused=tuple(dict.fromkeys(refused)),
        pareto=_pareto(everything, spec),
        n_matches=len(within),
    )


def _partners(
    ordered: OrderedMaterial,
    facet: Miller | None,
    min_thickness_A: float,
    facing: Facing,
    spec: InterfaceSpec,
) -> list[Partner]:
    material = ordered.material
    bulk = orient_bulk(
        ordered.structure,
        facet if facet is not None else material.facets[0],
        material.oxidation_states,
        material.polyanions,
    )
    cuts = find_terminations(bulk, facing, allow_broken_polyanions=spec.allow_broken_polyanions)
    return [Partner(ordered, cut, cut.slab_of_thickness(min_thickness_A)) for cut in cuts]


@dataclass(frozen=True)
class _Matches:
    """Matches of two slabs, one of each set that their symmetry makes equal."""

    first: Ints  # (n, 2, 2)
    second: Ints  # (n, 2, 2)
    stretch: Floats  # (n, 2, 2)
    area_A2: Floats  # (n,)
    strain_max: Floats  # (n,) after sharing
    misfit_max: Floats  # (n,)


def _pairings(
    below: list[Partner],
    above: list[Partner],
    spec: InterfaceSpec,
    limits: tuple[float, int],
) -> tuple[list[Pairing], list[Refusal]]:
    """Everything within limits of strain and atoms, and what magnetism forbids."""
    found: list[Pairing] = []
    frustrated = 0
    known: dict[tuple[bytes, ...], _Matches] = {}
    symmetry = {id(side): _symmetry(side) for side in (*below, *above)}
    densities = sum(min(p.n_cell / p.slab.area_A2 for p in side) for side in (below, above))
    magnetic: dict[tuple[str, bytes], bool] = {}
    for first, second in product(below, above):
        operations = (symmetry[id(first)], symmetry[id(second)])
        turns = (first.termination.turned, second.termination.turned)
        key = (bytes(turns), *(operation.tobytes() for operation in operations))
        if key not in known:
            area = limits[1] / densities * (1.0 + limits[0]) ** 2
            known[key] = _distinct_matches(first, second, operations, (limits[0], area), spec)
        for pairing in _combine(first, second, known[key], limits[1]):
            if _magnetic(pairing, magnetic):
                found.append(pairing)
            elif not spec.keep_magnetic_order:
                found.append(replace(pairing, frustrated=True))
            elif _within(pairing, spec):
                frustrated += 1
    if not frustrated:
        return found, []
    orders = [
        f"{p.ordered.material.magnetic_order.label} of {p.ordered.material.name}"
        for p in (below[0], above[0])
        if p.ordered.material.magnetic_order is not None
    ]
    text = (
        f"{frustrated} matches within the limits have an in-plane supercell that does not "
        f"hold the magnetic order ({', '.join(orders)})"
    )
    return found, [Refusal(code="magnetic-order", reason=text)]


def _magnetic(pairing: Pairing, known: dict[tuple[str, bytes], bool]) -> bool:
    """Whether both supercells hold the magnetic order of their side."""
    sides = (pairing.cathode, pairing.electrolyte)
    holds = True
    for side, cell in zip(sides, pairing.supercells, strict=True):
        if side.ordered.material.magnetic_order is not None:
            key = (side.termination.facing, cell.tobytes())
            if key not in known:
                known[key] = holds_magnetic_order(side, cell)
            holds &= known[key]
    return holds


def _symmetry(side: Partner) -> Ints:
    layer = (side.slab.in_plane, side.slab.species, side.slab.positions)
    return plane_mappings(layer, layer)


def _distinct_matches(
    first: Partner,
    second: Partner,
    operations: tuple[Ints, Ints],
    limits: tuple[float, float],
    spec: InterfaceSpec,
) -> _Matches:
    """Find matches that turn and strain, but do not mirror, within strain and area."""
    matches = match_by_strain(
        first.slab.in_plane,
        second.slab.in_plane,
        max_area_A2=limits[1],
        max_strain=limits[0],
        second_share=spec.electrolyte_strain_share,
    )
    lengths = np.linalg.norm(matches.first @ matches.first_vectors, axis=-1)
    wide = matches.area_A2 >= spec.min_width_A * lengths.max(axis=1, initial=0.0)
    matches = matches.subset(~matches.mirrored & wide)
    both = np.concatenate([matches.second, -matches.second])  # a half turn is another match
    twice = np.tile(np.arange(len(matches)), 2)
    keys = _canonical_keys(matches.first[twice], both, operations)
    chosen = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    chosen = chosen[np.argsort(twice[chosen], kind="stable")]
    kept = matches.subset(twice[chosen])
    shared = [share_misfit(v, spec.electrolyte_strain_share) for v in kept.stretch]
    strains = np.array(shared).reshape(-1, 2, 2, 2)
    return _Matches(
        first=kept.first,
        second=both[chosen],
        stretch=kept.stretch,
        area_A2=kept.area_A2,
        strain_max=np.abs(np.linalg.eigvalsh(strains)).max(axis=(1, 2)),
        misfit_max=kept.misfit_max,
    )


def _canonical_keys(firsts: Ints, seconds: Ints, operations: tuple[Ints, Ints]) -> Ints:
    """(n, 8) smallest key among the matches that the symmetry of the two slabs makes equal."""
    smallest: Ints | None = None
    for one, other in product(*operations):
        keys = match_keys(firsts @ one, seconds @ other, up_to_half_turn=False)
        if smallest is None:
            smallest = keys
            continue
        differ = keys != smallest
        where = differ.argmax(axis=1)
        rows = np.arange(len(keys))
        lower = keys[rows, where] < smallest[rows, where]
        smallest = np.where(lower[:, None], keys, smallest)
    return smallest if smallest is not None else np.zeros((0, 8), dtype=np.int64)


def _combine(
    first: Partner, second: Partner, matches: _Matches, max_atoms: int
) -> Iterator[Pairing]:
    """Two terminations with each of their matches that has not too many atoms."""
    multiples = [
        np.rint(np.abs(np.linalg.det(cells))).astype(int)
        for cells in (matches.first, matches.second)
    ]
    n_atoms = first.n_cell * multiples[0] + second.n_cell * multiples[1]
    for k in np.flatnonzero(n_atoms <= max_atoms):
        cells = matches.first[k], matches.second[k]
        yield Pairing(
            cathode=first,
            electrolyte=second,
            supercells=_right_handed(cells, first.slab.in_plane),
            stretch=matches.stretch[k],
            n_atoms=int(n_atoms[k]),
            strain_max=float(matches.strain_max[k]),
            misfit_max=float(matches.misfit_max[k]),
            area_A2=float(matches.area_A2[k]),
        )


def _right_handed(cells: tuple[Ints, Ints], in_plane: Floats) -> tuple[Ints, Ints]:
    if np.linalg.det(cells[0] @ in_plane) < 0:
        return cells[0][::-1].copy(), cells[1][::-1].copy()
    return cells


def _within(pairing: Pairing, spec: InterfaceSpec) -> bool:
    return pairing.strain_max <= spec.max_strain + 1e-9 and pairing.n_atoms <= spec.max_atoms


def _cost(pairing: Pairing, spec: InterfaceSpec) -> float:
    return pairing.strain_max / spec.max_strain + pairing.n_atoms / spec.max_atoms


def _ranked(pairings: list[Pairing], spec: InterfaceSpec) -> list[Pairing]:
    """In the order that ``InterfaceSpec.ranking`` states."""
    places: dict[str, int] = {}
    keyed = []
    for pairing in sorted(pairings, key=lambda p: (p.label, round(_cost(p, spec), 9), p.n_atoms)):
        cuts = (pairing.cathode.termination, pairing.electrolyte.termination)
        slabs = (pairing.cathode.slab, pairing.electrolyte.slab)
        place = places[pairing.label] = places.get(pairing.label, -1) + 1
        key = (
            pairing.frustrated,
            any(cut.n_broken for cut in cuts) != spec.allow_broken_polyanions,
            sum(cut.is_polar for cut in cuts),
            place,
            round(_cost(pairing, spec), 6),
            round(sum(abs(slab.dipole_per_area) for slab in slabs), 6),
            sum(cut.n_repaired for cut in cuts),
            pairing.label,
        )
        keyed.append((key, pairing))
    return [pairing for _, pairing in sorted(keyed, key=lambda item: item[0])]


def _pareto(pairings: list[Pairing], spec: InterfaceSpec) -> tuple[ParetoRow, ...]:
    rows: list[ParetoRow] = []
    for pairing in sorted(pairings, key=lambda p: (p.n_atoms, round(p.strain_max, 6), p.label)):
        if rows and pairing.strain_max >= rows[-1].strain_max - 1e-6:
            continue
        cells = [tuple(tuple(int(x) for x in row) for row in cell) for cell in pairing.supercells]
        rows.append(
            ParetoRow(
                n_atoms=pairing.n_atoms,
                strain_max=round(pairing.strain_max, 9),
                area_A2=round(pairing.area_A2, 4),
                cathode_supercell=cells[0],
                electrolyte_supercell=cells[1],
                within_limits=_within(pairing, spec),
            )
        )
    return tuple(rows)


def _closest_miss(below: list[Partner], above: list[Partner], spec: InterfaceSpec) -> Refusal:
    few, _ = _pairings(below, above, spec, (FAR_STRAIN, spec.max_atoms))
    flat, _ = _pairings(below, above, spec, (spec.max_strain, max(FAR_ATOMS, spec.max_atoms)))
    few = [p for p in few if p.n_atoms <= spec.max_atoms]
    flat = [p for p in flat if p.strain_max <= spec.max_strain]
    words = [f"no cell of at most {spec.max_atoms} atoms even at {FAR_STRAIN:.0%} strain"]
    if few:
        best = min(few, key=lambda p: (round(p.strain_max, 9), p.n_atoms))
        found = f"{best.strain_max:.2%} ({best.n_atoms} atoms)"
        words = [f"smallest strain within {spec.max_atoms} atoms is {found}"]
    if flat:
        best = min(flat, key=lambda p: (p.n_atoms, round(p.strain_max, 9)))
        words.append(
            f"fewest atoms within {spec.max_strain:.2%} strain are {best.n_atoms} "
            f"({best.strain_max:.2%})"
        )
    else:
        words.append(f"no match within {spec.max_strain:.2%} strain even with {FAR_ATOMS} atoms")
    names = f"{below[0].ordered.material.name}|{above[0].ordered.material.name}"
    return Refusal(
        code="SFX-202",
        reason=f"{names}: no match within strain {spec.max_strain:.2%} and {spec.max_atoms} "
        f"atoms: {'; '.join(words)}",
    )

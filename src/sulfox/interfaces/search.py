"""Search all interfaces of two materials, rank them, say what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sulfox.documents.interface import InterfaceDoc
from sulfox.interfaces.candidate import build_interface
from sulfox.interfaces.oriented_bulk import orient_bulk
from sulfox.interfaces.pairings import Pairing, find_pairings
from sulfox.interfaces.partner import Partner
from sulfox.interfaces.specification import InterfaceSearch, InterfaceSpec, ParetoRow, Refusal
from sulfox.interfaces.terminations import Facing, find_terminations
from sulfox.materials.material import Miller
from sulfox.materials.ordering import OrderedMaterial

__all__ = ["find_interfaces"]

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
    everything = find_pairings(below, above, spec, wider)
    within = [pairing for pairing in everything.found if _within(pairing, spec)]
    refused = _magnetic_refusal(below, above, spec, everything.n_frustrated)
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
        pareto=_pareto(everything.found, spec),
        n_matches=everything.n_within,
    )


def _partners(
    ordered: OrderedMaterial,
    facet: Miller | None,
    min_thickness_A: float,
    facing: Facing,
    spec: InterfaceSpec,
) -> list[Partner]:
    material = ordered.material
    miller = facet if facet is not None else material.facets[0]
    bulk = orient_bulk(
        ordered.structure,
        ordered.miller_of_structure(miller),
        material.oxidation_states,
        material.polyanions,
    )
    bulk = replace(bulk, miller=miller)
    cuts = find_terminations(bulk, facing, allow_broken_polyanions=spec.allow_broken_polyanions)
    return [Partner(ordered, cut, cut.slab_of_thickness(min_thickness_A)) for cut in cuts]


def _magnetic_refusal(
    below: list[Partner], above: list[Partner], spec: InterfaceSpec, count: int
) -> list[Refusal]:
    if not count or not spec.keep_magnetic_order:
        return []
    orders = [
        f"{p.ordered.material.magnetic_order.label} of {p.ordered.material.name}"
        for p in (below[0], above[0])
        if p.ordered.material.magnetic_order is not None
    ]
    text = (
        f"{count} matches within the limits have an in-plane supercell that does not "
        f"hold the magnetic order ({', '.join(orders)})"
    )
    return [Refusal(code="magnetic-order", reason=text)]


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


def _pareto(pairings: Sequence[Pairing], spec: InterfaceSpec) -> tuple[ParetoRow, ...]:
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
    far = max(FAR_ATOMS, spec.max_atoms)
    few = find_pairings(below, above, spec, (FAR_STRAIN, spec.max_atoms)).found
    flat = find_pairings(below, above, spec, (spec.max_strain, far)).found
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
        words.append(f"no match within {spec.max_strain:.2%} strain even with {far} atoms")
    names = f"{below[0].ordered.material.name}|{above[0].ordered.material.name}"
    return Refusal(
        code="SFX-202",
        reason=f"{names}: no match within strain {spec.max_strain:.2%} and {spec.max_atoms} "
        f"atoms, at least {spec.min_width_A:g} Å wide: {'; '.join(words)}",
    )

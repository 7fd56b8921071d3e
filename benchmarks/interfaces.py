"""Interface building against pymatgen: same slabs, same tolerances, matches compared one by one.

Run: ``python benchmarks/interfaces.py``. Prints ratios; times are the best of several runs of
each side in this process, so they compare but do not travel.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from pymatgen.analysis.interfaces.coherent_interfaces import CoherentInterfaceBuilder
from pymatgen.analysis.interfaces.zsl import ZSLGenerator
from pymatgen.core import Structure
from pymatgen.core.surface import SlabGenerator

from sulfox.interfaces.lattice_match import MatchTolerances, match_by_tolerances
from sulfox.interfaces.layer_symmetry import same_layer
from sulfox.interfaces.oriented_bulk import orient_bulk
from sulfox.interfaces.plane_lattice import match_keys
from sulfox.interfaces.search import find_interfaces
from sulfox.interfaces.specification import InterfaceSpec
from sulfox.interfaces.terminations import find_terminations
from sulfox.materials.catalogue import load_material
from sulfox.materials.ordering import OrderedMaterial, ordered_representative

PAIRS = [
    ("LCO", (1, 0, 4), "LPSCl", (1, 0, 0)),
    ("CoO", (1, 0, 0), "LPSCl", (1, 0, 0)),
    ("LCO", (1, 1, 0), "LPSCl", (1, 0, 0)),
    ("LCO", (0, 0, 3), "LPSCl", (1, 1, 1)),
    ("Li2CO3", (0, 0, 1), "LPSCl", (1, 0, 0)),
    ("CoO", (1, 1, 0), "LCO", (1, 0, 4)),
]
TOLERANCES = [
    MatchTolerances(),
    MatchTolerances(max_length=0.05, max_angle=0.03),
    MatchTolerances(max_area_A2=600.0),
]


def best_time(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Shortest wall time [s] of some calls, and what the last one gave."""
    times, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


def pymatgen_slab(bulk: Structure, miller: tuple[int, int, int]) -> SlabGenerator:
    return SlabGenerator(
        bulk, miller, 1, 3, in_unit_planes=True, primitive=True, reorient_lattice=False
    )


def compare_matches(ordered: dict[str, OrderedMaterial]) -> None:
    print("matcher against ZSLGenerator: the same primitive surface vectors for both")
    print(
        f"{'pair':38s} {'area':>5s} {'len':>5s} {'both':>6s} {'only pmg':>9s} {'only sulfox':>12s}"
        f" {'pymatgen':>10s} {'sulfox':>10s} {'ratio':>7s}"
    )
    total = [0.0, 0.0]
    lost = 0
    for below, facet_below, above, facet_above in PAIRS:
        sub, film = (
            orient_bulk(ordered[n].structure, f).vectors[:2]
            for n, f in ((below, facet_below), (above, facet_above))
        )
        for limits in TOLERANCES:
            zsl = ZSLGenerator(
                max_area_ratio_tol=limits.max_area_ratio,
                max_area=limits.max_area_A2,
                max_length_tol=limits.max_length,
                max_angle_tol=limits.max_angle,
            )
            repeats = 2 if limits.max_area_A2 < 500 else 1
            theirs_s, theirs = best_time(lambda z=zsl, f=film, s=sub: list(z(f, s)), repeats)
            vectors = (film[:, :2], sub[:, :2])
            ours_s, ours = best_time(lambda v=vectors, t=limits: match_by_tolerances(*v, t), 5)
            mine = set(map(tuple, match_keys(ours.first, ours.second).tolist()))
            pmg = zsl_keys(theirs, film, sub)
            name = f"{below}{facet_below}|{above}{facet_above}".replace(" ", "")
            print(
                f"{name:38s} {limits.max_area_A2:5.0f} {limits.max_length:5.2f}"
                f" {len(pmg & mine):6d} {len(pmg - mine):9d} {len(mine - pmg):12d}"
                f" {theirs_s * 1e3:8.1f}ms {ours_s * 1e3:8.2f}ms {theirs_s / ours_s:7.0f}"
            )
            total[0] += theirs_s
            total[1] += ours_s
            lost += len(pmg - mine)
    print(
        f"all: {total[0]:.2f} s against {total[1]:.3f} s, ratio {total[0] / total[1]:.0f};"
        f" matches only pymatgen found: {lost}\n"
    )


def zsl_keys(matches: list[Any], film: np.ndarray, sub: np.ndarray) -> set[tuple[int, ...]]:
    """Identities of pymatgen's matches, independent of its choice of reduced vectors."""
    if not matches:
        return set()
    cells = [
        np.rint([np.asarray(getattr(m, name)) @ np.linalg.pinv(vectors) for m in matches])
        for name, vectors in (("film_sl_vectors", film), ("substrate_sl_vectors", sub))
    ]
    return set(map(tuple, match_keys(cells[0].astype(int), cells[1].astype(int)).tolist()))


def compare_terminations(ordered: dict[str, OrderedMaterial]) -> None:
    print(
        "terminations: pymatgen's slabs looked for among sulfox's, atom by atom (equal = found or"
        " symmetry equivalent), and the surface cell of pymatgen's builder over the primitive one"
    )
    print(
        f"{'facet':20s} {'cell':>5s} {'pymatgen, merged labels':>24s} {'pymatgen, all':>14s}"
        f" {'of these in sulfox':>19s} {'sulfox whole':>13s} {'sulfox + cleaved':>17s}"
    )
    facets = [(n, f) for b, fb, a, fa in PAIRS for n, f in ((b, fb), (a, fa))]
    facets.append(("LCO", (0, 1, 2)))
    for name, facet in dict.fromkeys(facets):
        material = ordered[name].material
        bulk = ordered[name].structure.to_pymatgen()
        builder = CoherentInterfaceBuilder(bulk, bulk, facet, facet)
        merged = len({film for film, _ in builder.terminations})
        slabs = pymatgen_slab(bulk, facet).get_slabs(ftol=0.25, filter_out_sym_slabs=False)
        oriented = orient_bulk(
            ordered[name].structure, facet, material.oxidation_states, material.polyanions
        )
        cuts = find_terminations(oriented, "up", allow_broken_polyanions=True)
        whole = find_terminations(oriented, "up")
        found = 0
        for slab in slabs:
            layers = [cut.slab(len(slab) // len(oriented.species)) for cut in cuts]
            found += any(
                same_layer(upright(slab), (one.in_plane, one.species, one.positions))
                for one in layers
            )
        cell = pymatgen_slab(bulk, facet).get_slab().surface_area / layers[0].area_A2
        label = f"{name}{facet}".replace(" ", "")
        print(
            f"{label:20s} {cell:5.1f} {merged:24d} {len(slabs):14d} {found:19d} {len(whole):13d}"
            f" {len(cuts):17d}"
        )
    print()


def upright(slab: Any) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Turn a pymatgen slab so that its normal lies along z, with reduced surface vectors."""
    from sulfox.interfaces.plane_lattice import reduce_bases

    a, b, _ = slab.lattice.matrix
    x = a / np.linalg.norm(a)
    z = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    axes = np.column_stack([x, np.cross(z, x), z])
    fractional = slab.frac_coords.copy()
    heights = np.sort(fractional[:, 2] % 1.0)
    gaps = np.diff(np.append(heights, heights[0] + 1.0))
    start = heights[(int(np.argmax(gaps)) + 1) % len(heights)]
    fractional[:, 2] = (fractional[:, 2] - start + 1e-6) % 1.0
    positions = fractional @ slab.lattice.matrix @ axes
    vectors = (np.array([a, b]) @ axes)[:, :2]
    reduced, _ = reduce_bases(vectors[None])
    return reduced[0], [site.specie.symbol for site in slab], positions


def compare_builds(ordered: dict[str, OrderedMaterial]) -> None:
    print("whole build: every candidate within 5 % strain and 400 atoms")
    for below, facet_below, above, facet_above in PAIRS[:2]:
        spec = InterfaceSpec(
            cathode_facet=facet_below, electrolyte_facet=facet_above, max_candidates=100
        )
        ours_s, search = best_time(
            lambda b=below, a=above, s=spec: find_interfaces(ordered[b], ordered[a], s), 1
        )
        theirs_s, built = best_time(
            lambda b=below, a=above, fb=facet_below, fa=facet_above: pymatgen_build(
                ordered[b].structure.to_pymatgen(), ordered[a].structure.to_pymatgen(), fb, fa
            ),
            1,
        )
        n = len(search.candidates)
        whole = sum(
            check.n_intact == check.n_units
            for doc in search.candidates
            for check in doc.electrolyte.polyanions
        )
        print(
            f"{below}|{above}: sulfox {n} checked interfaces ({whole} with every PS4 whole) in"
            f" {ours_s:.1f} s; CoherentInterfaceBuilder (same lengths: 0.05, angle 0.05) {built}"
            f" structures of its first pair of terminations, unchecked, in {theirs_s:.1f} s"
        )
        if n and built:
            ratio = (theirs_s / built) / (ours_s / n)
            print(f"  time per interface, pymatgen / sulfox: {ratio:.1f}")


def pymatgen_build(below: Structure, above: Structure, facet_below: Any, facet_above: Any) -> int:
    builder = CoherentInterfaceBuilder(
        below,
        above,
        facet_above,
        facet_below,
        zslgen=ZSLGenerator(max_area=210, max_length_tol=0.05, max_angle_tol=0.05),
        label_index=True,
        filter_out_sym_slabs=False,
    )
    if not builder.zsl_matches:
        return 0
    return sum(
        len(list(builder.get_interfaces(pair, film_thickness=1, substrate_thickness=2)))
        for pair in builder.terminations[:1]
    )


def main() -> None:
    warnings.simplefilter("ignore")
    names = {name for pair in PAIRS for name in (pair[0], pair[2])}
    ordered = {name: ordered_representative(load_material(name)) for name in sorted(names)}
    compare_matches(ordered)
    compare_terminations(ordered)
    compare_builds(ordered)


if __name__ == "__main__":
    main()

"""Cuts: no facet missed, no termination merged, no polyanion broken, no atom lost."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pymatgen.analysis.interfaces.coherent_interfaces import CoherentInterfaceBuilder
from pymatgen.core import Lattice, Structure

from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.interfaces.layer_symmetry import plane_mappings, same_layer
from sulfox.interfaces.oriented_bulk import orient_bulk
from sulfox.interfaces.partner import excess_atoms
from sulfox.interfaces.terminations import check_polyanions, find_terminations


def oriented(ordered, facet):
    material = ordered.material
    return orient_bulk(ordered.structure, facet, material.oxidation_states, material.polyanions)


@pytest.mark.parametrize(
    ("facet", "spacing_A"), [((1, 0, 4), 2.0032), ((0, 1, 2), 2.3039), ((0, 0, 3), 4.6833)]
)
def test_hexagonal_setting_finds_rhombohedral_facets(lco, facet, spacing_A):
    """(104) and (012) are planes of R-3m in obverse hexagonal axes with their own spacing."""
    bulk = oriented(lco, facet)
    assert bulk.period_A == pytest.approx(spacing_A, abs=2e-3)
    volume = abs(np.linalg.det(bulk.vectors))
    assert volume == pytest.approx(abs(np.linalg.det(lco.structure.lattice)) / 3, rel=1e-6)


def test_102_is_not_012_in_the_hexagonal_setting(lco):
    """The two have one d-spacing formula but only (012) is a dense plane (pymatgen#1294)."""
    dense, loose = oriented(lco, (0, 1, 2)), oriented(lco, (1, 0, 2))
    assert loose.period_A == pytest.approx(dense.period_A / 3, rel=1e-6)


def test_104_of_lco_is_stoichiometric_and_not_polar(lco):
    (cut,) = find_terminations(oriented(lco, (1, 0, 4)), "up")
    assert cut.label == "Li-Co-O_1"
    assert not cut.is_polar
    assert cut.repeat_dipole_per_area == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("facet", [(0, 0, 3), (0, 1, 2)])
def test_polar_facets_are_told(lco, facet):
    assert all(cut.is_polar for cut in find_terminations(oriented(lco, facet), "up"))


def test_both_faces_of_a_polar_facet_are_offered(lco):
    faces = {cut.label.split("_")[0] for cut in find_terminations(oriented(lco, (0, 0, 3)), "up")}
    assert faces == {"O", "Co", "Li"}


def test_terminations_that_share_a_symmetry_label_are_kept(lpscl):
    """pymatgen's default merges them in a dict keyed by label (pymatgen#3854)."""
    bulk = lpscl.structure.to_pymatgen()
    builder = CoherentInterfaceBuilder(bulk, bulk, (1, 0, 0), (1, 0, 0))
    merged = {film for film, _ in builder.terminations}
    cuts = find_terminations(oriented(lpscl, (1, 0, 0)), "down", allow_broken_polyanions=True)
    assert len(cuts) > len(merged)
    assert len({cut.label for cut in cuts}) == len(cuts)


def test_al2o3_like_stack_keeps_every_cut():
    """A stack of unequal gaps with equal plane symmetry: three cuts, three terminations."""
    lattice = Lattice.tetragonal(3.0, 9.0)
    heights = [0.0, 1.5, 4.0]
    stack = Structure(lattice, ["Al", "Al", "Al"], [[0.0, 0.0, z / 9.0] for z in heights])
    bulk = orient_bulk(StructureRecord.from_pymatgen(stack), (0, 0, 1))
    cuts = find_terminations(bulk, "up")
    everything = {label for cut in cuts for label in (cut.label, *cut.equivalent)}
    assert {label.rstrip("-r") for label in everything} == {"Al_1", "Al_2", "Al_3"}
    for k, one in enumerate(cuts):
        for other in cuts[k + 1 :]:
            a, b = one.slab(2), other.slab(2)
            assert not same_layer(
                (a.in_plane, a.species, a.positions), (b.in_plane, b.species, b.positions)
            )


@pytest.mark.parametrize("facet", [(1, 0, 0), (1, 1, 0), (1, 1, 1)])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_every_cut_keeps_ps4_whole_and_the_composition(lpscl, facet, n_layers):
    bulk = oriented(lpscl, facet)
    for cut in find_terminations(bulk, "down"):
        slab = cut.slab(n_layers)
        checks = check_polyanions(
            slab.species,
            slab.positions,
            slab.in_plane,
            lpscl.material.polyanions,
            repaired=cut.n_repaired > 0,
        )
        assert all(check.n_intact == check.n_units > 0 for check in checks)
        assert excess_atoms(slab.species, bulk.species) == {}
        assert slab.positions[:, 2].min() == pytest.approx(0.0, abs=1e-12)


def test_cleaved_cuts_are_offered_only_when_asked_for(lpscl):
    bulk = oriented(lpscl, (1, 0, 0))
    cuts = find_terminations(bulk, "down", allow_broken_polyanions=True)
    cleaved = [cut for cut in cuts if cut.n_broken]
    assert cleaved
    assert not any(cut.n_broken for cut in find_terminations(bulk, "down"))
    for cut in cleaved:
        slab = cut.slab(1)
        (check,) = check_polyanions(
            slab.species, slab.positions, slab.in_plane, lpscl.material.polyanions, repaired=False
        )
        assert cut.label.endswith("-cleaved")
        assert check.n_intact == check.n_units - cut.n_broken


def test_carbonate_groups_stay_whole(carbonate):
    bulk = oriented(carbonate, (0, 0, 1))
    for cut in find_terminations(bulk, "up"):
        slab = cut.slab(2)
        (check,) = check_polyanions(
            slab.species,
            slab.positions,
            slab.in_plane,
            carbonate.material.polyanions,
            repaired=False,
        )
        assert check.n_intact == check.n_units == 2 * bulk.species.count("C")


def test_turning_a_slab_over_reverses_its_dipole(lpscl):
    cuts = find_terminations(oriented(lpscl, (1, 0, 0)), "down")
    by_height: dict[float, dict[bool, float]] = {}
    for cut in cuts:
        by_height.setdefault(cut.cut_height_A, {})[cut.turned] = cut.repeat_dipole_per_area
    both = [pair for pair in by_height.values() if len(pair) == 2]
    assert both
    assert all(pair[True] == pytest.approx(-pair[False], abs=1e-9) for pair in both)


def test_slab_interior_has_the_distances_of_the_bulk(coo):
    """A stack of repeats is the crystal: every inner Co has six O at a/2."""
    (cut,) = find_terminations(oriented(coo, (1, 1, 0)), "up")
    slab = cut.slab(9)
    box = np.diag([1.0, 1.0, 60.0])
    box[:2, :2] = slab.in_plane
    record = StructureRecord(
        lattice=tuple(map(tuple, box.tolist())),
        species=slab.species,
        positions=tuple(map(tuple, slab.positions.tolist())),
        sides=("bulk",) * len(slab.species),
    )
    structure = record.to_pymatgen()
    inner = [k for k, site in enumerate(structure) if 4 < site.coords[2] < 8]
    assert inner
    for k in inner:
        neighbours = structure.get_neighbors(structure[k], 2.14)
        assert Counter(n.specie.symbol for n in neighbours).total() == 6


def test_rotating_the_crystal_changes_no_termination(lpscl):
    """The facet's frame follows the crystal, wherever its axes point."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec([0.3, -1.1, 0.5]).as_matrix()
    record = lpscl.structure
    turned = record.model_copy(
        update={
            "lattice": tuple(map(tuple, (np.array(record.lattice) @ turn).tolist())),
            "positions": tuple(map(tuple, (np.array(record.positions) @ turn).tolist())),
        }
    )
    moved = lpscl.model_copy(update={"structure": turned})
    plain, other = (oriented(one, (1, 1, 1)) for one in (lpscl, moved))
    assert np.allclose(
        plain.vectors[:2] @ plain.vectors[:2].T, other.vectors[:2] @ other.vectors[:2].T
    )
    cuts, again = find_terminations(plain, "down"), find_terminations(other, "down")
    assert [cut.label for cut in cuts] == [cut.label for cut in again]
    assert [cut.repeat_dipole_per_area for cut in cuts] == pytest.approx(
        [cut.repeat_dipole_per_area for cut in again], abs=1e-9
    )


def test_symmetry_of_a_square_layer(coo):
    (cut,) = find_terminations(oriented(coo, (1, 0, 0)), "up")
    slab = cut.slab(2)
    layer = (slab.in_plane, slab.species, slab.positions)
    assert len(plane_mappings(layer, layer)) == 8


@pytest.mark.parametrize("facet", [(0, 0, 0), (1, 0), (0.5, 1, 0), ("a", 0, 1)])
def test_impossible_facets_are_refused(lco, facet):
    with pytest.raises(SulfoxError, match="SFX-201"):
        orient_bulk(lco.structure, facet)

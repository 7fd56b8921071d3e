"""A slab of each listed facet can be cut, whole and with the bulk's composition."""

from __future__ import annotations

import pytest

from sulfox.interfaces.oriented_bulk import orient_bulk
from sulfox.interfaces.partner import Partner, excess_atoms, moments_of
from sulfox.interfaces.terminations import check_polyanions, find_terminations
from sulfox.materials.catalogue import list_materials
from sulfox.materials.ordering import ordered_representative

FACETS = [(m, facet) for m in list_materials() for facet in m.facets]


@pytest.mark.parametrize(("material", "facet"), FACETS, ids=lambda x: getattr(x, "name", str(x)))
def test_a_slab_of_each_listed_facet_builds(material, facet):
    ordered = ordered_representative(material)
    bulk = orient_bulk(
        ordered.structure,
        ordered.miller_of_structure(facet),
        material.oxidation_states,
        material.polyanions,
    )
    assert sum(bulk.charges) == pytest.approx(0.0, abs=1e-6)
    cuts = find_terminations(bulk, "up")
    assert cuts
    slab = cuts[0].slab_of_thickness(8.0)
    assert slab.thickness_A >= 8.0
    assert not excess_atoms(slab.species, bulk.species)
    kinds = material.polyanions
    checks = check_polyanions(slab.species, slab.positions, slab.in_plane, kinds, repaired=False)
    assert all(check.n_intact == check.n_units > 0 for check in checks)
    moments = moments_of(Partner(ordered, cuts[0], slab), slab.crystal)
    magnetic = material.magnetic_order
    element = magnetic.element if magnetic else None
    expected = [magnetic.moment_muB if magnetic and s == element else 0.0 for s in slab.species]
    assert [abs(m) for m in moments] == expected

"""The two interfaces of the study keep what makes them physical."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sulfox.interfaces.search import find_interfaces
from sulfox.interfaces.specification import InterfaceSpec
from sulfox.materials.catalogue import load_material
from sulfox.materials.ordering import ordered_representative

PAIRS = [("LCO", (1, 0, 4)), ("CoO", (1, 0, 0))]


@pytest.fixture(scope="module", params=PAIRS, ids=lambda pair: pair[0])
def interface(request):
    name, facet = request.param
    cathode = ordered_representative(load_material(name))
    electrolyte = ordered_representative(load_material("LPSCl"))
    spec = InterfaceSpec(cathode_facet=facet, electrolyte_facet=(1, 0, 0), max_candidates=1)
    (doc,) = find_interfaces(cathode, electrolyte, spec).candidates
    return doc, cathode, electrolyte


def test_default_interface_is_within_five_percent_and_400_atoms(interface):
    doc, _, _ = interface
    assert doc.strain_max <= 0.05
    assert doc.n_atoms <= 400
    assert doc.cathode.thickness_A >= 8.0
    assert doc.electrolyte.thickness_A >= 8.0


def test_default_interface_is_charge_neutral_and_stoichiometric(interface):
    doc, cathode, electrolyte = interface
    for side, material in ((doc.cathode, cathode), (doc.electrolyte, electrolyte)):
        assert side.is_stoichiometric
        species = [
            s
            for s, d in zip(doc.structure.species, doc.structure.sides, strict=True)
            if d == ("cathode" if side is doc.cathode else "electrolyte")
        ]
        charge = sum(material.material.oxidation_states[s] for s in species)
        assert charge == pytest.approx(0.0)
    assert not doc.cathode.is_polar


def test_every_ps4_of_the_built_cell_is_a_tetrahedron(interface):
    """Counted in the periodic cell itself: four S within 2.5 Å, angles near 109.5 degrees."""
    doc, _, _ = interface
    structure = doc.structure.to_pymatgen()
    phosphorus = [k for k, site in enumerate(structure) if site.specie.symbol == "P"]
    assert phosphorus
    for k in phosphorus:
        ligands = list(structure.get_neighbors(structure[k], 2.5))
        assert Counter(n.specie.symbol for n in ligands) == {"S": 4}
        arms = np.array([n.coords - structure[k].coords for n in ligands])
        arms /= np.linalg.norm(arms, axis=1)[:, None]
        angles = np.degrees(np.arccos((arms @ arms.T)[np.triu_indices(4, 1)]))
        assert angles.min() > 100.0
        assert angles.max() < 119.0


def test_no_atom_is_lost_and_none_overlap(interface):
    doc, cathode, electrolyte = interface
    structure = doc.structure.to_pymatgen()
    distances = structure.distance_matrix + 10.0 * np.eye(len(structure))
    assert distances.min() > 1.4
    for side, ordered in ((doc.cathode, cathode), (doc.electrolyte, electrolyte)):
        bulk = Counter(ordered.structure.species)
        name = "cathode" if side is doc.cathode else "electrolyte"
        built = Counter(
            s for s, d in zip(doc.structure.species, doc.structure.sides, strict=True) if d == name
        )
        units = {element: built[element] / n for element, n in bulk.items()}
        assert len({round(u, 9) for u in units.values()}) == 1
        assert built.total() == side.n_atoms


def test_inside_of_the_cathode_is_the_crystal(interface):
    """Atoms of the middle layer have the bulk's six neighbours: the cell repeats seamlessly."""
    doc, _, _ = interface
    structure = doc.structure.to_pymatgen()
    middle = doc.cathode.thickness_A / 2
    inner = [
        k
        for k, site in enumerate(structure)
        if site.specie.symbol == "Co" and abs(site.coords[2] - middle) < 1.0
    ]
    assert inner
    for k in inner:
        near = structure.get_neighbors(structure[k], 2.3)
        assert Counter(n.specie.symbol for n in near) == {"O": 6}


def test_density_of_the_electrolyte_changes_by_the_strain_only(interface):
    doc, _, electrolyte = interface
    bulk_area_density = doc.electrolyte.n_atoms / doc.area_A2
    strain = np.array(doc.electrolyte.strain)
    stretch = np.linalg.det(np.eye(2) + strain)
    volume = abs(np.linalg.det(electrolyte.structure.lattice)) / electrolyte.structure.n_atoms
    period = doc.electrolyte.n_atoms * volume * stretch / doc.area_A2
    repeats = period / 9.859 * 2.0
    assert bulk_area_density > 0
    assert repeats == pytest.approx(round(repeats), abs=1e-3)


def test_antiferromagnetic_order_survives_the_cut():
    """AFM-II: every Co has 6 antiparallel second neighbours at a, 6 + 6 first neighbours."""
    coo = ordered_representative(load_material("CoO"))
    lpscl = ordered_representative(load_material("LPSCl"))
    doc = find_interfaces(coo, lpscl, InterfaceSpec(max_candidates=1)).candidates[0]
    assert doc.structure.moments is not None
    assert sum(doc.structure.moments) == pytest.approx(0.0)
    assert len(doc.cathode.magnetic_layers) == doc.cathode.n_layers
    for layer in doc.cathode.magnetic_layers:
        assert layer.net_moment_muB == pytest.approx(0.0)
        assert layer.absolute_moment_muB > 0
    structure = doc.structure.to_pymatgen()
    for k, site in enumerate(structure):
        if site.specie.symbol != "Co":
            continue
        own = doc.structure.moments[k]
        second = [
            doc.structure.moments[n.index]
            for n in structure.get_neighbors(site, 4.3)
            if n.specie.symbol == "Co" and n.nn_distance > 4.2
        ]
        assert second
        assert all(own * other < 0 for other in second)


def test_dipole_of_the_document_is_that_of_its_charges(interface):
    doc, cathode, electrolyte = interface
    for side, ordered, name in (
        (doc.cathode, cathode, "cathode"),
        (doc.electrolyte, electrolyte, "electrolyte"),
    ):
        charges = ordered.material.oxidation_states
        moment = sum(
            charges[s] * position[2]
            for s, position, d in zip(
                doc.structure.species, doc.structure.positions, doc.structure.sides, strict=True
            )
            if d == name
        )
        assert moment / doc.area_A2 == pytest.approx(side.dipole_per_area, abs=1e-4)

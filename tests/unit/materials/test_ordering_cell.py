"""Solid solutions and partly filled crystals, ordered in a cell that holds them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError
from pymatgen.analysis.structure_matcher import StructureMatcher

from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import load_material
from sulfox.materials.ordering import OrderedMaterial, ordered_representative, random_sample
from sulfox.materials.ordering_cell import OrderingCell

LAYERED = ["NCM811", "NCA", "Li0.5CoO2"]


@pytest.fixture(scope="module", params=LAYERED)
def solution(request: pytest.FixtureRequest) -> OrderedMaterial:
    return ordered_representative(load_material(request.param))


@pytest.mark.parametrize(
    ("name", "composition"),
    [
        ("NCM811", {"Li": 10, "Ni": 8, "Co": 1, "Mn": 1, "O": 20}),
        ("NCA", {"Li": 20, "Ni": 16, "Co": 3, "Al": 1, "O": 40}),
        ("Li0.5CoO2", {"Li": 3, "Co": 6, "O": 12}),
        ("LGPS", {"Li": 20, "Ge": 2, "P": 4, "S": 24}),
    ],
)
def test_the_cell_holds_the_stated_composition(name: str, composition: dict[str, int]) -> None:
    ordered = ordered_representative(load_material(name))
    assert ordered.structure.composition == composition
    charges = ordered.material.oxidation_states
    assert sum(charges[e] * n for e, n in composition.items()) == pytest.approx(0.0, abs=1e-6)


def test_only_the_elements_on_the_sites_differ_from_the_average_crystal(
    solution: OrderedMaterial,
) -> None:
    """With all metals called one element it is the layered crystal again."""
    metals = {"Ni": "Co", "Mn": "Co", "Al": "Co"}
    average = solution.material.structure()
    whole = solution.structure.to_pymatgen()
    for crystal in (whole, average):
        for k, site in enumerate(crystal):
            elements = {metals.get(e.symbol, e.symbol) for e in site.species.elements}
            crystal.replace(k, elements.pop())
    if solution.material.name == "Li0.5CoO2":
        for crystal in (whole, average):
            crystal.remove_species(["Li"])
    assert StructureMatcher(primitive_cell=True, scale=False).fit(whole, average)


def test_same_plane_in_both_cells(solution: OrderedMaterial) -> None:
    """Normals and, up to a whole number, spacings agree."""
    conventional = solution.material.structure().lattice.reciprocal_lattice
    own = solution.structure.to_pymatgen().lattice.reciprocal_lattice
    for miller in solution.material.facets:
        one = conventional.get_cartesian_coords(miller)
        other = own.get_cartesian_coords(solution.miller_of_structure(miller))
        ratio = np.linalg.norm(one) / np.linalg.norm(other)
        assert other * ratio == pytest.approx(one, abs=1e-9)
        assert 6 * ratio == pytest.approx(round(6 * ratio), abs=1e-6)


def test_manganese_and_cobalt_keep_the_layers_filled() -> None:
    """Every transition-metal site has six O; Li only on its own layers."""
    structure = ordered_representative(load_material("NCM811")).structure.to_pymatgen()
    for site in structure:
        if site.specie.symbol in {"Ni", "Co", "Mn"}:
            near = Counter(n.specie.symbol for n in structure.get_neighbors(site, 2.3))
            assert near == {"O": 6}


def test_moments_are_those_of_the_entry() -> None:
    for name, count in (("NCM811", 8), ("NCA", 16)):
        record = ordered_representative(load_material(name)).structure
        assert record.moments is not None
        assert sum(record.moments) == count
        carriers = {s for s, m in zip(record.species, record.moments, strict=True) if m}
        assert carriers == {"Ni"}


def test_samples_are_drawn_in_multiples_of_the_conventional_cell() -> None:
    material = load_material("NCM811")
    sample = random_sample(material, seed=3, supercell=(5, 2, 1))
    assert sample.structure.composition == {"Li": 30, "Ni": 24, "Co": 3, "Mn": 3, "O": 60}
    assert np.array_equal(sample.cell_rows, np.diag([5.0, 2.0, 1.0]))
    with pytest.raises(SulfoxError, match="SFX-104"):
        random_sample(material, seed=3)


@pytest.mark.parametrize(
    ("name", "unit", "n_units"),
    [
        ("LGPS", ("P", "S", 2.5), 4),
        ("LGPS", ("Ge", "S", 2.6), 2),
        ("LPS", ("P", "S", 2.5), 4),
        ("Li3PO4", ("P", "O", 1.9), 4),
        ("Li3InCl6", ("In", "Cl", 3.0), 2),
    ],
)
def test_units_are_whole(name: str, unit: tuple[str, str, float], n_units: int) -> None:
    central, ligand, below = unit
    structure = ordered_representative(load_material(name)).structure.to_pymatgen()
    counts = [
        sum(n.specie.symbol == ligand for n in structure.get_neighbors(site, below))
        for site in structure
        if site.specie.symbol == central
    ]
    assert counts == [6 if central == "In" else 4] * n_units


def test_vectors_that_are_no_translations_are_refused() -> None:
    material = load_material("LCO")
    half = OrderingCell(rows=((1, 0, 0), (0, 2, 0), (0, 0, 2)), parts=2)
    with pytest.raises(SulfoxError, match=r"SFX-102 .*ordering_cell"):
        ordered_representative(material.model_copy(update={"ordering_cell": half}))


def test_left_handed_or_flat_cells_are_refused() -> None:
    for rows in (((0, 1, 0), (1, 0, 0), (0, 0, 1)), ((1, 0, 0), (2, 0, 0), (0, 0, 1))):
        with pytest.raises(ValidationError, match="dependent or left-handed"):
            OrderingCell(rows=rows)

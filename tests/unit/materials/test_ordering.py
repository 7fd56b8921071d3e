"""One ordered representative and seeded random samples of disordered crystals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.ewald import EwaldSummation

from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import Material, load_material
from sulfox.materials.ordering import OrderedMaterial, ordered_representative, random_sample

LPSCL = load_material("LPSCl")


def neighbor_counts(ordered: OrderedMaterial, first: str, second: str, below: float) -> list[int]:
    structure = ordered.structure.to_pymatgen()
    return [
        sum(n.specie.symbol == second for n in structure.get_neighbors(site, below))
        for site in structure
        if site.specie.symbol == first
    ]


def smallest_distance(ordered: OrderedMaterial, element: str) -> float:
    structure = ordered.structure.to_pymatgen()
    own = [i for i, site in enumerate(structure) if site.specie.symbol == element]
    distances = structure.distance_matrix[np.ix_(own, own)]
    return float(distances[np.triu_indices(len(own), 1)].min())


def free_anions(ordered: OrderedMaterial, label_position: float) -> list[str]:
    """Elements on 4a (positions 0 and 1/2) or 4d (1/4 and 3/4), phosphorus on 4b aside."""
    halves = (np.array(ordered.structure.positions) / LPSCL.lattice.a_A - label_position) * 2
    on_site = np.isclose(halves, np.round(halves), atol=1e-6).all(axis=1)
    return [
        s for s, here in zip(ordered.structure.species, on_site, strict=True) if here and s != "P"
    ]


@pytest.mark.parametrize(
    ("name", "composition"),
    [
        ("LCO", {"Co": 3, "Li": 3, "O": 6}),
        ("CoO", {"Co": 4, "O": 4}),
        ("Li2CO3", {"Li": 8, "C": 4, "O": 12}),
    ],
)
def test_an_ordered_material_stands_for_itself(name: str, composition: dict[str, int]) -> None:
    ordered = ordered_representative(load_material(name))
    assert ordered.structure.composition == composition
    assert ordered.electrostatics is None
    assert set(ordered.structure.sides) == {"bulk"}


def test_representative_of_lpscl_is_the_cube_of_52_atoms(
    lpscl_representative: OrderedMaterial,
) -> None:
    assert lpscl_representative.structure.composition == {"Li": 24, "P": 4, "S": 20, "Cl": 4}
    assert np.array(lpscl_representative.structure.lattice) == pytest.approx(
        9.859 * np.eye(3), abs=1e-9
    )


def test_every_ps4_is_whole_and_lithium_keeps_apart(lpscl_representative: OrderedMaterial) -> None:
    assert neighbor_counts(lpscl_representative, "P", "S", 2.5) == [4] * 4
    assert smallest_distance(lpscl_representative, "Li") > 2.0
    assert free_anions(lpscl_representative, 0.0) == ["Cl"] * 4
    assert free_anions(lpscl_representative, 0.25) == ["S"] * 4


def test_its_energy_is_pymatgens_ewald_sum_of_the_ordered_cell(
    lpscl_representative: OrderedMaterial,
) -> None:
    """Independent path: charges on the finished cell instead of swaps in a matrix."""
    structure = lpscl_representative.structure.to_pymatgen()
    structure.add_oxidation_state_by_element(LPSCL.oxidation_states)
    assert lpscl_representative.electrostatics is not None
    assert EwaldSummation(structure).total_energy == pytest.approx(
        lpscl_representative.electrostatics.energy_eV, abs=1e-4
    )


def test_no_single_move_of_a_lithium_lowers_the_energy(
    lpscl_representative: OrderedMaterial,
) -> None:
    """Moving any Li to the empty twin of its pair costs energy: a true minimum."""
    structure = LPSCL.structure()
    filled = np.array(lpscl_representative.structure.positions) / LPSCL.lattice.a_A
    sites = structure.frac_coords[:48]
    full = {i for i, x in enumerate(sites) if np.isclose(filled, x, atol=1e-6).all(axis=1).any()}
    assert len(full) == 24
    lithium = [i for i in range(52) if lpscl_representative.structure.species[i] == "Li"][::6]
    best = lpscl_representative.electrostatics
    assert best is not None
    for index in lithium:
        site = next(i for i in full if np.allclose(sites[i], filled[index], atol=1e-6))
        twin = next(i for i in range(48) if i != site and structure.get_distance(site, i) < 2.0)
        assert twin not in full
        moved = lpscl_representative.structure.to_pymatgen()
        moved.add_oxidation_state_by_element(LPSCL.oxidation_states)
        moved.replace(index, moved[index].specie, coords=sites[twin])
        assert EwaldSummation(moved).total_energy > best.energy_eV + 1e-3


def test_representative_is_the_same_every_time(
    lpscl: Material, lpscl_representative: OrderedMaterial
) -> None:
    from sulfox.materials import ordering

    ordering._representative.cache_clear()
    again = ordered_representative(lpscl)
    assert again == lpscl_representative
    assert OrderedMaterial.model_validate_json(again.model_dump_json()) == again


def test_random_samples_lie_above_the_representative(lpscl_representative: OrderedMaterial) -> None:
    best = lpscl_representative.electrostatics
    assert best is not None
    for seed in range(3):
        sample = random_sample(LPSCL, 0.0, seed)
        assert sample.electrostatics is not None
        assert sample.electrostatics.energy_eV > best.energy_eV


@pytest.mark.parametrize("fraction", [0, 0.25, 0.5, 0.75, 1])
def test_exchange_moves_the_stated_share_of_chlorine(fraction: float) -> None:
    sample = random_sample(LPSCL, fraction, seed=3)
    assert sample.exchange_fraction == fraction
    assert free_anions(sample, 0.0).count("S") == 4 * fraction
    assert free_anions(sample, 0.25).count("Cl") == 4 * fraction
    assert sample.structure.composition == {"Li": 24, "P": 4, "S": 20, "Cl": 4}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**31), st.sampled_from([0, 0.25, 0.5, 0.75, 1]))
def test_any_sample_is_reproducible_intact_and_its_own(seed: int, fraction: float) -> None:
    sample = random_sample(LPSCL, fraction, seed)
    again = random_sample(LPSCL, fraction, seed)
    assert again == sample
    assert random_sample(LPSCL, fraction, seed + 1).id != sample.id
    assert neighbor_counts(sample, "P", "S", 2.5) == [4] * 4
    assert smallest_distance(sample, "Li") > 2.0


@pytest.mark.parametrize("fraction", [0.3, -0.25, 1.25, float("nan"), float("inf"), 0.615])
def test_a_fraction_this_cell_cannot_hold_tells_those_it_can(fraction: float) -> None:
    with pytest.raises(SulfoxError) as caught:
        random_sample(LPSCL, fraction, seed=0)
    assert caught.value.code == "SFX-104"
    assert "0, 0.25, 0.5, 0.75, 1" in caught.value.expected


def test_a_supercell_holds_finer_fractions() -> None:
    sample = random_sample(LPSCL, 0.125, seed=0, supercell=(2, 1, 1))
    assert sample.structure.composition == {"Li": 48, "P": 8, "S": 40, "Cl": 8}
    assert "1 atoms on each" in sample.description


@pytest.mark.parametrize("supercell", [(0, 1, 1), (9, 9, 9), (1, 1), (-1, 1, 1)])
def test_supercells_that_cannot_be_are_refused(supercell: tuple[int, int, int]) -> None:
    with pytest.raises(SulfoxError, match="SFX-104"):
        random_sample(LPSCL, 0.0, seed=0, supercell=supercell)


def test_negative_seed_is_refused() -> None:
    with pytest.raises(SulfoxError, match="SFX-104"):
        random_sample(LPSCL, 0.0, seed=-1)


def test_occupancies_that_give_no_whole_atoms_are_refused() -> None:
    sites = [site.model_dump() for site in LPSCL.sites]
    sites[0]["species"] = {"Li": 0.441}
    odd = Material.model_validate({**LPSCL.model_dump(), "sites": sites})
    with pytest.raises(SulfoxError, match=r"SFX-104 .*21\.168 atoms of Li"):
        ordered_representative(odd)


def test_more_atoms_than_the_distance_rule_leaves_room_for_are_refused() -> None:
    """Three quarters of 48h cannot be filled when twins exclude each other."""
    sites = [site.model_dump() for site in LPSCL.sites]
    sites[0]["species"] = {"Li": 0.75}
    full = Material.model_validate({**LPSCL.model_dump(), "sites": sites})
    with pytest.raises(SulfoxError, match="no filling keeps the smallest distances"):
        random_sample(full)


def test_disorder_without_charges_is_refused() -> None:
    nameless = LPSCL.model_copy(update={"oxidation_states": {}})
    with pytest.raises(SulfoxError, match=r"SFX-104 .*no oxidation state"):
        ordered_representative(nameless)

"""AFM-II order: sheets along [111], on any cell, at any position of the lattice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import Material, load_material
from sulfox.materials.magnetic_order import assign_moments, conventional_fractional
from sulfox.materials.ordering import ordered_representative, random_sample

COO = load_material("CoO")
FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
whole = st.integers(-5, 5)


def moments_at(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    return assign_moments(COO, positions, ["Co"] * len(positions))


def block(n: int) -> NDArray[np.float64]:
    """Co positions of n x n x n conventional cells."""
    cells = np.array(list(itertools.product(range(n), repeat=3)))
    return (cells[:, None, :] + FCC).reshape(-1, 3)


def test_second_neighbours_are_antiparallel_and_first_neighbours_split_six_six() -> None:
    steps = np.array(list(itertools.product((-1, -0.5, 0, 0.5, 1), repeat=3)))
    length = np.linalg.norm(steps, axis=1)
    first = steps[np.isclose(length, np.sqrt(0.5))]
    second = steps[np.isclose(length, 1.0) & (np.count_nonzero(steps, axis=1) == 1)]
    assert (len(first), len(second)) == (12, 6)
    for position in block(2):
        own = moments_at(position[None])[0]
        assert np.count_nonzero(moments_at(position + first) == own) == 6
        assert np.all(moments_at(position + second) == -own)


def test_a_111_sheet_is_ferromagnetic_and_its_neighbour_opposite() -> None:
    positions = block(3)
    sheet = np.round(positions.sum(axis=1)).astype(int)
    moments = moments_at(positions)
    for number in np.unique(sheet):
        assert len(set(moments[sheet == number])) == 1
    assert moments[sheet == 2][0] == -moments[sheet == 3][0]


def test_every_doubled_cell_has_no_net_moment() -> None:
    assert moments_at(block(2)).sum() == 0.0


def test_the_magnetic_cell_has_four_atoms_and_no_net_moment() -> None:
    ordered = ordered_representative(COO)
    cell = ordered.magnetic_cell
    assert cell is not None
    assert cell.moments is not None
    assert cell.composition == {"Co": 2, "O": 2}
    assert sorted(cell.moments) == [-3.0, 0.0, 0.0, 3.0]
    assert np.linalg.det(np.array(cell.lattice)) == pytest.approx(4.26**3 / 2)


def test_the_conventional_cell_is_for_cutting_and_carries_no_frustrated_moments() -> None:
    """One 8-atom cube cannot alternate along a: sulfox does not pretend it can."""
    ordered = ordered_representative(COO)
    assert ordered.structure.composition == {"Co": 4, "O": 4}
    assert ordered.structure.moments is None


def test_magnetic_cell_moments_agree_with_those_assigned_by_position() -> None:
    cell = ordered_representative(COO).magnetic_cell
    assert cell is not None
    fractional = conventional_fractional(COO, cell.positions)
    assert assign_moments(COO, fractional, cell.species).tolist() == list(cell.moments or ())


def test_the_magnetic_cell_repeats_into_the_rock_salt_crystal() -> None:
    cell = ordered_representative(COO).magnetic_cell
    assert cell is not None
    structure = cell.to_pymatgen()
    cobalt = next(site for site in structure if site.specie.symbol == "Co")
    near = [n for n in structure.get_neighbors(cobalt, 2.2) if n.specie.symbol == "O"]
    assert [n.nn_distance for n in near] == pytest.approx([2.13] * 6)
    second = [n for n in structure.get_neighbors(cobalt, 4.3) if abs(n.nn_distance - 4.26) < 1e-6]
    assert {n.properties["magmom"] for n in second} == {-cobalt.properties["magmom"]}


@given(st.tuples(whole, whole, whole))
def test_translation_by_the_magnetic_lattice_changes_nothing(n: tuple[int, int, int]) -> None:
    assert COO.magnetic_order is not None
    shift = np.array(n) @ np.array(COO.magnetic_order.magnetic_cell)
    positions = block(2)
    assert np.array_equal(moments_at(positions + shift), moments_at(positions))


@given(st.tuples(whole, whole, whole))
def test_translation_by_the_crystal_lattice_keeps_or_flips_all(n: tuple[int, int, int]) -> None:
    positions = block(2)
    moved = moments_at(positions + np.array(n))
    assert np.array_equal(moved, moments_at(positions) * (-1) ** (sum(n) % 2))


@given(st.lists(st.floats(-0.03, 0.03), min_size=3, max_size=3))
def test_small_displacements_leave_the_moment_as_it_is(shift: list[float]) -> None:
    positions = block(1)
    assert np.array_equal(moments_at(positions + np.array(shift)), moments_at(positions))


def test_oxygen_and_non_magnetic_materials_carry_none(lco: Material) -> None:
    assert assign_moments(COO, [[0.5, 0.5, 0.5], [0, 0, 0]], ["O", "Co"]).tolist() == [0.0, 3.0]
    assert assign_moments(lco, [[0, 0, 0]], ["Co"]).tolist() == [0.0]


@pytest.mark.parametrize(
    "positions", [[[0.5, 0, 0]], [[0, 0]], [[np.nan, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
)
def test_positions_off_the_lattice_or_of_wrong_shape_are_refused(positions: object) -> None:
    with pytest.raises(SulfoxError, match="SFX-103"):
        assign_moments(COO, positions, ["Co"])  # type: ignore[arg-type]


def test_an_ordered_material_has_nothing_to_sample() -> None:
    with pytest.raises(SulfoxError, match="SFX-104"):
        random_sample(COO)

"""The matcher finds what pymatgen finds, and its strains are those of continuum mechanics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.interfaces.zsl import ZSLGenerator

from sulfox.errors import SulfoxError
from sulfox.interfaces.lattice_match import MatchTolerances, match_by_strain, match_by_tolerances
from sulfox.interfaces.plane_lattice import (
    hermite_form,
    match_keys,
    misfit_stretch,
    reduce_bases,
    share_misfit,
    superlattices,
)

LENGTHS = st.floats(2.5, 6.0)
SHAPES = st.tuples(LENGTHS, LENGTHS, st.sampled_from([60.0, 75.3, 90.0, 103.0, 120.0]))


def cell(a: float, b: float, angle: float) -> np.ndarray:
    gamma = np.radians(angle)
    return np.array([[a, 0.0], [b * np.cos(gamma), b * np.sin(gamma)]])


def rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def zsl_keys(film: np.ndarray, substrate: np.ndarray, limits: MatchTolerances) -> set:
    zsl = ZSLGenerator(
        max_area_ratio_tol=limits.max_area_ratio,
        max_area=limits.max_area_A2,
        max_length_tol=limits.max_length,
        max_angle_tol=limits.max_angle,
        bidirectional=limits.bidirectional,
    )
    matches = list(zsl(np.pad(film, ((0, 0), (0, 1))), np.pad(substrate, ((0, 0), (0, 1)))))
    cells = [
        np.rint(np.array([getattr(m, name) for m in matches])[..., :2] @ np.linalg.inv(vectors))
        for name, vectors in (("film_sl_vectors", film), ("substrate_sl_vectors", substrate))
        if matches
    ]
    if not matches:
        return set()
    return set(map(tuple, match_keys(cells[0].astype(int), cells[1].astype(int)).tolist()))


def keys(matches) -> set:
    return set(map(tuple, match_keys(matches.first, matches.second).tolist()))


@settings(max_examples=25, deadline=None)
@given(SHAPES, SHAPES, st.booleans(), st.sampled_from([(0.03, 0.01), (0.06, 0.05)]))
def test_every_match_of_pymatgen_is_found(first, second, bidirectional, tolerance):
    film, substrate = cell(*first), cell(*second)
    limits = MatchTolerances(
        max_area_A2=6.5 * max(abs(np.linalg.det(film)), abs(np.linalg.det(substrate))),
        max_length=tolerance[0],
        max_angle=tolerance[1],
        bidirectional=bidirectional,
    )
    theirs = zsl_keys(film, substrate, limits)
    assert theirs <= keys(match_by_tolerances(film, substrate, limits))


@pytest.mark.parametrize("angle", [60.0, 90.0, 120.0])
def test_degenerate_lattices_lose_nothing_and_find_more(angle):
    """Square and hexagonal lattices have many reduced bases; pymatgen compares one of them."""
    film, substrate = cell(3.0, 3.0, angle), cell(4.1, 4.1, 90.0)
    limits = MatchTolerances(max_area_A2=150.0, max_length=0.05, max_angle=0.05)
    ours = keys(match_by_tolerances(film, substrate, limits))
    theirs = zsl_keys(film, substrate, limits)
    assert theirs
    assert theirs < ours


def test_largest_area_is_included():
    """pymatgen's range ends one multiple early where max_area is a whole multiple (#2457)."""
    square = cell(3.0, 3.0, 90.0)
    matches = match_by_tolerances(square, square, MatchTolerances(max_area_A2=36.0))
    assert np.isclose(matches.area_A2.max(), 36.0)


@settings(max_examples=20, deadline=None)
@given(SHAPES, SHAPES, st.floats(-3.1, 3.1), st.floats(-3.1, 3.1))
def test_rotating_the_input_cells_changes_nothing(first, second, turn_a, turn_b):
    a, b = cell(*first), cell(*second)
    area = 5.0 * max(abs(np.linalg.det(a)), abs(np.linalg.det(b)))
    plain = match_by_strain(a, b, max_area_A2=area, max_strain=0.05)
    turned = match_by_strain(
        a @ rotation(turn_a), b @ rotation(turn_b), max_area_A2=area, max_strain=0.05
    )
    edge = np.abs(np.concatenate([plain.misfit_max, turned.misfit_max]) - 0.05) < 1e-9
    if not edge.any():
        assert keys(plain) == keys(turned)
        assert np.allclose(np.sort(plain.misfit_max), np.sort(turned.misfit_max), atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(SHAPES, st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.floats(-1.5, 1.5))
def test_known_deformation_gives_its_strain(shape, e1, e2, axis):
    """A cell stretched by V and rotated matches with the principal strains of V, no rotation."""
    small = cell(*shape)
    principal = rotation(axis)
    stretch = principal.T @ np.diag([1 + e1, 1 + e2]) @ principal
    target = small @ rotation(0.7) @ stretch
    recovered = misfit_stretch(np.linalg.solve(small, target)[None])[0]
    assert np.allclose(recovered, stretch, atol=1e-12)
    assert np.allclose(recovered, recovered.T)


@settings(deadline=None)
@given(st.floats(-0.09, 0.09), st.floats(-0.09, 0.09), st.floats(0.0, 1.0))
def test_shared_strains_meet_in_one_cell(e1, e2, share):
    stretch = rotation(0.4).T @ np.diag([1 + e1, 1 + e2]) @ rotation(0.4)
    first, second = share_misfit(stretch, share)
    # first cell stretched by its strain = second cell stretched by its own: V (1+e1) = 1+e2
    assert np.allclose(stretch @ (np.eye(2) + first), np.eye(2) + second, atol=1e-12)
    if share == 1.0:
        assert np.allclose(first, 0.0, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_strain_limit_holds_on_both_sides_and_is_used_up(share):
    a, b = cell(2.816, 5.7, 90.0), cell(6.97, 6.97, 90.0)
    matches = match_by_strain(a, b, max_area_A2=400.0, max_strain=0.04, second_share=share)
    assert len(matches)
    shared = [share_misfit(v, share) for v in matches.stretch]
    largest = np.array([[np.abs(np.linalg.eigvalsh(e)).max() for e in pair] for pair in shared])
    assert largest.max() <= 0.04 + 1e-8
    assert largest.max() > 0.03


def test_matched_cells_lie_on_each_other():
    a, b = cell(3.0, 4.0, 80.0), cell(5.1, 3.9, 100.0)
    matches = match_by_strain(a, b, max_area_A2=150.0, max_strain=0.05)
    for first, second, v in zip(matches.first, matches.second, matches.stretch, strict=True):
        # Gram matrices agree after the stretch is undone: no rotation is needed to compare.
        target = first @ a @ np.linalg.inv(v)
        assert np.allclose(target @ target.T, (second @ b) @ (second @ b).T, atol=1e-9)


@pytest.mark.parametrize("multiple", range(1, 13))
def test_number_of_superlattices_is_the_divisor_sum(multiple):
    matrices, multiples = superlattices(multiple)
    divisor_sum = sum(d for d in range(1, multiple + 1) if multiple % d == 0)
    assert (multiples == multiple).sum() == divisor_sum
    assert len({tuple(m.ravel()) for m in matrices}) == len(matrices)


@settings(deadline=None)
@given(st.lists(st.floats(-9, 9), min_size=4, max_size=4))
def test_reduction_keeps_the_lattice(numbers):
    basis = np.array(numbers).reshape(1, 2, 2)
    if abs(np.linalg.det(basis[0])) < 0.5:
        return
    reduced, change = reduce_bases(basis)
    a, b = reduced[0]
    assert np.allclose(change[0] @ basis[0], reduced[0])
    assert round(abs(np.linalg.det(change[0]))) == 1
    assert a @ a <= b @ b * (1 + 1e-9)
    assert -1e-9 <= a @ b <= a @ a / 2 * (1 + 1e-9)


@settings(deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def test_hermite_form_is_canonical(numbers):
    matrix = np.array(numbers).reshape(1, 2, 2)
    if round(np.linalg.det(matrix[0])) == 0:
        return
    form, change = hermite_form(matrix)
    mixed = np.array([[[2, 1], [1, 1]]]) @ matrix
    assert (change[0] @ matrix[0] == form[0]).all()
    assert (hermite_form(mixed)[0] == form).all()
    assert form[0, 1, 0] == 0
    assert 0 <= form[0, 0, 1] < form[0, 1, 1]


@pytest.mark.parametrize(
    "vectors", [np.zeros((2, 2)), np.array([[1.0, 0], [2, 0]]), np.full((2, 2), np.nan)]
)
def test_vectors_without_area_are_refused(vectors):
    with pytest.raises(SulfoxError, match="SFX-203"):
        match_by_tolerances(vectors, np.eye(2) * 3)


@pytest.mark.parametrize("limits", [{"max_area_A2": 0.0}, {"max_length": -0.1}])
def test_limits_that_are_not_positive_are_refused(limits):
    with pytest.raises(SulfoxError, match="SFX-203"):
        MatchTolerances(**limits)


def test_share_out_of_range_is_refused():
    with pytest.raises(SulfoxError, match="electrolyte_strain_share"):
        match_by_strain(
            np.eye(2) * 3, np.eye(2) * 3, max_area_A2=50, max_strain=0.05, second_share=1.5
        )

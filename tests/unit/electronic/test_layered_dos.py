"""Layers across an interface: heights, sides, middles and the difference on one axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.analysis.electronic.layered_dos import layer_band_centers
from sulfox.documents.base import Status
from sulfox.documents.kinds import parse_document
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.errors import SulfoxError

GRID = np.arange(-12.0, 8.0, 0.01) + 0.003
WIDTH = 0.3
#: Six layers of CoO, six of another oxide: centres bend by 0.04 eV next to the interface.
CENTERS = {
    "shell": [-5.04, -5.0, -5.0, -5.0, -5.0, -5.04],
    "core": [-4.2, -4.16, -4.16, -4.16, -4.16, -4.2],
}
SPACING = 2.1


def gaussian(center):
    return 6 * np.exp(-(((GRID - center) / WIDTH) ** 2) / 2) / (WIDTH * np.sqrt(2 * np.pi))


def make_slab(vacuum=0.0, offset=0.3, centers=CENTERS, metal=False):
    """Rock-salt layers along z, one O and one Co each; the third vector leans."""
    values = [*centers["shell"], *centers["core"]]
    n = len(values)
    period = n * SPACING + vacuum
    lattice = np.array([[4.2, 0, 0], [0, 4.2, 0], [1.0, 0.5, period]])
    heights = (np.arange(n) * SPACING + offset) % period
    oxygen = np.stack([0 * heights, 0 * heights, heights], axis=1)
    cobalt = oxygen + np.array([2.1, 0.0, 0.0])
    positions = np.concatenate([oxygen, cobalt])
    sides = (["shell"] * len(centers["shell"]) + ["core"] * len(centers["core"])) * 2
    densities = np.stack([[gaussian(c)] for c in values])[:, None]
    summed = densities.sum(axis=(0, 1))
    edges = [[-8.0, -3.0, 2.0]] if not metal else [[-8.0, -0.1, 0.1]]
    filled = [[1.0, 1.0, 0.0]] if not metal else [[1.0, 0.7, 0.3]]
    dos = ProjectedDos(
        energies_eV=GRID - 2.0,
        fermi_eV=-2.0,
        total=summed,
        projected=summed,
        densities=densities,
        sites=tuple(range(n)),
        orbitals=("p",),
        species=("O",) * n + ("Co",) * n,
        lattice_A=lattice,
        fractional=positions @ np.linalg.inv(lattice),
        eigenvalues_eV=np.array([edges, edges]).reshape(1, 2, 3) - 2.0
        if not metal
        else np.array([[[-8.0, -0.1, 0.1], [-8.0, 0.3, 0.5]]]) - 2.0,
        occupations=np.array([filled, filled]).reshape(1, 2, 3)
        if not metal
        else np.array([[[1.0, 0.9, 0.2], [1.0, 0.1, 0.0]]]),
        engine="gpaw",
        level_of_theory="toy",
    )
    return dos, tuple(sides)


def test_each_layer_has_the_center_of_its_gaussian_and_the_middles_differ_by_construction():
    dos, sides = make_slab()
    document = layer_band_centers(dos, sides, upper="shell", label="core|shell")
    assert len(document.layers) == 12
    expected = [*CENTERS["shell"], *CENTERS["core"]]
    found = [layer.occupied_re_fermi_eV for layer in document.layers]
    assert found == pytest.approx(expected, abs=1e-6)
    assert [layer.side for layer in document.layers] == ["shell"] * 6 + ["core"] * 6
    apart = document.difference
    assert (apart.upper, apart.lower) == ("shell", "core")
    assert apart.occupied_eV == pytest.approx(-0.84, abs=1e-6)
    assert apart.valence_edge_eV == pytest.approx(-0.84, abs=1e-3)
    assert apart.uncertainty_eV == pytest.approx(0.0, abs=1e-6)
    assert document.status is Status.COMPLETE
    assert parse_document(document.model_dump(mode="json")) == document


def test_the_edge_of_a_layer_is_where_one_percent_of_its_states_is_passed():
    dos, sides = make_slab()
    document = layer_band_centers(dos, sides)
    from scipy.stats import norm

    for layer in document.layers:
        edge = layer.occupied_re_fermi_eV + WIDTH * norm.isf(0.01)
        assert layer.valence_edge_re_fermi_eV == pytest.approx(edge, abs=1e-3)


def test_a_superlattice_has_two_interfaces_and_the_middles_are_farthest_from_both():
    dos, sides = make_slab()
    document = layer_band_centers(dos, sides)
    period = 12 * SPACING
    assert document.period_A == pytest.approx(period)
    assert document.interface_heights_A == pytest.approx(
        [0.3 + 5.5 * SPACING, 0.3 + 11.5 * SPACING]
    )
    middles = [k for k, layer in enumerate(document.layers) if layer.is_middle]
    assert len(middles) == 2
    for k in middles:
        layer = document.layers[k]
        assert layer.distance_A == pytest.approx(2.5 * SPACING)
        assert layer.surface_distance_A is None


def test_beside_vacuum_the_middle_keeps_away_from_the_surface_too():
    dos, sides = make_slab(vacuum=15.0)
    document = layer_band_centers(dos, sides)
    assert document.interface_heights_A == pytest.approx([0.3 + 5.5 * SPACING])
    for layer in document.layers:
        if layer.is_middle:
            assert min(layer.distance_A, layer.surface_distance_A) == pytest.approx(2.5 * SPACING)


def test_sides_may_follow_from_the_heights_of_the_interfaces():
    dos, sides = make_slab()
    named = layer_band_centers(dos, sides, upper="core")
    heights = named.interface_heights_A
    found = layer_band_centers(dos, interface_heights_A=heights, upper="inside")
    assert found.difference.occupied_eV == pytest.approx(named.difference.occupied_eV)
    assert {layer.side for layer in found.layers} == {"inside", "outside"}


@settings(max_examples=15, deadline=None)
@given(offset=st.floats(0, 25), shift=st.floats(-20, 20))
def test_where_the_cell_is_cut_and_where_zero_lies_change_no_difference(offset, shift):
    dos, sides = make_slab(offset=offset)
    moved = replace(
        dos,
        energies_eV=dos.energies_eV + shift,
        fermi_eV=dos.fermi_eV + shift,
        eigenvalues_eV=dos.eigenvalues_eV + shift,
    )
    document = layer_band_centers(moved, sides, upper="shell")
    assert document.difference.occupied_eV == pytest.approx(-0.84, abs=1e-6)
    assert document.difference.full_eV == pytest.approx(-0.84, abs=1e-6)
    assert len(document.layers) == 12


def test_a_layer_that_lies_across_the_end_of_the_cell_is_one_layer():
    dos, sides = make_slab()
    fractional = dos.fractional.copy()
    fractional[:, 2] -= 0.3 / (12 * SPACING)  # the first layer at height 0
    fractional[0, 2] -= 0.002
    document = layer_band_centers(replace(dos, fractional=fractional), sides)
    assert len(document.layers) == 12


def test_a_side_that_bends_to_its_middle_is_not_bulk_like():
    centers = {"shell": [-5.0, -4.8, -4.6, -4.4], "core": [-4.2, -4.16, -4.16, -4.2]}
    dos, sides = make_slab(centers=centers)
    document = layer_band_centers(dos, sides)
    assert [reason.code for reason in document.reasons] == ["not-bulk-like"]
    assert document.status is Status.PARTIAL


def test_a_metal_has_layers_without_edges():
    dos, sides = make_slab(metal=True)
    document = layer_band_centers(dos, sides, upper="shell")
    assert document.is_metal
    assert {layer.valence_edge_re_fermi_eV for layer in document.layers} == {None}
    assert document.difference.valence_edge_eV is None
    assert document.difference.full_eV == pytest.approx(-0.84, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"fractional": None}, {}),
        ({}, {"sides": ("core",) * 24}),
        ({}, {"sides": ("core",)}),
        ({}, {"sides": None}),
        ({}, {"sides": None, "interface_heights_A": (1.0, 2.0, 3.0)}),
        ({}, {"sides": None, "interface_heights_A": (1.0,)}),
    ],
)
def test_what_has_no_two_sides_is_refused(change, options):
    dos, sides = make_slab()
    given_sides = options.pop("sides", sides) if "sides" in options else sides
    options = {key: value for key, value in options.items() if key != "sides"}
    with pytest.raises(SulfoxError, match="SFX-713"):
        layer_band_centers(replace(dos, **change), given_sides, **options)

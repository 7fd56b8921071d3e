"""Band centres of densities of states whose moments are known without a computer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.analysis.electronic.coordination import coordination_labels
from sulfox.analysis.electronic.electronic_gap import find_band_edges
from sulfox.analysis.electronic.energy_ranges import first_moment
from sulfox.documents.base import Status
from sulfox.documents.kinds import parse_document
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.errors import SulfoxError

GRID = np.arange(-30.0, 12.0, 0.01) + 0.003  # no point on E_F or on a band edge


def gaussian(center, width, states=1.0):
    """A density with known moments; its integral is `states`."""
    x = (GRID - center) / width
    return states * np.exp(-(x**2) / 2) / (width * np.sqrt(2 * np.pi))


def make_dos(densities, fermi=0.0, total=None, bands=None, **fields):
    """O 2p states of n sites, (n_sites, n_spins, n_energies), and nothing else."""
    densities = np.asarray(densities, dtype=float)
    n_sites = len(densities)
    summed = densities.sum(axis=0)
    eigenvalues, occupations = bands or (None, None)
    return ProjectedDos(
        energies_eV=GRID + fermi,
        fermi_eV=fermi,
        total=summed if total is None else total,
        projected=summed,
        densities=densities[:, None],
        sites=tuple(range(n_sites)),
        orbitals=("p",),
        species=("O",) * n_sites,
        eigenvalues_eV=eigenvalues,
        occupations=occupations,
        **fields,
    )


def insulator(vbm=-0.7, cbm=1.3):
    """Two bands at two k-points, edges at different points."""
    eigenvalues = np.array([[[vbm - 1, vbm, cbm + 0.4], [vbm - 2, vbm - 0.3, cbm]]])
    return eigenvalues, np.array([[[1.0, 1.0, 0.0]] * 2])


def codes(document):
    return {reason.code for reason in document.reasons}


def test_a_gaussian_has_its_own_center_and_width():
    center, width, states = first_moment(GRID, gaussian(-5.2, 0.8, 3.0))
    assert center == pytest.approx(-5.2, abs=1e-6)
    assert width == pytest.approx(0.8, abs=1e-6)
    assert states == pytest.approx(3.0, abs=1e-6)


def test_two_peaks_across_the_fermi_level():
    """The empty peak counts for 'all' and not for 'occupied'."""
    peaks = gaussian(-4.0, 0.3, 5.0) + gaussian(3.0, 0.2, 1.0)
    document = analyze_band_center(make_dos([[peaks]], bands=insulator()))
    assert document.all_re_fermi_eV == pytest.approx((5 * -4 + 3) / 6, abs=1e-6)
    assert document.occupied_re_fermi_eV == pytest.approx(-4.0, abs=1e-6)
    assert document.occupied_re_vbm_eV == pytest.approx(-4.0 + 0.7, abs=1e-6)
    assert document.occupied_re_cbm_eV == pytest.approx(-4.0 - 1.3, abs=1e-6)
    assert document.occupied_re_mid_gap_eV == pytest.approx(-4.0 - 0.3, abs=1e-6)
    assert document.full_re_vbm_eV == pytest.approx((5 * -4 + 3) / 6 + 0.7, abs=1e-6)
    assert document.electrons_occupied == pytest.approx(5.0, abs=1e-6)
    assert document.width_occupied_eV == pytest.approx(0.3, abs=1e-6)


def test_the_window_is_measured_from_the_vbm_and_leaves_the_rest_out():
    peaks = gaussian(-20.0, 0.3, 2.0) + gaussian(-4.0, 0.3, 5.0) + gaussian(3.0, 0.3, 1.0)
    document = analyze_band_center(make_dos([[peaks]], bands=insulator()), window_eV=(-8.0, 1.0))
    assert (document.window_eV, document.window_reference) == ((-8.0, 1.0), "VBM")
    assert document.full_re_vbm_eV == pytest.approx(-3.3, abs=1e-6)
    assert document.window_re_fermi_eV == pytest.approx(-4.0, abs=1e-6)


def test_opposite_spin_shifts_cancel_in_the_sum():
    up, down = gaussian(-5.0, 0.4), gaussian(-4.0, 0.4)
    document = analyze_band_center(make_dos([[up, down]]))
    assert document.spin_polarized
    assert document.occupied_re_fermi_eV == pytest.approx(-4.5, abs=1e-6)
    assert [part.occupied_re_fermi_eV for part in document.per_spin] == pytest.approx(
        [-5.0, -4.0], abs=1e-6
    )
    assert document.width_occupied_eV == pytest.approx(np.hypot(0.4, 0.5), abs=1e-6)


def test_half_a_rectangle_at_the_fermi_level():
    """A flat band cut by E_F: the occupied centre is off by half the bin at most."""
    flat = np.where((GRID > -2) & (GRID < 2), 1.0, 0.0)
    document = analyze_band_center(make_dos([[flat]]))
    assert document.occupied_re_fermi_eV == pytest.approx(-1.0, abs=0.01)
    assert 0 < document.edge_error_eV < 0.01


@settings(max_examples=30, deadline=None)
@given(shift=st.floats(-50, 50), scale=st.floats(0.01, 100))
def test_shift_of_all_energies_and_scale_of_the_densities_change_no_center(shift, scale):
    eigenvalues, occupations = insulator()
    density = gaussian(-4.0, 0.5, 5.0) + gaussian(3.0, 0.3)
    plain = analyze_band_center(make_dos([[density]], bands=(eigenvalues, occupations)))
    moved = analyze_band_center(
        make_dos([[density * scale]], shift, bands=(eigenvalues + shift, occupations))
    )
    for name in ("all_re_fermi_eV", "occupied_re_fermi_eV", "occupied_re_vbm_eV", "gap_eV"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name), abs=1e-8)
    assert moved.full_re_vbm_eV == pytest.approx(plain.full_re_vbm_eV, abs=1e-8)
    assert moved.vbm_eV == pytest.approx(plain.vbm_eV + shift, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(5)))
def test_the_order_of_the_sites_changes_nothing(order):
    densities = np.array([[gaussian(-3.0 - k, 0.3, 1.0 + k)] for k in range(5)])
    plain = analyze_band_center(make_dos(densities))
    other = analyze_band_center(make_dos(densities[list(order)]))
    assert other.occupied_re_fermi_eV == pytest.approx(plain.occupied_re_fermi_eV, abs=1e-12)
    by_site = {site.site: site.occupied_re_fermi_eV for site in other.per_site}
    assert [by_site[order.index(k)] for k in range(5)] == pytest.approx(
        [site.occupied_re_fermi_eV for site in plain.per_site]
    )


def test_chosen_sites_only():
    dos = make_dos([[gaussian(-3.0, 0.3)], [gaussian(-5.0, 0.3)]])
    document = analyze_band_center(dos, sites=[1])
    assert (document.n_sites, document.sites) == (1, (1,))
    assert document.occupied_re_fermi_eV == pytest.approx(-5.0, abs=1e-6)


def test_a_metal_has_no_vbm_and_the_answer_says_so():
    eigenvalues = np.array([[[-1.0, 0.2], [-1.2, -0.1]]])
    occupations = np.array([[[1.0, 0.0], [1.0, 1.0]]])
    document = analyze_band_center(
        make_dos([[gaussian(-2, 0.5)]], bands=(eigenvalues, occupations))
    )
    assert document.is_metal
    assert (document.vbm_eV, document.occupied_re_vbm_eV, document.gap_eV) == (None, None, 0.0)
    assert document.window_reference == "E_F"
    assert (codes(document), document.status) == ({"metal"}, Status.COMPLETE)


def test_a_fermi_level_in_a_gap_is_named():
    document = analyze_band_center(make_dos([[gaussian(-4, 0.5)]], bands=insulator()))
    assert (codes(document), document.status) == ({"fermi-in-gap"}, Status.COMPLETE)
    assert document.direct_gap_eV == pytest.approx(2.3)
    assert document.gap_eV == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bands": insulator(1.0, 3.0)}, "fermi-outside-gap"),
        ({"bands": insulator(-0.1, 0.3), "smearing_eV": 0.2}, "smearing"),
        ({"total": 2 * gaussian(-4, 0.5)[None]}, "projections"),
        ({"n_electrons": 2.0}, "grid"),
        ({}, "no-eigenvalues"),
    ],
)
def test_what_makes_a_number_doubtful_makes_it_partial(change, code):
    document = analyze_band_center(make_dos([[gaussian(-4, 0.5)]], **change))
    assert code in codes(document)
    assert document.status is Status.PARTIAL


def test_a_coarse_grid_at_the_fermi_level_is_named():
    dos = make_dos([[gaussian(-0.5, 1.0)]], bands=insulator())
    sparse = {
        name: getattr(dos, name)[..., ::40]
        for name in ("energies_eV", "total", "projected", "densities")
    }
    document = analyze_band_center(replace(dos, **sparse))
    assert "edge" in codes(document)
    assert document.edge_error_eV > 0.02


def test_semicore_s_level_as_reference():
    s, p = gaussian(-18.0, 0.4) + gaussian(-4, 0.5, 0.1), gaussian(-4, 0.5)
    dos = make_dos([[p]])
    both = np.stack([[[s]], [[p]]], axis=1)[0]
    document = analyze_band_center(replace(dos, densities=both[None], orbitals=("s", "p")))
    assert document.semicore_s_re_fermi_eV == pytest.approx(-18.0, abs=1e-6)
    assert document.occupied_re_semicore_s_eV == pytest.approx(14.0, abs=1e-6)
    without = np.stack([[[gaussian(-4, 0.5)]], [[p]]], axis=1)[0]
    document = analyze_band_center(replace(dos, densities=without[None], orbitals=("s", "p")))
    assert document.occupied_re_semicore_s_eV is None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"element": "S"}, "SFX-711"),
        ({"orbital": "d"}, "SFX-711"),
        ({"sites": [4]}, "SFX-711"),
        ({"sites": [-1]}, "SFX-711"),
        ({"sites": []}, "SFX-711"),
        ({"window_eV": (2.0, -8.0)}, "SFX-901"),
        ({"window_eV": (float("nan"), 1.0)}, "SFX-901"),
    ],
)
def test_what_is_not_there_is_refused(options, code):
    with pytest.raises(SulfoxError, match=code):
        analyze_band_center(make_dos([[gaussian(-4, 0.5)]]), **options)


def test_no_occupied_states_is_refused():
    with pytest.raises(SulfoxError, match="SFX-712"):
        analyze_band_center(make_dos([[gaussian(6.0, 0.3)]]))


def test_the_document_survives_its_json_form_and_its_id_follows_the_content():
    dos = make_dos([[gaussian(-4, 0.5)]], bands=insulator())
    document = analyze_band_center(dos)
    assert parse_document(document.model_dump(mode="json")) == document
    assert analyze_band_center(dos).id == document.id
    assert analyze_band_center(dos, window_eV=(-3, 1)).id != document.id


def test_band_edges_do_not_depend_on_smeared_occupations():
    eigenvalues, _ = insulator()
    smeared = np.array([[[1.0, 0.9, 0.05], [1.0, 0.97, 0.1]]])
    edges = find_band_edges(eigenvalues, smeared)
    assert (edges.vbm_eV, edges.cbm_eV, edges.is_metal) == (-0.7, 1.3, False)
    assert edges.max_fraction == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("spacing", "fraction", "is_metal"), [(0.3, 0.0, True), (2.5, 0.2, True), (2.5, 0.0, False)]
)
def test_a_band_filled_at_some_k_points_makes_a_metal_unless_a_wide_gap_stays_open(
    spacing, fraction, is_metal
):
    eigenvalues = np.array([[[-9.0, 0.0], [-9.0, -spacing]]])
    occupations = np.array([[[1.0, fraction], [1.0, 1.0 - fraction]]])
    edges = find_band_edges(eigenvalues, occupations)
    assert (edges.is_metal, edges.uneven_filling) == (is_metal, not is_metal)
    assert edges.gap_eV == pytest.approx(0.0 if is_metal else spacing)


@pytest.mark.parametrize("third", [1 / 3, 2 / 3])
def test_levels_that_share_electrons_are_no_edges_of_a_gap(third):
    """One or two electrons in three p levels, as in O, F or aluminium with one k-point."""
    eigenvalues = np.array([[[-20.0, -7.0, -7.0, -7.0, -0.4]]])
    shared = np.array([[[1.0, third, third, third, 0.0]]])
    edges = find_band_edges(eigenvalues, shared, np.array([2.0]))
    assert (edges.is_metal, edges.vbm_eV, edges.gap_eV) == (True, None, 0.0)
    # k-points without weight, as of a band path, hold no electrons
    twice = np.concatenate([np.round(shared), shared], axis=1)
    edges = find_band_edges(np.repeat(eigenvalues, 2, axis=1), twice, np.array([1.0, 0.0]))
    assert not edges.is_metal


def test_spins_may_fill_different_numbers_of_bands():
    eigenvalues = np.array([[[-2.0, -1.0, 2.0]], [[-1.8, 0.5, 3.0]]])
    occupations = np.array([[[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]])
    edges = find_band_edges(eigenvalues, occupations)
    assert (edges.vbm_eV, edges.cbm_eV) == (-1.0, 0.5)


def test_oxygen_in_rock_salt_coo_and_in_layered_licoo2():
    """Images count: the primitive cell of CoO holds one Co, and O has six."""
    half = 4.26 / 2
    rock_salt = half * (np.ones((3, 3)) - np.eye(3))
    sites = np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])
    assert coordination_labels(["Co", "O"], rock_salt, sites, [1]) == ["6 Co"]
    a, c = 2.816, 14.05
    hexagonal = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, c]])
    centring = np.array([[0, 0, 0], [2 / 3, 1 / 3, 1 / 3], [1 / 3, 2 / 3, 2 / 3]])
    species = ["Li"] * 3 + ["Co"] * 3 + ["O"] * 6
    heights = (0.5, 0.0, 0.2605, -0.2605)
    layered = np.concatenate([centring + np.array([0, 0, z]) for z in heights])
    assert coordination_labels(species, hexagonal, layered, [6, 11]) == ["3 Co + 3 Li"] * 2


@settings(max_examples=20, deadline=None)
@given(
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
    rows=st.sampled_from([((1, 0, 0), (0, 1, 0), (3, -2, 1)), ((1, 2, 0), (0, 1, 0), (0, 0, 1))]),
)
def test_neighbours_do_not_depend_on_the_choice_of_the_cell(shift, rows):
    """Sheared cells of the same crystal: plane spacings, not lengths, bound the images."""
    lattice = np.array(rows) @ (4.26 * np.eye(3))
    site = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    cartesian = 4.26 * np.concatenate([site, site + np.array([0.5, 0, 0])])
    fractional = cartesian @ np.linalg.inv(lattice) + np.array(shift)
    labels = coordination_labels(["Co"] * 4 + ["O"] * 4, lattice, fractional, range(8))
    assert labels == ["6 O"] * 4 + ["6 Co"] * 4

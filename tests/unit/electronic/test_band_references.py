"""References that need more than a density of states: potentials at sites, the s level."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.analysis.electronic.band_center import analyze_band_center

POTENTIALS = (-60.0, -85.0)
RELATIVE = (
    *("occupied_re_site_potential_eV", "occupied_re_semicore_s_eV", "occupied_re_mid_gap_eV"),
    *("occupied_re_vbm_eV", "full_re_vbm_eV", "occupied_re_cbm_eV"),
)


def test_the_center_is_measured_from_the_potential_of_the_summed_sites(make_dos):
    document = analyze_band_center(make_dos(-4.0, potentials=POTENTIALS))
    assert document.site_potential_eV == pytest.approx(-60.0)
    assert document.occupied_re_site_potential_eV == pytest.approx(56.0, abs=1e-6)
    assert document.occupied_re_element_potential_eV == pytest.approx(
        {"O": 56.0, "Co": 81.0}, abs=1e-6
    )
    assert [site.potential_eV for site in document.per_site] == [-60.0]


def test_without_potentials_there_is_no_such_number(make_dos):
    document = analyze_band_center(make_dos(-4.0))
    assert document.site_potential_eV is None
    assert document.occupied_re_site_potential_eV is None
    assert document.occupied_re_element_potential_eV == {}


@settings(max_examples=25, deadline=None)
@given(shift=st.floats(-50, 50))
def test_a_shift_of_the_whole_scale_changes_no_relative_center(make_dos, shift):
    plain, moved = (
        analyze_band_center(make_dos(-4.0, potentials=POTENTIALS, fermi=fermi))
        for fermi in (0.0, shift)
    )
    for name in RELATIVE:
        assert getattr(moved, name) == pytest.approx(getattr(plain, name), abs=1e-7)
    assert moved.occupied_re_element_potential_eV == pytest.approx(
        plain.occupied_re_element_potential_eV, abs=1e-7
    )


@settings(max_examples=10, deadline=None)
@given(shift=st.floats(-3, 3))
def test_a_shift_of_the_potentials_alone_moves_only_what_refers_to_them(make_dos, shift):
    dos = make_dos(-4.0, potentials=POTENTIALS)
    plain = analyze_band_center(dos)
    moved = analyze_band_center(replace(dos, site_potentials_eV=dos.site_potentials_eV + shift))
    for name in RELATIVE:
        expected = getattr(plain, name) - (shift if "potential" in name else 0.0)
        assert getattr(moved, name) == pytest.approx(expected, abs=1e-9)


def test_what_a_reader_remarked_stands_among_the_reasons(make_dos):
    document = analyze_band_center(replace(make_dos(-4.0), remarks=("of another run",)))
    assert [r.message for r in document.reasons if r.code == "file"] == ["of another run"]

"""Band centres of model crystals whose bands are known in closed form.

The chain with alternating hoppings t1 > t2 (Su, Schrieffer and Heeger, doi
10.1103/PhysRevLett.42.1698) has the bands E0 ± |t1 + t2 exp(ik)|: a gap of 2 (t1 - t2) around
the site energy E0, the centre E0, and the second moment t1² + t2², the sum of the squared
hoppings of a site (Ducastelle and Cyrot-Lackmann, doi 10.1016/0022-3697(71)90014-4).
"""

from __future__ import annotations

import numpy as np
import pytest

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.documents.projected_dos import ProjectedDos

T1, T2 = 1.6, 0.9
N_K = 401
SMEARING = 0.05
GRID = np.arange(-12.0, 8.0, 0.01) + 0.0037


def smeared(levels: np.ndarray) -> np.ndarray:
    """Density of states of levels of weight 1/n, with a Gaussian each."""
    x = (GRID[:, None] - levels.ravel()) / SMEARING
    return np.exp(-(x**2) / 2).sum(axis=1) / (SMEARING * np.sqrt(2 * np.pi) * levels.shape[0])


def chain(site_energy: float, fermi: float, splitting: float = 0.0) -> ProjectedDos:
    """Two sites of the alternating chain; `splitting` parts the spins."""
    k = 2 * np.pi * np.arange(N_K) / N_K
    half = np.abs(T1 + T2 * np.exp(1j * k))
    spins = [-splitting / 2, splitting / 2] if splitting else [0.0]
    bands = np.array([np.stack([-half, half], axis=1) + site_energy + shift for shift in spins])
    total = np.array([smeared(levels) for levels in bands])
    by_site = np.stack([total / 2, total / 2])  # each band lies on both sites alike
    below = fermi >= GRID
    return ProjectedDos(
        energies_eV=GRID,
        fermi_eV=fermi,
        total=total,
        projected=total,
        densities=by_site[:, None],
        sites=(0, 1),
        orbitals=("p",),
        species=("O", "O"),
        eigenvalues_eV=bands,
        occupations=(bands < fermi).astype(float),
        k_weights=np.full(N_K, 1 / N_K),
        site_electrons=np.trapezoid(by_site[..., below], GRID[below]),
        smearing_eV=SMEARING,
    )


def test_center_width_and_gap_of_the_alternating_chain():
    document = analyze_band_center(chain(-2.0, -1.9))
    assert document.all_re_fermi_eV == pytest.approx(-0.1, abs=1e-6)
    assert document.width_all_eV == pytest.approx(np.sqrt(T1**2 + T2**2 + SMEARING**2), abs=1e-6)
    assert document.gap_eV == pytest.approx(2 * (T1 - T2), abs=1e-3)
    assert document.direct_gap_eV == pytest.approx(document.gap_eV, abs=1e-9)
    assert not document.is_metal


def test_the_occupied_center_is_the_mean_energy_of_the_filled_band():
    k = 2 * np.pi * np.arange(N_K) / N_K
    mean = -np.abs(T1 + T2 * np.exp(1j * k)).mean()
    document = analyze_band_center(chain(-2.0, -1.9))
    assert document.occupied_re_fermi_eV == pytest.approx(mean - 2.0 + 1.9, abs=1e-6)
    assert document.occupied_re_vbm_eV == pytest.approx(mean + (T1 - T2), abs=1e-4)
    assert document.occupied_re_mid_gap_eV == pytest.approx(mean, abs=1e-4)


@pytest.mark.parametrize("fermi", [-2.3, -2.0, -1.7])
def test_a_fermi_level_moved_inside_the_gap_moves_only_what_refers_to_it(fermi):
    """Why a centre relative to E_F is no property of an insulator."""
    here, there = analyze_band_center(chain(-2.0, fermi)), analyze_band_center(chain(-2.0, -1.9))
    for name in ("occupied_re_vbm_eV", "full_re_vbm_eV", "occupied_re_mid_gap_eV", "gap_eV"):
        assert getattr(here, name) == pytest.approx(getattr(there, name), abs=1e-9)
    moved = here.occupied_re_fermi_eV - there.occupied_re_fermi_eV
    assert moved == pytest.approx(-1.9 - fermi, abs=1e-9)
    assert "fermi-in-gap" in {reason.code for reason in here.reasons}


def test_two_crystals_on_one_scale_differ_by_their_site_energies():
    low, high = analyze_band_center(chain(-4.75, -4.7)), analyze_band_center(chain(-2.0, -1.9))
    on_scale = [d.occupied_re_fermi_eV + d.fermi_eV for d in (low, high)]
    assert on_scale[1] - on_scale[0] == pytest.approx(2.75, abs=1e-6)
    assert low.occupied_re_vbm_eV == pytest.approx(high.occupied_re_vbm_eV, abs=1e-6)


def test_exchange_splitting_parts_the_spins_and_makes_the_moment():
    """A splitting wider than both bands: one spin full, one empty, one electron a site."""
    splitting = 2 * (T1 + T2) + 1.0
    dos = chain(-2.0, -2.0, splitting)
    document = analyze_band_center(dos)
    up, down = document.per_spin
    assert down.all_re_fermi_eV - up.all_re_fermi_eV == pytest.approx(splitting, abs=1e-6)
    assert down.occupied_re_fermi_eV is None
    assert [site.moment_muB for site in document.per_site] == pytest.approx([1.0, 1.0], abs=1e-6)
    assert document.gap_eV == pytest.approx(1.0, abs=1e-3)


def test_a_chain_cut_by_the_fermi_level_is_a_metal():
    document = analyze_band_center(chain(-2.0, -3.5))
    assert document.is_metal
    assert (document.vbm_eV, document.occupied_re_vbm_eV) == (None, None)
    assert document.window_reference == "E_F"

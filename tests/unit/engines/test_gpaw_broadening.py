"""Levels become Gaussians: every electron is kept, centres are those of the levels."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.documents.structure import StructureRecord
from sulfox.engines.dos_curves import dos_curves
from sulfox.engines.gpaw.broadening import broaden
from sulfox.engines.gpaw.levels import LevelTable, read_levels, write_levels
from sulfox.errors import SulfoxError
from sulfox.protocols.electronic import DosGrid

STRUCTURE = StructureRecord.from_ase(bulk("MgO", "rocksalt", a=4.21))
GRID = DosGrid(
    step_eV=0.02, below_eV=25, above_eV=12, broadening_eV=0.1, mesh_factor=1, empty_bands=1.0
)
SEMICORE, VALENCE, EMPTY = -20.0, [-4.0, -3.0, -1.0], 14.0


def _levels(n_spins=1):
    """Two k-points of weights 1/4 and 3/4, five bands; E_F at 0, gap from -1 to 4."""
    bands = np.array([SEMICORE, *VALENCE, 4.0, EMPTY])
    eigenvalues = np.stack([bands, bands - [0, 0.5, 0.5, 0.5, -0.5, -0.5]])
    eigenvalues = np.repeat(eigenvalues[None], n_spins, axis=0)
    projections = np.zeros((2, 3, n_spins, 2, 6))
    projections[1, 0, :, :, 0] = 0.9
    projections[1, 1, :, :, 1:4] = 0.8
    projections[0, 2, :, :, 4:] = 0.7
    return LevelTable(
        eigenvalues_eV=eigenvalues,
        occupations=(eigenvalues < 0).astype(float),
        k_weights=np.array([0.25, 0.75]),
        projections=projections,
        site_potentials_eV=np.array([-90.0, -140.0]),
        fermi_eV=0.0,
        n_electrons=8.0,
    )


def _dos(levels, **changes):
    return broaden(
        levels,
        STRUCTURE,
        GRID.model_copy(update=changes),
        smearing_eV=0.05,
        code="GPAW",
        level_of_theory="made up",
    )


@pytest.mark.parametrize("n_spins", [1, 2])
def test_the_density_of_states_holds_every_electron(n_spins):
    dos = _dos(_levels(n_spins))
    below = dos.energies_eV <= 0
    counted = np.trapezoid(dos.total[:, below], x=dos.energies_eV[below], axis=1).sum()
    assert counted == pytest.approx(8.0, abs=1e-9)
    assert dos.site_electrons.sum() == pytest.approx(2 * (0.9 + 3 * 0.8), abs=1e-9)
    assert dos.n_electrons == 8.0


def test_the_band_centre_is_the_weighted_mean_of_the_levels():
    levels = _levels()
    found = analyze_band_center(_dos(levels), "O", "p")
    mean = np.mean(VALENCE) - 0.75 * 0.5
    assert found.occupied_re_fermi_eV == pytest.approx(mean, abs=1e-9)
    assert found.vbm_eV == -1.0
    assert found.cbm_eV == 4.0
    assert found.semicore_s_re_fermi_eV == pytest.approx(SEMICORE, abs=1e-9)


@pytest.mark.parametrize("width", [0.05, 0.1, 0.2])
def test_the_width_of_the_gaussians_moves_no_centre(width):
    found = analyze_band_center(_dos(_levels(), broadening_eV=width), "O", "p")
    assert found.occupied_re_vbm_eV == pytest.approx(np.mean(VALENCE) - 0.375 + 1.0, abs=1e-7)


def test_the_fermi_level_is_a_point_of_the_grid():
    dos = _dos(_levels())
    assert np.abs(dos.energies_eV - dos.fermi_eV).min() < 1e-12
    energies, _ = dos_curves(dos, max_energies=300)
    assert 0.0 in energies
    assert len(energies) <= 300


def test_the_grid_ends_where_a_k_point_has_no_more_bands():
    dos = _dos(_levels())
    assert dos.energies_eV[-1] <= 12.0 + 1e-9
    short = _levels()
    cut = LevelTable(
        **{
            **vars(short),
            "eigenvalues_eV": short.eigenvalues_eV[..., :5],
            "occupations": short.occupations[..., :5],
            "projections": short.projections[..., :5],
        }
    )
    dos = _dos(cut)
    assert dos.energies_eV[-1] < 4.0
    assert any("complete up to" in remark for remark in dos.remarks)


def test_electrons_below_the_range_are_named_and_not_missed():
    dos = _dos(_levels(), below_eV=10)
    assert dos.n_electrons == pytest.approx(6.0)
    assert any("2.00 semicore electrons" in remark for remark in dos.remarks)
    found = analyze_band_center(dos, "O", "p")
    assert not [reason for reason in found.reasons if reason.code == "grid"]


def test_levels_survive_a_file_and_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "levels.npz"
    levels = _levels(2)
    write_levels(path, levels)
    again = read_levels(path)
    assert all(np.array_equal(getattr(again, name), value) for name, value in vars(levels).items())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SulfoxError, match="SFX-311"):
        read_levels(path)


def test_curves_sum_sites_of_an_element_and_name_the_spin():
    dos = _dos(_levels(2))
    _, curves = dos_curves(dos)
    named = {(c.element, c.orbital, c.spin): np.array(c.density) for c in curves}
    assert ("", "", "up") in named
    assert ("O", "p", "down") in named
    assert ("Mg", "s", "up") not in named  # holds nothing
    step = -(-dos.energies_eV.size // 1500)
    assert named["O", "p", "up"].sum() == pytest.approx(
        dos.densities[1, 1, 0][:: step or 1].sum(), rel=0.01
    )

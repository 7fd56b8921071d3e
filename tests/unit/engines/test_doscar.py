"""DOSCARs as VASP prints them: energies with three decimals, however dense the grid is."""

from __future__ import annotations

import numpy as np
import pytest

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.engines.vasp.electronic_files import read_projected_dos

LOW, HIGH, FERMI = -1.20312345, 0.79687655, 0.1


def write_doscar(folder, n, bounds=(LOW, HIGH)):
    """One oxygen atom, its p states a Gaussian at -0.4321 eV, grid of `n` energies."""
    grid = np.linspace(LOW, HIGH, n)
    density = np.exp(-(((grid + 0.4321) / 0.08) ** 2) / 2) / (0.08 * np.sqrt(2 * np.pi))
    head = f"{bounds[1]:16.8f}{bounds[0]:16.8f} {n} {FERMI:15.8f}      1.00000000\n"
    total = "".join(f"{e:11.3f} {d:11.4E} 0.0\n" for e, d in zip(grid, density, strict=True))
    rows = "".join(f"{e:11.3f} 0.0 {d:11.4E} 0.0\n" for e, d in zip(grid, density, strict=True))
    (folder / "DOSCAR").write_text("1 1 1 0\n" + 4 * " head\n" + head + total + head + rows)
    (folder / "POSCAR").write_text("t\n1.0\n4 0 0\n0 4 0\n0 0 4\nO\n1\nDirect\n0 0 0\n")
    return folder / "DOSCAR"


@pytest.mark.parametrize("n", [301, 10001])
def test_energies_keep_the_digits_that_the_rows_lost(tmp_path, n):
    """Ten thousand energies in 2 eV: five of them look alike in the rows."""
    dos = read_projected_dos(write_doscar(tmp_path, n))
    assert np.array_equal(dos.energies_eV, np.linspace(LOW, HIGH, n))
    document = analyze_band_center(dos)
    assert document.all_re_fermi_eV == pytest.approx(-0.4321 - FERMI, abs=1e-5)


def test_rows_that_do_not_fit_the_head_stand_as_printed(tmp_path):
    dos = read_projected_dos(write_doscar(tmp_path, 301, bounds=(LOW - 0.01, HIGH)))
    assert dos.energies_eV[0] == round(LOW, 3)

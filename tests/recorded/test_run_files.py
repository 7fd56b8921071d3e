"""The other files of a VASP run, written from a real vasprun.xml, give its centres again.

No vaspout.h5 or PROCAR of these runs exists. The tests write them by the layout that VASP's
own tools read, from the states of the recorded files.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.engines.vasp.dos_tables import NON_COLLINEAR, parse_table
from sulfox.engines.vasp.electronic_files import read_projected_dos
from sulfox.errors import SulfoxError

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
FOLDER = DATA / "vasp"
FE2O3 = FOLDER / "Fe2O3_pbeu_pdos.vasprun.xml.gz"
OSO2 = FOLDER / "OsO2_pdos_nonmagnetic.vasprun.xml.gz"
CENTERS = (
    *("all_re_fermi_eV", "occupied_re_fermi_eV", "occupied_re_vbm_eV", "full_re_vbm_eV"),
    *("vbm_eV", "cbm_eV", "gap_eV", "semicore_s_re_fermi_eV"),
)

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"recorded data not found: {FOLDER} (set SULFOX_TEST_DATA)"
)


@cache
def read(path: Path):
    return read_projected_dos(path)


def write_vaspout(path: Path, dos, *, incar=None) -> Path:
    """Projections as (spins, ions, orbitals, energies), atoms by type, INCAR tags as datasets."""
    types = list(dict.fromkeys(dos.species))
    with h5py.File(path, "w") as file:
        for part, number in zip(("major", "minor", "patch"), (6, 4, 2), strict=True):
            file[f"version/{part}"] = number
        group = file.create_group("results/electron_dos")
        group["energies"], group["efermi"], group["dos"] = dos.energies_eV, dos.fermi_eV, dos.total
        group["dospar"] = dos.densities.transpose(2, 0, 1, 3)
        names = (*dos.orbitals, "fy3x2", "fxyz")  # VASP lists orbitals that no column has
        file["results/projectors/lchar"] = np.array([name.encode() for name in names], "S5")
        group = file.create_group("results/electron_eigenvalues")
        group["eigenvalues"], group["fermiweights"] = dos.eigenvalues_eV, dos.occupations
        group["kpoints_symmetry_weight"] = dos.k_weights
        group = file.create_group("results/positions")
        group["ion_types"] = np.array([symbol.encode() for symbol in types], "S2")
        group["number_ion_types"] = [dos.species.count(symbol) for symbol in types]
        group = file.create_group("intermediate/ion_dynamics")
        group["lattice_vectors"] = np.stack([2 * dos.lattice_A, dos.lattice_A])
        group["position_ions"] = np.stack([dos.fractional * 0, dos.fractional])
        for tag, value in (incar or {}).items():
            file[f"input/incar/{tag}"] = value
        file["input/potcar/content"] = b"  PAW_PBE Fe_pv 06Sep2000\n and so on"
    return path


@pytest.mark.parametrize("path", [FE2O3, OSO2])
def test_a_vaspout_gives_the_centers_of_the_vasprun(tmp_path, path):
    direct = analyze_band_center(read(path))
    ours = analyze_band_center(
        read_projected_dos(write_vaspout(tmp_path / "vaspout.h5", read(path)))
    )
    for name in CENTERS:
        assert getattr(ours, name) == pytest.approx(getattr(direct, name), abs=1e-9)
    assert [s.coordination for s in ours.per_site] == [s.coordination for s in direct.per_site]
    assert [s.moment_muB for s in ours.per_site] == pytest.approx(
        [s.moment_muB for s in direct.per_site]
    )
    assert ours.is_metal == direct.is_metal


def test_a_vaspout_names_its_level_and_counts_its_electrons(tmp_path):
    incar = {
        "LDAU": True,
        "LDAUTYPE": 2,
        "LDAUL": [2, -1],
        "LDAUU": [5.3, 0.0],
        "LDAUJ": [0.0, 0.0],
        "ENCUT": 520.0,
        "ISMEAR": 0,
        "SIGMA": 0.05,
    }
    dos = read_projected_dos(write_vaspout(tmp_path / "vaspout.h5", read(FE2O3), incar=incar))
    assert dos.level_of_theory == "PBE+U (Fe d 5.3 eV), 520 eV (VASP 6.4.2)"
    assert dos.n_electrons == pytest.approx(read(FE2O3).n_electrons, abs=1e-3)
    assert dos.smearing_eV == 0.05


def test_a_vaspout_of_a_hybrid_run_says_so(tmp_path):
    incar = {"LHFCALC": 1, "LDAU": 0, "GGA": b"Pe", "ENCUT": 680.0}  # VASP keeps 1 for .TRUE.
    path = write_vaspout(tmp_path / "vaspout.h5", read(OSO2), incar=incar)
    assert read_projected_dos(path).level_of_theory.startswith("hybrid functional on PBE, 680 eV")


def test_moments_of_a_non_collinear_vaspout_are_no_states(tmp_path):
    path = write_vaspout(tmp_path / "vaspout.h5", read(OSO2))
    plain = read_projected_dos(path)
    with h5py.File(path, "a") as file:
        for name in ("dos", "dospar"):
            density = file[f"results/electron_dos/{name}"][()]
            del file[f"results/electron_dos/{name}"]
            parts = [density[0], -2 * density[0], 3 * density[0], 4 * density[0]]
            file[f"results/electron_dos/{name}"] = np.stack(parts)
    dos = read_projected_dos(path)
    assert not dos.is_spin_polarized
    assert np.array_equal(dos.densities, plain.densities)
    assert np.array_equal(dos.total, plain.total)
    assert (dos.remarks, plain.remarks) == ((NON_COLLINEAR,), ())
    assert dos.n_electrons == pytest.approx(plain.n_electrons / 2)  # a state holds one electron


def test_a_packed_vaspout_is_read(tmp_path):
    plain = write_vaspout(tmp_path / "vaspout.h5", read(OSO2))
    packed = tmp_path / "packed" / "vaspout.h5.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert np.array_equal(read_projected_dos(packed).densities, read_projected_dos(plain).densities)


def test_a_damaged_vaspout_is_refused(tmp_path):
    path = write_vaspout(tmp_path / "vaspout.h5", read(OSO2))
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:cut])
        with pytest.raises(SulfoxError, match=r"SFX-31[12]"):
            read_projected_dos(path)
    for name, code in (
        ("results/electron_dos/dospar", "SFX-313"),
        ("results/electron_dos/energies", "SFX-313"),
        ("results/positions/ion_types", "SFX-311"),
        ("results/projectors/lchar", "SFX-311"),
    ):
        write_vaspout(path, read(OSO2))
        with h5py.File(path, "a") as file:
            del file[name]
        with pytest.raises(SulfoxError, match=code):
            read_projected_dos(path)
    write_vaspout(path, read(OSO2))
    with h5py.File(path, "a") as file:
        file["results/electron_dos/dospar"][0, 0, 0, 5] = np.nan
    with pytest.raises(SulfoxError, match="SFX-314"):
        read_projected_dos(path)


HEAD = "  -57.0 17.0 {n} {fermi:.8f} 1.0\n"


def write_neighbours(folder: Path, dos, grid) -> None:
    """The DOSCAR whose grid and Fermi level are taken, and the CONTCAR."""
    rows = "".join(f" {energy:.6f} 0.0 0.0\n" for energy in grid)
    head = HEAD.format(n=len(grid), fermi=dos.fermi_eV)
    (folder / "DOSCAR").write_text("10 10 1 0\n" + 4 * "head\n" + head + rows)
    elements = list(dict.fromkeys(dos.species))
    counts = " ".join(str(dos.species.count(element)) for element in elements)
    vectors = "\n".join(" ".join(map(repr, row)) for row in dos.lattice_A.tolist())
    sites = "\n".join(" ".join(map(repr, row)) for row in dos.fractional.tolist())
    text = f"title\n1.0\n{vectors}\n{' '.join(elements)}\n{counts}\nDirect\n{sites}\n"
    (folder / "CONTCAR").write_text(text)


def write_procar(folder: Path, dos, share, *, filled=1.0, phases=False) -> Path:
    """Levels of `dos`; `share` (n_ions, 9) is each level's projection."""
    n_spins, n_kpoints, n_bands = dos.eigenvalues_eV.shape
    n_ions = len(dos.species)
    names = ["s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "x2-y2"]
    head = "ion " + " ".join(f"{name:>6}" for name in names) + "    tot\n"
    table = "".join(
        f"{ion + 1:5d} " + " ".join(f"{value:.3f}" for value in [*row, sum(row)]) + "\n"
        for ion, row in enumerate(share)
    )
    total = "tot " + " ".join(f"{value:.3f}" for value in [*share.sum(0), share.sum()]) + "\n"
    lines = ["PROCAR lm decomposed\n"]
    for spin in range(n_spins):
        lines.append(f"# of k-points: {n_kpoints} # of bands: {n_bands} # of ions: {n_ions}\n")
        for k in range(n_kpoints):
            lines.append(
                f"\n k-point {k + 1:5d} :    0.25000000-0.25000000 0.00000000     "
                f"weight = {dos.k_weights[k]:.8f}\n\n"
            )
            for band in range(n_bands):
                energy = dos.eigenvalues_eV[spin, k, band]
                occupation = filled * dos.occupations[spin, k, band]
                lines.append(f"band {band + 1} # energy {energy:.8f} # occ. {occupation:.8f}\n\n")
                lines += [head, table, total]
                lines += [head, *[table] * 2] if phases else []
                lines.append("\n")
    path = folder / "PROCAR"
    path.write_text("".join(lines))
    return path


def few(path, n_kpoints=4):
    """The states of some k-points only, which keeps a PROCAR small."""
    dos = read(path)
    weights = dos.k_weights[:n_kpoints] / dos.k_weights[:n_kpoints].sum()
    bands, filled = dos.eigenvalues_eV[:, :n_kpoints], dos.occupations[:, :n_kpoints]
    return replace(dos, eigenvalues_eV=bands, occupations=filled, k_weights=weights)


def shares(dos, part=0.06):
    """The same projection for every level: p on O, d on the metal."""
    share = np.zeros((len(dos.species), 9))
    for ion, element in enumerate(dos.species):
        share[ion, 1 : 4 if element == "O" else 1] = part / 3
        if element != "O":
            share[ion, 4:9] = part / 5
    return share


@pytest.mark.parametrize(("path", "phases"), [(FE2O3, False), (FE2O3, True), (OSO2, False)])
def test_a_procar_gives_the_mean_of_its_levels(tmp_path, path, phases):
    """All levels weigh alike, so that the centre is the mean of the eigenvalues."""
    dos = few(path)
    low, high = dos.eigenvalues_eV.min(), dos.eigenvalues_eV.max()
    grid = np.arange(low - 1, high + 1, 0.02)
    write_neighbours(tmp_path, dos, grid)
    n_spins = dos.eigenvalues_eV.shape[0]
    filled = 1.0 if n_spins == 2 else 2.0
    procar = write_procar(tmp_path, dos, shares(dos), filled=filled, phases=phases)
    ours = read_projected_dos(procar)
    document = analyze_band_center(ours)
    mean = np.einsum("skb,k->", dos.eigenvalues_eV, dos.k_weights) / n_spins
    mean /= dos.k_weights.sum() * dos.eigenvalues_eV.shape[2]
    assert document.all_re_fermi_eV == pytest.approx(mean - dos.fermi_eV, abs=1e-3)
    direct = analyze_band_center(dos)
    assert (document.vbm_eV, document.gap_eV) == pytest.approx((direct.vbm_eV, direct.gap_eV))
    assert document.is_metal == direct.is_metal
    # 2 electrons a level without spin, 1 with
    n_levels = dos.eigenvalues_eV.shape[2] * 2
    assert np.trapezoid(ours.total.sum(axis=0), grid) == pytest.approx(n_levels, abs=1e-3)
    electrons = np.einsum("skb,k->", dos.occupations, dos.k_weights) * filled
    assert ours.n_electrons == pytest.approx(electrons, abs=1e-4)
    part = 0.06 * dos.species.count("O") * n_levels
    assert np.trapezoid(ours.densities.sum(axis=(0, 1, 2))[:], grid) == pytest.approx(
        0.06 * len(dos.species) * n_levels, abs=1e-2
    )
    oxygen = read_projected_dos(procar, ("O",), ("p",))
    assert np.trapezoid(oxygen.densities.sum(axis=(0, 1, 2)), grid) == pytest.approx(part, abs=1e-2)
    assert np.allclose(oxygen.projected, ours.projected)
    assert "broadened by Gaussians of 0.05 eV" in ours.level_of_theory


def test_a_procar_cut_anywhere_or_alone_is_refused(tmp_path):
    dos = few(OSO2, 2)
    write_neighbours(tmp_path, dos, np.arange(-60, 40, 0.05))
    procar = write_procar(tmp_path, dos, shares(dos), filled=2.0)
    text = procar.read_text()
    last = text.rindex("\ntot ")
    for cut in np.linspace(1, last - 2, 25).astype(int):
        procar.write_text(text[:cut])
        with pytest.raises(SulfoxError, match=r"SFX-31[13]"):
            read_projected_dos(procar)
    procar.write_text(text.replace("# of ions: 6", "# of ions: 7"))
    with pytest.raises(SulfoxError, match=r"SFX-311.*7 ions"):
        read_projected_dos(procar)
    procar.write_text(text.replace("0.020", "*****"))
    with pytest.raises(SulfoxError, match="SFX-314"):
        read_projected_dos(procar)
    procar.write_text(text)
    (tmp_path / "DOSCAR").unlink()
    with pytest.raises(SulfoxError, match=r"SFX-316.*Fermi"):
        read_projected_dos(procar)


def test_a_procar_is_not_held_in_memory(tmp_path):
    dos = few(FE2O3, 12)
    write_neighbours(tmp_path, dos, np.arange(-60, 40, 0.1))
    procar = write_procar(tmp_path, dos, shares(dos), phases=True)
    size = procar.stat().st_size
    tracemalloc.start()
    read_projected_dos(procar, ("O",), ("p",))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 2


def outcar(potentials, fermi, before="") -> str:
    cells = [f"{k:8d}{value:9.4f}" for k, value in enumerate(potentials, start=1)]
    rows = "\n".join("".join(cells[k : k + 5]) for k in range(0, len(cells), 5))
    return (
        f" vasp.6.4.2\n{before}\n average (electrostatic) potential at core\n"
        "  the test charge radii are     0.9748  0.7215\n"
        f"  (the norm of the test charge is              1.0000)\n{rows}\n \n \n"
        f" E-fermi : {fermi:8.4f}     XC(G=0): -10.9     alpha+bet : -9.1\n"
    )


@pytest.mark.parametrize("name", ["OUTCAR", "OUTCAR.gz", "OUTCAR.dos.gz"])
def test_the_potential_at_the_sites_is_the_last_of_the_outcar(tmp_path, name):
    tag = ".dos" if ".dos" in name else ""
    (tmp_path / f"vasprun.xml{tag}.gz").write_bytes(FE2O3.read_bytes())
    fermi = read(FE2O3).fermi_eV
    potentials = np.array([*[-91.5] * 4, *np.linspace(-109.1, -109.6, 6)])  # numbers touch
    text = outcar(potentials, fermi, before=outcar(potentials + 7, fermi + 1))
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack(text.encode()))
    document = analyze_band_center(read_projected_dos(tmp_path))
    center = document.occupied_re_fermi_eV + document.fermi_eV
    assert document.site_potential_eV == pytest.approx(-109.35)
    assert document.occupied_re_site_potential_eV == pytest.approx(center + 109.35)
    assert document.occupied_re_element_potential_eV == pytest.approx(
        {"Fe": center + 91.5, "O": center + 109.35}
    )
    assert [s.potential_eV for s in document.per_site] == pytest.approx(potentials[4:])


def test_the_command_takes_the_folder_of_a_run(tmp_path):
    (tmp_path / "vasprun.xml.gz").write_bytes(FE2O3.read_bytes())
    (tmp_path / "OUTCAR").write_text(outcar([-91.5] * 4 + [-109.0] * 6, read(FE2O3).fermi_eV))
    command = [sys.executable, "-m", "sulfox", "analyze", "band-center", str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "PBE+U (Fe d 5.3 eV), 520 eV (VASP 5.2.2)" in answer.stdout
    assert "electrostatic potential at the same sites" in answer.stdout


@pytest.mark.parametrize(
    ("potentials", "shift", "words"),
    [([-91.5] * 9, 0.0, "9 ions"), ([-91.5] * 10, 0.4, "another run"), ([], 0.0, "breaks off")],
)
def test_an_outcar_of_another_run_is_not_used_and_that_is_said(tmp_path, potentials, shift, words):
    (tmp_path / "vasprun.xml.gz").write_bytes(FE2O3.read_bytes())
    fermi = read(FE2O3).fermi_eV + shift
    (tmp_path / "OUTCAR").write_text(outcar(potentials, fermi))
    document = analyze_band_center(read_projected_dos(tmp_path))
    assert document.occupied_re_site_potential_eV is None
    assert any(words in reason.message for reason in document.reasons if reason.code == "file")


def test_the_file_of_a_folder_is_chosen_and_never_guessed(tmp_path):
    with pytest.raises(SulfoxError, match="SFX-315"):
        read_projected_dos(tmp_path)
    (tmp_path / "vasprun.xml.relax1.gz").write_bytes(FE2O3.read_bytes())
    assert read_projected_dos(tmp_path).species == read(FE2O3).species
    (tmp_path / "vasprun.xml.relax2.gz").write_bytes(OSO2.read_bytes())
    with pytest.raises(SulfoxError, match=r"SFX-315.*relax1.*relax2"):
        read_projected_dos(tmp_path)
    (tmp_path / "vasprun.xml.dos.gz").write_bytes(OSO2.read_bytes())
    assert read_projected_dos(tmp_path).species == read(OSO2).species
    (tmp_path / "vasprun.xml").write_bytes(gzip.decompress(FE2O3.read_bytes()))
    assert read_projected_dos(tmp_path).species == read(FE2O3).species


@pytest.mark.parametrize("end", ["", "\n", "\n   ", "\n\n  "])
@pytest.mark.parametrize("row", ["{:12.6f} ", "{:12.6f}", "<r>{:12.6f} </r>"])
def test_a_long_table_keeps_its_last_row_however_it_ends(row, end):
    values = np.linspace(0, 1, 900)
    text = "\n" + "\n".join(row.format(value) for value in values) + end
    assert parse_table(text, 1, "file", "a table")[:, 0] == pytest.approx(values, abs=1e-6)


def test_a_doscar_of_lobster_is_not_taken_for_one_of_vasp(tmp_path):
    """Its four columns are s and three p, and its energies begin at E_F."""
    dos = few(OSO2, 1)
    write_neighbours(tmp_path, dos, np.arange(-3.0, 3.0, 0.5))
    lines = (tmp_path / "DOSCAR").read_text().splitlines(keepends=True)
    rows = "".join(f" {energy:.5f} 1.0 1.0 1.0 1.0\n" for energy in np.arange(-3.0, 3.0, 0.5))
    ion = " 3.0 -3.0 12 1.5 1.0; Z= 8; 2s 2p_y 2p_z 2p_x\n" + rows
    path = tmp_path / "DOSCAR"
    path.write_text("".join(lines) + len(dos.species) * ion)
    with pytest.raises(SulfoxError, match=r"SFX-311.*2p_y"):
        read_projected_dos(path)
    lines[4] = " DOS and projected DOS file by LOBSTER. Energy is shifted.\n"
    path.write_text("".join(lines) + len(dos.species) * ion)
    with pytest.raises(SulfoxError, match=r"SFX-312.*LOBSTER"):
        read_projected_dos(path)

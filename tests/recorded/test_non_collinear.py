"""Non-collinear runs: the density counts, its magnetisation does not, and the document says so.

The files are made of a real one without spin: none of the recorded runs is non-collinear.
"""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import numpy as np
import pytest

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.engines.vasp.dos_tables import NON_COLLINEAR
from sulfox.engines.vasp.electronic_files import read_projected_dos

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data") / "vasp"
OSO2 = FOLDER / "OsO2_pdos_nonmagnetic.vasprun.xml.gz"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"recorded data not found: {FOLDER} (set SULFOX_TEST_DATA)"
)


def plain_text() -> bytes:
    """The recorded file without its projected bands, which are not read."""
    text = gzip.decompress(OSO2.read_bytes())
    return text[: text.index(b"<projected>")] + text[text.index(b"</projected>") + 12 :]


def non_collinear(text: bytes, total_too: bool) -> bytes:
    """Four parts: the density, and a magnetisation along z of a third of it."""
    begin, end = text.index(b"<total>"), text.index(b"</total>")
    if total_too:
        text = text[:begin] + _in_four(text[begin:end]) + text[end:]
    begin, end = text.index(b"<partial>"), text.index(b"</partial>")
    return text[:begin] + _in_four(text[begin:end]) + text[end:]


def _in_four(text: bytes) -> bytes:
    def parts(match: re.Match[bytes]) -> bytes:
        rows = [row.split() for row in re.findall(rb"<r>(.*?)</r>", match[0])]
        made = [match[0]]
        for spin, part in ((2, 0.0), (3, 0.0), (4, 1 / 3)):
            numbers = "".join(
                f"<r> {float(row[0]):.4f} "
                # upwards in energy, so that adding it moves a centre
                + " ".join(f"{part * float(x) * (float(row[0]) + 60) / 60:.5f}" for x in row[1:])
                + " </r>\n"
                for row in rows
            )
            made.append(f'<set comment="spin {spin}">\n{numbers}</set>\n'.encode())
        return b"".join(made)

    return re.sub(rb'<set comment="spin 1">.*?</set>', parts, text, flags=re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("total_too", [False, True], ids=["total of one part", "of four"])
def test_the_centre_of_a_non_collinear_run_is_that_of_its_density_and_it_says_so(
    tmp_path, total_too
):
    """The magnetisation is no states; pymatgen adds m_z where the total does not warn it."""
    from pymatgen.core import Element
    from pymatgen.electronic_structure.core import OrbitalType, Spin
    from pymatgen.io.vasp import Vasprun

    path = tmp_path / "vasprun.xml"
    path.write_bytes(non_collinear(plain_text(), total_too))
    document = analyze_band_center(read_projected_dos(path))
    without = analyze_band_center(read_projected_dos(OSO2))
    assert document.id == without.id
    assert not document.spin_polarized
    (remark,) = [reason.message for reason in document.reasons if "m_z" in reason.message]
    assert remark.startswith("a non-collinear run")
    assert document.status == without.status, "it informs, and makes nothing doubtful"
    assert "m_z" not in str(without.reasons)
    theirs = Vasprun(str(path), parse_potcar_file=False).complete_dos
    centre = theirs.get_band_center(OrbitalType.p, elements=[Element("O")])
    same = abs(centre - document.all_re_fermi_eV) < 1e-3
    assert same == total_too
    up = theirs.get_band_center(OrbitalType.p, elements=[Element("O")], spin=Spin.up)
    assert document.all_re_fermi_eV == pytest.approx(up, abs=1e-3)


def write_structure(folder: Path, dos) -> None:
    elements = list(dict.fromkeys(dos.species))
    counts = " ".join(str(dos.species.count(element)) for element in elements)
    rows = [" ".join(map(repr, row)) for row in (*dos.lattice_A.tolist(), *dos.fractional.tolist())]
    head = ["title", "1.0", *rows[:3], " ".join(elements), counts, "Direct", *rows[3:]]
    (folder / "CONTCAR").write_text("\n".join(head) + "\n")


def test_a_doscar_with_a_magnetisation_says_so(tmp_path):
    dos = read_projected_dos(OSO2)
    write_structure(tmp_path, dos)
    n = dos.energies_eV.size
    head = f"  {dos.energies_eV[-1]:.4f} {dos.energies_eV[0]:.4f} {n} {dos.fermi_eV:.8f} 1.0\n"
    lines = [f"  {len(dos.species)} 10 1 0\n", *["  0.0\n"] * 3, " system\n", head]
    lines += [f"{dos.energies_eV[k]:.5f} {dos.total[0, k]:.5f} 0.0\n" for k in range(n)]
    for site in dos.densities[:, :, 0]:
        lines.append(head)
        parts = np.stack([part * site[orbital] for orbital in range(3) for part in (1, 0, 0, 0.3)])
        for k in range(n):
            row = " ".join(f"{value:.5f}" for value in parts[:, k])
            lines.append(f"{dos.energies_eV[k]:.5f} {row}\n")
    (tmp_path / "DOSCAR").write_text("".join(lines))
    ours = read_projected_dos(tmp_path / "DOSCAR")
    assert ours.remarks == (NON_COLLINEAR,)
    assert np.allclose(ours.densities, dos.densities, atol=1e-5)


@pytest.mark.parametrize("with_moments", [True, False])
def test_a_procar_with_a_magnetisation_says_so(tmp_path, with_moments):
    """VASP writes one head, then four tables: the density, m_x, m_y, m_z."""
    dos = read_projected_dos(OSO2)
    write_structure(tmp_path, dos)
    grid = np.arange(-2.0, 2.0, 0.05)
    rows = "".join(f" {energy:.6f} 0.0 0.0\n" for energy in grid)
    edges = f"  2.0 -2.0 {len(grid)} 0.0 1.0\n"
    (tmp_path / "DOSCAR").write_text("10 10 1 0\n" + 4 * "head\n" + edges + rows)
    n_ions = len(dos.species)
    table = "".join(f"{ion + 1:3d} 0.1 0.2 0.0 0.3\n" for ion in range(n_ions)) + "tot 1 1 1 1\n"
    band = "band 1 # energy 0.0 # occ. 1.0\n\nion s p d tot\n" + table
    (tmp_path / "PROCAR").write_text(
        f"PROCAR lm decomposed\n# of k-points: 1 # of bands: 1 # of ions: {n_ions}\n\n"
        " k-point 1 : 0.0 0.0 0.0     weight = 1.0\n\n"
        f"{band}{table * 3 if with_moments else ''}\n"
    )
    ours = read_projected_dos(tmp_path / "PROCAR")
    assert ours.remarks == ((NON_COLLINEAR,) if with_moments else ())
    assert np.trapezoid(ours.densities.sum(axis=(0, 1, 2)), grid) == pytest.approx(0.3 * n_ions)

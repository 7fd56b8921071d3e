"""Real VASP files: known O 2p centres, pymatgen's own numbers, and clear refusals."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.documents.base import Status
from sulfox.engines.vasp.complete_dos import from_complete_dos
from sulfox.engines.vasp.electronic_files import read_projected_dos
from sulfox.errors import SulfoxError

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
FOLDER = DATA / "vasp"
FE2O3 = FOLDER / "Fe2O3_pbeu_pdos.vasprun.xml.gz"
OSO2 = FOLDER / "OsO2_pdos_nonmagnetic.vasprun.xml.gz"
CONTRACT = [
    *("all_re_fermi_eV", "occupied_re_fermi_eV", "occupied_re_vbm_eV", "full_re_vbm_eV"),
    *("vbm_eV", "cbm_eV", "gap_eV", "fermi_eV", "is_metal", "spin_polarized", "n_sites"),
    *("window_eV", "status", "reasons"),
]

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"recorded data not found: {FOLDER} (set SULFOX_TEST_DATA)"
)


@cache
def text_of(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


@cache
def read(path: Path):
    return read_projected_dos(path)


@cache
def pymatgen_run(path: Path):
    from pymatgen.io.vasp import Vasprun

    return Vasprun(str(path), parse_potcar_file=False)


def written(folder: Path, text: bytes, name: str = "vasprun.xml") -> Path:
    path = folder / name
    path.write_bytes(text)
    return path


def without_projected_bands(text: bytes) -> bytes:
    """The same file, small: projected bands are not read."""
    return text[: text.index(b"<projected>")] + text[text.index(b"</projected>") + 12 :]


@pytest.mark.parametrize(
    ("path", "every", "occupied"), [(FE2O3, 0.258, -2.717), (OSO2, -1.592, -5.520)]
)
def test_known_centers_within_1_mev(path, every, occupied):
    document = analyze_band_center(read(path))
    assert document.all_re_fermi_eV == pytest.approx(every, abs=1e-3)
    assert document.occupied_re_fermi_eV == pytest.approx(occupied, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("path", [FE2O3, OSO2])
def test_equal_to_pymatgen(path):
    """Centre, width, per element, orbital and spin, and the band edges of an insulator."""
    from pymatgen.core import Element
    from pymatgen.electronic_structure.core import OrbitalType, Spin

    run = pymatgen_run(path)
    theirs, dos = run.complete_dos, read(path)
    for element in dict.fromkeys(dos.species):
        for orbital in "spd":
            which = {"band": OrbitalType[orbital], "elements": [Element(element)]}
            if element == "O" and orbital == "d":
                continue  # no states
            ours = analyze_band_center(dos, element, orbital)
            below = theirs.get_band_center(erange=(-1e3, 0.0), **which)
            width = theirs.get_band_width(erange=(-1e3, 0.0), **which)
            assert ours.all_re_fermi_eV == pytest.approx(theirs.get_band_center(**which), abs=1e-9)
            assert ours.occupied_re_fermi_eV == pytest.approx(below, abs=1e-9)
            assert ours.width_occupied_eV == pytest.approx(width, abs=1e-9)
            for part in ours.per_spin:
                center = theirs.get_band_center(spin=getattr(Spin, part.spin), **which)
                assert part.all_re_fermi_eV == pytest.approx(center, abs=1e-9)
    if not ours.is_metal:
        gap, cbm, vbm, _ = run.eigenvalue_band_properties
        assert (ours.gap_eV, ours.cbm_eV, ours.vbm_eV) == pytest.approx((gap, cbm, vbm), abs=1e-9)
    assert np.allclose(dos.lattice_A, run.final_structure.lattice.matrix)
    assert np.allclose(dos.fractional, run.final_structure.frac_coords)


@pytest.mark.slow
def test_a_complete_dos_gives_the_same_but_knows_no_band_edges():
    ours = analyze_band_center(from_complete_dos(pymatgen_run(FE2O3).complete_dos))
    direct = analyze_band_center(read(FE2O3))
    assert ours.occupied_re_fermi_eV == pytest.approx(direct.occupied_re_fermi_eV, abs=1e-9)
    assert (ours.is_metal, ours.vbm_eV, ours.status) == (None, None, Status.PARTIAL)
    assert [s.coordination for s in ours.per_site] == [s.coordination for s in direct.per_site]


def test_what_the_files_are():
    iron, osmium = (analyze_band_center(read(path)) for path in (FE2O3, OSO2))
    assert (iron.is_metal, iron.spin_polarized, iron.n_sites) == (False, True, 6)
    assert (iron.vbm_eV, iron.cbm_eV) == pytest.approx((2.9882, 4.5472))
    assert {group.coordination for group in iron.per_coordination} == {"4 Fe"}
    assert iron.provenance.level_of_theory == "PBE+U (Fe d 5.3 eV), 520 eV (VASP 5.2.2)"
    assert {reason.code for reason in iron.reasons} == {"fermi-in-gap", "grid"}
    assert (osmium.is_metal, osmium.spin_polarized, osmium.n_sites) == (True, False, 4)
    assert (osmium.vbm_eV, osmium.occupied_re_vbm_eV, osmium.gap_eV) == (None, None, 0.0)
    assert {group.coordination for group in osmium.per_coordination} == {"3 Os"}
    assert osmium.provenance.level_of_theory == "PBEsol, 650 eV (VASP 5.4.1)"
    assert osmium.status is Status.COMPLETE


def test_only_what_is_asked_for_is_kept_and_the_centers_stay():
    part = read_projected_dos(OSO2, ("O",), ("s", "p"))
    assert part.densities.shape == (4, 2, 1, 2000)
    assert np.array_equal(part.projected, read(OSO2).projected)
    assert analyze_band_center(part).id == analyze_band_center(read(OSO2)).id


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, bz2.compress, lzma.compress],
    ids=["plain", "gz", "bz2", "xz"],
)
def test_packed_and_plain_are_the_same(tmp_path, pack):
    path = written(tmp_path, pack(without_projected_bands(text_of(FE2O3))))
    assert analyze_band_center(read_projected_dos(path)).id == analyze_band_center(read(FE2O3)).id


def test_rows_may_be_marked_in_any_way_xml_allows(tmp_path):
    text = without_projected_bands(text_of(FE2O3)).replace(b"<r>", b"<r >").replace(b"\n", b"")
    document = analyze_band_center(read_projected_dos(written(tmp_path, text)))
    assert document.id == analyze_band_center(read(FE2O3)).id


def test_densities_on_another_set_of_k_points_are_left_out(tmp_path):
    """VASP 6 adds those of KPOINTS_OPT, with a comment, after the run's own."""
    text = without_projected_bands(text_of(FE2O3))
    begin, end = text.index(b"<dos>"), text.index(b"</dos>") + 6
    other = text[begin:end].replace(b"<dos>", b'<dos comment="kpoints_opt">')
    path = written(tmp_path, text[:end] + other.replace(b"  0.0", b"  9.0") + text[end:])
    assert analyze_band_center(read_projected_dos(path)).id == analyze_band_center(read(FE2O3)).id


def test_the_magnetisation_of_a_non_collinear_run_is_not_a_spin(tmp_path):
    """Its projections come in four sets, of which the first is the density."""
    text = without_projected_bands(text_of(OSO2))
    begin, end = text.index(b"<partial>"), text.index(b"</partial>")
    one = re.compile(rb'<set comment="spin 1">.*?</set>', re.DOTALL)
    four = one.sub(lambda match: match[0] * 4, text[begin:end])
    path = written(tmp_path, text[:begin] + four + text[end:])
    assert analyze_band_center(read_projected_dos(path)).id == analyze_band_center(read(OSO2)).id


def test_the_last_ionic_step_counts_and_without_its_densities_nothing_does(tmp_path):
    text = without_projected_bands(text_of(FE2O3))
    first = text.index(b"<calculation>")
    last = text.rindex(b"<calculation>")
    end = text.index(b"</calculation>", last) + len(b"</calculation>")
    path = written(tmp_path, text[:first] + text[last:end] * 3 + text[last:])
    assert analyze_band_center(read_projected_dos(path)).id == analyze_band_center(read(FE2O3)).id
    stopped = written(tmp_path, text[:end] + text[first:last] + text[end:])
    with pytest.raises(SulfoxError, match=r"SFX-313.*last ionic step"):
        read_projected_dos(stopped)


@pytest.mark.parametrize("chunk", [61, 997, 65_537])
def test_the_size_of_the_pieces_read_changes_nothing(monkeypatch, chunk):
    monkeypatch.setattr("sulfox.engines.vasp.vasprun_dos._CHUNK", chunk)
    document = analyze_band_center(read_projected_dos(FE2O3))
    assert document.id == analyze_band_center(read(FE2O3)).id


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Li_no_projection", "SFX-313", "LORBIT"),
        ("LGPS_aimd_800K_264steps", "SFX-313", "LORBIT"),
        ("broken", "SFX-311", "breaks off"),
    ],
)
def test_useless_files_are_refused_with_the_reason(name, code, words):
    with pytest.raises(SulfoxError, match=words) as caught:
        read_projected_dos(FOLDER / f"{name}.vasprun.xml.gz")
    assert caught.value.code == code


def test_a_file_cut_anywhere_is_refused(tmp_path):
    text = without_projected_bands(text_of(FE2O3)).rstrip()
    for cut in np.linspace(1, len(text) - 1, 60).astype(int):
        with pytest.raises(SulfoxError, match=r"SFX-31[123]"):
            read_projected_dos(written(tmp_path, text[:cut]))
    packed = FE2O3.read_bytes()
    for cut in np.linspace(20, len(packed) - 1, 25).astype(int):
        with pytest.raises(SulfoxError, match="SFX-311"):
            read_projected_dos(written(tmp_path, packed[:cut]))
    with pytest.raises(SulfoxError, match=r"SFX-312.*empty"):
        read_projected_dos(written(tmp_path, b""))


def test_a_changed_byte_gives_a_number_or_a_clear_refusal(tmp_path):
    """Never another exception: 80 files with one byte changed, in all sections."""
    text = without_projected_bands(text_of(FE2O3))
    random = np.random.default_rng(7)
    refused = 0
    for where in random.integers(0, len(text), 80):
        changed = bytearray(text)
        changed[where] = random.choice(list(b"<>/&* 9aN.-\x00\xff"))
        try:
            analyze_band_center(read_projected_dos(written(tmp_path, bytes(changed))))
        except SulfoxError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"modeling>", b"other>", "SFX-312"),
        (b"<modeling>", b"<!DOCTYPE m [<!ENTITY a 'b'>]><modeling>", "SFX-311"),
        (b"<r> -57.8578   0.0000   0.0000 </r>", b"<r> -57.8578   nan   0.0000 </r>", "SFX-314"),
        (b"<r> -57.8578   0.0000   0.0000 </r>", b"<r> -57.8578   ******  0.00 </r>", "SFX-314"),
        (b"<r> -57.8578   0.0000   0.0000 </r>", b"<r> -57.8578   0.0000 </r>", "SFX-311"),
        (b"<r> -57.8578   0.0000   0.0000 </r>", b"", "SFX-311"),
        (b'<i name="efermi">      3.12362836 </i>', b"", "SFX-311"),
        (b'<set comment="ion 2">', b'</set><set comment="ion 2"></set><set>', "SFX-311"),
        (b"<c>Fe</c>", b"<c>Qq</c>", "SFX-311"),
    ],
)
def test_damage_is_named(tmp_path, old, new, code):
    text = without_projected_bands(text_of(FE2O3))
    assert old in text
    with pytest.raises(SulfoxError, match=code):
        read_projected_dos(written(tmp_path, text.replace(old, new)))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("OUTCAR", b" vasp.6.4.2", "no known format"),
    ],
)
def test_other_formats_are_refused_with_what_is_read(tmp_path, name, content, words):
    with pytest.raises(SulfoxError, match=words) as caught:
        read_projected_dos(written(tmp_path, content, name))
    assert caught.value.code == "SFX-312"
    assert "vasprun.xml, vaspout.h5, DOSCAR or PROCAR" in caught.value.line


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SulfoxError, match="SFX-407"):
        read_projected_dos(tmp_path / "vasprun.xml")


def write_doscar(folder: Path, path: Path) -> Path:
    """DOSCAR, CONTCAR and EIGENVAL as VASP would have written them beside a vasprun.xml."""
    dos = read(path)
    n_spins, n = dos.total.shape
    head = f"  {dos.energies_eV[-1]:.4f} {dos.energies_eV[0]:.4f} {n} {dos.fermi_eV:.8f} 1.0\n"
    lines = [f"  {len(dos.species)} 10 1 0\n", *["  0.0\n"] * 3, " system\n", head]
    for k in range(n):
        values = [dos.energies_eV[k], *dos.total[:, k], *[0.0] * n_spins]
        lines.append(" ".join(f"{value:.5f}" for value in values) + "\n")
    for site in dos.densities:
        lines.append(head)
        columns = site.reshape(-1, n)  # s up, s down, p up, ...
        for k in range(n):
            values = [dos.energies_eV[k], *columns[:, k]]
            lines.append(" ".join(f"{value:.5f}" for value in values) + "\n")
    doscar = folder / "DOSCAR"
    doscar.write_text("".join(lines))
    bands, filled = dos.eigenvalues_eV, dos.occupations
    rows = [f"{dos.n_electrons:.0f} {bands.shape[1]} {bands.shape[2]}\n"]
    for k in range(bands.shape[1]):
        rows.append(f"\n 0.0 0.0 0.0 {dos.k_weights[k]:.7f}\n")
        for band in range(bands.shape[2]):
            values = [*bands[:, k, band], *filled[:, k, band]]
            rows.append(f"{band + 1} " + " ".join(f"{value:.6f}" for value in values) + "\n")
    (folder / "EIGENVAL").write_text("head\n" * 5 + "".join(rows))
    elements = list(dict.fromkeys(dos.species))
    counts = " ".join(str(dos.species.count(element)) for element in elements)
    vectors = "\n".join(" ".join(map(repr, row)) for row in dos.lattice_A.tolist())
    sites = "\n".join(" ".join(map(repr, row)) for row in dos.fractional.tolist())
    text = f"title\n1.0\n{vectors}\n{' '.join(elements)}\n{counts}\nDirect\n{sites}\n"
    (folder / "CONTCAR").write_text(text)
    return doscar


@pytest.mark.parametrize("path", [FE2O3, OSO2])
def test_a_doscar_with_its_neighbours_gives_the_same(tmp_path, path):
    ours = analyze_band_center(read_projected_dos(write_doscar(tmp_path, path)))
    direct = analyze_band_center(read(path))
    same = ("all_re_fermi_eV", "occupied_re_fermi_eV", "occupied_re_vbm_eV", "gap_eV")
    for name in same:
        assert getattr(ours, name) == pytest.approx(getattr(direct, name), abs=1e-4)
    assert ours.is_metal == direct.is_metal
    assert [s.coordination for s in ours.per_site] == [s.coordination for s in direct.per_site]


def test_a_doscar_alone_or_cut_is_refused(tmp_path):
    doscar = write_doscar(tmp_path, FE2O3)
    text = doscar.read_bytes()
    for cut in np.linspace(1, len(text) - 2, 40).astype(int):
        doscar.write_bytes(text[:cut])
        with pytest.raises(SulfoxError, match=r"SFX-31[1234]"):
            read_projected_dos(doscar)
    doscar.write_bytes(text)
    (tmp_path / "EIGENVAL").unlink()
    assert "no-eigenvalues" in {
        reason.code for reason in analyze_band_center(read_projected_dos(doscar)).reasons
    }
    (tmp_path / "CONTCAR").unlink()
    with pytest.raises(SulfoxError, match=r"SFX-407.*CONTCAR"):
        read_projected_dos(doscar)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sulfox", "analyze", "band-center", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_answers_by_its_contract():
    answer = run(FE2O3, "--json")
    content = json.loads(answer.stdout)
    assert list(content)[: len(CONTRACT)] == CONTRACT
    assert content["all_re_fermi_eV"] == pytest.approx(0.258, abs=1e-3)
    chosen = json.loads(
        run(FE2O3, "--sites", "0,1", "--orbital", "d", "--window", -8, 2, "--json").stdout
    )
    assert (chosen["element"], chosen["n_sites"], chosen["window_eV"]) == ("Fe", 2, [-8.0, 2.0])


def test_the_command_tells_a_person_definition_value_and_reference():
    answer = run(OSO2)
    assert answer.returncode == 0
    for words in ("definition", "reference", "-5.5200", "a metal", "E_F"):
        assert words in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((FOLDER / "broken.vasprun.xml.gz",), "SFX-311"),
        ((FOLDER / "Li_no_projection.vasprun.xml.gz", "--json"), "SFX-313"),
        ((OSO2, "--sites", "0,x"), "SFX-901"),
        ((OSO2, "--orbital", "px"), "SFX-711"),
        ((OSO2, "--window", "3", "1"), "SFX-901"),
        (("/no/such/vasprun.xml",), "SFX-407"),
    ],
)
def test_the_command_refuses_on_one_line(arguments, code):
    answer = run(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith(code)
    assert answer.stderr.count("\n") == 1


def test_the_command_loads_no_heavy_package():
    code = (
        "import sys; sys.argv = ['sulfox', 'analyze', 'band-center', sys.argv[1], '--json']\n"
        "from sulfox.cli.main import main\n"
        "heavy = ('pymatgen', 'scipy', 'torch')\n"
        "try: main()\n"
        "finally: print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(OSO2)], capture_output=True, text=True, check=True
    )
    assert answer.stderr.strip() == "[]"

"""A CIF or POSCAR is accepted wherever a name is; damaged ones are refused in words."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.io.cif import CifWriter

from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import Material, load_material
from sulfox.materials.ordering import OrderedMaterial, ordered_representative
from sulfox.materials.structure_file import guess_oxidation_states

NAMES = ["LCO", "CoO", "Li2CO3"]


def poscar(
    coordinates: str = "0 0 0\n0.5 0.5 0.5\n", lattice: str = "4 0 0\n0 4 0\n0 0 4\n"
) -> str:
    return f"test\n1.0\n{lattice}Li Cl\n1 1\nDirect\n{coordinates}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["cif", "vasp"])
def test_round_trip_through_a_file_keeps_the_crystal(
    tmp_path: Path, name: str, suffix: str
) -> None:
    entry = load_material(name)
    path = tmp_path / f"mine.{suffix}"
    structure = entry.structure()
    path.write_text(structure.to(fmt="cif" if suffix == "cif" else "poscar"), encoding="utf-8")
    read = load_material(str(path))
    assert read.name == "mine"
    assert read.source == str(path)
    assert read.oxidation_states == entry.oxidation_states
    assert read.polyanions == entry.polyanions
    back = ordered_representative(read).structure.to_pymatgen()
    assert back.composition == structure.composition
    assert np.allclose(back.lattice.parameters, structure.lattice.parameters, atol=1e-5)
    assert np.allclose(
        np.sort(back.distance_matrix, axis=None),
        np.sort(structure.distance_matrix, axis=None),
        atol=1e-4,
    )


def test_ordered_argyrodite_from_poscar_keeps_ps4_and_charges(
    tmp_path: Path, lpscl: Material, lpscl_representative: OrderedMaterial
) -> None:
    path = tmp_path / "POSCAR"
    cell = lpscl_representative.structure.to_pymatgen()
    path.write_text(cell.to(fmt="poscar"), encoding="utf-8")
    read = load_material(str(path))
    assert read.oxidation_states == lpscl.oxidation_states
    assert read.polyanions == lpscl.polyanions
    assert not read.is_disordered


def test_disordered_cif_is_ordered_to_the_catalogues_energy(
    tmp_path: Path, lpscl: Material, lpscl_representative: OrderedMaterial
) -> None:
    """The same half-filled crystal from a CIF ends in the same electrostatic minimum."""
    path = tmp_path / "argyrodite.cif"
    CifWriter(lpscl.structure(), symprec=0.01).write_file(path)
    read = load_material(path)
    assert read.is_disordered
    ordered = ordered_representative(read)
    assert ordered.structure.composition == lpscl_representative.structure.composition
    assert ordered.electrostatics is not None
    assert lpscl_representative.electrostatics is not None
    expected = lpscl_representative.electrostatics.energy_eV
    assert ordered.electrostatics.energy_eV == pytest.approx(expected, abs=0.05)


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR.gz"
    path.write_bytes(gzip.compress(poscar().encode()))
    assert load_material(str(path)).formula == "LiCl"


def test_names_win_over_files_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "LCO").write_text(poscar(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_material("LCO").source == "catalogue"
    assert load_material(Path("LCO")).formula == "LiCl"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b" \n \n", "it is empty"),
        (b"\xff\xfe\x00\x01 binary", "it is no text"),
        (b"\x1f\x8b broken gzip", "SFX-103"),
        (b"hello world, this is not a crystal\n", "no valid POSCAR"),
        (b"data_x\n_cell_length_a 4.0\n", "no valid CIF"),
        (poscar("nan nan nan\n0.5 0.5 0.5\n").encode(), "SFX-103"),
        (poscar("0 0 inf\n0.5 0.5 0.5\n").encode(), "SFX-103"),
        (poscar(lattice="nan 0 0\n0 4 0\n0 0 4\n").encode(), "SFX-103"),
        (poscar(lattice="4 0 0\n4 0 0\n0 0 4\n").encode(), "SFX-103"),
        (poscar("0 0 0\n").encode(), "SFX-103"),
        (poscar("0 0 0\n0.01 0 0\n").encode(), "Å apart"),
        (poscar().replace("Li Cl", "Li Xx").encode(), "SFX-103"),
        (poscar().replace("1 1\n", "1 -1\n").encode(), "SFX-103"),
        (poscar().replace("1 1\n", "1 2\n").encode(), "SFX-103"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.vasp"
    path.write_bytes(content)
    with pytest.raises(SulfoxError) as caught:
        load_material(str(path))
    assert caught.value.code == "SFX-103"
    assert says in caught.value.line
    assert "broken.vasp" in caught.value.who


@pytest.mark.parametrize("name", ["missing.cif", "no/such/POSCAR", "POSCAR_none"])
def test_a_missing_file_is_told_as_such(name: str) -> None:
    with pytest.raises(SulfoxError, match=r"SFX-103 .*no such file"):
        load_material(name)


def test_a_folder_is_no_structure(tmp_path: Path) -> None:
    with pytest.raises(SulfoxError, match="SFX-103"):
        load_material(str(tmp_path))


@pytest.mark.parametrize(
    ("formula", "states"),
    [
        ("LiCoO2", {"Li": 1, "Co": 3, "O": -2}),
        ("Li10GeP2S12", {"Li": 1, "Ge": 4, "P": 5, "S": -2}),
        ("Li2SO4", {"Li": 1, "S": 6, "O": -2}),
        ("Li47Co48O96", {"Li": 1, "Co": 145 / 48, "O": -2}),
        ("Li23P4S20Cl4", {"Li": 1, "P": 5, "S": -1.95, "Cl": -1}),
        ("Li95Ni77Co15Al8O200", {"Li": 1, "Ni": 236 / 77, "Co": 3, "Al": 3, "O": -2}),
    ],
)
def test_charges_are_guessed_and_balance_also_for_large_odd_formulas(
    formula: str, states: dict[str, float]
) -> None:
    composition = Composition(formula)
    species = [e for e, n in composition.items() for _ in range(int(n))]
    places = np.random.default_rng(0).random((len(species), 3))
    guess = guess_oxidation_states(Structure(Lattice.cubic(20), species, places))
    assert guess == pytest.approx(states, abs=1e-5)
    charge = sum(guess[e.symbol] * n for e, n in composition.items())
    assert charge == pytest.approx(0, abs=1e-3)


def test_a_file_without_balanced_charges_has_none(tmp_path: Path) -> None:
    path = tmp_path / "alloy.cif"
    path.write_text(
        Structure(Lattice.cubic(3.0), ["Fe", "Al"], [[0, 0, 0], [0.5] * 3]).to(fmt="cif"),
        encoding="utf-8",
    )
    material = load_material(str(path))
    assert material.formula in {"AlFe", "FeAl"}
    assert material.oxidation_states == {}
    assert ordered_representative(material).structure.n_atoms == 2

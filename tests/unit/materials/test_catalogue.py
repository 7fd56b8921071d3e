"""Names, aliases and broken files; every entry agrees with crystallography."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import ValidationError
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import Material, list_materials, load_material, read_entry
from sulfox.settings import find_config

NAMES = ["CoO", "LCO", "Li2CO3", "LPSCl"]
ENTRIES = {entry.name: entry for entry in list_materials()}


def bond_lengths(material: Material, first: str, second: str, below: float) -> list[float]:
    structure = material.structure()
    return [
        float(neighbor.nn_distance)
        for site in structure
        if first in {e.symbol for e in site.species.elements}
        for neighbor in structure.get_neighbors(site, below)
        if second in {e.symbol for e in neighbor.species.elements}
    ]


def entry_file(folder: Path, name: str = "LCO", **changes: object) -> Path:
    """A copy of a catalogue entry with some keys changed."""
    source = find_config("materials", name)
    assert source is not None
    data = yaml.safe_load(source.read_text(encoding="utf-8"))
    data.update(changes)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_the_catalogue_holds_the_four_materials() -> None:
    assert set(NAMES) <= set(ENTRIES)


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_space_group_and_wyckoff_letters_are_those_spglib_finds(name: str) -> None:
    entry = ENTRIES[name]
    structure = entry.structure()
    dataset = SpacegroupAnalyzer(structure, symprec=0.01).get_symmetry_dataset()
    assert dataset.number == entry.space_group.number
    found = Counter(zip(structure.site_properties["site_label"], dataset.wyckoffs, strict=True))
    stated = Counter({(s.label, s.wyckoff[-1]): s.multiplicity for s in entry.sites})
    assert found == stated


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_the_cell_is_neutral_and_has_the_stated_formula(name: str) -> None:
    entry = ENTRIES[name]
    composition = entry.structure().composition
    stated = composition.__class__(entry.formula)
    assert composition.fractional_composition.almost_equals(stated.fractional_composition)
    charge = sum(entry.oxidation_states[e.symbol] * n for e, n in composition.items())
    assert charge == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_entry_names_a_source_with_doi(name: str) -> None:
    assert any(reference.doi for reference in ENTRIES[name].references)
    assert ENTRIES[name].facets


@pytest.mark.parametrize(
    ("name", "density"),
    [
        ("LCO", 5.05),
        ("CoO", 6.44),
        ("LPSCl", 1.86),
        ("Li2CO3", 2.10),
        ("NiO", 6.81),
        ("LiNiO2", 4.78),
        ("NCM811", 4.78),
        ("NCA", 4.75),
        ("CoO2", 5.10),
        ("Li3PO4", 2.43),
        ("LPS", 1.85),
        ("LGPS", 2.05),
        ("Li3InCl6", 2.69),
    ],
)
def test_density_in_g_per_cm3(name: str, density: float) -> None:
    assert float(ENTRIES[name].structure().density) == pytest.approx(density, rel=0.01)


@pytest.mark.parametrize(
    ("name", "first", "second", "below", "length", "coordination"),
    [
        ("LCO", "Co", "O", 2.5, 1.92, 6),
        ("LCO", "Li", "O", 2.5, 2.09, 6),
        ("CoO", "Co", "O", 2.5, 2.13, 6),
        ("LPSCl", "P", "S", 2.5, 2.04, 4),
        ("Li2CO3", "C", "O", 1.6, 1.28, 3),
        ("NiO", "Ni", "O", 2.5, 2.09, 6),
        ("LiNiO2", "Ni", "O", 2.5, 1.98, 6),
        ("NCM811", "Ni", "O", 2.5, 1.97, 6),
        ("NCA", "Ni", "O", 2.5, 1.97, 6),
        ("Li0.5CoO2", "Co", "O", 2.5, 1.91, 6),
        ("CoO2", "Co", "O", 2.5, 1.88, 6),
        ("Li3PO4", "P", "O", 1.9, 1.545, 4),
        ("Li3InCl6", "In", "Cl", 3.0, 2.51, 6),
    ],
)
def test_bond_lengths_and_coordination(
    name: str, first: str, second: str, below: float, length: float, coordination: int
) -> None:
    entry = ENTRIES[name]
    bonds = bond_lengths(entry, first, second, below)
    centers = sum(s.multiplicity for s in entry.sites if first in s.species)
    assert len(bonds) == coordination * centers
    assert bonds == pytest.approx([length] * len(bonds), abs=0.015)


def test_half_filled_lithium_pairs_are_closer_than_two_ions_can_be(lpscl: Material) -> None:
    """Each 48h site has one twin at 1.9 Å: that is why the orbit is half filled."""
    pairs = bond_lengths(lpscl, "Li", "Li", lpscl.min_separation_A["Li"])
    assert len(pairs) == 48
    assert pairs == pytest.approx([1.905] * 48, abs=0.01)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lco", "LCO"),
        ("LiCoO2", "LCO"),
        ("licoo2", "LCO"),
        ("Li6PS5Cl", "LPSCl"),
        ("lpscl", "LPSCl"),
    ],
)
def test_names_and_aliases_know_no_case(text: str, name: str) -> None:
    assert load_material(text).name == name


def test_unknown_name_tells_what_is_known_and_what_is_close() -> None:
    with pytest.raises(SulfoxError) as caught:
        load_material("LiCo02")
    error = caught.value
    assert error.code == "SFX-101"
    assert error.exit_code == 2
    assert all(name in error.expected for name in NAMES)
    assert "LCO" in error.next_step


@pytest.mark.parametrize("text", ["", "   ", "unobtainium", "☢"])
def test_nonsense_is_an_unknown_material(text: str) -> None:
    with pytest.raises(SulfoxError, match="SFX-101"):
        load_material(text)


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "Bad.yaml"
    path.write_text("name: [unclosed\n", encoding="utf-8")
    with pytest.raises(SulfoxError, match=r"SFX-102 .*Bad\.yaml"):
        read_entry(path)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "42\n", "\x00"])
def test_yaml_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SulfoxError, match="SFX-102"):
        read_entry(path)


def test_unknown_key_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = entry_file(tmp_path, latice={"a_A": 1})
    with pytest.raises(SulfoxError, match=r"SFX-102 .*LCO\.yaml: latice: .*lattice"):
        read_entry(path)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "lattice": {
                "a_A": -1,
                "b_A": 1,
                "c_A": 1,
                "alpha_deg": 90,
                "beta_deg": 90,
                "gamma_deg": 90,
            }
        },
        {"oxidation_states": {"Li": 1, "Co": 3, "O": -2, "Xe": 8}},
        {"facets": [[0, 0, 0]]},
        {"facets": [[1, 0]]},
        {"sites": []},
        {"bulk_modulus_GPa": float("nan")},
        {"role": "anode material"},
        {"exchange": {"sites": ["Li", "Xx"]}},
        {"exchange": {"sites": ["Li", "O"]}},
    ],
)
def test_contradictions_in_an_entry_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(SulfoxError, match="SFX-102"):
        read_entry(entry_file(tmp_path, **changes))


def test_an_entry_is_named_after_its_file(tmp_path: Path) -> None:
    renamed = entry_file(tmp_path).rename(tmp_path / "Other.yaml")
    with pytest.raises(SulfoxError, match=r"SFX-102 .*Other\.yaml"):
        read_entry(renamed)


def test_a_magnetic_cell_that_does_not_hold_the_order_is_refused(
    tmp_path: Path, coo: Material
) -> None:
    assert coo.magnetic_order is not None
    order = coo.magnetic_order.model_dump(mode="json")
    order["magnetic_cell"] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    with pytest.raises(SulfoxError, match="does not repeat"):
        read_entry(entry_file(tmp_path, "CoO", magnetic_order=order))


def test_a_wrong_wyckoff_letter_or_space_group_is_found(tmp_path: Path, lco: Material) -> None:
    sites = [site.model_dump(mode="json") for site in lco.sites]
    sites[0]["wyckoff"] = "6c"
    with pytest.raises(SulfoxError, match=r"SFX-102 .*site Co has 3 atoms"):
        read_entry(entry_file(tmp_path, sites=sites)).structure()
    group = {"symbol": "R-3m", "number": 167, "setting": "hexagonal axes"}
    with pytest.raises(SulfoxError, match="space group 167 is R-3c"):
        read_entry(entry_file(tmp_path, space_group=group)).structure()
    lattice = {**lco.lattice.model_dump(), "b_A": 3.0}
    with pytest.raises(SulfoxError, match="a lattice without the symmetry of R-3m"):
        read_entry(entry_file(tmp_path, lattice=lattice)).structure()
    group = {"symbol": "Q-9z", "number": 166, "setting": "none"}
    with pytest.raises(SulfoxError, match="SFX-102"):
        read_entry(entry_file(tmp_path, space_group=group)).structure()


def test_the_users_folder_wins_over_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "materials").mkdir()
    entry_file(tmp_path / "materials", title="my own")
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path))
    assert load_material("LCO").title == "my own"
    assert [m.title for m in list_materials() if m.name == "LCO"] == ["my own"]


def test_an_entry_is_frozen_and_survives_json(lpscl: Material) -> None:
    with pytest.raises(ValidationError):
        lpscl.name = "other"  # type: ignore[misc]
    assert Material.model_validate_json(lpscl.model_dump_json()) == lpscl


def test_fractional_coordinates_lie_in_the_cell(lpscl: Material) -> None:
    coords = lpscl.structure().frac_coords
    assert np.all((coords >= 0) & (coords < 1))

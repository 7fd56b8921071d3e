"""Thermochemical tables: what ships is whole; what a user writes wrongly is refused."""

from __future__ import annotations

import pytest
import yaml

from sulfox.documents.thermochemistry import ThermoSegment
from sulfox.errors import SulfoxError
from sulfox.materials.phases import read_phases
from sulfox.materials.thermochemistry import read_thermochemistry
from sulfox.settings import find_config

GAS = {
    "formula": "H2",
    "state": "gas",
    "source": "book",
    "checked": "no",
    "segments": [
        {"form": "shomate", "from_K": 298, "to_K": 1000, "coefficients": [33, 0, 0, 0, 0, -9, 170]}
    ],
}
SOLID = {
    "formula": "CoO",
    "state": "solid",
    "source": "book",
    "checked": "no",
    "formation_enthalpy_kJ_per_mol": -238.0,
    "entropy_J_per_mol_K": 53.0,
    "segments": [
        {"form": "heat_capacity", "from_K": 298, "to_K": 1000, "coefficients": [48, 0, 0]}
    ],
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write gases.yaml and solids.yaml into a configuration folder of one's own."""
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path))
    (tmp_path / "thermochemistry").mkdir()

    def write(gases, solids):
        for name, rows in (("gases", gases), ("solids", solids)):
            content = {"sources": {"book": {"citation": "a book"}}, "substances": rows}
            path = tmp_path / "thermochemistry" / f"{name}.yaml"
            path.write_text(rows if isinstance(rows, str) else yaml.safe_dump(content))

    return write


def test_every_substance_says_its_source_and_what_it_was_checked_against():
    table = read_thermochemistry()
    assert {"H2", "H2O", "CO", "CO2", "H2S", "LiCoO2", "CoO", "Li2CO3"} <= {
        s.formula for s in table.substances
    }
    for substance in table.substances:
        assert substance.source in table.sources
        assert substance.checked
        assert substance.remark or not substance.is_estimated


def test_the_hash_follows_the_numbers_not_the_words(own):
    own([GAS], [SOLID])
    first = read_thermochemistry().hash
    own([GAS | {"checked": "against another book"}], [SOLID])
    assert read_thermochemistry().hash == first
    own([GAS], [SOLID | {"entropy_J_per_mol_K": 53.1}])
    assert read_thermochemistry().hash != first


def test_a_formation_enthalpy_stands_in_the_catalogue_of_phases(own):
    """One place for a fact: the rows that name a phase carry its enthalpy and its source."""
    row = {k: v for k, v in SOLID.items() if k != "formation_enthalpy_kJ_per_mol"}
    own([GAS], [row | {"phase": "CoO"}])
    (phase,) = (p for p in read_phases().phases if p.name == "CoO")
    found = read_thermochemistry().substances[1]
    assert found.formation_enthalpy_kJ_per_mol == phase.formation_enthalpy.kJ_per_mol
    assert found.enthalpy_source == phase.formation_enthalpy.reference.citation
    own([GAS], [row | {"phase": "no such phase"}])
    with pytest.raises(SulfoxError, match=r"^SFX-731.*no such phase"):
        read_thermochemistry()


def gap(*ranges):
    return [
        {"form": "heat_capacity", "from_K": a, "to_K": b, "coefficients": [48, 0, 0]}
        for a, b in ranges
    ]


@pytest.mark.parametrize(
    ("gases", "solids"),
    [
        ([GAS, GAS], [SOLID]),
        ([GAS], [SOLID | {"segments": gap((298, 500), (600, 900))}]),
        ([GAS], [SOLID | {"segments": gap((500, 298))}]),
        ([GAS], [SOLID | {"segments": []}]),
        ([GAS], [{k: v for k, v in SOLID.items() if k != "entropy_J_per_mol_K"}]),
        ([GAS], [{k: v for k, v in SOLID.items() if k != "formation_enthalpy_kJ_per_mol"}]),
        ([GAS], [SOLID | {"source": "another"}]),
        ([GAS], [SOLID | {"entropy": 53}]),
        ([GAS], [SOLID | {"entropy_J_per_mol_K": float("nan")}]),
        ("substances: [", [SOLID]),
        ("a list", [SOLID]),
    ],
)
def test_a_table_that_is_not_whole_is_refused(own, gases, solids):
    own(gases, solids)
    with pytest.raises(SulfoxError, match=r"^SFX-731"):
        read_thermochemistry()


@pytest.mark.parametrize(("form", "n"), [("shomate", 6), ("nasa7", 8), ("sisso", 2)])
def test_a_form_takes_its_own_number_of_coefficients(form, n):
    with pytest.raises(ValueError, match="takes"):
        ThermoSegment(form=form, from_K=300, to_K=900, coefficients=(1.0,) * n)


def test_the_files_are_found_like_any_configuration():
    assert find_config("thermochemistry", "gases") is not None
    assert find_config("thermochemistry", "solids") is not None

"""The catalogue of phases: what is in it makes its formula, and what is wrong is refused."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from pymatgen.core import Composition

from sulfox.errors import SulfoxError
from sulfox.materials.phases import read_phases

#: Elements of the project's interfaces.
ELEMENTS = {"Li", "Co", "Ni", "Mn", "Al", "In", "Ge", "O", "P", "S", "Cl", "C", "H"}
#: Measured densities [g/cm3] of handbooks, within 3 %.
DENSITIES = {"Li2O": 2.01, "Co3O4": 6.06, "Co9S8": 5.34, "LiCl": 2.07, "Li2S": 1.64, "NiO": 6.8}


@pytest.fixture(scope="module")
def catalogue():
    return read_phases()


def test_every_element_has_a_phase_and_every_phase_a_source(catalogue):
    formulas = {phase.name: Composition(phase.formula) for phase in catalogue.phases}
    assert len(formulas) >= 60
    alone = {next(iter(c)).symbol for c in formulas.values() if c.is_element}
    assert alone == ELEMENTS
    assert {e.symbol for c in formulas.values() for e in c} == ELEMENTS
    for phase in catalogue.phases:
        assert phase.references[0].citation
        measured = phase.formation_enthalpy
        if measured is not None:
            assert measured.kJ_per_mol < 0
            assert measured.reference.citation


def test_measured_enthalpies_become_energies_per_atom(catalogue):
    by_name = {phase.name: phase for phase in catalogue.phases}
    found = by_name["Li2O"]
    assert found.formation_energy_eV_per_atom == pytest.approx(
        found.formation_enthalpy.kJ_per_mol / 96.48533212331 / 3
    )
    assert by_name["Co"].formation_energy_eV_per_atom == 0.0
    assert by_name["Li3PS4"].formation_energy_eV_per_atom is None


@pytest.mark.parametrize("name", DENSITIES)
def test_structures_have_the_measured_density(catalogue, name):
    (phase,) = [p for p in catalogue.phases if p.name == name]
    assert phase.structure().to_pymatgen().density == pytest.approx(DENSITIES[name], rel=0.03)


@pytest.mark.slow
def test_every_structure_makes_its_formula_without_atoms_on_top_of_each_other(catalogue):
    for phase in catalogue.phases:
        structure = phase.structure().to_pymatgen()
        distances = structure.distance_matrix + 9 * np.eye(len(structure))
        hydrogen = "H" in {e.symbol for e in structure.composition}
        assert distances.min() > (0.7 if hydrogen else 1.1), phase.name


GOOD = {
    "sources": {"book": {"citation": "a book", "doi": None}},
    "phases": [
        {
            "name": "LiCl",
            "formula": "LiCl",
            "space_group": {"symbol": "Fm-3m", "number": 225, "setting": "standard"},
            "lattice": dict.fromkeys(("a_A", "b_A", "c_A"), 5.13)
            | dict.fromkeys(("alpha_deg", "beta_deg", "gamma_deg"), 90),
            "sites": [
                {"label": "Li", "species": {"Li": 1}, "wyckoff": "4a", "xyz": [0, 0, 0]},
                {"label": "Cl", "species": {"Cl": 1}, "wyckoff": "4b", "xyz": [0.5, 0.5, 0.5]},
            ],
            "structure_from": ["book"],
        }
    ],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path))
    (tmp_path / "phases").mkdir()

    def write(change=None, text=None):
        content = yaml.safe_load(yaml.safe_dump(GOOD))
        if change:
            change(content)
        path = tmp_path / "phases" / "chlorides.yaml"
        path.write_text(text if text is not None else yaml.safe_dump(content))

    return write


def test_a_users_file_takes_the_place_of_the_shipped_one(folder):
    folder()
    phases = {p.name: p for p in read_phases().phases}
    assert phases["LiCl"].structure().n_atoms == 2
    assert "InCl3" not in phases  # of the shipped chlorides.yaml


def _twice(content):
    content["phases"].append(content["phases"][0])


def _unknown_source(content):
    content["phases"][0]["structure_from"] = ["no such book"]


def _disordered(content):
    content["phases"][0]["sites"][0]["species"] = {"Li": 0.5}


def _no_lattice(content):
    del content["phases"][0]["lattice"]


def _unknown_key(content):
    content["phases"][0]["colour"] = "white"


def _no_sources(content):
    del content["sources"]


@pytest.mark.parametrize(
    "change", [_twice, _unknown_source, _disordered, _no_lattice, _unknown_key, _no_sources]
)
def test_a_wrong_catalogue_is_refused(folder, change):
    folder(change)
    with pytest.raises(SulfoxError, match=r"^SFX-725"):
        read_phases()


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "phases: 3\nsources: 4", "\x00"])
def test_what_is_no_catalogue_is_refused(folder, text):
    folder(text=text)
    with pytest.raises(SulfoxError, match=r"^SFX-725"):
        read_phases()


def test_sites_that_do_not_make_the_formula_are_refused(folder):
    def wrong(content):
        content["phases"][0]["formula"] = "Li2Cl"

    folder(wrong)
    (phase,) = [p for p in read_phases().phases if p.name == "LiCl"]
    with pytest.raises(SulfoxError, match=r"^SFX-725.*LiCl"):
        phase.structure()

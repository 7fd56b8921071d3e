"""From a name to a calculator: what it is, what it knows, and clear words where it is not one."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from sulfox.documents.structure import StructureRecord
from sulfox.engines.mlip.calculators import load_calculator
from sulfox.engines.registry import describe_engines, engine_names, get_engine
from sulfox.errors import SulfoxError


@pytest.mark.parametrize(
    "name",
    ["nep", "ase.calculators.emt", "no.such.module:X", "math:pi", "ase.calculators.emt:Nothing"],
)
def test_what_is_not_a_calculator_is_refused(name):
    with pytest.raises(SulfoxError, match=r"SFX-301"):
        load_calculator(name)


def test_wrong_parameters_are_told():
    with pytest.raises(SulfoxError, match=r"SFX-301.*no-such-file"):
        load_calculator("ase.calculators.eam:EAM", {"potential": "no-such-file.alloy"})


def test_parameters_are_part_of_the_identity():
    path = "ase.calculators.emt:EMT"
    plain, asap = load_calculator(path), load_calculator(path, {"asap_cutoff": True})
    assert plain.inputs_hash != asap.inputs_hash
    assert plain.inputs_hash == load_calculator(path).inputs_hash
    assert "asap_cutoff=True" in asap.level_of_theory
    assert plain.level_of_theory == "ase.calculators.emt:EMT (interatomic potential, not DFT)"
    assert "ase" in plain.code_versions


def test_an_unknown_engine_is_refused():
    with pytest.raises(SulfoxError, match=r"SFX-301.*mlip"):
        get_engine("abinitio")


def test_the_list_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("SULFOX_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("SULFOX_NEP89_FILE", raising=False)
    listed = [engine for engine in describe_engines() if engine.name == "mlip"]
    by_potential = {engine.potential: engine for engine in listed}
    assert not by_potential["nep89"].available
    assert "sulfox" in by_potential["nep89"].problem
    assert by_potential["package.module:Class"].available
    assert all("not DFT" in engine.level_of_theory for engine in by_potential.values())
    assert "mlip" in engine_names()


def test_an_element_the_potential_does_not_know_is_named(nep89):
    atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    atoms.symbols[3] = "Po"
    with pytest.raises(SulfoxError, match=r"SFX-308.*atom 3.*Po"):
        nep89.check_elements(StructureRecord.from_ase(atoms))
    nep89.check_elements(StructureRecord.from_ase(bulk("Cu", cubic=True)))


def test_nep_agrees_with_the_calculator_of_its_own_package(nep89):
    from nep_adapters.ase import NepAseCalculator

    from sulfox.engines.mlip.potentials import find_nep89

    atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True) * (2, 1, 1)
    atoms.rattle(0.1, seed=1)
    peer, mine = atoms.copy(), atoms.copy()
    peer.calc, mine.calc = NepAseCalculator(str(find_nep89().path)), nep89.make()
    assert mine.get_potential_energy() == pytest.approx(peer.get_potential_energy(), abs=1e-10)
    assert mine.get_forces() == pytest.approx(peer.get_forces(), abs=1e-10)
    assert mine.get_stress() == pytest.approx(peer.get_stress(), abs=1e-12)


def test_nep_forces_are_the_slope_of_its_energy_and_repeat_bit_by_bit(nep89):
    atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = nep89.make()
    forces = atoms.get_forces()
    step = np.zeros_like(atoms.positions)
    step[2, 1] = 1e-4
    energies = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions += sign * step
        moved.calc = atoms.calc
        energies.append(moved.get_potential_energy())
    assert -(energies[0] - energies[1]) / 2e-4 == pytest.approx(forces[2, 1], abs=2e-4)
    assert np.array_equal(atoms.get_forces(), forces)
    # unwrapped positions: many cells away the same forces, so long runs need no wrapping
    far = atoms.copy()
    far.positions[::2] += 7 * far.cell[0]
    far.calc = atoms.calc
    assert far.get_forces() == pytest.approx(forces, abs=1e-9)


@pytest.mark.parametrize("thrown_A", [1e9, float("nan")])
def test_nep_answers_at_once_for_an_atom_thrown_out_of_the_world(nep89, thrown_A):
    # its package would bring the atom back one lattice vector at a time, for ever
    atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    atoms.positions[0, 0] = thrown_A
    atoms.calc = nep89.make()
    assert np.isnan(atoms.get_potential_energy())
    assert np.isnan(atoms.get_forces()).all()

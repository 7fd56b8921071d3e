"""Inputs as VASP reads them; what cannot be used is refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sulfox.engines.standin.files.incar import Incar, read_incar
from sulfox.engines.standin.files.k_points import read_k_points
from sulfox.engines.standin.files.poscar import read_poscar
from sulfox.engines.standin.label import banner, is_standin, standin_level
from sulfox.engines.standin.potcars import (
    placeholder_symbols,
    write_placeholder_library,
    write_placeholder_potcar,
)
from sulfox.errors import SulfoxError


def test_incar_statements_comments_repeats_and_the_first_of_two(tmp_path):
    text = (
        "nsw = 3; ibrion=0 ! md\n# NSW = 9\nNSW = 8\nMAGMOM = 2*0.6 1.5D0 \\\n -1\nLWAVE=.FALSE.\n"
    )
    (tmp_path / "INCAR").write_text(text + "FANCY_TAG = 1\n")
    incar = read_incar(tmp_path / "INCAR")
    assert incar.integer("NSW", 0) == 3
    assert incar.integer("IBRION", -1) == 0
    assert incar.reals("MAGMOM") == [0.6, 0.6, 1.5, -1.0]
    assert incar.logical("LWAVE", True) is False
    assert incar.unknown == ("FANCY_TAG",)


@pytest.mark.parametrize(
    ("tag", "value"), [("NSW", "many"), ("NSW", ""), ("NSW", "2.5"), ("LWAVE", "perhaps")]
)
def test_a_value_of_the_wrong_kind_names_its_tag(tag, value):
    incar = Incar({tag: value})
    with pytest.raises(SulfoxError, match=f"SFX-341.*{tag}"):
        incar.integer(tag, 0) if tag == "NSW" else incar.logical(tag, True)


def test_an_unknown_tag_is_ignored_and_written_down(deck, run):
    folder = run(deck("odd", "NSW = 0\nFANCY_TAG = 1"))
    assert json.loads((folder / "standin.json").read_text())["ignored_tags"] == ["FANCY_TAG"]
    assert "FANCY_TAG: unknown tag, ignored" in (folder / "OUTCAR").read_text()


@pytest.mark.parametrize("name", ["INCAR", "POSCAR", "POTCAR"])
def test_a_missing_input_is_named(name, deck, run):
    folder = deck("bare", "NSW = 0")
    (folder / name).unlink()
    with pytest.raises(SulfoxError, match=rf"SFX-341.*{name}"):
        run(folder)


@pytest.mark.parametrize("kept", range(3, 23, 3))
def test_a_poscar_that_ends_too_early_is_refused(kept, deck, run):
    folder = deck("cut", "NSW = 0")
    lines = (folder / "POSCAR").read_text().splitlines()
    (folder / "POSCAR").write_text("\n".join(lines[:kept]))
    with pytest.raises(SulfoxError, match=r"SFX-341.*POSCAR"):
        run(folder)


def test_other_elements_in_the_potcar_are_refused(deck, run):
    folder = deck("mixed", "NSW = 0")
    write_placeholder_potcar(["Al"], folder / "POTCAR")
    with pytest.raises(SulfoxError, match=r"SFX-341.*POTCAR of Al, POSCAR of Cu"):
        run(folder)


def test_a_density_of_states_needs_the_charge_density(deck, run):
    with pytest.raises(SulfoxError, match=r"SFX-341.*charge density could not be read"):
        run(deck("dos", "NSW = 0; ICHARG = 11"))


def test_cartesian_scaled_and_vasp_4_poscars(tmp_path):
    lines = ["c", "2.0", "2 0 0", "0 3 0", "0 0 4", "1 1", "Cartesian", "0 0 0", "1 1.5 2", ""]
    (tmp_path / "POSCAR").write_text("\n".join(lines))
    poscar = read_poscar(tmp_path / "POSCAR")
    assert poscar.lattice.diagonal().tolist() == [4, 6, 8]
    assert poscar.fractional.tolist() == [[0, 0, 0], [0.5, 0.5, 0.5]]
    (tmp_path / "POSCAR").write_text("\n".join([lines[0], "-24.0", *lines[2:]]))
    volume = abs(np.linalg.det(read_poscar(tmp_path / "POSCAR").lattice))
    assert volume == pytest.approx(24)


def test_symmetry_leaves_the_points_that_spglib_leaves(deck):
    from spglib import get_ir_reciprocal_mesh

    folder = deck("mesh", "NSW = 0", "mesh\n0\nGamma\n4 4 4\n")
    lines = (folder / "POSCAR").read_text().splitlines()
    cubic = ["0.0 0.0 0.0", "0.0 0.5 0.5", "0.5 0.0 0.5", "0.5 0.5 0.0"]
    head = [lines[0], "3.61", "1 0 0", "0 1 0", "0 0 1", "Cu", "4", "Direct"]
    (folder / "POSCAR").write_text("\n".join([*head, *cubic, ""]))
    poscar = read_poscar(folder / "POSCAR")
    moments = np.zeros(4)
    found = read_k_points(folder / "KPOINTS", Incar({}), poscar, moments)
    cell = (poscar.lattice, poscar.fractional, [1] * 4)
    mapping, _ = get_ir_reciprocal_mesh([4, 4, 4], cell, is_shift=[0, 0, 0])
    assert len(found.points) == len(set(mapping))
    assert sorted(np.rint(64 * found.weights)) == sorted(np.unique(mapping, return_counts=True)[1])
    inverted = read_k_points(folder / "KPOINTS", Incar({"ISYM": "0"}), poscar, moments)
    assert len(inverted.points) == 36
    assert (
        len(read_k_points(folder / "KPOINTS", Incar({"ISYM": "-1"}), poscar, moments).points) == 64
    )
    split = read_k_points(folder / "KPOINTS", Incar({}), poscar, np.array([2.0, -2.0, 2.0, -2.0]))
    assert len(split.points) > len(found.points)  # moments lower the symmetry


def test_placeholders_say_so_and_hold_no_data(tmp_path):
    folder = write_placeholder_library(tmp_path / "library")
    for symbol in placeholder_symbols():
        text = (folder / "POT_GGA_PAW_PBE_54" / symbol / "POTCAR").read_text()
        assert "not a pseudopotential" in text
        assert text.count("\n") < 35
    with pytest.raises(SulfoxError, match="SFX-344"):
        write_placeholder_potcar(["Xx"], tmp_path / "POTCAR")
    with pytest.raises(SulfoxError, match="SFX-344"):
        write_placeholder_library(tmp_path, functional="LDA")


def test_placeholders_agree_with_the_sets_that_the_vasp_engine_states(tmp_path):
    from pymatgen.io.vasp.inputs import Potcar

    from sulfox.engines.vasp.inputs.profile import load_profile

    stated = [s for sets in load_profile().potcar.sets.values() for s in sets]
    path = write_placeholder_potcar([s.symbol for s in stated], tmp_path / "POTCAR")
    read = Potcar.from_file(path)
    assert [single.symbol for single in read] == [s.symbol for s in stated]
    assert [single.nelectrons for single in read] == [s.valence_electrons for s in stated]
    assert [single.enmax for single in read] == pytest.approx([s.enmax_eV for s in stated], abs=0.5)
    assert {single.functional for single in read} == {"PBE"}


def test_only_the_standins_files_are_called_so(tmp_path):
    assert banner("ase.calculators.emt:EMT()").count("(") == 1
    (tmp_path / "OSZICAR").write_text(f"   N   E   {banner('NEP89')}\n")
    assert standin_level(tmp_path) == (
        "sulfox-vasp-standin (NEP89 forces, synthetic bands; not VASP, not DFT)"
    )
    # VASP itself goes on in the folder, from a CONTCAR of the stand-in
    (tmp_path / "CONTCAR").write_text(banner("NEP89"))
    filling = "line of OUTCAR\n" * 60
    outcar = f" vasp.6.4.2 20Jul23 (build) complex\n{filling} POSCAR: {banner('NEP89')[:40]}\n"
    (tmp_path / "OUTCAR").write_text(outcar)
    assert not is_standin(tmp_path)
    assert not is_standin(tmp_path / "OUTCAR")
    assert not is_standin(tmp_path / "no such file")
    (tmp_path / "vasprun.xml").write_text(f'<i name="program" type="string">{banner("x")} </i>')
    assert is_standin(tmp_path)

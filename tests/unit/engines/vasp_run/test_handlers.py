"""Custodian's corrections that are allowed leave the physics alone, whatever error they see."""

from __future__ import annotations

import gzip
import shutil

import pytest

pytest.importorskip("custodian", reason="needs sulfox[vasp]")

from custodian.vasp.handlers import UnconvergedErrorHandler, VaspErrorHandler
from pymatgen.io.vasp import Incar

from sulfox.engines.vasp.inputs.profile import load_profile
from sulfox.engines.vasp.run.handlers import (
    CORRECTED_ERRORS,
    ElectronsUnconvergedHandler,
    choose_handlers,
)
from sulfox.engines.vasp.run.settings_check import compare_incar

RULES = load_profile().rules
INCAR = {
    "ENCUT": 500,
    "GGA": "PE",
    "ALGO": "Normal",
    "ISMEAR": 0,
    "SIGMA": 0.05,
    "ISYM": 2,
    "SYMPREC": 1e-5,
    "LREAL": False,
    "PREC": "Accurate",
    "NBANDS": 20,
    "EDIFF": 4e-6,
    "ISPIN": 2,
    "MAGMOM": [3.0, -3.0, 0.0, 0.0],
    "IBRION": -1,
    "NSW": 0,
}
POSCAR = """Co2 O2
1.0
2.13 2.13 4.26
4.26 2.13 2.13
2.13 4.26 2.13
Co O
2 2
direct
0.00 0.00 0.00
0.50 0.50 0.50
0.25 0.25 0.25
0.75 0.75 0.75
"""
KPOINTS = "mesh\n0\nGamma\n4 4 4\n"


def _folder(tmp_path, placeholder_potcar, message, incar):
    Incar(incar).write_file(tmp_path / "INCAR")
    (tmp_path / "KPOINTS").write_text(KPOINTS)
    (tmp_path / "POSCAR").write_text(POSCAR)
    text = placeholder_potcar("Co", 9, 267.968) + placeholder_potcar("O", 6, 400)
    (tmp_path / "POTCAR").write_text(text)
    (tmp_path / "vasp.out").write_text(message + "\n")
    (tmp_path / "OUTCAR").write_text(" k-points NKPTS = 10 number of bands NBANDS=     20\n")
    return tmp_path


@pytest.mark.parametrize("kind", ["static", "dos", "relax", "md"])
def test_no_handler_that_changes_smearing_mesh_or_cell_is_chosen(kind):
    names = {type(handler).__name__ for handler in choose_handlers(kind, RULES)}
    forbidden = {
        "LargeSigmaHandler",
        "IncorrectSmearingHandler",
        "MeshSymmetryErrorHandler",
        "KspacingMetalHandler",
        "UnconvergedErrorHandler",
        "NonConvergingErrorHandler",
        "PotimErrorHandler",
    }
    assert not names & forbidden


def test_errors_are_named_as_custodian_names_them():
    for errors in CORRECTED_ERRORS.values():
        assert set(errors) <= set(VaspErrorHandler.error_msgs)


def test_every_error_of_custodian_is_either_corrected_or_left_out_on_purpose():
    left_out = {
        "tet",
        "dentet",
        "tetirr",
        "incorrect_shift",
        "algo_tet",
        "brmix",
        "zpotrf",
        "triple_product",
    }
    told_only = {"auto_nbands", "dfpt_ncore", "elf_ncl"}
    known = set(CORRECTED_ERRORS["relax"]) | left_out | told_only
    assert set(VaspErrorHandler.error_msgs) == known


#: These read an OUTCAR that only a whole run has.
_NEED_OUTCAR = {"nbands_not_sufficient", "edddav"}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["static", "dos", "relax", "md"])
def test_corrections_change_numerics_only(tmp_path, placeholder_potcar, kind):
    relaxing = {"IBRION": 2, "NSW": 50, "POTIM": 0.5} if kind == "relax" else {}
    meant = INCAR | relaxing
    for error in CORRECTED_ERRORS[kind]:
        if error in _NEED_OUTCAR:
            continue
        folder = tmp_path / error
        folder.mkdir()
        _folder(folder, placeholder_potcar, VaspErrorHandler.error_msgs[error][0], meant)
        handler = choose_handlers(kind, RULES)[0]
        for _ in range(3):
            if handler.check(str(folder)):
                handler.correct(str(folder))
            (folder / "vasp.out").write_text(VaspErrorHandler.error_msgs[error][0])
        ran = dict(Incar.from_file(folder / "INCAR"))
        changed = [d.text for d in compare_incar(dict(Incar(meant)), ran, kind) if d.physics]
        assert changed == [], error
        assert (folder / "KPOINTS").read_text().split()[-3:] == ["4", "4", "4"], error


def test_ionic_steps_that_ran_out_are_not_prolonged(tmp_path, data_dir):
    """The recorded relaxation converged its electrons: nothing to correct, ions or not."""
    source = data_dir / "vasp" / "Fe2O3_pbeu_pdos.vasprun.xml.gz"
    with gzip.open(source) as packed, (tmp_path / "vasprun.xml").open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    assert ElectronsUnconvergedHandler().check(tmp_path) is False


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_electrons_that_did_not_converge_are_seen(tmp_path, data_dir):
    source = data_dir / "vasp" / "Fe2O3_pbeu_pdos.vasprun.xml.gz"
    with gzip.open(source, "rt") as packed:
        text = packed.read()
    n_steps = text.count("<scstep>")
    limit = '<i type="int" name="NELM">   '
    assert limit in text
    before, after = text.split(limit, 1)
    number, rest = after.split("<", 1)
    assert int(number) > n_steps
    # a limit as low as the steps taken: the last step stopped at it
    last = text.rsplit("<calculation>", 1)[1].count("<scstep>")
    whole = before + limit + str(last) + "<" + rest
    (tmp_path / "vasprun.xml").write_text(whole.replace(limit + number, limit + str(last)))
    assert ElectronsUnconvergedHandler().check(tmp_path) is True
    assert issubclass(ElectronsUnconvergedHandler, UnconvergedErrorHandler)


def test_a_cut_file_is_left_to_the_validators(tmp_path):
    assert ElectronsUnconvergedHandler().check(tmp_path) is False
    (tmp_path / "vasprun.xml").write_text("<modeling><gener")
    assert ElectronsUnconvergedHandler().check(tmp_path) is False

"""VASP's engine end to end: atomate2's makers, custodian, a real process in VASP's place.

What runs is an executable: the stand-in of sulfox where a whole calculation is needed, a shell
script where VASP fails. Nothing of atomate2 or custodian is replaced.
"""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("atomate2", reason="needs sulfox[vasp]")

from emmet.core.tasks import TaskDoc
from pymatgen.core import SETTINGS
from pymatgen.io.vasp import Incar

from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import ElectronicContext, RunContext
from sulfox.engines.registry import describe_engines, get_engine
from sulfox.engines.standin.potcars import write_placeholder_library
from sulfox.engines.vasp.inputs.calculation import VaspCalculation
from sulfox.engines.vasp.inputs.profile import load_profile
from sulfox.engines.vasp.run.engine import VaspEngine
from sulfox.engines.vasp.run.machine import VaspMachine
from sulfox.engines.vasp.run.step import MARKER, Step, run_step
from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import load_material
from sulfox.materials.ordering import ordered_representative
from sulfox.protocols.dynamics import DynamicsSettings
from sulfox.protocols.electronic import resolve
from sulfox.protocols.protocol import load_electronic_protocol
from sulfox.protocols.relaxation import RelaxationSpec

CONTEXT = ElectronicContext(label="CoO", material="CoO", study="trial", job_uuids=("u1",))


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """A library of POTCAR files that hold no potential."""
    return write_placeholder_library(tmp_path_factory.mktemp("potcars"))


@pytest.fixture(autouse=True)
def _own_library(library, monkeypatch):
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(library))


@pytest.fixture
def script(tmp_path):
    """Make an executable shell script and give an engine that takes it for VASP."""

    def make(body):
        path = tmp_path / "vasp_std"
        path.write_text("#!/bin/sh\n" + body + "\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return _engine(str(path), tmp_path)

    return make


def _engine(command, work_dir):
    machine = VaspMachine(std_command=command, gam_command=command, poll_s=0.1)
    return VaspEngine(profile=load_profile(), machine=machine, work_dir=Path(work_dir))


def _coo(protocol="fast"):
    ordered = ordered_representative(load_material("CoO"))
    structure = ordered.magnetic_cell
    level = load_electronic_protocol(protocol)
    return structure, resolve(level.electronic, structure, {"CoO": ordered.material}, "magnetic")


def _refused(result, code, word):
    document = result.document
    assert document.status is Status.REFUSED
    assert result.dos is None
    assert document.energy_eV is None
    assert document.reasons[0].code == code, document.reasons
    assert word in document.reasons[0].message
    return document


# --- VASP fails: a document with the reason, never a traceback


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ("exit 3", "SFX-324", "VASP ended without vasprun.xml"),
        ("echo 'segmentation fault' >&2; exit 139", "SFX-324", "segmentation fault"),
        ("true", "SFX-324", "OUTCAR"),
        ("echo '<modeling><generator>' > vasprun.xml; exit 1", "SFX-325", "truncated or damaged"),
        ("head -c 100 /dev/zero > vasprun.xml", "SFX-325", "truncated or damaged"),
        ("mkdir vasprun.xml", "SFX-324", "vasprun.xml"),
        ("kill -9 $$", "SFX-324", "vasprun.xml"),
    ],
)
def test_a_failing_vasp_ends_as_a_refused_document(script, tmp_path, body, code, word):
    structure, spec = _coo()
    result = script(body).electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    document = _refused(result, code, word)
    assert document.provenance.study == "trial"
    assert "gave no result" in document.provenance.level_of_theory
    assert not (tmp_path / "run" / "static" / MARKER).exists()
    assert not (tmp_path / "run" / "dos").exists()


def test_a_missing_executable_is_named_with_the_setting(tmp_path):
    structure, spec = _coo()
    engine = _engine("no_such_vasp -n 4", tmp_path)
    result = engine.electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    document = _refused(result, "SFX-321", "no_such_vasp")
    assert "SULFOX_VASP_STD_COMMAND" in document.reasons[0].message


def test_an_absent_library_is_named_with_the_next_step(script, tmp_path, monkeypatch):
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", None)
    structure, spec = _coo()
    result = script("true").electronic_structure(structure, spec, tmp_path / "r", context=CONTEXT)
    document = _refused(result, "SFX-322", "POTCAR Co")
    assert "PMG_VASP_PSP_DIR" in document.reasons[0].message


def test_a_potcar_with_other_electrons_is_refused(script, tmp_path, monkeypatch):
    other = write_placeholder_library(tmp_path / "other", symbols=("Co", "O"))
    path = next(other.rglob("Co/POTCAR"))
    text = path.read_text()
    changed = text.replace("ZVAL   =    9.000", "ZVAL   =   15.000")
    assert changed != text
    path.write_text(changed)
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(other))
    structure, spec = _coo()
    result = script("true").electronic_structure(structure, spec, tmp_path / "r", context=CONTEXT)
    assert "15 valence electrons" in _refused(result, "SFX-322", "Co").reasons[0].message


def test_a_failing_relaxation_keeps_the_start_and_says_why(script):
    structure, spec = _coo()
    relaxation = RelaxationSpec(electronic=spec, max_steps=3)
    document = script("exit 1").relax(structure, relaxation, label="CoO bulk")
    assert document.status is Status.REFUSED
    assert document.energy_eV is None
    assert document.final == structure
    assert document.reasons[0].code == "SFX-324"


def test_a_relaxation_without_electrons_is_refused_before_it_starts(script):
    structure, _ = _coo()
    with pytest.raises(SulfoxError, match="SFX-323"):
        script("true").relax(structure, RelaxationSpec(), label="CoO bulk")


def test_dynamics_without_electrons_is_refused_clearly(script, tmp_path):
    structure, _ = _coo()
    spec = DynamicsSettings().at(300, 1)
    with pytest.raises(SulfoxError, match="SFX-323"):
        script("true").dynamics(structure, spec, tmp_path, context=RunContext(pair="a|b"))


# --- the registry


def test_registry_gives_the_engine_by_name(monkeypatch):
    monkeypatch.setenv("SULFOX_VASP_STD_COMMAND", "srun my_vasp")
    engine = get_engine("vasp", "nep89")
    assert engine.machine.std_command == "srun my_vasp"
    assert engine.profile.potcar.functional == "PBE_54"
    assert get_engine("vasp", "PBE_64").profile.potcar.functional == "PBE_64"


def test_list_of_engines_says_what_vasp_misses(monkeypatch):
    monkeypatch.setenv("SULFOX_VASP_STD_COMMAND", "no_such_vasp")
    (info,) = [info for info in describe_engines() if info.name == "vasp"]
    assert not info.available
    assert "no_such_vasp" in info.problem


def test_commands_are_read_when_the_engine_is_made_not_at_import(monkeypatch):
    for name in ("first", "second"):
        monkeypatch.setenv("SULFOX_VASP_STD_COMMAND", name)
        assert get_engine("vasp").machine.std_command == name


# --- a whole calculation, with the stand-in as the executable

STANDIN = Path(sys.executable).with_name("sulfox-vasp-standin")
needs_standin = pytest.mark.skipif(
    not STANDIN.is_file(), reason=f"{STANDIN} is not installed; run: pip install -e ."
)


@pytest.fixture
def standin(nep89, tmp_path, monkeypatch):
    """An engine whose VASP is the stand-in; faults are asked for by the environment."""
    monkeypatch.delenv("STANDIN_FAULTS", raising=False)
    return _engine(str(STANDIN), tmp_path)


@pytest.fixture(scope="module")
def finished(nep89, library, tmp_path_factory):
    """CoO, static and density of states, run once."""
    folder = tmp_path_factory.mktemp("finished")
    structure, spec = _coo()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(library))
        patch.delenv("STANDIN_FAULTS", raising=False)
        engine = _engine(str(STANDIN), folder)
        result = engine.electronic_structure(structure, spec, folder / "run", context=CONTEXT)
    return engine, structure, spec, folder / "run", result


@pytest.mark.slow
@needs_standin
def test_static_and_density_of_states_become_a_document(finished):
    _, structure, spec, folder, result = finished
    document = result.document
    assert document.status is not Status.REFUSED, document.reasons
    assert (folder / "static" / MARKER).is_file()
    assert (folder / "dos" / MARKER).is_file()
    assert document.structure == structure
    assert document.energy_eV is not None
    assert document.scf_steps > 0
    assert result.dos.species == structure.species
    assert {curve.element for curve in document.curves} == {"", "Co", "O"}
    grid = spec.dos
    assert document.energies_eV[0] >= -grid.below_eV
    assert document.energies_eV[-1] <= grid.above_eV
    assert document.provenance.study == "trial"
    assert document.provenance.job_uuids == ("u1",)
    assert document.provenance.code_versions["POTCAR Co"].split()[:2] == ["PAW_PBE", "Co"]


@pytest.mark.slow
@needs_standin
def test_a_task_document_of_emmet_stands_behind_it(finished):
    engine, structure, spec, folder, _ = finished
    static = VaspCalculation(kind="static", electronic=spec)
    step = Step("CoO static", static, structure, folder / "static")
    outcome = run_step(step, engine.profile, engine.machine)
    assert isinstance(outcome.task, TaskDoc)
    assert outcome.task.state.value == "successful"
    assert outcome.task.task_label == "CoO static"
    calculation = outcome.task.calcs_reversed[0]
    assert calculation.input.incar["ENCUT"] == spec.cutoff_eV
    assert outcome.task.custodian is not None
    assert outcome.verdict.refusals == ()


@pytest.mark.slow
@needs_standin
def test_numbers_of_the_standin_are_never_called_vasps(finished):
    engine, structure, spec, folder, result = finished
    provenance = result.document.provenance
    assert provenance.engine == "standin"
    assert "not VASP" in provenance.level_of_theory
    assert "vasp" not in provenance.code_versions
    assert result.dos.engine == "standin"
    real = _engine("vasp_std", folder)
    assert real.inputs_hash != engine.inputs_hash
    # nor by an engine that does not know whose files it reads
    read = real.electronic_structure(structure, spec, folder, context=CONTEXT)
    assert read.document.provenance.engine == "standin"


@pytest.mark.slow
@needs_standin
def test_a_finished_calculation_is_read_not_run(finished, monkeypatch):
    _, structure, spec, folder, result = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    nothing = _engine("no_such_vasp", folder)
    again = nothing.electronic_structure(structure, spec, folder, context=CONTEXT)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again.document.energy_eV == result.document.energy_eV
    assert again.document.curves == result.document.curves


@pytest.mark.slow
@needs_standin
def test_a_folder_of_another_calculation_is_refused(finished):
    engine, structure, spec, folder, _ = finished
    other = spec.model_copy(update={"cutoff_eV": 410.0})
    with pytest.raises(SulfoxError, match="SFX-306"):
        engine.electronic_structure(structure, other, folder, context=CONTEXT)


@pytest.mark.slow
@needs_standin
def test_an_unfinished_run_is_set_aside(standin, tmp_path):
    folder = tmp_path / "run" / "static"
    folder.mkdir(parents=True)
    (folder / "WAVECAR").write_text("half")
    structure, spec = _coo()
    result = standin.electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    assert result.document.status is not Status.REFUSED, result.document.reasons
    assert (tmp_path / "run" / "static.unfinished-1" / "WAVECAR").read_text() == "half"


@pytest.mark.slow
@needs_standin
def test_everything_per_atom_has_the_order_of_the_given_structure(standin, finished, tmp_path):
    _, structure, spec, _, reference = finished
    order = (2, 1, 3, 0)
    take = lambda items: tuple(items[i] for i in order)  # noqa: E731
    mixed = StructureRecord(
        lattice=structure.lattice,
        species=take(structure.species),
        positions=take(structure.positions),
        sides=take(structure.sides),
        moments=take(structure.moments),
    )
    result = standin.electronic_structure(mixed, spec, tmp_path / "run", context=CONTEXT)
    assert result.document.structure == mixed
    signs = np.sign(result.document.moments_muB).tolist()
    assert signs == np.sign(mixed.moments).tolist() == list(take(np.sign(structure.moments)))
    assert result.dos.species == mixed.species
    cartesian = result.dos.fractional @ result.dos.lattice_A
    apart = (cartesian - mixed.positions) @ np.linalg.inv(np.array(mixed.lattice))
    assert np.abs(apart - np.round(apart)).max() < 1e-5
    per_site = np.round(result.dos.site_electrons.sum(axis=1), 2)
    of_elements = {e: set(per_site[np.array(mixed.species) == e]) for e in ("Co", "O")}
    assert not of_elements["Co"] & of_elements["O"]
    assert len(of_elements["O"]) == 1
    assert reference.dos.densities.shape == result.dos.densities.shape


@pytest.mark.slow
@needs_standin
@pytest.mark.parametrize(
    ("fault", "code"),
    [("exit7@1!", "SFX-325"), ("sigkill@1!", "SFX-325"), ("nelm@1!", "SFX-326")],
)
def test_a_fault_of_the_standin_is_a_reason(standin, tmp_path, monkeypatch, fault, code):
    monkeypatch.setenv("STANDIN_FAULTS", fault)
    structure, spec = _coo()
    result = standin.electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    assert result.document.status is Status.REFUSED
    assert result.document.reasons[0].code == code, result.document.reasons
    assert result.dos is None


@pytest.mark.slow
@needs_standin
def test_a_correction_of_the_algorithm_is_told(standin, tmp_path, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULTS", "edddav@1")
    structure, spec = _coo()
    result = standin.electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    assert result.document.status is not Status.REFUSED, result.document.reasons
    told = [r for r in result.document.reasons if r.code == "changed-numerics"]
    assert told
    assert "ALGO Normal -> All" in told[0].message


@pytest.mark.slow
@needs_standin
@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("/^LDAUU/d", "LDAUU [3.9, 0.0] -> -"),
        ("s/^ENCUT.*/ENCUT = 350/", "ENCUT 400.0 -> 350"),
        ("s/^MAGMOM.*/MAGMOM = -3 3 0 0/", "MAGMOM"),
    ],
)
def test_changed_physics_is_refused_with_the_difference(tmp_path, nep89, script, edit, told):
    engine = script(f"sed -i '{edit}' INCAR\nexec {STANDIN}")
    structure, spec = _coo()
    result = engine.electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    document = result.document
    assert document.status is Status.REFUSED
    refusal = next(r for r in document.reasons if r.code == "SFX-327")
    assert told in refusal.message
    assert not (tmp_path / "run" / "dos").exists()
    assert not (tmp_path / "run" / "static" / MARKER).exists()


@pytest.mark.slow
@needs_standin
@pytest.mark.parametrize("restored", ["INCAR", "KPOINTS", "POSCAR"])
def test_files_that_are_put_back_do_not_hide_what_ran(tmp_path, nep89, script, restored):
    edits = {
        "INCAR": "s/^ENCUT.*/ENCUT = 350/",
        "KPOINTS": "s/^[0-9]* [0-9]* [0-9]*$/2 2 2/",
        "POSCAR": "3s/^/ 0.1 0 0 # /",
    }
    engine = script(
        f"cp {restored} kept\nsed -i '{edits[restored]}' {restored}\n{STANDIN}\nmv kept {restored}"
    )
    structure, spec = _coo()
    result = engine.electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    assert result.document.status is Status.REFUSED
    codes = {reason.code for reason in result.document.reasons}
    assert codes & {"SFX-327", "SFX-324", "SFX-325"}, result.document.reasons


@pytest.mark.slow
@needs_standin
def test_settings_of_atomates_user_file_do_not_reach_the_incar(standin, tmp_path, monkeypatch):
    from atomate2 import SETTINGS as ATOMATE2

    monkeypatch.setattr(ATOMATE2, "VASP_INCAR_UPDATES", {"ENCUT": 300})
    structure, spec = _coo()
    result = standin.electronic_structure(structure, spec, tmp_path / "run", context=CONTEXT)
    assert result.document.status is not Status.REFUSED, result.document.reasons
    written = Incar.from_file(next((tmp_path / "run" / "static").glob("INCAR*")))
    assert written["ENCUT"] == spec.cutoff_eV


@pytest.mark.slow
@needs_standin
def test_a_relaxation_ends_at_rest_or_says_that_it_did_not(standin):
    structure, spec = _coo()
    moved = structure.model_copy(
        update={
            "positions": (
                tuple(x + 0.05 for x in structure.positions[0]),
                *structure.positions[1:],
            )
        }
    )
    relaxation = RelaxationSpec(electronic=spec, max_steps=60, force_threshold_eV_A=0.05)
    document = standin.relax(moved, relaxation, label="CoO bulk", study="trial")
    assert document.status is Status.COMPLETE, document.reasons
    assert document.max_force_eV_A <= 0.05
    assert document.final.species == moved.species
    assert 0.01 < document.max_displacement_A < 0.5
    short = relaxation.model_copy(update={"max_steps": 1})
    partial = standin.relax(moved, short, label="CoO bulk")
    assert partial.status is Status.PARTIAL
    assert partial.reasons[0].code == "SFX-305"
    assert json.loads(partial.model_dump_json())["energy_eV"] is not None

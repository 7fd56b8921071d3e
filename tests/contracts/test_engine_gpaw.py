"""What the engine ``gpaw`` promises around a calculation: guards, restart, refusal, reading.

One real calculation of LiH (2 atoms) is shared; most faults end before GPAW has begun.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import ElectronicContext, RunContext
from sulfox.engines.gpaw import installation, process
from sulfox.engines.gpaw.engine import GpawEngine, load_gpaw
from sulfox.engines.gpaw.gpw_file import read_gpw
from sulfox.engines.gpaw.installation import installation_problem, missing_paw_sets
from sulfox.engines.gpaw.request import GROUND_FILE, LEVELS_FILE, RESULT_FILE, STATES_GPW
from sulfox.engines.mlip.checkpoint import hold_run
from sulfox.engines.registry import describe_engines, get_engine
from sulfox.engines.vasp.electronic_files import read_projected_dos
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import DosGrid, ElectronicSpec, KMesh, Smearing
from sulfox.protocols.relaxation import RelaxationSpec

PROBLEM = installation_problem()
needs_gpaw = pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM))
LIH = StructureRecord.from_ase(bulk("LiH", "rocksalt", a=4.08))
CONTEXT = ElectronicContext(label="LiH", material="LiH")
SPEC = ElectronicSpec(
    cutoff_eV=200,
    smearing=Smearing(kind="gaussian", width_eV=0.1),
    dos=DosGrid(
        step_eV=0.05,
        below_eV=20,
        above_eV=6,
        broadening_eV=0.2,
        mesh_factor=1,
        empty_bands=2.0,
    ),
    energy_threshold_eV_per_atom=1e-4,
    max_scf_steps=40,
    k_mesh=KMesh(divisions=(2, 2, 2)),
    spin_polarized=False,
    hubbard={},
)


@pytest.fixture(scope="module")
def lih(tmp_path_factory):
    """A finished calculation with its folder; ``.gpw`` files are kept."""
    if PROBLEM is not None:
        pytest.skip(PROBLEM)
    run_dir = tmp_path_factory.mktemp("gpaw") / "lih"
    return run_dir, GpawEngine(keep_gpw=True).electronic_structure(
        LIH, SPEC, run_dir, context=CONTEXT
    )


@pytest.mark.slow
def test_a_calculation_is_a_document_with_its_cost(lih):
    run_dir, result = lih
    document = result.document
    assert document.status is Status.COMPLETE
    assert document.provenance.engine == "gpaw"
    assert document.provenance.level_of_theory.startswith("PBE, 200 eV, 2x2x2 (GPAW ")
    assert document.n_electrons == pytest.approx(2.0)  # Li 2s, H 1s
    assert 1.0 < document.gap_eV < 6.0
    assert document.moments_muB is None
    assert 0 < document.peak_memory_MB < 1000
    assert document.wall_time_s > 0
    assert document.run_dir == "lih"
    assert "iter:" in (run_dir / "gpaw.txt").read_text()
    n_electrons = np.trapezoid(
        result.dos.total[0][result.dos.energies_eV <= result.dos.fermi_eV],
        x=result.dos.energies_eV[result.dos.energies_eV <= result.dos.fermi_eV],
    )
    assert n_electrons == pytest.approx(2.0, abs=0.01)


@pytest.mark.slow
def test_a_finished_folder_is_read_and_not_computed_again(lih, monkeypatch):
    run_dir, before = lih

    def never(*args, **kwargs):
        raise AssertionError("a process was started")

    monkeypatch.setattr(process.subprocess, "Popen", never)
    again = GpawEngine().electronic_structure(LIH, SPEC, run_dir, context=CONTEXT)
    assert again.document.energy_eV == before.document.energy_eV
    assert again.document.id == before.document.id
    assert np.array_equal(again.dos.densities, before.dos.densities)


@pytest.mark.slow
def test_a_folder_of_other_inputs_is_refused(lih):
    run_dir, _ = lih
    other = SPEC.model_copy(update={"cutoff_eV": 220.0})
    with pytest.raises(SulfoxError, match="SFX-306"):
        GpawEngine().electronic_structure(LIH, other, run_dir, context=CONTEXT)


@pytest.mark.slow
def test_a_gpw_file_gives_the_same_density_of_states(lih):
    run_dir, result = lih
    dos = read_projected_dos(run_dir / STATES_GPW, ("H",), ("s",))
    n_bands = result.dos.eigenvalues_eV.shape[2]
    assert np.allclose(
        dos.eigenvalues_eV[..., :n_bands], result.dos.eigenvalues_eV, rtol=0, atol=1e-6
    )
    assert np.allclose(dos.occupations[..., :n_bands], result.dos.occupations, atol=1e-6)
    assert dos.fermi_eV == pytest.approx(result.dos.fermi_eV, abs=1e-6)
    assert dos.sites == (1,)
    assert dos.orbitals == ("s",)
    assert dos.species == ("Li", "H")
    own = read_gpw(run_dir / STATES_GPW, grid=SPEC.dos)
    common = min(own.energies_eV.size, result.dos.energies_eV.size)
    below = slice(0, common - 100)  # bands above the converged ones reach down from the top
    assert np.allclose(
        own.densities[:, 0, 0, below], result.dos.densities[:, 0, 0, below], atol=1e-5
    )
    assert dos.smearing_eV == 0.1
    assert "GPAW file" in dos.level_of_theory


@pytest.mark.slow
def test_damaged_gpw_files_are_refused(lih, tmp_path):
    run_dir, _ = lih
    whole = (run_dir / STATES_GPW).read_bytes()
    cases = {
        "cut.gpw": (whole[: len(whole) // 3], "SFX-311"),
        "head.gpw": (whole[:40], "SFX-311"),
        "empty.gpw": (b"", "SFX-312"),
        "text.gpw": (b"INCAR = 3\n" * 20, "SFX-312"),
    }
    for name, (content, code) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(SulfoxError, match=code):
            read_projected_dos(path)
    with pytest.raises(SulfoxError, match="SFX-407"):
        read_gpw(tmp_path / "absent.gpw")


@pytest.mark.slow
@needs_gpaw
def test_a_gpw_file_without_projections_is_refused(lih, tmp_path):
    run_dir, _ = lih
    path = tmp_path / "bare.gpw"
    script = (
        "import sys; from gpaw.dft import GPAW; "
        "GPAW(sys.argv[1], txt=None).write(sys.argv[2], include_projections=False)"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(run_dir / STATES_GPW), str(path)],
        check=True,
    )
    with pytest.raises(SulfoxError, match="SFX-313"):
        read_projected_dos(path)


@needs_gpaw
@pytest.mark.parametrize(
    ("limit", "word"), [({"max_time_s": 0.2}, "0 s"), ({"max_memory_MB": 8.0}, "8 MB")]
)
def test_limits_of_time_and_memory_end_as_a_refused_document(tmp_path, limit, word):
    result = GpawEngine(**limit).electronic_structure(LIH, SPEC, tmp_path / "run", context=CONTEXT)
    assert result.document.status is Status.REFUSED
    assert result.dos is None
    (reason,) = result.document.reasons
    assert reason.code == "SFX-332"
    assert word in reason.message
    assert result.document.energy_eV is None
    assert not (tmp_path / "run" / RESULT_FILE).exists()


@pytest.mark.slow
@needs_gpaw
def test_a_killed_process_is_a_refusal_and_the_next_try_goes_on(tmp_path):
    """kill -9 after the ground state: the second try computes only what is missing."""
    run_dir = tmp_path / "run"
    outcome = {}

    def first_try():
        outcome["first"] = GpawEngine().electronic_structure(LIH, SPEC, run_dir, context=CONTEXT)

    thread = threading.Thread(target=first_try)
    thread.start()
    deadline = time.monotonic() + 120
    while not (run_dir / GROUND_FILE).exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(_child_of(run_dir), signal.SIGKILL)
    thread.join()
    document = outcome["first"].document
    assert document.status is Status.REFUSED
    assert document.reasons[0].code == "SFX-331"
    assert "signal 9" in document.reasons[0].message
    stamp = (run_dir / GROUND_FILE).stat().st_mtime_ns
    again = GpawEngine().electronic_structure(LIH, SPEC, run_dir, context=CONTEXT)
    assert again.document.status is Status.COMPLETE
    assert (run_dir / GROUND_FILE).stat().st_mtime_ns == stamp
    assert (run_dir / LEVELS_FILE).is_file()
    assert not (run_dir / "ground.gpw").exists()


def _child_of(run_dir: Path) -> int:
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = status.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"sulfox.engines.gpaw.child" in words and str(run_dir).encode() in words:
            return int(status.parent.name)
    raise AssertionError("no process of this run")


@needs_gpaw
def test_a_folder_that_another_process_holds_is_left_to_it(tmp_path):
    with hold_run(tmp_path), pytest.raises(SulfoxError, match="SFX-307"):
        GpawEngine().electronic_structure(LIH, SPEC, tmp_path, context=CONTEXT)


@pytest.mark.slow
@needs_gpaw
def test_electrons_that_do_not_converge_are_a_refusal(tmp_path):
    spec = SPEC.model_copy(update={"max_scf_steps": 2})
    result = GpawEngine().electronic_structure(LIH, spec, tmp_path / "run", context=CONTEXT)
    assert result.document.status is Status.REFUSED
    assert result.document.reasons[0].code == "SFX-326"


@pytest.mark.slow
@needs_gpaw
def test_an_element_without_a_paw_set_and_a_broken_import_say_so(tmp_path, monkeypatch):
    assert missing_paw_sets(["Li", "Pu"]) == ["Pu"]
    structure = LIH.model_copy(update={"species": ("Pu", "H")})
    with pytest.raises(SulfoxError, match=r"SFX-302.*Pu"):
        GpawEngine().electronic_structure(structure, SPEC, tmp_path / "pu", context=CONTEXT)
    (tmp_path / "broken" / "gpaw").mkdir(parents=True)
    (tmp_path / "broken" / "gpaw" / "__init__.py").write_text("raise ImportError('no libxc')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    with pytest.raises(SulfoxError, match=r"SFX-302.*no libxc"):
        GpawEngine().electronic_structure(LIH, SPEC, tmp_path / "import", context=CONTEXT)


def test_an_absent_gpaw_is_named_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    with pytest.raises(SulfoxError, match=r"SFX-302.*make gpaw"):
        load_gpaw()
    with pytest.raises(SulfoxError, match="SFX-302"):
        get_engine("gpaw", "pbe")
    (info,) = [engine for engine in describe_engines() if engine.name == "gpaw"]
    assert not info.available
    assert "make gpaw" in info.problem
    with pytest.raises(SulfoxError, match="SFX-302"):
        GpawEngine(versions={}).electronic_structure(LIH, SPEC, tmp_path, context=CONTEXT)


def test_dynamics_is_refused_with_its_cost(tmp_path):
    engine = GpawEngine(versions={})
    with pytest.raises(SulfoxError, match=r"SFX-334.*425 s"):
        engine.dynamics(
            LIH,
            DynamicsSpec(temperature_K=300, seed=1, n_steps=10),
            tmp_path,
            context=RunContext(pair="LCO|LPSCl"),
        )


@needs_gpaw
def test_a_relaxation_without_electrons_is_refused():
    with pytest.raises(SulfoxError, match="SFX-334"):
        GpawEngine().relax(LIH, RelaxationSpec(), label="LiH")


def test_the_identity_follows_gpaw_and_its_paw_sets():
    known = GpawEngine(versions={"gpaw": "26.7.0", "gpaw-data": "1.2.1", "ase": "3.29"})
    other_sets = GpawEngine(versions={"gpaw": "26.7.0", "gpaw-data": "1.3.0", "ase": "3.29"})
    other_ase = GpawEngine(versions={"gpaw": "26.7.0", "gpaw-data": "1.2.1", "ase": "3.30"})
    assert known.inputs_hash != other_sets.inputs_hash
    assert known.inputs_hash == other_ase.inputs_hash
    assert "not DFT" not in known.level_of_theory
    assert known.level_of_theory == "DFT (GPAW 26.7.0)"

"""Programs read the stand-in's files as VASP's; sulfox never takes them for VASP's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from sulfox.engines.standin.potcars import write_placeholder_potcar
from sulfox.engines.standin.run import run_in_folder
from sulfox.engines.vasp.electronic_files import read_projected_dos

pytestmark = pytest.mark.filterwarnings("ignore")
STATIC = "NSW = 0; ISPIN = 2; MAGMOM = 2 -1; LORBIT = 11; ISMEAR = 0; SIGMA = 0.05; NEDOS = 801\n"
DYNAMICS = "IBRION = 0; NSW = 6; POTIM = 2; TEBEG = 500; MDALGO = 2; SMASS = 0; ISYM = 0\n"


def run(folder: Path, incar: str) -> Path:
    write(folder / "POSCAR", bulk("NiO", "rocksalt", a=4.2), format="vasp", direct=True)
    write_placeholder_potcar(["Ni", "O"], folder / "POTCAR")
    (folder / "INCAR").write_text(incar)
    (folder / "KPOINTS").write_text("mesh\n0\nGamma\n2 2 2\n")
    run_in_folder(folder, "ase.calculators.emt:EMT")
    return folder


@pytest.fixture(scope="module")
def static(tmp_path_factory) -> Path:
    return run(tmp_path_factory.mktemp("static"), STATIC)


@pytest.fixture(scope="module")
def dynamics(tmp_path_factory) -> Path:
    return run(tmp_path_factory.mktemp("dynamics"), DYNAMICS)


def test_pymatgen_reads_a_static_run(static):
    from pymatgen.electronic_structure.core import Spin
    from pymatgen.io.vasp.inputs import Kpoints, Poscar
    from pymatgen.io.vasp.outputs import Chgcar, Eigenval, Oszicar, Outcar, Procar, Vasprun

    vasprun = Vasprun(static / "vasprun.xml", parse_projected_eigen=True)
    outcar, oszicar = Outcar(static / "OUTCAR"), Oszicar(static / "OSZICAR")
    assert vasprun.converged
    assert vasprun.generator["program"].strip().lower() == "sulfox-vasp-standin"
    assert vasprun.is_spin
    assert vasprun.final_energy == pytest.approx(outcar.final_energy, abs=1e-7)
    assert oszicar.final_energy == pytest.approx(outcar.final_energy, abs=1e-6)
    assert len(oszicar.electronic_steps[0]) == len(vasprun.ionic_steps[0]["electronic_steps"])
    assert outcar.efermi == pytest.approx(vasprun.efermi, abs=1e-4)
    assert outcar.nelect == 16
    moments = sum(site["tot"] for site in outcar.magnetization)
    assert moments == pytest.approx(outcar.total_mag, abs=2e-3)
    assert sum(site["tot"] for site in outcar.charge) == pytest.approx(16, abs=2e-3)
    assert len(outcar.electrostatic_potential) == 2
    levels = Eigenval(static / "EIGENVAL").eigenvalues
    for spin in (Spin.up, Spin.down):
        assert np.abs(levels[spin][..., 0] - vasprun.eigenvalues[spin][..., 0]).max() < 1e-3
    procar = Procar(static / "PROCAR")
    for spin in (Spin.up, Spin.down):
        assert np.abs(procar.data[spin] - vasprun.projected_eigenvalues[spin]).max() < 1e-3
    charge = Chgcar.from_file(static / "CHGCAR")
    assert charge.data["total"].mean() == pytest.approx(16)
    assert Poscar.from_file(static / "CONTCAR").structure == vasprun.final_structure
    assert len(Kpoints.from_file(static / "IBZKPT").kpts) == len(vasprun.actual_kpoints)
    assert sum(vasprun.actual_kpoints_weights) == pytest.approx(1, abs=1e-6)


def test_the_density_of_states_holds_the_electrons(static):
    dos = read_projected_dos(static / "vasprun.xml")
    below = dos.energies_eV <= dos.fermi_eV
    step = dos.energies_eV[1] - dos.energies_eV[0]
    assert dos.total[:, below].sum() * step == pytest.approx(16, abs=0.4)
    assert dos.total.sum() == pytest.approx(dos.projected.sum(), rel=1e-3)


@pytest.mark.parametrize("name", ["vasprun.xml", "DOSCAR", "PROCAR"])
def test_sulfox_never_calls_the_standins_states_vasps(name, static):
    dos = read_projected_dos(static / name)
    assert dos.engine == "standin"
    assert dos.code == "sulfox-vasp-standin"
    assert "not VASP, not DFT" in dos.level_of_theory
    assert "VASP 0" not in dos.level_of_theory


def test_pymatgen_reads_dynamics(dynamics):
    from pymatgen.io.vasp.inputs import Poscar
    from pymatgen.io.vasp.outputs import Oszicar, Outcar, Vasprun, Xdatcar

    vasprun = Vasprun(dynamics / "vasprun.xml")
    assert vasprun.converged
    assert vasprun.md_n_steps == 6
    frames = Xdatcar(dynamics / "XDATCAR").structures
    assert len(frames) == len(Oszicar(dynamics / "OSZICAR").ionic_steps) == 6
    for frame, step in zip(frames, vasprun.ionic_steps, strict=True):
        assert np.abs(frame.frac_coords - step["structure"].frac_coords).max() < 2e-8
        assert step["total"] == pytest.approx(
            step["e_fr_energy"] + step["kinetic"] + step["nosepot"] + step["nosekinetic"], abs=1e-6
        )
    contcar = Poscar.from_file(dynamics / "CONTCAR")
    assert len(contcar.velocities) == len(contcar.predictor_corrector) == 2
    assert contcar.structure.matches(vasprun.final_structure)
    # as in VASP, CONTCAR is one step ahead of the last frame, by its velocities
    moved = contcar.structure.frac_coords - frames[-1].frac_coords
    moved = (moved - np.rint(moved)) @ frames[-1].lattice.matrix
    assert np.abs(moved - 2.0 * np.array(contcar.velocities)).max() < 1e-6
    assert Outcar(dynamics / "OUTCAR").run_stats["Total CPU time used (sec)"] > 0


def test_ase_reads_the_forces(dynamics):
    from ase.io import read
    from pymatgen.io.vasp.outputs import Vasprun

    frames = read(dynamics / "vasprun.xml", index=":")
    steps = Vasprun(dynamics / "vasprun.xml").ionic_steps
    for frame, step in zip(frames, steps, strict=True):
        assert np.abs(frame.get_forces() - step["forces"]).max() < 1e-7
        assert frame.get_potential_energy() == pytest.approx(step["e_0_energy"], abs=1e-7)


def test_emmet_reads_runs(static, dynamics):
    from emmet.core.tasks import TaskDoc

    task = TaskDoc.from_directory(static)
    assert task.state == "successful"
    assert task.output.bandgap is not None
    assert task.calcs_reversed[0].vasp_version == "0.1.0"
    assert len(task.calcs_reversed[0].output.outcar["magnetization"]) == 2
    moving = TaskDoc.from_directory(dynamics)
    assert moving.state == "successful"
    assert moving.task_type == "Molecular Dynamics"


@pytest.mark.parametrize("cut", [0.3, 0.62, 0.9])
def test_a_cut_vasprun_gives_its_whole_steps(cut, dynamics, tmp_path):
    from pymatgen.io.vasp.outputs import Vasprun

    text = (dynamics / "vasprun.xml").read_text()
    start, end = text.index("<calculation>"), text.rindex("</calculation>")
    at = int(start + cut * (end - start))
    (tmp_path / "vasprun.xml").write_text(text[:at])
    whole = text[:at].count("</calculation>")
    read = Vasprun(
        tmp_path / "vasprun.xml", exception_on_bad_xml=False, parse_dos=False, parse_eigen=False
    )
    assert len(read.ionic_steps) == whole


def test_custodians_handlers_find_nothing_wrong(static, dynamics):
    from custodian.vasp.handlers import (
        FrozenJobErrorHandler,
        UnconvergedErrorHandler,
        VaspErrorHandler,
        WalltimeHandler,
    )
    from custodian.vasp.validators import VaspFilesValidator, VasprunXMLValidator

    for folder in (static, dynamics):
        (folder / "vasp.out").write_text((folder / "OSZICAR").read_text())
        handlers = (
            VaspErrorHandler(),
            UnconvergedErrorHandler(),
            FrozenJobErrorHandler(),
            WalltimeHandler(wall_time=10**9),
        )
        assert not any(handler.check(str(folder)) for handler in handlers)
        assert not VaspFilesValidator().check(str(folder))
        assert not VasprunXMLValidator().check(str(folder))


def test_the_executable_starts_without_the_heavy_packages():
    import subprocess

    code = (
        "import sys; import sulfox.engines.standin.run, sulfox.engines.standin.main;"
        "print(sorted({'pymatgen', 'atomate2', 'emmet', 'maggma'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

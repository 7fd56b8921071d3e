"""Physics through GPAW on cells of one to four atoms: U, spin, symmetry, forces.

Each test runs GPAW in its own process, some seconds of one core.
"""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import ElectronicContext
from sulfox.engines.gpaw.engine import GpawEngine
from sulfox.engines.gpaw.installation import installation_problem
from sulfox.materials.material import HubbardU
from sulfox.protocols.electronic import DosGrid, ElectronicSpec, KMesh, Smearing
from sulfox.protocols.relaxation import RelaxationSpec

PROBLEM = installation_problem()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROBLEM is not None, reason=str(PROBLEM)),
]
SPEC = ElectronicSpec(
    cutoff_eV=200,
    smearing=Smearing(kind="gaussian", width_eV=0.1),
    dos=DosGrid(
        step_eV=0.05,
        below_eV=20,
        above_eV=6,
        broadening_eV=0.2,
        mesh_factor=1,
        empty_bands=0.5,
    ),
    energy_threshold_eV_per_atom=1e-4,
    max_scf_steps=60,
    k_mesh=KMesh(divisions=(2, 2, 2)),
    spin_polarized=False,
    hubbard={},
)


def _run(structure, run_dir, **changes):
    if not isinstance(structure, StructureRecord):
        structure = StructureRecord.from_ase(structure)
    result = GpawEngine().electronic_structure(
        structure,
        SPEC.model_copy(update=changes),
        run_dir,
        context=ElectronicContext(label=run_dir.name, material="test"),
    )
    assert result.document.status is Status.COMPLETE, result.document.reasons
    return result


def test_u_pushes_filled_d_states_down_by_about_half_of_u(tmp_path):
    """Dudarev: the potential of a filled orbital changes by U (1/2 - n) = -U/2, less screening."""
    copper = bulk("Cu", "fcc", a=3.61)
    centers = []
    for u_eV in (0.0, 4.0):
        hubbard = {"Cu": HubbardU(orbital="d", u_eV=u_eV)} if u_eV else {}
        dos = _run(copper, tmp_path / f"u{u_eV:g}", hubbard=hubbard).dos
        centers.append(analyze_band_center(dos, "Cu", "d").occupied_re_fermi_eV)
    shift = centers[1] - centers[0]
    assert -2.0 < shift < -0.3


def test_iron_has_a_moment_and_two_spins(tmp_path):
    iron = bulk("Fe", "bcc", a=2.87)
    iron.set_initial_magnetic_moments([2.5])
    result = _run(iron, tmp_path / "fe", spin_polarized=True, k_mesh=KMesh(divisions=(3, 3, 3)))
    document = result.document
    assert result.dos.is_spin_polarized
    assert 1.5 < document.total_moment_muB < 3.5  # measured 2.2; a mesh of 27 points
    assert document.moments_muB[0] == pytest.approx(document.total_moment_muB, abs=0.4)
    assert result.dos.moments_muB[0] > 1.0
    assert document.is_metal
    assert document.gap_eV == 0.0
    assert document.vbm_eV is None
    up, down = (
        np.average(result.dos.energies_eV, weights=result.dos.densities[0, 2, spin])
        for spin in (0, 1)
    )
    assert up < down


def test_atoms_that_symmetry_maps_on_each_other_have_the_same_states(tmp_path):
    """The three atoms on faces of a cube: irreducible k-points alone would tell them apart."""
    dos = _run(bulk("Li", "fcc", a=4.39, cubic=True), tmp_path / "li").dos
    assert len(dos.k_weights) < 8
    corner, *faces = dos.densities
    assert np.ptp(faces, axis=0).max() < 1e-10
    filled = dos.energies_eV <= dos.fermi_eV
    assert np.abs(corner - faces[0])[..., filled].max() < 2e-3 * corner.max()


def test_order_origin_and_lattice_vectors_change_no_number(tmp_path):
    """LiH as it is; then atoms swapped, shifted, in acute lattice vectors that get reduced."""
    given = bulk("LiH", "rocksalt", a=4.08)
    plain = _run(given, tmp_path / "plain")
    other = given[[1, 0]]
    other.positions += [0.31, 0.17, 0.73]
    other.set_cell(np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]]) @ given.cell.array)
    assert min(other.cell.angles()) < 40
    same = _run(other, tmp_path / "other")
    assert same.dos.species == ("H", "Li")
    assert np.allclose(same.dos.lattice_A, other.cell.array)
    assert same.document.energy_eV == pytest.approx(plain.document.energy_eV, abs=2e-3)
    assert same.document.gap_eV == pytest.approx(plain.document.gap_eV, abs=5e-3)
    swapped = plain.dos.site_potentials_eV[[1, 0]] - plain.document.vbm_eV
    assert same.dos.site_potentials_eV - same.document.vbm_eV == pytest.approx(swapped, abs=0.02)
    for element in ("Li", "H"):
        ours, theirs = (analyze_band_center(r.dos, element, "s") for r in (plain, same))
        assert ours.occupied_re_vbm_eV == pytest.approx(theirs.occupied_re_vbm_eV, abs=5e-3)
        assert ours.electrons_occupied == pytest.approx(theirs.electrons_occupied, abs=5e-3)


def test_a_stretched_molecule_relaxes_in_the_given_lattice_vectors(tmp_path):
    """H2 in lattice vectors so acute that GPAW gets others.

    In this small box and at this cutoff energies of 0.75, 0.83 and 0.90 Å, computed on their
    own in the cubic cell, are -7.675, -7.742 and -7.699 eV: a minimum near 0.83 Å.
    """
    lattice = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]]) * 3.5
    stretched = Atoms("H2", positions=[[0.1, 0.2, 0.3], [0.1, 0.2, 1.2]], cell=lattice, pbc=True)
    assert min(stretched.cell.angles()) < 40
    structure = StructureRecord.from_ase(stretched)
    electronic = SPEC.model_copy(update={"cutoff_eV": 300.0, "k_mesh": KMesh(divisions=(1, 1, 1))})
    spec = RelaxationSpec(
        force_threshold_eV_A=0.1, max_steps=20, optimizer="LBFGS", electronic=electronic
    )
    engine = GpawEngine(work_dir=tmp_path)
    found = engine.relax(structure, spec, label="H2")
    assert found.status is Status.COMPLETE
    assert found.provenance.engine == "gpaw"
    assert "MLIP" not in found.provenance.level_of_theory
    assert found.max_force_eV_A <= 0.1
    assert np.allclose(found.final.lattice, structure.lattice)
    apart = np.linalg.norm(np.diff(np.array(found.final.positions), axis=0))
    assert apart == pytest.approx(0.83, abs=0.02)
    assert found.energy_eV == pytest.approx(-7.742, abs=0.01)
    (folder,) = tmp_path.glob("gpaw-relax-*")
    assert "largest force" in (folder / "relaxation.txt").read_text()
    stamp = (folder / "result.json").stat().st_mtime_ns
    assert engine.relax(structure, spec, label="H2").energy_eV == found.energy_eV
    assert (folder / "result.json").stat().st_mtime_ns == stamp

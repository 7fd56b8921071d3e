"""What GPAW is asked: U as it is, the same k-points, smearing, thresholds per atom."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.documents.structure import StructureRecord
from sulfox.engines.gpaw.cost import expected_cost, irreducible_points
from sulfox.engines.gpaw.parameters import (
    band_numbers,
    density_of_states_parameters,
    ground_state_parameters,
    hubbard_setups,
)
from sulfox.engines.gpaw.reduced_cell import reduce_cell
from sulfox.materials.catalogue import load_material
from sulfox.materials.material import HubbardU
from sulfox.materials.ordering import ordered_representative
from sulfox.protocols.electronic import KMesh, Smearing, resolve
from sulfox.protocols.protocol import load_electronic_protocol

PAPER = load_electronic_protocol("paper").electronic


def _case(name):
    ordered = ordered_representative(load_material(name))
    structure = ordered.magnetic_cell or ordered.structure
    cell = "conventional" if ordered.magnetic_cell is None else "magnetic"
    return structure, resolve(PAPER, structure, {name: ordered.material}, cell)


def test_the_papers_settings_reach_gpaw():
    structure, spec = _case("CoO")
    found = ground_state_parameters(spec, spec.k_mesh, structure.n_atoms)
    assert found["mode"] == {"name": "pw", "ecut": 500.0}
    assert found["xc"] == "PBE"
    assert found["setups"] == {"Co": ":d,3.9,0"}
    assert found["kpts"] == {"size": [4, 4, 4], "gamma": True}
    assert found["spinpol"] is True
    lco, lco_spec = _case("LCO")
    found = ground_state_parameters(lco_spec, lco_spec.k_mesh, lco.n_atoms)
    assert found["kpts"] == {"size": [4, 4, 2], "gamma": True}
    assert found["spinpol"] is False


def test_no_u_means_the_plain_paw_set():
    assert hubbard_setups({}) == {}
    assert hubbard_setups({"Co": HubbardU(orbital="d", u_eV=3.25)}) == {"Co": ":d,3.25,0"}


def test_the_energy_threshold_is_per_atom_not_per_electron():
    _, spec = _case("CoO")
    for n_atoms in (4, 12):
        energy = ground_state_parameters(spec, spec.k_mesh, n_atoms)["convergence"]["energy"]
        assert energy["relative"] is False
        assert energy["tol"] == pytest.approx(n_atoms * spec.energy_threshold_eV_per_atom)


@pytest.mark.parametrize(
    ("smearing", "expected"),
    [
        (
            Smearing(kind="gaussian", width_eV=0.05),
            {"name": "methfessel-paxton", "order": 0, "width": 0.05},
        ),
        (Smearing(kind="fermi-dirac", width_eV=0.1), {"name": "fermi-dirac", "width": 0.1}),
        (Smearing(kind="gaussian", width_eV=0.0), {"name": "fermi-dirac", "width": 0.0}),
        (Smearing(kind="tetrahedron", width_eV=0.0), {"name": "improved-tetrahedron-method"}),
    ],
)
def test_smearing(smearing, expected):
    _, spec = _case("LCO")
    spec = spec.model_copy(update={"smearing": smearing})
    found = ground_state_parameters(spec, spec.k_mesh, 12)["occupations"]
    assert found == expected


def test_the_finer_mesh_has_more_bands_than_are_used():
    _, spec = _case("LCO")
    dos = spec.dos.model_copy(update={"mesh_factor": 2, "empty_bands": 0.5})
    spec = spec.model_copy(update={"dos": dos})
    found = density_of_states_parameters(spec, spec.k_mesh, n_occupied=33)
    assert found["kpts"]["size"] == [8, 8, 4]
    assert found["convergence"]["bands"] == band_numbers(33, 0.5)[0] == 50
    assert found["nbands"] > 50


def test_the_afm_cell_of_coo_is_reduced_and_keeps_its_k_points():
    """4x4x4 on the acute cell and on the reduced one are one and the same set of points."""
    structure, spec = _case("CoO")
    reduced = reduce_cell(structure)
    mesh, is_same = reduced.mesh(spec.k_mesh)
    assert reduced.is_changed
    assert is_same
    assert mesh == spec.k_mesh
    assert reduced.structure.positions == structure.positions
    assert reduced.structure.moments == structure.moments
    new = reduced.structure.to_ase().cell
    assert all(40 < angle < 140 for angle in new.angles())
    assert new.volume == pytest.approx(structure.to_ase().cell.volume)

    def points(lattice):
        fractional = np.array(list(np.ndindex(4, 4, 4))) / 4
        return fractional @ np.linalg.inv(lattice).T

    back = points(new.array) @ np.array(structure.lattice).T * 4
    assert np.allclose(back, back.round(), atol=1e-9)
    assert len({tuple(row) for row in (back.round().astype(int) % 4).tolist()}) == 64


def test_a_mesh_that_cannot_be_kept_becomes_denser_and_says_so():
    structure, _ = _case("CoO")
    mesh, is_same = reduce_cell(structure).mesh(KMesh(divisions=(4, 4, 6)))
    assert not is_same
    lattice = np.array(reduce_cell(structure).structure.lattice)
    spacing = np.linalg.norm(np.linalg.inv(lattice), axis=0) / np.array(mesh.divisions)
    given = np.linalg.norm(np.linalg.inv(np.array(structure.lattice)), axis=0) / np.array([4, 4, 6])
    assert spacing.max() <= given.max() + 1e-9


@given(st.integers(-4, 4), st.integers(-4, 4), st.integers(-4, 4))
@settings(max_examples=25, deadline=None)
def test_reduction_never_moves_an_atom_and_can_be_undone(i, j, k):
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    lattice = np.array([[1, 0, 0], [i, 1, 0], [j, k, 1]]) @ atoms.cell.array
    structure = StructureRecord.from_ase(atoms).model_copy(
        update={"lattice": tuple(map(tuple, lattice.tolist()))}
    )
    reduced = reduce_cell(structure)
    assert reduced.structure.positions == structure.positions
    assert abs(round(float(np.linalg.det(reduced.operation)))) == 1
    assert np.allclose(reduced.restore(reduced.structure).lattice, structure.lattice, atol=1e-9)


def test_cost_is_said_for_what_symmetry_leaves():
    structure, spec = _case("LCO")
    assert irreducible_points(structure, spec.k_mesh) == 8
    cost = expected_cost(structure, spec, spec.k_mesh)
    volume = structure.to_ase().cell.volume
    k_max = math.sqrt(500 / 3.80998212)
    assert cost.n_plane_waves == round(volume * k_max**3 / (6 * math.pi**2))
    dearer = expected_cost(structure, spec.model_copy(update={"cutoff_eV": 800.0}), spec.k_mesh)
    assert dearer.wall_time_s > 1.5 * cost.wall_time_s
    assert "irreducible" in cost.line

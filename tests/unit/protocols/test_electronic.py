"""Levels of theory: each setting of the paper has a test that fails when it drifts."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import load_material
from sulfox.materials.magnetic_order import in_magnetic_state
from sulfox.materials.ordering import ordered_representative
from sulfox.protocols.electronic import resolve
from sulfox.protocols.protocol import load_electronic_protocol, load_protocol


@pytest.fixture(scope="module")
def paper():
    return load_electronic_protocol("paper").electronic


def bulk(name, cell):
    ordered = ordered_representative(load_material(name))
    structure = ordered.magnetic_cell if cell == "magnetic" else ordered.structure
    return structure, {name: ordered.material}


def test_the_paper_uses_pbe_with_500_ev(paper):
    assert (paper.functional, paper.cutoff_eV) == ("PBE", 500)
    assert "10.1002/adma.202305748" in load_electronic_protocol("paper").source


@pytest.mark.parametrize(
    ("name", "cell", "divisions"),
    [
        ("LCO", "conventional", (4, 4, 2)),
        ("CoO", "magnetic", (4, 4, 4)),
        ("LPSCl", "conventional", (4, 4, 4)),
    ],
)
def test_the_paper_states_these_meshes(paper, name, cell, divisions):
    structure, materials = bulk(name, cell)
    spec = resolve(paper, structure, materials, cell)
    assert spec.k_mesh.divisions == divisions
    assert spec.k_mesh.gamma_centred


def test_u_is_on_cobalt_d_alone(paper):
    structure, materials = bulk("CoO", "magnetic")
    spec = resolve(paper, structure, materials, "magnetic")
    assert {e: (u.orbital, u.u_eV) for e, u in spec.hubbard.items()} == {"Co": ("d", 3.9)}
    assert "PBE+U (Co d 3.9 eV), 500 eV, 4x4x4" in spec.method
    structure, materials = bulk("LPSCl", "conventional")
    assert resolve(paper, structure, materials).hubbard == {}


def test_dynamics_by_dft_is_pbe_at_gamma_with_400_ev():
    electronic = load_protocol("aimd").electronic
    assert (electronic.functional, electronic.cutoff_eV) == ("PBE", 400)
    structure, materials = bulk("LPSCl", "conventional")
    assert resolve(electronic, structure, materials).k_mesh.divisions == (1, 1, 1)


@pytest.mark.parametrize(("state", "moment"), [("ground", 0.0), ("ferromagnetic", 6.0)])
def test_a_magnetic_state_changes_moments_only(paper, state, moment):
    structure, materials = bulk("CoO", "magnetic")
    changed = in_magnetic_state(structure, state)
    assert sum(changed.moments) == pytest.approx(moment)
    assert changed.positions == structure.positions
    assert resolve(paper, changed, materials, "magnetic").spin_polarized


def test_without_moments_a_calculation_has_no_spin(paper):
    structure, materials = bulk("CoO", "magnetic")
    changed = in_magnetic_state(structure, "none")
    assert changed.moments is None
    assert not resolve(paper, changed, materials, "magnetic").spin_polarized


def test_two_values_of_u_for_one_element_are_refused(paper):
    structure, materials = bulk("CoO", "magnetic")
    other = materials["CoO"].model_copy(
        update={
            "name": "other",
            "hubbard_u": {"Co": materials["CoO"].hubbard_u["Co"].model_copy(update={"u_eV": 3.3})},
        }
    )
    with pytest.raises(SulfoxError, match=r"SFX-102.*3\.9 and 3\.3"):
        resolve(paper, structure, {**materials, "other": other})


def test_u_off_leaves_no_u(paper):
    structure, materials = bulk("CoO", "magnetic")
    off = paper.model_copy(update={"hubbard": False})
    assert resolve(off, structure, materials, "magnetic").hubbard == {}


@given(st.lists(st.floats(2.5, 60), min_size=3, max_size=3), st.floats(0.1, 1.0))
def test_no_two_points_are_farther_apart_than_stated(lengths, spacing):
    """A mesh by spacing holds in every cell, and is not denser than needed by a whole division."""
    settings = load_electronic_protocol("fast").electronic
    rule = settings.k_points.model_copy(update={"spacing_per_A": spacing})
    settings = settings.model_copy(update={"k_points": rule})
    cell = StructureRecord(
        lattice=tuple(map(tuple, np.diag(lengths).tolist())),
        species=("Li",),
        positions=((0.0, 0.0, 0.0),),
        sides=("bulk",),
    )
    divisions = resolve(settings, cell, {}).k_mesh.divisions
    for length, n in zip(lengths, divisions, strict=True):
        reciprocal = 2 * np.pi / length
        assert reciprocal / n <= spacing * (1 + 1e-5)
        assert n == 1 or reciprocal / (n - 1) > spacing * (1 - 1e-5)


@pytest.mark.parametrize("name", ["paper", "paper-laptop", "fast", "stringent"])
def test_every_choice_has_its_reason(name):
    protocol = load_electronic_protocol(name)
    assert protocol.choices
    assert all(choice.reason for choice in protocol.choices)


def test_a_typing_error_in_a_protocol_is_an_error(tmp_path):
    content = load_electronic_protocol("paper").model_dump(mode="json")
    content["electronic"]["cutof_eV"] = content["electronic"].pop("cutoff_eV")
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SulfoxError, match=r"SFX-102.*electronic"):
        load_electronic_protocol(str(path))


def test_the_laptop_differs_from_the_paper_in_the_density_of_states_alone(paper):
    laptop = load_electronic_protocol("paper-laptop").electronic
    assert laptop.dos != paper.dos
    assert laptop.model_copy(update={"dos": paper.dos}) == paper

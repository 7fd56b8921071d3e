"""The coherent core-shell cell: geometry that can be told by hand, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sulfox.cli.materials.interfaces import interfaces
from sulfox.documents.kinds import parse_document
from sulfox.errors import SulfoxError
from sulfox.interfaces.coherent.core_shell import build_core_shell
from sulfox.interfaces.coherent.rock_salt import read_rock_salt
from sulfox.interfaces.coherent.specification import CORE_SHELL_SIZES, CoreShellSpec
from sulfox.materials.catalogue import load_material
from sulfox.materials.ordering import ordered_representative
from sulfox.protocols.electronic import resolve
from sulfox.protocols.protocol import load_electronic_protocol

LCO = ordered_representative(load_material("LCO"))
COO = ordered_representative(load_material("CoO"))
MATERIALS = {"LCO": LCO.material, "CoO": COO.material}


def build(**options):
    return build_core_shell(LCO, COO, CoreShellSpec(**options))


def test_layered_oxide_is_read_as_rock_salt_with_c_along_the_body_diagonal():
    crystal = read_rock_salt(LCO)
    lengths = np.linalg.norm(crystal.cubic, axis=1)
    expected = np.sqrt((4 * 2.816**2 + (14.05 / 2) ** 2 / 3) / 3)  # |A| of A = (c/2 + 4a + 2b)/3
    assert lengths == pytest.approx([expected] * 3)
    diagonal = crystal.cubic.sum(axis=0)
    assert diagonal == pytest.approx(np.array(LCO.structure.lattice[2]) / 2)
    # only O is off its site: z 0.2605 instead of 1/4
    off = np.linalg.norm(crystal.displacements, axis=1)
    oxygen = np.array(LCO.structure.species) == "O"
    assert off[oxygen] == pytest.approx([0.0105 * 14.05] * 6)
    assert off[~oxygen] == pytest.approx(np.zeros(6), abs=1e-9)


@pytest.mark.parametrize(
    ("layered", "rock_salt"),
    [
        ((1, 0, 4), (1, 0, 0)),
        ((0, 0, 3), (1, 1, 1)),
        ((1, 1, 0), (1, 0, -1)),
        ((0, 1, 2), (1, 1, -1)),
    ],
)
def test_planes_of_the_layered_oxide_are_planes_of_the_parent(layered, rock_salt):
    crystal = read_rock_salt(LCO)
    plane = crystal.parent_plane(layered)
    assert tuple(plane.tolist()) == rock_salt
    assert crystal.conventional_plane(plane) == layered
    assert read_rock_salt(COO).conventional_plane(plane) == rock_salt


def test_only_translations_that_keep_cation_and_magnetic_order_repeat():
    lco, coo = read_rock_salt(LCO), read_rock_salt(COO)
    along, across = np.array([0, 1, -1]), np.array([0, 1, 1])
    assert lco.repeats(along)
    assert coo.repeats(along)  # a row of one sign
    assert not lco.repeats(across)  # Li on Co
    assert not coo.repeats(across)  # up on down
    assert lco.repeats(2 * across)
    assert coo.repeats(2 * across)


@pytest.mark.parametrize(
    ("size", "n_atoms"),
    [(CORE_SHELL_SIZES["small"], 24), (CORE_SHELL_SIZES["production"], 56)],
)
def test_sizes_for_a_laptop_and_for_a_cluster(size, n_atoms):
    doc = build(core_layers=size[0], shell_layers=size[1])
    assert doc.n_atoms == n_atoms
    assert doc.n_electrons == sum(
        {"Li": 3, "Co": 27, "O": 8}[e] * n for e, n in doc.composition.items()
    )


def test_in_plane_cell_is_that_of_the_core_and_the_misfit_that_of_the_lattices():
    doc = build()
    (a, _, _), (_, b, _), _ = doc.structure.lattice
    assert a == pytest.approx(2.816)
    across = np.linalg.norm(read_rock_salt(LCO).cubic[1] + read_rock_salt(LCO).cubic[2])
    assert b == pytest.approx(across)
    shell = 4.26 / np.sqrt(2)
    assert doc.misfit_principal == pytest.approx(sorted([a / shell - 1, b / (2 * shell) - 1]))
    assert doc.shell.strain_principal == pytest.approx(doc.misfit_principal)
    assert doc.core.strain_principal == pytest.approx((0.0, 0.0), abs=1e-9)
    assert any(reason.code == "large-misfit" for reason in doc.reasons)


def test_polar_plane_carries_half_an_electron_and_says_so():
    """Li+|O2-|Co2+ at one interface, Co3+|O2-|Co2+ at the other: -1/2 and +1/2 e a cell."""
    doc = build(core_facet=(0, 0, 3), core_layers=4, shell_layers=4)
    assert doc.is_polar
    assert doc.interface_charge * doc.area_A2 == pytest.approx(0.5, abs=1e-4)
    assert "polar" in {reason.code for reason in doc.reasons}
    assert doc.formal_charge_e == 0.0


def test_the_same_request_gives_the_same_id_and_survives_json():
    one, two = build(), build()
    assert one.id == two.id
    assert one.id != build(shell_layers=5).id
    assert parse_document(json.loads(one.model_dump_json())) == one


def test_repeats_multiply_the_cell_and_keep_the_layers():
    small, large = build(), build(repeats=(3, 2))
    assert large.n_atoms == 6 * small.n_atoms
    assert large.oxygen.n_six_fold == 6 * small.oxygen.n_six_fold
    assert [x.height_A for x in large.layers] == pytest.approx([x.height_A for x in small.layers])
    assert large.net_moment_muB == 0.0


def test_misfit_can_be_shared():
    doc = build(shell_strain_share=0.5)
    assert max(doc.core.strain_principal) > 0.02
    assert min(doc.shell.strain_principal) < -0.02
    assert doc.structure.lattice[0][0] == pytest.approx(np.sqrt(2.816 * 4.26 / np.sqrt(2)))


def test_normal_spacing_of_the_shell_can_be_given():
    doc = build(shell_layers=4, shell_normal_strain=0.02)
    heights = [layer.height_A for layer in doc.layers if layer.side == "coating"]
    assert np.diff(heights) == pytest.approx([2.13 * 1.02] * 3, abs=1e-5)
    assert "+2.00%" in doc.strain_rule


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"core_facet": (0, 0, 3)}, "SFX-205"),  # three layers: two of Co, one of Li
        (
            {"core_facet": (0, 0, 3), "core_layers": 4, "shell_layers": 4, "vacuum_A": 12.0},
            "SFX-205",
        ),
        ({"core_facet": (7, 3, 11)}, "SFX-205"),
        ({"core_layers": 2}, "SFX-206"),
        ({"vacuum_A": -1.0}, "SFX-206"),
        ({"repeats": (0, 1)}, "SFX-206"),
        ({"shell_strain_share": 1.5}, "SFX-206"),
    ],
)
def test_what_cannot_be_built_is_refused(options, code):
    with pytest.raises(SulfoxError, match=code):
        build(**options)


@pytest.mark.parametrize(
    ("core", "shell", "layers", "epitaxy"),
    [
        ("LiNiO2", "NiO", (3, 3), "LiNiO2(1,0,4)||NiO(1,0,0)"),
        ("NCM811", "NiO", (5, 3), "NCM811(1,0,4)||NiO(1,0,0)"),
        ("CoO", "NiO", (3, 3), "CoO(1,0,0)||NiO(1,0,0)"),
        ("CoO", "LCO", (3, 3), "CoO(1,0,0)||LCO(1,0,4)"),
    ],
)
def test_any_two_decorations_of_rock_salt_fit(core, shell, layers, epitaxy):
    """The nickel pair of the paper's second cathode, a solid solution, two shells, and turned."""
    pair = [ordered_representative(load_material(name)) for name in (core, shell)]
    spec = CoreShellSpec(core_layers=layers[0], shell_layers=layers[1])
    doc = build_core_shell(pair[0], pair[1], spec)
    assert doc.epitaxy == epitaxy
    assert doc.formal_charge_e == pytest.approx(0.0, abs=1e-9)
    assert doc.oxygen.n_six_fold == doc.oxygen.n_oxygen
    per_layer = doc.n_atoms // sum(layers)
    for ordered, side in zip(pair, ("cathode", "coating"), strict=True):
        count = doc.structure.sides.count(side)
        assert count == per_layer * (layers[0] if side == "cathode" else layers[1])
        kept = [
            s for s, d in zip(doc.structure.species, doc.structure.sides, strict=True) if d == side
        ]
        bulk = ordered.structure.composition
        assert {e: kept.count(e) * sum(bulk.values()) for e in bulk} == {
            e: n * count for e, n in bulk.items()
        }


@pytest.mark.parametrize("name", ["LPSCl", "Li2CO3", "Li0.5CoO2"])
def test_other_crystals_are_no_rock_salt(name):
    with pytest.raises(SulfoxError, match="SFX-204"):
        build_core_shell(LCO, ordered_representative(load_material(name)))


@settings(deadline=None, max_examples=12)
@given(st.integers(3, 6), st.integers(3, 6), st.booleans())
def test_every_stack_is_neutral_whole_and_unpolarised(core, shell, slab):
    doc = build(core_layers=core, shell_layers=shell, vacuum_A=12.0 if slab else 0.0)
    assert doc.formal_charge_e == 0.0
    assert doc.net_moment_muB == 0.0
    assert not doc.is_polar
    layers = core + (2 if slab else 1) * shell
    assert len(doc.layers) == layers
    assert doc.n_atoms == 4 * layers
    assert sorted(k for layer in doc.layers for k in layer.atoms) == list(range(doc.n_atoms))
    surface = 4 if slab else 0  # two faces, two O each
    assert doc.oxygen.n_oxygen - doc.oxygen.n_six_fold == surface


def test_specification_for_dft_has_spin_one_u_and_a_mesh_by_spacing():
    protocol = load_electronic_protocol("paper").electronic
    doc = build(core_layers=7, shell_layers=7)
    spec = resolve(protocol, doc.structure, MATERIALS)
    assert spec.spin_polarized
    assert {e: u.u_eV for e, u in spec.hubbard.items()} == {"Co": 3.9}
    # 2 pi / 2.816 Å, 2 pi / 5.70 Å (and the tilt), 2 pi / 29.9 Å over 0.4 /Å
    assert spec.k_mesh.divisions == (6, 3, 1)


def test_command_answers_json_and_writes_the_cell(tmp_path, capsys):
    interfaces("LCO", "CoO", coherent=True, write=tmp_path, json_output=True)
    answer = json.loads(capsys.readouterr().out)
    name = answer["coherent"]["id"]
    assert answer["coherent"]["n_atoms"] == 24
    assert answer["cost"]["wall_time_s"] > 0
    assert answer["cost"]["n_spins"] == 2
    from pymatgen.core import Structure

    written = Structure.from_file(tmp_path / f"{name}.vasp")
    assert written.composition.as_dict() == answer["coherent"]["composition"]
    table = (tmp_path / f"{name}.atoms.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in table]
    assert [row[0] for row in rows] == [site.specie.symbol for site in written]
    assert {row[1] for row in rows} == {"cathode", "coating"}


def test_command_tells_layers_strain_and_cost(capsys):
    interfaces("LCO", "CoO", coherent=True, layers="5,3", electrolyte_facet="0,0,1")
    text = capsys.readouterr().out
    assert "32 atoms" in text
    assert "on one core" in text
    assert "dislocations" in text


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"layers": "many"}, "SFX-901"),
        ({"layers": "1,1"}, "SFX-206"),
        ({"electrolyte_facet": "1,1,0"}, "SFX-901"),
        ({"protocol": "nonsense"}, "SFX-102"),
    ],
)
def test_command_refuses(options, code):
    with pytest.raises(SulfoxError, match=code):
        interfaces("LCO", "CoO", coherent=True, **options)

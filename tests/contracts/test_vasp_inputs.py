"""VASP decks hold what the source states, in the order VASP reads it, and drift is seen."""

from __future__ import annotations

import json
import os
import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("atomate2", reason="needs sulfox[vasp]")

from pymatgen.io.vasp import Incar, Kpoints, Poscar

from sulfox.documents.structure import StructureRecord
from sulfox.engines.vasp.inputs.calculation import PoscarOrder, VaspCalculation
from sulfox.engines.vasp.inputs.input_set import make_deck
from sulfox.engines.vasp.inputs.profile import load_profile
from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import load_material
from sulfox.materials.magnetic_order import in_magnetic_state
from sulfox.materials.ordering import ordered_representative
from sulfox.protocols.electronic import resolve
from sulfox.protocols.protocol import load_electronic_protocol, load_protocol

GOLDEN = Path(__file__).parents[1] / "recorded" / "golden_vasp"
MATERIALS = ("LCO", "CoO", "LPSCl")
PROFILE = load_profile()


@cache
def _cell(material, state="ground"):
    ordered = ordered_representative(load_material(material))
    cell = "conventional" if ordered.magnetic_cell is None else "magnetic"
    structure = in_magnetic_state(ordered.magnetic_cell or ordered.structure, state)
    return structure, {material: ordered.material}, cell


@cache
def _calculations(protocol, material):
    structure, materials, cell = _cell(material)
    if protocol == "aimd":
        loaded = load_protocol("aimd")
        spec = resolve(loaded.electronic, structure, materials)
        dynamics = loaded.production.at(600, 1)
        return {"md": VaspCalculation(kind="md", electronic=spec, dynamics=dynamics)}
    loaded = load_electronic_protocol(protocol)
    spec = resolve(loaded.electronic, structure, materials, cell)
    runs = {kind: VaspCalculation(kind=kind, electronic=spec) for kind in ("static", "dos")}
    if loaded.relaxation is not None:
        runs["relax"] = VaspCalculation(kind="relax", electronic=spec, relaxation=loaded.relaxation)
    return runs


@cache
def _deck(protocol, material, kind):
    return make_deck(_calculations(protocol, material)[kind], _cell(material)[0], PROFILE)


def _incar(protocol, material, kind):
    return Incar.from_str(_deck(protocol, material, kind).incar)


def _text(deck):
    parts = {"INCAR": deck.incar, "KPOINTS": deck.kpoints, "POTCAR.spec": deck.potcar_spec}
    return "\n".join(f"==> {name} <==\n{text.strip()}" for name, text in parts.items()) + "\n"


CASES = [
    (protocol, material, kind)
    for protocol in ("paper", "fast", "stringent", "aimd")
    for material in MATERIALS
    for kind in _calculations(protocol, material)
]


def _differs_from_golden(deck, protocol, material, kind):
    """Names of the golden files that a deck does not match."""
    differing = []
    golden = GOLDEN / f"{protocol}-{material}-{kind}.txt"
    poscar = GOLDEN / f"{material}.POSCAR"
    if os.environ.get("SULFOX_WRITE_GOLDEN"):
        golden.write_text(_text(deck), encoding="utf-8")
        poscar.write_text(deck.poscar, encoding="utf-8")
    if golden.read_text(encoding="utf-8") != _text(deck):
        differing.append(golden.name)
    meant, found = (Poscar.from_str(t).structure for t in (poscar.read_text(), deck.poscar))
    if (
        meant.labels != found.labels
        or not np.allclose(meant.lattice.matrix, found.lattice.matrix, atol=1e-9)
        or not np.allclose(meant.frac_coords, found.frac_coords, atol=1e-9)
    ):
        differing.append(poscar.name)
    return differing


@pytest.mark.parametrize(("protocol", "material", "kind"), CASES)
def test_golden_deck(protocol, material, kind):
    deck = _deck(protocol, material, kind)
    assert _differs_from_golden(deck, protocol, material, kind) == []


def test_no_golden_file_is_left_over():
    known = {f"{p}-{m}-{k}.txt" for p, m, k in CASES} | {f"{m}.POSCAR" for m in MATERIALS}
    assert {path.name for path in GOLDEN.iterdir()} == known | {"README.md"}


# --- what the source states: one test each


@pytest.mark.parametrize("material", ["LCO", "CoO"])
def test_paper_u_is_3_9_eV_on_cobalt_d_only(material):
    deck = _deck("paper", material, "static")
    incar = Incar.from_str(deck.incar)
    by_element = zip(
        Poscar.from_str(deck.poscar).site_symbols,
        incar["LDAUL"],
        incar["LDAUU"],
        incar["LDAUJ"],
        strict=True,
    )
    for element, orbital, u, j in by_element:
        assert (orbital, u, j) == ((2, 3.9, 0) if element == "Co" else (-1, 0, 0))


def test_paper_u_is_dudarevs_form():
    assert _incar("paper", "CoO", "static")["LDAUTYPE"] == 2
    assert _incar("paper", "CoO", "static")["LDAU"] is True


def test_paper_has_no_u_without_cobalt():
    assert not [tag for tag in _incar("paper", "LPSCl", "static") if tag.startswith("LDAU")]


@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize("kind", ["static", "dos"])
def test_paper_cutoff_is_500_eV(material, kind):
    assert _incar("paper", material, kind)["ENCUT"] == 500


@pytest.mark.parametrize(
    ("material", "mesh"), [("LCO", (4, 4, 2)), ("CoO", (4, 4, 4)), ("LPSCl", (4, 4, 4))]
)
def test_paper_mesh(material, mesh):
    kpoints = Kpoints.from_str(_deck("paper", material, "static").kpoints)
    assert tuple(kpoints.kpts[0]) == mesh
    assert str(kpoints.style).endswith("Gamma")


@pytest.mark.parametrize("protocol", ["paper", "aimd"])
def test_functional_is_pbe(protocol):
    kind = "md" if protocol == "aimd" else "static"
    incar = _incar(protocol, "CoO", kind)
    assert incar["GGA"].upper() == "PE"
    assert not {"METAGGA", "LHFCALC", "IVDW"} & set(incar)


def test_paper_lco_is_the_hexagonal_cell():
    a, b, c = Poscar.from_str(_deck("paper", "LCO", "static").poscar).structure.lattice.abc
    assert (a, b, c) == pytest.approx((2.816, 2.816, 14.05))


def test_coo_is_antiferromagnetic_on_four_atoms():
    deck = _deck("paper", "CoO", "static")
    assert Incar.from_str(deck.incar)["MAGMOM"] == [3, -3, 0, 0]
    assert Poscar.from_str(deck.poscar).natoms == [2, 2]


def test_dos_has_projections_tetrahedra_and_a_denser_mesh():
    deck = _deck("paper", "CoO", "dos")
    incar = Incar.from_str(deck.incar)
    assert (incar["LORBIT"], incar["ISMEAR"], incar["ICHARG"]) == (11, -5, 11)
    assert tuple(Kpoints.from_str(deck.kpoints).kpts[0]) == (8, 8, 8)
    step = (incar["EMAX"] - incar["EMIN"]) / (incar["NEDOS"] - 1)
    assert step <= 0.02 + 1e-9


def test_dos_has_the_empty_bands_asked_for():
    # 2 Co with 9 and 2 O with 6 electrons: 15 occupied bands, as many empty ones
    assert _incar("paper", "CoO", "dos")["NBANDS"] == 30


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("ENCUT", 400),
        ("POTIM", 2),
        ("NSW", 10_000),
        ("IBRION", 0),
        ("ISYM", 0),
        ("TEBEG", 600),
        ("TEEND", 600),
        ("MDALGO", 4),
        ("NHC_NCHAINS", 3),
        ("NHC_PERIOD", 50),
        ("ISIF", 2),
        ("NBLOCK", 1),
    ],
)
def test_dynamics_setting(tag, value):
    assert _incar("aimd", "LCO", "md")[tag] == value


def test_dynamics_is_at_the_zone_centre_only():
    deck = _deck("aimd", "LPSCl", "md")
    assert tuple(Kpoints.from_str(deck.kpoints).kpts[0]) == (1, 1, 1)
    assert deck.executable == "vasp_gam"


def test_langevin_friction_stands_once_per_species():
    structure, materials, _ = _cell("LPSCl")
    loaded = load_protocol("aimd")
    spec = resolve(loaded.electronic, structure, materials)
    calculation = VaspCalculation(
        kind="md", electronic=spec, dynamics=loaded.equilibration.at(300, 7)
    )
    incar = Incar.from_str(make_deck(calculation, structure, PROFILE).incar)
    assert incar["MDALGO"] == 3
    assert incar["LANGEVIN_GAMMA"] == [10] * 4


def test_lithium_set_follows_from_the_cutoff():
    assert _deck("paper", "LCO", "static").potcar_spec.split() == ["Li_sv", "Co", "O"]
    assert _deck("aimd", "LCO", "md").potcar_spec.split() == ["Li", "Co", "O"]


@pytest.mark.parametrize("kind", ["static", "dos", "relax"])
def test_stringent_relaxes_all_strains_to_its_threshold(kind):
    incar = _incar("stringent", "CoO", kind)
    assert incar["ENCUT"] == 650
    if kind == "relax":
        assert (incar["ISIF"], incar["EDIFFG"], incar["IBRION"]) == (3, -0.01, 2)


def test_threshold_is_per_atom():
    small, large = (_incar("paper", m, "static")["EDIFF"] for m in ("CoO", "LPSCl"))
    assert small / 4 == pytest.approx(large / 52)


# --- nothing is inherited


def test_tags_of_packaged_input_sets_do_not_leak_in():
    from atomate2.vasp.sets.core import StaticSetGenerator

    theirs = set(StaticSetGenerator().config_dict["INCAR"])
    stated = {tag for p, m, k in CASES for tag in _incar(p, m, k)}
    assert {"ENAUG", "LMIXTAU", "LVTOT", "LELF", "LAECHG"} & theirs, "the check checks nothing"
    assert not (theirs & {"ENAUG", "LMIXTAU", "LVTOT", "LELF", "LAECHG"}) & stated


def test_every_deck_states_the_tags_that_decide_its_physics():
    needed = {"GGA", "ENCUT", "PREC", "EDIFF", "ISPIN", "ISMEAR", "SIGMA", "IBRION", "NSW", "ISIF"}
    for case in CASES:
        assert needed <= set(_incar(*case)), case


# --- order of atoms


def _permuted(structure, order):
    take = lambda items: None if items is None else tuple(items[i] for i in order)  # noqa: E731
    return StructureRecord(
        lattice=structure.lattice,
        species=take(structure.species),
        positions=take(structure.positions),
        sides=take(structure.sides),
        moments=take(structure.moments),
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize("material", ["LCO", "CoO"])
def test_permuted_atoms_keep_u_and_moments_with_their_atoms(material, seed):
    structure = _cell(material)[0]
    order = list(range(structure.n_atoms))
    random.Random(seed).shuffle(order)
    calculation = _calculations("paper", material)["static"]
    deck = make_deck(calculation, _permuted(structure, order), PROFILE)
    meant = make_deck(calculation, structure, PROFILE)
    for tag in ("LDAUU", "LDAUL", "LDAUJ"):
        assert Incar.from_str(deck.incar)[tag] == Incar.from_str(meant.incar)[tag]
    assert deck.potcar_spec == meant.potcar_spec
    sites = Poscar.from_str(deck.poscar).structure
    moments = Incar.from_str(deck.incar).get("MAGMOM", [0.0] * len(sites))
    given_moments = structure.moments or (0.0,) * structure.n_atoms
    for site, moment in zip(sites, moments, strict=True):
        original = [
            i
            for i, position in enumerate(structure.positions)
            if sites.lattice.get_distance_and_image(
                site.frac_coords, sites.lattice.get_fractional_coords(position)
            )[0]
            < 1e-6
        ]
        assert [structure.species[i] for i in original] == [site.specie.symbol]
        assert given_moments[original[0]] == moment


@given(species=st.lists(st.sampled_from(["O", "Co", "Li", "S", "P", "Cl"]), min_size=1))
def test_order_groups_species_and_can_be_undone(species):
    order = PoscarOrder.of(tuple(species))
    arranged = order.arrange(tuple(species))
    blocks = [s for i, s in enumerate(arranged) if i == 0 or arranged[i - 1] != s]
    assert len(blocks) == len(set(species))
    numbered = tuple(range(len(species)))
    assert order.restore(order.arrange(numbered)) == numbered


def test_a_species_in_two_blocks_is_refused():
    from pymatgen.core import Structure

    from sulfox.engines.vasp.inputs.input_set import SpecifiedInputGenerator

    mixed = Structure(np.eye(3) * 6, ["O", "Co", "O"], [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]])
    generator = SpecifiedInputGenerator(
        calculation=_calculations("paper", "LCO")["static"], profile=PROFILE
    )
    with pytest.raises(SulfoxError, match="SFX-323"):
        generator.get_input_set(mixed, potcar_spec=True)


# --- slabs


def test_vacuum_switches_the_dipole_correction_on():
    bulk = _cell("CoO")[0]
    calculation = _calculations("paper", "CoO")["static"]
    c = np.array(bulk.lattice[2])
    slab = bulk.model_copy(update={"lattice": (*bulk.lattice[:2], tuple((c * 5).tolist()))})
    incar = Incar.from_str(make_deck(calculation, slab, PROFILE).incar)
    assert (incar["LDIPOL"], incar["IDIPOL"]) == (True, 3)
    assert "LDIPOL" not in Incar.from_str(make_deck(calculation, bulk, PROFILE).incar)
    # nuclei lie between 0 and 0.75/5 of c: the middle of matter is half of that
    assert incar["DIPOL"][2] == pytest.approx(0.15 / 2, abs=0.03)


def test_denser_mesh_is_not_spent_on_vacuum():
    bulk = _cell("CoO")[0]
    c = np.array(bulk.lattice[2])
    slab = bulk.model_copy(update={"lattice": (*bulk.lattice[:2], tuple((c * 5).tolist()))})
    spec = _calculations("paper", "CoO")["dos"].electronic
    flat = spec.model_copy(
        update={"k_mesh": spec.k_mesh.model_copy(update={"divisions": (4, 4, 1)})}
    )
    calculation = VaspCalculation(kind="dos", electronic=flat)
    assert make_deck(calculation, slab, PROFILE).k_divisions == (8, 8, 1)
    assert make_deck(calculation, bulk, PROFILE).k_divisions == (8, 8, 2)


def test_large_cells_project_in_real_space():
    assert _incar("paper", "LPSCl", "static")["LREAL"] is False
    bulk = _cell("LPSCl")[0]
    double = StructureRecord.from_ase(bulk.to_ase() * (2, 1, 1))
    deck = make_deck(_calculations("paper", "LPSCl")["static"], double, PROFILE)
    assert Incar.from_str(deck.incar)["LREAL"] == "Auto"


def test_one_point_has_no_tetrahedra():
    spec = _calculations("aimd", "CoO")["md"].electronic
    structure = _cell("CoO")[0]
    calculation = VaspCalculation(kind="dos", electronic=spec)
    incar = Incar.from_str(make_deck(calculation, structure, PROFILE).incar)
    assert (incar["ISMEAR"], incar["SIGMA"]) == (0, spec.dos.broadening_eV)


# --- broken on purpose: the goldens see it


def _broken_u(calculation, structure):
    hubbard = {"Co": calculation.electronic.hubbard["Co"].model_copy(update={"u_eV": 3.3})}
    spec = calculation.electronic.model_copy(update={"hubbard": hubbard})
    return calculation.model_copy(update={"electronic": spec}), structure


def _u_on_oxygen(calculation, structure):
    hubbard = {"O": calculation.electronic.hubbard["Co"]}
    spec = calculation.electronic.model_copy(update={"hubbard": hubbard})
    return calculation.model_copy(update={"electronic": spec}), structure


def _moments_in_another_order(calculation, structure):
    return calculation, structure.model_copy(update={"moments": structure.moments[::-1]})


def _parallel_moments(calculation, structure):
    return calculation, in_magnetic_state(structure, "ferromagnetic")


def _coarser_mesh(calculation, structure):
    mesh = calculation.electronic.k_mesh.model_copy(update={"divisions": (4, 4, 2)})
    spec = calculation.electronic.model_copy(update={"k_mesh": mesh})
    return calculation.model_copy(update={"electronic": spec}), structure


def _other_cutoff(calculation, structure):
    spec = calculation.electronic.model_copy(update={"cutoff_eV": 520.0})
    return calculation.model_copy(update={"electronic": spec}), structure


@pytest.mark.parametrize(
    "broken",
    [
        _broken_u,
        _u_on_oxygen,
        _moments_in_another_order,
        _parallel_moments,
        _coarser_mesh,
        _other_cutoff,
    ],
)
def test_a_broken_deck_is_caught(broken, monkeypatch):
    monkeypatch.delenv("SULFOX_WRITE_GOLDEN", raising=False)
    calculation, structure = broken(_calculations("paper", "CoO")["static"], _cell("CoO")[0])
    deck = make_deck(calculation, structure, PROFILE)
    assert _differs_from_golden(deck, "paper", "CoO", "static") == ["paper-CoO-static.txt"]


def test_decks_have_their_own_hash():
    hashes = [_deck(*case).hash for case in CASES]
    assert len(set(hashes)) == len(hashes)
    assert _deck(*CASES[0]).hash == hashes[0]


# --- the PAW sets


def test_an_element_without_a_paw_set_is_refused():
    with pytest.raises(SulfoxError, match="SFX-323"):
        PROFILE.potcar.choose("U", 500)


def test_a_cutoff_below_every_set_is_refused():
    with pytest.raises(SulfoxError, match="needs 400 eV"):
        PROFILE.potcar.choose("O", 350)


def test_release_of_the_sets_changes_identity():
    from sulfox.engines.vasp.run.engine import load_vasp

    names = ("PBE_54", "nep89", "PBE_64")
    first, ignored, other = (load_vasp(name).inputs_hash for name in names)
    assert first == ignored != other


# --- the command

STUDY = """
name: trial
title: CoO on LPSCl
question: none
pairs:
  - name: CoO|LPSCl
    cathode: {material: CoO, facet: [1, 0, 0]}
    electrolyte: {material: LPSCl, facet: [1, 0, 0]}
dynamics:
  {protocol: aimd, temperatures_K: [600], seeds: [3], equilibration_ps: 1.0, length_ps: 20.0}
"""


def _run(*arguments):
    from typer.testing import CliRunner

    from sulfox.cli.main import app

    return CliRunner().invoke(app, ["inputs", *map(str, arguments)])


@pytest.mark.slow
def test_command_writes_every_deck_and_no_potcar(tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    out = tmp_path / "decks"
    result = _run(tmp_path, "--out", out, "--protocol", "stringent", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    paths = [deck["path"] for deck in answer["decks"]]
    bulk = [f"bulk/{m}/{k}" for m in ("CoO", "LPSCl") for k in ("relax", "static", "dos")]
    stages = [f"600K-seed3/{stage}" for stage in ("equilibration", "production")]
    assert paths == [*bulk, *(f"interfaces/CoO-LPSCl/{p}" for p in ("relax", *stages))]
    for deck in answer["decks"]:
        names = {path.name for path in (out / deck["path"]).iterdir()}
        assert names == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec"}
        assert (out / deck["path"] / "POTCAR.spec").read_text().split() == deck["potcar"]
    assert len({deck["hash"] for deck in answer["decks"]}) == len(paths)
    production = Incar.from_file(out / paths[-1] / "INCAR")
    assert (production["NSW"], production["POTIM"], production["ENCUT"]) == (10_000, 2, 400)
    poscar = Poscar.from_file(out / paths[-1] / "POSCAR")
    assert len(production["MAGMOM"]) == sum(poscar.natoms)
    cobalt = [s.specie.symbol == "Co" for s in poscar.structure]
    assert {abs(m) for m, is_co in zip(production["MAGMOM"], cobalt, strict=True) if is_co} == {3}
    assert sum(production["MAGMOM"]) == 0
    readme = (out / "README.txt").read_text()
    assert "pmg potcar --functional PBE_54" in readme
    assert "measured lattices" in readme


def test_command_refuses_an_engine_without_decks(tmp_path):
    result = _run("gsirr", "--engine", "mlip", "--out", tmp_path)
    assert isinstance(result.exception, SulfoxError)
    assert result.exception.code == "SFX-901"

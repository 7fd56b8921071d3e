"""LCO with a coherent CoO shell: one oxygen lattice, AFM-II through the shell, and it stays so."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from sulfox.documents.base import Status
from sulfox.engines.registry import get_engine
from sulfox.errors import SulfoxError
from sulfox.interfaces.coherent.checks import oxygen_coordination
from sulfox.interfaces.coherent.core_shell import build_core_shell
from sulfox.interfaces.coherent.specification import CORE_SHELL_SIZES, CoreShellSpec
from sulfox.materials.catalogue import load_material
from sulfox.materials.ordering import ordered_representative
from sulfox.protocols.relaxation import RelaxationSpec

LCO = ordered_representative(load_material("LCO"))
COO = ordered_representative(load_material("CoO"))


def build(core_layers=3, shell_layers=3, **options):
    spec = CoreShellSpec(core_layers=core_layers, shell_layers=shell_layers, **options)
    return build_core_shell(LCO, COO, spec)


@pytest.fixture(scope="module", params=CORE_SHELL_SIZES.values(), ids=CORE_SHELL_SIZES)
def doc(request):
    return build(*request.param)


def test_every_oxygen_has_six_cations_and_none_is_crowded(doc):
    assert doc.oxygen.n_six_fold == doc.oxygen.n_oxygen
    assert doc.oxygen.shortest_O_O_A > 2.4
    distances = doc.structure.to_pymatgen().distance_matrix + 10 * np.eye(doc.n_atoms)
    assert distances.min() > 1.85  # Co-O of LCO is 1.92 Å


def test_both_oxygens_of_the_paper_are_there(doc):
    """O bonded to 3 Co + 3 Li and O bonded to 6 Co in one cell, on one energy axis."""
    assert doc.oxygen.environments["3 Co + 3 Li"] >= 4
    assert doc.oxygen.environments["6 Co"] >= 4


def test_middle_of_each_side_is_bulk(doc):
    structure = doc.structure.to_pymatgen()
    for side, neighbours in (("cathode", {"Co": 3, "Li": 3}), ("coating", {"Co": 6})):
        layers = [layer for layer in doc.layers if layer.side == side]
        middle = max(layers, key=lambda layer: layer.layers_from_interface)
        for k in middle.atoms:
            if structure[k].specie.symbol == "O":
                near = Counter(n.specie.symbol for n in structure.get_neighbors(structure[k], 2.5))
                assert near == neighbours


def test_core_is_the_bulk_crystal_unchanged(doc):
    """Distances between atoms of the core are those of LiCoO2, none else."""
    structure = doc.structure.to_pymatgen()
    bulk = LCO.structure.to_pymatgen()
    cobalt = next(site for site in bulk if site.specie.symbol == "Co")
    expected = {round(n.nn_distance, 3) for n in bulk.get_neighbors(cobalt, 4.1)}
    layers = [layer for layer in doc.layers if layer.side == "cathode"]
    middle = layers[len(layers) // 2]
    here = next(k for k in middle.atoms if structure[k].specie.symbol == "Co")
    near = structure.get_neighbors(structure[here], 2.9)
    assert {round(n.nn_distance, 3) for n in near} <= expected
    assert len(near) == len(bulk.get_neighbors(cobalt, 2.9))


def test_interfaces_are_equivalent_neutral_and_without_field(doc):
    assert doc.interfaces_equivalent
    assert not doc.is_polar
    assert all(layer.charge_e == 0.0 for layer in doc.layers)
    crystal = doc.structure.to_pymatgen()
    for name in list(crystal.site_properties):
        crystal.remove_site_property(name)
    assert SpacegroupAnalyzer(crystal, symprec=0.01).is_laue()


def test_afm_order_goes_through_every_layer_of_the_shell(doc):
    """AFM-II: Co-O-Co at 180 degrees antiparallel, in the plane and along the normal."""
    for layer in doc.layers:
        magnetic = layer.side == "coating"
        assert layer.absolute_moment_muB == (6.0 if magnetic else 0.0)
        assert layer.net_moment_muB == 0.0
    structure = doc.structure.to_pymatgen()
    moments = np.array(doc.structure.moments)
    pairs = 0
    for k, site in enumerate(structure):
        if moments[k] == 0.0:
            continue
        for near in structure.get_neighbors(site, 4.7):
            if near.nn_distance < 3.6 or moments[near.index] == 0.0:
                continue
            assert moments[near.index] == -moments[k]
            pairs += 1
    assert pairs


def test_co3_of_the_core_carries_no_moment(doc):
    moments = np.array(doc.structure.moments)
    core = np.array(doc.structure.sides) == "cathode"
    assert not moments[core].any()
    cobalt = np.array(doc.structure.species) == "Co"
    assert (np.abs(moments[~core & cobalt]) == 3.0).all()


@pytest.fixture(scope="module")
def nep():
    try:
        return get_engine("mlip")
    except SulfoxError as error:
        pytest.skip(error.line)


@pytest.mark.parametrize("vacuum", [0.0, 15.0], ids=["superlattice", "slab"])
def test_nep89_keeps_the_cell_coherent(nep, vacuum):
    """Interatomic potential, not DFT: no oxygen loses a cation, nothing moves a bond length."""
    doc = build(vacuum_A=vacuum)
    found = nep.relax(doc.structure, RelaxationSpec(), label=doc.id)
    assert found.status is Status.COMPLETE
    assert found.max_displacement_A < 0.6
    after = oxygen_coordination(found.final)
    assert after.environments == doc.oxygen.environments
    assert after.shortest_O_O_A > 2.4
    assert found.final.sides == doc.structure.sides
    assert found.final.moments == doc.structure.moments


@pytest.mark.filterwarnings("ignore:logm result may be inaccurate")
def test_seven_layers_of_each_side_are_bulk_like_in_the_middle(nep):
    """Spacings in the middle of 7 + 7 layers are those of 11 + 11 within 0.01 Å.

    In-plane cell fixed on the core, no stress along the normal; NEP89, not DFT.
    """
    spacings = []
    for layers in (7, 11):
        doc = build(layers, layers)
        atoms = doc.structure.to_ase()
        atoms.calc = nep.calculator.make()
        target = FrechetCellFilter(atoms, mask=[0, 0, 1, 0, 0, 0])
        assert FIRE(target, logfile=None).run(fmax=0.02, steps=500)
        heights = [atoms.positions[list(layer.atoms), 2].mean() for layer in doc.layers]
        steps = np.diff(heights)
        spacings.append((steps[layers // 2 - 1], steps[layers + layers // 2 - 1]))
    assert spacings[0] == pytest.approx(spacings[1], abs=0.01)

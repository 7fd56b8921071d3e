"""Search, stacking, variants: limits kept, refusals explained, nothing lost, ids stable."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sulfox.documents.interface import InterfaceDoc
from sulfox.errors import SulfoxError
from sulfox.interfaces.candidate import write_candidate
from sulfox.interfaces.search import find_interfaces
from sulfox.interfaces.specification import InterfaceSpec
from sulfox.interfaces.stacking import CATION_CONTACT_A, OVERLAP, contact_A, cross_distances
from sulfox.interfaces.variants import delithiate, spread_apart


@pytest.fixture(scope="module")
def lco_search(lco, lpscl):
    return find_interfaces(lco, lpscl, InterfaceSpec(max_candidates=4))


@pytest.fixture(scope="module")
def coo_search(coo, lpscl):
    return find_interfaces(coo, lpscl, InterfaceSpec(max_candidates=4))


def test_same_inputs_give_the_same_ids(coo, lpscl, coo_search):
    again = find_interfaces(coo, lpscl, InterfaceSpec(max_candidates=4))
    assert [doc.id for doc in again.candidates] == [doc.id for doc in coo_search.candidates]
    assert len({doc.id for doc in again.candidates}) == len(again.candidates)


def test_documents_survive_json(coo_search):
    doc = coo_search.candidates[0]
    assert InterfaceDoc.model_validate_json(doc.model_dump_json()) == doc


def test_limits_hold_for_every_candidate(lco_search, coo_search):
    for doc in (*lco_search.candidates, *coo_search.candidates):
        assert doc.strain_max <= 0.05
        assert doc.n_atoms <= 400
        for side in (doc.cathode, doc.electrolyte):
            eigenvalues = np.linalg.eigvalsh(np.array(side.strain))
            assert np.abs(eigenvalues).max() == pytest.approx(side.strain_max, abs=1e-8)


def test_ranks_follow_the_stated_cost(lco_search):
    costs = [doc.strain_max / 0.05 + doc.n_atoms / 400 for doc in lco_search.candidates]
    assert [doc.rank for doc in lco_search.candidates] == [1, 2, 3, 4]
    assert costs == sorted(costs)


def test_terminations_of_the_first_candidates_differ(lco_search):
    pairs = {(d.cathode.termination, d.electrolyte.termination) for d in lco_search.candidates}
    assert len(pairs) == len(lco_search.candidates)


def test_pareto_rows_trade_strain_for_atoms(lco_search):
    atoms = [row.n_atoms for row in lco_search.pareto]
    strains = [row.strain_max for row in lco_search.pareto]
    assert atoms == sorted(set(atoms))
    assert strains == sorted(set(strains), reverse=True)
    assert any(row.within_limits for row in lco_search.pareto)
    for row in lco_search.pareto:
        assert row.within_limits == (row.n_atoms <= 400 and row.strain_max <= 0.05 + 1e-9)


def test_a_strain_nothing_meets_is_refused_with_the_closest_miss(lco, lpscl):
    found = find_interfaces(lco, lpscl, InterfaceSpec(max_strain=0.001))
    assert not found.candidates
    assert found.refused[0].code == "SFX-202"
    assert "smallest strain within 400 atoms" in found.refused[0].reason


def test_too_few_atoms_are_refused_with_the_closest_miss(lco, lpscl):
    found = find_interfaces(lco, lpscl, InterfaceSpec(max_atoms=20))
    assert not found.candidates
    assert "fewest atoms within 5.00% strain" in found.refused[0].reason


def test_a_gap_that_makes_atoms_overlap_is_refused(coo, lpscl):
    found = find_interfaces(coo, lpscl, InterfaceSpec(gap_A=0.3, max_candidates=2))
    assert not found.candidates
    assert {refusal.code for refusal in found.refused} >= {"overlap"}


def test_a_given_gap_is_kept(coo, lpscl):
    found = find_interfaces(coo, lpscl, InterfaceSpec(gap_A=2.4, max_candidates=1))
    doc = found.candidates[0]
    z = np.array(doc.structure.positions)[:, 2]
    below = np.array([side == "cathode" for side in doc.structure.sides])
    assert z[~below].min() - z[below].max() == pytest.approx(2.4, abs=1e-6)


def test_a_sandwich_has_the_same_gap_on_both_sides(coo, lpscl):
    doc = find_interfaces(coo, lpscl, InterfaceSpec(vacuum_A=0.0, max_candidates=1)).candidates[0]
    z = np.array(doc.structure.positions)[:, 2]
    assert doc.structure.lattice[2][2] - np.ptp(z) == pytest.approx(doc.gap_A, abs=1e-6)


def test_supercells_that_frustrate_the_magnetic_order_are_refused_or_marked(coo, lpscl):
    small = {"max_atoms": 160, "max_candidates": 2}
    strict = find_interfaces(coo, lpscl, InterfaceSpec(**small))
    free = find_interfaces(coo, lpscl, InterfaceSpec(**small, keep_magnetic_order=False))
    assert not strict.candidates
    assert any(refusal.code == "magnetic-order" for refusal in strict.refused)
    assert free.candidates
    for doc in free.candidates:
        assert any(reason.code == "magnetic-order" for reason in doc.reasons)
        assert doc.structure.moments is None


def test_cleaved_polyanions_come_first_when_asked_for(lco, lpscl):
    spec = InterfaceSpec(allow_broken_polyanions=True, max_candidates=2)
    for doc in find_interfaces(lco, lpscl, spec).candidates:
        (check,) = doc.electrolyte.polyanions
        assert check.n_intact < check.n_units
        assert doc.electrolyte.termination.endswith("-cleaved")
        assert any(reason.code == "broken-polyanion" for reason in doc.reasons)


def test_sharing_the_misfit_halves_it(lco, lpscl, lco_search):
    spec = InterfaceSpec(electrolyte_strain_share=0.5, max_candidates=1, max_atoms=364)
    doc = find_interfaces(lco, lpscl, spec).candidates[0]
    assert doc.cathode.strain_max == pytest.approx(doc.misfit_max / 2, rel=0.05)
    assert doc.electrolyte.strain_max == pytest.approx(doc.misfit_max / 2, rel=0.05)
    assert lco_search.candidates[0].cathode.strain_max == 0.0


def test_a_slightly_relaxed_bulk_is_taken_as_it_is(coo, lpscl):
    """The lattice comes from the structure that is given, never from the catalogue."""
    record = coo.structure
    scaled = record.model_copy(
        update={
            "lattice": tuple(map(tuple, (np.array(record.lattice) * 1.01).tolist())),
            "positions": tuple(map(tuple, (np.array(record.positions) * 1.01).tolist())),
        }
    )
    relaxed = coo.model_copy(update={"structure": scaled})
    plain = find_interfaces(coo, lpscl, InterfaceSpec(max_candidates=1)).candidates[0]
    other = find_interfaces(relaxed, lpscl, InterfaceSpec(max_candidates=1)).candidates[0]
    assert other.area_A2 == pytest.approx(plain.area_A2 * 1.01**2, rel=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_strain": -0.1},
        {"max_strain": float("nan")},
        {"max_atoms": 0},
        {"gap_A": -1.0},
        {"vacuum_A": -1.0},
        {"electrolyte_strain_share": 1.2},
        {"min_cathode_thickness_A": float("inf")},
    ],
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(SulfoxError, match="SFX-203") as caught:
        InterfaceSpec(**wrong)
    assert next(iter(wrong)) in str(caught.value)


def test_half_the_lithium_of_every_layer_is_removed(lco_search):
    doc = lco_search.candidates[0]
    half = delithiate(doc, 0.5)
    before = Counter(
        s for s, d in zip(doc.structure.species, doc.structure.sides, strict=True) if d == "cathode"
    )
    after = Counter(
        s
        for s, d in zip(half.structure.species, half.structure.sides, strict=True)
        if d == "cathode"
    )
    removed = before["Li"] - after["Li"]
    assert removed == round(before["Li"] / 2 + 1e-9) or removed == before["Li"] // 2
    assert half.cathode.excess == {"Li": -removed}
    assert {**before, "Li": 0} == {**after, "Li": 0}
    assert half.id != doc.id
    assert half.n_atoms == doc.n_atoms - removed == half.structure.n_atoms
    assert half.reasons[-1].code == "delithiated"
    heights = [
        round(z / 2.0)
        for (_, _, z), s, d in zip(
            half.structure.positions, half.structure.species, half.structure.sides, strict=True
        )
        if s == "Li" and d == "cathode"
    ]
    per_layer = Counter(heights).values()
    assert max(per_layer) - min(per_layer) <= 1
    assert delithiate(doc, 0.5).id == half.id
    assert delithiate(doc, 0.5, seed=1).id != half.id


def test_vacancies_alternate_on_a_square_lattice():
    grid = np.array([[3.0 * i, 3.0 * j, 0.0] for i in range(4) for j in range(4)])
    chosen = spread_apart(grid, np.diag([12.0, 12.0, 30.0]), 0.5)
    colours = {int(round(grid[k, 0] / 3) + round(grid[k, 1] / 3)) % 2 for k in chosen}
    assert len(chosen) == 8
    assert len(colours) == 1


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, float("nan")])
def test_impossible_delithiation_is_refused(lco_search, fraction):
    with pytest.raises(SulfoxError, match="SFX-203"):
        delithiate(lco_search.candidates[0], fraction)


def test_a_cathode_without_lithium_cannot_be_delithiated(coo_search):
    with pytest.raises(SulfoxError, match="SFX-203"):
        delithiate(coo_search.candidates[0])


def test_contacts_are_ionic_radii_and_cations_keep_away():
    assert contact_A(("Li", 1), ("S", -2)) == pytest.approx(2.6, abs=0.05)
    assert contact_A(("O", -2), ("S", -2)) > 2.9
    assert contact_A(("P", 5), ("Co", 3)) == CATION_CONTACT_A
    assert contact_A(("Li", 1), ("S", -2)) == contact_A(("S", -2), ("Li", 1))


def test_reported_distances_are_those_of_the_structure(coo_search):
    for doc in coo_search.candidates:
        structure = doc.structure.to_pymatgen()
        below = [k for k, s in enumerate(doc.structure.sides) if s == "cathode"]
        above = [k for k, s in enumerate(doc.structure.sides) if s == "electrolyte"]
        matrix = structure.distance_matrix[np.ix_(below, above)]
        for pair, shortest in doc.min_distances_A.items():
            one, other = pair.split("-")
            rows = [i for i, k in enumerate(below) if doc.structure.species[k] == one]
            columns = [j for j, k in enumerate(above) if doc.structure.species[k] == other]
            assert matrix[np.ix_(rows, columns)].min() == pytest.approx(shortest, abs=1e-3)
            charges = {"Co": 2, "O": -2, "Li": 1, "P": 5, "S": -2, "Cl": -1}
            contact = contact_A((one, charges[one]), (other, charges[other]))
            assert shortest >= OVERLAP * contact


def test_cross_distances_see_periodic_images():
    lattice = np.diag([10.0, 10.0, 20.0])
    positions = np.array([[0.5, 5.0, 5.0], [9.5, 5.0, 5.0]])
    assert cross_distances(lattice, positions, 1) == pytest.approx(np.array([[1.0]]))


def test_written_files_hold_every_atom(tmp_path, coo_search):
    from pymatgen.io.vasp import Poscar

    doc = coo_search.candidates[0]
    poscar, atoms, document = write_candidate(doc, tmp_path)
    structure = Poscar.from_file(poscar).structure
    lines = atoms.read_text().splitlines()
    assert structure.composition.as_dict() == doc.composition
    assert len(lines) == doc.n_atoms + 1
    assert [line.split("\t")[0] for line in lines[1:]] == [s.specie.symbol for s in structure]
    assert sum(float(line.split("\t")[2]) for line in lines[1:]) == pytest.approx(0.0)
    assert InterfaceDoc.model_validate_json(document.read_text()) == doc

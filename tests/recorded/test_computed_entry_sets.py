"""The entry sets that ship: what they promise, and what comes out of them."""

from __future__ import annotations

import pytest

from sulfox.analysis.thermodynamics.entries.computed_set import VOLUME_RATIO
from sulfox.analysis.thermodynamics.entries.element_references import DEFAULT_SCHEME, SCHEMES
from sulfox.analysis.thermodynamics.entries.entry_sources import open_entry_set, read_computed_set
from sulfox.analysis.thermodynamics.pair_table import tabulate_pairs, with_solutions
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import reaction_energy
from sulfox.analysis.thermodynamics.screening import screen_coatings
from sulfox.documents.base import Status
from sulfox.errors import SulfoxError
from sulfox.materials.entry_files import list_entry_files
from sulfox.materials.pairs import read_pair_plan
from sulfox.materials.phases import read_phases

SETS = ("nep89", "chgnet")
NO_ELEMENT = "SFX-729"


@pytest.fixture(scope="module", params=SETS)
def path(request):
    return list_entry_files()[request.param]


def test_a_shipped_set_was_made_from_the_shipped_catalogue(path):
    document = read_computed_set(path)
    catalogue = read_phases()
    assert document.catalogue_hash == catalogue.hash
    assert [phase.name for phase in document.phases] == [p.name for p in catalogue.phases]
    assert "MLIP, not DFT" in document.provenance.level_of_theory
    assert len(document.engine_inputs_hash) == 64
    assert {"sulfox", "ase"} <= document.provenance.code_versions.keys()


def test_every_phase_is_accepted_with_an_energy_or_refused_with_a_reason(path):
    document = read_computed_set(path)
    for phase in document.phases:
        if phase.status is Status.COMPLETE:
            assert phase.reason is None
            assert phase.structure.n_atoms == phase.n_atoms
            assert 1 / VOLUME_RATIO <= phase.volume_ratio <= VOLUME_RATIO
            assert phase.max_force_eV_A <= 2 * document.force_threshold_eV_A
        else:
            assert phase.reason
            assert phase.energy_eV_per_atom is None
    accepted = [p for p in document.phases if p.status is Status.COMPLETE]
    assert len(accepted) >= 90


def test_its_error_against_experiment_stands_beside_every_result(path):
    entry_set = open_entry_set(path)
    accuracy = entry_set.accuracy
    assert accuracy.n >= 45
    assert 0.01 < accuracy.mean_abs_eV_per_atom < accuracy.mean_abs_left_out_eV_per_atom < 0.5
    document = reaction_energy(entry_set, ("LiCoO2", "Li6PS5Cl"))
    assert document.entries.accuracy == accuracy.sentence
    assert "not DFT" in document.entries.level_of_theory
    assert accuracy.sentence in {reason.message for reason in document.reasons}


def test_schemes_have_hashes_of_their_own(path):
    hashes = {scheme: _hash(path, scheme) for scheme in SCHEMES}
    assert len(set(hashes.values())) == len(SCHEMES)
    assert hashes[DEFAULT_SCHEME] != NO_ELEMENT


def _hash(path, scheme):
    try:
        return open_entry_set(path, scheme=scheme).hash
    except SulfoxError as error:
        if error.code != NO_ELEMENT:
            raise
        return error.code  # an element's own phase was refused


@pytest.mark.slow
def test_every_pair_of_the_table_has_a_number(path):
    table, documents = tabulate_pairs(open_entry_set(path), read_pair_plan())
    assert table.status is Status.COMPLETE
    rows = {row.label: row for row in table.pairs}
    assert len(rows) == 18
    assert len(documents) == len(rows) + len(table.windows)
    for row in rows.values():
        assert row.own_energy_eV_per_atom <= row.hull_eV_per_atom + 1e-9 <= 1e-9
    # a more oxidised cathode reacts more; coatings react less than what they cover
    charge = [rows[f"{name} | LPSCl"].hull_eV_per_atom for name in ("LCO", "Li0.5CoO2", "CoO2")]
    assert charge == sorted(charge, reverse=True)
    assert rows["Li2CO3 | LPSCl"].hull_eV_per_atom > rows["LCO | LPSCl"].hull_eV_per_atom
    assert "does not say why it protects" in rows["CoO | LPSCl"].said
    assert all(row.said for row in table.pairs if row.published_eV_per_atom is not None)


@pytest.mark.slow
def test_the_three_documents_come_out_as_rows(path):
    library, plan = HullLibrary(open_entry_set(path)), read_pair_plan()
    for planned in plan.screenings:
        sides = (planned.cathode, planned.electrolyte)
        used, first, second = with_solutions(library, plan, sides, 0.0)
        document = screen_coatings(used, first, second, planned.coatings)
        assert not document.left_out
        assert len(document.coatings) == len(planned.coatings)
        for row in document.coatings:
            junction = row.triple_junction
            bare = document.bare.mutual_eV_per_atom
            assert junction.energy_eV_per_atom <= min(bare, junction.worst_pair_eV_per_atom) + 1e-8

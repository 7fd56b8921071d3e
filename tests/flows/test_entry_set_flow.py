"""The flow that computes an entry set: every phase once, refusals named, nothing run twice."""

from __future__ import annotations

import pytest
from ase.calculators.emt import EMT as EMT_ITSELF

from sulfox.analysis.thermodynamics.entries.element_references import SCHEMES, formation_entries
from sulfox.documents.entry_set import ComputedEntrySetDoc
from sulfox.errors import SulfoxError
from sulfox.flows.local_manager import JobState, run_flow
from sulfox.flows.thermodynamic.entry_set_flow import build_entry_set_flow
from sulfox.materials.phases import Phase, PhaseCatalogue, read_phases

EMT = "ase.calculators.emt:EMT"
OWN, _ = SCHEMES


def catalogue(*names):
    found = {phase.name: phase for phase in read_phases().phases}
    nickel_aluminide = found["Ni"].model_dump(mode="json") | {
        "name": "NiAl",
        "formula": "NiAl",
        "space_group": {"symbol": "Pm-3m", "number": 221, "setting": "standard"},
        "lattice": dict.fromkeys(("a_A", "b_A", "c_A"), 2.887)
        | dict.fromkeys(("alpha_deg", "beta_deg", "gamma_deg"), 90),
        "sites": [
            {"label": "Ni", "species": {"Ni": 1}, "wyckoff": "1a", "xyz": [0, 0, 0]},
            {"label": "Al", "species": {"Al": 1}, "wyckoff": "1b", "xyz": [0.5, 0.5, 0.5]},
        ],
    }
    found["NiAl"] = Phase.model_validate(nickel_aluminide)
    return PhaseCatalogue(phases=tuple(found[name] for name in names), hash="0" * 64)


def output(opener, uuid):
    store = opener()
    return ComputedEntrySetDoc.model_validate(store.get_output(uuid))


@pytest.mark.slow
def test_a_set_is_computed_in_one_flow_and_not_twice(opener, tmp_path):
    flow, uuid = build_entry_set_flow("toy", catalogue("Al", "Ni", "NiAl"), "mlip", EMT)
    first = run_flow(flow, opener, work_dir=tmp_path / "work", workers=1)
    assert not first.failures
    document = output(opener, uuid)
    assert {phase.name: phase.reason for phase in document.phases} == dict.fromkeys(
        ("Al", "Ni", "NiAl")
    )
    assert "not DFT" in document.provenance.level_of_theory
    entry_set = formation_entries(document, OWN)
    energies = {e.formula: e.formation_energy_eV_per_atom for e in entry_set.entries}
    alone = {}
    for phase in document.phases:  # what ASE gives for the relaxed cells, by itself
        atoms = phase.structure.to_ase()
        atoms.calc = EMT_ITSELF()
        alone[phase.name] = atoms.get_potential_energy() / len(atoms)
        assert phase.energy_eV_per_atom == pytest.approx(alone[phase.name], abs=1e-5)
    expected = alone["NiAl"] - (alone["Ni"] + alone["Al"]) / 2
    assert energies["AlNi"] == pytest.approx(expected, abs=2e-5)
    assert energies["Al"] == energies["Ni"] == 0.0

    again, same = build_entry_set_flow("toy", catalogue("Al", "Ni", "NiAl"), "mlip", EMT)
    second = run_flow(again, opener, work_dir=tmp_path / "work", workers=1)
    assert same == uuid
    assert second.count(JobState.PRESENT) == len(second.jobs)


def test_an_engine_that_cannot_run_is_told_before_anything_runs():
    with pytest.raises(SulfoxError, match=r"^SFX-301"):
        build_entry_set_flow("toy", catalogue("Al"), "mlip", "no.such:Thing")

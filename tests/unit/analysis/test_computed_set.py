"""Computed entry sets: which relaxations are taken, and how total become formation energies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Lattice, Structure

from sulfox.analysis.thermodynamics.entries.computed_set import collect_phases, judge_phase
from sulfox.analysis.thermodynamics.entries.element_references import SCHEMES, formation_entries
from sulfox.analysis.thermodynamics.entries.entry_sources import open_entry_set
from sulfox.documents.base import Provenance, Reason, Status
from sulfox.documents.entry_set import ComputedEntrySetDoc, ComputedPhase
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.materials.phases import read_phases

PROVENANCE = Provenance(engine="mlip", level_of_theory="toy (not DFT)", inputs_hash="0" * 64)
OWN, FITTED = SCHEMES


def rock_salt(a=5.13):
    return Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(a), ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )


def relaxation(label="LiCl", final=None, **more):
    before = rock_salt()
    content = {
        "id": "rx-1",
        "status": Status.COMPLETE,
        "provenance": PROVENANCE,
        "label": label,
        "relax_cell": True,
        "energy_eV": -32.0,
        "max_force_eV_A": 0.01,
        "force_threshold_eV_A": 0.05,
        "n_steps": 3,
        "max_displacement_A": 0.0,
        "initial": StructureRecord.from_pymatgen(before),
        "final": StructureRecord.from_pymatgen(final or before),
    }
    return RelaxationDoc(**(content | more))


def test_a_relaxed_phase_that_kept_its_structure_is_taken():
    assert judge_phase(relaxation()) is None
    assert judge_phase(relaxation(final=rock_salt(5.3))) is None
    assert judge_phase(relaxation(max_force_eV_A=0.09, status=Status.PARTIAL)) is None


def test_a_phase_that_left_its_structure_is_refused():
    assert "volume" in judge_phase(relaxation(final=rock_salt(4.5)))
    caesium_chloride = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.2), ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    caesium_chloride.make_supercell([2, 2, 1])
    assert "left its structure" in judge_phase(relaxation(final=caesium_chloride))


@pytest.mark.parametrize(
    "more",
    [
        {"max_force_eV_A": 0.2, "status": Status.PARTIAL},
        {"energy_eV": None},
        {"max_force_eV_A": None},
        {"status": Status.REFUSED},
    ],
)
def test_a_relaxation_that_failed_is_refused_with_its_reason(more):
    reasons = (Reason(code="SFX-305", message="it went wrong"),)
    assert judge_phase(relaxation(reasons=reasons, **more)) == "it went wrong"


def test_a_frozen_set_keeps_refused_phases_with_their_reasons():
    catalogue = read_phases()
    exploded = relaxation(
        "Li2O", status=Status.REFUSED, reasons=(Reason(code="x", message="bang"),)
    )
    found = collect_phases("toy", catalogue, {"LiCl": relaxation(), "Li2O": exploded}, "1" * 64)
    by_name = {phase.name: phase for phase in found.phases}
    assert len(by_name) == len(catalogue.phases)
    assert by_name["LiCl"].energy_eV_per_atom == -4.0
    assert by_name["LiCl"].structure.n_atoms == 8
    assert (by_name["Li2O"].reason, by_name["Li2O"].energy_eV_per_atom) == ("bang", None)
    assert by_name["CoO"].reason == "no relaxation"
    assert found.status is Status.PARTIAL
    assert any("Li2O" in reason.message for reason in found.reasons)


def test_two_levels_of_theory_make_no_set():
    other = PROVENANCE.model_copy(update={"level_of_theory": "another"})
    found = {"LiCl": relaxation(), "Li2O": relaxation("Li2O", provenance=other)}
    with pytest.raises(SulfoxError, match=r"^SFX-728"):
        collect_phases("toy", read_phases(), found, "1" * 64)
    with pytest.raises(SulfoxError, match=r"^SFX-728"):
        collect_phases("toy", read_phases(), {}, "1" * 64)


MEASURED = {"Li2O": -2.0, "Li2S": -1.5, "Li2O2": -1.6, "SO2": -1.0, "Li2SO4": -2.1, "SO3": -1.1}
ATOMS = {"Li": -1.9, "O": -4.9, "S": -4.1}


def computed_set(measured=None, shifts=None, errors=None, leave=()):
    """Total energies that are measured + elements (+ errors); `shifts` moves the elements."""
    measured = MEASURED if measured is None else measured
    shifts, errors = shifts or {}, errors or {}
    rows = []
    for formula in [*ATOMS, *measured]:
        if formula in leave:
            continue
        composition = Composition(formula)
        energy = measured.get(formula, 0.0) + errors.get(formula, 0.0)
        for element in composition:
            mu = ATOMS[element.symbol] + shifts.get(element.symbol, 0.0)
            energy += mu * composition.get_atomic_fraction(element)
        rows.append(
            ComputedPhase(
                name=formula,
                formula=formula,
                status=Status.COMPLETE,
                reason=None,
                energy_eV_per_atom=energy,
                n_atoms=1,
                structure_type=None,
                remark=None,
                measured_eV_per_atom=measured.get(formula),
                measured_source="by hand",
                references=("none",),
            )
        )
    return ComputedEntrySetDoc(
        id="es-1",
        status=Status.COMPLETE,
        provenance=PROVENANCE,
        name="toy",
        catalogue_hash="0",
        engine_inputs_hash="1",
        force_threshold_eV_A=0.05,
        phases=tuple(rows),
    )


def energies(entry_set):
    return {e.entry_id: e.formation_energy_eV_per_atom for e in entry_set.entries}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_energies_that_agree_with_experiment_come_out_as_measured(scheme):
    entry_set = formation_entries(computed_set(), scheme)
    found = energies(entry_set)
    assert {name: found[name] for name in MEASURED} == pytest.approx(MEASURED, abs=1e-9)
    assert [found[name] for name in ATOMS] == pytest.approx([0, 0, 0], abs=1e-12)
    assert entry_set.accuracy.n == len(MEASURED)
    assert entry_set.accuracy.mean_abs_eV_per_atom == pytest.approx(0, abs=1e-6)
    assert entry_set.level_of_theory == "toy (not DFT)"
    assert entry_set.correction_scheme == scheme
    said = " ".join(remark.message for remark in entry_set.remarks)
    assert "toy (not DFT)" in said
    assert "mean error 0.000" in said


def test_a_wrong_element_spoils_one_scheme_and_not_the_other():
    """Oxygen 0.3 eV/atom off in its own phase: Li2O is off by a third of it, or not at all."""
    document = computed_set(errors={"O": 0.3})
    own, fitted = (energies(formation_entries(document, scheme)) for scheme in SCHEMES)
    assert own["Li2O"] == pytest.approx(-2.0 - 0.1, abs=1e-9)
    assert fitted["Li2O"] == pytest.approx(-2.0, abs=1e-9)
    assert formation_entries(document, OWN).hash != formation_entries(document, FITTED).hash


many = settings(max_examples=25, deadline=None)
number = st.floats(-2, 2).map(lambda value: round(value, 4))


@many
@given(shifts=st.fixed_dictionaries(dict.fromkeys(ATOMS, number)))
def test_the_zero_of_an_elements_energy_does_not_matter(shifts):
    errors = {"Li2O": 0.1, "SO2": -0.2, "Li2SO4": 0.07}
    for scheme in SCHEMES:
        one = energies(formation_entries(computed_set(errors=errors), scheme))
        other = energies(formation_entries(computed_set(shifts=shifts, errors=errors), scheme))
        assert one == pytest.approx(other, abs=1e-9)


@many
@given(errors=st.fixed_dictionaries(dict.fromkeys(MEASURED, number.map(lambda x: x / 10))))
def test_the_left_out_error_is_that_of_a_fit_without_the_compound(errors):
    document = computed_set(errors=errors)
    compared = formation_entries(document, FITTED).accuracy.compounds
    for row in compared:
        others = {k: v for k, v in MEASURED.items() if k != row.formula}
        composition = Composition(row.formula)
        names = list(ATOMS)
        matrix = np.array([[Composition(f).get_atomic_fraction(e) for e in names] for f in others])
        if np.linalg.matrix_rank(matrix) < len(names):
            assert row.left_out_eV_per_atom is None
            continue
        # in this model the fitted elements absorb the errors of the other compounds
        shift = np.linalg.lstsq(matrix, np.array([errors[f] for f in others]), rcond=None)[0]
        mine = sum(
            composition.get_atomic_fraction(e) * s for e, s in zip(names, shift, strict=True)
        )
        expected = MEASURED[row.formula] + errors[row.formula] - mine
        assert row.left_out_eV_per_atom == pytest.approx(expected, abs=2e-6)


def test_what_a_scheme_lacks_is_told():
    with pytest.raises(SulfoxError, match=r"^SFX-729.*pure O"):
        formation_entries(computed_set(leave=("O",)), OWN)
    assert "Li2O" in energies(formation_entries(computed_set(leave=("O",)), FITTED))
    few = {"Li2O": -2.0}
    with pytest.raises(SulfoxError, match=r"^SFX-729.*do not determine"):
        formation_entries(computed_set(measured=few), FITTED)
    with pytest.raises(SulfoxError, match=r"^SFX-726"):
        formation_entries(computed_set(), "wishful")


def test_an_element_without_a_measured_compound_keeps_its_own_energy():
    document = computed_set(measured={"Li2O": -2.0, "Li2O2": -1.6, "Li2S": -1.5})
    unmeasured = [
        phase.model_copy(update={"measured_eV_per_atom": None}) if phase.name == "Li2S" else phase
        for phase in document.phases
    ]
    entry_set = formation_entries(document.model_copy(update={"phases": tuple(unmeasured)}))
    assert "no measured compound of S" in " ".join(r.message for r in entry_set.remarks)
    assert energies(entry_set)["Li2S"] == pytest.approx(-1.5, abs=1e-9)


def test_a_file_of_a_computed_set_is_read_and_a_damaged_one_refused(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(computed_set().model_dump_json())
    assert open_entry_set(path, scheme=OWN).hash == formation_entries(computed_set(), OWN).hash
    path.write_text(path.read_text().replace('"phases"', '"stages"'))
    with pytest.raises(SulfoxError, match=r"^SFX-720"):
        open_entry_set(path)
    table = tmp_path / "set.csv"
    table.write_text("formula,formation_energy_eV_per_atom\nLi2O,-2\n")
    assert open_entry_set(table).reference.n == 1
    with pytest.raises(SulfoxError, match=r"^SFX-726"):
        open_entry_set(table, scheme=OWN)
    for missing in (tmp_path / "none.json", tmp_path / "none.csv"):
        with pytest.raises(SulfoxError, match=r"^SFX-720"):
            open_entry_set(missing)


def test_measured_numbers_count_from_the_elements_phases_of_the_set():
    """An oxygen phase 0.3 eV/atom below the tables': oxides are that much less bound from it."""
    document = computed_set()
    phases = [
        phase.model_copy(update={"measured_eV_per_atom": -0.3}) if phase.name == "O" else phase
        for phase in document.phases
    ]
    shifted = document.model_copy(update={"phases": tuple(phases)})
    compared = {row.name: row for row in formation_entries(shifted, OWN).accuracy.compounds}
    assert compared["Li2O"].measured_eV_per_atom == pytest.approx(-2.0 + 0.3 / 3, abs=1e-6)
    assert compared["Li2S"].measured_eV_per_atom == pytest.approx(-1.5, abs=1e-6)
    assert "O" not in compared

"""A relaxation that went wrong is a refused document, not a number."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from sulfox.documents.base import Status
from sulfox.documents.structure import StructureRecord
from sulfox.engines.mlip.calculators import LoadedCalculator, load_calculator
from sulfox.engines.mlip.relaxation import run_relaxation
from sulfox.errors import SulfoxError
from sulfox.protocols.relaxation import RelaxationSpec


class Breaking(EMT):
    """EMT that gives NaN from its fourth call on."""

    calls = 0

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.calls += 1
        if self.calls > 3:
            self.results["forces"] = np.full_like(self.results["forces"], np.nan)


def rattled(amplitude=0.1):
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.rattle(amplitude, seed=1)
    return StructureRecord.from_ase(atoms)


def test_numbers_that_are_not_finite_give_the_last_sound_structure():
    breaking = LoadedCalculator("breaking", "x (not DFT)", "0", Breaking)
    doc = run_relaxation(rattled(), RelaxationSpec(), breaking, label="Cu")
    assert doc.status is Status.REFUSED
    assert doc.reasons[0].code == "SFX-305"
    assert "not finite" in doc.reasons[0].message
    assert np.isfinite(doc.energy_eV)
    assert np.isfinite(doc.final.positions).all()


def test_an_atom_that_runs_away_is_refused():
    spec = RelaxationSpec(max_displacement_A=0.05)
    emt = load_calculator("ase.calculators.emt:EMT")
    doc = run_relaxation(rattled(), spec, emt, label="Cu")
    assert doc.status is Status.REFUSED
    assert "from its start" in doc.reasons[0].message
    assert doc.max_displacement_A <= 0.05


def test_a_cell_that_runs_away_is_refused():
    atoms = bulk("Cu", a=4.2, cubic=True)
    spec = RelaxationSpec(cell="hydrostatic", max_volume_ratio=1.05, max_steps=200)
    emt = load_calculator("ase.calculators.emt:EMT")
    doc = run_relaxation(StructureRecord.from_ase(atoms), spec, emt, label="Cu")
    assert doc.status is Status.REFUSED
    assert "volume" in doc.reasons[0].message


def test_a_start_without_a_finite_energy_is_an_error():
    class Broken(Breaking):
        calls = 9

    broken = LoadedCalculator("broken", "x (not DFT)", "0", Broken)
    with pytest.raises(SulfoxError, match=r"SFX-305.*Cu.*not finite"):
        run_relaxation(rattled(), RelaxationSpec(), broken, label="Cu")


def test_relaxation_finds_the_known_lattice_constant():
    # EMT copper: 3.59 Å (Jacobsen, Stoltze, Norskov 1996, doi 10.1016/0039-6028(96)00816-3)
    spec = RelaxationSpec(force_threshold_eV_A=0.01, cell="full", optimizer="LBFGS")
    emt = load_calculator("ase.calculators.emt:EMT")
    doc = run_relaxation(rattled(0.0), spec, emt, label="Cu")
    assert doc.status is Status.COMPLETE
    assert np.cbrt(np.linalg.det(doc.final.lattice)) == pytest.approx(3.59, abs=0.01)

"""The electronic part of a study: cases stated beforehand, one job each, reasons for gaps."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sulfox.errors import SulfoxError
from sulfox.flows.electronic import study as electronic_study
from sulfox.flows.electronic.plan import BandCenterPlan, ElectronicCase
from sulfox.flows.interface_study import build_study_flow
from sulfox.flows.study import StudyOverrides, load_study


@pytest.fixture
def engine(monkeypatch):
    """Let a flow be made without the engine: nothing here runs a job."""
    monkeypatch.setattr(
        electronic_study,
        "identify_calculator",
        lambda name, potential: {"engine": name, "potential": potential, "inputs_hash": "0"},
    )
    monkeypatch.setattr(
        electronic_study,
        "cost_line",
        lambda calculator, structure, spec: f"{structure.n_atoms} atoms, {spec.cutoff_eV:.0f} eV",
    )


def made(**overrides):
    return build_study_flow(load_study("gsirr").with_overrides(StudyOverrides(**overrides)))


def names(flow):
    return {job.uuid: job.name for job, _ in flow.flow.iterflow()}


def test_each_case_of_the_plan_is_one_job(engine):
    plan = load_study("gsirr").band_centers
    told = list(names(made(only=("band-centers",))).values())
    assert sum("density of states" in name for name in told) == len(plan.cases) == 7
    assert "CoO (non-magnetic, no U): density of states by gpaw" in told
    assert "CoO minus LCO: band centres" in told
    assert not any("production" in name for name in told)


def test_every_calculation_knows_its_expected_cost(engine):
    jobs = [job for job, _ in made(only=("band-centers",)).flow.iterflow()]
    told = {job.name: job.metadata.get("expected_cost") for job in jobs}
    assert told["LCO: density of states by gpaw"] == "12 atoms, 500 eV"
    assert told["CoO (no U): density of states by gpaw"] == "4 atoms, 500 eV"
    assert told["CoO minus LCO: band centres"] is None
    (shell, *_) = (job for job, _ in made(only=("core-shell",)).flow.iterflow())
    assert shell.metadata["expected_cost"].startswith("24 atoms")


def test_a_protocol_that_relaxes_adds_a_relaxation_per_case(engine):
    told = list(names(made(only=("band-centers",), protocol="stringent")).values())
    assert sum("relaxation" in name for name in told) == 7


def test_another_engine_or_protocol_gives_other_jobs(engine):
    paper = set(names(made(only=("band-centers",))))
    assert not paper & set(names(made(only=("band-centers",), engine="vasp")))
    assert not paper & set(names(made(only=("band-centers",), protocol="fast")))
    assert paper == set(names(made(only=("band-centers",))))


def test_the_core_and_shell_run_only_when_asked_for(engine, nep89):
    told = list(names(made(only=("core-shell",))).values())
    assert told[0] == "LCO|CoO coherent: states by layer by gpaw"
    assert not any("coherent" in name for name in names(made()).values())


def missing(name, potential):
    raise SulfoxError("SFX-302", who=name, found="no gpaw", expected="gpaw", next_step="make gpaw")


def test_an_engine_that_is_missing_is_left_out_with_the_reason(monkeypatch, nep89):
    monkeypatch.setattr(electronic_study, "identify_calculator", missing)
    flow = made()
    assert flow.left_out == ("band centres left out: no gpaw; make gpaw",)
    assert not any("density of states" in name for name in names(flow).values())


def test_an_engine_that_is_missing_but_asked_for_is_an_error(monkeypatch):
    monkeypatch.setattr(electronic_study, "identify_calculator", missing)
    with pytest.raises(SulfoxError, match="SFX-302"):
        made(only=("band-centers",))


def test_a_plan_names_both_ground_states_and_nothing_twice():
    both = (ElectronicCase(material="CoO"), ElectronicCase(material="LCO"))
    BandCenterPlan(upper="CoO", lower="LCO", cases=both)
    for cases in (both[:1], (*both, both[0]), (*both, ElectronicCase(material="NiO"))):
        with pytest.raises(ValidationError):
            BandCenterPlan(upper="CoO", lower="LCO", cases=cases)

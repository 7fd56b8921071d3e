"""An estimate counts sizes as VASP does, grows as it must, and says what it stands on."""

from __future__ import annotations

import pytest
from ase.build import bulk

pytest.importorskip("atomate2", reason="needs sulfox[vasp]")

from sulfox.clusters.cluster import load_cluster
from sulfox.clusters.sizes.estimate import estimate_cost, expected_pace
from sulfox.documents.structure import StructureRecord
from sulfox.engines.vasp.dynamics.pace import MeasuredPace
from sulfox.engines.vasp.inputs.calculation import VaspCalculation
from sulfox.engines.vasp.inputs.input_set import make_deck
from sulfox.engines.vasp.inputs.profile import load_profile
from sulfox.errors import SulfoxError
from sulfox.flows.input_decks import StudyDeck, study_decks
from sulfox.flows.study import InterfacePlan
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import resolve
from sulfox.protocols.protocol import load_protocol

PROFILE = load_profile()


def deck(repeat=1, n_steps=1000, **changes):
    structure = StructureRecord.from_ase(bulk("Ni", a=3.52, cubic=True).repeat((repeat, 1, 1)))
    settings = load_protocol("aimd").electronic.model_copy(update=changes)
    electronic = resolve(settings, structure, {})
    spec = DynamicsSpec(temperature_K=300, seed=1, n_steps=n_steps, electronic=electronic)
    calculation = VaspCalculation(kind="md", electronic=electronic, dynamics=spec)
    made = make_deck(calculation, structure, PROFILE)
    return StudyDeck(path="x", label="Ni", n_atoms=structure.n_atoms, deck=made)


def row(*decks, **options):
    return estimate_cost("trial", decks, PROFILE, **options).rows[0]


def test_sizes_are_those_of_vasp():
    found = row(deck())
    electrons = 4 * PROFILE.potcar.choose("Ni", 400).valence_electrons
    assert found.n_electrons == electrons
    assert found.n_bands >= electrons / 2
    # volume of the sphere of the cutoff over the volume of a reciprocal cell
    assert found.n_plane_waves == pytest.approx(3.52**3 * (400 / 3.81) ** 1.5 / 59.22, rel=0.01)
    assert found.core_hours == pytest.approx(found.seconds_per_step * 1000 * 64 / 3600)


def test_twice_the_atoms_cost_four_to_eight_times_as_much():
    ratio = row(deck(4)).seconds_per_step / row(deck(2)).seconds_per_step
    assert 3 < ratio < 8


def test_runs_of_one_size_are_counted_together():
    found = estimate_cost("trial", [deck(), deck(), deck(2)], PROFILE)
    assert [r.n_runs for r in found.rows] == [2, 1]
    assert found.core_hours == pytest.approx(sum(r.core_hours for r in found.rows))
    assert any("order of magnitude" in text for text in found.basis)


def test_a_measured_pace_of_the_same_atoms_is_taken_and_named():
    paces = [
        MeasuredPace(source="tr-1", species=("Ni",) * 4, n_steps=50, seconds_per_step=180.0),
        MeasuredPace(source="tr-2", species=("Ni",) * 8, n_steps=900, seconds_per_step=1.0),
    ]
    found = row(deck(n_steps=10_000), paces=paces, wait_h=6)
    assert found.seconds_per_step == 180.0
    assert "tr-1" in found.basis
    assert found.hours == pytest.approx(500)
    assert found.n_jobs == 22  # of 24 h, a twentieth of each kept
    assert found.queue_hours == pytest.approx(500 + 22 * 6)


def test_a_waiting_time_below_zero_is_an_error():
    with pytest.raises(SulfoxError, match="SFX-358"):
        row(deck(), wait_h=-1.0)


def test_gpu_hours_are_those_of_the_gpus_of_a_job():
    cluster = load_cluster("gpu-example")
    found = estimate_cost("trial", [deck(), deck(20)], PROFILE, cluster=cluster)
    assert [(r.n_atoms, r.gpus, r.cores) for r in found.rows] == [(4, 1, 8), (80, 1, 8)]
    assert found.gpu_hours == pytest.approx(found.core_hours / 8)
    assert row(deck()).gpu_hours == 0


def test_what_a_submission_expects_is_what_the_estimate_says(study, monkeypatch):
    plan = InterfacePlan(max_strain=0.15, max_atoms=140)
    asked = study(300).model_copy(update={"interface": plan, "parts": ("dynamics",)})
    decks = list(study_decks(asked))
    monkeypatch.setattr("sulfox.clusters.sizes.estimate.study_decks", lambda _study: iter(decks))
    cluster = load_cluster("cpu-example")
    found = estimate_cost(asked.name, decks, PROFILE, cluster=cluster)
    (dynamics,) = [r for r in found.rows if r.kind == "md"]
    assert expected_pace(asked, cluster, "CoO|LPSCl") == dynamics.seconds_per_step
    assert expected_pace(asked, load_cluster("local-slurm"), "CoO|LPSCl") is None  # not VASP

"""Verdicts follow fixed rules: all seeds, all temperatures, every variant; nothing is picked."""

from __future__ import annotations

import pytest

from sulfox.analysis.comparison import compare_findings
from sulfox.documents.base import Provenance, Reason, Status
from sulfox.documents.comparison import ExpectedFinding, Verdict
from sulfox.documents.sulfur_bonds import BondCriteria, BondEvent, SulfurBondsDoc
from sulfox.documents.trajectory import ArchiveReference, TrajectoryDoc

PROVENANCE = Provenance(engine="mlip", level_of_theory="NEP89 (MLIP, not DFT)", inputs_hash="0")
ARCHIVE = ArchiveReference(
    trajectory_id="t", n_frames=2, n_atoms=2, frame_interval_fs=10.0, segments=()
)


def make_run(seed=1, stage="production", temperature=300.0, status="complete", **changes):
    content = {
        "id": f"tr-{stage}-{temperature}-{seed}-{changes.get('variant', 'default')}",
        "status": status,
        "provenance": PROVENANCE,
        "pair": "A|B",
        "variant": "default",
        "interface_id": "if-1",
        "stage": stage,
        "ensemble": "NVT",
        "thermostat": "nose-hoover-chain",
        "temperature_K": temperature,
        "seed": seed,
        "time_step_fs": 2.0,
        "n_steps_requested": 10,
        "n_steps_done": 10,
        "length_ps": 20.0,
        "temperature_mean_K": temperature,
        "temperature_std_K": 1.0,
        "energy_drift_eV_per_atom_ps": 0.0,
        "conserved_drift_eV_per_atom_ps": 0.0,
        "wall_time_s": 1.0,
        "species": ("S", "S"),
        "sides": ("electrolyte", "electrolyte"),
        "interface_height_A": 1.0,
        "area_A2": 100.0,
        "final_energy_eV": 0.0,
        "archive": ARCHIVE,
    }
    return TrajectoryDoc(**(content | changes))


def make_bonds(run, initial=0, formed=0, broken=0, robust=True):
    return SulfurBondsDoc(
        id=f"sb-{run.id}",
        status="complete",
        provenance=PROVENANCE,
        trajectory_id=run.id,
        interface_id=run.interface_id,
        pair_of_materials=run.pair,
        variant=run.variant,
        temperature_K=run.temperature_K,
        seed=run.seed,
        criteria=BondCriteria(pair="S-S", form_A=2.4, break_A=2.7, min_lifetime_fs=50),
        n_frames=2,
        n_atoms=2,
        length_ps=run.length_ps,
        exposure_nm2_ps=20.0,
        n_initial=initial,
        n_formed=formed,
        n_broken=broken,
        n_final=initial + formed - broken,
        n_formed_cross_interface=0,
        min_distance_A=2.1,
        min_distance_frame=0,
        events=(),
        lifetimes=(),
        median_lifetime_fs=None,
        times_ps=(0.0, 20.0),
        counts=(initial, initial + formed - broken),
        rate_per_nm2_ps=0.0,
        rate_low_per_nm2_ps=0.0,
        rate_high_per_nm2_ps=0.1,
        sensitivity=(),
        robust=robust,
    )


def finding(test, length_ps=20.0):
    return ExpectedFinding(
        quantity="q",
        published="p",
        source="doi",
        test=test,
        pair="A|B",
        bond="S-S",
        length_ps=length_ps,
        note="open",
    )


def judge(test, *pairs):
    runs = [run for run, _ in pairs]
    return compare_findings([finding(test)], [*runs, *(bonds for _, bonds in pairs)])


def with_bonds(
    seed=1, stage="production", temperature=300.0, variant="default", length_ps=20.0, **counts
):
    run = make_run(seed, stage, temperature, variant=variant, length_ps=length_ps)
    return run, make_bonds(run, **counts)


def test_a_finding_needs_every_seed():
    for formed, verdict in (
        ((1, 2), Verdict.REPRODUCED),
        ((0, 0), Verdict.NOT_REPRODUCED),
        ((1, 0), Verdict.NOT_REPRODUCED),
    ):
        pairs = [with_bonds(seed, formed=n) for seed, n in enumerate(formed, 1)]
        (row,) = judge("bonds_form", *pairs)
        assert row.verdict is verdict
        assert f"{sum(n > 0 for n in formed)} of 2 seeds" in row.reason
    assert "disagree" in row.reason


def test_the_opposite_finding_gives_the_opposite_verdict():
    for formed in (0, 1):
        (yes,) = judge("bonds_form", with_bonds(formed=formed))
        (no,) = judge("no_bonds_form", with_bonds(formed=formed))
        assert {yes.verdict, no.verdict} == {Verdict.REPRODUCED, Verdict.NOT_REPRODUCED}


def test_bonds_of_the_equilibration_count_and_are_named():
    (row,) = judge("bonds_form", with_bonds(stage="equilibration", formed=1), with_bonds(initial=1))
    assert row.verdict is Verdict.REPRODUCED
    assert "1 formed" in row.computed
    assert "1 of them in the equilibration" in row.computed


def test_bonds_of_the_relaxation_are_named_but_do_not_count():
    pairs = [with_bonds(stage="equilibration", initial=2), with_bonds(initial=2)]
    (row,) = judge("bonds_form", *pairs)
    assert row.verdict is Verdict.NOT_REPRODUCED
    assert "2 after relaxation" in row.computed


def test_every_temperature_and_variant_has_its_row():
    pairs = [with_bonds(temperature=t, variant=v) for t in (600.0, 300.0) for v in ("x", "default")]
    rows = judge("bonds_form", *pairs)
    assert [row.quantity for row in rows] == [
        "q (default, 300 K)",
        "q (default, 600 K)",
        "q (x, 300 K)",
        "q (x, 600 K)",
    ]


@pytest.mark.parametrize(("final", "kept"), [(100, True), (98, True), (97, False), (105, True)])
def test_kept_means_at_most_two_percent_lost(final, kept):
    counts = {"initial": 100, "formed": max(0, final - 100), "broken": max(0, 100 - final)}
    (row,) = judge("bonds_kept", with_bonds(**counts))
    assert (row.verdict is Verdict.REPRODUCED) is kept
    (row,) = judge("bonds_lost", with_bonds(**counts))
    assert (row.verdict is Verdict.REPRODUCED) is not kept


def test_a_refused_run_is_not_comparable_and_says_why():
    run = make_run(status=Status.REFUSED, reasons=(Reason(code="SFX-304", message="exploded"),))
    (row,) = judge("bonds_form", (run, make_bonds(run)))
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert "exploded" in row.reason


@pytest.mark.parametrize(
    ("test", "formed", "verdict"),
    [
        ("bonds_form", 0, Verdict.NOT_COMPARABLE),
        ("bonds_form", 1, Verdict.REPRODUCED),
        ("no_bonds_form", 0, Verdict.NOT_COMPARABLE),
        ("no_bonds_form", 1, Verdict.NOT_REPRODUCED),
    ],
)
def test_that_nothing_happened_in_a_short_run_says_nothing(test, formed, verdict):
    (row,) = judge(test, with_bonds(length_ps=2.0, formed=formed))
    assert row.verdict is verdict
    if verdict is Verdict.NOT_COMPARABLE:
        assert "2 ps" in row.reason
        assert "20 ps" in row.reason


def test_what_did_not_run_is_not_computed():
    (row,) = compare_findings([finding("bonds_form")], [])
    assert row.verdict is Verdict.NOT_COMPUTED
    (row,) = compare_findings([finding("not_computed")], [])
    assert (row.verdict, row.reason) == (Verdict.NOT_COMPUTED, "open")


def test_a_formed_bond_is_told_with_its_distance_from_the_interface():
    """A bond at the electrolyte's free surface is not one at the interface: the row tells."""
    run, bonds = with_bonds(formed=2)
    events = tuple(
        BondEvent(
            type="formed",
            time_fs=10.0 * i,
            frame=i,
            atoms=(0, 1),
            distance_A=2.3,
            location="electrolyte",
            from_interface_A=height,
            groups=("PS4", "S2-"),
        )
        for i, height in enumerate((7.04, 5.66))
    )
    (row,) = judge("bonds_form", (run, bonds.model_copy(update={"events": events})))
    assert "5.7 to 7.0 Å above the interface plane" in row.computed


def test_rows_say_engine_definition_and_doubt():
    run, _ = with_bonds()
    (row,) = judge("bonds_form", (run, make_bonds(run, robust=False)))
    assert row.level_of_theory == "NEP89 (MLIP, not DFT)"
    assert row.definition.startswith("S-S: new bonds confirmed")
    assert "thresholds" in row.reason
    assert "open" in row.reason
    assert row.inputs == (run.id,)

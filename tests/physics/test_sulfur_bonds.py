"""S-S bonds: a bond is an event of chemistry, not a vibration, a wrap or a threshold's accident."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.analysis.bonds.sulfur_bonds import analyze_bonds, pool_rates, sulfur_groups
from sulfox.documents.base import Provenance, Status
from sulfox.documents.trajectory import ArchiveReference, TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import Trajectory

FRAME_FS = 10.0


def two_sulfurs(distances, frame_fs=FRAME_FS):
    """Two S atoms at the given distances, across a cell wall."""
    distances = np.asarray(distances, dtype=float)
    positions = np.zeros((len(distances), 2, 3))
    positions[:, 0] = [9.5, 4, 4]
    positions[:, 1, 0] = 9.5 + distances
    positions[:, 1, 1:] = 4
    return Trajectory(
        positions,
        np.diag([10.0, 10, 10]),
        ("S", "S"),
        None if frame_fs is None else np.arange(len(distances)) * frame_fs,
    )


def kinds(document):
    return [event.type for event in document.events]


def test_driven_through_the_threshold_once_gives_one_event():
    drive = np.linspace(3.5, 2.05, 40).tolist() + [2.05] * 20
    document = analyze_bonds(two_sulfurs(drive))
    assert kinds(document) == ["formed"]
    event = document.events[0]
    assert event.atoms == (0, 1)
    assert event.frame == np.flatnonzero(np.array(drive) < 2.4)[0]
    assert event.time_fs == event.frame * FRAME_FS
    assert event.distance_A == pytest.approx(drive[event.frame])
    assert (document.n_initial, document.n_formed, document.n_broken, document.n_final) == (
        0,
        1,
        0,
        1,
    )
    assert document.robust


def test_driven_forth_and_back_gives_one_of_each():
    drive = np.linspace(3.5, 2.05, 40).tolist()
    document = analyze_bonds(two_sulfurs(drive + drive[::-1]))
    assert kinds(document) == ["formed", "broken"]
    life = document.lifetimes[0]
    assert life.duration_fs == document.events[1].time_fs - document.events[0].time_fs
    assert document.median_lifetime_fs == life.duration_fs
    assert document.n_final == 0


def test_a_disulfide_from_the_start_is_no_event():
    document = analyze_bonds(two_sulfurs([2.05] * 30))
    assert (document.n_initial, document.n_final, document.events) == (1, 1, ())
    assert document.lifetimes[0].left_censored
    assert document.lifetimes[0].right_censored
    assert document.median_lifetime_fs is None


@pytest.mark.parametrize("amplitude", [0.05, 0.2, 0.29])
def test_rattling_at_the_form_threshold_is_one_event(amplitude):
    """Hysteresis: 500 cm-1 (67 fs) vibration around 2.4 A never comes beyond 2.7 A."""
    time = np.arange(300) * 2.0
    rattle = 2.4 + amplitude * np.sin(2 * np.pi * time / 67)
    document = analyze_bonds(two_sulfurs([3.2] * 20 + rattle.tolist(), 2.0))
    assert kinds(document) == ["formed"]


def test_rattling_at_the_break_threshold_breaks_nothing():
    time = np.arange(300) * 2.0
    rattle = 2.7 + 0.2 * np.sin(2 * np.pi * time / 67)
    document = analyze_bonds(two_sulfurs([2.1] * 20 + rattle.tolist(), 2.0))
    assert document.events == ()
    assert document.n_final == 1


def test_excursions_shorter_than_the_minimum_lifetime_are_none():
    collision = [3.0] * 10 + [2.3] * 4 + [3.0] * 10  # 30 fs
    assert analyze_bonds(two_sulfurs(collision)).events == ()
    stretch = [2.1] * 10 + [2.9] * 4 + [2.1] * 10
    document = analyze_bonds(two_sulfurs(stretch))
    assert document.events == ()
    assert document.n_final == 1


def test_exactly_the_minimum_lifetime_counts():
    assert kinds(analyze_bonds(two_sulfurs([3.0] * 5 + [2.3] * 6 + [3.0] * 9))) == [
        "formed",
        "broken",
    ]
    assert kinds(analyze_bonds(two_sulfurs([3.0] * 5 + [2.3] * 5 + [3.0] * 9))) == []


def test_an_attempt_cut_off_by_the_end_does_not_count():
    document = analyze_bonds(two_sulfurs([3.0] * 10 + [2.3] * 4))
    assert (document.n_formed, document.n_final) == (0, 0)
    document = analyze_bonds(two_sulfurs([2.1] * 10 + [3.0] * 4))
    assert (document.n_broken, document.n_final) == (0, 1)


def test_a_count_that_hangs_on_the_threshold_is_called_not_robust():
    document = analyze_bonds(two_sulfurs([3.0] * 10 + [2.45] * 20))
    assert document.n_formed == 0
    assert not document.robust
    assert {row.criteria.form_A: row.n_formed for row in document.sensitivity}[2.5] == 1


def test_without_times_the_answer_stands_only_where_no_time_step_could_change_it():
    document = analyze_bonds(two_sulfurs([3.0, 2.9, 2.8, 3.1], frame_fs=None))
    assert (document.n_formed, document.status) == (0, Status.PARTIAL)
    assert document.length_ps is None
    assert document.reasons[0].code == "SFX-703"
    with pytest.raises(SulfoxError, match=r"SFX-703.*--time-step-fs"):
        analyze_bonds(two_sulfurs([3.0, 2.1, 2.1, 2.1], frame_fs=None))


def test_coarse_frames_are_remarked():
    document = analyze_bonds(two_sulfurs([3.0] * 5, frame_fs=100.0))
    assert [reason.code for reason in document.reasons] == ["sampling"]
    assert document.status is Status.COMPLETE


def test_groups_and_sides_of_an_event():
    """A PS4 sulfur meets a free one across the interface."""
    n = 30
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.05 / 3**0.5
    center = np.array([6.0, 6, 6])
    fixed = np.vstack([center, center + tetrahedron, [2, 2, 16]])
    positions = np.repeat(fixed[None], n, axis=0)
    corner = fixed[1]
    gap = np.r_[np.linspace(3.5, 2.1, 15), np.full(15, 2.1)]
    positions[:, 5] = corner + np.outer(gap, [0, 0, 1])
    trajectory = Trajectory(
        positions,
        np.diag([12.0, 12, 20]),
        ("P", "S", "S", "S", "S", "S"),
        np.arange(n) * 10.0,
        sides=("electrolyte",) * 5 + ("cathode",),
    )
    assert sulfur_groups(trajectory) == {1: "PS4", 2: "PS4", 3: "PS4", 4: "PS4", 5: "S2-"}
    source = run_document(plane=corner[2], n_frames=n, n_atoms=6)
    document = analyze_bonds(trajectory, source=source)
    (event,) = document.events
    assert event.location == "cross-interface"
    assert event.groups == ("PS4", "S2-")
    assert event.from_interface_A == pytest.approx(event.distance_A / 2)
    assert document.n_formed_cross_interface == 1
    assert (document.trajectory_id, document.seed) == (source.id, 1)
    # 2 nm2 * 0.29 ps
    assert document.exposure_nm2_ps == pytest.approx(0.58)
    assert document.rate_per_nm2_ps == pytest.approx(1 / 0.58)
    assert document.rate_low_per_nm2_ps < document.rate_per_nm2_ps < document.rate_high_per_nm2_ps
    ps = analyze_bonds(trajectory, choose_criteria("P-S"))
    assert (ps.n_initial, ps.n_formed, ps.n_broken) == (4, 0, 0)


def run_document(plane=None, n_frames=10, n_atoms=2, seed=1, area=200.0, **changes):
    return TrajectoryDoc(
        id=f"md-{seed}",
        status=Status.COMPLETE,
        provenance=Provenance(
            engine="mlip",
            level_of_theory="NEP89 (MLIP, not DFT)",
            inputs_hash="0" * 64,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        ),
        pair="LCO|LPSCl",
        variant="default",
        interface_id="if-1",
        stage="production",
        ensemble="NVT",
        thermostat="langevin",
        seed=seed,
        time_step_fs=2.0,
        n_steps_requested=100,
        n_steps_done=100,
        length_ps=1.0,
        temperature_mean_K=300.0,
        temperature_std_K=1.0,
        energy_drift_eV_per_atom_ps=0.0,
        conserved_drift_eV_per_atom_ps=None,
        wall_time_s=1.0,
        species=("S",) * n_atoms,
        sides=("bulk",) * n_atoms,
        interface_height_A=plane,
        area_A2=area,
        final_energy_eV=0.0,
        archive=ArchiveReference(
            trajectory_id=f"md-{seed}",
            n_frames=n_frames,
            n_atoms=n_atoms,
            frame_interval_fs=FRAME_FS,
            segments=(),
        ),
        **{"temperature_K": 300.0, **changes},
    )


def analyses(*drives, **changes):
    return [
        analyze_bonds(two_sulfurs(drive), source=run_document(seed=seed, **changes))
        for seed, drive in enumerate(drives, start=1)
    ]


FORMS = [3.0] * 40 + [2.1] * 61
NEVER = [3.0] * 101


def test_the_pooled_rate_is_events_over_summed_exposure():
    from scipy.stats import chi2

    pooled = pool_rates(analyses(FORMS, NEVER, FORMS))
    assert pooled.n_formed_per_seed == (1, 0, 1)
    assert pooled.exposure_nm2_ps == pytest.approx(3 * 2.0)  # 2 nm2 * 1 ps each
    assert pooled.rate_per_nm2_ps == pytest.approx(2 / 6)
    assert pooled.rate_low_per_nm2_ps == pytest.approx(chi2.ppf(0.025, 4) / 2 / 6)
    assert pooled.rate_high_per_nm2_ps == pytest.approx(chi2.ppf(0.975, 6) / 2 / 6)
    assert pooled.has_error_bar
    assert not pool_rates(analyses(FORMS)).has_error_bar


def test_no_event_is_an_upper_bound_not_a_zero():
    pooled = pool_rates(analyses(NEVER, NEVER))
    assert pooled.rate_per_nm2_ps == pooled.rate_low_per_nm2_ps == 0
    assert pooled.rate_high_per_nm2_ps == pytest.approx(3.689 / 4, rel=1e-3)


def test_only_what_belongs_together_is_pooled():
    first, second = analyses(FORMS, NEVER)
    hot = analyses(NEVER, temperature_K=600.0)[0]
    mixed = ([first, hot], [first, first], [], [first, analyze_bonds(two_sulfurs(NEVER))])
    for documents in mixed:
        with pytest.raises(SulfoxError, match="SFX-702"):
            pool_rates(documents)
    assert pool_rates([second, first]).seeds == (1, 2)


def test_the_document_id_is_its_inputs():
    first, again = analyses(FORMS)[0], analyses(FORMS)[0]
    assert first.id == again.id
    other = analyze_bonds(two_sulfurs(FORMS), choose_criteria(form=2.3), run_document(seed=1))
    assert other.id != first.id
    assert analyses(NEVER)[0].id != first.id


def test_a_long_run_keeps_its_document_small():
    rng = np.random.default_rng(0)
    document = analyze_bonds(
        two_sulfurs(rng.uniform(2, 3, 50_000)), choose_criteria(min_lifetime_fs=0)
    )
    assert document.n_formed + document.n_broken > 10_000
    assert len(document.events) == 10_000
    assert document.status is Status.PARTIAL
    assert len(document.times_ps) == 2000
    assert document.times_ps[-1] == document.length_ps
    assert document.counts[-1] == document.n_final
    assert len(document.model_dump_json()) < 8e6


@pytest.mark.parametrize(("pair", "code"), [("P-S", "SFX-701"), ("P-P", "SFX-701")])
def test_a_pair_that_is_not_there_is_refused(pair, code):
    with pytest.raises(SulfoxError, match=code):
        analyze_bonds(two_sulfurs(NEVER), choose_criteria(pair))

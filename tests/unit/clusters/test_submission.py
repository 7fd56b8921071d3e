"""Promise: submitting is idempotent; one temperature more adds only its jobs."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module

import pytest
import yaml

from sulfox.clusters.cluster import load_cluster
from sulfox.clusters.submission import describe, plan_submission
from sulfox.errors import SulfoxError
from sulfox.flows.electronic.plan import BandCenterPlan, CoreShellPlan
from sulfox.flows.interface_study import build_study_flow

command = import_module("sulfox.cli.cluster.submit")


@pytest.fixture
def plan(study):
    def make(*temperatures_K, done=(), queued=(), cluster="local-slurm", **changes):
        flow = build_study_flow(study(*temperatures_K, **{"equilibration_ps": 0.1, **changes})).flow
        limits = {"max_atoms": 200, "done": set(done), "queued": set(queued)}
        return plan_submission(flow, load_cluster(cluster), study="tiny", **limits)

    return make


def uuids(made):
    return [job.uuid for job in made[0].jobs]


def test_the_second_time_nothing_is_new(plan):
    first = uuids(plan(300))
    assert uuids(plan(300)) == first
    for known in ({"done": first}, {"queued": first}, {"done": first[:4], "queued": first[4:]}):
        again, jobs = plan(300, **known)
        assert (again.jobs, jobs, again.core_hours) == ((), {}, 0)
        assert again.n_done + again.n_queued == len(first)


def test_one_temperature_more_adds_only_its_jobs(plan):
    first = uuids(plan(300))
    more, _ = plan(300, 600, done=first)
    names = [job.name for job in more.jobs]
    # two runs, the bonds of each, the rates of this temperature; and the comparison, now of both
    assert len(names) == 6
    assert sum("600 K" in name for name in names) == 5
    assert "comparison" in names[-1]


def test_only_unfinished_parents_are_waited_for(plan):
    first, _ = plan(300)
    order = [job.uuid for job in first.jobs]
    for job in first.jobs:  # parents come first
        assert all(order.index(parent) < order.index(job.uuid) for parent in job.parents)
    half = order[:4]
    rest, _ = plan(300, done=half)
    assert not {parent for job in rest.jobs for parent in job.parents} & set(half)
    waiting, _ = plan(300, queued=half)
    assert {parent for job in waiting.jobs for parent in job.parents} & set(half)


def test_another_protocol_of_dynamics_is_other_work(plan):
    first = uuids(plan(300))
    other, _ = plan(300, done=first, equilibration_ps=0, length_ps=2)
    assert next(job.name for job in other.jobs).endswith("production")


@pytest.mark.parametrize(("cluster", "on_manager"), [("cpu-example", 0), ("gpu-example", 2)])
def test_jobs_that_read_frames_run_where_the_database_is(plan, cluster, on_manager):
    made, _ = plan(300, cluster=cluster)
    assert sum(job.on_manager for job in made.jobs) == on_manager


def test_core_hours_are_those_of_the_table(plan):
    made, _ = plan(300)
    assert sum(row["core_hours"] for row in describe(made)) == pytest.approx(made.core_hours)
    assert sum(row["n"] for row in describe(made)) == len(made.jobs)
    assert sum(row["n_jobs"] for row in describe(made)) == sum(job.n_jobs for job in made.jobs)


def test_a_run_that_is_no_vasp_is_one_job_and_that_is_said(plan):
    made, _ = plan(300)
    assert {job.n_jobs for job in made.jobs} == {1}
    assert any("by mlip counts as one job" in text for text in made.basis)


def test_the_steps_are_drawn_as_one_chain_with_what_is_new_of_all(plan):
    first, _ = plan(300, 600)
    start = "bulk (2) -> interface (1) -> relaxation (1) -> equilibration (2) -> "
    rest = "production (2) -> bonds (4) -> rates (2) -> comparison (1)"
    assert first.steps == (start + rest, *first.steps[1:])
    known = uuids(plan(300))
    (chain, *_), _ = plan(300, 600, done=known)[0].steps, None
    assert chain.startswith("bulk (0 of 2) -> interface (0 of 1)")
    assert "production (1 of 2) -> bonds (2 of 4) -> rates (1 of 2) -> comparison (1)" in chain


@pytest.fixture
def vasp_plan(study, monkeypatch):
    """A function that plans a study by VASP with electronic parts, at a pace in seconds."""
    pytest.importorskip("atomate2", reason="needs sulfox[vasp]")
    monkeypatch.setenv("SULFOX_VASP_STD_COMMAND", "true")
    monkeypatch.setenv("SULFOX_VASP_GAM_COMMAND", "true")
    cases = ({"material": "LCO"}, {"material": "CoO"})
    centers = BandCenterPlan(engine="vasp", upper="CoO", lower="LCO", cases=cases)
    shell = CoreShellPlan(engine="vasp", core="LCO", shell="CoO")
    parts = ("dynamics", "band-centers", "core-shell")

    def make(cluster, pace=None):
        electronic = {"band_centers": centers, "core_shell": shell, "parts": parts}
        asked = study(300, length_ps=20).model_copy(update={"engine": "vasp", **electronic})
        limits = {"max_atoms": 364, "done": (), "queued": ()}
        limits |= {"pace": pace} if pace else {}
        machine = load_cluster(cluster)
        return plan_submission(build_study_flow(asked).flow, machine, study="tiny", **limits)[0]

    return make


def test_a_job_is_sized_by_the_atoms_of_its_own_cell(vasp_plan):
    made = vasp_plan("cpu-example")
    cores = {job.name: job.resources.cores for job in made.jobs}
    few = 32  # the least of a job on this cluster; LPSCl has 52 atoms, 2 on a core
    assert {cores["CoO: bulk"], cores["LPSCl: bulk"]} == {few}
    of_bulk = [name for name in cores if "density of states" in name]
    assert len(of_bulk) == 2
    assert {cores[name] for name in of_bulk} == {few}
    assert cores["CoO|LPSCl: relaxation"] == 192
    assert cores["CoO|LPSCl 300 K seed 1: production"] == 256
    (shell,) = [job for job in made.jobs if "states by layer" in job.name]
    assert shell.resources.kind == "electronic"
    assert shell.resources.cores == few


def test_a_run_by_vasp_counts_as_the_jobs_that_it_is_expected_to_take(vasp_plan):
    asked = []

    def pace(pair):
        asked.append(pair)
        return 50.0

    one, many = vasp_plan("cpu-example"), vasp_plan("cpu-example", pace)
    production = [job for job in many.jobs if job.name.endswith(": production")]
    # 10000 steps of 50 s are 139 h; a job of 48 h computes 45.6 h
    assert ([job.n_jobs for job in production], asked) == ([4], ["CoO|LPSCl"])
    assert many.core_hours - one.core_hours == pytest.approx(3 * 256 * 48)
    assert any("an order of magnitude" in text for text in many.basis)
    assert any("by vasp counts as one job" in text for text in one.basis)


def test_gpu_hours_are_counted_where_there_are_gpus(vasp_plan):
    made = vasp_plan("gpu-example")
    assert made.gpu_hours > 4 * 24
    assert made.gpu_hours == pytest.approx(sum(row["gpu_hours"] for row in describe(made)))
    assert vasp_plan("cpu-example").gpu_hours == 0


@pytest.fixture
def submit(mongo, database, study, tmp_path, monkeypatch, capsys):
    """A function that submits the small study as the command does; gives what it said."""
    pytest.importorskip("jobflow_remote")
    if os.environ.get("SULFOX_TEST_MONGO_URI"):
        pytest.skip("this server wants a password")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study(300).model_dump(mode="json")))
    variables = {"HOST": "127.0.0.1", "PORT": str(mongo.port), "DATABASE": database.name}
    for name, value in (variables | {"USER": "", "PASSWORD": ""}).items():
        monkeypatch.setenv(f"SULFOX_MONGO_{name}", value)
    monkeypatch.setenv("JFREMOTE_PROJECTS_FOLDER", str(tmp_path / "projects"))
    for name in ("STD", "GAM"):  # the command sets them
        monkeypatch.setenv(f"SULFOX_VASP_{name}_COMMAND", "true")

    def call(stdin="", **options):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        command.submit(str(tmp_path), "local-slurm", **options)
        return capsys.readouterr()

    return call


def test_the_budget_is_asked_about_and_silence_is_no(submit, database, capsys):
    for answer in ("", "n\n"):
        with pytest.raises(SulfoxError, match=r"SFX-805 .* core-hours; .*give --yes"):
            submit(answer, budget=0)
        said = capsys.readouterr().out
        assert "bulk (2) -> interface (1) -> relaxation (1) -> production (1)" in said
        assert "basis: a run of dynamics by mlip counts as one job" in said
        assert "at most" not in said
    assert database["jobs"].count_documents({}) == 0
    assert "8 jobs added" in submit("y\n", budget=0).out


def test_a_problem_stops_a_submission_before_it_adds_anything(
    submit, database, monkeypatch, capsys
):
    """A clock that is far off is the problem that can be made here."""
    monkeypatch.setattr("sulfox.clusters.checks.preflight.MAX_CLOCK_SKEW_S", -1.0)
    assert "8 new" in submit(dry_run=True).out
    with pytest.raises(SulfoxError, match=r"SFX-807 .*tiny on local-slurm: 1 of .*--no-preflight"):
        submit()
    assert "clock of the database: " in capsys.readouterr().err
    assert database["jobs"].count_documents({}) == 0
    assert "8 jobs added" in submit(preflight=False).out

"""Promise: an analysis is run again over everything stored, once, and nothing old is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from maggma.cli.multiprocessing import multi
from monty.json import MontyDecoder
from typer.testing import CliRunner

from sulfox.analysis.bonds import sulfur_bonds
from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.cli.store.db import app as db
from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.electronic_structure import DosCurve
from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory, publish_archive
from sulfox.stores.documents import QueryFilter, find_documents
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.portable.export import export_study
from sulfox.stores.reanalysis.bond_analyses import ANALYSES, bond_settings
from sulfox.stores.reanalysis.builder import ReanalysisBuilder
from sulfox.stores.reanalysis.old_versions import prune_versions
from sulfox.stores.reanalysis.workers import count_missing, run_builder
from sulfox.trajectories.archive import Segment, TrajectoryHeader, write_header, write_segment

N_RUNS, N_FRAMES = 4, 200


@pytest.fixture
def fill(tmp_path, make_document, job):
    """Return a filler: a store with runs in which two S atoms meet and part again."""

    def write(store, n_runs=N_RUNS):
        jobs = []
        for seed in range(1, n_runs + 1):
            identity = f"tr-{seed:04d}"
            reference = publish_archive(_run(tmp_path / "runs" / identity, identity, seed), store)
            run = make_document(
                "trajectory",
                identity,
                seed=seed,
                stage="production",
                area_A2=80.0,
                species=("S", "S", "P", "O"),
                sides=("cathode", "electrolyte", "electrolyte", "cathode"),
                archive=reference.model_dump(mode="json"),
            )
            jobs.append(job(f"run-{seed}", run))
        store.update(jobs)

    return write


def _run(folder: Path, identity: str, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    species = ("S", "S", "P", "O")
    header = TrajectoryHeader(
        trajectory_id=identity,
        species=species,
        sides=("cathode", "electrolyte", "electrolyte", "cathode"),
        time_step_fs=1.0,
        frame_interval_fs=2.0,
    )
    write_header(folder, header)
    positions = np.zeros((N_FRAMES, 4, 3))
    positions[:, 1, 0] = 3.0 - 1.0 * (np.sin(np.arange(N_FRAMES) / 25 + seed) > 0)
    positions[:, 1, 1] = rng.normal(0, 0.02, N_FRAMES)
    positions[:, 2, 2] = 6.0
    positions[:, 3, 2] = 8.0
    steps = np.arange(N_FRAMES) * 2
    segment = Segment(
        steps=steps,
        times_fs=steps * 1.0,
        positions=positions,
        lattice=np.eye(3) * 16.0,
        potential_energy_eV=np.zeros(N_FRAMES),
        temperature_K=np.full(N_FRAMES, 300.0),
    )
    write_segment(folder, segment, 0)
    return folder


def _mongo_yaml(path: Path, uri: str, database: str) -> str:
    where = f"uri: '{uri}', database: {database}"
    path.write_text(
        f"docs_store: {{type: MongoStore, collection_name: outputs, {where}}}\n"
        "additional_stores:\n"
        f"  trajectories: {{type: GridFSStore, collection_name: frames, key: blob_uuid, {where}}}\n"
    )
    return str(path)


@pytest.fixture(params=["embedded", "mongodb"])
def store(request, tmp_path, fill):
    """The name of a filled store."""
    name = str(tmp_path / "store")
    if request.param == "mongodb":
        mongo = request.getfixturevalue("mongo")
        database = request.getfixturevalue("database")
        name = _mongo_yaml(tmp_path / "store.yaml", mongo.uri, database.name)
    fill(open_store(name))
    return name


@pytest.fixture
def folder(tmp_path, fill):
    """A filled embedded store."""
    name = str(tmp_path / "store")
    fill(open_store(name))
    return name


def bonds_in(store, **wanted):
    query = QueryFilter(**wanted)
    return {d.id: d for d in find_documents(open_documents(store), "sulfur_bonds", query)}


def rates_in(store):
    return find_documents(open_documents(store), "sulfur_bond_rate")


def test_the_numbers_are_those_of_the_flow_and_a_second_run_makes_nothing(store):
    report = run_builder(ReanalysisBuilder("sulfur-bonds", store))
    assert (report.missing, report.new, report.refused) == (N_RUNS, N_RUNS, ())
    found = bonds_in(store)
    reader = open_documents(store)
    for run in find_documents(reader, "trajectory"):
        frames = open_stored_trajectory(reader, run.archive.trajectory_id, run.archive).frames()
        own = sulfur_bonds.analyze_bonds(frames, choose_criteria("S-S"), run)
        keep = {"exclude": {"provenance": {"created_at"}}}
        assert found[own.id].model_dump(**keep) == own.model_dump(**keep)
        assert own.n_formed > 0
    again = run_builder(ReanalysisBuilder("sulfur-bonds", store))
    assert (again.present, again.missing, again.new) == (N_RUNS, 0, 0)
    rates = run_builder(ReanalysisBuilder("sulfur-bond-rates", store))
    assert rates.new == 1
    pooled = rates_in(store)[0]
    assert pooled.n_formed == sum(d.n_formed for d in found.values())
    assert pooled.seeds == (1, 2, 3, 4)
    assert run_builder(ReanalysisBuilder("sulfur-bond-rates", store)).new == 0


def test_what_the_flow_analysed_is_not_analysed_again(folder, job):
    reader = open_documents(folder)
    run = find_documents(reader, "trajectory")[0]
    frames = open_stored_trajectory(reader, run.archive.trajectory_id, run.archive).frames()
    own = sulfur_bonds.analyze_bonds(frames, choose_criteria("S-S"), run)
    output = {"documents": [own.model_dump(mode="json")]}
    open_store(folder).update([job("flow", output)])
    report = count_missing(ReanalysisBuilder("sulfur-bonds", folder))
    assert (report.present, report.missing, report.dry_run) == (1, N_RUNS - 1, True)
    assert len(bonds_in(folder)) == 1, "a dry run makes nothing"


def test_a_new_version_is_made_beside_the_old_which_stay_until_pruned(store, monkeypatch):
    run_builder(ReanalysisBuilder("sulfur-bonds", store))
    run_builder(ReanalysisBuilder("sulfur-bond-rates", store))
    old = bonds_in(store)
    monkeypatch.setattr(sulfur_bonds, "METHOD_VERSION", sulfur_bonds.METHOD_VERSION + 1)
    report = run_builder(ReanalysisBuilder("sulfur-bonds", store))
    assert (report.present, report.new) == (0, N_RUNS)
    both = bonds_in(store)
    assert set(old) < set(both)
    assert len(both) == 2 * N_RUNS
    opened, reader = open_store(store), open_documents(store)
    named = prune_versions(opened, reader, "sulfur-bonds")
    assert (named.removed, len(named.kept_named)) == ((), N_RUNS), "the old rate names them"
    rates = prune_versions(opened, reader, "sulfur-bond-rates")
    assert len(rates.kept_alone) == 1, "no newer rate stands for it"
    assert run_builder(ReanalysisBuilder("sulfur-bond-rates", store)).new == 1
    assert len(prune_versions(opened, reader, "sulfur-bond-rates").removed) == 1
    planned = prune_versions(opened, reader, "sulfur-bonds", dry_run=True)
    assert set(planned.removed) == set(old)
    assert len(bonds_in(store)) == 2 * N_RUNS, "a dry run removes nothing"
    done = prune_versions(opened, reader, "sulfur-bonds")
    assert set(done.removed) == set(old)
    assert set(bonds_in(store)) == set(both) - set(old)
    assert open_documents(store).counts()["sulfur_bonds"] == N_RUNS
    assert len(find_documents(open_documents(store), "trajectory")) == N_RUNS
    assert len(rates_in(store)) == 1


def test_only_the_old_document_of_a_shared_output_is_removed(folder, job, monkeypatch):
    run_builder(ReanalysisBuilder("sulfur-bonds", folder))
    contents = [d.model_dump(mode="json") for d in bonds_in(folder).values()]
    other = contents[1] | {"id": "sb-other", "criteria": contents[1]["criteria"] | {"pair": "P-S"}}
    open_store(folder).remove_docs({"name": "reanalyze sulfur-bonds"})
    open_store(folder).update([job("flow", {"documents": [contents[0], other]})])
    monkeypatch.setattr(sulfur_bonds, "METHOD_VERSION", 2)
    run_builder(ReanalysisBuilder("sulfur-bonds", folder, settings=bond_settings(["S-S"])))
    report = prune_versions(open_store(folder), open_documents(folder), "sulfur-bonds")
    assert report.removed == (contents[0]["id"],)
    assert report.kept_alone == ("sb-other",)
    assert "sb-other" in bonds_in(folder)


@pytest.mark.slow
def test_two_workers_make_what_one_makes(store, tmp_path):
    report = run_builder(ReanalysisBuilder("sulfur-bonds", store), workers=2)
    assert report.new == N_RUNS
    two = {i: d.n_formed for i, d in bonds_in(store).items()}
    one = str(tmp_path / "one")
    run_builder(ReanalysisBuilder("sulfur-bonds", store, into=one))
    assert bonds_in(one) == {}, "the source holds them already"
    open_store(store).remove_docs({"name": "reanalyze sulfur-bonds"})
    if open_documents(store).__class__.__name__ == "StoreReader":
        open_documents(store).index.bring_up_to_date(from_scratch=True)
    run_builder(ReanalysisBuilder("sulfur-bonds", store, into=one))
    assert {i: d.n_formed for i, d in bonds_in(one).items()} == two


def test_other_thresholds_give_documents_of_their_own(folder):
    run_builder(ReanalysisBuilder("sulfur-bonds", folder))
    tight = bond_settings([], form_A=1.5, break_A=1.9)
    report = run_builder(ReanalysisBuilder("sulfur-bonds", folder, settings=tight))
    assert (report.present, report.new) == (0, N_RUNS)
    found = bonds_in(folder).values()
    assert {d.criteria.form_A: d.n_formed > 0 for d in found} == {1.5: False, 2.4: True}
    run_builder(ReanalysisBuilder("sulfur-bond-rates", folder))
    assert sorted(rate.criteria.form_A for rate in rates_in(folder)) == [1.5, 2.4]
    with pytest.raises(SulfoxError, match="SFX-562"):
        bond_settings(["S-S", "P-S"], form_A=2.0)
    with pytest.raises(SulfoxError, match="SFX-562"):
        ReanalysisBuilder("colours")


def test_an_export_is_analysed_into_another_store_and_stays_as_it_is(folder, tmp_path):
    export = tmp_path / "export"
    export_study(open_documents(folder), "gsirr", export, as_folder=True)
    before = {p: p.read_bytes() for p in export.rglob("*") if p.is_file()}
    with pytest.raises(SulfoxError, match=r"SFX-561.*sulfox db import"):
        run_builder(ReanalysisBuilder("sulfur-bonds", str(export)))
    own = str(tmp_path / "own")
    report = run_builder(ReanalysisBuilder("sulfur-bonds", str(export), into=own))
    assert report.new == N_RUNS
    assert run_builder(ReanalysisBuilder("sulfur-bond-rates", str(export), into=own)).new == 1
    assert {p: p.read_bytes() for p in export.rglob("*") if p.is_file()} == before
    run_builder(ReanalysisBuilder("sulfur-bonds", folder))
    assert set(bonds_in(own)) == set(bonds_in(folder))


@pytest.mark.parametrize("made", [False, True], ids=["no folder", "a folder without a store"])
def test_a_dry_run_into_a_new_store_says_so_and_makes_nothing(folder, tmp_path, made):
    new = tmp_path / "new"
    if made:
        new.mkdir()
    before = set(tmp_path.rglob("*"))
    words = ("reanalyze", "--dry-run", "--store", folder, "--into", str(new))
    told = CliRunner().invoke(db, words, catch_exceptions=False)
    assert told.exit_code == 0
    assert f"sulfur-bonds, version 1: 0 there before, {N_RUNS} to be made" in told.stdout
    assert f"A store for them would be made in {new}." in told.stdout
    assert set(tmp_path.rglob("*")) == before
    assert run_builder(ReanalysisBuilder("sulfur-bonds", folder, into=str(new))).new == N_RUNS
    again = CliRunner().invoke(db, words, catch_exceptions=False)
    assert f"sulfur-bonds, version 1: {N_RUNS} there before, 0 to be made" in again.stdout
    assert "would be made in" not in again.stdout
    with pytest.raises(SulfoxError, match=r"SFX-501.*no such file"):
        count_missing(ReanalysisBuilder("sulfur-bonds", folder, into=str(tmp_path / "new.yaml")))


def test_what_is_run_again_and_why_the_rest_is_not_is_said():
    """The table of docs/database.md names every kind once; what it calls covered is covered."""
    text = (Path(__file__).parents[3] / "docs" / "database.md").read_text()
    table = text.partition("| documents | run again | because |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1:4] for row in table.splitlines()[2:]]
    kinds = [
        (kind, again.strip()) for names, again, _ in rows for kind in re.findall("`(.*?)`", names)
    ]
    assert sorted(kind for kind, _ in kinds) == sorted(DOCUMENT_KINDS)
    covered = {entry.kind for entry in ANALYSES.values()}
    assert {kind for kind, again in kinds if again == "yes"} == covered
    told = " ".join(CliRunner().invoke(db, ["reanalyze", "--help"]).stdout.split())
    assert "Covered are bonds, from the stored frames, and their pooled rates" in told
    assert "densities of states summed over each element" in told
    # the reason, as long as it holds: a centre of sites cannot be made from what is stored
    assert set(DosCurve.model_fields) == {"element", "orbital", "spin", "density"}
    assert BandCenterDoc.model_fields["per_site"].is_required()
    with pytest.raises(SulfoxError, match=r"SFX-562.*--help says why"):
        ReanalysisBuilder("band-centers")


def test_a_run_without_frames_is_told_and_the_others_are_made(folder, tmp_path):
    for path in (tmp_path / "store" / "trajectories" / "tr-0002").iterdir():
        path.unlink()
    report = run_builder(ReanalysisBuilder("sulfur-bonds", folder))
    assert report.new == N_RUNS - 1
    assert len(report.refused) == 1
    assert report.refused[0].startswith("tr-0002: SFX-504")


@pytest.mark.slow
def test_maggmas_own_runner_takes_it_and_its_json_holds_no_secret(folder, monkeypatch):
    import asyncio

    builder = ReanalysisBuilder("sulfur-bonds", folder)
    text = builder.to_json()
    assert set(json.loads(text)) >= {"analysis", "store", "into", "study", "chunk_size"}
    asyncio.run(multi(builder=MontyDecoder().decode(text), num_processes=2, no_bars=True))
    assert len(bonds_in(folder)) == N_RUNS


_SLOW = (
    "import sys, time; from sulfox.stores.reanalysis.bond_analyses import BondAnalysis; "
    "from sulfox.stores.reanalysis.builder import ReanalysisBuilder; "
    "from sulfox.stores.reanalysis.workers import run_builder; make = BondAnalysis.make; "
    "BondAnalysis.make = lambda *a: (time.sleep(float(sys.argv[2])), make(*a))[1]; "
    "report = run_builder(ReanalysisBuilder('sulfur-bonds', sys.argv[1])); "
    "print(report.new, report.by_others, len(report.refused))"
)


def _start(store, pause):
    return subprocess.Popen(
        [sys.executable, "-c", _SLOW, store, str(pause)],
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    )


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on(store):
    process = _start(store, 0.7)
    until = time.monotonic() + 60
    while not bonds_in(store):
        assert time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(bonds_in(store))
    assert 0 < before < N_RUNS
    report = run_builder(ReanalysisBuilder("sulfur-bonds", store))
    assert (report.present, report.new) == (before, N_RUNS - before)
    assert len(bonds_in(store)) == N_RUNS


@pytest.mark.slow
def test_two_at_once_store_each_document_once(store):
    both = [_start(store, 0.3) for _ in range(2)]
    counts = [tuple(map(int, process.communicate()[0].split())) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert all(refused == 0 for _, _, refused in counts)
    assert len(bonds_in(store)) == N_RUNS
    jobs = list(open_documents(store).find({"name": "reanalyze sulfur-bonds"}))
    assert len(jobs) == N_RUNS, "one output for each, whoever wrote it last"


def test_the_commands_say_what_they_do(folder, monkeypatch):
    """Analyse, analyse again, prune: people read counts, programs read JSON."""

    def ask(*words, code=0):
        result = CliRunner().invoke(db, [*words, "--store", folder])
        assert result.exit_code == code, result.exception
        return result.stdout

    plan = json.loads(ask("reanalyze", "--dry-run", "--json"))["analyses"]
    assert [(r["analysis"], r["missing"]) for r in plan] == [
        ("sulfur-bonds", N_RUNS),
        ("sulfur-bond-rates", 0),
    ]
    assert f"{N_RUNS} new" in ask("reanalyze")
    again = json.loads(ask("reanalyze", "--json"))["analyses"]
    assert [(r["present"], r["new"]) for r in again] == [(N_RUNS, 0), (1, 0)]
    monkeypatch.setattr(sulfur_bonds, "METHOD_VERSION", sulfur_bonds.METHOD_VERSION + 1)
    ask("reanalyze")
    pruned = json.loads(ask("prune", "--json"))["analyses"]
    assert [len(r["removed"]) for r in pruned] == [1, N_RUNS]
    assert "0 removed" in ask("prune")
    monkeypatch.setattr(sulfur_bonds, "METHOD_VERSION", sulfur_bonds.METHOD_VERSION + 1)
    path = next((Path(folder) / "trajectories" / "tr-0001").glob("segment*"))
    path.write_bytes(path.read_bytes()[:-7])
    ask("reanalyze", "--analysis", "sulfur-bonds", code=1)

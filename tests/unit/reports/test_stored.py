"""``sulfox report`` reads the latest run of a study out of a store."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from sulfox.cli.store.report import report
from sulfox.errors import SulfoxError
from sulfox.reports.stored import read_study
from sulfox.stores.archive import publish_archive
from sulfox.stores.opening import open_store


@pytest.fixture
def store(make_data, tmp_path):
    """A store with a run of the study ``toy`` and an older comparison of it."""
    data = make_data({("LCO|LPSCl", "default", 600.0, 1): 1})
    folder = tmp_path / "store"
    job_store = open_store(folder)
    older = data.comparison.model_copy(
        update={
            "id": "cp-0",
            "inputs": (),
            "provenance": data.comparison.provenance.model_copy(
                update={"created_at": data.comparison.provenance.created_at - timedelta(days=1)}
            ),
        }
    )
    for number, document in enumerate((data.comparison, *data.documents, older)):
        job_store.update(
            [
                {
                    "uuid": f"job-{number}",
                    "index": 1,
                    "completed_at": f"2026-01-02T00:00:{number:02d}",
                    "output": document.model_dump(mode="json"),
                }
            ]
        )
    for run in data.runs:
        folder_of_run = data.open_trajectory(run.id).backend.folder
        publish_archive(folder_of_run, job_store, run.id)
    job_store.close()
    return data, folder


def test_the_latest_comparison_and_its_documents_are_read_in_order(store):
    data, folder = store
    found = read_study("toy", str(folder))
    assert found.comparison == data.comparison
    assert found.documents == data.documents
    assert found.missing_ids == ()
    run = data.runs[0]
    assert found.open_trajectory(run.archive.trajectory_id).frames(0, 1).n_atoms == len(run.species)


def test_an_unknown_study_lists_those_that_are_there(store):
    with pytest.raises(SulfoxError, match=r"SFX-602.*no-such.*one of toy"):
        read_study("no-such", str(store[1]))


def test_the_command_prints_one_json_document_with_the_files(store, tmp_path, capsys):
    report("toy", out=tmp_path / "out", store=str(store[1]), as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["study"] == "toy"
    assert "1 S-S bond formed" in answer["findings"][0]
    assert all((tmp_path / "out").joinpath(f).is_file() for f in answer["files"])
    assert answer["files"][0].endswith("index.html")


def test_the_command_prints_findings_and_paths_for_a_person(store, tmp_path, capsys):
    report("toy", out=tmp_path / "out", store=str(store[1]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("LCO|LPSCl (default): 1 S-S bond formed")
    assert str(tmp_path / "out" / "index.html") in lines

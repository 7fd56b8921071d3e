"""Promise: users, roles and TLS of a database hold for both managers; no secret is told.

jobflow-remote's and FireWorks' own programs open the files that sulfox rendered, against the wire
server of tests/support/mongo_server with users and certificates: no licensed MongoDB.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("jobflow_remote", reason="needs sulfox[remote]")
pytest.importorskip("fireworks", reason="needs sulfox[fireworks]")
pytest.importorskip("scramp", reason="needs sulfox[dev]")
pytest.importorskip("trustme", reason="needs sulfox[dev]")

from guarded_lab import PASSWORDS, running_lab, secrets_in
from jobflow_remote.config.base import Project
from jobflow_remote.config.helper import check_jobstore, check_queue_store

LET_IN = "it does not let this user in"
SOON = {"serverSelectionTimeoutMS": 800}
STUDY = {
    "name": "tiny",
    "title": "t",
    "question": "q",
    "bonds": ["S-S"],
    "potential": "ase.calculators.emt:EMT",
    "pairs": [
        {
            "name": "CoO|LPSCl",
            "cathode": {"material": "CoO", "facet": [1, 0, 0]},
            "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
        }
    ],
    "dynamics": {"temperatures_K": [300], "seeds": [1], "equilibration_ps": 0, "length_ps": 1},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("guarded")) as lab:
        (lab.folder / "study").mkdir()
        (lab.folder / "study" / "study.yaml").write_text(yaml.safe_dump(STUDY))
        lab.describe("plain")
        lab.describe("secure", mongoclient_kwargs=lab.tls)
        lab.describe("address", uri=True)
        yield lab


@pytest.fixture(autouse=True)
def nothing_leaks(lab, caplog):
    """A user's own launchpad is the one file with a password."""
    caplog.set_level(logging.DEBUG)
    yield
    assert not secrets_in(caplog.text.encode())
    assert [name for name in lab.files_with_secrets() if "my_launchpad" not in name] == []
    lab.empty()


def submit(lab, cluster, variables, *more):
    return lab.sulfox("submit", "study", "--cluster", cluster, "--yes", *more, **variables)


def status(lab, cluster, variables, *more):
    return lab.sulfox("status", "tiny", "--cluster", cluster, "--json", *more, **variables)


def own_launchpad(lab, cluster, variables, **more):
    """What SFX-806 asks a user for."""
    path = lab.folder / "projects" / f"fireworks-{cluster}" / "my_launchpad.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = {"host": "HOST", "name": "DATABASE", "username": "USER", "password": "PASSWORD"}
    content = {key: variables[f"SULFOX_MONGO_{name}"] for key, name in names.items()}
    content["port"] = int(variables["SULFOX_MONGO_PORT"])
    path.write_text(yaml.safe_dump({**content, **more}))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("server", "cluster"), [("users", "plain"), ("both", "secure"), ("users", "address")]
)
def test_a_writer_submits_and_a_reader_watches(lab, server, cluster, monkeypatch):
    """jobflow-remote itself opens queue and job store of the rendered project."""
    writer, reader = (lab.variables(server, user) for user in ("writer", "reader"))
    code, said = submit(lab, cluster, writer)
    assert code == 0, said
    assert status(lab, cluster, writer) == status(lab, cluster, reader)
    again, said = submit(lab, cluster, reader, "--length-ps", "2")
    assert again == 1
    assert f"SFX-503 [resource] database of cluster {cluster}: not authorized on lab" in said
    assert "take the role readWrite" in said
    code, said = status(lab, cluster, reader)
    assert said.count('"ready"') >= 2
    path = lab.folder / "projects" / f"sulfox-{cluster}.yaml"
    project = Project.model_validate(yaml.safe_load(path.read_text()))
    for name, value in reader.items():
        monkeypatch.setenv(name, value)
    assert project.get_job_controller().count_jobs() == 8
    assert check_queue_store(project.get_queue_store()) is None
    assert check_jobstore(project.get_jobstore()) is None


@pytest.mark.slow
def test_the_command_of_jobflow_remote_reads_the_rendered_project(lab):
    variables = lab.variables("both", "writer")
    submit(lab, "secure", variables)
    done = subprocess.run(
        [Path(sys.executable).with_name("jf"), "-p", "sulfox-secure", "job", "list"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("WAITING") >= 6
    assert not secrets_in((done.stdout + done.stderr).encode())


@pytest.mark.parametrize(
    "command",
    [
        ("status", "tiny"),
        ("submit", "study"),
        ("resume", "tiny"),
        ("cancel", "tiny"),
    ],
)
@pytest.mark.parametrize("cluster", ["plain", "address"])
def test_a_wrong_password_is_not_let_in(lab, cluster, command):
    variables = lab.variables("users", "writer", PASSWORDS["wrong"])
    code, said = lab.sulfox(*command, "--cluster", cluster, **variables)
    assert code == 2
    assert f"SFX-501 [input] database of cluster {cluster}: {LET_IN}" in said


def test_doctor_lists_a_wrong_password_among_its_checks(lab):
    variables = lab.variables("users", "writer", PASSWORDS["wrong"])
    code, said = lab.sulfox("doctor", "--cluster", "plain", **variables)
    assert code == 1
    assert "SFX-807" in said
    assert "database of cluster plain" in said
    assert LET_IN in " ".join(said.split())


def test_no_user_at_all_is_told(lab):
    code, said = status(lab, "plain", lab.variables("users", None))
    assert code == 2
    assert "SFX-501 [input] database of cluster plain: it asks for a user and a password" in said


def test_doctor_tells_a_reader_that_he_may_not_write(lab):
    submit(lab, "plain", lab.variables("users", "writer"))
    variables = lab.variables("users", "reader")
    code, said = lab.sulfox("doctor", "--cluster", "plain", "--wait", "1", "--json", **variables)
    assert code == 1
    assert "not authorized on lab to execute command update" in said
    assert "lets this user write" in said


@pytest.mark.parametrize(
    ("server", "options", "cause"),
    [
        ("both", {"tls": True, "tlsCAFile": "other-ca.pem"}, "its TLS certificate is not trusted"),
        ("both", {}, "it may want TLS"),
        ("users", {"tls": True, "tlsCAFile": "ca.pem"}, "it does not answer TLS; it may have none"),
        ("both", {"tls": True, "tlsCAFile": "none.pem"}, "cannot be used: none.pem: No such file"),
        ("both", {"tls": True, "tlsCaFil": "ca.pem"}, "an option that PyMongo does not take"),
    ],
)
def test_tls_that_does_not_fit_is_told_with_its_likely_cause(lab, server, options, cause):
    lab.describe("misfit", mongoclient_kwargs={**SOON, **options})
    code, said = status(lab, "misfit", lab.variables(server, "writer"))
    assert code == 2
    assert "SFX-501 [input] database" in said
    assert cause in said


def test_a_variable_names_the_ca(lab):
    lab.describe("variable", mongoclient_kwargs={"tls": True, "tlsCAFile": "${LAB_CA}"})
    variables = {**lab.variables("both", "writer"), "LAB_CA": str(lab.ca)}
    code, said = submit(lab, "variable", variables)
    assert code == 0, said


def test_fireworks_asks_for_a_file_of_the_users_own_and_says_what_belongs_in_it(lab):
    lab.describe("own", mongoclient_kwargs=lab.tls, auth_source="admin")
    variables = lab.variables("both", "elsewhere")
    code, said = status(lab, "own", variables, "--manager", "fireworks")
    assert code == 2
    assert "SFX-806" in said
    assert "write authsource and mongoclient_kwargs of the store's file into it" in said
    own_launchpad(lab, "own", variables, authsource="admin", mongoclient_kwargs=lab.tls)
    code, said = submit(lab, "own", variables, "--manager", "fireworks")
    assert code == 0, said
    assert "8 jobs added" in said


def test_fireworks_own_launchpad_and_the_job_store_of_its_jobs_open(lab, monkeypatch):
    from fireworks import LaunchPad
    from jobflow import JobflowSettings

    writer = lab.variables("users", "writer")
    path = own_launchpad(lab, "plain", writer)
    code, said = submit(lab, "plain", writer, "--manager", "fireworks")
    assert code == 0, said
    assert len(LaunchPad.from_file(str(path)).get_fw_ids()) == 8
    for name, value in writer.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(path.with_name("jobflow.yaml")))
    store = JobflowSettings().JOB_STORE
    store.connect()
    store.update([{"uuid": "one", "index": 1, "output": 1}])
    assert store.count({"uuid": "one"}) == 1
    store.remove_docs({"uuid": "one"})
    assert not secrets_in((repr(store) + str(store.as_dict())).encode())


def test_a_wrong_password_in_the_users_own_launchpad_is_not_let_in(lab):
    variables = lab.variables("users", "writer", PASSWORDS["wrong"])
    path = own_launchpad(lab, "plain", variables)
    code, said = status(lab, "plain", variables, "--manager", "fireworks")
    assert code == 2
    assert f"SFX-501 [input] database of cluster plain: {LET_IN}" in said
    path.unlink()


def test_a_launchpad_for_a_database_with_tls_and_no_users_is_rendered_whole(lab):
    from fireworks import LaunchPad

    variables = lab.variables("tls", None)
    code, said = submit(lab, "secure", variables, "--manager", "fireworks")
    assert code == 0, said
    rendered = lab.folder / "projects" / "fireworks-secure" / "my_launchpad.yaml"
    assert len(LaunchPad.from_file(str(rendered)).get_fw_ids()) == 8
    assert yaml.safe_load(rendered.read_text())["mongoclient_kwargs"] == lab.tls

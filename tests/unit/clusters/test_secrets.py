"""Promise: no password reaches a file, a job, an error or a printed object."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monty.json import MontyDecoder, MontyEncoder

from sulfox.clusters.cluster import load_cluster
from sulfox.clusters.cluster_queue import store_description
from sulfox.clusters.fireworks.files import write_fireworks_files
from sulfox.clusters.jobflow_remote.project import write_project
from sulfox.clusters.private_files import refuse_readable_by_others, write_private
from sulfox.clusters.sizes.resources import job_resources
from sulfox.errors import SulfoxError
from sulfox.stores.server import server_job_store

VARIABLES = {
    "SULFOX_MONGO_HOST": "127.0.0.1",
    "SULFOX_MONGO_PORT": "1",  # nobody answers there
    "SULFOX_MONGO_DATABASE": "lab",
    "SULFOX_MONGO_USER": "me",
}
# no words of the rendered files, so that finding it means that it leaked
PASSWORDS = st.text(string.ascii_letters + string.digits + "#%$@:/ é", min_size=4).map(
    lambda text: f"Zq{text}qZ"
)


@pytest.fixture(params=["cpu-example", "gpu-example", "local-slurm"])
def cluster(request):
    return load_cluster(request.param)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(password=PASSWORDS)
def test_rendered_files_do_not_know_the_password(tmp_path, monkeypatch, cluster, password):
    for name, value in {**VARIABLES, "SULFOX_MONGO_PASSWORD": password}.items():
        monkeypatch.setenv(name, value)
    store = store_description(cluster)
    size = job_resources(cluster, "light", 1, "mlip")
    written = [write_project(cluster, store, tmp_path)]
    (tmp_path / "fw").mkdir(exist_ok=True)
    with pytest.raises(SulfoxError, match="SFX-806") as error:
        write_fireworks_files(cluster, store, tmp_path / "fw" / "none", size)
    assert password not in error.value.line
    own = tmp_path / "fw" / "my_launchpad.yaml"
    own.write_text("name: lab")
    own.chmod(0o600)
    written += write_fireworks_files(cluster, store, tmp_path / "fw", size)
    for path in written:
        assert path.stat().st_mode & 0o777 == 0o600
        assert password not in path.read_text()
    assert password not in repr(cluster)


@settings(
    max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(password=PASSWORDS)
def test_a_store_that_failed_to_connect_does_not_know_it(monkeypatch, password):
    for name, value in {**VARIABLES, "SULFOX_MONGO_PASSWORD": password}.items():
        monkeypatch.setenv(name, value)
    description = store_description(load_cluster("local-slurm"))
    store = MontyDecoder().process_decoded(server_job_store(description))
    docs = store.docs_store
    docs.mongoclient_kwargs = {"serverSelectionTimeoutMS": 1, "connect": False}
    docs.connect()
    with pytest.raises(Exception) as error:  # noqa: PT011 whichever the driver chooses
        docs.count()
    said = [str(error.value), repr(docs), str(docs), json.dumps(store.as_dict(), cls=MontyEncoder)]
    assert not any(password in text for text in said)


def test_a_missing_variable_is_told_by_name_only(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SULFOX_MONGO_PASSWORD", raising=False)
    description = store_description(load_cluster("local-slurm"))
    store = MontyDecoder().process_decoded(server_job_store(description))
    with pytest.raises(SulfoxError, match=r"SFX-501.*SULFOX_MONGO_PASSWORD is not set"):
        store.docs_store.connect()


def test_a_private_file_stays_private_when_written_again(tmp_path):
    path = tmp_path / "a" / "x.yaml"
    write_private(path, "one")
    path.chmod(0o644)
    write_private(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["x.yaml"]


def test_a_users_own_launchpad_is_kept_and_its_mode_checked(tmp_path, monkeypatch):
    for name, value in {**VARIABLES, "SULFOX_MONGO_PASSWORD": "x"}.items():
        monkeypatch.setenv(name, value)
    cluster = load_cluster("local-slurm")
    own = tmp_path / "my_launchpad.yaml"
    own.write_text("password: mine")
    own.chmod(0o640)
    arguments = (cluster, store_description(cluster), tmp_path)
    size = job_resources(cluster, "light", 1, "mlip")
    with pytest.raises(SulfoxError, match=r"SFX-803.*mode 640"):
        write_fireworks_files(*arguments, size)
    own.chmod(0o600)
    refuse_readable_by_others(own)
    assert own not in write_fireworks_files(*arguments, size)
    assert own.read_text() == "password: mine"

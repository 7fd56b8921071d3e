"""One private SLURM with one study in it, for all tests that need a cluster."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from slurm_lab import SlurmLab
from slurm_study import why_not


@pytest.fixture(scope="session")
def lab(tmp_path_factory, mongo, nep89):
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    lab = SlurmLab(tmp_path_factory.mktemp("lab"), mongo, "sulfox-lab")
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
        mongo.client().drop_database(lab.database)


@pytest.fixture
def ran(lab):
    """The cluster after one run at 300 K: each test adds its own temperature to it."""
    lab.write_cluster(minutes=10)
    lab.write_study(300)
    if lab.submit()["n_done"] < 8:
        lab.ensure_runner()
        lab.resume_until_done()
    yield lab
    lab.forget_failures()


@pytest.fixture
def cluster(mongo, database, tmp_path, monkeypatch):
    """The shipped cluster file with a database of the test's own; no scheduler runs."""
    from sulfox.clusters.cluster import load_cluster

    server = urlsplit(mongo.uri)
    variables = {
        "SULFOX_MONGO_HOST": server.hostname,
        "SULFOX_MONGO_PORT": str(server.port or 27017),
        "SULFOX_MONGO_DATABASE": database.name,
        "SULFOX_MONGO_USER": server.username or "",
        "SULFOX_MONGO_PASSWORD": server.password or "",
        "SULFOX_LOCAL_SLURM": str(tmp_path),
        "SULFOX_VENV": str(tmp_path),
        "JFREMOTE_PROJECTS_FOLDER": str(tmp_path / "projects"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_cluster("local-slurm")

"""A MongoDB for tests: the stated one, a mongod of this machine, or the server beside this file."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

_SUPPORT = Path(__file__).parent


@dataclass
class TestMongo:
    """A server and a database of the test's own."""

    __test__ = False

    uri: str
    which: str
    command: tuple[str, ...] = ()
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    refusal: Path | None = None

    @property
    def port(self) -> int:
        return urlsplit(self.uri).port or 27017

    def client(self):
        from pymongo import MongoClient

        return MongoClient(self.uri, serverSelectionTimeoutMS=5000)

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(_SUPPORT), "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.1)
        pytest.fail(f"{self.which} did not start: {self.log.read_text()[-500:]}")

    def kill(self) -> None:
        """As a crash would: SIGKILL."""
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def refusing(self, error: str) -> Iterator[None]:
        """Take no write for a while; `error` is MongoDB's number, name and text."""
        if self.refusal is None:
            pytest.skip(f"{self.which} cannot be told to refuse writes")
        part = self.refusal.with_suffix(".part")
        part.write_text(error)
        part.rename(self.refusal)
        try:
            yield
        finally:
            self.refusal.unlink()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_mongo(folder: Path) -> TestMongo:
    """The server of the tests; it is started where it is ours."""
    stated = os.environ.get("SULFOX_TEST_MONGO_URI")
    if stated:
        return TestMongo(stated, "the server of SULFOX_TEST_MONGO_URI")
    port = free_port()
    mongod = shutil.which("mongod")
    if mongod:
        (folder / "db").mkdir()
        command = (mongod, "--dbpath", str(folder / "db"), "--port", str(port), "--bind_ip")
        command += ("127.0.0.1",)
        refusal = None
    else:
        refusal = folder / "refusal"
        command = (sys.executable, "-m", "mongo_server", "--file", str(folder / "db.sqlite"))
        command += ("--port", str(port), "--refusal", str(refusal))
    which = mongod or "the wire server of tests/support/mongo_server"
    mongo = TestMongo(f"mongodb://127.0.0.1:{port}", which, command, folder / "mongo.log")
    mongo.refusal = refusal
    mongo.start()
    return mongo


def make_guarded_mongo(folder: Path, *users: str, certificate: Path | None = None) -> TestMongo:
    """A wire server, started, that asks who you are (see `mongo_server.users`) or wants TLS."""
    command = [sys.executable, "-m", "mongo_server", "--file", str(folder / "db.sqlite")]
    for user in users:
        command += ["--user", user]
    if certificate is not None:
        command += ["--tls-cert", str(certificate)]
    port = free_port()
    which = "the wire server of tests/support/mongo_server, guarded"
    command += ["--port", str(port)]
    uri = f"mongodb://localhost:{port}"
    mongo = TestMongo(uri, which, tuple(command), folder / "mongo.log")
    mongo.start()
    return mongo


@pytest.fixture(scope="session")
def mongo(tmp_path_factory) -> Iterator[TestMongo]:
    """A MongoDB server."""
    server = make_mongo(tmp_path_factory.mktemp("mongo"))
    sys.stderr.write(f"\nMongoDB of these tests: {server.which}\n")
    yield server
    server.stop()


@pytest.fixture
def database(mongo):
    """A database of one test."""
    client = mongo.client()
    name = f"sulfox-test-{uuid.uuid4().hex[:12]}"
    yield client[name]
    client.drop_database(name)
    client.close()

"""A laboratory's databases that ask who you are, and files of sulfox that describe them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import trustme
import yaml
from mongo_fixture import TestMongo, make_guarded_mongo
from pymongo import MongoClient

from sulfox.cli.main import main

__all__ = ["PASSWORDS", "GuardedLab", "running_lab"]

DATABASE = "lab"
#: With letters that an address, YAML or the command line would take for their own.
PASSWORDS = {
    "writer": "Zq:wr1te@/%25é qZ",
    "reader": "ZqReadOnly#$qZ",
    "elsewhere": "ZqMadeInAdminqZ",
    "stranger": "ZqMayNothingHereqZ",
    "wrong": "ZqNotTheOne/qZ",
}
_USERS = (
    f"writer:{PASSWORDS['writer']}:readWrite@{DATABASE}",
    f"reader:{PASSWORDS['reader']}:read@{DATABASE}",
    f"admin.elsewhere:{PASSWORDS['elsewhere']}:readWrite@{DATABASE}",
    f"{DATABASE}.stranger:{PASSWORDS['stranger']}:readWrite@another",
)
_CONFIGS = Path(__file__).parents[2] / "configs"


class GuardedLab:
    """Three servers (users; TLS; both), the CA of their certificate, and another CA.

    Everything that sulfox, a manager or a server writes lies in `folder`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: dict[str, TestMongo] = {}
        self.ca, self.other_ca = folder / "ca.pem", folder / "other-ca.pem"
        own = trustme.CA()
        own.cert_pem.write_to_path(str(self.ca))
        trustme.CA().cert_pem.write_to_path(str(self.other_ca))
        self.certificate = folder / "server.pem"
        own.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
            str(self.certificate)
        )
        self.tls = {"tls": True, "tlsCAFile": str(self.ca)}

    def server(self, name: str) -> TestMongo:
        """The server `users`, `tls` or `both`, started when it is first asked for."""
        if name not in self.servers:
            place = self.folder / f"server-{name}"
            place.mkdir()
            users = () if name == "tls" else _USERS
            certificate = None if name == "users" else self.certificate
            self.servers[name] = make_guarded_mongo(place, *users, certificate=certificate)
        return self.servers[name]

    def empty(self) -> None:
        """Drop what the databases hold."""
        for name, server in self.servers.items():
            who: dict[str, Any] = {"username": "writer", "password": PASSWORDS["writer"]}
            options = {} if name == "tls" else {**who, "authSource": DATABASE}
            options |= {} if name == "users" else self.tls
            with MongoClient(server.uri, **options) as client:
                for collection in client[DATABASE].list_collection_names():
                    client[DATABASE].drop_collection(collection)

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()

    def variables(
        self, server: str, user: str | None, password: str | None = None
    ) -> dict[str, str]:
        """The environment of somebody who works with one of the servers; None is nobody."""
        port = str(self.server(server).port)
        password = PASSWORDS.get(user or "", "") if password is None else password
        address = f"localhost:{port}/{DATABASE}"
        return {
            "SULFOX_MONGO_HOST": "localhost",
            "SULFOX_MONGO_PORT": port,
            "SULFOX_MONGO_DATABASE": DATABASE,
            "SULFOX_MONGO_USER": user or "",
            "SULFOX_MONGO_PASSWORD": password,
            "SULFOX_MONGO_URI": f"mongodb://{user}:{quote_plus(password)}@{address}",
            "SULFOX_LOCAL_SLURM": str(self.folder),
            "SULFOX_VENV": str(self.folder),
            "SULFOX_DATA_DIR": str(self.folder / "data"),
            "SULFOX_CONFIG_DIR": str(self.folder / "configs"),
            "JFREMOTE_PROJECTS_FOLDER": str(self.folder / "projects"),
        }

    def describe(self, name: str, *, uri: bool = False, **options: Any) -> str:
        """Write a store's and a cluster's file of this name, as a user would: no secret in them."""
        store = yaml.safe_load((_CONFIGS / "stores" / "mongodb.yaml").read_text())
        for part in (store["docs_store"], store["additional_stores"]["trajectories"]):
            if uri:
                for key in ("host", "port", "username", "password"):
                    del part[key]
                part["uri"] = "${SULFOX_MONGO_URI}"
            part.update(options)
        cluster = yaml.safe_load((_CONFIGS / "clusters" / "local-slurm.yaml").read_text())
        cluster |= {"name": name, "store": name}
        for kind, content in (("stores", store), ("clusters", cluster)):
            path = self.folder / "configs" / kind / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(content))
        return name

    def sulfox(self, *arguments: object, **variables: str) -> tuple[int, str]:
        """Give a command; its exit status and all that it said, which holds no secret."""
        said = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["sulfox", *map(str, arguments)])
            patch.chdir(self.folder)
            with (
                contextlib.redirect_stdout(said),
                contextlib.redirect_stderr(said),
                pytest.raises(SystemExit) as left,
            ):
                main()
        text = said.getvalue()
        assert not secrets_in(text.encode()), text
        assert "Traceback" not in text, text
        return int(left.value.code or 0), text

    def files_with_secrets(self) -> list[str]:
        """Files below `folder`, databases and logs of the servers too, that hold a password."""
        files = (Path(at) / name for at, _, names in os.walk(self.folder) for name in names)
        return [str(path) for path in files if secrets_in(path.read_bytes())]


def secrets_in(content: bytes) -> list[str]:
    """Passwords, or parts of them, in a text or a file."""
    forms = {form for word in PASSWORDS.values() for form in (word, quote_plus(word))}
    return [form for form in forms if form.encode() in content]


@contextlib.contextmanager
def running_lab(folder: Path) -> Iterator[GuardedLab]:
    """The laboratory, stopped at the end."""
    lab = GuardedLab(folder)
    try:
        yield lab
    finally:
        lab.stop()

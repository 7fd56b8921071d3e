"""Promise: users, roles and TLS of a database hold for the store's commands; no secret is told.

The servers are tests/support/mongo_server with users and certificates, which the real PyMongo
speaks to; none of them is a licensed MongoDB.
"""

from __future__ import annotations

import json
import logging
from urllib.parse import quote_plus

import pytest

pytest.importorskip("scramp", reason="needs sulfox[dev]")
pytest.importorskip("trustme", reason="needs sulfox[dev]")

from guarded_lab import PASSWORDS, running_lab, secrets_in

from sulfox.errors import SulfoxError
from sulfox.stores.opening import open_documents, open_results_store, open_store

LET_IN = "it does not let this user in"
SOON = {"serverSelectionTimeoutMS": 800}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("guarded")) as lab:
        lab.describe("plain")
        lab.describe("secure", mongoclient_kwargs=lab.tls)
        lab.describe("address", uri=True)
        yield lab


@pytest.fixture(scope="module")
def filled(lab, make_document, job):
    """Both servers with users hold two documents, written by who may."""
    documents = [make_document("sulfur_bonds", f"sb-{i}", n_formed=i) for i in range(2)]
    rows = [job(d.id, d, completed_at=f"2026-01-01T00:00:0{i}") for i, d in enumerate(documents)]
    for server, name in (("users", "plain"), ("both", "secure")):
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in lab.variables(server, "writer").items():
                patch.setenv(variable, value)
            open_results_store(name).update(rows)
    return lab


@pytest.fixture(autouse=True)
def nothing_leaks(lab, caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert not secrets_in(caplog.text.encode())
    assert lab.files_with_secrets() == []


def query(lab, store, variables):
    """The ids, or the exit status and what was said."""
    code, said = lab.sulfox("query", "sulfur-bonds", "--store", store, "--json", **variables)
    if code:
        return code, said
    answer, _ = json.JSONDecoder().raw_decode(said)  # what explains an empty one is on stderr
    return sorted(document["id"] for document in answer["documents"])


@pytest.mark.parametrize("user", ["writer", "reader"])
@pytest.mark.parametrize(("server", "store"), [("users", "plain"), ("both", "secure")])
def test_who_is_known_gets_answers(filled, server, store, user):
    assert query(filled, store, filled.variables(server, user)) == ["sb-0", "sb-1"]


@pytest.mark.parametrize("store", ["plain", "address"])
@pytest.mark.parametrize("command", [("query", "interfaces"), ("db", "index")])
def test_a_wrong_password_is_not_let_in(lab, command, store):
    variables = lab.variables("users", "writer", PASSWORDS["wrong"])
    code, said = lab.sulfox(*command, "--store", store, **variables)
    assert code == 2
    assert said.startswith("SFX-501 [input] store ")
    assert LET_IN in said


@pytest.mark.parametrize(
    ("user", "cause"),
    [
        (None, "asks for a user and a password, and was given none"),
        ("nobody-knows", LET_IN),
        ("elsewhere", LET_IN),  # made in another database than the store's
        ("stranger", r"lets this user in, but not read: not authorized on lab to execute command"),
    ],
)
def test_who_has_no_right_is_told_which(filled, user, cause):
    password = None if user in PASSWORDS else ("x" if user else "")
    code, said = query(filled, "plain", filled.variables("users", user, password))
    assert code == 2
    assert "SFX-501" in said
    assert cause in said


def test_the_database_in_which_a_user_was_made_can_be_named(filled):
    filled.describe("admin", auth_source="admin")
    assert query(filled, "admin", filled.variables("users", "elsewhere")) == ["sb-0", "sb-1"]


def test_one_address_with_its_letters_quoted(filled):
    assert query(filled, "address", filled.variables("users", "writer")) == ["sb-0", "sb-1"]


@pytest.mark.parametrize("password", ["ZqNot/TheOneqZ", "Zq:Not@TheOneqZ", "ZqNot?TheOneqZ=b"])
def test_an_address_with_letters_that_are_not_quoted_tells_no_part_of_it(lab, password, recwarn):
    variables = lab.variables("users", "writer")
    quoted = quote_plus(PASSWORDS["writer"])
    variables["SULFOX_MONGO_URI"] = variables["SULFOX_MONGO_URI"].replace(quoted, password)
    code, said = query(lab, "address", variables)
    assert code == 2
    assert "SFX-501" in said
    said += " ".join(str(warning.message) for warning in recwarn)
    assert not any(part in said.lower() for part in ("zqnot", "theoneqz", "zq:"))


@pytest.fixture
def unfinished(filled, job):
    """A store that lacks what a file has, and holds what is to be migrated."""
    writer = filled.variables("users", "writer")
    filled.sulfox("db", "export", "gsirr", "--out", "study.tar", "--store", "plain", **writer)
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in writer.items():
            patch.setenv(variable, value)
        store = open_store("plain")
    store.docs_store.remove_docs({"uuid": "sb-0"})
    old = {"kind": "interface", "id": "if-old", "schema_version": 0}
    store.update([job("old", old, completed_at="2025-01-01")])
    yield store
    store.docs_store.remove_docs({"uuid": "old"})
    filled.sulfox("db", "import", "study.tar", "--store", "plain", **writer)


@pytest.mark.parametrize(
    "command", [("db", "import", "study.tar"), ("db", "migrate"), ("run", "gsirr")]
)
def test_a_reader_changes_nothing(filled, unfinished, command):
    """Nothing is calculated either: `run` says so before its first job."""
    before = unfinished.count()
    code, said = filled.sulfox(*command, "--store", "plain", **filled.variables("users", "reader"))
    assert code == 1
    assert "SFX-503 [resource] " in said
    assert "not authorized on lab to execute command" in said
    assert "take the role readWrite" in said
    assert unfinished.count() == before
    assert not (filled.folder / "data" / "work").exists()


@pytest.mark.parametrize(
    ("server", "options", "cause"),
    [
        ("both", {"tls": True, "tlsCAFile": "other-ca.pem"}, "its TLS certificate is not trusted"),
        ("both", {}, "it may want TLS"),
        ("users", {"tls": True, "tlsCAFile": "ca.pem"}, "it does not answer TLS; it may have none"),
        ("both", {"tls": True, "tlsCAFile": "none.pem"}, "cannot be used: none.pem: No such file"),
        ("both", {"tls": True, "tlsCAFile": "study.txt"}, "a file of mongoclient_kwargs cannot"),
        ("both", {"tls": True, "tlsCaFil": "ca.pem"}, "an option that PyMongo does not take"),
    ],
)
def test_tls_that_does_not_fit_is_told_with_its_likely_cause(lab, server, options, cause):
    (lab.folder / "study.txt").write_text("no certificate")
    lab.describe("misfit", mongoclient_kwargs={**SOON, **options})
    code, said = query(lab, "misfit", lab.variables(server, "writer"))
    assert code == 2
    assert said.startswith("SFX-501 [input] store ")
    assert cause in said


def test_a_certificate_for_another_host_is_not_trusted(lab):
    lab.describe("number", mongoclient_kwargs={**SOON, **lab.tls}, host="127.0.0.1")
    code, said = query(lab, "number", lab.variables("both", "writer"))
    assert code == 2
    assert "not trusted: IP address mismatch" in said


def test_tls_without_users(lab):
    assert query(lab, "secure", lab.variables("tls", None)) == []


def test_a_variable_names_the_ca(filled):
    filled.describe("variable", mongoclient_kwargs={"tls": True, "tlsCAFile": "${LAB_CA}"})
    variables = {**filled.variables("both", "reader"), "LAB_CA": str(filled.ca)}
    assert query(filled, "variable", variables) == ["sb-0", "sb-1"]


def test_an_open_store_does_not_show_its_password(filled, monkeypatch):
    for name in ("plain", "address"):
        for variable, value in filled.variables("users", "reader").items():
            monkeypatch.setenv(variable, value)
        store, reader = open_store(name), open_documents(name)
        said = [repr(store), str(store), repr(store.docs_store), repr(reader), reader.where]
        assert not secrets_in(" ".join(said).encode()), said
        with pytest.raises(SulfoxError) as error:
            open_results_store(name)
        assert not secrets_in(error.value.line.encode())

"""Promise: a server that cannot explain or may only be read still answers; secrets stay secret."""

from __future__ import annotations

import json
import logging

import pytest
from pymongo.errors import OperationFailure
from typer.testing import CliRunner

from sulfox.cli.store.db import app as db
from sulfox.errors import SulfoxError
from sulfox.stores.documents import QueryFilter, find_documents
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.search.index_report import report_index
from sulfox.stores.search.search import parse_condition

READ_ONLY = "13 Unauthorized not authorized on lab to execute command"
SECRET = "pa55-w0rd-that-nothing-may-hold"


@pytest.fixture
def yaml(tmp_path, mongo, database):
    """A file that describes a store on the server."""
    where = f"uri: '{mongo.uri}', database: {database.name}"
    path = tmp_path / "server.yaml"
    path.write_text(
        f"docs_store: {{type: MongoStore, collection_name: outputs, {where}}}\n"
        "additional_stores:\n"
        f"  trajectories: {{type: GridFSStore, collection_name: frames, key: blob_uuid, {where}}}\n"
    )
    return path


@pytest.fixture
def filled(yaml, make_document, job):
    documents = [make_document("sulfur_bonds", f"sb-{i}", n_formed=i) for i in range(4)]
    open_store(yaml).update(
        [job(d.id, d, completed_at=f"2026-01-01T00:00:0{i}") for i, d in enumerate(documents)]
    )
    return yaml


def ids(path, *conditions, **more):
    wanted = QueryFilter(where=tuple(map(parse_condition, conditions)))
    return [d.id for d in find_documents(open_documents(path), "sulfur_bonds", wanted, **more)]


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("no such command: 'explain'", 59, {"codeName": "CommandNotFound"}),
        OperationFailure("not authorized on lab to execute command explain", 13),
        OperationFailure("Feature not supported: explain", 303),
        OperationFailure("unrecognized field 'explain'", 2),
    ],
)
def test_a_server_that_cannot_explain_is_told_and_the_index_works(filled, monkeypatch, error):
    from pymongo.cursor import Cursor

    def refuse(_self):
        raise error

    monkeypatch.setattr(Cursor, "explain", refuse)
    rows = report_index(filled)
    assert all(row["indexed"] is None for row in rows)
    result = CliRunner().invoke(db, ["index", "--store", str(filled)], catch_exceptions=False)
    assert "cannot explain here" in result.stdout
    answer = CliRunner().invoke(db, ["index", "--json", "--store", str(filled)])
    assert {row["indexed"] for row in json.loads(answer.stdout)["queries"]} == {None}


def test_the_server_of_these_tests_says_what_it_can(filled):
    """A mongod explains and uses its indexes; the wire server says that it cannot."""
    rows = report_index(filled)
    assert all(row["indexed"] in (True, None) for row in rows), rows


def test_who_may_only_read_gets_the_same_answers(filled, mongo):
    """Without any index, with one, and with one that is behind."""
    with mongo.refusing(READ_ONLY):
        assert ids(filled) == ["sb-3", "sb-2", "sb-1", "sb-0"]
        assert ids(filled, "n_formed > 1", limit=1) == ["sb-3"]
        assert open_documents(filled).counts() == {"sulfur_bonds": 4}
    assert ids(filled, "n_formed > 1", sort="n_formed") == ["sb-2", "sb-3"]
    with mongo.refusing(READ_ONLY):
        assert ids(filled, "n_formed > 1", sort="n_formed") == ["sb-2", "sb-3"]


def test_what_came_after_the_index_is_found_by_a_reader_too(filled, mongo, make_document, job):
    assert len(ids(filled)) == 4
    changed = make_document("sulfur_bonds", "sb-3", n_formed=0)
    new = make_document("sulfur_bonds", "sb-9", n_formed=9)
    open_store(filled).update(
        [
            job("later", changed, completed_at="2026-01-02"),
            job("new", new, completed_at="2026-01-03"),
        ]
    )
    with mongo.refusing(READ_ONLY):
        assert ids(filled, "n_formed > 1") == ["sb-9", "sb-2"], "sb-3 has another value now"
        assert open_documents(filled).counts() == {"sulfur_bonds": 5}
    assert ids(filled, "n_formed > 1") == ["sb-9", "sb-2"]


def test_one_output_is_stored_once_whoever_writes_it(filled, database, mongo):
    """The unique key that two runners meet."""
    from pymongo.errors import DuplicateKeyError

    with pytest.raises(DuplicateKeyError):
        database["outputs"].insert_one({"uuid": "sb-1", "index": 1})
    database["outputs"].insert_one({"uuid": "sb-1", "index": 2})


def test_a_password_is_nowhere_in_what_is_written_or_said(
    tmp_path, mongo, database, monkeypatch, caplog, make_document, job
):
    """Documents, their index, JSON of the builder, reprs, logs and errors of a server's user."""
    from urllib.parse import urlsplit

    from sulfox.stores.reanalysis.builder import ReanalysisBuilder

    place = urlsplit(mongo.uri)
    if place.username:
        pytest.skip("the stated server has a user of its own")
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("LAB_PASSWORD", SECRET)
    # the driver takes the user out of the address, so the test's server, which has none, answers
    monkeypatch.setenv("LAB_URI", mongo.uri + f"/?appname={SECRET}")
    path = tmp_path / "server.yaml"
    where = f"uri: '${{LAB_URI}}', database: {database.name}"
    path.write_text(
        f"docs_store: {{type: MongoStore, collection_name: outputs, {where}}}\n"
        "additional_stores:\n"
        f"  trajectories: {{type: GridFSStore, collection_name: frames, {where}}}\n"
    )
    store = open_store(path)
    store.update([job("a", make_document("interface", "if-1"))])
    reader = open_documents(path)
    assert len(find_documents(reader, "interface")) == 1
    builder = ReanalysisBuilder("sulfur-bonds", str(path))
    said = [repr(reader), reader.where, repr(builder), builder.to_json(), str(builder.as_dict())]
    said += [str(list(database[name].find())) for name in database.list_collection_names()]
    with pytest.raises(SulfoxError) as caught:
        find_documents(reader, "colours")
    said += [caught.value.line, str(caught.value.__cause__)]
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("pymongo")]
    assert SECRET not in "\n".join([*said, *ours])


def test_a_wrong_password_is_told_without_it(tmp_path, monkeypatch):
    """As a server says it: the text of its refusal holds the address that it was asked with."""
    from maggma.stores import MongoStore

    from sulfox.stores import described

    monkeypatch.setattr(described, "_TIMEOUT_MS", 300)
    monkeypatch.setenv("LAB_PASSWORD", SECRET)

    def refuse(_self, force_reset=False):
        raise OperationFailure(f"Authentication failed for mongodb://me:{SECRET}@lab/db", 18)

    monkeypatch.setattr(MongoStore, "connect", refuse)
    path = tmp_path / "server.yaml"
    where = "host: lab, database: db, username: me, password: '${LAB_PASSWORD}'"
    path.write_text(
        f"docs_store: {{type: MongoStore, collection_name: outputs, {where}}}\n"
        "additional_stores:\n"
        f"  trajectories: {{type: GridFSStore, collection_name: frames, {where}}}\n"
    )
    with pytest.raises(SulfoxError, match="it does not let this user in") as caught:
        open_store(path)
    assert SECRET not in caught.value.line
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "--debug prints no chain"


@pytest.mark.parametrize(
    "refusal", [READ_ONLY, "14031 OutOfDiskSpace available disk space is less than required"]
)
def test_a_command_that_must_write_says_why_it_cannot(
    filled, mongo, tmp_path, refusal, make_document, job
):
    """Re-analysis, pruning, migration, import: one line each, and what was there stays."""
    from sulfox.stores.migrations import migrate
    from sulfox.stores.portable.export import export_study
    from sulfox.stores.portable.loading import import_study
    from sulfox.stores.reanalysis.builder import ReanalysisBuilder
    from sulfox.stores.reanalysis.old_versions import prune_versions

    reader = open_documents(filled)
    export_study(reader, "gsirr", tmp_path / "a.tar")
    store = open_store(filled)
    builder = ReanalysisBuilder("sulfur-bonds", str(filled))
    builder.connect()
    made = {"job": {"uuid": "x", "index": 1, "output": {}}}
    old = {"kind": "interface", "id": "if-old", "schema_version": 0}
    newer = make_document("sulfur_bonds", "sb-v2", method_version=2)
    store.update([job("old", old), job("newer", newer)])
    store.docs_store.remove_docs({"uuid": "sb-0"})
    for call in (
        lambda: builder.update_targets([made]),
        lambda: import_study(tmp_path / "a.tar", store),
        lambda: migrate(store, steps={}),
        lambda: prune_versions(store, reader, "sulfur-bonds", older_than=2, named_too=True),
    ):
        with mongo.refusing(refusal):
            before = len(list(store.docs_store.query({})))
            with pytest.raises(SulfoxError, match=r"SFX-503"):
                call()
            assert len(list(store.docs_store.query({}))) == before

"""Collections of mongomock that remember what changed, and the file that keeps them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import bson
import mongomock_ng
from bson import CodecOptions
from mongomock_ng import helpers
from mongomock_ng import store as mongomock_store

__all__ = ["CODEC", "DurableCollection", "DurableDatabases"]

CODEC: CodecOptions[dict[str, Any]] = CodecOptions(document_class=dict, tz_aware=False)

_TABLES = """
CREATE TABLE IF NOT EXISTS documents(
    place INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, collection TEXT, id BLOB, content BLOB,
    UNIQUE(name, collection, id));
CREATE TABLE IF NOT EXISTS collections(
    name TEXT, collection TEXT, indexes BLOB, PRIMARY KEY(name, collection));
"""


class DurableCollection(mongomock_store.CollectionStore):
    """A collection that remembers which documents changed since it was written."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.changed: set[Any] = set()
        self.dropped = False

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self.changed.add(key)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self.changed.add(key)

    def drop(self) -> None:
        super().drop()
        self.changed.clear()
        self.dropped = True


mongomock_store.CollectionStore = DurableCollection


class DurableDatabases:
    """All databases of the server, in memory and in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self.client = mongomock_ng.MongoClient()
        self.file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.file.execute("PRAGMA journal_mode=WAL")
        self.file.execute("PRAGMA locking_mode=EXCLUSIVE")  # one server per file
        self.file.executescript(_TABLES)
        for name, collection in self.file.execute("SELECT name, collection FROM collections"):
            self.restore(name, collection)

    def collection(self, name: str, collection: str) -> Any:
        """mongomock's collection, which knows queries and updates."""
        return self.client[name][collection]

    def content(self, name: str, collection: str) -> DurableCollection:
        """Documents and indexes of a collection."""
        return self.client._store[name][collection]

    def collections(self, name: str) -> list[str]:
        return self.client._store[name].list_created_collection_names()

    def restore(self, name: str, collection: str) -> None:
        """Take a collection as the file has it: a failed update changed it in memory."""
        place = (name, collection)
        kept = self.file.execute(
            "SELECT indexes FROM collections WHERE name=? AND collection=?", place
        ).fetchone()
        content = self.content(name, collection)
        content.drop()
        if kept is not None:
            content._is_force_created = True
            for index in bson.decode(kept[0], CODEC)["indexes"]:
                keys = [tuple(key) for key in index["key"]]
                content.create_index(index["name"], {**index["options"], "key": keys})
            rows = self.file.execute(
                "SELECT content FROM documents WHERE name=? AND collection=? ORDER BY place", place
            )
            for (raw,) in rows:
                document = bson.decode(raw, CODEC)
                content[_hashable(document["_id"])] = document
        content.changed.clear()
        content.dropped = False

    def write(self, created: tuple[str, str] | None = None) -> None:
        """Commit what changed, `created` also if it is empty; nothing is acknowledged before."""
        changed = [
            (name, collection, content)
            for name, database in self.client._store._databases.items()
            for collection, content in database._collections.items()
            if content.changed or content.dropped or (name, collection) == created
        ]
        if not changed:
            return
        self.file.execute("BEGIN IMMEDIATE")
        try:
            for item in changed:
                self._write(*item)
            self.file.execute("COMMIT")
        except BaseException:
            self.file.execute("ROLLBACK")
            raise
        for _, _, content in changed:
            content.changed.clear()
            content.dropped = False

    def _write(self, name: str, collection: str, content: DurableCollection) -> None:
        place = (name, collection)
        if content.dropped:
            for table in ("documents", "collections"):
                self.file.execute(f"DELETE FROM {table} WHERE name=? AND collection=?", place)
        for key in content.changed:
            identity = bson.encode({"_id": key})
            document = content._documents.get(key)
            if document is None:
                self.file.execute(
                    "DELETE FROM documents WHERE name=? AND collection=? AND id=?",
                    (*place, identity),
                )
                continue
            self.file.execute(
                "INSERT INTO documents(name, collection, id, content) VALUES(?,?,?,?) "
                "ON CONFLICT(name, collection, id) DO UPDATE SET content=excluded.content",
                (*place, identity, bson.encode(document)),
            )
        if content.is_created:
            indexes = [
                {
                    "name": index_name,
                    "key": [list(key) for key in index["key"]],
                    "options": {k: v for k, v in index.items() if k != "key"},
                }
                for index_name, index in content.indexes.items()
            ]
            self.file.execute(
                "INSERT OR REPLACE INTO collections VALUES(?,?,?)",
                (*place, bson.encode({"indexes": indexes})),
            )


def _hashable(identity: Any) -> Any:
    return helpers.hashdict(identity) if isinstance(identity, dict) else identity

"""The embedded store: one folder, no server, safe against kill -9 and many writers.

Layout::

    sulfox-store.json            schema version of the store
    documents/                   MontyDB repository on SQLite: one row per job output
    trajectories/<id>/<segment>  archives, the same files as in a folder archive

This module imports neither maggma nor jobflow, so that a query answers at once. What
is written here can be read by maggma's own ``MontyStore``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sulfox.documents.base import SCHEMA_VERSION
from sulfox.stores.embedded.index import add_job, bring_up_to_date, has_index, lay_index
from sulfox.stores.store_errors import damaged, is_read_only, newer_store, translated_errors
from sulfox.trajectories.durable import write_durably

__all__ = [
    "COLLECTION",
    "DATABASE",
    "MARKER",
    "EmbeddedFolder",
    "is_file_name",
]

MARKER = "sulfox-store.json"
DATABASE = "jobs"
COLLECTION = "outputs"
#: How long a process waits for another one that is writing [s].
LOCK_TIMEOUT_S = 60.0

#: What a trajectory or a segment may be called: never hidden, never a path.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")

_UPSERT = "INSERT INTO documents(k, v) VALUES (?, ?) ON CONFLICT(k) DO UPDATE SET v = excluded.v"


@dataclass(frozen=True)
class EmbeddedFolder:
    """The files of an embedded store.

    Attributes
    ----------
    root : Path
        Folder of the store.
    """

    root: Path

    @property
    def marker(self) -> Path:
        """File that makes a folder a store."""
        return self.root / MARKER

    @property
    def documents(self) -> Path:
        """MontyDB repository."""
        return self.root / "documents"

    @property
    def trajectories(self) -> Path:
        """Folder of the trajectory archives."""
        return self.root / "trajectories"

    @property
    def database_file(self) -> Path:
        """SQLite file with one row per document."""
        return self.documents / DATABASE / f"{COLLECTION}.collection"

    @property
    def exists(self) -> bool:
        """Whether there is a store in the folder."""
        return self.marker.is_file()

    def create(self) -> None:
        """Make the store where there is none; harmless where there is one.

        Raises
        ------
        SulfoxError
            SFX-502 for a newer store, SFX-503 if the folder cannot be written,
            SFX-501 if it is damaged.
        """
        with translated_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            self._refuse_read_only()
            with _exclusive(self.root / f".{MARKER}.lock"):
                version = 0
                if self.exists:
                    version = self._schema_version()
                    self._refuse_missing_database()
                self.trajectories.mkdir(exist_ok=True)
                if not (self.exists and self._repository_files_stand()):
                    self._create_database()  # goes on where a killed process stopped
                self.rebuild_index(even_if_there=False)
                if version < SCHEMA_VERSION:
                    text = json.dumps({"schema_version": SCHEMA_VERSION, "made_by": "sulfox"})
                    write_durably(self.marker, text.encode())
        self.check()

    def check(self) -> None:
        """Refuse what cannot be read.

        Raises
        ------
        SulfoxError
            SFX-501 if this is no store or it is damaged, SFX-502 if it is a newer one.
        """
        self._schema_version()
        self._refuse_missing_database()
        if not self._repository_files_stand():
            raise damaged(self.root, "settings of its database are missing")
        mode = "ro" if is_read_only(self.database_file.parent) else "rw"  # rw: can recover
        with translated_errors(self.root), contextlib.closing(self.connect(mode)) as connection:
            connection.execute("SELECT count(*) FROM documents").fetchone()

    def collection(self) -> Any:
        """Give the MontyDB collection of job outputs, for queries.

        Returns
        -------
        montydb.MontyCollection
            Takes ``find`` and ``count_documents`` as PyMongo's does.
        """
        from montydb import MontyClient

        return MontyClient(str(self.documents))[DATABASE][COLLECTION]

    def write(self, docs: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
        """Insert or replace job documents in one transaction.

        A row is identified by job UUID and index, so two processes that write the same
        output leave one document.

        Parameters
        ----------
        docs : sequence of dict
            JSON documents with at least ``uuid``.
        key : sequence of str
            Fields that decide which documents are replaced.

        Raises
        ------
        SulfoxError
            SFX-503 if the disk is full or the store is read-only, SFX-501 if damaged.
        """
        with translated_errors(self.root), contextlib.closing(self.connect("rw")) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                for doc in docs:
                    if set(key) != {"uuid", "index"}:
                        self._delete(connection, {name: doc[name] for name in key})
                    row = _row(doc)
                    connection.execute(_UPSERT, row)
                    add_job(connection, row[0], doc)

    def remove(self, criteria: Mapping[str, Any]) -> None:
        """Remove the documents that match, in one transaction.

        Parameters
        ----------
        criteria : mapping
            MongoDB filter.
        """
        with translated_errors(self.root), contextlib.closing(self.connect("rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                self._delete(connection, criteria)

    def connect(self, mode: str) -> sqlite3.Connection:
        """Open the file of the documents.

        Parameters
        ----------
        mode : str
            SQLite's ``"ro"``, ``"rw"`` or ``"rwc"``.

        Returns
        -------
        sqlite3.Connection
            Transactions are begun by hand.
        """
        uri = f"{self.database_file.resolve().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT_S, isolation_level=None)

    @staticmethod
    def _delete(connection: sqlite3.Connection, criteria: Mapping[str, Any]) -> None:
        import bson
        from montydb.engine.queries import QueryFilter

        matches = QueryFilter(dict(criteria))
        rows = connection.execute("SELECT k, v FROM documents")
        gone = [(k,) for k, v in rows if matches(bson.decode(v))]
        connection.executemany("DELETE FROM documents WHERE k = ?", gone)
        if gone and has_index(connection):  # an older document may count again: make it anew
            connection.execute("DELETE FROM results")
            connection.execute("UPDATE results_meta SET last_row = 0")
            bring_up_to_date(connection)

    def _repository_files_stand(self) -> bool:
        settings = self.documents / "monty.storage.cfg"
        kind = self.documents / ".monty.storage"
        return (
            kind.is_file()
            and kind.read_text().strip() == "sqlite"
            and settings.is_file()
            and "[sqlite]" in settings.read_text()
        )

    def _create_database(self) -> None:
        """Lay the files that MontyDB's ``set_storage`` would lay, each of them atomically.

        A rollback journal instead of a write-ahead log, because only that works on
        network file systems and can be read from a read-only folder.
        """
        self.database_file.parent.mkdir(parents=True, exist_ok=True)
        settings = (
            "[sqlite]\njournal_mode = DELETE\ncheck_same_thread = yes\n"
            "use_bson = yes\nmongo_version = 4.0\n\n"
        )
        write_durably(self.documents / "monty.storage.cfg", settings.encode())
        write_durably(self.documents / ".monty.storage", b"sqlite")
        with contextlib.closing(self.connect("rwc")) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS "
                "documents(k text NOT NULL, v text NOT NULL, PRIMARY KEY(k))"
            )

    def rebuild_index(self, *, even_if_there: bool = True) -> None:
        """Make the search index, from the documents.

        Parameters
        ----------
        even_if_there : bool
            Whether one that is there is thrown away.
        """
        with translated_errors(self.root), contextlib.closing(self.connect("rw")) as connection:
            if even_if_there or not has_index(connection):
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    lay_index(connection, from_scratch=even_if_there)
                    bring_up_to_date(connection)

    def _refuse_missing_database(self) -> None:
        if not self.database_file.is_file():
            raise damaged(self.root, "its database is missing")

    def _refuse_read_only(self) -> None:
        if is_read_only(self.root):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.root))

    def _schema_version(self) -> int:
        try:
            version = json.loads(self.marker.read_text())["schema_version"]
        except OSError:
            raise damaged(self.root, f"no {MARKER} in it") from None
        except (ValueError, KeyError, TypeError):
            raise damaged(self.root, f"{MARKER} cannot be read") from None
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise newer_store(f"store {self.root}", version)
        return version


def is_file_name(text: str) -> bool:
    """Tell whether a trajectory id or segment name may be used as a file name.

    Parameters
    ----------
    text : str
        The id or name.
    """
    return _FILE_NAME.fullmatch(text) is not None


def _row(doc: dict[str, Any]) -> tuple[bytes, bytes]:
    import bson
    from montydb.types import bson as dialect

    dialect.init(use_bson=True)
    identity = f"{doc['uuid']}:{doc.get('index', 1)}"
    content = {name: value for name, value in doc.items() if name != "_id"}
    return dialect.id_encode(identity), bson.encode({"_id": identity, **content})


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

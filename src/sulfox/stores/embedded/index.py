"""The search index of an embedded store: a table beside the documents, in the same file.

A row of ``results`` points to a document of a job output. It is written in the transaction
that writes the job, so the two never disagree. ``results`` can be thrown away: it is made
again from the documents. Jobs that something else wrote (maggma's own MontyStore can) are
added when they are first searched for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from sulfox.stores.search.search import Condition, Found, Row, Search, rows_of
from sulfox.stores.search.values import INDEXES, NUMBERS, WORDS

__all__ = [
    "add_job",
    "bring_up_to_date",
    "counts",
    "explain",
    "has_index",
    "index_name",
    "is_current",
    "lay_index",
    "search_index",
]

#: Raised when rows hold other values than before: the index is then made again.
_VERSION = 3
_VALUES = (*WORDS, *NUMBERS)
_COLUMNS = ("kind", "id", "document", "job", "position", "age", *_VALUES)
# Names of tables and columns below are this module's own; values are always bound.
_ASSIGNED = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
_INSERT = (
    f"INSERT INTO results({', '.join(_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * len(_COLUMNS))}) "
    f"ON CONFLICT(kind, id) DO UPDATE SET {_ASSIGNED} WHERE excluded.age >= results.age"
)


def lay_index(connection: sqlite3.Connection, *, from_scratch: bool = False) -> None:
    """Make the table and its indexes where there are none, or none of this version.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store's file, in a transaction that may write.
    from_scratch : bool
        Whether one that is there is thrown away.
    """
    if has_index(connection) and not from_scratch:
        return
    connection.execute("DROP TABLE IF EXISTS results")
    connection.execute("DROP TABLE IF EXISTS results_meta")
    types = [f"{name} TEXT" for name in WORDS] + [f"{name} REAL" for name in NUMBERS]
    connection.execute(
        "CREATE TABLE results(kind TEXT NOT NULL, id TEXT NOT NULL, document BLOB NOT NULL, "
        f"job TEXT NOT NULL, position INTEGER NOT NULL, age TEXT NOT NULL, {', '.join(types)}, "
        "PRIMARY KEY(kind, id))"
    )
    for names in (*(k for k in INDEXES if k != ("id",)), ()):
        # age and id last: without them the newest first would be found by age alone
        columns = ("kind", *names, "age", "id")
        connection.execute(f"CREATE INDEX {index_name(names)} ON results({', '.join(columns)})")
    connection.execute("CREATE INDEX results_job ON results(job)")
    connection.execute("CREATE TABLE results_meta(version INTEGER, last_row INTEGER)")
    connection.execute("INSERT INTO results_meta VALUES (?, 0)", (_VERSION,))


def index_name(names: tuple[str, ...]) -> str:
    """Name of the index over some values.

    Parameters
    ----------
    names : tuple of str
        A key of :data:`sulfox.stores.search.search.INDEXES`.
    """
    if names == ("id",):
        return "sqlite_autoindex_results_1"  # of the primary key
    return "_".join(("results", *names, "age"))


def has_index(connection: sqlite3.Connection) -> bool:
    """Tell whether there is an index of this version.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store's file.
    """
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'results_meta'"
    if not connection.execute(tables).fetchone()[0]:
        return False
    return bool(connection.execute("SELECT version FROM results_meta").fetchone()[0] == _VERSION)


def add_job(connection: sqlite3.Connection, key: bytes, job: Mapping[str, Any]) -> None:
    """Write the rows of a job whose document was just written, in the same transaction.

    Parameters
    ----------
    connection : sqlite3.Connection
        Inside the transaction.
    key : bytes
        Key of the job's document.
    job : mapping
        The job's document.
    """
    before = connection.execute("SELECT last_row FROM results_meta").fetchone()[0]
    row = connection.execute("SELECT rowid FROM documents WHERE k = ?", (key,)).fetchone()[0]
    _put(connection, key, job)
    if row == before + 1:  # nothing that is not indexed lies between
        connection.execute("UPDATE results_meta SET last_row = ?", (row,))


def bring_up_to_date(connection: sqlite3.Connection) -> int:
    """Add the jobs that something else than sulfox wrote.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store's file, in a transaction that may write.

    Returns
    -------
    int
        Documents looked at.
    """
    import bson

    last = connection.execute("SELECT last_row FROM results_meta").fetchone()[0]
    looked_at = 0
    for row, key, value in connection.execute(
        "SELECT rowid, k, v FROM documents WHERE rowid > ? ORDER BY rowid", (last,)
    ):
        _put(connection, key, bson.decode(value))
        last = row
        looked_at += 1
    connection.execute("UPDATE results_meta SET last_row = ?", (last,))
    return looked_at


def is_current(connection: sqlite3.Connection) -> bool:
    """Tell whether there is an index and every document has been looked at.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store's file.
    """
    if not has_index(connection):
        return False
    newest = connection.execute("SELECT max(rowid) FROM documents").fetchone()[0] or 0
    return bool(connection.execute("SELECT last_row FROM results_meta").fetchone()[0] >= newest)


def search_index(connection: sqlite3.Connection, search: Search) -> Iterator[tuple[Row, Found]]:
    """Find documents by the index.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store's file.
    search : Search
        Its other conditions are not looked at; a limit holds only where rows decide.

    Yields
    ------
    tuple
        Row and content, sorted by what rows hold.
    """
    import bson

    statement, values = _statement(search)
    for identity, key, position in connection.execute(statement, values).fetchall():
        found = connection.execute("SELECT v FROM documents WHERE k = ?", (key,)).fetchone()
        job = {} if found is None else bson.decode(found[0])
        for candidate, content in rows_of(job):
            if candidate.position == position and candidate.id == identity:
                yield candidate, Found(content, str(job.get("uuid")))


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the documents of each kind.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store's file.
    """
    return dict(connection.execute("SELECT kind, count(*) FROM results GROUP BY kind").fetchall())


def explain(connection: sqlite3.Connection, search: Search) -> str:
    """Say how a search is answered.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store's file.
    search : Search
        What is wanted.

    Returns
    -------
    str
        SQLite's query plan; ``SCAN`` in it means that every row is read.
    """
    statement, values = _statement(search)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    return "; ".join(str(step[3]) for step in plan)


def _put(connection: sqlite3.Connection, key: bytes, job: Mapping[str, Any]) -> None:
    place = f"{job.get('uuid')}:{job.get('index') or 1}"
    connection.execute("DELETE FROM results WHERE job = ?", (place,))
    for row, _ in rows_of(job):
        values = (row.values.get(name) for name in _VALUES)
        identity = (row.kind, row.id, key, row.job, row.position, row.age)
        connection.execute(_INSERT, (*identity, *values))


def _statement(search: Search) -> tuple[str, list[Any]]:
    clauses = ["kind = ?"]
    values: list[Any] = [search.kind]
    for condition in search.indexed:
        clauses.append(f"{condition.name} {condition.operator} ?")
        values.append(_bound(condition))
    order = "age DESC, id DESC"
    if search.sort and search.sorts_rows:
        name, way = search.sort_name, "DESC" if search.sort.startswith("-") else "ASC"
        order = f"{name} {way} NULLS LAST, {order}"
    limit = f" LIMIT {int(search.limit)}" if search.limit and search.sorts_rows else ""
    chosen = "id, document, position"
    where = " AND ".join(clauses)
    return f"SELECT {chosen} FROM results WHERE {where} ORDER BY {order}{limit}", values  # noqa: S608


def _bound(condition: Condition) -> str | float:
    is_word = isinstance(condition.value, str)
    return condition.value.casefold() if is_word and condition.name != "id" else condition.value  # type: ignore[union-attr]

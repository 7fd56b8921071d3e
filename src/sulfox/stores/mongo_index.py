"""The search index of a MongoDB store: two collections beside the job outputs.

``<outputs>_search`` holds one row per document, ``<outputs>_search_jobs`` the jobs looked
at. Both can be thrown away: they are made again. Jobs are written by whatever runs them, so
the index is brought up to date when it is searched: jobs that are newer than the newest one
seen, less a day for clocks that disagree. Who may only read gets the same answers: what the
index lacks is then looked at without being written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sulfox.stores.search.search import Condition, Found, Row, Search, latest_rows, rows_of
from sulfox.stores.search.values import INDEXES
from sulfox.stores.store_errors import MAY_NOT_WRITE, translated_server_errors

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["MongoIndex"]

_MONGO = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_OWN = ("kind", "id")
_OVERLAP = timedelta(days=1)
_BATCH = 500
#: Raised when rows hold other values than before: they are then made again.
_VERSION = 3
_DUPLICATE = 11000


class MongoIndex:
    """Rows of a MongoDB store.

    Parameters
    ----------
    outputs : pymongo.collection.Collection
        Collection of job outputs.
    """

    def __init__(self, outputs: Any) -> None:
        self.outputs = outputs
        self.rows = outputs.database[f"{outputs.name}_search"]
        self.jobs = outputs.database[f"{outputs.name}_search_jobs"]

    @classmethod
    def of(cls, store: JobStore) -> MongoIndex | None:
        """Give the index of a store, None where it is no MongoDB.

        Parameters
        ----------
        store : JobStore
            Connected.
        """
        from maggma.stores import MemoryStore, MongoStore

        documents = store.docs_store
        if not isinstance(documents, MongoStore) or isinstance(documents, MemoryStore):
            return None
        return cls(documents._collection)

    def lay_unique(self) -> bool:
        """Let one job output be stored once, whoever writes it.

        Returns
        -------
        bool
            False where that cannot be: no right to, or the collection holds doubles.
        """
        from pymongo.errors import OperationFailure

        with self._telling():
            try:
                self.outputs.create_index([("uuid", 1), ("index", 1)], unique=True)
            except OperationFailure:
                return False
        return True

    def lay(self) -> None:
        """Make the indexes where there are none."""
        for names in INDEXES:
            self.rows.create_index([("kind", 1), *((name, 1) for name in names), ("age", -1)])
        self.rows.create_index([("kind", 1), ("age", -1)])
        self.rows.create_index("job")
        self.jobs.create_index("completed_at")
        self.outputs.create_index("completed_at")

    def bring_up_to_date(self, *, from_scratch: bool = False) -> int:
        """Look at the jobs that have not been looked at.

        Parameters
        ----------
        from_scratch : bool
            Throw the rows away first.

        Returns
        -------
        int
            Jobs looked at.
        """
        if from_scratch:
            self.rows.delete_many({})
            self.jobs.delete_many({})
        newest, identities = self._unseen()
        if newest is None:
            self.lay()
        for jobs in self._in_batches(identities):
            self._add(jobs)
        return len(identities)

    def look_again(self, places: Iterable[str]) -> None:
        """Look at jobs whose outputs were changed or removed.

        Parameters
        ----------
        places : iterable of str
            ``"<job uuid>:<index>"``.
        """
        with self._telling():
            for place in places:
                self.rows.delete_many({"job": place})
                self.jobs.delete_one({"_id": place})
                uuid, _, index = place.rpartition(":")
                self._add(self.outputs.find({"uuid": uuid, "index": int(index)}))

    def _unseen(self) -> tuple[Any, list[Any]]:
        """Find the newest job seen, and ``_id`` of the jobs not seen; reads only."""
        newest = self.jobs.find_one({"version": _VERSION}, sort=[("completed_at", -1)])
        recent: dict[str, Any] = {}
        if newest is not None and newest["completed_at"] is not None:
            recent = {"completed_at": {"$gte": _earlier(newest["completed_at"])}}
        fields = {"uuid": 1, "index": 1, "completed_at": 1}
        candidates = {_place(job): job for job in self.outputs.find(recent, fields)}
        for seen in self.jobs.find({"version": _VERSION, **recent}):
            job = candidates.get(seen["_id"])
            if job is not None and job.get("completed_at") == seen["completed_at"]:
                del candidates[seen["_id"]]
        return newest, [job["_id"] for job in candidates.values()]

    def _in_batches(self, identities: list[Any]) -> Iterator[Iterable[Mapping[str, Any]]]:
        for start in range(0, len(identities), _BATCH):
            yield self.outputs.find({"_id": {"$in": identities[start : start + _BATCH]}})

    def search(self, search: Search) -> list[tuple[Row, Found]]:
        """Find documents.

        Parameters
        ----------
        search : Search
            Its other conditions are not looked at; a limit holds only where rows decide.

        Returns
        -------
        list of tuple
            Row and content.

        Raises
        ------
        SulfoxError
            SFX-501 if the server fails.
        """
        return list(self.stream(search))

    def stream(self, search: Search, fields: Sequence[str] = ()) -> Iterator[tuple[Row, Found]]:
        """Find documents one after the other; as :meth:`search`.

        Parameters
        ----------
        search : Search
            What is wanted.
        fields : sequence of str
            Fields of the documents that are needed; none stands for all.

        Yields
        ------
        tuple
            Row and content.
        """
        with self._telling():
            if self._is_brought_up_to_date():
                yield from self._found(list(self._sorted(search)), fields)
            else:
                yield from self._read_only(search)

    def counts(self) -> dict[str, int]:
        """Kind -> number of documents."""
        with self._telling():
            written = self._is_brought_up_to_date()
            counts = {kind: self.rows.count_documents({"kind": kind}) for kind in self._kinds()}
            unseen: dict[tuple[str, str], None] = {}
            if not written:
                unseen = dict.fromkeys((row.kind, row.id) for row, _ in self._unseen_rows())
            for kind, identity in unseen:
                if self.rows.find_one({"_id": f"{kind}:{identity}"}) is None:
                    counts[kind] = counts.get(kind, 0) + 1
            return counts

    def explain(self, search: Search) -> str | None:
        """Say how a search is answered.

        Parameters
        ----------
        search : Search
            What is wanted.

        Returns
        -------
        str or None
            The server's winning plan; ``COLLSCAN`` in it means that every row is read.
            None where the server cannot explain: not every one that speaks MongoDB's
            protocol does, and the right to it can be missing.
        """
        from pymongo.errors import ConfigurationError, OperationFailure

        with self._telling():
            try:
                plan = self.rows.find(_filter(search)).explain()
            except (OperationFailure, ConfigurationError):
                return None
        for name in ("queryPlanner", "winningPlan"):
            plan = plan.get(name, plan) if isinstance(plan, Mapping) else plan
        return str(plan)

    def _is_brought_up_to_date(self) -> bool:
        """Bring the index up to date where that may be done."""
        from pymongo.errors import BulkWriteError, OperationFailure

        try:
            self.bring_up_to_date()
        except (OperationFailure, BulkWriteError) as error:
            if error.code not in MAY_NOT_WRITE:
                raise
            return False
        return True

    def _unseen_rows(self) -> Iterator[tuple[Row, dict[str, Any]]]:
        for jobs in self._in_batches(self._unseen()[1]):
            for job in jobs:
                yield from rows_of(job)

    def _read_only(self, search: Search) -> Iterator[tuple[Row, Found]]:
        """Join what the index knows with what it does not."""
        every = replace(search, limit=0)
        pairs = [(row, found.content) for row, found in self._found(list(self._sorted(every)))]
        for row, content in self._unseen_rows():
            known = self.rows.find_one({"_id": f"{row.kind}:{row.id}"}, {"age": 1})
            if known is None or known["age"] <= row.age:
                pairs.append((row, content))
        for row, content in latest_rows(pairs, search):
            yield row, Found(content, row.job.rpartition(":")[0])

    def _kinds(self) -> list[str]:
        return sorted(self.rows.distinct("kind"))

    def _add(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        from pymongo import ReplaceOne
        from pymongo.errors import BulkWriteError

        looked_at, writes = [], []
        for job in jobs:
            place = _place(job)
            self.rows.delete_many({"job": place})
            looked_at.append(
                ReplaceOne(
                    {"_id": place},
                    {"completed_at": job.get("completed_at"), "version": _VERSION},
                    upsert=True,
                )
            )
            for row, _ in rows_of(job):
                identity = f"{row.kind}:{row.id}"
                content = {
                    "kind": row.kind,
                    "id": row.id,
                    "job": row.job,
                    "position": row.position,
                    "age": row.age,
                    **row.values,
                }
                older = {"_id": identity, "age": {"$lte": row.age}}
                writes.append(ReplaceOne(older, content, upsert=True))
        if writes:
            try:
                self.rows.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                # a newer row of the same document is there, and stays
                codes = {e["code"] for e in error.details.get("writeErrors", [])}
                if codes != {_DUPLICATE}:
                    raise
        if looked_at:
            self.jobs.bulk_write(looked_at, ordered=False)

    def _sorted(self, search: Search) -> Iterator[dict[str, Any]]:
        wanted = _filter(search)
        newest_first = [("age", -1), ("id", -1)]
        limit = search.limit if search.sorts_rows else 0
        if not (search.sort and search.sorts_rows):
            yield from self.rows.find(wanted).sort(newest_first).limit(limit)
            return
        name, way = search.sort_name, -1 if search.sort.startswith("-") else 1
        given = 0
        for condition in ({"$ne": None}, None):  # without the value: last
            left = max(0, limit - given)
            if limit and not left:
                return
            both = {"$and": [wanted, {name: condition}]}
            for row in self.rows.find(both).sort([(name, way), *newest_first]).limit(left):
                given += 1
                yield row

    def _found(
        self, rows: list[dict[str, Any]], fields: Sequence[str] = ()
    ) -> Iterator[tuple[Row, Found]]:
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            uuids = list({row["job"].rpartition(":")[0] for row in batch})
            contents = {
                (row.job, row.position): (row, content)
                for job in self.outputs.find({"uuid": {"$in": uuids}}, _projection(fields))
                for row, content in rows_of(job)
            }
            for row in batch:
                found = contents.get((row["job"], row["position"]))
                if found is not None and found[0].id == row["id"]:
                    yield found[0], Found(found[1], row["job"].rpartition(":")[0])

    def _telling(self) -> AbstractContextManager[None]:
        return translated_server_errors(f"collection {self.outputs.full_name}")


def _place(job: Mapping[str, Any]) -> str:
    return f"{job.get('uuid')}:{job.get('index') or 1}"


def _earlier(completed_at: Any) -> Any:
    if isinstance(completed_at, datetime):
        return completed_at - _OVERLAP
    return (datetime.fromisoformat(str(completed_at)) - _OVERLAP).isoformat()


def _projection(fields: Sequence[str]) -> dict[str, int] | None:
    """Fields of a document, wherever the job's output holds it."""
    if not fields:
        return None
    places = [
        f"{place}.{name}" for place in ("output", "output.documents") for name in (*_OWN, *fields)
    ]
    return dict.fromkeys(("uuid", "index", "completed_at", *places), 1)


def _filter(search: Search) -> dict[str, Any]:
    clauses: list[dict[str, Any]] = [{"kind": search.kind}]
    clauses += [{condition.name: _clause(condition)} for condition in search.indexed]
    return {"$and": clauses}


def _clause(condition: Condition) -> dict[str, Any]:
    value = condition.value
    if isinstance(value, str) and condition.name != "id":
        value = value.casefold()
    if condition.operator == "!=":
        return {"$nin": [value, None]}
    return {_MONGO[condition.operator]: value}

"""The search index of a MongoDB store: two collections beside the job outputs.

``<outputs>_search`` holds one row per document, ``<outputs>_search_jobs`` the jobs looked
at. Both can be thrown away: they are made again. Jobs are written by whatever runs them, so
the index is brought up to date when it is searched: jobs that are newer than the newest one
seen, less a day for clocks that disagree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sulfox.errors import SulfoxError
from sulfox.stores.search import INDEXES, Condition, Found, Row, Search, rows_of

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["MongoIndex"]

_MONGO = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_OVERLAP = timedelta(days=1)
_BATCH = 500
_COMMAND_NOT_FOUND = 59


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
        newest = self.jobs.find_one(sort=[("completed_at", -1)])
        if newest is None:
            self.lay()
        recent: dict[str, Any] = {}
        if newest is not None:
            recent = {"completed_at": {"$gte": _earlier(newest["completed_at"])}}
        fields = {"uuid": 1, "index": 1, "completed_at": 1}
        candidates = {_place(job): job for job in self.outputs.find(recent, fields)}
        known = self.jobs.find({"completed_at": recent["completed_at"]} if recent else {})
        for seen in known:
            job = candidates.get(seen["_id"])
            if job is not None and job.get("completed_at") == seen["completed_at"]:
                del candidates[seen["_id"]]
        identities = [job["_id"] for job in candidates.values()]
        for start in range(0, len(identities), _BATCH):
            self._add(self.outputs.find({"_id": {"$in": identities[start : start + _BATCH]}}))
        return len(identities)

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
        with self._telling():
            self.bring_up_to_date()
            return list(self._found(list(self._sorted(search))))

    def counts(self) -> dict[str, int]:
        """Kind -> number of documents."""
        with self._telling():
            self.bring_up_to_date()
            return {kind: self.rows.count_documents({"kind": kind}) for kind in self._kinds()}

    def explain(self, search: Search) -> str:
        """Say how a search is answered.

        Parameters
        ----------
        search : Search
            What is wanted.

        Returns
        -------
        str
            The server's winning plan; ``COLLSCAN`` in it means that every row is read.
        """
        from pymongo.errors import OperationFailure

        with self._telling():
            try:
                plan = self.rows.find(_filter(search)).explain()
            except OperationFailure as error:
                if error.code != _COMMAND_NOT_FOUND:
                    raise
                return "this server does not explain"
        return str(plan.get("queryPlanner", plan).get("winningPlan", plan))

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
                ReplaceOne({"_id": place}, {"completed_at": job.get("completed_at")}, upsert=True)
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
                # 11000: a newer row of the same document is there, and stays
                others = [e for e in error.details.get("writeErrors", []) if e["code"] != 11000]
                if others:
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

    def _found(self, rows: list[dict[str, Any]]) -> Iterator[tuple[Row, Found]]:
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            uuids = list({row["job"].rpartition(":")[0] for row in batch})
            contents = {
                (row.job, row.position): (row, content)
                for job in self.outputs.find({"uuid": {"$in": uuids}})
                for row, content in rows_of(job)
            }
            for row in batch:
                found = contents.get((row["job"], row["position"]))
                if found is not None and found[0].id == row["id"]:
                    yield found[0], Found(found[1], row["job"].rpartition(":")[0])

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        from pymongo.errors import PyMongoError

        try:
            yield
        except PyMongoError as error:
            raise SulfoxError(
                "SFX-501",
                who=f"collection {self.outputs.full_name}",
                found=f"the server failed: {type(error).__name__}",
                expected="a MongoDB server that answers",
                next_step="see that it runs and may be written, then give the command again",
            ) from None


def _place(job: Mapping[str, Any]) -> str:
    return f"{job.get('uuid')}:{job.get('index') or 1}"


def _earlier(completed_at: Any) -> Any:
    if isinstance(completed_at, datetime):
        return completed_at - _OVERLAP
    return (datetime.fromisoformat(str(completed_at)) - _OVERLAP).isoformat()


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

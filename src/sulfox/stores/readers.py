"""Read a store: an embedded one without maggma, any other through its JobStore."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sulfox.stores.embedded import index as embedded_index
from sulfox.stores.embedded.folder import EmbeddedFolder
from sulfox.stores.search.search import Found, Row, Search, latest_rows, rows_of
from sulfox.stores.store_errors import translated_errors

if TYPE_CHECKING:
    from jobflow import JobStore

    from sulfox.stores.mongo_index import MongoIndex

__all__ = ["TRAJECTORIES", "DocumentReader", "EmbeddedReader", "StoreReader", "trajectories_of"]

#: Name of the additional store of the trajectory archives.
TRAJECTORIES = "trajectories"


class DocumentReader(Protocol):
    """What a query needs of a store."""

    @property
    def where(self) -> str:
        """The store's place for messages, without secrets."""

    @property
    def trajectories(self) -> Any:
        """Folder (Path) or maggma store of the trajectory archives."""

    def find(
        self,
        criteria: Mapping[str, Any] | None = None,
        *,
        projection: Mapping[str, int] | None = None,
        sort: Mapping[str, int] | None = None,
        limit: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Job documents that match a MongoDB filter.

        Parameters
        ----------
        criteria : mapping, optional
            MongoDB filter; None matches all.
        projection : mapping, optional
            Field -> 1 for the fields wanted.
        sort : mapping, optional
            Field -> 1 (ascending) or -1.
        limit : int
            0 for all.

        Yields
        ------
        dict
            Job documents.
        """

    def search(self, search: Search) -> list[tuple[Row, Found]]:
        """Documents of one kind, one per id, the latest; an index is used where there is one.

        Parameters
        ----------
        search : Search
            What is wanted.

        Returns
        -------
        list of tuple
            In the order asked for.
        """

    def stream(self, search: Search, fields: Sequence[str] = ()) -> Iterator[tuple[Row, Found]]:
        """As :meth:`search`, one after the other, for kinds too large to be held.

        Parameters
        ----------
        search : Search
            What is wanted; conditions on paths are not looked at.
        fields : sequence of str
            Fields of the documents that are needed; more may come. None stands for all.

        Yields
        ------
        tuple
            Row and content.
        """

    def counts(self) -> dict[str, int]:
        """Kind -> number of documents."""


class EmbeddedReader:
    """Reads an embedded store without maggma, so that a query answers at once.

    Parameters
    ----------
    folder : EmbeddedFolder
        The store; where it does not exist yet, it is empty.
    """

    def __init__(self, folder: EmbeddedFolder) -> None:
        self.folder = folder
        if folder.exists:
            folder.check()

    @property
    def where(self) -> str:
        """Folder of the store."""
        return str(self.folder.root)

    @property
    def trajectories(self) -> Path:
        """Folder of the archives."""
        return self.folder.trajectories

    def find(
        self,
        criteria: Mapping[str, Any] | None = None,
        *,
        projection: Mapping[str, int] | None = None,
        sort: Mapping[str, int] | None = None,
        limit: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Job documents that match; as :meth:`DocumentReader.find`.

        Raises
        ------
        SulfoxError
            SFX-501 if the database is damaged.
        """
        if not self.folder.exists:
            return
        with translated_errors(self.folder.root):
            cursor = self.folder.collection().find(
                dict(criteria or {}), dict(projection) if projection else None
            )
            if sort:
                cursor = cursor.sort(list(sort.items()))
            found = list(cursor.limit(limit) if limit else cursor)
        yield from found

    def search(self, search: Search) -> list[tuple[Row, Found]]:
        """Documents of one kind; as :meth:`DocumentReader.search`.

        Parameters
        ----------
        search : Search
            What is wanted.

        Raises
        ------
        SulfoxError
            SFX-501 if the database is damaged.
        """
        with self._indexed() as connection:
            if connection is not None:
                found = list(embedded_index.search_index(connection, search))
                return found if search.sorts_rows else _chosen(found, search)
        return _scan(self.find(), search)

    def stream(
        self,
        search: Search,
        fields: Sequence[str] = (),  # noqa: ARG002 a row is read whole
    ) -> Iterator[tuple[Row, Found]]:
        """Documents one after the other; as :meth:`DocumentReader.stream`."""
        with self._indexed() as connection:
            if connection is not None:
                yield from embedded_index.search_index(connection, search)
                return
        yield from _scan(self.find(), search)

    def explain(self, searches: Mapping[str, Search], *, rebuild: bool = False) -> dict[str, str]:
        """Say how searches are answered.

        Parameters
        ----------
        searches : mapping
            Name -> search.
        rebuild : bool
            Make the index anew first.

        Returns
        -------
        dict
            Name -> query plan.
        """
        if rebuild and self.folder.exists:
            self.folder.rebuild_index()
        with self._indexed() as connection:
            if connection is None:
                return dict.fromkeys(searches, "SCAN of every job: the index cannot be written")
            return {name: embedded_index.explain(connection, s) for name, s in searches.items()}

    def counts(self) -> dict[str, int]:
        """Kind -> number of documents."""
        with self._indexed() as connection:
            if connection is not None:
                return embedded_index.counts(connection)
        return _counted(self.find())

    @contextlib.contextmanager
    def _indexed(self) -> Iterator[sqlite3.Connection | None]:
        """Open a store whose index is up to date; None where that cannot be."""
        if not self.folder.exists:
            yield None
            return
        with translated_errors(self.folder.root):
            mode = "rw" if os.access(self.folder.database_file, os.W_OK) else "ro"
            with contextlib.closing(self.folder.connect(mode)) as connection:
                usable = embedded_index.is_current(connection)
                if not usable and mode == "rw":
                    connection.execute("BEGIN IMMEDIATE")
                    with connection:
                        embedded_index.lay_index(connection)
                        embedded_index.bring_up_to_date(connection)
                    usable = True
                yield connection if usable else None


class StoreReader:
    """Reads any connected jobflow store.

    Parameters
    ----------
    store : JobStore
        As :func:`open_store` gives it.
    where : str
        Place for messages.
    """

    def __init__(self, store: JobStore, where: str = "the given store") -> None:
        self.store = store
        self._where = where

    @property
    def where(self) -> str:
        """The store's place for messages."""
        return self._where

    @property
    def trajectories(self) -> Any:
        """The maggma store of the archives."""
        return trajectories_of(self.store)

    def find(
        self,
        criteria: Mapping[str, Any] | None = None,
        *,
        projection: Mapping[str, int] | None = None,
        sort: Mapping[str, int] | None = None,
        limit: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Job documents that match; as :meth:`DocumentReader.find`."""
        options: dict[str, Any] = {"limit": limit}
        if projection:
            options["properties"] = dict(projection)
        if sort:
            options["sort"] = dict(sort)
        return self.store.query(dict(criteria or {}), **options)

    def search(self, search: Search) -> list[tuple[Row, Found]]:
        """Documents of one kind; as :meth:`DocumentReader.search`.

        Parameters
        ----------
        search : Search
            What is wanted.
        """
        index = self.index
        if index is None:
            kind = search.kind
            places = ("output.kind", "output.documents.kind")
            wanted = {"$or": [{place: kind} for place in places]}
            return _scan(self.find(wanted), search)
        found = index.search(search)
        return found if search.sorts_rows else _chosen(found, search)

    def stream(self, search: Search, fields: Sequence[str] = ()) -> Iterator[tuple[Row, Found]]:
        """Documents one after the other; as :meth:`DocumentReader.stream`."""
        if self.index is None:
            yield from self.search(search)
        else:
            yield from self.index.stream(search, fields)

    def counts(self) -> dict[str, int]:
        """Kind -> number of documents."""
        return _counted(self.find()) if self.index is None else self.index.counts()

    @cached_property
    def index(self) -> MongoIndex | None:
        """Search index, None where the store is no MongoDB."""
        from sulfox.stores.mongo_index import MongoIndex

        return MongoIndex.of(self.store)


def _chosen(found: list[tuple[Row, Found]], search: Search) -> list[tuple[Row, Found]]:
    """Apply what only the content can decide."""
    by_id = {row.id: document for row, document in found}
    rows = latest_rows(((row, document.content) for row, document in found), search)
    return [(row, by_id[row.id]) for row, _ in rows]


def _counted(jobs: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    seen = {(row.kind, row.id) for job in jobs for row, _ in rows_of(job)}
    return dict(Counter(kind for kind, _ in seen))


def _scan(jobs: Iterable[Mapping[str, Any]], search: Search) -> list[tuple[Row, Found]]:
    rows = latest_rows((pair for job in jobs for pair in rows_of(job)), search)
    return [(row, Found(content, row.job.rpartition(":")[0])) for row, content in rows]


def trajectories_of(store: JobStore | DocumentReader) -> Any:
    """Give the place of the trajectory archives.

    Parameters
    ----------
    store : JobStore or DocumentReader
        An open store.

    Returns
    -------
    Path or maggma.core.Store or None
        A folder, a maggma store, or None where the store has none.
    """
    additional: Any = getattr(store, "additional_stores", None)
    return store.trajectories if additional is None else additional.get(TRAJECTORIES)  # type: ignore[union-attr]

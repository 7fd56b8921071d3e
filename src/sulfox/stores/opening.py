"""Open a store: a folder, or any maggma JobStore described in a YAML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sulfox.errors import SulfoxError
from sulfox.stores.embedded import EmbeddedFolder, translated_errors

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = [
    "TRAJECTORIES",
    "DocumentReader",
    "EmbeddedReader",
    "StoreReader",
    "embedded_store",
    "open_documents",
    "open_store",
    "trajectories_of",
    "work_folder",
]

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


def embedded_store(folder: EmbeddedFolder) -> JobStore:
    """Give the jobflow store of an embedded folder, not yet connected.

    Parameters
    ----------
    folder : EmbeddedFolder
        Need not exist yet.

    Returns
    -------
    JobStore
        With the additional store ``trajectories``.
    """
    from jobflow import JobStore

    from sulfox.stores.embedded_store import EmbeddedStore, FolderStore

    return JobStore(
        EmbeddedStore(str(folder.root)),
        additional_stores={TRAJECTORIES: FolderStore(str(folder.trajectories))},
    )


def open_store(spec: str | Path | None = None) -> JobStore:
    """Open a store for reading and writing.

    Parameters
    ----------
    spec : str or Path, optional
        None: the embedded store in the user's data folder. A folder: an embedded store
        there, made if there is none. A YAML file, or the name of one in
        ``configs/stores``: any maggma JobStore.

    Returns
    -------
    JobStore
        Connected, with the additional store ``trajectories``.

    Raises
    ------
    SulfoxError
        SFX-501 if it cannot be opened, SFX-502 if a newer sulfox wrote it, SFX-503 if
        it cannot be written.
    """
    place = _place(spec)
    if isinstance(place, EmbeddedFolder):
        place.create()
        store = embedded_store(place)
        store.connect()
        return store
    from sulfox.stores.described import open_described_store

    return open_described_store(place)


def open_documents(spec: str | Path | None = None) -> DocumentReader:
    """Open a store for queries.

    Parameters
    ----------
    spec : str or Path, optional
        As for :func:`open_store`. A missing folder given by name is an error; the
        missing default store is empty.

    Returns
    -------
    DocumentReader
        The embedded store is read without importing maggma.

    Raises
    ------
    SulfoxError
        SFX-501 or SFX-502 as :func:`open_store`.
    """
    place = _place(spec)
    if isinstance(place, EmbeddedFolder):
        if spec is not None and not place.exists:
            raise SulfoxError(
                "SFX-501",
                who=f"store {spec}",
                found="no store in this folder" if place.root.is_dir() else "no such folder",
                expected="a folder that sulfox wrote a store into",
                next_step="correct --store, or leave it out for your own store",
            )
        return EmbeddedReader(place)
    from sulfox.stores.described import open_described_store

    return StoreReader(open_described_store(place), str(place))


def work_folder(spec: str | Path | None = None) -> Path:
    """Give the folder where running jobs keep their checkpoints.

    Parameters
    ----------
    spec : str or Path, optional
        As for :func:`open_store`.

    Returns
    -------
    Path
        ``SULFOX_WORK_DIR``, else ``work`` in the embedded store, else in the user's data folder.
    """
    from sulfox.settings import get_settings

    settings = get_settings()
    place = _place(spec)
    root = place.root if isinstance(place, EmbeddedFolder) else settings.data_dir
    return (settings.work_dir or root / "work").absolute()


def _place(spec: str | Path | None) -> EmbeddedFolder | Path:
    """Embedded folder, or the YAML file that describes a store."""
    path = None if spec is None else Path(spec).expanduser()
    if path is not None and path.is_dir():
        return EmbeddedFolder(path)
    if path is not None and path.exists():
        return path
    from sulfox.settings import find_config, get_settings  # slow to import

    if path is None:
        return EmbeddedFolder(get_settings().data_dir / "store")
    named = find_config("stores", path.name) if path.name == str(spec) else None
    if named is not None:
        return named
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        raise SulfoxError(
            "SFX-501",
            who=f"store {spec}",
            found="no such file",
            expected="a folder, or a YAML file that describes a maggma JobStore",
            next_step="correct --store; configs/stores/ holds examples",
        )
    return EmbeddedFolder(path)

"""Open a store: a folder, or any maggma JobStore described in a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sulfox.errors import SulfoxError
from sulfox.stores.embedded.folder import EmbeddedFolder
from sulfox.stores.portable.folder_reader import ExportReader, is_export, refuse_writing
from sulfox.stores.readers import TRAJECTORIES, DocumentReader, EmbeddedReader, StoreReader
from sulfox.stores.store_errors import translated_server_errors

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = [
    "embedded_store",
    "open_documents",
    "open_results_store",
    "open_store",
    "work_folder",
]


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

    from sulfox.stores.embedded.store import EmbeddedStore, FolderStore

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
        there, made if there is none (an exported study is not changed). A YAML file, or the
        name of one in ``configs/stores``: any maggma JobStore.

    Returns
    -------
    JobStore
        Connected, with the additional store ``trajectories``.

    Raises
    ------
    SulfoxError
        SFX-501 if it cannot be opened, SFX-502 if a newer sulfox wrote it, SFX-503 if
        it cannot be written, SFX-561 if it is an exported study.
    """
    place = _place(spec)
    if not isinstance(place, EmbeddedFolder) and place.is_dir():
        raise refuse_writing(place)
    if isinstance(place, EmbeddedFolder):
        place.create()
        store = embedded_store(place)
        store.connect()
        return store
    from sulfox.stores.described import open_described_store

    return open_described_store(place)


def open_results_store(spec: str | Path | None = None) -> JobStore:
    """Open a store into which calculations put their results.

    Parameters
    ----------
    spec : str or Path, optional
        As for :func:`open_store`.

    Returns
    -------
    JobStore
        As of :func:`open_store`.

    Raises
    ------
    SulfoxError
        As :func:`open_store`; SFX-503 also where a database lets this user only read, before
        anything is calculated.
    """
    from sulfox.stores.mongo_index import MongoIndex

    store = open_store(spec)
    index = MongoIndex.of(store)
    if index is not None:
        with translated_server_errors(f"store {_place(spec)}"):
            index.outputs.delete_one({"_id": "sulfox asks whether it may write"})
    return store


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
        An embedded store and an exported study are read without importing maggma.

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
    if place.is_dir():
        return ExportReader(place)
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
    """Embedded folder, the folder of an export, or the YAML file that describes a store."""
    path = None if spec is None else Path(spec).expanduser()
    if path is not None and path.is_dir():
        store = EmbeddedFolder(path)
        return path if is_export(path) and not store.exists else store
    if path is not None and path.exists():
        return path
    from sulfox.settings import find_config, get_settings  # slow to import

    if path is None:
        settings = get_settings()
        return (
            EmbeddedFolder(settings.data_dir / "store")
            if settings.store is None
            else _place(settings.store)
        )
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

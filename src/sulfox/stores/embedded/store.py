"""The embedded store as maggma and jobflow know it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from maggma.core import Sort, Store, StoreError
from maggma.stores import MemoryStore, MontyStore
from monty.json import jsanitize

from sulfox.errors import SulfoxError
from sulfox.stores.embedded.folder import COLLECTION, DATABASE, EmbeddedFolder, is_file_name
from sulfox.stores.store_errors import translated_errors
from sulfox.trajectories.durable import write_durably

__all__ = ["EmbeddedStore", "FolderStore"]

_SEGMENT_KEYS = {"sha256", "n_bytes", "data"}
#: Cannot collide with a trajectory, whose id begins with a letter or digit.
_OTHER = "_documents"


class EmbeddedStore(MontyStore):
    """Job documents in the SQLite file of an embedded store.

    Queries are MontyStore's. Writing is one SQLite transaction per call, so that two
    processes writing the same output leave one document, and the cost does not grow
    with the store (MontyStore reads every document for each one it writes).

    Parameters
    ----------
    path : str
        Folder of the embedded store; made if there is none.
    **kwargs
        As for :class:`maggma.core.Store`.
    """

    def __init__(self, path: str, **kwargs: Any) -> None:
        self.path = str(path)
        self.folder = EmbeddedFolder(Path(path))
        self._connected = False
        super().__init__(
            COLLECTION,
            database_path=str(self.folder.documents),
            database_name=DATABASE,
            **{"key": "uuid", **kwargs},
        )

    @property
    def name(self) -> str:
        """Where the documents are."""
        return f"embedded://{self.path}"

    def connect(self, force_reset: bool = False) -> None:
        """Make the folder where there is none, and check it where there is."""
        if not self._connected or force_reset:
            self.folder.create()
            self._connected = True

    def close(self) -> None:
        """Nothing is kept open: every call opens and closes its own connection."""
        self._connected = False

    @property
    def _collection(self) -> Any:
        """A collection of one's own: montydb's is not safe to share between threads."""
        if not self._connected:
            raise StoreError("connect the store before using it")
        return self.folder.collection()

    def count(self, criteria: dict | None = None, hint: dict | None = None) -> int:
        """Count as maggma does; damage is told as SFX-501."""
        with translated_errors(self.folder.root):
            return super().count(criteria, hint)

    def query(self, *args: Any, **kwargs: Any) -> Iterator[dict]:
        """Query as maggma does; damage is told as SFX-501."""
        with translated_errors(self.folder.root):
            found = list(super().query(*args, **kwargs))
        yield from found

    def update(self, docs: list[dict] | dict, key: list | str | None = None) -> None:
        """Insert or replace documents in one transaction.

        Parameters
        ----------
        docs : dict or list of dict
            Job documents.
        key : str or list of str, optional
            Fields that decide which documents are replaced.
        """
        _ = self._collection
        keys = [key or self.key] if not isinstance(key, list) else key
        clean = [
            jsanitize(doc, allow_bson=True) for doc in (docs if isinstance(docs, list) else [docs])
        ]
        self.folder.write(clean, keys)

    def remove_docs(self, criteria: dict) -> None:
        """Remove the documents that match."""
        _ = self._collection
        self.folder.remove(criteria)

    def ensure_index(self, key: str, unique: bool | None = False) -> bool:  # noqa: ARG002
        """Rows are found by job UUID and index; there are no other indexes."""
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EmbeddedStore) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)


class FolderStore(Store):
    """Additional store with one file per blob.

    A trajectory segment (``blob_uuid`` is ``"<trajectory id>/<file name>"``, with
    ``data`` in base64, ``sha256`` and ``n_bytes``) is the plain file
    ``<path>/<trajectory id>/<file name>``: the layout of a folder archive. Every other
    document is ``<path>/_documents/<blob_uuid>.json``. Files appear atomically and are
    synced. Criteria see everything but the ``data`` of segments.

    Parameters
    ----------
    path : str
        Folder; made if there is none.
    **kwargs
        As for :class:`maggma.core.Store`.
    """

    def __init__(self, path: str, **kwargs: Any) -> None:
        self.path = str(path)
        super().__init__(**{"key": "blob_uuid", **kwargs})

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self.path)

    @property
    def name(self) -> str:
        """Where the blobs are."""
        return f"folder://{self.path}"

    @property
    def _collection(self) -> Any:
        raise NotImplementedError("a folder has no collection")

    def connect(self, force_reset: bool = False) -> None:  # noqa: ARG002
        """Make the folder where there is none."""
        with translated_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Nothing is kept open."""

    def update(self, docs: list[dict] | dict, key: list | str | None = None) -> None:  # noqa: ARG002
        """Write one file per document; the last write of a ``blob_uuid`` stays.

        Parameters
        ----------
        docs : dict or list of dict
            Documents with ``blob_uuid``.
        key : ignored
            Files are named by ``blob_uuid``.
        """
        for doc in docs if isinstance(docs, list) else [docs]:
            path = self._path(doc["blob_uuid"])
            if path.parent.name == _OTHER:
                content = json.dumps(jsanitize(doc, strict=False)).encode()
            else:
                content = _segment_content(doc)
            write_durably(path, content)

    def query(
        self,
        criteria: dict | None = None,
        properties: dict | list | None = None,
        sort: dict[str, Sort | int] | None = None,
        skip: int = 0,
        limit: int = 0,
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[dict]:
        """Query the folder.

        Parameters
        ----------
        criteria : dict, optional
            MongoDB filter.
        properties : list or dict, optional
            Top-level fields wanted; without ``data`` no segment is read.
        sort, skip, limit
            As in maggma.

        Yields
        ------
        dict
            Documents as they were given to :meth:`update`.
        """
        wanted = set(properties) if properties else None
        with_data = wanted is None or not wanted <= {"blob_uuid", "n_bytes"}
        for name in self._matching(criteria, sort, skip, limit):
            doc = self._read(name, with_data=with_data)
            if doc is not None:
                yield doc if wanted is None else {k: v for k, v in doc.items() if k in wanted}

    def count(self, criteria: dict | None = None) -> int:
        """Count the documents that match."""
        return len(self._matching(criteria))

    def distinct(
        self, field: str, criteria: dict | None = None, all_exist: bool = False
    ) -> list[Any]:
        """Distinct values of a field; see maggma."""
        return self._table(self._names(), criteria).distinct(field, criteria, all_exist)

    def groupby(
        self,
        keys: list[str] | str,
        criteria: dict | None = None,
        properties: dict | list | None = None,
        sort: dict[str, Sort | int] | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> Iterator[tuple[dict, list[dict]]]:
        """Group documents without their segments' data; see maggma."""
        table = self._table(self._names(), criteria)
        return table.groupby(keys, criteria, properties, sort, skip, limit)

    def ensure_index(self, key: str, unique: bool = False) -> bool:  # noqa: ARG002
        """Files are found by name; there are no other indexes."""
        return True

    def remove_docs(self, criteria: dict) -> None:
        """Remove the files that match."""
        with translated_errors(self.root):
            for name in self._matching(criteria):
                self._path(name).unlink(missing_ok=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FolderStore) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def _path(self, name: str) -> Path:
        folder, slash, file = name.partition("/")
        if not slash:
            return self.root / _OTHER / f"{quote(name, safe='')}.json"
        if not (is_file_name(folder) and is_file_name(file)):
            raise SulfoxError(
                "SFX-504",
                who=f"blob {name!r}",
                found="a name that cannot be a file of a trajectory",
                expected="<trajectory id>/<file name> of letters, digits and . _ + -",
                next_step="give the id as sulfox query shows it",
            )
        return self.root / folder / file

    def _names(self) -> list[str]:
        with translated_errors(self.root):
            files = sorted(path for path in self.root.glob("*/*") if path.is_file())
        names = []
        for path in files:
            if path.parent.name == _OTHER and path.suffix == ".json":
                names.append(unquote(path.stem))
            elif is_file_name(path.name) and is_file_name(path.parent.name):
                names.append(f"{path.parent.name}/{path.name}")
        return names

    def _matching(
        self,
        criteria: dict | None,
        sort: dict[str, Sort | int] | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[str]:
        asked = (criteria or {}).get("blob_uuid")
        names = None
        if isinstance(asked, str):
            names = [asked]
        elif isinstance(asked, dict) and set(asked) == {"$in"}:
            names = list(dict.fromkeys(asked["$in"]))
        if names is None:
            names = self._names()
        else:
            names = [name for name in names if self._path(name).is_file()]
        if set(criteria or {}) <= {"blob_uuid"} and isinstance(asked, str | None) and not sort:
            return names[skip : skip + limit if limit else None]
        table = self._table(names, criteria)
        found = table.query(criteria, ["blob_uuid"], sort=sort, skip=skip, limit=limit)
        return [doc["blob_uuid"] for doc in found]

    def _table(self, names: list[str], criteria: dict | None) -> MemoryStore:
        needs_sha256 = "sha256" in str(criteria)
        rows = [self._read(name, with_data=needs_sha256) for name in names]
        table = MemoryStore(key="blob_uuid")
        table.connect()
        table.update([row for row in rows if row is not None], key="blob_uuid")
        return table

    def _read(self, name: str, *, with_data: bool) -> dict | None:
        path = self._path(name)
        try:
            if path.parent.name == _OTHER:
                return json.loads(path.read_bytes())
            if not with_data:
                return {"blob_uuid": name, "n_bytes": path.stat().st_size}
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SulfoxError(
                "SFX-505",
                who=f"file {path}",
                found=str(error),
                expected="a readable file of the store",
                next_step="restore the file from a backup",
            ) from error
        return {
            "blob_uuid": name,
            "n_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "data": base64.b64encode(content).decode(),
        }


def _segment_content(doc: dict) -> bytes:
    if not set(doc) >= _SEGMENT_KEYS:
        raise ValueError(f"a segment needs {sorted(_SEGMENT_KEYS)}, not {sorted(doc)}")
    data = doc["data"]
    content = data if isinstance(data, bytes) else base64.b64decode(data, validate=True)
    if hashlib.sha256(content).hexdigest() != doc["sha256"]:
        raise SulfoxError(
            "SFX-404",
            who=f"segment {doc['blob_uuid']}",
            found="content that does not have its checksum",
            expected=f"sha256 {doc['sha256']}",
            next_step="run the export or study again; the store was not changed",
        )
    return content

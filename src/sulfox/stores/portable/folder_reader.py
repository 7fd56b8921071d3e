"""Read an exported folder as it is: the same questions and answers as of the store it left."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sulfox.errors import SulfoxError
from sulfox.stores.portable.files import MANIFEST, damaged
from sulfox.stores.portable.manifest import Manifest, parse_manifest
from sulfox.stores.search.search import Found, Row, Search, latest_rows, rows_of

__all__ = ["ExportReader", "is_export", "refuse_writing"]


def is_export(folder: Path) -> bool:
    """Tell whether a folder is one that ``sulfox db export --folder`` wrote.

    Parameters
    ----------
    folder : Path
        Any folder.
    """
    return (folder / MANIFEST).is_file()


def refuse_writing(folder: Path) -> SulfoxError:
    """Error for a command that would write into an export.

    Parameters
    ----------
    folder : Path
        The export.
    """
    return SulfoxError(
        "SFX-561",
        who=f"store {folder}",
        found="an exported study: its hashes say what was exported",
        expected="a store that may be changed",
        next_step=f"load it into one: sulfox db import {folder} --store OTHER",
    )


class ExportReader:
    """Reads the job outputs of an exported folder; each must have its hash.

    Parameters
    ----------
    folder : Path
        As :func:`sulfox.stores.portable.export.export_study` wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = parse_manifest(folder, (folder / MANIFEST).read_bytes())

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    @property
    def trajectories(self) -> Path:
        """Folder of the archives."""
        return self.folder / "trajectories"

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
            SFX-506 for a file that was changed.
        """
        from maggma.stores import MemoryStore

        table = MemoryStore(key="uuid")
        table.connect()
        if self._jobs:
            table.update(self._jobs, key=["uuid", "index"])
        order: Any = dict(sort) if sort else None
        fields = dict(projection) if projection else None
        yield from table.query(dict(criteria or {}), fields, sort=order, limit=limit)

    def search(self, search: Search) -> list[tuple[Row, Found]]:
        """Documents of one kind; as :meth:`DocumentReader.search`.

        Parameters
        ----------
        search : Search
            What is wanted.
        """
        rows = latest_rows((pair for job in self._jobs for pair in rows_of(job)), search)
        return [(row, Found(content, row.job.rpartition(":")[0])) for row, content in rows]

    def stream(
        self,
        search: Search,
        fields: Sequence[str] = (),  # noqa: ARG002 a file is read whole
    ) -> Iterator[tuple[Row, Found]]:
        """Documents one after the other; as :meth:`DocumentReader.stream`."""
        yield from self.search(search)

    def counts(self) -> dict[str, int]:
        """Kind -> number of documents."""
        seen = {(row.kind, row.id) for job in self._jobs for row, _ in rows_of(job)}
        return dict(Counter(kind for kind, _ in seen))

    @cached_property
    def _jobs(self) -> list[dict[str, Any]]:
        return [self._job(name) for name in self.manifest.members if name.startswith("jobs/")]

    def _job(self, name: str) -> dict[str, Any]:
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise damaged(self.folder, f"{name}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != self.manifest.members[name]:
            raise damaged(self.folder, f"{name} has not its SHA-256")
        return dict(json.loads(content))

"""A maggma Builder that makes the analyses a store lacks.

It holds names of stores, never connections or secrets, so that it can be written as JSON, sent
to other processes and run by maggma's own ``mrun``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from maggma.core import Builder

from sulfox.documents.base import Document
from sulfox.errors import SulfoxError
from sulfox.stores.documents import storable
from sulfox.stores.embedded.folder import EmbeddedFolder
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.portable.folder_reader import ExportReader, refuse_writing
from sulfox.stores.readers import DocumentReader, EmbeddedReader
from sulfox.stores.reanalysis.bond_analyses import ANALYSES, Analysis, Task
from sulfox.stores.search.search import Search
from sulfox.stores.store_errors import translated_server_errors

__all__ = ["ReanalysisBuilder"]


class ReanalysisBuilder(Builder):
    """Runs an analysis over everything stored that has no document of its present version.

    Parameters
    ----------
    analysis : str
        A key of :data:`sulfox.stores.reanalysis.bond_analyses.ANALYSES`.
    store : str, optional
        Where the results are: folder of a store or of an export, YAML; None is the user's own.
    into : str, optional
        Where new documents go; None is `store`.
    settings : list of dict, optional
        Criteria as JSON; None takes those of the stored analyses.
    study : str
        Only of this study; empty for all.
    chunk_size : int
        Documents that ``mrun`` writes at once: what a killed run loses at most.

    Raises
    ------
    SulfoxError
        SFX-562 for an unknown analysis.
    """

    def __init__(
        self,
        analysis: str = "sulfur-bonds",
        store: str | None = None,
        into: str | None = None,
        settings: list[dict[str, Any]] | None = None,
        study: str = "",
        chunk_size: int = 4,
    ) -> None:
        if analysis not in ANALYSES:
            raise SulfoxError(
                "SFX-562",
                who="analysis",
                found=repr(analysis),
                expected=", ".join(ANALYSES),
                next_step="choose one of these; sulfox db reanalyze --help says why no others",
            )
        self.analysis = analysis
        self.store = store
        self.into = into
        self.settings = settings
        self.study = study
        self.n_present = 0
        super().__init__(sources=[], targets=[], chunk_size=chunk_size)

    @property
    def table_entry(self) -> Analysis:
        """What is run."""
        return ANALYSES[self.analysis]

    def connect(self) -> None:
        """Open the stores.

        Raises
        ------
        SulfoxError
            SFX-50x as the stores say; SFX-561 if new documents would go into an export.
        """
        self._target = open_store(self.into or self.store)

    def get_items(self) -> list[dict[str, Any]]:
        """List what is missing, in an order of this run's own.

        Returns
        -------
        list of dict
            Tasks as JSON. Two runs at once meet at few of them, and notice where they do.
        """
        entry, readers = self.table_entry, self._readers()
        known = {
            entry.key_of(found.content)
            for reader in readers
            for _, found in reader.stream(Search(entry.kind), entry.key_fields)
        }
        tasks = {task.key: task for task in entry.tasks(readers, self.settings or (), self.study)}
        missing = [task.model_dump(mode="json") for key, task in tasks.items() if key not in known]
        self.n_present = len(tasks) - len(missing)
        self.total = len(missing)
        random.SystemRandom().shuffle(missing)
        return missing

    def process_item(self, item: dict[str, Any]) -> dict[str, Any]:
        """Make one document.

        Parameters
        ----------
        item : dict
            A task.

        Returns
        -------
        dict
            ``task``, and ``job`` (an output for the store), or ``refused`` with the reason, or
            neither where another run was faster.
        """
        task = Task.model_validate(item)
        entry, readers = self.table_entry, self._readers()
        try:
            for reader in readers:
                for _, found in reader.stream(entry.rivals(task), entry.key_fields):
                    if entry.key_of(found.content) == task.key:
                        return {"task": item}
            document = entry.make(readers, task)
            return {"task": item, "job": _job_output(task, document)}
        except SulfoxError as error:
            return {"task": item, "refused": error.line}
        except (ArithmeticError, LookupError, ValueError) as error:
            return {"task": item, "refused": f"{type(error).__name__}: {error}"}

    def update_targets(self, items: list[dict[str, Any]]) -> None:
        """Store what was made.

        Parameters
        ----------
        items : list of dict
            As :meth:`process_item` gives them.

        Raises
        ------
        SulfoxError
            SFX-503 if the store cannot be written.
        """
        jobs = [item["job"] for item in items if item.get("job")]
        if jobs:
            with translated_server_errors("the store"):
                self._target.update(jobs, key=["uuid", "index"])

    def finalize(self) -> None:
        """Close the store."""
        self._target.close()

    @property
    def makes_store(self) -> bool:
        """Whether new documents go into a folder that holds no store yet."""
        if self.into is None:
            return False
        target = self._readers()[-1]
        return isinstance(target, EmbeddedReader) and not target.folder.exists

    @property
    def refusal(self) -> str:
        """Why :meth:`connect` would be refused, as far as reading tells; empty where not."""
        target = self._readers()[-1]
        return refuse_writing(target.folder).line if isinstance(target, ExportReader) else ""

    def _readers(self) -> Sequence[DocumentReader]:
        source = _reader(self.store)
        return [source] if self.into in (None, self.store) else [source, _target(self.into)]


@lru_cache(maxsize=8)
def _reader(name: str | None) -> DocumentReader:
    """One connection for each process."""
    return open_documents(name)


def _target(name: str) -> DocumentReader:
    """Reader of the store of new documents; a folder without a store is an empty one."""
    try:
        return _reader(name)
    except SulfoxError as error:
        if error.found not in ("no such folder", "no store in this folder"):
            raise
        return EmbeddedReader(EmbeddedFolder(Path(name).expanduser()))


def _job_output(task: Task, document: Document) -> dict[str, Any]:
    return {
        "uuid": task.uuid,
        "index": 1,
        "name": f"reanalyze {task.analysis}",
        "output": {"documents": [storable(document)]},
        "completed_at": datetime.now().isoformat(),
        "metadata": {"reanalysis": task.model_dump(mode="json")},
        "hosts": [],
    }

"""The study that a command of a cluster is about, with the manager that has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sulfox.clusters.manager import Manager

__all__ = ["managed_study"]


@contextlib.contextmanager
def managed_study(study: str, cluster: str, manager: str) -> Iterator[tuple[Manager, str]]:
    """Open a cluster's manager and find a study in it, by its name or by its folder.

    What the database refuses meanwhile becomes a sentence.
    """
    from sulfox.clusters.cluster import load_cluster
    from sulfox.clusters.cluster_queue import database_errors
    from sulfox.clusters.manager import Manager

    machine = load_cluster(cluster)
    with database_errors(machine):
        managed = Manager(manager, machine)
        yield managed, managed.known_study(_name(study))


def _name(text: str) -> str:
    if not (Path(text) / "study.yaml").is_file():
        return text
    from sulfox.flows.study import load_study

    return load_study(text).name

"""Bring stored documents to the schema of this sulfox, one job output at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sulfox.documents.base import SCHEMA_VERSION, Record
from sulfox.stores.search.search import rows_of
from sulfox.stores.store_errors import translated_server_errors

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["MIGRATIONS", "MigrationReport", "Step", "migrate", "to_newest"]

#: Takes the JSON of a document of one version, gives that of the next.
Step = Callable[[dict[str, Any]], dict[str, Any]]

#: (kind, version it starts from) -> step; a kind without a step only gets the new number.
MIGRATIONS: dict[tuple[str, int], Step] = {}


class MigrationReport(Record):
    """What a migration did, or would do.

    Attributes
    ----------
    schema_version : int
        Version reached.
    looked_at, changed : int
        Job outputs.
    documents : dict
        Kind -> documents changed.
    dry_run : bool
        Whether nothing was written.
    """

    schema_version: int
    looked_at: int
    changed: int
    documents: dict[str, int]
    dry_run: bool


def migrate(
    store: JobStore, *, dry_run: bool = False, steps: Mapping[tuple[str, int], Step] | None = None
) -> MigrationReport:
    """Migrate every document that is older than this sulfox.

    Each job output is replaced whole, so a migration that was killed goes on where it was.

    Parameters
    ----------
    store : JobStore
        Connected.
    dry_run : bool
        Only say what would change.
    steps : mapping, optional
        Instead of :data:`MIGRATIONS`.

    Returns
    -------
    MigrationReport
        What changed.
    """
    table = MIGRATIONS if steps is None else steps
    looked_at = changed = 0
    documents: dict[str, int] = {}
    places = ("output.schema_version", "output.documents.schema_version")
    older = {"$or": [{place: {"$lt": SCHEMA_VERSION}} for place in places]}
    for job in list(store.docs_store.query(older)):
        looked_at += 1
        kinds = [to_newest(content, table) for _, content in rows_of(job)]
        moved = [kind for kind in kinds if kind]
        for kind in moved:
            documents[kind] = documents.get(kind, 0) + 1
        if moved:
            changed += 1
            if not dry_run:
                with translated_server_errors("the store"):
                    store.docs_store.update([job], key=["uuid", "index"])
    return MigrationReport(
        schema_version=SCHEMA_VERSION,
        looked_at=looked_at,
        changed=changed,
        documents=documents,
        dry_run=dry_run,
    )


def to_newest(content: dict[str, Any], steps: Mapping[tuple[str, int], Step] | None = None) -> str:
    """Migrate one document in place.

    Parameters
    ----------
    content : dict
        JSON document; changed.
    steps : mapping, optional
        Instead of :data:`MIGRATIONS`.

    Returns
    -------
    str
        Its kind if it changed, else empty.
    """
    table = MIGRATIONS if steps is None else steps
    version = content.get("schema_version", SCHEMA_VERSION)
    kind = str(content.get("kind"))
    if not isinstance(version, int) or version >= SCHEMA_VERSION:
        return ""
    for number in range(version, SCHEMA_VERSION):
        step = table.get((kind, number))
        new = dict(content) if step is None else step(dict(content))
        content.clear()
        content.update(new | {"schema_version": number + 1})
    return kind

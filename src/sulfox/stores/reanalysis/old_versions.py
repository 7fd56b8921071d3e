"""Remove analyses of older versions, once there is a newer one of the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sulfox.documents.base import Record
from sulfox.stores.readers import DocumentReader, StoreReader
from sulfox.stores.reanalysis.bond_analyses import ANALYSES, version_of
from sulfox.stores.search.search import Search, rows_of
from sulfox.stores.store_errors import translated_server_errors

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["PruneReport", "prune_versions"]

_ALSO = ("pair_of_materials", "variant", "temperature_K", "seeds", "criteria", "provenance")


class PruneReport(Record):
    """What was removed, or would be.

    Attributes
    ----------
    analysis : str
        Which one.
    older_than : int
        Versions below this are old.
    removed : tuple of str
        Ids of documents.
    kept_alone : tuple of str
        Old documents that nothing newer stands for.
    kept_named : tuple of str
        Old documents that a comparison or a pooled rate of the store names.
    dry_run : bool
        Whether nothing was removed.
    """

    analysis: str
    older_than: int
    removed: tuple[str, ...]
    kept_alone: tuple[str, ...]
    kept_named: tuple[str, ...]
    dry_run: bool


def prune_versions(
    store: JobStore,
    reader: DocumentReader,
    analysis: str,
    *,
    older_than: int | None = None,
    named_too: bool = False,
    dry_run: bool = False,
) -> PruneReport:
    """Remove old documents of an analysis.

    Parameters
    ----------
    store : JobStore
        Connected.
    reader : DocumentReader
        Of the same store.
    analysis : str
        A key of :data:`sulfox.stores.reanalysis.bond_analyses.ANALYSES`.
    older_than : int, optional
        Remove versions below this; None is the present one.
    named_too : bool
        Also those that comparisons or pooled rates name: their reports then say "missing".
    dry_run : bool
        Only say what would go.

    Returns
    -------
    PruneReport
        What went.
    """
    entry = ANALYSES[analysis]
    limit = entry.version if older_than is None else older_than
    old: dict[str, tuple[str, str]] = {}
    newer: set[str] = set()
    fields = (*entry.key_fields, *_ALSO)
    for row, found in reader.stream(Search(entry.kind), fields):
        subject = entry.subject(found.content)
        if version_of(found.content) < limit:
            old[row.id] = (row.job, subject)
        else:
            newer.add(subject)
    alone = {identity for identity, (_, subject) in old.items() if subject not in newer}
    named = set() if named_too else _named(reader) & (set(old) - alone)
    gone = set(old) - alone - named
    if gone and not dry_run:
        with translated_server_errors("the store"):
            _remove(store, reader, entry.kind, gone, {old[identity][0] for identity in gone})
    return PruneReport(
        analysis=analysis,
        older_than=limit,
        removed=tuple(sorted(gone)),
        kept_alone=tuple(sorted(alone)),
        kept_named=tuple(sorted(named)),
        dry_run=dry_run,
    )


def _named(reader: DocumentReader) -> set[str]:
    """Ids that other documents stand on."""
    named: set[str] = set()
    for kind, field in (("comparison", "inputs"), ("sulfur_bond_rate", "analysis_ids")):
        for _, found in reader.stream(Search(kind), (field,)):
            named.update(found.content[field])
    return named


def _remove(
    store: JobStore, reader: DocumentReader, kind: str, gone: set[str], places: set[str]
) -> None:
    uuids = sorted({place.rpartition(":")[0] for place in places})
    for job in list(store.docs_store.query({"uuid": {"$in": uuids}})):
        output = job.get("output")
        if not any(row.kind == kind and row.id in gone for row, _ in rows_of(job)):
            continue
        left = _without(output, kind, gone)
        if left is None:
            store.docs_store.remove_docs({"uuid": job["uuid"], "index": job.get("index") or 1})
        else:
            store.docs_store.update([{**job, "output": left}], key=["uuid", "index"])
    if isinstance(reader, StoreReader) and reader.index is not None:
        reader.index.look_again(places)


def _without(output: Any, kind: str, gone: set[str]) -> Any:
    """Job output without these documents; None where nothing else is in it."""
    if isinstance(output, Mapping) and isinstance(output.get("documents"), list):
        left = [d for d in output["documents"] if d.get("kind") != kind or d.get("id") not in gone]
        return {**output, "documents": left} if left else None
    if isinstance(output, list):
        return [d for d in output if d.get("kind") != kind or d.get("id") not in gone] or None
    return None

"""Typed documents out of a job store: filter, check, latest of each identity."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from sulfox.documents.base import SCHEMA_VERSION, Document, Record, Status
from sulfox.documents.kinds import DOCUMENT_KINDS, parse_document
from sulfox.errors import SulfoxError
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search.search import Condition, Search
from sulfox.stores.search.values import NUMBERS, WORDS
from sulfox.stores.store_errors import newer_store
from sulfox.units import Temperature

__all__ = ["QueryFilter", "count_documents", "find_documents", "get_document", "storable"]

#: A job's output holds several documents, and BSON is a little larger than JSON.
MAX_DOCUMENT_BYTES = 12_000_000


class QueryFilter(Record):
    """What is wanted; None does not restrict. Words are compared without regard to case.

    Attributes
    ----------
    id, study, pair, engine, variant, stage, interface_id, trajectory_id : str or None
        Identity, study, ``"LCO|LPSCl"`` (``/`` is taken for ``|``), engine, ...
    temperature_K : float or None
        Target temperature [K].
    seed : int or None
        Seed of the run.
    status : Status or None
        complete, partial or refused.
    bond, material, cathode_facet, electrolyte_facet : str or None
        ``"S-S"``, ``"CoO"``, ``"1,0,4"``.
    gas, entry_set : str or None
        Of a gas reduction; name of the energies that a document stands on.
    since, until : str or None
        First and last date (ISO 8601) on which documents were made.
    where : tuple of Condition
        Any other comparison.
    """

    id: str | None = None
    study: str | None = None
    pair: str | None = None
    engine: str | None = None
    variant: str | None = None
    stage: str | None = None
    interface_id: str | None = None
    trajectory_id: str | None = None
    temperature_K: Temperature | None = None
    seed: int | None = None
    status: Status | None = None
    bond: str | None = None
    material: str | None = None
    cathode_facet: str | None = None
    electrolyte_facet: str | None = None
    gas: str | None = None
    entry_set: str | None = None
    since: str | None = None
    until: str | None = None
    where: tuple[Condition, ...] = ()

    def conditions(self, kind: str) -> tuple[Condition, ...]:
        """Conditions on documents of a kind.

        Parameters
        ----------
        kind : str
            A key of ``DOCUMENT_KINDS``.

        Raises
        ------
        SulfoxError
            SFX-901 for a filter that the kind does not have.
        """
        found = list(self.where)
        plain = self.model_dump(mode="json", exclude_none=True, exclude={"where"})
        if "since" in plain:
            found.append(Condition("created_at", ">=", plain.pop("since")))
        if "until" in plain:  # "~" comes after any time of that day
            found.append(Condition("created_at", "<=", plain.pop("until") + "~"))
        for name, value in plain.items():
            paths = WORDS.get(name) or NUMBERS.get(name) or {"": "id"}
            if kind not in paths and "" not in paths:
                raise SulfoxError(
                    "SFX-901",
                    who=f"filter {name}",
                    found=f"documents of kind {kind}, which have none",
                    expected=f"one of {', '.join(sorted(paths))}",
                    next_step="leave the filter out",
                )
            text = value.replace("/", "|") if name == "pair" else value
            found.append(Condition(name, "=", text))
        return tuple(found)


def find_documents(
    reader: DocumentReader,
    kind: str,
    query: QueryFilter | None = None,
    *,
    limit: int = 0,
    sort: str | None = None,
) -> list[Document]:
    """Find documents of one kind.

    Parameters
    ----------
    reader : DocumentReader
        As ``open_documents`` gives it.
    kind : str
        A key of ``DOCUMENT_KINDS``.
    query : QueryFilter, optional
        What is wanted.
    limit : int
        Most documents to return; 0 for all.
    sort : str, optional
        Search value or path, ``-`` before it for descending; by default the newest first.

    Returns
    -------
    list of Document
        One per id: where an id was stored more than once, the latest.

    Raises
    ------
    SulfoxError
        SFX-901 for an unknown kind or filter, SFX-505 for a damaged document, SFX-502
        for one of a newer schema.
    """
    if kind not in DOCUMENT_KINDS:
        raise SulfoxError(
            "SFX-901",
            who="kind of document",
            found=repr(kind),
            expected=", ".join(DOCUMENT_KINDS),
            next_step="choose one of these",
        )
    conditions = (query or QueryFilter()).conditions(kind)
    found = reader.search(Search(kind, conditions, sort, limit))
    return [_typed(document.content, document.job_uuid) for _, document in found]


def get_document(reader: DocumentReader, kind: str, identity: str) -> Document:
    """Get one document.

    Parameters
    ----------
    reader : DocumentReader
        As ``open_documents`` gives it.
    kind, identity : str
        Kind and id.

    Returns
    -------
    Document
        The latest with this id.

    Raises
    ------
    SulfoxError
        SFX-504 if there is none; else as :func:`find_documents`.
    """
    found = find_documents(reader, kind, QueryFilter(id=identity))
    if not found:
        raise SulfoxError(
            "SFX-504",
            who=f"{kind} {identity}",
            found=f"nothing of that id in {reader.where}",
            expected="an id as sulfox query shows it",
            next_step="list the ids with sulfox query, or give another --store",
        )
    return found[0]


def count_documents(reader: DocumentReader) -> dict[str, int]:
    """Count what a store holds.

    Parameters
    ----------
    reader : DocumentReader
        As ``open_documents`` gives it.

    Returns
    -------
    dict
        Kind -> number of different ids, in the order of ``DOCUMENT_KINDS``; kinds that
        do not occur are left out.
    """
    counts = reader.counts()
    return {kind: counts[kind] for kind in DOCUMENT_KINDS if counts.get(kind)}


def storable(document: Document) -> dict[str, Any]:
    """Give a document as the plain JSON that a job answers with, and that any store takes.

    Parameters
    ----------
    document : Document
        Any kind.

    Raises
    ------
    SulfoxError
        SFX-507 for a document that no MongoDB would take: frames belong into the archive.
    """
    content: dict[str, Any] = document.model_dump(mode="json")
    n_bytes = len(json.dumps(content))
    if n_bytes > MAX_DOCUMENT_BYTES:
        raise SulfoxError(
            "SFX-507",
            who=f"{document.kind} {document.id}",
            found=f"{n_bytes / 1e6:.1f} MB of JSON",
            expected=f"less than {MAX_DOCUMENT_BYTES / 1e6:.0f} MB (MongoDB takes 16 MiB)",
            next_step="a bug, for a document refers to frames and does not hold them; or an "
            "analysis whose criteria find too many events: choose stricter ones",
        )
    return content


def _typed(content: dict[str, Any], uuid: str) -> Document:
    version = content.get("schema_version", SCHEMA_VERSION)
    who = f"{content.get('kind')} {content.get('id')} of job {uuid}"
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise newer_store(who, version)
    try:
        return parse_document(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SulfoxError(
            "SFX-505",
            who=who,
            found=f"{place}: {first['msg']}",
            expected=f"a document of schema version {SCHEMA_VERSION}",
            next_step="run the study again with another --store, or remove this job's document",
        ) from error

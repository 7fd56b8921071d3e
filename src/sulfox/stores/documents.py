"""Typed documents out of a job store: filter, check, latest of each identity."""

from __future__ import annotations

import json
from dataclasses import replace
from numbers import Integral
from typing import Any

from pydantic import ValidationError

from sulfox.documents.base import SCHEMA_VERSION, Document
from sulfox.documents.kinds import DOCUMENT_KINDS, parse_document
from sulfox.errors import SulfoxError
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search.empty_answer import turned_round
from sulfox.stores.search.names import checked_conditions, checked_sort
from sulfox.stores.search.query_filter import QueryFilter
from sulfox.stores.search.search import Search
from sulfox.stores.store_errors import newer_store

__all__ = ["QueryFilter", "count_documents", "find_documents", "get_document", "storable"]

#: A job's output holds several documents, and BSON is a little larger than JSON.
MAX_DOCUMENT_BYTES = 12_000_000


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
        Most documents to return, not negative; 0 for all.
    sort : str, optional
        Search value or path, ``-`` before it for descending; by default the newest first.

    Returns
    -------
    list of Document
        One per id: where an id was stored more than once, the latest. A pair or a bond that is
        stored the other way round (``LPSCl|LCO``) is found so.

    Raises
    ------
    SulfoxError
        SFX-901 for an unknown kind, filter or name, SFX-505 for a damaged document, SFX-502
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
    if not isinstance(limit, Integral) or limit < 0:
        raise SulfoxError(
            "SFX-901",
            who="limit",
            found=repr(limit),
            expected="how many documents, 0 for all",
            next_step="give a whole number that is not negative",
        )
    conditions = checked_conditions(kind, (query or QueryFilter()).conditions(kind))
    wanted = Search(kind, conditions, checked_sort(kind, sort), limit)
    found = reader.search(wanted)
    if not found:
        turned = turned_round(reader, kind, conditions)
        found = reader.search(replace(wanted, conditions=turned)) if turned != conditions else []
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

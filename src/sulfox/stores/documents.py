"""Typed documents out of a job store: filter, check, latest of each identity."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from sulfox.documents.base import SCHEMA_VERSION, Document, Record, Status
from sulfox.documents.kinds import DOCUMENT_KINDS, parse_document
from sulfox.errors import SulfoxError
from sulfox.stores.embedded import newer_store
from sulfox.stores.opening import DocumentReader
from sulfox.units import Temperature

__all__ = ["QueryFilter", "count_documents", "find_documents", "get_document"]

#: Filter -> field, where the kind has it. A kind's own name comes first.
_FIELDS: dict[str, dict[str, str]] = {
    "id": {"": "id"},
    "study": {"comparison": "study", "": "provenance.study"},
    "engine": {"": "provenance.engine"},
    "status": {"": "status"},
    "pair": {
        "relaxation": "label",
        "sulfur_bonds": "pair_of_materials",
        "sulfur_bond_rate": "pair_of_materials",
        "interface": "pair",
        "trajectory": "pair",
    },
    "variant": dict.fromkeys(("trajectory", "sulfur_bonds", "sulfur_bond_rate"), "variant"),
    "temperature_K": dict.fromkeys(
        ("trajectory", "sulfur_bonds", "sulfur_bond_rate"), "temperature_K"
    ),
    "seed": dict.fromkeys(("trajectory", "sulfur_bonds"), "seed"),
    "stage": {"trajectory": "stage"},
    "interface_id": dict.fromkeys(("relaxation", "trajectory", "sulfur_bonds"), "interface_id"),
    "trajectory_id": {"sulfur_bonds": "trajectory_id"},
}


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

    def conditions(self, kind: str) -> dict[str, str | float]:
        """Field of the kind -> wanted value.

        Parameters
        ----------
        kind : str
            A key of ``DOCUMENT_KINDS``.

        Returns
        -------
        dict
            Dotted field names and values.

        Raises
        ------
        SulfoxError
            SFX-901 for a filter that the kind does not have.
        """
        found = {}
        for name, value in self.model_dump(mode="json", exclude_none=True).items():
            fields = _FIELDS[name]
            field = fields.get(kind, fields.get(""))
            if field is None:
                raise SulfoxError(
                    "SFX-901",
                    who=f"filter {name}",
                    found=f"documents of kind {kind}, which have none",
                    expected=f"one of {', '.join(sorted(fields))}",
                    next_step="leave the filter out",
                )
            found[field] = value.replace("/", "|") if name == "pair" else value
        return found


def find_documents(
    reader: DocumentReader,
    kind: str,
    query: QueryFilter | None = None,
    *,
    limit: int = 0,
) -> list[Document]:
    """Find documents of one kind, newest first.

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
    latest: dict[str, tuple[tuple[str, int], dict[str, Any], str]] = {}
    for job in reader.find(_criteria(kind, conditions)):
        age = (str(job.get("completed_at") or ""), int(job.get("index") or 0))
        for content in _contents(job.get("output")):
            if content.get("kind") != kind or not _matches(content, conditions):
                continue
            identity = str(content.get("id"))
            if identity not in latest or age >= latest[identity][0]:
                latest[identity] = (age, content, str(job.get("uuid")))
    newest_first = sorted(latest.items(), key=lambda item: (item[1][0], item[0]), reverse=True)
    chosen = newest_first[:limit] if limit else newest_first
    return [_typed(content, uuid) for _, (_, content, uuid) in chosen]


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
    fields = ("kind", "id", "documents.kind", "documents.id")
    jobs = reader.find(projection={f"output.{field}": 1 for field in fields})
    seen = {
        (content.get("kind"), content.get("id"))
        for job in jobs
        for content in _contents(job.get("output"))
    }
    counts = Counter(kind for kind, _ in seen)
    return {kind: counts[kind] for kind in DOCUMENT_KINDS if counts[kind]}


def _criteria(kind: str, conditions: dict[str, str | float]) -> dict[str, Any]:
    """MongoDB filter for an output that is a document, a list, or ``{"documents": list}``."""
    wanted: dict[str, Any] = {"kind": kind}
    for field, value in conditions.items():
        wanted[field] = (
            {"$regex": f"^{re.escape(value)}$", "$options": "i"}
            if isinstance(value, str)
            else value
        )
    return {
        "$or": [
            {f"output.{field}": value for field, value in wanted.items()},
            {"output.documents": {"$elemMatch": wanted}},
            {"output": {"$elemMatch": wanted}},
        ]
    }


def _contents(output: Any) -> Iterator[dict[str, Any]]:
    if isinstance(output, dict) and "kind" in output:
        yield output
    elif isinstance(output, dict) and isinstance(output.get("documents"), list):
        yield from (item for item in output["documents"] if isinstance(item, dict))
    elif isinstance(output, list):
        yield from (item for item in output if isinstance(item, dict))


def _matches(content: dict[str, Any], conditions: dict[str, str | float]) -> bool:
    def value_at(path: str) -> Any:
        found: Any = content
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def plain(value: Any) -> Any:
        return value.casefold() if isinstance(value, str) else value

    return all(plain(value_at(path)) == plain(value) for path, value in conditions.items())


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

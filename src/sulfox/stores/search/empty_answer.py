"""What a search that found nothing may have meant, and why it found nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sulfox.stores.search.search import Condition, Search
from sulfox.stores.search.values import ASSUMED, path_of, plain_value, value_at

if TYPE_CHECKING:
    from sulfox.stores.readers import DocumentReader

__all__ = ["explain_empty", "turned_round"]

#: Documents whose values are told.
_LOOKED_AT = 200
_MOST_VALUES = 6
#: Search values made of two names -> what stands between the two, in documents and elsewhere.
_OF_TWO = {"pair": ("|", re.compile(r"[\s|,]+")), "bond": ("-", re.compile(r"[\s\u2013-]+"))}
_FORMS = {
    "pair": "two names with | between them, the cathode or upper side first",
    "bond": "two elements with a hyphen between them, such as S-S",
}


def turned_round(
    reader: DocumentReader, kind: str, conditions: tuple[Condition, ...]
) -> tuple[Condition, ...]:
    """Write pairs and bonds as they are stored, where that differs from what was asked.

    Parameters
    ----------
    reader : DocumentReader
        As ``open_documents`` gives it.
    kind : str
        Kind of document.
    conditions : tuple of Condition
        Of a search that found nothing.

    Returns
    -------
    tuple of Condition
        ``LPSCl|LCO`` and ``LPSCl LCO`` become ``LCO|LPSCl`` where a document has that and none
        has what was given; everything else stays.
    """
    return tuple(
        _as_stored(reader, kind, condition)
        if condition.name in _OF_TWO and condition.operator == "="
        else condition
        for condition in conditions
    )


def explain_empty(reader: DocumentReader, kind: str, conditions: Sequence[Condition]) -> str:
    """Say which condition left nothing.

    A condition on a search value that no document of the kind meets is told first; else the one
    that leaves nothing of what those before it have left: paths are looked up in no more documents
    than the search itself did.

    Parameters
    ----------
    reader : DocumentReader
        As ``open_documents`` gives it.
    kind : str
        Kind of document.
    conditions : sequence of Condition
        Of a search that found nothing.

    Returns
    -------
    str
        ``"none has temperature_K = 700; they have 300, 600"``; empty where each document of
        the kind meets them by now.
    """
    conditions = turned_round(reader, kind, tuple(conditions))
    kept: tuple[Condition, ...] = ()
    indexed = Search(kind, conditions).indexed
    wrong = next((c for c in indexed if not _found(reader, kind, (c,), 1)), None)
    if wrong is None:
        for condition in conditions:
            if not _found(reader, kind, (*kept, condition), 1):
                wrong = condition
                break
            kept = (*kept, condition)
    if wrong is None:
        return ""
    contents = _found(reader, kind, kept, _LOOKED_AT)
    those = f"of those with {' and '.join(map(_words, kept))} " if kept else ""
    instead = _instead(contents, kind, wrong.name)
    return f"{those}none has {_words(wrong)}; {instead}{_form(wrong)}"


def _as_stored(reader: DocumentReader, kind: str, condition: Condition) -> Condition:
    between, others = _OF_TWO[condition.name]
    parts = [part for part in others.split(str(condition.value).strip()) if part]
    if len(parts) != 2 or _found(reader, kind, (condition,), 1):
        return condition
    for first, second in (parts, parts[::-1]):
        turned = replace(condition, value=f"{first}{between}{second}")
        if turned != condition and _found(reader, kind, (turned,), 1):
            return turned
    return condition


def _form(condition: Condition) -> str:
    """Say how a value is written that has not its form, or is of no engine or element."""
    name, value = condition.name, str(condition.value)
    if name in _OF_TWO:
        parts = value.split(_OF_TWO[name][0])
        if len(parts) != 2:
            return f"; a {name} is {_FORMS[name]}"
        if name == "bond":
            from ase.data import atomic_numbers

            strange = [part for part in parts if part.strip().capitalize() not in atomic_numbers]
            return f"; {strange[0]!r} is no element" if strange else ""
    if name == "engine":
        from sulfox.engines.registry import engine_names

        known = [*engine_names(), "sulfox"]
        if value.casefold() not in known:
            return f"; engines of this sulfox are {', '.join(known)}"
    return ""


def _found(
    reader: DocumentReader, kind: str, conditions: tuple[Condition, ...], limit: int
) -> list[dict[str, Any]]:
    return [found.content for _, found in reader.search(Search(kind, conditions, limit=limit))]


def _words(condition: Condition) -> str:
    value = condition.value
    text = value.rstrip("~") if isinstance(value, str) else f"{value:g}"
    return f"{condition.name} {condition.operator} {text}"


def _instead(contents: list[dict[str, Any]], kind: str, name: str) -> str:
    path = path_of(kind, name) or name
    values = {_shown(value_at(content, path)) for content in contents} - {None}
    if not values and name in ASSUMED:
        values = {ASSUMED[name]}
    who = "they" if len(contents) < _LOOKED_AT else f"the newest {_LOOKED_AT}"
    if not values:
        return f"{who} have no such value"
    ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
    texts = [value if isinstance(value, str) else f"{value:g}" for value in ordered]
    if len(texts) <= _MOST_VALUES:
        return f"{who} have {', '.join(texts)}"
    if name == "created_at" or not isinstance(ordered[-1], str):
        return f"{who} have {texts[0]} to {texts[-1]}"
    return f"{who} have {', '.join(texts[:_MOST_VALUES])} and others"


def _shown(value: Any) -> Any:
    return value if isinstance(value, str) else plain_value(value)

"""Names that a question may use: search values and fields of a kind, as its class declares them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.errors import SulfoxError
from sulfox.stores.search.search import Condition
from sulfox.stores.search.values import NUMBERS, WORDS, path_of

__all__ = ["checked_conditions", "checked_sort", "document_path", "nearest"]

_YES_NO = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}
_MOST_NAMES = 12


def document_path(kind: str, name: str) -> str:
    """Give the path in a document that a column names.

    Parameters
    ----------
    kind : str
        A key of ``DOCUMENT_KINDS``.
    name : str
        A field, with dots a field of a field (``archive.n_frames``, ``reactants.0.formula``), or a
        search value (``bond`` is ``criteria.pair``).

    Returns
    -------
    str
        As :func:`sulfox.stores.search.values.value_at` takes it.

    Raises
    ------
    SulfoxError
        SFX-901 if documents of the kind have nothing of this name.
    """
    if not isinstance(name, str):
        raise _refusal("field", repr(name), "the name of a field")
    if name.partition(".")[0] not in DOCUMENT_KINDS[kind].model_fields:
        path = path_of(kind, name)
        if path is not None:
            return path
    for part in name.split("|"):
        _types_at(kind, part, "field")
    return name


def checked_sort(kind: str, sort: str | None) -> str | None:
    """Check what to sort by.

    Parameters
    ----------
    kind : str
        A key of ``DOCUMENT_KINDS``.
    sort : str or None
        Name, ``-`` before it for descending.

    Returns
    -------
    str or None
        The same.

    Raises
    ------
    SulfoxError
        SFX-901 if documents of the kind have no one value of this name.
    """
    if sort is None:
        return None
    if not isinstance(sort, str):
        raise _refusal("sort", repr(sort), "the name of a value, - before it for descending")
    name = sort.removeprefix("-")
    if path_of(kind, name) is None:
        _one_value(kind, name, "sort")
    return sort


def checked_conditions(kind: str, conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Check names and values of conditions against the class of their documents.

    Parameters
    ----------
    kind : str
        A key of ``DOCUMENT_KINDS``.
    conditions : iterable of Condition
        As :func:`sulfox.stores.search.search.parse_condition` reads them.

    Returns
    -------
    tuple of Condition
        With values of the type that the documents hold: ``true`` is ``yes``, the ``3`` of a word
        is a word.

    Raises
    ------
    SulfoxError
        SFX-901 if documents of the kind have no one value of a name, or it cannot be compared so.
    """
    return tuple(
        condition
        if condition.name == "id" or path_of(kind, condition.name) is not None
        else _typed(kind, condition)
        for condition in conditions
    )


def nearest(name: str, names: Iterable[str]) -> str:
    """Name what a person may have meant, for a message.

    Parameters
    ----------
    name : str
        What was given.
    names : iterable of str
        What there is.
    """
    known = sorted(set(names))
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return " or ".join(close)
    more = f" or {len(known) - _MOST_NAMES} others" if len(known) > _MOST_NAMES else ""
    return ", ".join(known[:_MOST_NAMES]) + more


def _typed(kind: str, condition: Condition) -> Condition:
    who = f"condition on {condition.name}"
    types = _one_value(kind, condition.name, who)
    value, sign = condition.value, condition.operator
    lists = any(get_origin(found) is tuple for found in types)
    if Any in types:
        return condition
    if bool in types or lists:
        if sign not in ("=", "!="):
            raise _refusal(who, repr(sign), "= or !=, for it has no order")
        said = _YES_NO.get(_text(value).casefold()) if bool in types else _text(value)
        if said is None:
            raise _refusal(who, repr(value), "yes or no")
        return Condition(condition.name, sign, said)
    if not {int, float} & set(types):
        return Condition(condition.name, sign, _text(value))
    if isinstance(value, str):
        raise _refusal(who, repr(value), "a finite number")
    return condition


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return str(int(value)) if value.is_integer() else repr(value)


def _one_value(kind: str, name: str, who: str) -> list[Any]:
    """Types of a value that can be compared; a group of values cannot."""
    types = _types_at(kind, name, who)
    inner = [part for found in types for part in (*_items(found), found)]
    groups = [found for found in inner if _is_model(found) or _is_mapping(found)]
    if groups and Any not in types:
        deeper = [f"{name}.{word}" for found in types for word in _names_in(found)]
        raise _refusal(who, f"{name!r}, a group of values", "one of " + nearest(name, deeper))
    return types


def _types_at(kind: str, name: str, who: str) -> list[Any]:
    """Types that a document may hold at a path."""
    types: list[Any] = [DOCUMENT_KINDS[kind]]
    done = ""
    for part in name.split("."):
        inside = [found for each in types for found in _step(each, part)]
        if not inside:
            names = {f"{done}{word}" for each in types for word in _names_in(each)}
            if not done:
                names |= {word for word in (*WORDS, *NUMBERS) if path_of(kind, word) is not None}
            raise _unknown(kind, name, who, names)
        types = inside
        done += f"{part}."
    return types


def _unknown(kind: str, name: str, who: str, names: set[str]) -> SulfoxError:
    others = sorted(WORDS.get(name) or NUMBERS.get(name) or ())
    found = f"{name!r}, which documents of kind {kind} do not have"
    if others:
        return _refusal(who, found, f"one of their own values ({', '.join(others)} have it)")
    return _refusal(who, found, nearest(name, names) if names else "a name without what follows")


def _step(annotation: Any, part: str) -> list[Any]:
    if annotation is Any:
        return [Any]
    if _is_model(annotation):
        field = annotation.model_fields.get(part)
        return [] if field is None else _plain(field.annotation)
    if _is_mapping(annotation):
        return _plain((*get_args(annotation), Any, Any)[1]) if part else []
    arguments = get_args(annotation)
    if get_origin(annotation) is not tuple or not part.isdigit():
        return []
    if arguments[-1] is Ellipsis:
        return _plain(arguments[0])
    return _plain(arguments[int(part)]) if int(part) < len(arguments) else []


def _names_in(annotation: Any) -> list[str]:
    """Give what may come after a dot."""
    if _is_model(annotation):
        return list(annotation.model_fields)
    arguments = get_args(annotation)
    if get_origin(annotation) is not tuple:
        return ["NAME"] if _is_mapping(annotation) else []
    numbers = ["0", "1"] if arguments[-1] is Ellipsis else list(map(str, range(len(arguments))))
    return [
        f"{number}.{word}" if word else number
        for number in numbers
        for item in _step(annotation, number)
        for word in (_names_in(item) or [""])
    ]


def _plain(annotation: Any) -> list[Any]:
    """Alternatives of a type, without what is not a type."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [found for item in get_args(annotation) for found in _plain(item)]
    return [] if annotation is type(None) else [annotation]


def _items(annotation: Any) -> Sequence[Any]:
    if get_origin(annotation) is not tuple:
        return ()
    return [found for item in get_args(annotation) for found in _plain(item)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _refusal(who: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-901", who=who, found=found, expected=expected, next_step="correct the name or value"
    )

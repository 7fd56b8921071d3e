"""What documents can be searched by, the same in every kind of store.

A *row* stands for one document of one job output. It holds the document's identity, the
place of its content (job and position) and its search values: words without regard to
case, numbers as they are. Stores keep rows in an index of their own; where one cannot,
the rows are made from the job outputs when they are asked for.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sulfox.errors import SulfoxError
from sulfox.materials.miller import facet_indices
from sulfox.stores.search.values import NUMBERS, WORDS, path_of, plain_value, value_at, values_of

__all__ = [
    "OPERATORS",
    "Condition",
    "Found",
    "Row",
    "Search",
    "latest_rows",
    "parse_condition",
    "rows_of",
    "stored_word",
]

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|!=|=|<|>)\s*(.+?)\s*")


@dataclass(frozen=True)
class Condition:
    """One comparison of a value with a constant.

    Attributes
    ----------
    name : str
        A search value, or a dotted path in the document.
    operator : str
        A key of :data:`OPERATORS`. A document without the value does not match, but for what
        :data:`sulfox.stores.search.values.ASSUMED` says of older ones.
    value : str or float
        Words are compared without regard to case.
    """

    name: str
    operator: str
    value: str | float

    def holds(self, found: Any) -> bool:
        """Compare.

        Parameters
        ----------
        found : object
            The document's value; None never matches.
        """
        plain = plain_value(found)
        if plain is None:
            return False
        if isinstance(plain, str) != isinstance(self.value, str):
            return self.operator == "!="
        wanted = self.value.casefold() if isinstance(self.value, str) else self.value
        return OPERATORS[self.operator](plain, wanted)


@dataclass(frozen=True)
class Search:
    """What is wanted.

    Attributes
    ----------
    kind : str
        Kind of document.
    conditions : tuple of Condition
        All must hold.
    sort : str or None
        Search value or path to sort by, ``-`` before it for descending; documents without
        the value come last. None is newest first.
    limit : int
        Most documents; 0 for all.
    """

    kind: str
    conditions: tuple[Condition, ...] = ()
    sort: str | None = None
    limit: int = 0

    @property
    def indexed(self) -> tuple[Condition, ...]:
        """Conditions on values that rows hold."""
        return tuple(c for c in self.conditions if self._in_rows(c.name))

    @property
    def others(self) -> tuple[Condition, ...]:
        """Conditions on paths, which are looked up in the content."""
        return tuple(c for c in self.conditions if not self._in_rows(c.name))

    @property
    def sort_name(self) -> str:
        """What to sort by, without its sign."""
        return (self.sort or "").lstrip("-")

    @property
    def sorts_rows(self) -> bool:
        """Whether rows hold what is sorted by, and nothing but rows decides."""
        known = not self.sort or path_of(self.kind, self.sort_name) is not None
        return known and not self.others

    def _in_rows(self, name: str) -> bool:
        """Tell whether rows of the kind hold the value; else it is a path in the document."""
        return name == "id" or path_of(self.kind, name) is not None


@dataclass(frozen=True)
class Row:
    """A document in an index.

    Attributes
    ----------
    kind, id : str
        Identity of the document.
    job : str
        ``"<job uuid>:<index>"``.
    position : int
        Place in the job's list of documents.
    age : str
        Sorts as the job's completion does.
    values : dict
        Search values.
    """

    kind: str
    id: str
    job: str
    position: int
    age: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A document as it is stored.

    Attributes
    ----------
    content : dict
        JSON form of the document.
    job_uuid : str
        Job whose output holds it.
    """

    content: dict[str, Any]
    job_uuid: str


def rows_of(job: Mapping[str, Any]) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Give the rows of a job output and their contents.

    Parameters
    ----------
    job : mapping
        jobflow's document; its output is a document, a list of documents, or
        ``{"documents": list}``.

    Yields
    ------
    tuple
        Row and JSON document.
    """
    index = int(job.get("index") or 0)
    age = f"{job.get('completed_at') or ''} {index:06d}"
    for position, content in enumerate(_contents(job.get("output"))):
        kind, identity = content.get("kind"), content.get("id")
        if isinstance(kind, str) and isinstance(identity, str):
            place = (f"{job.get('uuid')}:{index or 1}", position, age)
            yield Row(kind, identity, *place, values_of(kind, content)), content


def latest_rows(
    rows: Iterable[tuple[Row, dict[str, Any]]], search: Search
) -> list[tuple[Row, dict[str, Any]]]:
    """Choose and sort rows as a search wants them.

    Parameters
    ----------
    rows : iterable of tuple
        As :func:`rows_of` gives them, of any jobs.
    search : Search
        What is wanted.

    Returns
    -------
    list of tuple
        One per id, the latest.
    """
    latest: dict[str, tuple[Row, dict[str, Any]]] = {}
    for row, content in rows:
        if row.kind != search.kind:
            continue
        if row.id not in latest or row.age >= latest[row.id][0].age:
            latest[row.id] = (row, content)
    chosen = [
        (row, content)
        for row, content in latest.values()
        if all(_row_holds(row, c) for c in search.indexed)
        and all(c.holds(value_at(content, c.name)) for c in search.others)
    ]
    chosen.sort(key=lambda item: (item[0].age, item[0].id), reverse=True)
    if search.sort:
        keyed = [(plain_value(_sort_value(search.sort_name, *item)), item) for item in chosen]
        with_value = [pair for pair in keyed if pair[0] is not None]
        descending = search.sort.startswith("-")
        with_value.sort(key=lambda pair: (isinstance(pair[0], str), pair[0]), reverse=descending)
        chosen = [item for _, item in with_value]
        chosen += [item for value, item in keyed if value is None]
    return chosen[: search.limit] if search.limit else chosen


def parse_condition(text: str) -> Condition:
    """Read ``"n_formed > 2"``.

    Parameters
    ----------
    text : str
        Name, one of ``= != < <= > >=``, value.

    Returns
    -------
    Condition
        Numbers are numbers, but for search values that are words.

    Raises
    ------
    SulfoxError
        SFX-901 if it is not of this form, or a number is wanted and a word given.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise _bad(text, "NAME, one of " + " ".join(OPERATORS) + ", VALUE: n_formed > 2")
    name, sign, word = match.groups()
    word = word.strip("'\"")
    if name in WORDS or name == "id":
        return Condition(name, sign, stored_word(name, word))
    number = _number(word)
    if number is None and name in NUMBERS:
        raise _bad(text, f"a finite number for {name}")
    return Condition(name, sign, word if number is None else number)


def stored_word(name: str, text: str) -> str:
    """Write a word as documents hold it.

    Parameters
    ----------
    name : str
        Search value, or filter of a query.
    text : str
        As a person wrote it.

    Returns
    -------
    str
        ``LCO/LPSCl`` is ``LCO|LPSCl``, the facet ``(1 0 4)`` is ``1,0,4``.

    Raises
    ------
    SulfoxError
        SFX-901 for a facet that is none.
    """
    if name in ("cathode_facet", "electrolyte_facet"):
        return ",".join(map(str, facet_indices(text, name)))
    return text.replace("/", "|") if name == "pair" else text


def _row_holds(row: Row, condition: Condition) -> bool:
    if condition.name == "id":
        return OPERATORS[condition.operator](row.id, condition.value)
    return condition.holds(row.values.get(condition.name))


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _sort_value(name: str, row: Row, content: dict[str, Any]) -> Any:
    in_row = path_of(row.kind, name) is not None
    return row.values[name] if in_row else value_at(content, name)


def _contents(output: Any) -> Iterator[dict[str, Any]]:
    if isinstance(output, dict) and "kind" in output:
        yield output
    elif isinstance(output, dict) and isinstance(output.get("documents"), list):
        yield from (item for item in output["documents"] if isinstance(item, dict))
    elif isinstance(output, list):
        yield from (item for item in output if isinstance(item, dict))


def _bad(text: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-901",
        who="condition",
        found=repr(text),
        expected=expected,
        next_step="correct it; names are listed by sulfox query --help",
    )

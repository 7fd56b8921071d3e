"""What is wanted of a store: the filters of ``sulfox query`` and of the Python API."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from sulfox.documents.base import Record, Status
from sulfox.errors import SulfoxError
from sulfox.stores.search.names import nearest
from sulfox.stores.search.search import Condition, parse_condition, stored_word
from sulfox.stores.search.values import NUMBERS, WORDS, path_of
from sulfox.units import Temperature

__all__ = ["QueryFilter", "query_filter"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
#: Other names of filters, as the command line has them.
_SHORT = {"temperature": "temperature_K", "facet": "cathode_facet"}


def _day(value: Any) -> Any:
    """Give a date or a time (UTC) as documents hold it."""
    if isinstance(value, str) and _DAY.fullmatch(value.strip()[:10]):
        text = value.strip()
        value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    if isinstance(value, datetime):
        in_utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return in_utc.strftime("%Y-%m-%dT%H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    raise ValueError("a date such as 2026-11-01, or a date with a time (UTC)")


_Day = Annotated[str, BeforeValidator(_day)]


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
        ``"S-S"``, ``"CoO"``, ``"1,0,4"`` (also ``"(1 0 4)"``, ``"104"``).
    gas, entry_set : str or None
        Of a gas reduction; name of the energies that a document stands on.
    since, until : str, date, datetime or None
        First and last date (ISO 8601, UTC) on which documents were made.
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
    temperature_K: Annotated[Temperature, Field(gt=0)] | None = None
    seed: int | None = None
    status: Status | None = None
    bond: str | None = None
    material: str | None = None
    cathode_facet: str | None = None
    electrolyte_facet: str | None = None
    gas: str | None = None
    entry_set: str | None = None
    since: _Day | None = None
    until: _Day | None = None
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
            SFX-901 for a filter that the kind does not have, or a facet that is none.
        """
        found: list[Condition] = []
        plain = self.model_dump(mode="json", exclude_none=True, exclude={"where"})
        if "since" in plain:
            found.append(Condition("created_at", ">=", plain.pop("since")))
        if "until" in plain:  # "~" comes after any time of that day
            found.append(Condition("created_at", "<=", plain.pop("until") + "~"))
        for name, value in plain.items():
            if name != "id" and path_of(kind, name) is None:
                raise SulfoxError(
                    "SFX-901",
                    who=f"filter {name}",
                    found=f"documents of kind {kind}, which have none",
                    expected=f"one of {', '.join(sorted(WORDS.get(name) or NUMBERS[name]))}",
                    next_step="leave the filter out",
                )
            text = stored_word(name, value) if isinstance(value, str) else value
            found.append(Condition(name, "=", text))
        return (*found, *self.where)


def query_filter(**wanted: Any) -> QueryFilter:
    """Make a filter of what a person gave.

    Parameters
    ----------
    **wanted
        Fields of :class:`QueryFilter`; ``temperature`` and ``facet`` (the cathode's) are taken,
        too, and comparisons as text: ``where="n_formed > 2"``, or a list of these.

    Returns
    -------
    QueryFilter
        Checked.

    Raises
    ------
    SulfoxError
        SFX-901 for a filter that is not known, or a value that cannot be one.
    """
    given: dict[str, Any] = {}
    for name, value in wanted.items():
        full = _SHORT.get(name, name)
        if full in given:
            raise _wrong(name, f"given with {full}", "one of the two")
        if full not in QueryFilter.model_fields:
            names = (*QueryFilter.model_fields, *_SHORT)
            raise _wrong(name, "no such filter", nearest(name, names))
        given[full] = value
    given["where"] = _conditions(given.get("where"))
    try:
        return QueryFilter.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
        raise _wrong(str(first["loc"][0]), repr(first["input"]), message) from error


def _conditions(where: Any) -> tuple[Condition, ...]:
    listed = [where] if isinstance(where, str | Condition) else [] if where is None else where
    if not isinstance(listed, list | tuple):
        raise _wrong("where", repr(where), "a comparison such as 'n_formed > 2', or a list of them")
    found = []
    for item in listed:
        if not isinstance(item, str | Condition):
            raise _wrong("where", repr(item), "a comparison such as 'n_formed > 2'")
        found.append(parse_condition(item) if isinstance(item, str) else item)
    return tuple(found)


def _wrong(name: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-901",
        who=f"filter {name}",
        found=found,
        expected=expected,
        next_step="correct it; sulfox query --help and docs/database.md list the filters",
    )

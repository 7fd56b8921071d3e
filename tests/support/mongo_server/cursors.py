"""Answers in batches, as clients ask for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import bson
from bson import Int64
from mongo_server.failures import CommandError

__all__ = ["MAX_BSON_BYTES", "Cursors"]

MAX_BSON_BYTES = 16 * 1024 * 1024
_DEFAULT_BATCH = 101


class Cursors:
    """What clients have not fetched yet."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[str, list[dict[str, Any]]]] = {}
        self._numbers = itertools.count(1000)

    def first(
        self, place: str, documents: Iterable[dict[str, Any]], batch: int | None, *, single: bool
    ) -> dict[str, Any]:
        given, left = _split(list(documents), _DEFAULT_BATCH if batch is None else batch)
        number = 0
        if left and not single:
            number = next(self._numbers)
            self._left[number] = (place, left)
        return {"cursor": {"id": Int64(number), "ns": place, "firstBatch": given}}

    def more(self, number: int, batch: int | None) -> dict[str, Any]:
        if number not in self._left:
            raise CommandError(43, "CursorNotFound", f"cursor id {number} not found")
        place, documents = self._left.pop(number)
        given, left = _split(documents, batch or len(documents))
        if left:
            self._left[number] = (place, left)
        return {"cursor": {"id": Int64(number if left else 0), "ns": place, "nextBatch": given}}

    def close(self, numbers: Iterable[int]) -> dict[str, Any]:
        closed = [number for number in numbers if self._left.pop(int(number), None)]
        rest = {"cursorsNotFound": [], "cursorsAlive": [], "cursorsUnknown": []}
        return {"cursorsKilled": closed, **rest}


def _split(
    documents: list[dict[str, Any]], most: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """At most so many, and no more than one message takes."""
    size = 0
    for place, document in enumerate(documents):
        if place >= most:
            return documents[:place], documents[place:]
        size += len(bson.encode(document))
        if place and size > MAX_BSON_BYTES - 4096:
            return documents[:place], documents[place:]
    return documents, []

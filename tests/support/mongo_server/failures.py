"""Errors in the words of the wire protocol."""

from __future__ import annotations

from typing import Any

from pymongo.errors import DuplicateKeyError

__all__ = ["CommandError", "command_failure", "write_failure"]

_UNSUPPORTED, _BAD_VALUE, _DUPLICATE = 238, 2, 11000


class CommandError(Exception):
    def __init__(self, code: int, name: str, text: str) -> None:
        self.code = code
        self.name = name
        super().__init__(text)


def _code(error: Exception) -> int:
    if isinstance(error, DuplicateKeyError):
        return _DUPLICATE
    stated = getattr(error, "code", None)
    return stated or (_UNSUPPORTED if isinstance(error, NotImplementedError) else _BAD_VALUE)


def command_failure(error: Exception) -> dict[str, Any]:
    """A whole command that failed."""
    name = getattr(error, "name", type(error).__name__)
    return {"ok": 0.0, "code": _code(error), "codeName": name, "errmsg": str(error)}


def write_failure(place: int, error: Exception) -> dict[str, Any]:
    """One write among several that failed."""
    return {"index": place, "code": _code(error), "errmsg": str(error)}

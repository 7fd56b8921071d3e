"""Tables of numbers in fixed columns, as Fortran's F format writes them, read all rows at once."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.projected_dos import FloatArray

__all__ = ["parse_fixed_columns"]

_NUMBER = re.compile(rb"-?\d*\.\d+")
_ZERO, _SPACE, _MINUS = ord("0"), ord(" "), ord("-")
_MAX_DIGITS = 15


def parse_fixed_columns(text: str, n_columns: int) -> FloatArray | None:
    """Read rows of equal length whose decimal points stand below each other.

    The digits of a number make an integer, which is divided by a power of ten: both are
    exact, so the quotient is the double that reading the decimal number gives.

    Parameters
    ----------
    text : str
        One row a line, each between the same words (``<r>`` and ``</r>``, or none); blanks
        may stand before the first and after the last.
    n_columns : int
        Numbers in a row.

    Returns
    -------
    ndarray, shape (n_rows, n_columns), or None
        None where the text is anything else: exponents, other numbers, rows of other
        lengths. Such a text may still be a table.
    """
    raw = text.encode("latin-1", errors="replace").lstrip(b"\r\n")
    length = raw.find(b"\n") + 1
    n_rows = len(raw) // length if length else 0
    if not n_rows or raw[n_rows * length :].strip():
        return None
    fields = [match.span() for match in _NUMBER.finditer(raw[:length])]
    points = [raw.index(b".", begin, end) for begin, end in fields]
    if len(fields) != n_columns:
        return None
    begin = raw.find(b"<r>", 0, length) + len(b"<r>") if b"<r>" in raw[:length] else 0
    table = np.frombuffer(raw, dtype=np.uint8, count=n_rows * length)
    codes = np.ascontiguousarray(table.reshape(n_rows, length).T)  # (length, n_rows)
    if begin > fields[0][0] or not (_same(codes[:begin]) and _same(codes[fields[-1][1] :])):
        return None
    if raw[fields[-1][1] : length].strip() != (b"</r>" if begin else b""):
        return None
    values = np.empty((n_rows, n_columns))
    for k, ((_, end), point) in enumerate(zip(fields, points, strict=True)):
        column = _parse_column(codes[begin:point], codes[point], codes[point + 1 : end])
        if column is None:
            return None
        values[:, k] = column
        begin = end
    return values


def _same(codes: NDArray[np.uint8]) -> bool:
    return bool((codes == codes[:, :1]).all())


def _parse_column(
    before: NDArray[np.uint8], point: NDArray[np.uint8], after: NDArray[np.uint8]
) -> FloatArray | None:
    """Read one number a row: characters before the point, the point, decimals."""
    used = np.flatnonzero((before != _SPACE).any(axis=1))
    before = before[used[0] :] if used.size else before[:0]
    whole, decimals = before - np.uint8(_ZERO), after - np.uint8(_ZERO)
    is_digit = whole <= 9
    is_minus = before == _MINUS
    known = is_digit | is_minus | (before == _SPACE)
    in_order = (before[:-1] == _SPACE) | is_digit[1:]  # after a digit or a sign come digits
    if not ((point == ord(".")).all() and (decimals <= 9).all() and known.all() and in_order.all()):
        return None
    digits = np.concatenate([np.where(is_digit, whole, 0), decimals])
    if len(digits) > _MAX_DIGITS:
        return None
    values = np.zeros(digits.shape[1])
    used_places = np.asarray(digits.any(axis=1))[::-1]
    for place, used_at_all in enumerate(used_places, start=1):
        if used_at_all:
            values += digits[-place] * 10.0 ** (place - 1)
    values /= 10.0 ** len(decimals)
    return np.where(is_minus.any(axis=0), -values, values) if is_minus.any() else values

"""Tables of numbers in fixed columns, as Fortran's F format writes them, read all rows at once.

Eight characters are one 64-bit word; digits are checked and summed up inside the word, for
many rows at a time (the method of Lemire, "Number parsing at a gigabyte per second",
doi 10.1002/spe.2984, section 5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sulfox.trajectories.files.byte_source import keep_freed_memory
from sulfox.trajectories.frames import FloatArray

__all__ = ["parse_fixed_columns"]

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
_Wholes = tuple[Words, NDArray[np.bool_]]
_Extremes = tuple[Bytes, Bytes]

_NUMBER = re.compile(rb"-?\d*\.\d+")
_FRAME = re.compile(rb"\s*(<(\w+)>)?[^<>]*?(</(\w+)>)?\s*\n")
_WORD = 8
_BLANK = ord(" ")
_MAX_DECIMALS = 2 * _WORD
_EXACT = 2**53
_NUMBERS_AT_ONCE, _ROWS_SIDE_BY_SIDE = 49152, 64


_U = np.uint64
_ZEROS = _U(int.from_bytes(b"0" * _WORD, "little"))


@dataclass(frozen=True)
class _Layout:
    """Where the numbers of a row stand; the same in every row."""

    length: int
    begins: tuple[int, ...]
    points: tuple[int, ...]
    decimals: tuple[int, ...]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where the whole part of each number, with the blanks before it, begins and ends."""
        return list(zip(self.begins, self.points, strict=True))

    @cached_property
    def powers(self) -> Words:
        """Ten to the number of decimals, shape (n_columns, 1)."""
        return np.array([[10**decimals] for decimals in self.decimals], dtype=np.uint64)

    def allowed(self, example: bytes) -> _Extremes:
        """Least and greatest character that may stand in each place of a row."""
        low = np.frombuffer(example, dtype=np.uint8).copy()
        high = low.copy()
        for (begin, point), decimals in zip(self.spans, self.decimals, strict=True):
            low[begin:point], high[begin:point] = 0, 255  # looked at more closely
            digits = slice(point + 1, point + 1 + decimals)
            low[digits], high[digits] = ord("0"), ord("9")
        return low, high


def parse_fixed_columns(text: bytes | Sequence[bytes], n_columns: int) -> FloatArray | None:
    """Read rows of equal length whose decimal points stand below each other.

    The digits of a number make an integer below 2^53, which is divided by a power of ten:
    both are exact, so the quotient is the double that ``float`` gives for the same text.

    Parameters
    ----------
    text : bytes, or sequence of bytes
        Text, or pieces of it: one row a line, each between the same mark and its end
        (``<v>`` and ``</v>``, or none); blanks may stand before the first and after the last.
    n_columns : int
        Numbers in a row.

    Returns
    -------
    ndarray, shape (n_rows, n_columns), or None
        None where the text is anything else: exponents, other numbers, rows of other
        lengths. Such a text may still be a table.
    """
    keep_freed_memory()
    pieces = (text,) if isinstance(text, bytes) else text
    example = pieces[0][: pieces[0].find(b"\n") + 1] if pieces else b""
    layout = _layout(example, n_columns)
    n_characters = sum(map(len, pieces))
    if layout is None or n_characters % layout.length:
        return None
    n_rows = n_characters // layout.length
    pad = b" " * _WORD  # words may reach over the first and the last row
    padded = np.frombuffer(b"".join((pad, *pieces, pad, pad)), dtype=np.uint8)
    values = np.empty((n_rows, n_columns))
    allowed = layout.allowed(example)
    n_at_once = max(_NUMBERS_AT_ONCE // n_columns, _ROWS_SIDE_BY_SIDE)
    for first in range(0, n_rows, n_at_once):
        rows = _Rows(padded[first * layout.length :], layout.length, values[first:][:n_at_once])
        if not _parse_rows(rows, layout, allowed):
            return None
    return values


def _layout(row: bytes, n_columns: int) -> _Layout | None:
    frame = _FRAME.fullmatch(row)
    if frame is None or frame[2] != frame[4]:
        return None
    start = max(frame.end(1), 0)
    fields = [match.span() for match in _NUMBER.finditer(row, start)]
    if len(fields) != n_columns:
        return None
    if any(not row[begin - 1 : begin + 1].strip(b"0123456789.") for begin, _ in fields[1:]):
        return None  # where digits touch, nothing tells where a number ends
    points = [row.index(b".", begin, end) for begin, end in fields]
    decimals = [end - point - 1 for (_, end), point in zip(fields, points, strict=True)]
    begins = [start, *(end for _, end in fields[:-1])]
    if max(decimals) > _MAX_DECIMALS:
        return None
    after = row[fields[-1][1] :].strip()
    if after != (frame[3] or b""):
        return None
    return _Layout(len(row), tuple(begins), tuple(points), tuple(decimals))


@dataclass(frozen=True)
class _Rows:
    """Some rows; the first begins at byte ``_WORD`` of `padded`."""

    padded: Bytes
    length: int
    values: FloatArray

    def words(self, begin: int, kind: str = "<u8") -> NDArray[Any]:
        """Eight (``<u2``: two) characters of each row, from `begin` on; not aligned."""
        return np.ndarray(
            shape=(len(self.values),),
            dtype=kind,
            buffer=self.padded,
            offset=_WORD + begin,
            strides=(self.length,),
        )

    def extremes(self) -> _Extremes:
        """Find the least and the greatest character in each place of a row."""
        text = self.padded[_WORD:][: len(self.values) * self.length]
        whole = len(self.values) // _ROWS_SIDE_BY_SIDE * _ROWS_SIDE_BY_SIDE * self.length
        wide = text[:whole].reshape(-1, _ROWS_SIDE_BY_SIDE * self.length)
        rest = text[whole:].reshape(-1, self.length)
        if not len(wide):
            return rest.min(axis=0), rest.max(axis=0)
        low, high = (
            reduce(wide, axis=0).reshape(-1, self.length)
            for reduce in (np.minimum.reduce, np.maximum.reduce)
        )
        return np.vstack((low, rest)).min(axis=0), np.vstack((high, rest)).max(axis=0)


def _parse_rows(rows: _Rows, layout: _Layout, allowed: _Extremes) -> bool:
    """Fill in the values; False where a character is not what it should be."""
    low, high = rows.extremes()
    if ((low < allowed[0]) | (high > allowed[1])).any():
        return False
    wholes = _whole_parts(rows, layout, low, high)
    if wholes is None:
        return False
    whole, negative = wholes
    largest = (whole.max(axis=1) + _U(1)).tolist()
    if any(n * 10**k > _EXACT for n, k in zip(largest, layout.decimals, strict=True)):
        return False
    number = _decimals(_load(rows, layout, 1), layout, 0)
    if max(layout.decimals) > _WORD:
        number *= _column([10 ** max(k - _WORD, 0) for k in layout.decimals])
        number += _decimals(_load(rows, layout, 1 + _WORD), layout, _WORD)
    number += whole * layout.powers
    divisor = layout.powers.astype(np.float64)
    if negative.any():
        divisor = divisor * (1 - 2 * negative.view(np.int8))  # gives -0.0, too
    np.divide(number.view(np.int64).astype(np.float64), divisor, out=rows.values.T)
    return True


def _load(rows: _Rows, layout: _Layout, offset: int) -> Words:
    """Eight characters at `offset` from the point, shape (n_columns, n_rows)."""
    return np.array([rows.words(point + offset) for point in layout.points], dtype=np.uint64)


def _column(numbers: list[int]) -> Words:
    return np.array(numbers, dtype=np.uint64)[:, None]


def _whole_parts(rows: _Rows, layout: _Layout, low: Bytes, high: Bytes) -> _Wholes | None:
    """Read blanks, perhaps a minus, and digits before each point; None for anything else.

    Where they are the same in all rows, the result has one row.
    """
    is_used = (low != _BLANK) | (high != _BLANK)
    filled = [np.flatnonzero(is_used[begin:point][::-1]) + 1 for begin, point in layout.spans]
    widths = [int(places.max(initial=0)) for places in filled]
    width = max(widths)
    if width > _WORD:
        return None
    pairs = zip(layout.points, widths, strict=True)
    used = [place for point, n in pairs for place in range(point - n, point)]
    count = 1 if (low == high)[used].all() else len(rows.values)
    shape = (len(widths), count)
    whole = np.zeros(shape, dtype=np.min_scalar_type(10**width))
    negative, ended = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    for k in range(1, width + 1):
        columns = [column for column, n in enumerate(widths) if n >= k]
        chosen = slice(None) if len(columns) == len(widths) else columns
        places = [layout.points[column] - k for column in columns]
        characters = np.array([rows.words(place, "u1")[:count] for place in places])
        digits = characters ^ np.uint8(ord("0"))
        if k == 1 and (low[places] >= ord("0")).all() and (high[places] <= ord("9")).all():
            whole[chosen] = digits
            continue
        is_digit, is_minus, is_blank = digits <= 9, characters == ord("-"), characters == _BLANK
        if not (is_blank | ((is_digit | is_minus) & ~ended[chosen])).all():
            return None
        digits *= is_digit.view(np.uint8)
        whole[chosen] += digits * whole.dtype.type(10 ** (k - 1))
        negative[chosen] |= is_minus
        ended[chosen] = ~is_digit
    return whole.astype(np.uint64), negative


def _decimals(words: Words, layout: _Layout, skipped: int) -> Words:
    """Digits after the points; where a column has fewer than eight, zeros are put before them."""
    counts = [min(max(k - skipped, 0), _WORD) for k in layout.decimals]
    for k, n in enumerate(counts):
        if n < _WORD:
            words[k] = words[k] << _U(8 * (_WORD - n)) if n else _U(0)
            words[k] |= _U(int.from_bytes(b"0" * (_WORD - n), "little"))
    return _sum_digits(np.bitwise_xor(words, _ZEROS, out=words))


def _sum_digits(digits: Words) -> Words:
    """Turn eight digits, the first in the lowest byte, into their number, in place."""
    digits *= _U(1 + (10 << 8))  # a byte has ten times the digit before it, and its own
    digits >>= _U(8)
    digits &= _U(0x00FF00FF00FF00FF)
    digits *= _U(1 + (100 << 16))
    digits >>= _U(16)
    digits &= _U(0x0000FFFF0000FFFF)
    digits *= _U(1 + (10_000 << 32))
    digits >>= _U(32)
    return digits

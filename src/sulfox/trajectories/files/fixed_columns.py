"""Tables of numbers in fixed columns, as Fortran's F format writes them, read all rows at once.

Eight characters are one 64-bit word; digits are checked and summed up inside the word, for
many rows at a time (the method of Lemire, "Number parsing at a gigabyte per second",
doi 10.1002/spe.2984, section 5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sulfox.trajectories.frames import FloatArray

__all__ = ["parse_fixed_columns"]

Words = NDArray[np.uint64]
_Wholes = tuple[Words, NDArray[np.bool_]]

_NUMBER = re.compile(rb"-?\d*\.\d+")
_FRAME = re.compile(rb"\s*(<(\w+)>)?[^<>]*?(</(\w+)>)?\s*\n")
_WORD, _PAIR = 8, 2
_ANY = 0
_MAX_DECIMALS = 2 * _WORD
_EXACT = 2**53
_ROWS_AT_ONCE = 8192


def _bytes_of(byte: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([byte]) * _WORD, "little"))


_ONES, _SIXES, _HIGH = _bytes_of(0x01), _bytes_of(0x06), _bytes_of(0xF0)
_ZEROS, _BLANKS = _bytes_of(ord("0")), _bytes_of(ord(" "))
_BUT_LAST = np.uint64(0x00FFFFFFFFFFFFFF)
_U = np.uint64


@dataclass(frozen=True)
class _Layout:
    """Where the numbers of a row stand; the same in every row."""

    length: int
    begins: tuple[int, ...]
    points: tuple[int, ...]
    decimals: tuple[int, ...]

    @property
    def end(self) -> int:
        return self.points[-1] + 1 + self.decimals[-1]


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
    for first in range(0, n_rows, _ROWS_AT_ONCE):
        rows = _Rows(padded[first * layout.length :], layout.length, values[first:][:_ROWS_AT_ONCE])
        if not _parse_rows(rows, layout, example):
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

    padded: NDArray[np.uint8]
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

    def all_hold(self, text: bytes, begin: int) -> bool:
        """Whether `text` stands at `begin` in every row; a zero byte stands for any character."""
        for k in range(0, len(text), _WORD):
            piece = text[k : k + _WORD]
            mask = int.from_bytes(bytes(0 if c == _ANY else 0xFF for c in piece), "little")
            wanted = _U(int.from_bytes(piece, "little") & mask)
            if ((self.words(begin + k) & _U(mask)) != wanted).any():
                return False
        return True


def _parse_rows(rows: _Rows, layout: _Layout, example: bytes) -> bool:
    """Fill in the values; False where a character is not what it should be."""
    fixed = [(0, example[: layout.begins[0]]), (layout.end, example[layout.end :])]
    if not all(rows.all_hold(text, begin) for begin, text in fixed):
        return False
    first, bad = _decimals(_load(rows, layout, 1), layout, 0)
    wholes = _short_whole_parts(rows, layout) or _whole_parts(rows, layout)
    if wholes is None:
        return False
    whole, negative = wholes
    if max(layout.decimals) > _WORD:
        second, bad_second = _decimals(_load(rows, layout, 1 + _WORD), layout, _WORD)
        bad |= bad_second
        first = first * _column([10 ** max(k - _WORD, 0) for k in layout.decimals]) + second
    if bad.any():
        return False
    powers = [10**decimals for decimals in layout.decimals]
    if any(int(w.max() + _U(1)) * power > _EXACT for w, power in zip(whole, powers, strict=True)):
        return False
    whole *= _column(powers)
    whole += first
    numbers = whole.view(np.int64).astype(np.float64)
    numbers /= np.array(powers, dtype=np.float64)[:, None]
    if negative.any():
        bits = numbers.view(np.uint64)
        bits ^= negative.astype(np.uint64) << _U(63)
    rows.values[:] = numbers.T
    return True


def _load(rows: _Rows, layout: _Layout, offset: int) -> Words:
    """Eight characters at `offset` from the point, shape (n_columns, n_rows)."""
    return np.array([rows.words(point + offset) for point in layout.points], dtype=np.uint64)


def _column(numbers: list[int]) -> Words:
    return np.array(numbers, dtype=np.uint64)[:, None]


@cache
def _table_of_pairs() -> NDArray[np.int16]:
    """Two characters before a point -> their number, 128 more if negative, -1 if none."""
    table = np.full(2**16, -1, dtype=np.int16)
    for number in range(100):
        texts = [f"{number:2d}", f"{number:02d}"] + [f"-{number}"] * (number < 10)
        for text in texts:
            code = number + (128 if "-" in text else 0)
            table[int.from_bytes(text.encode(), "little")] = code
    return table


def _short_whole_parts(rows: _Rows, layout: _Layout) -> _Wholes | None:
    """Read the two characters before each point; None where there are others than blanks."""
    for begin, point in zip(layout.begins, layout.points, strict=True):
        if point - begin < _PAIR:
            return None
        blanks = b" " * (point - begin - _PAIR)
        if not rows.all_hold(blanks + bytes([_ANY]) * _PAIR + b".", begin):
            return None
    pairs = np.array([rows.words(point - _PAIR, "<u2") for point in layout.points])
    codes = _table_of_pairs().take(pairs)
    if (codes < 0).any():
        return None
    return (codes & 0x7F).astype(np.uint64), codes > 0x7F


def _whole_parts(rows: _Rows, layout: _Layout) -> _Wholes | None:
    """Read up to eight characters before each point: blanks, perhaps a minus, digits."""
    for begin, point in zip(layout.begins, layout.points, strict=True):
        blanks = b" " * (point - _WORD - begin)
        if not (rows.all_hold(blanks, begin) and rows.all_hold(b".", point)):
            return None
    words = _load(rows, layout, -_WORD)
    foreign = [
        max(_WORD - point + begin, 0)
        for begin, point in zip(layout.begins, layout.points, strict=True)
    ]
    filled = [int.from_bytes(b" " * n, "little") for n in foreign]
    kept = [(2**64 - 1) >> 8 * n << 8 * n if n < _WORD else 0 for n in foreign]
    if any(foreign):
        words &= _column(kept)
        words |= _column(filled)
    digit = (words >> _U(4)) & _ONES
    number = digit * _U(0x0F)
    number &= words
    minus = (words >> _U(3)) & _ONES
    minus &= ~digit
    expected = digit * _U(0x10)
    expected += _BLANKS
    expected += number
    expected += minus * _U(ord("-") - ord(" "))
    bad = words ^ expected
    bad |= (number + _SIXES) & _HIGH
    follows = digit >> _U(8)  # is the next character a digit?
    digit |= minus
    digit &= ~follows
    bad |= digit & _BUT_LAST
    return None if bad.any() else (_sum_digits(number), minus != 0)


def _decimals(words: Words, layout: _Layout, skipped: int) -> tuple[Words, Words]:
    """Digits only; where a column has fewer than eight, zeros are put before them."""
    counts = [min(max(k - skipped, 0), _WORD) for k in layout.decimals]
    for k, n in enumerate(counts):
        if n < _WORD:
            words[k] = words[k] << _U(8 * (_WORD - n)) if n else _U(0)
            words[k] |= _U(int.from_bytes(b"0" * (_WORD - n), "little"))
    number = np.bitwise_xor(words, _ZEROS, out=words)
    bad = number + _SIXES
    bad |= number
    bad &= _HIGH
    return _sum_digits(number), bad


def _sum_digits(digits: Words) -> Words:
    """Eight digits, the first in the lowest byte, as a number."""
    pairs = digits >> _U(8)
    pairs += digits * _U(10)
    low = _U(0x000000FF000000FF)
    high = pairs >> _U(16)
    pairs &= low
    pairs *= _U(100 + (1_000_000 << 32))
    high &= low
    high *= _U(1 + (10_000 << 32))
    pairs += high
    pairs >>= _U(32)
    return pairs

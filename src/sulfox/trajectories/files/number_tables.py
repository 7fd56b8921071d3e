"""Tables of numbers of many frames: all at once where columns are fixed, else row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.fixed_columns import parse_fixed_columns
from sulfox.trajectories.files.frame import FrameReader
from sulfox.trajectories.frames import FloatArray

__all__ = ["iter_tables", "parse_number"]


def iter_tables(
    blocks: Sequence[bytes], shape: tuple[int, int], reader: FrameReader, what: str
) -> Iterator[FloatArray]:
    """Read one table a frame.

    Parameters
    ----------
    blocks : sequence of bytes
        Text of each table: whole lines, marked ``<v>`` and ``</v>`` or not at all.
    shape : tuple of int
        Rows and columns of each.
    reader : FrameReader
        Whose frames they are; its `n_frames` counts those before the present block.
    what : str
        What a row is, for messages: ``"position"``.

    Yields
    ------
    ndarray, shape (n_rows, n_columns)
        The doubles that ``float`` gives.

    Raises
    ------
    SulfoxError
        SFX-401 for other rows or words that are not numbers; SFX-403 for numbers that
        are not finite. Both name the frame; the tables before it were given.
    """
    if len({len(block) for block in blocks}) == 1:
        values = parse_fixed_columns(blocks, shape[1])
        if values is not None and len(values) == len(blocks) * shape[0]:
            yield from values.reshape(len(blocks), *shape)
            return
    for block in blocks:
        table = parse_fixed_columns(block, shape[1])
        if table is None or len(table) != shape[0]:
            table = _parse_one(block, shape, reader, what)
        yield table


def parse_number(word: bytes) -> float | None:
    """Read one number.

    Parameters
    ----------
    word : bytes
        One word.

    Returns
    -------
    float or None
        None if it is no number; ``nan`` and ``inf`` are numbers here.
    """
    try:
        return None if b"_" in word else float(word)
    except ValueError:
        return None


def _parse_one(block: bytes, shape: tuple[int, int], reader: FrameReader, what: str) -> FloatArray:
    n_rows, n_columns = shape
    lines = block.splitlines()
    if lines and lines[0].lstrip().startswith(b"<"):
        lines = [_unmarked(line) for line in lines]
    rows = [line.split() for line in lines]
    if len(rows) == n_rows and all(len(row) == n_columns for row in rows):
        values = [[parse_number(word) for word in row] for row in rows]
        if not any(value is None for row in values for value in row):
            table = np.array(values, dtype=np.float64)
            if np.isfinite(table).all():
                return table
    raise _fault(rows, shape, reader, what)


def _unmarked(line: bytes) -> bytes:
    line = line.strip()
    whole = line.startswith(b"<v>") and line.endswith(b"</v>")
    return line[len(b"<v>") : -len(b"</v>")] if whole else b"not-a-row"


def _fault(
    rows: list[list[bytes]], shape: tuple[int, int], reader: FrameReader, what: str
) -> SulfoxError:
    for number, row in enumerate(rows, start=1):
        for word in row:
            value = parse_number(word)
            if b"*" in word or (value is not None and not np.isfinite(value)):
                return reader.damaged(
                    f"{_text(word)!r} in {what} {number}", "finite numbers", "SFX-403"
                )
            if value is None:
                return reader.damaged(f"{_text(word)!r} in {what} {number}", "a number")
        if len(row) != shape[1]:
            found = f"{what} {number} is {_text(b' '.join(row))!r}"
            return reader.damaged(found, f"{shape[1]} numbers")
    return reader.damaged(f"{len(rows)} {what}s", f"{shape[0]}, one of each atom")


def _text(word: bytes) -> str:
    return word[:60].decode("utf-8", errors="replace")

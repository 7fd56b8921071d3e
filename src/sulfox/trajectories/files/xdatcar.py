"""VASP's XDATCAR.

The format: title, scale, three lattice vectors, element symbols, numbers of atoms, then
for each frame a line ``Direct configuration=`` and one line of three fractional
coordinates per atom. With a changing cell the seven head lines stand before every frame
(https://www.vasp.at/wiki/index.php/XDATCAR).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from ase.data import atomic_numbers

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.frame import Frame, RunHead, TextReader
from sulfox.trajectories.files.number_tables import iter_tables, parse_number
from sulfox.trajectories.frames import FloatArray

__all__ = ["XdatcarReader"]

_SYMBOL = re.compile(r"([A-Z][a-z]?)(?:[_/].*)?")
#: A negative number that fills its column, behind another.
_TOUCHING = re.compile(rb"(\.\d+)-")
_HEAD_LINES = 7
_DECIMALS = re.compile(rb"-?\d*\.(\d+)")
#: Programs write more; of fewer, a number cut short may look like its neighbours.
_FEWEST_DECIMALS = 6


class XdatcarReader(TextReader):
    """Frames of an XDATCAR; it knows neither times nor energies."""

    format = "XDATCAR"

    def read_head(self) -> RunHead:
        """Read the first seven lines.

        Returns
        -------
        RunHead
            Species.
        """
        while (lines := self._lines(_HEAD_LINES)) is None:
            if not self.window.more():
                raise self.damaged(_unfinished(self.window.rest()), "the seven lines of its head")
        self._lattice, species = self._parse_head(lines)
        self._before = b""
        return RunHead(species=species)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        while True:
            fault: SulfoxError | None = None
            batch: list[tuple[FloatArray, bytes]] = []
            try:
                while (found := self._next_frame()) is not None:
                    batch.append(found)
            except SulfoxError as error:
                fault = error
            tables = iter_tables([b for _, b in batch], (self.head.n_atoms, 3), self, "position")
            for (lattice, _), table in zip(batch, tables, strict=True):
                yield Frame(self.n_frames, lattice, table)
                self.n_frames += 1
            if fault is not None:
                raise self.damaged(fault.found, fault.expected, fault.code)
            if not batch and not self.window.ended:
                self.window.more()
            elif not batch and not self._end_last_line():
                break
        self._look_behind()

    def _end_last_line(self) -> bool:
        """Give the last row of the file its missing end, if its numbers are not cut."""
        data = self.window.data
        at = data.rfind(b"\n") + 1
        if not data[at:].strip():
            return False
        begin = data.rfind(b"\n", 0, data.lower().rfind(b"direct", 0, at)) + 1
        rows = [row for row in data[begin:at].splitlines()[1:] if row.strip()]
        rows = rows or self._before.splitlines()
        if not _is_whole_row(data[at:], rows, self.head.species[-1]):
            return False
        self.window.data += b"\n"
        return True

    def _look_behind(self) -> None:
        left = self.window.rest()
        if left.strip():
            self.end_inside(_unfinished(left))
        elif self.window.source.cut_short:
            self.end_inside("compressed data ends early")

    def _lines(self, count: int, at: int | None = None) -> list[bytes] | None:
        """Cut off the next lines, with their ends; None if they are not all there yet."""
        at = self.window.at if at is None else at
        lines = []
        for _ in range(count):
            end = self.window.data.find(b"\n", at) + 1
            if end == 0:
                return None
            lines.append(self.window.data[at:end])
            at = end
        return lines

    def _skip_blank(self) -> None:
        data = self.window.data
        while self.window.at < len(data) and data[self.window.at : self.window.at + 1].isspace():
            self.window.at += 1

    def _next_frame(self) -> tuple[FloatArray, bytes] | None:
        """Find a whole frame in what was read; None if there is none."""
        if self.n_frames or self.window.data[self.window.at : self.window.at + 1] == b"\n":
            self._skip_blank()
        start = self.window.at
        first = self._lines(1)
        if first is None:
            return None
        if not _starts_frame(first[0]):
            head = self._lines(_HEAD_LINES + 1)
            if head is None:
                return None
            self._next_cell(head)
            first = head
        begin = start + sum(map(len, first))
        block = self._block(begin)
        if block is None or not self._followed_by_a_frame(begin + len(block)):
            return None
        self.window.at = begin + len(block)
        self._before = block
        if block[-8:].rstrip()[-1:].isalpha() or not self._even:
            block = self._coordinates(block)
        return self._lattice, block

    def _coordinates(self, block: bytes) -> bytes:
        """Part numbers that touch, and leave out the symbols that other programs add."""
        rows = [line.split() for line in _TOUCHING.sub(rb"\1 -", block).splitlines()]
        symbols = [row[3].decode("utf-8", "replace") for row in rows if len(row) == 4]
        if symbols == list(self.head.species):
            rows = [row[:3] for row in rows]
        return b"".join(b" ".join(row) + b"\n" for row in rows)

    def _followed_by_a_frame(self, at: int) -> bool:
        """Whether the rows end where the numbers of atoms say; False while that is unknown."""
        after = self.window.data[at : at + 200]
        line, end, _ = after.partition(b"\n")
        known = end or self.window.ended or (not line and self.window.source.follows)
        words = line.split()
        whole = len(words) == 3 or not end
        if known and words and whole and all(parse_number(word) is not None for word in words):
            raise self.damaged(
                f"more coordinates than the {self.head.n_atoms} atoms named at the top of the file",
                "numbers of atoms that fit the coordinates",
            )
        return bool(known)

    def _block(self, begin: int) -> bytes | None:
        """Cut out the lines of the positions; None if they are not all there."""
        n_atoms, data = self.head.n_atoms, self.window.data
        length = data.find(b"\n", begin) + 1 - begin
        block = data[begin : begin + n_atoms * length]
        even = length > 0 and block[length - 1 :: length] == b"\n" * n_atoms
        whole = len(block) == n_atoms * length
        self._even = even and whole and b"D" not in block and b"d" not in block
        if self._even:
            return block
        return self._uneven_block(begin)

    def _uneven_block(self, begin: int) -> bytes | None:
        """Rows of different lengths, or too few of them."""
        at, data = begin, self.window.data
        for row in range(self.head.n_atoms):
            end = data.find(b"\n", at) + 1
            if end == 0:
                return None
            line = data[at:end]
            if _starts_frame(line) or not line.strip():
                if not line.strip() and not data[end:].strip():
                    return None  # the end of the file, so far
                raise self.damaged(
                    f"{row} positions", f"{self.head.n_atoms}, the atoms named at the top"
                )
            at = end
        return data[begin:at]

    def _next_cell(self, lines: list[bytes]) -> None:
        lattice, species = self._parse_head(lines[:_HEAD_LINES])
        if species != self.head.species:
            raise self.damaged("other atoms than in the first frame", "the same atoms")
        if not _starts_frame(lines[_HEAD_LINES]):
            raise self.damaged("no line 'Direct configuration='", "one before the coordinates")
        if not np.array_equal(lattice, self._lattice):
            self._lattice = lattice

    def _parse_head(self, lines: list[bytes]) -> tuple[FloatArray, tuple[str, ...]]:
        """Read seven lines; move on behind them if they are the first."""
        scale = self._numbers(lines[1], "a scale", 1)[0]
        lattice = np.array([self._numbers(line, "a lattice vector", 3) for line in lines[2:5]])
        volume = abs(np.linalg.det(lattice))
        if scale == 0 or volume < 1e-9:
            raise self.damaged(f"scale {scale} and a flat cell", "a cell with a volume")
        lattice = lattice * (scale if scale > 0 else (-scale / volume) ** (1 / 3))
        symbols, counts = (line.decode("utf-8", "replace").split() for line in lines[5:7])
        elements = [_SYMBOL.fullmatch(symbol) for symbol in symbols]
        if not symbols or any(m is None or m[1] not in atomic_numbers for m in elements):
            found = f"element symbols {' '.join(symbols)[:60]!r}"
            raise self.damaged(found, "such as 'Li P S Cl'")
        if len(counts) != len(symbols) or not all(c.isdigit() and int(c) > 0 for c in counts):
            raise self.damaged(
                f"numbers of atoms {' '.join(counts)[:60]!r} for {len(symbols)} elements",
                "one positive number per element",
            )
        pairs = zip(elements, counts, strict=True)
        species = tuple(m[1] for m, count in pairs if m is not None for _ in range(int(count)))
        if not hasattr(self, "head"):
            self.window.at += sum(map(len, lines))
        return lattice, species

    def _numbers(self, line: bytes, what: str, count: int) -> list[float]:
        values = [parse_number(word) for word in line.split()]
        numbers = [value for value in values if value is not None and np.isfinite(value)]
        if len(values) != count or len(numbers) != count:
            found = line.strip()[:60].decode("utf-8", "replace")
            raise self.damaged(repr(found), f"{what}: {count} finite number(s)")
        return numbers


def _starts_frame(line: bytes) -> bool:
    return line.lstrip()[:6].lower() == b"direct"


def _is_whole_row(row: bytes, before: list[bytes], symbol: str) -> bool:
    """Whether no digit of a file's last row is missing: as many as in all rows before it."""
    fields = [_fields(line) for line in (row, *before)]
    decimals = {n for counts, _ in fields for n in counts}
    symbols = {len(rest) for _, rest in fields}
    return (
        len(before) > 0
        and all(len(counts) == 3 for counts, _ in fields)
        and len(decimals) == len(symbols) == 1
        and decimals.pop() >= _FEWEST_DECIMALS
        and fields[0][1] in ([], [symbol.encode()])
    )


def _fields(row: bytes) -> tuple[list[int], list[bytes]]:
    """Decimals of the three coordinates, 0 for what is no such number, and what follows them."""
    words = _TOUCHING.sub(rb"\1 -", row).split()
    matches = [_DECIMALS.fullmatch(word) for word in words[:3]]
    return [len(match[1]) if match else 0 for match in matches], words[3:]


def _unfinished(left: bytes) -> str:
    last = left.rstrip(b"\n").rsplit(b"\n", 1)[-1].strip()[:60].decode("utf-8", "replace")
    return f"the file ends inside the frame, after {last!r}" if last else "the file ends"

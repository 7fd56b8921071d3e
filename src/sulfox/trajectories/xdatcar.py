"""VASP's XDATCAR, read frame by frame: a frame is whole and right, or it is refused.

The format: title, scale, three lattice vectors, element symbols, numbers of atoms, then
for each frame a line ``Direct configuration=`` and one line of three fractional
coordinates per atom. With a changing cell the seven head lines stand before every frame
(https://www.vasp.at/wiki/index.php/XDATCAR).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from ase.data import atomic_numbers

from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray, Trajectory
from sulfox.trajectories.geometry import unwrap

__all__ = ["parse_xdatcar"]

_SYMBOL = re.compile(r"([A-Z][a-z]?)(?:[_/].*)?")


@dataclass(frozen=True)
class _Head:
    lattice: FloatArray
    species: tuple[str, ...]


class _Lines:
    """Lines with one line of look-ahead that knows whether the last one was finished."""

    def __init__(self, stream: Iterable[str], who: str) -> None:
        self._stream = iter(stream)
        self.who = who
        self.frame = 0
        self._ahead: str | None = None

    def peek(self) -> str | None:
        if self._ahead is None:
            line = next(self._stream, None)
            if line is not None and not line.endswith("\n"):
                raise self.damaged(
                    f"the last line is not finished: {line.strip()[:60]!r}",
                    "a line that ends with a newline",
                )
            self._ahead = line
        return self._ahead

    def take(self, what: str) -> str:
        line = self.peek()
        if line is None:
            raise self.damaged("the file ends", what)
        self._ahead = None
        return line

    def take_block(self, count: int) -> list[str]:
        """Take up to `count` lines unchecked; :meth:`put_back` undoes it."""
        first = [] if self._ahead is None else [self._ahead]
        self._ahead = None
        return first + list(islice(self._stream, count - len(first)))

    def put_back(self, block: list[str]) -> None:
        self._stream = chain(block, self._stream)

    def skip_blank(self) -> bool:
        """Skip blank lines; False at the end of the file."""
        while (line := self.peek()) is not None and not line.strip():
            self._ahead = None
        return line is not None

    def damaged(self, found: str, expected: str, code: str = "SFX-401") -> SulfoxError:
        whole = f"its first {self.frame} frames are whole" if self.frame else "no frame is whole"
        advice = "copy the file again, or leave an unfinished last frame out (--drop-incomplete)"
        return SulfoxError(
            code,
            who=f"{self.who}, frame {self.frame + 1}",
            found=found,
            expected=expected,
            next_step=f"{whole}; {advice}",
        )


def parse_xdatcar(
    stream: Iterable[str],
    who: str,
    time_step_fs: float | None = None,
    *,
    drop_incomplete: bool = False,
) -> Trajectory:
    """Read an XDATCAR.

    Parameters
    ----------
    stream : iterable of str
        Lines, each with its newline.
    who : str
        Name of the file, for messages.
    time_step_fs : float, optional
        Time between two frames [fs]; the file does not hold it.
    drop_incomplete : bool
        Leave out an unfinished last frame instead of refusing the file.

    Returns
    -------
    Trajectory
        Unwrapped positions [Å]; ``times_fs`` starts at 0, or is None without
        `time_step_fs`.

    Raises
    ------
    SulfoxError
        SFX-401, with the frame, if the file is truncated or damaged or its numbers of
        atoms do not fit its coordinates; SFX-403 for a coordinate that is not a finite
        number.
    """
    lines = _Lines(stream, who)
    head = _read_head(lines)
    frames: list[FloatArray] = []
    cells: list[FloatArray] = []
    try:
        for cell, fractional in _iter_frames(lines, head):
            frames.append(fractional)
            cells.append(cell)
    except _Unfinished as unfinished:
        if not (drop_incomplete and frames):
            raise unfinished.error from None
    if not frames:
        raise lines.damaged("no frame", "at least one frame")
    lattices = np.stack(cells)
    changes = bool((lattices != lattices[0]).any())
    return Trajectory(
        positions=unwrap(np.stack(frames)) @ (lattices if changes else lattices[0]),
        lattice=lattices[0],
        species=head.species,
        times_fs=None
        if time_step_fs is None
        else np.arange(len(frames), dtype=np.float64) * time_step_fs,
        lattices=lattices if changes else None,
    )


class _Unfinished(Exception):  # noqa: N818
    """The file ends inside a frame."""

    def __init__(self, error: SulfoxError) -> None:
        super().__init__(error.line)
        self.error = error


def _iter_frames(lines: _Lines, head: _Head) -> Iterator[tuple[FloatArray, FloatArray]]:
    cell = head.lattice
    try:
        while lines.skip_blank():
            if not _starts_frame(lines.peek() or ""):
                cell = _next_cell(lines, head)
            lines.take("a frame")
            yield cell, _read_frame(lines, len(head.species))
            lines.frame += 1
    except SulfoxError as error:
        if error.code == "SFX-401" and _at_end(lines):
            raise _Unfinished(error) from None
        raise
    except EOFError as error:
        raise _Unfinished(lines.damaged(f"compressed data ends early ({error})", "all")) from None


def _at_end(lines: _Lines) -> bool:
    try:
        return lines.peek() is None
    except SulfoxError:
        return True


def _starts_frame(line: str) -> bool:
    return line.lstrip()[:6].lower() == "direct"


def _read_head(lines: _Lines) -> _Head:
    lines.take("a title")
    scale = _numbers(lines, "a scale", 1)[0]
    lattice = np.array([_numbers(lines, "a lattice vector", 3) for _ in range(3)])
    if scale == 0 or abs(np.linalg.det(lattice)) < 1e-9:
        raise lines.damaged(f"scale {scale} and a flat cell", "a cell with a volume")
    lattice = lattice * (scale if scale > 0 else (-scale / abs(np.linalg.det(lattice))) ** (1 / 3))
    symbols = lines.take("element symbols").split()
    elements = [_SYMBOL.fullmatch(symbol) for symbol in symbols]
    if not symbols or any(match is None or match[1] not in atomic_numbers for match in elements):
        raise lines.damaged(f"element symbols {' '.join(symbols)[:60]!r}", "such as 'Li P S Cl'")
    counts = lines.take("numbers of atoms").split()
    if len(counts) != len(symbols) or not all(c.isdigit() and int(c) > 0 for c in counts):
        raise lines.damaged(
            f"numbers of atoms {' '.join(counts)[:60]!r} for {len(symbols)} elements",
            "one positive number per element",
        )
    species = tuple(
        match[1]
        for match, count in zip(elements, counts, strict=True)
        if match is not None
        for _ in range(int(count))
    )
    return _Head(lattice, species)


def _next_cell(lines: _Lines, head: _Head) -> FloatArray:
    words = (lines.peek() or "").split()
    if len(words) == 3 and all(_is_number(word) for word in words):
        raise SulfoxError(
            "SFX-401",
            who=f"{lines.who}, frame {lines.frame}",
            found=f"more coordinates than the {len(head.species)} atoms named at the top",
            expected="numbers of atoms that fit the coordinates",
            next_step="check the element and number lines at the top of the file",
        )
    again = _read_head(lines)
    if again.species != head.species:
        raise lines.damaged("other atoms than in the first frame", "the same atoms")
    if not _starts_frame(lines.peek() or ""):
        lines.take("a frame")
        raise lines.damaged("no line 'Direct configuration='", "one before the coordinates")
    return again.lattice


def _read_frame(lines: _Lines, n_atoms: int) -> FloatArray:
    block = lines.take_block(n_atoms)
    words = [line.split() for line in block]
    if len(block) == n_atoms and block[-1].endswith("\n") and set(map(len, words)) == {3}:
        try:
            values = np.array(words, dtype=float)
        except ValueError:
            pass
        else:
            if np.isfinite(values).all():
                return values
    lines.put_back(block)
    raise _fault_in_frame(lines, n_atoms)


def _fault_in_frame(lines: _Lines, n_atoms: int) -> SulfoxError:
    rows: list[list[str]] = []
    while len(rows) < n_atoms:
        line = lines.peek()
        if line is None or not line.strip() or _starts_frame(line):
            return lines.damaged(
                f"{len(rows)} positions", f"{n_atoms}, the atoms named at the top of the file"
            )
        row = lines.take("a position").split()
        if len(row) != 3:
            return lines.damaged(f"position {len(rows) + 1} is {' '.join(row)[:60]!r}", "3 numbers")
        rows.append(row)
    return _not_numbers(lines, rows)


def _not_numbers(lines: _Lines, rows: list[list[str]]) -> SulfoxError:
    for number, row in enumerate(rows, start=1):
        for word in row:
            if "*" in word or (_is_number(word) and not np.isfinite(float(word))):
                return SulfoxError(
                    "SFX-403",
                    who=f"{lines.who}, frame {lines.frame + 1}",
                    found=f"{word!r} in position {number}",
                    expected="finite numbers",
                    next_step="find out what the run did there; cut the file before this frame",
                )
            if not _is_number(word):
                return lines.damaged(f"{word!r} in position {number}", "a number")
    return lines.damaged("positions that cannot be read", "numbers")


def _numbers(lines: _Lines, what: str, count: int) -> list[float]:
    words = lines.take(what).split()
    if len(words) != count or not all(_is_number(w) and np.isfinite(float(w)) for w in words):
        raise lines.damaged(f"{' '.join(words)[:60]!r}", f"{what}: {count} finite number(s)")
    return [float(word) for word in words]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word

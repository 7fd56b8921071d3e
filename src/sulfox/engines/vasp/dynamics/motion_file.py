"""CONTCAR and POSCAR of dynamics: read strictly, never guessed, and written.

A CONTCAR that a killed VASP leaves is empty, cut anywhere, or whole. A file is taken only if
every line is there: cell, species, numbers of atoms, positions, velocities, and the block of the
predictor and the thermostat, which follows the velocities in VASP's layout (a flag, POTIM, one
line of four numbers, three lines of three numbers for each atom;
https://www.vasp.at/wiki/index.php/CONTCAR).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sulfox.trajectories.frames import FloatArray

__all__ = ["MotionFile", "check_contcar", "read_motion_file", "write_motion_file"]

_LATTICE_BLOCK_LINES = 8
_SAME_CELL_A = 1e-5


@dataclass(frozen=True, eq=False)
class MotionFile:
    """What a POSCAR or CONTCAR of dynamics holds.

    Attributes
    ----------
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].
    symbols : tuple of str
        Of each type.
    counts : tuple of int
        Atoms of each type.
    fractional : ndarray, shape (n_atoms, 3)
        Positions.
    velocities : ndarray, shape (n_atoms, 3), or None
        [Å/fs]
    has_state : bool
        Whether the block of predictor and thermostat is there, whole.
    """

    lattice: FloatArray
    symbols: tuple[str, ...]
    counts: tuple[int, ...]
    fractional: FloatArray
    velocities: FloatArray | None = None
    has_state: bool = False

    @property
    def species(self) -> tuple[str, ...]:
        """Element of each atom, in the order of the file."""
        blocks = zip(self.symbols, self.counts, strict=True)
        return tuple(symbol for symbol, count in blocks for _ in range(count))


def read_motion_file(text: str) -> MotionFile:
    """Read a POSCAR or CONTCAR in direct coordinates.

    Parameters
    ----------
    text : str
        Whole file.

    Returns
    -------
    MotionFile
        Every number of it finite.

    Raises
    ------
    ValueError
        With what is wrong, where anything is missing, cut or left over.
    """
    if not text.strip():
        raise ValueError("it is empty")
    if not text.endswith("\n"):
        raise ValueError("it ends inside a line")
    lines = text.split("\n")[:-1]
    try:
        scale = float(lines[1])
        lattice = _table(lines, 2, 3) * scale
        symbols = tuple(lines[5].split())
        counts = tuple(int(word) for word in lines[6].split())
        kind = lines[7].strip()[:1].lower()
    except IndexError:
        raise ValueError(f"it ends after {len(lines)} lines") from None
    if scale <= 0 or len(symbols) != len(counts) or not counts or kind != "d":
        raise ValueError("its head is not that of a POSCAR in direct coordinates")
    n_atoms = sum(counts)
    fractional = _table(lines, 8, n_atoms)
    velocities, has_state = _read_motion(lines[8 + n_atoms :], n_atoms)
    return MotionFile(lattice, symbols, counts, fractional, velocities, has_state)


def _read_motion(lines: list[str], n_atoms: int) -> tuple[FloatArray | None, bool]:
    if lines and lines[0].strip()[:1].lower() == "l":
        lines = lines[_LATTICE_BLOCK_LINES:]
    if not any(line.strip() for line in lines):
        return None, False
    if lines[0].strip()[:1].lower() not in ("", "c", "k"):
        raise ValueError("its velocities are not in Å/fs")
    velocities = _table(lines, 1, n_atoms)
    block = [line for line in lines[1 + n_atoms :] if line.strip()]
    if not block:
        return velocities, False
    if len(block) != 3 + 3 * n_atoms:
        raise ValueError(f"{len(block)} of {3 + 3 * n_atoms} lines of predictor and thermostat")
    float(block[1])
    if int(block[0]) != 1 or len([float(word) for word in block[2].split()]) != 4:
        raise ValueError("the head of the block of predictor and thermostat cannot be read")
    _table(block, 3, 3 * n_atoms)
    return velocities, True


def _table(lines: list[str], at: int, n_rows: int) -> FloatArray:
    rows = [line.split() for line in lines[at : at + n_rows]]
    if len(rows) < n_rows:
        raise ValueError(f"{len(rows)} of {n_rows} lines of three numbers")
    if any(len(row) != 3 for row in rows):
        raise ValueError("a line that does not hold three numbers")
    table = np.array([[float(word) for word in row] for row in rows])
    if not np.isfinite(table).all():
        raise ValueError("a number that is not finite")
    return table


def check_contcar(text: str, started: MotionFile, *, needs_state: bool) -> MotionFile:
    """Read a CONTCAR, if dynamics can go on from it.

    Parameters
    ----------
    text : str
        Whole file.
    started : MotionFile
        POSCAR of the run that wrote it.
    needs_state : bool
        Whether the block of predictor and thermostat must be there: after a run that did not
        end by itself, its absence cannot be told from a cut.

    Returns
    -------
    MotionFile
        With velocities.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    found = read_motion_file(text)
    if (found.symbols, found.counts) != (started.symbols, started.counts):
        raise ValueError("it has other atoms, or another order, than the POSCAR")
    if np.abs(found.lattice - started.lattice).max() > _SAME_CELL_A:
        raise ValueError("it has another cell than the POSCAR")
    if found.velocities is None or not found.velocities.any():
        raise ValueError("it has no velocities")
    if needs_state and not found.has_state:
        raise ValueError("the block of predictor and thermostat is missing")
    return found


def write_motion_file(comment: str, content: MotionFile) -> str:
    """Write a POSCAR in direct coordinates, with velocities where there are some.

    Parameters
    ----------
    comment : str
        First line.
    content : MotionFile
        The block of the thermostat is not written.

    Returns
    -------
    str
        Whole file; 16 decimals, and 10 digits of velocities.
    """
    lines = [comment, "   1.00000000000000"]
    lines += _rows(content.lattice, " {:21.16f} {:21.16f} {:21.16f}")
    lines += ["   " + "   ".join(content.symbols), "   " + "   ".join(map(str, content.counts))]
    lines += ["Direct", *_rows(content.fractional, "{:20.16f} {:20.16f} {:20.16f}")]
    if content.velocities is not None:
        lines += ["", *_rows(content.velocities, "{:18.9E} {:18.9E} {:18.9E}")]
    return "\n".join(lines) + "\n"


def _rows(table: FloatArray, line: str) -> list[str]:
    return [line.format(*row) for row in table.tolist()]

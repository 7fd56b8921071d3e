"""POSCAR, CONTCAR and XDATCAR: cell, positions, velocities, state of the thermostat.

What a CONTCAR holds is the state: positions are multiples of 2^-52 of a lattice vector, which
16 decimals tell apart, and velocities and the thermostat are rounded to the 8 digits that are
written. A run that stops and goes on is then the same, bit by bit, as one that does not stop.

The block after the velocities of a CONTCAR of dynamics has the layout of VASP's (flag, POTIM,
four numbers of the thermostat, three lines of three numbers for each atom). The stand-in fills
it in its own way: ``eta_1, xi_1, chain length, steps done``; accelerations times POTIM^2 / 2 in
direct coordinates; zeros; and ``xi_2, eta_2, xi_3, ...`` of the thermostat's chain. With this
block, velocities are those half a time step before the positions, as VASP's are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sulfox.engines.standin.files.incar import input_error

__all__ = [
    "FloatArray",
    "MotionState",
    "Poscar",
    "as_written",
    "contcar_text",
    "in_cell",
    "read_poscar",
    "rows",
]

FloatArray = NDArray[np.float64]
_GRID = 2.0**52


@dataclass
class MotionState:
    """What dynamics need beside positions and velocities.

    Attributes
    ----------
    thermostat : ndarray, shape (2 * chain length,)
        xi_1, eta_1, xi_2, eta_2, ... [1/fs], [1].
    steps_done : int
        Since the first start; it chooses the random numbers.
    """

    thermostat: FloatArray
    steps_done: int = 0


@dataclass
class Poscar:
    """A POSCAR.

    Attributes
    ----------
    comment : str
        First line.
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].
    symbols : tuple of str
        Of each type; empty for a POSCAR of VASP 4.
    counts : tuple of int
        Atoms of each type.
    fractional : ndarray, shape (n_atoms, 3)
        In [0, 1).
    is_free : ndarray of bool, shape (n_atoms, 3), or None
        Selective dynamics.
    velocities : ndarray, shape (n_atoms, 3), or None
        [Å/fs]
    state : MotionState or None
        From the block of a continued run.
    """

    comment: str
    lattice: FloatArray
    symbols: tuple[str, ...]
    counts: tuple[int, ...]
    fractional: FloatArray
    is_free: NDArray[np.bool_] | None = None
    velocities: FloatArray | None = None
    state: MotionState | None = None

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.fractional)


def in_cell(fractional: FloatArray) -> FloatArray:
    """Bring direct coordinates into [0, 1), on the grid that 16 decimals tell apart.

    Parameters
    ----------
    fractional : ndarray
        Direct coordinates.
    """
    wrapped = np.rint((fractional - np.floor(fractional)) * _GRID) / _GRID
    return np.where(wrapped >= 1.0, 0.0, wrapped)


def as_written(values: FloatArray) -> FloatArray:
    """Round to the digits that :func:`rows` writes by ``%16.7E``.

    Parameters
    ----------
    values : ndarray
        Any shape.
    """
    text = ("%.7E " * values.size) % tuple(values.ravel().tolist())
    return np.array(text.split(), dtype=float).reshape(values.shape)


def rows(line: str, values: FloatArray) -> str:
    """Write a table, one line for each row, by one formatting.

    Parameters
    ----------
    line : str
        Format of a line for ``%``.
    values : ndarray, shape (n_rows, n_columns)
        Numbers.
    """
    return (line * len(values)) % tuple(values.ravel().tolist())


def read_poscar(path: Path) -> Poscar:
    """Read a POSCAR or CONTCAR.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Poscar
        With velocities and state where they stand there.

    Raises
    ------
    SulfoxError
        SFX-341 if it is missing, empty, or ends too early.
    """
    if not path.is_file():
        raise input_error("POSCAR", "no POSCAR found, STOPPING", "a POSCAR in the working folder")
    lines = path.read_text("latin-1").splitlines()
    try:
        return _parse(lines)
    except (ValueError, IndexError) as error:
        text = f"a file of {len(lines)} lines that is no POSCAR ({error})"
        raise input_error("POSCAR", text, "a whole POSCAR") from None


def _parse(lines: list[str]) -> Poscar:
    lattice = np.array([[float(word) for word in lines[k].split()[:3]] for k in (2, 3, 4)])
    scale = float(lines[1].split()[0])
    if scale < 0:
        scale = (-scale / abs(np.linalg.det(lattice))) ** (1 / 3)
    lattice = lattice * scale
    symbols: tuple[str, ...] = ()
    at = 5
    if not lines[5].split()[0].isdigit():
        words = lines[5].split()
        symbols, at = tuple(word.split("/")[0].partition("_")[0] for word in words), 6
    counts = tuple(int(word) for word in lines[at].split() if word.isdigit())
    is_selective = lines[at + 1].strip()[:1] in ("S", "s")
    at += 2 if is_selective else 1
    is_cartesian = lines[at].strip()[:1] in ("C", "c", "K", "k")
    n_atoms = sum(counts)
    if n_atoms == 0 or (symbols and len(symbols) != len(counts)):
        raise ValueError(f"{len(symbols)} symbols, counts {counts}")
    table = [lines[at + 1 + k].split() for k in range(n_atoms)]
    positions = np.array([[float(word) for word in row[:3]] for row in table])
    if positions.shape != (n_atoms, 3) or not np.isfinite(positions).all():
        raise ValueError("positions of other than three numbers")
    if is_cartesian:
        positions = positions * scale @ np.linalg.inv(lattice)
    free = (
        np.array([[w[:1].upper() == "T" for w in row[3:6]] for row in table])
        if is_selective
        else None
    )
    poscar = Poscar(lines[0], lattice, symbols, counts, in_cell(positions), free)
    _read_motion(poscar, lines[at + 1 + n_atoms :])
    return poscar


def _read_motion(poscar: Poscar, lines: list[str]) -> None:
    """Read velocities (after a line that names their coordinates) and the state after them."""
    n_atoms = poscar.n_atoms
    if lines and lines[0].strip()[:1] in ("L", "l"):
        lines = lines[8:]
    if len(lines) < 2 or not lines[1].split():
        return
    velocities = np.array(
        [[float(word) for word in line.split()] for line in lines[1 : 1 + n_atoms]]
    )
    if velocities.shape != (n_atoms, 3):
        raise ValueError(f"{len(velocities)} velocities for {n_atoms} atoms")
    if lines[0].strip()[:1] in ("D", "d"):
        raise ValueError("velocities in direct coordinates; the stand-in reads Cartesian ones")
    poscar.velocities = velocities
    block = [line for line in lines[1 + n_atoms :] if line.strip()]
    if not block:
        return
    if len(block) < 3 + 3 * n_atoms:
        raise ValueError(f"{len(block)} lines of predictor-corrector coordinates")
    eta, xi, length, steps = (float(word) for word in block[2].split()[:4])
    last = block[3 + 2 * n_atoms : 3 + 3 * n_atoms]
    chain = np.array([float(word) for line in last for word in line.split()])
    if int(block[0].split()[0]) == 1:
        size = 2 * round(length)
        thermostat = np.array([xi, eta, *chain])[:size]
        poscar.state = MotionState(thermostat, round(steps))


def contcar_text(poscar: Poscar, comment: str, time_step_fs: float, push: FloatArray | None) -> str:
    """Write a CONTCAR.

    Parameters
    ----------
    poscar : Poscar
        What is written.
    comment : str
        First line.
    time_step_fs : float
        POTIM [fs].
    push : ndarray, shape (n_atoms, 3), or None
        Accelerations times POTIM^2 / 2 in direct coordinates; None without dynamics.

    Returns
    -------
    str
        The whole file.
    """
    parts = [f"{comment}\n   1.00000000000000     \n"]
    parts.append(rows(" %22.16f%22.16f%22.16f\n", poscar.lattice))
    parts.append("".join(f"   {symbol:<2s}" for symbol in poscar.symbols) + "\n")
    parts.append("".join(f"{count:6d}" for count in poscar.counts) + "\n")
    if poscar.is_free is None:
        parts.append("Direct\n" + rows("%20.16f%20.16f%20.16f\n", poscar.fractional))
    else:
        parts.append("Selective dynamics\nDirect\n")
        for xyz, free in zip(poscar.fractional.tolist(), poscar.is_free.tolist(), strict=True):
            flags = "".join("   T" if flag else "   F" for flag in free)
            parts.append("".join(f"{x:20.16f}" for x in xyz) + flags + "\n")
    velocities = poscar.velocities
    if velocities is None:
        velocities = np.zeros_like(poscar.fractional)
    parts.append("\n" + rows("%16.7E%16.7E%16.7E\n", velocities))
    if poscar.state is not None and push is not None:
        parts.append(_state_text(poscar.state, time_step_fs, push))
    return "".join(parts)


def _state_text(state: MotionState, time_step_fs: float, push: FloatArray) -> str:
    thermostat = state.thermostat
    xi, eta = thermostat[:2].tolist() if thermostat.size else (0.0, 0.0)
    first = (eta, xi, thermostat.size / 2, state.steps_done)
    links = thermostat[2:]
    filled = -(-links.size // 3)
    chain = np.append(links, np.zeros(3 * filled - links.size)).reshape(filled, 3)
    line = "%16.7E%16.7E%16.7E\n"
    nothing = rows(line, np.zeros((1, 3)))
    return (
        f"\n           1\n{time_step_fs:20.15E}\n"
        + "".join(f"{number:16.7E}" for number in first)
        + "\n"
        + rows(line, push)
        + nothing * len(push)
        + rows(line, chain)
        + nothing * (len(push) - filled)
    )

"""The frames of a run as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.errors import SulfoxError

__all__ = ["FloatArray", "IntArray", "Trajectory", "series_of", "stack_of"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SERIES = ("times_fs", "steps", "potential_energy_eV", "temperature_K", "conserved_eV")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Frames of one run; the number and the order of the atoms never change.

    Attributes
    ----------
    positions : ndarray, shape (n_frames, n_atoms, 3)
        Cartesian positions, unwrapped: continuous across cell walls [Å].
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors, of the first frame where the cell changes [Å].
    species : tuple of str
        (n_atoms,) element symbols.
    times_fs : ndarray, shape (n_frames,), or None
        Time of each frame, ascending [fs]; None where the file does not know it.
    steps : ndarray of int, shape (n_frames,), optional
        Dynamics step of each frame.
    potential_energy_eV, temperature_K, conserved_eV : ndarray, shape (n_frames,), optional
        Potential energy [eV], instantaneous temperature [K], and the thermostat's
        conserved quantity [eV] where it has one.
    velocities : ndarray, shape (n_frames, n_atoms, 3), optional
        [Å/fs]
    forces : ndarray, shape (n_frames, n_atoms, 3), optional
        [eV/Å]
    sides : tuple of str, optional
        (n_atoms,) ``"cathode"``, ``"electrolyte"`` or ``"bulk"``.
    lattices : ndarray, shape (n_frames, 3, 3), optional
        The cell of each frame, only where it changes [Å].

    Raises
    ------
    SulfoxError
        SFX-401 if shapes disagree or times do not ascend; SFX-403 if a number is
        not finite.
    """

    positions: FloatArray
    lattice: FloatArray
    species: tuple[str, ...]
    times_fs: FloatArray | None
    steps: IntArray | None = None
    potential_energy_eV: FloatArray | None = None
    temperature_K: FloatArray | None = None
    conserved_eV: FloatArray | None = None
    velocities: FloatArray | None = None
    sides: tuple[str, ...] | None = None
    lattices: FloatArray | None = None
    forces: FloatArray | None = None

    def __post_init__(self) -> None:
        self._check_shapes()
        self._check_numbers()

    def _check_shapes(self) -> None:
        n, atoms = self.n_frames, len(self.species)
        expected: dict[str, tuple[int, ...]] = {
            "positions": (n, atoms, 3),
            "velocities": (n, atoms, 3),
            "forces": (n, atoms, 3),
            "lattice": (3, 3),
            "lattices": (n, 3, 3),
            **dict.fromkeys(_SERIES, (n,)),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise _damaged(name, f"shape {array.shape}", f"shape {shape}")
        if self.sides is not None and len(self.sides) != atoms:
            raise _damaged("sides", f"{len(self.sides)} entries", f"{atoms}")
        if n == 0 or atoms == 0:
            raise _damaged("positions", f"{n} frames of {atoms} atoms", "at least one of each")

    def _check_numbers(self) -> None:
        for name in ("positions", "lattice", "lattices", "velocities", "forces", *_SERIES):
            array = getattr(self, name)
            if array is None or np.isfinite(array).all():
                continue
            bad = np.argwhere(~np.isfinite(array))[0]
            where = "the lattice" if name == "lattice" else f"frame {bad[0]}"
            if name in ("positions", "velocities", "forces"):
                where += f", atom {bad[1]} ({self.species[bad[1]]})"
            raise SulfoxError(
                "SFX-403",
                who=f"{name} of the trajectory",
                found=f"{array[tuple(bad)]} in {where}",
                expected="finite numbers",
                next_step="find out what the run did there; cut the file before that frame",
            )
        if self.times_fs is not None and (np.diff(self.times_fs) <= 0).any():
            frame = int(np.argmax(np.diff(self.times_fs) <= 0)) + 1
            raise _damaged("times_fs", f"frame {frame} is not later than the one before", "order")
        if abs(np.linalg.det(self.lattice)) < 1e-6:
            raise _damaged("lattice", "a cell without volume", "three independent vectors")

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.positions.shape[0])

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.species)

    @property
    def length_fs(self) -> float | None:
        """Time from the first to the last frame [fs]; None where times are unknown."""
        return None if self.times_fs is None else float(self.times_fs[-1] - self.times_fs[0])

    def cell(self, frame: int) -> FloatArray:
        """Return the lattice vectors of one frame.

        Parameters
        ----------
        frame : int
            Number of the frame.

        Returns
        -------
        ndarray, shape (3, 3)
            Rows are the lattice vectors [Å].
        """
        return self.lattice if self.lattices is None else self.lattices[frame]

    def indices(self, element: str) -> IntArray:
        """Return the indices of the atoms of one element.

        Parameters
        ----------
        element : str
            Symbol.

        Returns
        -------
        ndarray of int64
            Ascending; empty where there is none.
        """
        return np.flatnonzero(np.array(self.species) == element).astype(np.int64)


def series_of(values: Sequence[float | None]) -> FloatArray | None:
    """Numbers of all frames as an array.

    Parameters
    ----------
    values : sequence of float or None
        One a frame.

    Returns
    -------
    ndarray, shape (n_frames,), or None
        None if a frame has none.
    """
    known = [value for value in values if value is not None]
    return np.array(known) if len(known) == len(values) else None


def stack_of(arrays: Sequence[FloatArray | None]) -> FloatArray | None:
    """Arrays of all frames as one.

    Parameters
    ----------
    arrays : sequence of ndarray or None
        One a frame, of one shape.

    Returns
    -------
    ndarray, shape (n_frames, ...), or None
        None if a frame has none.
    """
    known = [array for array in arrays if array is not None]
    return np.stack(known) if len(known) == len(arrays) else None


def _damaged(name: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-401",
        who=f"{name} of the trajectory",
        found=found,
        expected=expected,
        next_step="check the file that holds the trajectory",
    )

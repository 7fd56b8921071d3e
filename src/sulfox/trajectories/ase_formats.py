"""Extended XYZ and ASE's ``.traj``, read and written through ASE.

Time travels in ``atoms.info``: ``time_fs`` [fs] and ``step``; the side of each atom as
``atoms.info["sides"]`` in ``.traj`` and as the per-atom column ``side`` in extended XYZ.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray, Trajectory
from sulfox.trajectories.geometry import unwrap

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["iter_atoms", "read_ase_traj", "read_extxyz", "write_ase_traj", "write_extxyz"]


def read_extxyz(stream: Iterable[str], who: str, time_step_fs: float | None = None) -> Trajectory:
    """Read an extended XYZ file.

    The cell is taken as periodic in all directions.

    Parameters
    ----------
    stream : iterable of str
        Lines, each with its newline.
    who : str
        Name of the file, for messages.
    time_step_fs : float, optional
        Time between two frames where the file does not hold it [fs].

    Returns
    -------
    Trajectory
        Unwrapped frames.

    Raises
    ------
    SulfoxError
        SFX-401, with the frame, if the file is truncated or damaged, SFX-403 for
        numbers that are not finite, SFX-901 if `time_step_fs` contradicts the file.
    """
    return _collect(_iter_extxyz(iter(stream), who), who, time_step_fs)


def _iter_extxyz(lines: Iterator[str], who: str) -> Iterator[Atoms]:
    from ase.io.extxyz import read_xyz

    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        words = line.split()
        if len(words) != 1 or not words[0].isdigit():
            raise _damaged(who, number, f"{line.strip()[:60]!r}", "a number of atoms")
        count = int(words[0])
        block = [line]
        for following in lines:
            block.append(following)
            if len(block) == count + 2:
                break
        if len(block) < count + 2 or not block[-1].endswith("\n"):
            raise _damaged(who, number, f"{len(block) - 2} of {count} atoms", "a whole frame")
        try:
            yield next(read_xyz(io.StringIO("".join(block)), index=slice(0, 1)))
        except Exception as error:  # ASE raises many kinds here
            raise _damaged(who, number, f"{error}"[:80], "an extended XYZ frame") from error


def read_ase_traj(path: Path, time_step_fs: float | None = None) -> Trajectory:
    """Read an ASE ``.traj`` file.

    Parameters
    ----------
    path : Path
        The file.
    time_step_fs : float, optional
        Time between two frames where the file does not hold it [fs].

    Returns
    -------
    Trajectory
        Unwrapped frames.

    Raises
    ------
    SulfoxError
        As :func:`read_extxyz`.
    """
    return _collect(_iter_traj(path), str(path), time_step_fs)


def _iter_traj(path: Path) -> Iterator[Atoms]:
    from ase.io.trajectory import TrajectoryReader

    number = 1
    try:
        with TrajectoryReader(str(path)) as reader:
            if len(reader) == 0:
                raise ValueError("no frame")  # noqa: TRY301
            for index in range(len(reader)):
                number = index + 1
                yield reader[index]
    except Exception as error:  # ASE raises many kinds here
        raise _damaged(str(path), number, f"{type(error).__name__}: {error}"[:80], "all") from error


def _collect(images: Iterator[Atoms], who: str, time_step_fs: float | None) -> Trajectory:
    first: Atoms | None = None
    fractional, cells, times, steps = [], [], [], []
    for number, atoms in enumerate(images, start=1):
        first = first or atoms
        if abs(atoms.cell.volume) < 1e-9:
            raise _damaged(who, number, "no periodic cell", "three lattice vectors")
        if not np.array_equal(atoms.numbers, first.numbers):
            raise _damaged(who, number, "other atoms than in the first frame", "the same atoms")
        if not np.isfinite(atoms.positions).all():
            raise _not_finite(who, number, atoms)
        cells.append(atoms.cell.array.copy())
        fractional.append(atoms.positions @ np.linalg.inv(cells[-1]))
        times.append(_time_fs(atoms.info))
        steps.append(atoms.info.get("step"))
    if first is None:
        raise _damaged(who, 1, "no frame", "at least one frame")
    lattices = np.stack(cells)
    changes = bool((lattices != lattices[0]).any())
    known_steps = all(isinstance(step, int | np.integer) for step in steps)
    return Trajectory(
        positions=unwrap(np.stack(fractional)) @ (lattices if changes else lattices[0]),
        lattice=lattices[0],
        species=tuple(first.get_chemical_symbols()),
        times_fs=_times(times, who, time_step_fs),
        steps=np.array(steps, dtype=np.int64) if known_steps else None,
        sides=_sides(first),
        lattices=lattices if changes else None,
    )


def _time_fs(info: dict[str, Any]) -> float | None:
    for key, factor in (("time_fs", 1.0), ("time_ps", 1000.0)):
        if key in info:
            return float(info[key]) * factor
    return None


def _times(times: list[float | None], who: str, time_step_fs: float | None) -> FloatArray | None:
    written = np.array([time for time in times if time is not None], dtype=np.float64)
    if written.size < len(times):
        return (
            None if time_step_fs is None else np.arange(len(times), dtype=np.float64) * time_step_fs
        )
    if time_step_fs is not None and not np.allclose(np.diff(written), time_step_fs, rtol=1e-6):
        raise SulfoxError(
            "SFX-901",
            who=f"--time-step-fs for {who}",
            found=f"{time_step_fs} fs",
            expected=f"the {written[1] - written[0]:g} fs between the frames in the file",
            next_step="leave the option out: the file knows its times",
        )
    return written


def _sides(atoms: Atoms) -> tuple[str, ...] | None:
    found = atoms.arrays.get("side", atoms.info.get("sides"))
    if found is None or len(found) != len(atoms):
        return None
    return tuple(str(side) for side in found)


def iter_atoms(trajectory: Trajectory) -> Iterator[Atoms]:
    """Yield each frame as ASE atoms.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.

    Yields
    ------
    Atoms
        Periodic atoms; ``info`` holds ``time_fs``, ``step`` and ``temperature_K`` where
        known, a calculator holds potential energy [eV] and forces [eV/Å], momenta the velocities.
    """
    from ase import Atoms, units
    from ase.calculators.singlepoint import SinglePointCalculator

    for frame in range(trajectory.n_frames):
        atoms = Atoms(
            trajectory.species,
            positions=trajectory.positions[frame],
            cell=trajectory.cell(frame),
            pbc=True,
        )
        for name, key in (("times_fs", "time_fs"), ("temperature_K", "temperature_K")):
            series = getattr(trajectory, name)
            if series is not None:
                atoms.info[key] = float(series[frame])
        if trajectory.steps is not None:
            atoms.info["step"] = int(trajectory.steps[frame])
        if trajectory.velocities is not None:
            atoms.set_velocities(trajectory.velocities[frame] / units.fs)
        results: dict[str, Any] = {}
        if trajectory.potential_energy_eV is not None:
            results["energy"] = float(trajectory.potential_energy_eV[frame])
        if trajectory.forces is not None:
            results["forces"] = trajectory.forces[frame]
        if results:
            atoms.calc = SinglePointCalculator(atoms, **results)
        yield atoms


def write_extxyz(trajectory: Trajectory, path: Path) -> None:
    """Write extended XYZ with a column ``side`` where sides are known.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    path : Path
        The file.
    """
    from ase.io.extxyz import write_xyz

    with path.open("w", encoding="utf-8") as stream:
        for atoms in iter_atoms(trajectory):
            columns = ["symbols", "positions"]
            if trajectory.velocities is not None:
                columns.append("momenta")
            if trajectory.forces is not None:
                columns.append("forces")
            if trajectory.sides is not None:
                atoms.set_array("side", np.array(trajectory.sides))
                columns.append("side")
            write_xyz(stream, [atoms], columns=columns)


def write_ase_traj(trajectory: Trajectory, path: Path) -> None:
    """Write ASE's binary ``.traj``.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    path : Path
        The file.
    """
    from ase.io.trajectory import TrajectoryWriter

    with TrajectoryWriter(str(path), mode="w") as writer:
        for atoms in iter_atoms(trajectory):
            if trajectory.sides is not None:
                atoms.info["sides"] = list(trajectory.sides)
            writer.write(atoms)


def _damaged(who: str, frame: int, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-401",
        who=f"{who}, frame {frame}",
        found=found,
        expected=expected,
        next_step=f"copy the file again, or cut it before frame {frame}",
    )


def _not_finite(who: str, frame: int, atoms: Atoms) -> SulfoxError:
    atom = int(np.argwhere(~np.isfinite(atoms.positions))[0][0])
    return SulfoxError(
        "SFX-403",
        who=f"{who}, frame {frame}",
        found=f"{atoms.positions[atom].tolist()} for atom {atom} ({atoms.symbols[atom]})",
        expected="finite numbers",
        next_step=f"find out what the run did there; cut the file before frame {frame}",
    )

"""Frames written in the formats of the user's own tools."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from sulfox import __version__
from sulfox.errors import SulfoxError
from sulfox.trajectories.ase_formats import write_ase_traj, write_extxyz
from sulfox.trajectories.durable import disk_error
from sulfox.trajectories.frames import FloatArray, Trajectory

__all__ = ["FORMATS", "export_trajectory", "write_h5md", "write_xdatcar"]


def export_trajectory(trajectory: Trajectory, path: Path | str, format_name: str) -> None:
    """Write a trajectory to one file; the file appears only when it is whole.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    path : Path or str
        The file. An older one is replaced.
    format_name : str
        One of :data:`FORMATS`.

    Raises
    ------
    SulfoxError
        SFX-402 for an unknown format, SFX-503 for a full or read-only disk, SFX-407 if
        the folder cannot be written, SFX-302 if h5py is missing for H5MD.
    """
    path = Path(path)
    if format_name not in FORMATS:
        raise SulfoxError(
            "SFX-402",
            who="--format",
            found=repr(format_name),
            expected=", ".join(FORMATS),
            next_step="choose one of these",
        )
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        os.close(descriptor)
        temporary = Path(name)
        FORMATS[format_name](trajectory, temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_xdatcar(trajectory: Trajectory, path: Path) -> None:
    """Write a VASP XDATCAR with positions wrapped into the cell.

    Atoms are written in their own order; an element that comes twice gets two columns
    in the symbol line, as VASP allows. Times are not part of the format.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    path : Path
        The file.
    """
    runs = [(symbol, len(list(group))) for symbol, group in groupby(trajectory.species)]
    symbols = " ".join(symbol for symbol, _ in runs)
    counts = " ".join(str(count) for _, count in runs)

    def head(frame: int) -> str:
        rows = "\n".join(" ".join(f"{x:20.14f}" for x in row) for row in trajectory.cell(frame))
        return f"written by sulfox\n1.0\n{rows}\n{symbols}\n{counts}\n"

    with path.open("w", encoding="utf-8") as stream:
        for frame in range(trajectory.n_frames):
            if frame == 0 or trajectory.lattices is not None:
                stream.write(head(frame))
            fractional = trajectory.positions[frame] @ np.linalg.inv(trajectory.cell(frame))
            stream.write(f"Direct configuration= {frame + 1:6d}\n")
            np.savetxt(stream, fractional - np.floor(fractional), fmt="%.14f")


def write_h5md(trajectory: Trajectory, path: Path) -> None:
    """Write H5MD 1.1 (de Buyl et al., doi 10.1016/j.cpc.2014.01.018).

    Positions are unwrapped [Angstrom], velocities [Angstrom fs-1], forces [eV Angstrom-1],
    times [fs]. ``species`` are atomic numbers; ``box/edges`` is the matrix of lattice vectors.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    path : Path
        The file.

    Raises
    ------
    SulfoxError
        SFX-302 if h5py is not installed.
    """
    h5py = _h5py()
    from ase.data import atomic_numbers

    # In memory first: HDF5 does not survive a disk that fills up under it.
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        head = file.create_group("h5md")
        head.attrs["version"] = np.array([1, 1], dtype=np.int32)
        head.create_group("author").attrs["name"] = "sulfox"
        head.create_group("creator").attrs.update({"name": "sulfox", "version": __version__})
        group = file.create_group("particles/all")
        group["species"] = np.array([atomic_numbers[s] for s in trajectory.species], np.int32)
        box = group.create_group("box")
        box.attrs["dimension"] = 3
        box.attrs["boundary"] = ["periodic"] * 3
        _series(group, "position", trajectory.positions, trajectory, "Angstrom")
        if trajectory.lattices is None:
            box["edges"] = trajectory.lattice
            box["edges"].attrs["unit"] = "Angstrom"
        else:
            _series(box, "edges", trajectory.lattices, trajectory, "Angstrom")
        if trajectory.velocities is not None:
            _series(group, "velocity", trajectory.velocities, trajectory, "Angstrom fs-1")
        if trajectory.forces is not None:
            _series(group, "force", trajectory.forces, trajectory, "eV Angstrom-1")
        observables = (
            ("potential_energy", trajectory.potential_energy_eV, "eV"),
            ("temperature", trajectory.temperature_K, "K"),
            ("conserved_energy", trajectory.conserved_eV, "eV"),
        )
        for name, values, unit in observables:
            if values is not None:
                _series(file.require_group("observables"), name, values, trajectory, unit)
    path.write_bytes(image.getvalue())


def _series(group: Any, name: str, values: FloatArray, trajectory: Trajectory, unit: str) -> None:
    element = group.create_group(name)
    element.create_dataset("value", data=values, compression="gzip" if values.ndim > 1 else None)
    element["value"].attrs["unit"] = unit
    n = trajectory.n_frames
    element["step"] = np.arange(n) if trajectory.steps is None else trajectory.steps
    if trajectory.times_fs is not None:
        element["time"] = trajectory.times_fs
        element["time"].attrs["unit"] = "fs"


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise SulfoxError(
            "SFX-302",
            who="H5MD",
            found="no package h5py",
            expected="h5py",
            next_step="pip install h5py, or export extxyz",
        ) from None
    return h5py


#: Format name -> writer.
FORMATS: dict[str, Callable[[Trajectory, Path], None]] = {
    "extxyz": write_extxyz,
    "traj": write_ase_traj,
    "xdatcar": write_xdatcar,
    "h5md": write_h5md,
}

"""VASP's vaspout.h5: arrays that grow by one row a step, read a few rows at a time.

Names of the groups as py4vasp's schema has them (https://www.vasp.at/py4vasp).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from ase.data import atomic_numbers

from sulfox.trajectories.files.byte_source import ByteSource, bare_name
from sulfox.trajectories.files.frame import Frame, FrameReader, RunHead, StepEnergies
from sulfox.trajectories.frames import FloatArray

__all__ = ["VaspoutReader"]

_DYNAMICS = "intermediate/ion_dynamics"
_ROWS = 64
#: First words of a tag of ``energies_tags`` -> field of :class:`StepEnergies`.
_NAMES = {
    "free energy TOTEN": "free_energy_eV",
    "energy without entropy": "without_entropy_eV",
    "energy(sigma->0)": "sigma_to_0_eV",
    "kinetic energy EKIN": "kinetic_eV",
    "temperature TEIN": "temperature_K",
    "nose potential ES": "nose_potential_eV",
    "nose kinetic EPS": "nose_kinetic_eV",
    "total energy ETOTAL": "conserved_eV",
}


class VaspoutReader(FrameReader):
    """Frames of a vaspout.h5.

    Parameters
    ----------
    path : Path
        The file, packed or not.
    """

    format = "vaspout.h5"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        import h5py

        self._unpacked = None if bare_name(path) == path.name else _unpacked(path)
        try:
            self._file = h5py.File(self._unpacked or path, "r")
        except OSError as error:
            raise self.damaged(
                f"HDF5 cannot open it ({error})"[:120], "a closed HDF5 file"
            ) from error
        try:
            self.head = self._read_head()
            self._tables = self._open_tables()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._unpacked is not None:
            self._unpacked.close()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        lengths = {name: len(table) for name, table in self._tables.items()}
        whole = min(lengths.values(), default=0)
        for first in range(0, whole, _ROWS):
            rows = self._read_rows(first, min(first + _ROWS, whole))
            for k in range(len(rows["position_ions"])):
                yield self._frame({name: values[k] for name, values in rows.items()})
                self.n_frames += 1
        longest = max(lengths.values(), default=0)
        if longest > whole:
            self.end_inside(f"{longest - whole} step(s) without all of {', '.join(lengths)}")

    def _read_rows(self, first: int, last: int) -> dict[str, FloatArray]:
        try:
            return {
                name: np.asarray(table[first:last], dtype=np.float64)
                for name, table in self._tables.items()
            }
        except OSError as error:
            raise self.damaged(f"HDF5 cannot read it ({error})"[:120], "whole arrays") from error

    def _frame(self, row: dict[str, FloatArray]) -> Frame:
        for name, values in row.items():
            if not np.isfinite(values).all():
                raise self.damaged(f"a number that is not finite in {name}", "numbers", "SFX-403")
        lattice = row["lattice_vectors"] * self._scale
        if abs(np.linalg.det(lattice)) < 1e-9:
            raise self.damaged("a flat cell", "a cell with a volume")
        energies = {
            field: float(row["energies"][column])
            for field, column in self._columns.items()
            if "energies" in row
        }
        return Frame(
            number=self.n_frames,
            lattice=lattice,
            coordinates=row["position_ions"],
            energies=StepEnergies(**energies),  # type: ignore[arg-type]
            forces_eV_A=row.get("forces"),
            velocities_A_fs=row.get("ion_velocities"),
            stress_kB=row.get("stress"),
        )

    def _read_head(self) -> RunHead:
        file = self._file
        try:
            types = [_text(word) for word in file["results/positions/ion_types"][()]]
            counts = [int(n) for n in file["results/positions/number_ion_types"][()]]
        except KeyError as error:
            raise self.damaged("no list of atoms", "results/positions/ion_types") from error
        self._scale = float(file.get(f"{_DYNAMICS}/scale", np.array(1.0))[()])
        symbols = [word.split("/")[0].split("_")[0] for word in types]
        if len(types) != len(counts) or not set(symbols) <= set(atomic_numbers):
            raise self.damaged(f"atoms {types} and numbers {counts}", "a number of each element")
        potim, nsw, ibrion = (self._setting(name) for name in ("POTIM", "NSW", "IBRION"))
        dynamics = None if ibrion is None else int(ibrion) == 0
        n_atoms = sum(counts)
        return RunHead(
            species=tuple(s for s, n in zip(symbols, counts, strict=True) for _ in range(n)),
            time_step_fs=potim if dynamics else None,
            n_steps_requested=None if nsw is None else int(nsw),
            is_dynamics=dynamics,
            n_degrees=3 * (n_atoms - 1),
            program="vasp",
        )

    def _setting(self, name: str) -> float | None:
        value = self._file.get(f"input/incar/{name}")
        if value is None:
            return None
        try:
            return float(np.ravel(value[()])[0])
        except (TypeError, ValueError):
            return None

    def _open_tables(self) -> dict[str, Any]:
        group = self._file.get(_DYNAMICS)
        n_atoms = self.head.n_atoms
        shapes = {
            "position_ions": (n_atoms, 3),
            "lattice_vectors": (3, 3),
            "forces": (n_atoms, 3),
            "ion_velocities": (n_atoms, 3),
            "stress": (3, 3),
        }
        tables = {} if group is None else {n: group[n] for n in shapes if n in group}
        if not {"position_ions", "lattice_vectors"} <= set(tables):
            raise self.damaged(f"no positions in {_DYNAMICS}", "position_ions, lattice_vectors")
        for name, table in tables.items():
            if table.shape[1:] != shapes[name]:
                raise self.damaged(f"{name} of shape {table.shape}", f"(n, *{shapes[name]})")
        self._columns: dict[str, int] = {}
        if group is not None and {"energies", "energies_tags"} <= set(group):
            tags = [" ".join(_text(tag).split()) for tag in group["energies_tags"][()]]
            self._columns = {_NAMES[tag]: k for k, tag in enumerate(tags) if tag in _NAMES}
            if group["energies"].ndim != 2 or group["energies"].shape[1] != len(tags):
                raise self.damaged("energies that do not fit their tags", "one column a tag")
            tables["energies"] = group["energies"]
        return tables


def _unpacked(path: Path) -> IO[bytes]:
    """HDF5 needs random access: a packed file is unpacked to a temporary one first."""
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - its reader closes it
    source = ByteSource(path)
    while block := source.read():
        unpacked.write(block)
    source.close()
    return unpacked


def _text(word: Any) -> str:
    return (word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)).strip()

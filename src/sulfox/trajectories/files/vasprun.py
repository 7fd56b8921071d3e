"""VASP's vasprun.xml of a dynamics run, one ``<calculation>`` a frame.

The text is cut at its marks; no tree of it is built
(https://www.vasp.at/wiki/index.php/Vasprun.xml).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.frame import Frame, RunHead, StepEnergies, TextReader
from sulfox.trajectories.files.number_tables import iter_tables, parse_number
from sulfox.trajectories.frames import FloatArray

__all__ = ["VasprunReader"]

_BEGIN, _END, _CLOSE = b"<calculation>", b"</calculation>", b"</modeling>"
#: Characters within which the forces follow the structure, where VASP writes them.
_NEAR = 200
_ENERGY = re.compile(rb'<i name="([^"]+)">\s*(\S*)\s*</i>')
_ATOM = re.compile(rb"<rc>\s*<c>\s*([A-Za-z]+)\s*</c>")
#: Name in the file -> field of :class:`StepEnergies`.
_NAMES = {
    b"e_fr_energy": "free_energy_eV",
    b"e_wo_entrp": "without_entropy_eV",
    b"e_0_energy": "sigma_to_0_eV",
    b"kinetic": "kinetic_eV",
    b"nosepot": "nose_potential_eV",
    b"nosekinetic": "nose_kinetic_eV",
    b"total": "conserved_eV",
}


@dataclass(frozen=True)
class _Calculation:
    basis: bytes
    positions: bytes
    forces: bytes | None
    stress: bytes | None
    energies: dict[str, float]
    n_electronic: int


class VasprunReader(TextReader):
    """Frames of a vasprun.xml: positions, forces, energies, cell, stress."""

    format = "vasprun.xml"

    def read_head(self) -> RunHead:
        """Read everything before the first step.

        Returns
        -------
        RunHead
            Species, time step, steps asked for, degrees of freedom.
        """
        end = self.window.find(_BEGIN)
        head = self.window.data[self.window.at : end if end >= 0 else len(self.window.data)]
        self._basis: tuple[bytes, FloatArray] = (b"", np.zeros((3, 3)))
        self._lengths: dict[bytes, int] = {}
        species = self._read_species(head)
        potim, nsw, ibrion = (_parameter(head, name) for name in (b"POTIM", b"NSW", b"IBRION"))
        dynamics = None if ibrion is None else int(ibrion) == 0
        program = re.search(rb'name="program"[^>]*>\s*([^<]*?)\s*<', head)
        if end >= 0:
            self.window.at = end
        return RunHead(
            species=species,
            time_step_fs=potim if dynamics else None,
            n_steps_requested=None if nsw is None else int(nsw),
            is_dynamics=dynamics,
            n_degrees=_degrees_of_freedom(head, len(species)),
            program=None if program is None else program[1].decode("utf-8", "replace"),
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        while True:
            fault: SulfoxError | None = None
            batch: list[_Calculation] = []
            try:
                while (found := self._next_calculation()) is not None:
                    batch.append(found)
            except SulfoxError as error:
                fault = error
            yield from self._frames_of(batch)
            if fault is not None:
                raise self.damaged(fault.found, fault.expected, fault.code)
            if not batch and (self._closed() or not self.window.more()):
                break
        self._look_behind()

    def _frames_of(self, batch: list[_Calculation]) -> Iterator[Frame]:
        shape = (self.head.n_atoms, 3)
        positions = iter_tables([c.positions for c in batch], shape, self, "position")
        blocks = [c.forces for c in batch if c.forces is not None]
        forces = iter_tables(blocks, shape, self, "force")
        rows = [c.stress for c in batch if c.stress is not None]
        stresses = iter_tables(rows, (3, 3), self, "stress row")
        for found, coordinates in zip(batch, positions, strict=True):
            yield Frame(
                number=self.n_frames,
                lattice=self._lattice(found.basis),
                coordinates=coordinates,
                energies=StepEnergies(**found.energies, n_electronic_steps=found.n_electronic),
                forces_eV_A=next(forces) if found.forces is not None else None,
                stress_kB=next(stresses) if found.stress is not None else None,
            )
            self.n_frames += 1

    def _closed(self) -> bool:
        """Whether the end of the document stands behind the last step."""
        return _CLOSE in self.window.data[self.window.at :]

    def _look_behind(self) -> None:
        left = self.window.rest()
        if _END in left:
            raise self.damaged(f"{_END.decode()} without its begin", "whole steps")
        if not self._closed():
            inside = _BEGIN in left
            self.end_inside("the file ends inside a step" if inside else "the file is not closed")

    def _next_calculation(self) -> _Calculation | None:
        """Cut a whole step out of what was read; None if there is none.

        Tables are jumped over: they are as long as those of the step before.
        """
        data, at = self.window.data, self.window.at
        begin = data.find(_BEGIN, at)
        structure = data.find(b"<structure", begin) if begin >= 0 else -1
        if structure < 0:
            if begin >= 0 and data.find(_END, begin) >= 0:
                raise self.damaged("a step without a structure", "<structure> and its end")
            return None
        if data[at:begin].strip():
            found = data[at:begin].strip()[:60].decode("utf-8", "replace")
            raise self.damaged(f"{found!r} between two steps", _BEGIN.decode())
        basis = self._varray(b"basis", structure)
        positions = self._varray(b"positions", max(basis))
        closed = data.find(b"</structure>", max(positions))
        forces = self._varray(b"forces", closed, closed + _NEAR)
        end = data.find(_END, max(closed, *forces))
        if forces[0] < 0 <= end:
            forces = self._varray(b"forces", closed, end)
        if end < 0:
            return None
        seen = ((begin + 1, structure), (structure, positions[0]), (positions[1], forces[0]))
        if any(data.find(_BEGIN, *part) >= 0 for part in (*seen, (max(closed, forces[1]), end))):
            raise self.damaged("a step inside a step", f"{_END.decode()} before the next step")
        if closed < 0 or basis[0] < 0 or positions[0] < 0:
            raise self.damaged("a step without a structure", "its basis and its positions")
        stress = self._varray(b"stress", max(closed, forces[1]), end)
        self.window.at = end + len(_END)
        return _Calculation(
            basis=data[slice(*basis)],
            positions=data[slice(*positions)],
            forces=data[slice(*forces)] if forces[0] > 0 else None,
            stress=data[slice(*stress)] if stress[0] > 0 else None,
            energies=self._read_energies(max(closed, forces[1]), end),
            n_electronic=data.count(b"<scstep>", begin, structure),
        )

    def _varray(self, name: bytes, begin: int, end: int | None = None) -> tuple[int, int]:
        """Find the rows of an array, whole lines; (-1, -1) if they are not there."""
        data = self.window.data
        if begin < 0:
            return -1, -1
        mark = b'<varray name="' + name + b'"'
        at = data.find(mark, begin, len(data) if end is None else end)
        first = data.find(b"\n", at) + 1
        if at < 0 or first == 0:
            return -1, -1
        last = first + self._lengths.get(name, 0)
        if last == first or not data[last : last + 40].lstrip(b" ").startswith(b"</varray>"):
            mark_end = data.find(b"</varray>", first)
            last = data.rfind(b"\n", 0, mark_end) + 1
            if mark_end < 0:
                return -1, -1
        self._lengths[name] = last - first
        return first, last

    def _read_energies(self, after: int, before: int) -> dict[str, float]:
        step = self.window.data
        begin = step.find(b"<energy>", after, before)
        end = step.find(b"</energy>", begin, before) if begin >= 0 else -1
        energies: dict[str, float] = {}
        if begin < 0 or end < 0:
            return energies
        for name, word in _ENERGY.findall(step, begin, end):
            field = _NAMES.get(name)
            if field is None:
                continue
            value = parse_number(word)
            if value is None or not math.isfinite(value):
                text = word[:40].decode("utf-8", "replace")
                raise self.damaged(f"{text!r} as {name.decode()}", "a finite number", "SFX-403")
            energies[field] = value
        return energies

    def _lattice(self, basis: bytes) -> FloatArray:
        if basis != self._basis[0]:
            lattice = next(iter_tables([basis], (3, 3), self, "lattice vector"))
            if abs(np.linalg.det(lattice)) < 1e-9:
                raise self.damaged("a flat cell", "a cell with a volume")
            self._basis = (basis, lattice)
        return self._basis[1]

    def _read_species(self, head: bytes) -> tuple[str, ...]:
        begin = head.find(b'<array name="atoms"')
        end = head.find(b"</array>", begin)
        if begin < 0 or end < 0:
            raise self.damaged("the file ends before the list of atoms", "the atoms of the run")
        symbols = tuple(symbol.decode() for symbol in _ATOM.findall(head, begin, end))
        counted = re.search(rb"<atoms>\s*(\d+)\s*</atoms>", head)
        if not symbols or (counted is not None and int(counted[1]) != len(symbols)):
            raise self.damaged(f"{len(symbols)} atoms in the list", "as many as <atoms> says")
        # an unknown element of VASP is written as X
        if unknown := sorted({s for s in symbols if s not in atomic_numbers or s == "X"}):
            raise self.damaged(f"element symbols {unknown}", "elements")
        return symbols


def _parameter(head: bytes, name: bytes) -> float | None:
    """Find a number of the INCAR, else of the parameters VASP used."""
    match = re.search(rb'<i [^>]*name="' + name + rb'"[^>]*>\s*([^<\s]+)\s*</i>', head)
    value = None if match is None else parse_number(match[1])
    return value if value is not None and np.isfinite(value) else None


def _degrees_of_freedom(head: bytes, n_atoms: int) -> int:
    """Coordinates that may move; without fixed ones the centre of mass rests."""
    begin = head.rfind(b'<varray name="selective"')
    if begin < 0:
        return 3 * (n_atoms - 1)
    free = head[begin : head.find(b"</varray>", begin)].count(b"T")
    return free if free < 3 * n_atoms else 3 * (n_atoms - 1)

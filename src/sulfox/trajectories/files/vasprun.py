"""VASP's vasprun.xml of a dynamics run, one ``<calculation>`` a frame.

The text is cut at its marks; no tree of it is built
(https://www.vasp.at/wiki/index.php/Vasprun.xml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from ase.data import atomic_numbers

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.fixed_columns import parse_fixed_columns
from sulfox.trajectories.files.frame import Frame, RunHead, StepEnergies, TextReader
from sulfox.trajectories.files.number_tables import iter_tables, parse_number
from sulfox.trajectories.frames import FloatArray

__all__ = ["VasprunReader"]

_BEGIN, _END, _CLOSE = b"<calculation>", b"</calculation>", b"</modeling>"
#: A step that a learnt force field made stands outside of any calculation.
_LEARNT, _LEARNT_END = b"<structure>", b"</energy>"
_BETWEEN = re.compile(rb"\s*(?:<time [^<]*</time>\s*)?")
_STRUCTURE = b"<structure"
_ENERGY = re.compile(rb'<i name="([^"]+)">([^<]*)</i>')
_ATOM = re.compile(rb"<rc>\s*<c>\s*([A-Za-z]+)\s*</c>")
#: An atom type whose symbol VASP cut short (X for Xe), and the element of its potential.
_POTENTIAL = rb"<c>\s*%s\s*</c>[^\n]*<c>\s*\S+\s+([A-Z][a-z]?)[\s_]"
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


class _Calculation(NamedTuple):
    """One step, cut out of the text."""

    basis: bytes
    positions: bytes
    forces: bytes | None
    stress: bytes | None
    names: tuple[str, ...]
    energies: tuple[bytes, ...]
    n_electronic: int


class _Skeleton(NamedTuple):
    """Where everything stands behind ``<structure``, and the text between the numbers.

    Spans are relative to the mark. VASP prints all numbers in fixed columns, so that most
    steps have the skeleton of the step before.
    """

    texts: tuple[tuple[int, bytes], ...]
    basis: tuple[int, int]
    positions: tuple[int, int]
    forces: tuple[int, int] | None
    stress: tuple[int, int] | None
    names: tuple[str, ...]
    energies: re.Pattern[bytes]
    energies_at: int
    end: int


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
        first = self.window.find(_LEARNT)  # of the first step, inside of a calculation or not
        before = len(self.window.data) if first < 0 else first
        end = self.window.data.find(_BEGIN, self.window.at, before)
        end = first if end < 0 else end
        head = self.window.data[self.window.at : end if end >= 0 else len(self.window.data)]
        self._basis: tuple[bytes, FloatArray] = (b"", np.zeros((3, 3)))
        self._skeletons: dict[bytes, _Skeleton | None] = {}
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
        forces = self._optional([c.forces for c in batch], shape, "force")
        stresses = self._optional([c.stress for c in batch], (3, 3), "stress row")
        energies = self._energies_of(batch)
        columns = zip(batch, positions, energies, forces, stresses, strict=True)
        for found, coordinates, scalars, force, stress in columns:
            lattice = self._lattice(found.basis)
            yield Frame(self.n_frames, lattice, coordinates, True, scalars, force, stress_kB=stress)
            self.n_frames += 1

    def _optional(
        self, blocks: list[bytes | None], shape: tuple[int, int], what: str
    ) -> Iterator[FloatArray | None]:
        """Read the tables that are there; None for each other."""
        present = [block for block in blocks if block is not None]
        tables = iter_tables(present, shape, self, what)
        if len(present) == len(blocks):
            yield from tables
        else:
            yield from (None if block is None else next(tables) for block in blocks)

    def _closed(self) -> bool:
        """Whether the end of the document stands behind the last step."""
        return _CLOSE in self.window.data[self.window.at :]

    def _look_behind(self) -> None:
        left = self.window.rest()
        if _END in left:
            raise self.damaged("a step without a structure", "<structure> and its end")
        if not self._closed():
            inside = _BEGIN in left or _LEARNT in left
            self.end_inside("the file ends inside a step" if inside else "the file is not closed")

    def _next_calculation(self) -> _Calculation | None:
        """Cut a whole step out of what was read; None if there is none."""
        data, at = self.window.data, self.window.at
        between = _BETWEEN.match(data, at)
        at = between.end() if between else at
        learnt = data.startswith(_LEARNT, at)
        mark, close = (_LEARNT, _LEARNT_END) if learnt else (_BEGIN, _END)
        begin = data.find(mark, at)
        structure = begin if learnt or begin < 0 else self._find_structure(begin)
        if structure < 0:
            if begin >= 0 and data.find(_END, begin) >= 0:
                raise self.damaged("a step without a structure", "<structure> and its end")
            return None
        if data[at:begin].strip():
            found = data[at:begin].strip()[:60].decode("utf-8", "replace")
            raise self.damaged(f"{found!r} between two steps", _BEGIN.decode())
        skeleton = self._skeletons.get(mark)
        energies = None if skeleton is None else self._energies_in(skeleton, structure)
        if skeleton is None or energies is None:
            skeleton = self._find_skeleton(structure, mark, close)
            energies = None if skeleton is None else self._energies_in(skeleton, structure)
            if skeleton is None or energies is None:
                return None
            # what is not there, may come
            self._skeletons[mark] = skeleton if skeleton.names else None
        behind = structure + skeleton.end
        end = data.find(close, behind)
        if end < 0:
            return None
        if data.find(_BEGIN, behind, end) >= 0:
            raise self.damaged("a step inside a step", f"{_END.decode()} before the next step")
        self.window.at = end + len(close)

        def part(span: tuple[int, int]) -> bytes:
            return data[structure + span[0] : structure + span[1]]

        return _Calculation(
            basis=part(skeleton.basis),
            positions=part(skeleton.positions),
            forces=part(skeleton.forces) if skeleton.forces else None,
            stress=part(skeleton.stress) if skeleton.stress else None,
            names=skeleton.names,
            energies=energies.groups(),
            n_electronic=data.count(b"<scstep>", begin, structure),
        )

    def _find_structure(self, begin: int) -> int:
        """Find the structure of a step; -1 if it is not there yet.

        The electronic steps before it hold no letter u, which is found much faster.
        """
        data = self.window.data
        letter = data.find(b"u", begin + len(_BEGIN))
        at = letter - _STRUCTURE.index(b"u")
        if not data.startswith(_STRUCTURE, max(at, 0)):
            at = data.find(_STRUCTURE, begin)
            if data.find(_BEGIN, begin + 1, max(at, begin)) >= 0:
                raise self.damaged("a step inside a step", f"{_END.decode()} before the next step")
        return at

    def _energies_in(self, skeleton: _Skeleton, at: int) -> re.Match[bytes] | None:
        """Find the energies; None where a text between the numbers is another than before."""
        data = self.window.data
        for begin, text in skeleton.texts:
            if not data.startswith(text, at + begin):
                return None
        return skeleton.energies.match(data, at + skeleton.energies_at)

    def _find_skeleton(self, at: int, mark: bytes, close: bytes) -> _Skeleton | None:
        """Look for the parts of a step one by one; None if they are not all there yet."""
        data = self.window.data
        basis = self._varray(b"basis", at)
        positions = self._varray(b"positions", basis[1])
        closed = data.find(b"</structure>", positions[1])
        stop = data.find(close, max(closed, at))
        if stop < 0:
            return None
        if data.find(mark, at + 1, stop) >= 0 or data.find(_BEGIN, at, stop) >= 0:
            raise self.damaged("a step inside a step", f"{close.decode()} before the next step")
        if min(basis[0], positions[0], closed) < 0 or closed > stop:
            raise self.damaged("a structure without basis or positions", "both, and its end")
        forces = self._varray(b"forces", closed, stop)
        stress = self._varray(b"stress", closed, stop)
        behind = max(closed, forces[1], stress[1])
        words = self._find_energies(behind, stop + len(close))
        spans = [basis, positions, *(s for s in (forces, stress) if s[0] > 0)]
        borders = [at, *(k for span in sorted(spans) for k in span)]
        texts = [(x - at, data[x:y]) for x, y in zip(borders[::2], borders[1::2], strict=False)]
        first = borders[-1]
        pattern = b""
        for _, begin, end in words:
            pattern += re.escape(data[first:begin]) + b"([^<]{%d})" % (end - begin)
            first = end
        return _Skeleton(
            texts=tuple(texts),
            basis=(basis[0] - at, basis[1] - at),
            positions=(positions[0] - at, positions[1] - at),
            forces=(forces[0] - at, forces[1] - at) if forces[0] > 0 else None,
            stress=(stress[0] - at, stress[1] - at) if stress[0] > 0 else None,
            names=tuple(name for name, _, _ in words),
            energies=re.compile(pattern),
            energies_at=borders[-1] - at,
            end=max(behind, first) - at,
        )

    def _find_energies(self, after: int, before: int) -> list[tuple[str, int, int]]:
        data = self.window.data
        begin = data.find(b"<energy>", after, before)
        # linear response makes electronic steps behind the structure, each with its energy
        while begin >= 0 and (
            data.rfind(b"<scstep>", after, begin) > data.rfind(b"</scstep>", after, begin)
        ):
            closed = data.find(b"</scstep>", begin, before)
            begin = data.find(b"<energy>", closed, before) if closed >= 0 else -1
        end = data.find(b"</energy>", begin, before) if begin >= 0 else -1
        if end < 0:
            return []
        found = _ENERGY.finditer(data, begin, end)
        return [(_NAMES[m[1]], *m.span(2)) for m in found if m[1] in _NAMES]

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
        mark_end = data.find(b"</varray>", first)
        return (first, data.rfind(b"\n", 0, mark_end) + 1) if mark_end >= 0 else (-1, -1)

    def _energies_of(self, batch: list[_Calculation]) -> Iterator[StepEnergies]:
        """Read the energies, those of all steps at once if they have the same names."""
        names = batch[0].names if batch else ()
        texts = [b"".join(c.energies) + b"\n" for c in batch]
        table = None
        if names and all(c.names is names for c in batch):
            table = parse_fixed_columns(texts, len(names))
        if table is None or len(table) != len(batch):
            for c, text in zip(batch, texts, strict=True):
                rows = iter_tables([text], (1, len(c.names)), self, "energy")
                values = next(rows)[0].tolist() if c.names else []
                known = dict(zip(c.names, values, strict=True))
                yield StepEnergies(**known, n_electronic_steps=c.n_electronic)
            return
        columns = [names.index(f) if f in names else -1 for f in StepEnergies._fields[:-1]]
        ordered = itemgetter(*columns)
        for c, row in zip(batch, table.tolist(), strict=True):
            yield StepEnergies._make((*ordered((*row, None)), c.n_electronic))

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
        names = {s: _whole_symbol(s, head[end:]) for s in dict.fromkeys(symbols)}
        if unknown := sorted(s for s, name in names.items() if name is None):
            raise self.damaged(f"element symbols {unknown}", "elements")
        return tuple(names[s] or s for s in symbols)


def _whole_symbol(symbol: str, types: bytes) -> str | None:
    """Element of a symbol; where VASP cut it short, that of its potential."""
    if symbol in atomic_numbers and symbol != "X":
        return symbol
    potential = re.search(_POTENTIAL % symbol.encode(), types)
    name = "" if potential is None else potential[1].decode()
    return name if name in atomic_numbers and name != "X" else None


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

"""VASP's OUTCAR: positions (five decimals), forces, energies and temperature of each step.

A step is whole when its last line of energies is: ``total energy ETOTAL`` of a dynamics run,
``energy without entropy`` behind the forces of any other (https://www.vasp.at/wiki/OUTCAR).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from ase.data import atomic_numbers

from sulfox.trajectories.files.frame import Frame, RunHead, StepEnergies, TextReader
from sulfox.trajectories.files.number_tables import iter_tables
from sulfox.trajectories.frames import FloatArray

__all__ = ["OutcarReader"]

_TITLE = b"TOTAL-FORCE (eV/Angst)"
#: Behind the title: forces of a learnt force field; a second table of forces, without vdW.
_LEARNT, _WITHOUT_VDW = b"(ML)", b"FORCE-w/o"
_TABLE = re.compile(rb" *POSITION +TOTAL-FORCE[^\n]*\n *-+ *\n")
_RULE = re.compile(rb"^ *-{20,} *\n", re.MULTILINE)
_CELL = re.compile(rb"direct lattice vectors[^\n]*\n([^\n]*\n[^\n]*\n[^\n]*\n)")
_DECIMAL = re.compile(rb"-?\d+\.\d{9}")
_CLOSE = b"General timing and accounting"
_WORD = rb"\s*=\s*(\S+)[^\n]*\n"
#: Field of :class:`StepEnergies` -> its line, behind the forces.
_LINES = {
    "free_energy_eV": re.compile(rb"free  energy (?:  |ML )TOTEN" + _WORD),
    "without_entropy_eV": re.compile(rb"energy  without entropy" + _WORD),
    "sigma_to_0_eV": re.compile(rb"energy\(sigma->0\)" + _WORD),
    "kinetic_eV": re.compile(rb"kinetic energy EKIN" + _WORD),
    "temperature_K": re.compile(rb"\(temperature\s+(\S+) K\)[^\n]*\n"),
    "nose_potential_eV": re.compile(rb"nose potential ES" + _WORD),
    "nose_kinetic_eV": re.compile(rb"nose kinetic\s+EPS" + _WORD),
    "conserved_eV": re.compile(rb"total energy   ETOTAL" + _WORD),
}
_NUMBER = re.compile(rb"[-+]?\d*\.\d+(?:[EeDd][-+]?\d+)?")


class OutcarReader(TextReader):
    """Frames of an OUTCAR, in Cartesian coordinates."""

    format = "OUTCAR"

    def read_head(self) -> RunHead:
        """Read everything before the first step.

        Returns
        -------
        RunHead
            Species, time step, steps asked for.
        """
        table = self.window.find(_TITLE)  # a learnt force field makes no iterations
        data = self.window.data
        end = data.find(b"Iteration ", self.window.at, table if table >= 0 else len(data))
        end = table if end < 0 else end
        head = data[self.window.at : end if end >= 0 else len(data)]
        species = self._read_species(head)
        potim, nsw, ibrion = (_setting(head, name) for name in (b"POTIM", b"NSW", b"IBRION"))
        dynamics = None if ibrion is None else int(ibrion) == 0
        self._cell_text = b""
        self._lattice: FloatArray = np.zeros((3, 3))
        self._take_cell(head)
        self._last_line = _LINES["conserved_eV" if dynamics else "sigma_to_0_eV"]
        self._tail = b""
        if end >= 0:
            self.window.at = data.rfind(b"\n", 0, end) + 1
        return RunHead(
            species=species,
            time_step_fs=potim if dynamics else None,
            n_steps_requested=None if nsw is None else int(nsw),
            is_dynamics=dynamics,
            n_degrees=3 * (len(species) - 1),
            program=head.lstrip()[:40].split(maxsplit=1)[0].decode("utf-8", "replace"),
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""
        while True:
            while (step := self._next_step()) is not None:
                yield self._frame(*step)
                self.n_frames += 1
            if not self.window.more():
                break
        left = self.window.rest()
        if _CLOSE not in left:
            inside = b"Iteration" in left
            self.end_inside("the file ends inside a step" if inside else "the file is not closed")

    def _next_step(self) -> tuple[bytes, bytes, bytes] | None:
        """Cut a whole step: what stands before the table, the table, what follows."""
        data, at = self.window.data, self.window.at
        table = self._find_table(at)
        if table is None:
            return None
        rule = _RULE.search(data, table.end())
        last = None if rule is None else self._last_line.search(data, rule.end())
        if rule is None or last is None:
            return None
        if data.find(_TITLE, rule.end(), last.start()) >= 0:
            table, rule = self._computed_table(table, rule.end(), last.start())
        self._n_columns = 9 if _WITHOUT_VDW in table[0] else 6
        self.window.at = last.end()
        return (
            data[at : table.start()],
            data[table.end() : rule.start()],
            data[rule.end() : last.end()],
        )

    def _computed_table(
        self, table: re.Match[bytes], after: int, before: int
    ) -> tuple[re.Match[bytes], re.Match[bytes]]:
        """Take the table behind that of a force field that learns: VASP's own of this step."""
        own = self._find_table(after)
        rule = None if own is None else _RULE.search(self.window.data, own.end(), before)
        again = rule is not None and self.window.data.find(_TITLE, rule.end(), before) >= 0
        if own is None or rule is None or again or _LEARNT not in table[0] or _LEARNT in own[0]:
            raise self.damaged("a step without its energies", "them behind its forces")
        return own, rule

    def _find_table(self, at: int) -> re.Match[bytes] | None:
        data = self.window.data
        title = data.find(_TITLE, at)
        if title < 0:
            return None
        return _TABLE.match(data, max(data.rfind(b"\n", at, title) + 1, at))

    def _frame(self, before: bytes, table: bytes, behind: bytes) -> Frame:
        self._take_cell(before)
        shape = (self.head.n_atoms, self._n_columns)
        values = next(iter_tables([table], shape, self, "position"))
        if abs(np.linalg.det(self._lattice)) < 1e-9:
            raise self.damaged("no cell before the positions", "direct lattice vectors")
        energies = {name: self._energy(name, line, behind) for name, line in _LINES.items()}
        return Frame(
            number=self.n_frames,
            lattice=self._lattice,
            coordinates=values[:, :3],
            is_direct=False,
            energies=StepEnergies(
                **{name: value for name, value in energies.items() if value is not None},
                n_electronic_steps=before.count(b"- Iteration "),
            ),
            forces_eV_A=values[:, 3:6],
        )

    def _energy(self, name: str, line: re.Pattern[bytes], text: bytes) -> float | None:
        match = line.search(text)
        if match is None:
            return None
        if _NUMBER.fullmatch(match[1]) is None:
            found = f"{match[1][:40].decode('utf-8', 'replace')!r} as {name}"
            raise self.damaged(found, "a finite number", "SFX-403")
        return float(match[1])

    def _take_cell(self, text: bytes) -> None:
        cells = _CELL.findall(text)
        if not cells or cells[-1] == self._cell_text:
            return
        rows = [_DECIMAL.findall(line) for line in cells[-1].splitlines()]
        if any(len(row) != 6 for row in rows):
            raise self.damaged("lattice vectors that cannot be read", "two times three numbers")
        self._cell_text = cells[-1]
        self._lattice = np.array([[float(word) for word in row[:3]] for row in rows])

    def _read_species(self, head: bytes) -> tuple[str, ...]:
        counts = re.search(rb"ions per type =((?:[ \d]+\n)+)", head)  # ten a line
        numbers = [] if counts is None else [int(word) for word in counts[1].split()]
        symbols = [s.decode() for s in re.findall(rb"VRHFIN\s*=\s*([A-Z][a-z]?)\s*:", head)]
        if not symbols:  # the list of potentials, which some versions print twice
            found = re.findall(rb"^ *POTCAR:\s+\S+ ([A-Z][a-z]?)(?:_\S*)? ", head, re.MULTILINE)
            symbols = [s.decode() for s in found[: len(numbers)]]
        if not symbols or len(symbols) != len(numbers):
            text = f"{len(symbols)} elements and {len(numbers)} numbers of ions before the steps"
            raise self.damaged(text, "VRHFIN and 'ions per type' of each element")
        if unknown := sorted(set(symbols) - set(atomic_numbers)):
            raise self.damaged(f"element symbols {unknown}", "elements")
        return tuple(s for s, n in zip(symbols, numbers, strict=True) for _ in range(n))


def _setting(head: bytes, name: bytes) -> float | None:
    match = re.search(rb"^ +" + name + rb"\s*=\s*(-?\d+\.?\d*)\s", head, re.MULTILINE)
    return None if match is None else float(match[1])

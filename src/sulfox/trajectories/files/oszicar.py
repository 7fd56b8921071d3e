"""VASP's OSZICAR of a dynamics run: one line of energies a step, one a electronic iteration.

The line: ``N T= .. E= .. F= .. E0= .. EK= .. SP= .. SK= ..`` with E = F + EK + SP + SK
(https://www.vasp.at/wiki/index.php/OSZICAR).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from sulfox.trajectories.files.frame import Frame, RunHead, StepEnergies, TextReader
from sulfox.trajectories.files.number_tables import parse_number

__all__ = ["OszicarReader", "count_unconverged"]

_ITERATION = re.compile(rb"^[A-Z]{3}: +(\d+) ", re.MULTILINE)
_PAIR = re.compile(rb"([A-Za-z]+0?) *= *(\S+)")
_STEP = re.compile(rb"^ *(\d+) +(T|F) *=")
_NAMES = {
    b"T": "temperature_K",
    b"E": "conserved_eV",
    b"F": "free_energy_eV",
    b"E0": "sigma_to_0_eV",
    b"EK": "kinetic_eV",
    b"SP": "nose_potential_eV",
    b"SK": "nose_kinetic_eV",
}


class OszicarReader(TextReader):
    """Steps of an OSZICAR; it knows no atoms, so the frames hold energies alone.

    ``coordinates`` has the shape (0, 3) and ``lattice`` is zero.
    """

    format = "OSZICAR"

    def read_head(self) -> RunHead:
        """Return an empty head: the file has none.

        Returns
        -------
        RunHead
            Nothing known.
        """
        self._iterations = 0
        return RunHead()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the steps."""
        nothing = np.empty((0, 3))
        cell = np.zeros((3, 3))
        while True:
            while (end := self.window.data.find(b"\n", self.window.at) + 1) > 0:
                line = self.window.data[self.window.at : end]
                self.window.at = end
                energies = self._read_line(line)
                if energies is not None:
                    yield Frame(self.n_frames, cell, nothing, energies=energies)
                    self.n_frames += 1
            if not self.window.more():
                break
        if self.window.rest().strip() or self.window.source.cut_short:
            self.end_inside("the file ends inside a line")
        elif self._iterations:
            self.end_inside(f"the file ends after {self._iterations} iterations of a step")

    def _read_line(self, line: bytes) -> StepEnergies | None:
        if _ITERATION.match(line):
            self._iterations += 1
            return None
        step = _STEP.match(line)
        if step is None:
            return None
        if int(step[1]) != self.n_frames + 1:
            raise self.damaged(f"step {int(step[1])}", f"step {self.n_frames + 1}")
        values: dict[str, float] = {}
        for name, word in _PAIR.findall(line):
            if name not in _NAMES or (name == b"E" and step[2] != b"T"):
                continue  # of a relaxation, "d E" is a difference
            value = parse_number(word)
            if value is None or not np.isfinite(value):
                found = f"{word[:40].decode('utf-8', 'replace')!r} as {name.decode()}"
                raise self.damaged(found, "a finite number", "SFX-403")
            values[_NAMES[name]] = value
        iterations, self._iterations = self._iterations, 0
        return StepEnergies(**values, n_electronic_steps=iterations)


def count_unconverged(steps: Iterable[StepEnergies], nelm: int) -> int:
    """Count the steps that used up all electronic iterations.

    Parameters
    ----------
    steps : iterable of StepEnergies
        Steps of a run.
    nelm : int
        NELM, the most iterations VASP makes.

    Returns
    -------
    int
        Steps with `nelm` iterations or more: VASP went on with what it had.
    """
    return sum((step.n_electronic_steps or 0) >= nelm for step in steps)

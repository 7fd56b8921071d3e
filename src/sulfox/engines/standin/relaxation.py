"""Relaxation of atoms and cell, one configuration after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixScaled
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from sulfox.engines.standin.motion import refuse
from sulfox.engines.standin.setup import RunSetup

__all__ = ["Minimiser"]

_LONGEST_STEP_A = 0.1


class Minimiser:
    """Moves atoms downhill; all of IBRION 1, 2 and 3 are BFGS here.

    Parameters
    ----------
    atoms : ase.Atoms
        With calculator; moved in place, what selective dynamics holds excepted.
    setup : RunSetup
        The run.

    Raises
    ------
    SulfoxError
        SFX-342 for an ISIF that is not served.
    """

    def __init__(self, atoms: Atoms, setup: RunSetup) -> None:
        free = setup.poscar.is_free
        if free is not None:
            held = [FixScaled([n], ~flags) for n, flags in enumerate(free) if not flags.all()]
            atoms.set_constraint(held)
        self._degrees: Any = _degrees(atoms, setup.incar.integer("ISIF", 2))
        self._optimizer = BFGS(self._degrees, logfile=None, maxstep=_LONGEST_STEP_A)

    def largest_force(self) -> float:
        """Length of the longest force on atoms and, where it is free, the cell [eV/Å]."""
        forces = np.reshape(self._degrees.get_forces(), (-1, 3))
        return float(np.linalg.norm(forces, axis=1).max())

    def move(self) -> None:
        """Go to the next configuration."""
        self._optimizer.step()


def _degrees(atoms: Atoms, isif: int) -> Any:
    if isif in (0, 1, 2):
        return atoms
    if isif == 3:
        return FrechetCellFilter(atoms)
    if isif == 4:
        return FrechetCellFilter(atoms, constant_volume=True)
    if isif == 8:
        return FrechetCellFilter(atoms, hydrostatic_strain=True)
    raise refuse("ISIF of a relaxation", str(isif), "2, 3, 4 or 8")

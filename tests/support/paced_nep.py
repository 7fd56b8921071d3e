"""NEP89 whose dynamics take a stated time per step, on a slow and on a fast machine alike."""

from __future__ import annotations

import os
import time
from typing import ClassVar

from ase.calculators.calculator import Calculator, all_changes

from sulfox.engines.mlip.calculators import load_calculator


class PacedNep(Calculator):
    """The same forces; a step of dynamics takes SULFOX_TEST_STEP_S longer, a relaxation does not.

    ``SULFOX_TEST_RAISE`` names a file: while it exists, dynamics raise an error no one foresaw.
    """

    implemented_properties: ClassVar = ["energy", "free_energy", "forces", "stress"]

    def __init__(self) -> None:
        super().__init__()
        self.nep = load_calculator("nep89").calculator

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if self.atoms.get_momenta().any():
            time.sleep(float(os.environ.get("SULFOX_TEST_STEP_S", "0")))
            if os.path.exists(os.environ.get("SULFOX_TEST_RAISE", "")):  # noqa: PTH110
                raise ZeroDivisionError("a bug on purpose")
        still = self.atoms.copy()
        for name in self.implemented_properties:
            self.results[name] = self.nep.get_property(name, still)

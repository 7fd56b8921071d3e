"""NEP potentials as an ASE calculator: one thread, ordered sums, nothing computed twice."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, CalculatorSetupError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

__all__ = ["NepPotential"]


#: nep-adapters brings atoms back into the cell one lattice vector at a time; an atom that an
#: exploding run threw farther than this would keep it busy for ever [Å].
_FARTHEST_A = 1e6


class NepPotential(Calculator):
    """A NEP potential through nep-adapters on one CPU thread.

    The number of OpenMP threads decides the order of sums and with it the last bits of the
    forces; one thread makes a run repeat bit by bit, and branches of a study run side by
    side instead. nep-adapters' own ASE calculator rebuilds its type list at every call and
    leaves the number of threads open.

    Parameters
    ----------
    path : Path
        Potential file.
    """

    implemented_properties = [  # noqa: RUF012 - as ASE declares it
        "energy",
        "free_energy",
        "forces",
        "stress",
    ]

    def __init__(self, path: Path) -> None:
        super().__init__()
        # read when the OpenMP runtime starts, where it is not yet in this process
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        from nep_adapters import NEPCalculator

        self._model = NEPCalculator(path, backend="cpu")
        self._types = np.empty(0, dtype=np.int32)

    @property
    def elements(self) -> frozenset[str]:
        """Elements the potential knows."""
        return frozenset(self._model.element_list)

    def check_state(self, atoms: Atoms, tol: float = 0.0) -> list[str]:  # noqa: ARG002
        """Name what changed since the last call, to the last bit.

        ASE's own check compares six arrays with a tolerance, which costs half a millisecond
        and is asked twice per step.

        Parameters
        ----------
        atoms : ase.Atoms
            Compared with those of the last call.
        tol : float
            Part of ASE's interface; not used.
        """
        last = self.atoms
        if last is None or len(last) != len(atoms):
            return list(all_changes)
        unchanged = {
            "positions": np.array_equal(last.positions, atoms.positions),
            "numbers": np.array_equal(last.numbers, atoms.numbers),
            "cell": np.array_equal(last.cell.array, atoms.cell.array),
            "pbc": np.array_equal(last.pbc, atoms.pbc),
        }
        return [name for name, same in unchanged.items() if not same]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute energy [eV], forces [eV/Å] and stress [eV/Å^3, Voigt, ASE's sign].

        Parameters
        ----------
        atoms : ase.Atoms
            What is computed; the default None is refused.
        properties : list of str, optional
            Part of ASE's interface; everything is computed in any case.
        system_changes : list of str
            What changed since the last call, as :meth:`check_state` gives it.
        """
        if atoms is None:
            raise CalculatorSetupError("no atoms to compute")
        super().calculate(atoms, properties or ["energy"], system_changes)
        if not np.abs(atoms.positions).max() < _FARTHEST_A:  # not a number, or lost in space
            nothing = float("nan")
            forces, stress = np.full((len(atoms), 3), nothing), np.full(6, nothing)
            self.results = {"energy": nothing, "free_energy": nothing}
            self.results |= {"forces": forces, "stress": stress}
            return
        if "numbers" in system_changes or len(self._types) != len(atoms):
            types = [self._model.type_dict[symbol] for symbol in atoms.symbols]
            self._types = np.array(types, dtype=np.int32)
        for runtime in _openmp_runtimes():
            runtime.omp_set_num_threads(1)
        box = np.ascontiguousarray(atoms.cell.array.T).reshape(9)
        pbc = np.asarray(atoms.pbc, dtype=np.int32)
        count = np.array([len(atoms)], dtype=np.int32)
        per_atom, forces, virials = self._model.model.calculate(
            self._types, box, atoms.positions, count, pbc
        )
        energy = float(np.sum(per_atom))
        # nep-adapters: virial positive under pressure; ASE: stress = dE/dstrain / volume.
        virial = np.sum(virials, axis=0).reshape(3, 3)
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": np.asarray(forces, dtype=np.float64),
            "stress": full_3x3_to_voigt_6_stress(-virial / abs(np.linalg.det(box.reshape(3, 3)))),
        }


@cache
def _openmp_runtimes() -> tuple[Any, ...]:
    """Return the OpenMP runtimes of this process; the number of threads is kept per thread."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return ()
    lines = maps.read_text(encoding="utf-8").splitlines()
    paths = {line.split(maxsplit=5)[-1] for line in lines if "gomp" in line}
    return tuple(ctypes.CDLL(path) for path in sorted(paths))

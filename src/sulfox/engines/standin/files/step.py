"""One ionic step, as all files write it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sulfox.engines.standin.files.poscar import FloatArray
from sulfox.engines.standin.motion import StepEnergies

__all__ = ["ElectronicStep", "IonicStep"]


@dataclass(frozen=True)
class ElectronicStep:
    """One made-up step towards self-consistency.

    Attributes
    ----------
    number : int
        From 1.
    energy_eV, change_eV : float
        [eV]
    """

    number: int
    energy_eV: float
    change_eV: float


@dataclass
class IonicStep:
    """One ionic step.

    Attributes
    ----------
    number : int
        From 1.
    lattice, fractional : ndarray
        Shapes (3, 3) [Å] and (n_atoms, 3).
    energy_eV : float
        Potential energy [eV].
    forces : ndarray, shape (n_atoms, 3)
        [eV/Å]
    stress_kB : ndarray, shape (3, 3)
        VASP's sign: positive under pressure [kB].
    magnetisation : float or None
        None without spin [µB].
    change_eV : float
        Against the step before; against zero in the first [eV].
    electronic : list of ElectronicStep
        Steps towards self-consistency.
    is_converged : bool
        Whether they ended because EDIFF was reached.
    motion : StepEnergies or None
        None without dynamics.
    cpu_s : float
        Time of the step [s].
    """

    number: int
    lattice: FloatArray
    fractional: FloatArray
    energy_eV: float
    forces: FloatArray
    stress_kB: FloatArray
    magnetisation: float | None
    change_eV: float
    electronic: list[ElectronicStep] = field(default_factory=list)
    is_converged: bool = True
    motion: StepEnergies | None = None
    cpu_s: float = 0.0

    @property
    def total_energy_eV(self) -> float:
        """Conserved energy of dynamics, else the potential energy [eV]."""
        if self.motion is None:
            return self.energy_eV
        motion = self.motion
        return (
            self.energy_eV
            + motion.kinetic_eV
            + motion.thermostat_potential_eV
            + motion.thermostat_kinetic_eV
        )

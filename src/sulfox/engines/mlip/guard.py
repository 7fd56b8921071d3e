"""Stops a run that left the physics it was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np
from ase import Atoms
from vesin import NeighborList

from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec

__all__ = ["RunawayGuard"]


@dataclass(frozen=True)
class RunawayGuard:
    """Watches a run; every check returns None, or the error that stops the run.

    Attributes
    ----------
    spec : DynamicsSpec
        Limits and target temperature.
    who : str
        The run, for messages.
    """

    spec: DynamicsSpec
    who: str

    @property
    def max_temperature_K(self) -> float:
        """Temperature above which the run is stopped [K]."""
        limits = self.spec.runaway
        relative = limits.max_temperature_factor * self.spec.temperature_K
        return min(relative, limits.max_temperature_K)

    def check_step(self, step: int, temperature_K: float) -> SulfoxError | None:
        """Check what is known at every step: the temperature [K].

        Parameters
        ----------
        step : int
            Number of the step, for the message.
        temperature_K : float
            Instantaneous temperature [K].
        """
        if not isfinite(temperature_K):
            return self._stop(step, "velocities that are not finite", "finite numbers")
        if temperature_K > self.max_temperature_K:
            limit = f"at most {self.max_temperature_K:.0f} K"
            return self._stop(step, f"{temperature_K:.0f} K", limit)
        return None

    def check_frame(
        self, step: int, atoms: Atoms, energy_eV: float, start_energy_eV: float
    ) -> SulfoxError | None:
        """Check a frame: positions, potential energy against frame 0's [eV], distances.

        Parameters
        ----------
        step : int
            Number of the step, for the message.
        atoms : ase.Atoms
            The frame.
        energy_eV, start_energy_eV : float
            Potential energy of this frame and of frame 0 [eV].
        """
        if not (isfinite(energy_eV) and np.isfinite(atoms.positions).all()):
            return self._stop(step, "an energy or positions that are not finite", "finite numbers")
        change = (energy_eV - start_energy_eV) / len(atoms)
        limit = self.spec.runaway.max_energy_change_eV_per_atom
        if abs(change) > limit:
            found = f"a potential energy {change:+.2f} eV/atom from the start's"
            return self._stop(step, found, f"at most {limit} eV/atom")
        shortest = _shortest_distance(atoms, self.spec.runaway.min_distance_A)
        if shortest is not None:
            found = f"two atoms {shortest:.2f} Å apart"
            return self._stop(step, found, f"at least {self.spec.runaway.min_distance_A} Å")
        return None

    def _stop(self, step: int, found: str, expected: str) -> SulfoxError:
        return SulfoxError(
            "SFX-304",
            who=self.who,
            found=f"{found} at step {step}",
            expected=expected,
            next_step="relax the structure first, take a shorter time step, or another potential",
        )


def _shortest_distance(atoms: Atoms, below_A: float) -> float | None:
    # the cell list is built fastest with cells of about 1.5 Å; vesin takes them from the cutoff
    neighbors = NeighborList(cutoff=max(below_A, 1.5), full_list=False, n_threads=1)
    (distances,) = neighbors.compute(
        atoms.positions, atoms.cell.array, periodic=True, quantities="d"
    )
    shortest = float(distances.min(initial=np.inf))
    return shortest if shortest < below_A else None

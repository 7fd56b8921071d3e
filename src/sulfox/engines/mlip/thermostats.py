"""ASE's thermostats with their whole state in the open, so that a run can be resumed.

Degrees of freedom: with the drift removed there are ``3 N - 3``; they enter the temperature
estimate ``T = 2 K / (dof k_B)`` and the mass and target of the Nose-Hoover chain alike. (ASE's
own chain always takes 3 N, which makes 3 N / (3 N - 3) times the temperature asked for.)
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCom
from ase.md.langevin import Langevin
from ase.md.nose_hoover_chain import NoseHooverChainNVT, NoseHooverChainThermostat
from ase.md.velocitydistribution import thermalize_momenta

from sulfox.protocols.dynamics import DynamicsSpec

__all__ = ["Motion", "degrees_of_freedom", "draw_velocities", "start_motion", "temperature"]


class Motion(Protocol):
    """Moves the atoms it was made for by one step at a time."""

    def step(self) -> None:
        """Advance by one time step."""

    def state(self) -> dict[str, Any]:
        """State beyond positions and momenta; JSON keeps every bit of it."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state that :meth:`state` gave.

        Parameters
        ----------
        state : dict
            Of the same kind of motion and the same number of atoms.
        """

    def thermostat_energy(self) -> float | None:
        """Energy of the thermostat [eV]; None where nothing is conserved."""


def degrees_of_freedom(n_atoms: int, spec: DynamicsSpec) -> int:
    """Degrees of freedom that carry kinetic energy.

    Parameters
    ----------
    n_atoms : int
        Number of atoms.
    spec : DynamicsSpec
        Says whether the drift is removed.
    """
    return 3 * (n_atoms - 1) if spec.remove_drift else 3 * n_atoms


def temperature(atoms: Atoms, spec: DynamicsSpec) -> float:
    """Instantaneous temperature ``2 K / (dof k_B)`` [K].

    Parameters
    ----------
    atoms : ase.Atoms
        Atoms with momenta.
    spec : DynamicsSpec
        Says whether the drift is removed.
    """
    kinetic = float(atoms.get_kinetic_energy())
    return 2 * kinetic / (degrees_of_freedom(len(atoms), spec) * units.kB)


def draw_velocities(atoms: Atoms, spec: DynamicsSpec) -> None:
    """Give the atoms Maxwell-Boltzmann velocities drawn with the run's seed.

    Without drift the total momentum is taken off, and the temperature is left as drawn: what
    remains is the canonical distribution of ``3 N - 3`` degrees of freedom.

    Parameters
    ----------
    atoms : Atoms
        Their momenta are set.
    spec : DynamicsSpec
        Temperature and seed.
    """
    rng = np.random.default_rng(spec.seed)
    thermalize_momenta(atoms, spec.temperature_K, rng=rng)
    if spec.remove_drift:
        FixCom().adjust_momenta(atoms, atoms.arrays["momenta"])


def start_motion(atoms: Atoms, spec: DynamicsSpec, run_hash: str) -> Motion:
    """Attach a thermostat to atoms that have positions and momenta.

    Parameters
    ----------
    atoms : Atoms
        Moved in place.
    spec : DynamicsSpec
        Thermostat, time step, temperature, seed.
    run_hash : str
        Hexadecimal; with the seed it seeds the noise, so that two stages never share it.

    Returns
    -------
    Motion
        At the start; :meth:`Motion.restore` takes it to a checkpoint.
    """
    if spec.thermostat == "langevin":
        return _LangevinMotion(atoms, spec, run_hash)
    return _NoseHooverMotion(atoms, spec)


class _NoseHooverMotion:
    """Nose-Hoover chain (Martyna, Klein, Tuckerman 1992, doi 10.1063/1.463940)."""

    def __init__(self, atoms: Atoms, spec: DynamicsSpec) -> None:
        chain: dict[str, Any] = {
            "temperature_K": spec.temperature_K,
            "tdamp": spec.thermostat_time_fs * units.fs,
            "tchain": spec.chain_length,
        }
        self._dynamics = NoseHooverChainNVT(atoms, spec.time_step_fs * units.fs, **chain)
        self._chain = NoseHooverChainThermostat(
            num_atoms_global=degrees_of_freedom(len(atoms), spec) // 3,
            masses=self._dynamics.masses,
            **chain,
        )
        self._dynamics._thermostat = self._chain

    def step(self) -> None:
        self._dynamics.step()

    def state(self) -> dict[str, Any]:
        return {"eta": self._chain._eta.tolist(), "p_eta": self._chain._p_eta.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        self._chain._eta[:] = state["eta"]
        self._chain._p_eta[:] = state["p_eta"]

    def thermostat_energy(self) -> float | None:
        return self._chain.get_thermostat_energy()


class _LangevinMotion:
    """Langevin dynamics (Vanden-Eijnden, Ciccotti 2006, doi 10.1016/j.cplett.2006.07.086)."""

    def __init__(self, atoms: Atoms, spec: DynamicsSpec, run_hash: str) -> None:
        if spec.remove_drift:
            atoms.set_constraint(FixCom())
        self._rng = np.random.default_rng([spec.seed, int(run_hash[:16], 16)])
        self._dynamics = Langevin(
            atoms,
            spec.time_step_fs * units.fs,
            temperature_K=spec.temperature_K,
            friction=spec.friction_per_ps / (1000 * units.fs),
            fixcm=False,
            rng=self._rng,
        )

    def step(self) -> None:
        self._dynamics.step()

    def state(self) -> dict[str, Any]:
        return {"bit_generator": self._rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        self._rng.bit_generator.state = state["bit_generator"]

    def thermostat_energy(self) -> float | None:
        return None

"""Molecular dynamics as VASP does it: leapfrog, one thermostat, state small enough for CONTCAR.

Velocities live half a time step before the positions. With u the velocity at n - 1/2, a the
acceleration at n and xi the thermostat at n, one step is

    u' = u exp(-xi dt) + a dt exp(-xi dt / 2),   x' = x + u' dt

(Hoover, Phys. Rev. A 31, 1695 (1985), in the leapfrog of Toxvaerd, Mol. Phys. 72, 159 (1991)).
Thermostats of a chain (Martyna, J. Chem. Phys. 97, 2635 (1992)) live alternately at full and
half steps, so that each is advanced by a force that is known. Langevin dynamics is the
leapfrog of Izaguirre, Sweet and Pande (Pac. Symp. Biocomput. 15, 240 (2010)). Random numbers
depend on seed and step alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sulfox.engines.standin.files.incar import Incar
from sulfox.engines.standin.files.poscar import (
    FloatArray,
    MotionState,
    Poscar,
    as_written,
    in_cell,
)
from sulfox.errors import SulfoxError

__all__ = ["KELVIN_EV", "MASS_EV_FS2_A2", "Dynamics", "StepEnergies", "refuse"]

#: 1 u in eV fs^2 / Å^2, and 1 K in eV (CODATA 2018).
MASS_EV_FS2_A2 = 103.64269572
KELVIN_EV = 8.617333262e-5
_KINDS = {0: "smass", 1: "andersen", 2: "smass", 3: "langevin", 4: "chain", 13: "andersen"}
_FIRST_VELOCITIES = 2**40


def refuse(what: str, found: str, expected: str) -> SulfoxError:
    """Compose the error for what the stand-in does not do.

    Parameters
    ----------
    what, found, expected : str
        Tag, its value, the values that are served.
    """
    return SulfoxError(
        "SFX-342",
        who=f"sulfox-vasp-standin, {what}",
        found=found,
        expected=expected,
        next_step="use VASP for this, or change the tag for the rehearsal",
    )


@dataclass(frozen=True)
class StepEnergies:
    """Energies of one step, beside the potential energy.

    Attributes
    ----------
    kinetic_eV, thermostat_potential_eV, thermostat_kinetic_eV : float
        [eV]
    temperature_K, target_K : float
        [K]
    """

    kinetic_eV: float
    thermostat_potential_eV: float
    thermostat_kinetic_eV: float
    temperature_K: float
    target_K: float


@dataclass
class Dynamics:
    """Moves atoms by forces.

    Attributes
    ----------
    poscar : Poscar
        Positions, velocities and state; advanced in place.
    masses_u : ndarray, shape (n_atoms,)
        [u]
    incar : Incar
        POTIM, TEBEG, TEEND, MDALGO, SMASS and the tags of the thermostats.
    n_steps : int
        NSW.
    """

    poscar: Poscar
    masses_u: FloatArray
    incar: Incar
    n_steps: int
    seed: int = field(init=False, default=0)
    push: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        """Read the thermostat, draw velocities where there are none."""
        incar = self.incar
        self.time_step_fs = incar.real("POTIM", 0.0)
        if self.time_step_fs <= 0:
            raise refuse("POTIM", f"{self.time_step_fs:g} fs", "a positive POTIM for IBRION = 0")
        self.start_K = incar.real("TEBEG", 1e-4)
        self.end_K = incar.real("TEEND", self.start_K)
        self.kind = self._kind()
        self._mass = (self.masses_u * MASS_EV_FS2_A2)[:, None]
        free = self.poscar.is_free
        self._free = np.ones((self.poscar.n_atoms, 3)) if free is None else free.astype(float)
        frozen = int(self._free.size - self._free.sum())
        self.freedom = max(1, 3 * self.poscar.n_atoms - (frozen or 3))
        seed = incar.reals("RANDOM_SEED")
        self.seed = int(seed[0]) if seed else 0
        self._period = self._period_fs()
        self._length = self._chain_length()
        self.push = np.zeros_like(self.poscar.fractional)
        self._is_fresh = self.poscar.state is None
        self._start(int(seed[1]) if len(seed) > 1 else 0)

    def _kind(self) -> str:
        algorithm = self.incar.integer("MDALGO", 0)
        if algorithm not in _KINDS:
            raise refuse("MDALGO", str(algorithm), "0, 1, 2, 3, 4 or 13")
        kind = _KINDS[algorithm]
        if self.incar.integer("ISIF", 2) > 2:
            raise refuse("ISIF of dynamics", self.incar.tags["ISIF"], "0, 1 or 2 (fixed cell)")
        if kind == "smass":
            smass = self.incar.real("SMASS", -3.0 if algorithm == 0 else 0.0)
            if smass == -3:
                return "free"
            if smass == -1:
                return "rescale"
            if smass < 0:
                raise refuse("SMASS", f"{smass:g}", "-3, -1, 0 or positive")
            return "chain"
        if kind == "chain" and self.incar.integer("NHC_NCHAINS", 1) == 0:
            return "free"
        return kind

    def _chain_length(self) -> int:
        if self.kind != "chain":
            return 0
        if self.incar.integer("MDALGO", 0) != 4:
            return 1
        length = self.incar.integer("NHC_NCHAINS", 1)
        if not 0 < length <= min(20, self.poscar.n_atoms):
            raise refuse("NHC_NCHAINS", str(length), "1 to 20, not more than atoms")
        return length

    def _period_fs(self) -> float:
        """Characteristic time of the thermostat [fs]: 40 steps for SMASS = 0, as in VASP."""
        if self.incar.integer("MDALGO", 0) == 4:
            return self.incar.real("NHC_PERIOD", 40.0) * self.time_step_fs
        smass = self.incar.real("SMASS", 0.0)
        if smass <= 0:
            return 40.0 * self.time_step_fs
        inertia = smass * MASS_EV_FS2_A2 * float(np.linalg.norm(self.poscar.lattice[0])) ** 2
        return 2 * np.pi * float(np.sqrt(inertia / (self.freedom * self.start_K * KELVIN_EV)))

    def _start(self, draws_before: int) -> None:
        poscar = self.poscar
        if poscar.velocities is None:
            poscar.velocities = self._maxwell()
        poscar.velocities = as_written(poscar.velocities * self._free)
        size = 2 * self._length
        if poscar.state is None:
            poscar.state = MotionState(np.zeros(size), draws_before)
        elif poscar.state.thermostat.size != size:
            # another thermostat than the one that wrote the block: it starts anew
            poscar.state.thermostat = np.resize(poscar.state.thermostat, size) * 0.0

    def _maxwell(self) -> FloatArray:
        noise = np.random.default_rng([self.seed, _FIRST_VELOCITIES])
        spread = np.sqrt(max(self.start_K, 0.0) * KELVIN_EV / self._mass)
        velocities = noise.standard_normal(self._free.shape) * spread * self._free
        if self._free.all():
            velocities -= (self._mass * velocities).sum(axis=0) / self._mass.sum()
        kinetic = 0.5 * float((self._mass * velocities**2).sum())
        target = 0.5 * self.freedom * KELVIN_EV * self.start_K
        return velocities * (np.sqrt(target / kinetic) if kinetic > 0 else 0.0)

    @property
    def state(self) -> MotionState:
        """Thermostat and number of steps done."""
        state = self.poscar.state
        if state is None:
            raise RuntimeError("dynamics without a state")
        return state

    def advance(self, forces: FloatArray, step: int) -> StepEnergies:
        """Move by one time step.

        Parameters
        ----------
        forces : ndarray, shape (n_atoms, 3)
            At the positions of now [eV/Å].
        step : int
            Of this run, from 1; it decides the target temperature.

        Returns
        -------
        StepEnergies
            At the positions before the step.
        """
        dt = self.time_step_fs
        target = self.start_K + (self.end_K - self.start_K) * (step - 1) / max(1, self.n_steps)
        acceleration = forces * self._free / self._mass
        before = self.poscar.velocities
        if before is None:
            raise RuntimeError("dynamics without velocities")
        if self._is_fresh:  # velocities of a plain POSCAR belong to the time of its positions
            before, self._is_fresh = before - 0.5 * dt * acceleration, False
        old = self.state.thermostat
        after = self._new_velocities(before, acceleration, target, step)
        new = self._new_thermostat(old, after, target)
        fractional = self.poscar.fractional + after @ np.linalg.inv(self.poscar.lattice) * dt
        self.poscar.fractional = in_cell(fractional)
        self.poscar.velocities = after
        self.state.thermostat = new
        self.state.steps_done += 1
        self.push = 0.5 * dt * dt * acceleration @ np.linalg.inv(self.poscar.lattice)
        middle = 0.5 * (before + after)
        kinetic = 0.5 * float((self._mass * middle**2).sum())
        if self.kind in ("langevin", "andersen"):  # noise of two half steps would average out
            kinetic = 0.25 * float((self._mass * (before**2 + after**2)).sum())
        return self._energies(kinetic, old, new, target)

    def heat(self, factor: float) -> None:
        """Multiply the velocities; a fault, not physics.

        Parameters
        ----------
        factor : float
            Of all velocities.
        """
        if self.poscar.velocities is not None:
            self.poscar.velocities = as_written(self.poscar.velocities * factor)

    def _new_velocities(
        self, u: FloatArray, acceleration: FloatArray, target_K: float, step: int
    ) -> FloatArray:
        dt = self.time_step_fs
        friction: FloatArray | float = 0.0
        if self.kind == "chain":
            friction = float(self.state.thermostat[0])
        elif self.kind == "langevin":
            friction = self._frictions()
        after = u * np.exp(-friction * dt) + acceleration * dt * np.exp(-0.5 * friction * dt)
        noise = np.random.default_rng([self.seed, self.state.steps_done])
        if self.kind == "langevin":
            spread = np.sqrt(target_K * KELVIN_EV / self._mass * -np.expm1(-2 * friction * dt))
            after = after + spread * noise.standard_normal(u.shape) * self._free
        elif self.kind == "andersen":
            after = self._collide(after, noise, target_K)
        elif self.kind == "rescale" and step % max(1, self.incar.integer("NBLOCK", 1)) == 0:
            kinetic = 0.5 * float((self._mass * after**2).sum())
            wanted = 0.5 * self.freedom * KELVIN_EV * target_K
            after = after * (np.sqrt(wanted / kinetic) if kinetic > 0 else 1.0)
        if self.kind in ("langevin", "andersen") and self._free.all():
            after = after - (self._mass * after).sum(axis=0) / self._mass.sum()
        return as_written(after)

    def _frictions(self) -> FloatArray:
        """LANGEVIN_GAMMA of each type, in 1/ps, for each atom [1/fs]."""
        given = self.incar.reals("LANGEVIN_GAMMA") or [0.0]
        counts = self.poscar.counts
        each = given * len(counts) if len(given) == 1 else given
        if len(each) < len(counts):
            raise refuse("LANGEVIN_GAMMA", f"{len(each)} values", f"{len(counts)}, one a type")
        return np.repeat(np.array(each[: len(counts)]), counts)[:, None] / 1000.0

    def _collide(
        self, velocities: FloatArray, noise: np.random.Generator, target_K: float
    ) -> FloatArray:
        n_atoms = self.poscar.n_atoms
        chance = np.full(n_atoms, self.incar.real("ANDERSEN_PROB", 0.0))
        kelvin = np.full(n_atoms, target_K)
        last = [round(number) for number in self.incar.reals("NSUBSYS")]
        if self.incar.integer("MDALGO", 0) == 13 and last:
            temperatures = self.incar.reals("TSUBSYS") or [target_K] * len(last)
            chances = self.incar.reals("PSUBSYS") or [0.0] * len(last)
            for first, end, t, p in zip([0, *last], last, temperatures, chances, strict=False):
                kelvin[first:end], chance[first:end] = t, p
        hit = noise.random(n_atoms) < chance
        spread = np.sqrt(kelvin[:, None] * KELVIN_EV / self._mass)
        fresh = noise.standard_normal(velocities.shape) * spread * self._free
        return np.where(hit[:, None], fresh, velocities)

    def _inertias(self, target_K: float) -> FloatArray:
        weights = np.ones(self._length)
        weights[0] = self.freedom
        return weights * KELVIN_EV * target_K * (self._period / (2 * np.pi)) ** 2

    def _new_thermostat(self, old: FloatArray, u: FloatArray, target_K: float) -> FloatArray:
        """Advance even links to n + 1/2, then odd ones (the first, the third) to n + 1."""
        if not self._length:
            return old
        dt, new = self.time_step_fs, old.copy()
        inertia, kT = self._inertias(target_K), KELVIN_EV * target_K
        twice_kinetic = float((self._mass * u**2).sum())
        xi, eta = new[0::2], new[1::2]
        for parity in (1, 0):
            for j in range(parity, self._length, 2):
                drive = twice_kinetic - self.freedom * kT
                if j > 0:
                    drive = inertia[j - 1] * xi[j - 1] ** 2 - kT
                drag = xi[j + 1] if j + 1 < self._length else 0.0
                if parity == 0:  # lives at full steps: its coordinate moves before it
                    eta[j] += dt * xi[j]
                decay = np.exp(-0.5 * drag * dt)
                xi[j] = (xi[j] * decay + dt * drive / inertia[j]) * decay
                if parity == 1:
                    eta[j] += dt * xi[j]
        return as_written(new)

    def _energies(
        self, kinetic: float, old: FloatArray, new: FloatArray, target_K: float
    ) -> StepEnergies:
        potential = thermostat_kinetic = 0.0
        if self._length:
            kT, inertia = KELVIN_EV * target_K, self._inertias(target_K)
            weights = np.ones(self._length)
            weights[0] = self.freedom
            is_odd = np.arange(self._length) % 2 == 0  # the first, the third, ...
            xi = np.where(is_odd, old[0::2], 0.5 * (old[0::2] + new[0::2]))
            eta = np.where(is_odd, 0.5 * (old[1::2] + new[1::2]), old[1::2])
            potential = kT * float((weights * eta).sum())
            thermostat_kinetic = 0.5 * float((inertia * xi**2).sum())
        kelvin = 2 * kinetic / (self.freedom * KELVIN_EV)
        return StepEnergies(kinetic, potential, thermostat_kinetic, kelvin, target_K)

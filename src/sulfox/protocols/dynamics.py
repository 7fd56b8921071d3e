"""How atoms are moved at a temperature, in words no engine owns."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sulfox.documents.base import Record
from sulfox.protocols.electronic import ElectronicSpec
from sulfox.units import (
    FS_PER_PS,
    Dimensionless,
    EnergyPerAtom,
    Length,
    RatePerTime,
    Temperature,
    TimeFs,
    TimePs,
)

__all__ = ["DynamicsSettings", "DynamicsSpec", "RunawayLimits"]


class RunawayLimits(Record):
    """When a run is stopped because it left the physics it was asked for.

    Attributes
    ----------
    max_temperature_factor : float
        Times the target temperature.
    max_temperature_K : float
        Absolute [K]; the smaller of the two counts.
    max_energy_change_eV_per_atom : float
        Potential energy away from the first frame's, up or down [eV/atom].
    min_distance_A : float
        Smallest distance of two atoms [Å].
    """

    max_temperature_factor: Dimensionless = Field(default=5.0, gt=1)
    max_temperature_K: Temperature = Field(default=5000.0, gt=0)
    max_energy_change_eV_per_atom: EnergyPerAtom = Field(default=1.0, gt=0)
    min_distance_A: Length = Field(default=0.7, ge=0)


class DynamicsSettings(Record):
    """A dynamics run, but for its temperature and seed.

    Attributes
    ----------
    time_step_fs : float
        [fs]
    n_steps : int
        Steps of the whole run.
    ensemble : str
        ``"NVT"``: the cell is fixed.
    thermostat : str
        ``"nose-hoover-chain"`` or ``"langevin"``.
    thermostat_time_fs : float
        Characteristic time of the Nose-Hoover chain [fs].
    chain_length : int
        Thermostats in the chain.
    friction_per_ps : float
        Friction of Langevin dynamics [1/ps].
    frame_interval_steps : int
        Steps between kept frames; the first and the last step are kept.
    segment_steps : int
        Steps between checkpoints; one archive file each.
    remove_drift : bool
        Start with zero total momentum, and keep it so.
    runaway : RunawayLimits
        When to stop.
    """

    time_step_fs: TimeFs = Field(default=2.0, gt=0, le=100)
    n_steps: int = Field(default=10_000, gt=0)
    ensemble: Literal["NVT"] = "NVT"
    thermostat: Literal["nose-hoover-chain", "langevin"] = "nose-hoover-chain"
    thermostat_time_fs: TimeFs = Field(default=100.0, gt=0, le=1e6)
    chain_length: int = Field(default=3, ge=1)
    friction_per_ps: RatePerTime = Field(default=10.0, gt=0, le=1000)
    frame_interval_steps: int = Field(default=5, gt=0)
    segment_steps: int = Field(default=1000, gt=0)
    remove_drift: bool = True
    runaway: RunawayLimits = RunawayLimits()

    @model_validator(mode="after")
    def _whole_frames(self) -> Self:
        for name in ("n_steps", "segment_steps"):
            if getattr(self, name) % self.frame_interval_steps:
                raise ValueError(f"{name} is not a multiple of frame_interval_steps")
        if self.thermostat_time_fs < 5 * self.time_step_fs:
            raise ValueError("thermostat_time_fs is shorter than five time steps")
        return self

    @property
    def length_ps(self) -> TimePs:
        """Simulated time [ps]."""
        return self.n_steps * self.time_step_fs / FS_PER_PS

    @property
    def n_frames(self) -> int:
        """Frames kept, the first included."""
        return self.n_steps // self.frame_interval_steps + 1

    def at(self, temperature_K: float, seed: int, n_steps: int | None = None) -> DynamicsSpec:
        """Return the run at a temperature with a seed.

        Parameters
        ----------
        temperature_K : float
            Target temperature [K].
        seed : int
            Seed of the velocities and of the thermostat's noise.
        n_steps : int, optional
            Another number of steps, rounded up to whole frames.

        Returns
        -------
        DynamicsSpec
            Complete: it decides every bit of the run.
        """
        steps = n_steps or self.n_steps
        whole = -(-steps // self.frame_interval_steps) * self.frame_interval_steps
        settings = self.model_dump() | {"n_steps": whole}
        return DynamicsSpec(**settings, temperature_K=temperature_K, seed=seed)


class DynamicsSpec(DynamicsSettings):
    """A dynamics run.

    Attributes
    ----------
    temperature_K : float
        Target temperature [K].
    seed : int
        Seed of the velocities and of the thermostat's noise.
    electronic : ElectronicSpec or None
        How a DFT engine computes forces; None for an interatomic potential.
    """

    temperature_K: Temperature = Field(gt=0, le=1e5)
    seed: int = Field(ge=0)
    electronic: ElectronicSpec | None = None

"""How a structure is relaxed, in words no engine owns."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sulfox.documents.base import Record
from sulfox.protocols.electronic import ElectronicSpec
from sulfox.units import Dimensionless, Force, Length

__all__ = ["RelaxationSpec"]


class RelaxationSpec(Record):
    """A geometry optimisation.

    Attributes
    ----------
    force_threshold_eV_A : float
        Converged when no atom feels more than this [eV/Å].
    max_steps : int
        Optimiser steps at most.
    cell : str
        ``"fixed"``, ``"full"`` (all six strains) or ``"hydrostatic"`` (volume only).
    optimizer : str
        ``"FIRE"`` or ``"LBFGS"``.
    max_displacement_A : float
        An atom that moved farther than this makes the result refused [Å].
    max_volume_ratio : float
        A volume that grew or shrank by more than this factor makes it refused.
    electronic : ElectronicSpec or None
        How a DFT engine computes forces; None for an interatomic potential.
    """

    force_threshold_eV_A: Force = Field(default=0.05, gt=0)
    max_steps: int = Field(default=500, ge=0)
    cell: Literal["fixed", "full", "hydrostatic"] = "fixed"
    optimizer: Literal["FIRE", "LBFGS"] = "FIRE"
    max_displacement_A: Length = Field(default=8.0, gt=0)
    max_volume_ratio: Dimensionless = Field(default=1.5, gt=1)
    electronic: ElectronicSpec | None = None

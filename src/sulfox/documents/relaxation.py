"""A relaxed structure with its energy."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document
from sulfox.documents.structure import StructureRecord
from sulfox.units import Energy, Force, Length

__all__ = ["RelaxationDoc"]


class RelaxationDoc(Document):
    """A geometry optimisation.

    Attributes
    ----------
    label : str
        What was relaxed, e.g. ``"LCO|LPSCl"`` or ``"LPSCl bulk"``.
    interface_id : str or None
        Identity of the interface that was relaxed.
    relax_cell : bool
        Whether the cell was relaxed too.
    energy_eV : float or None
        Final potential energy of the cell [eV]; None where the engine gave none.
    max_force_eV_A : float or None
        Largest remaining force on an atom [eV/Å]; None where the engine gave none.
    force_threshold_eV_A : float
        Threshold asked for [eV/Å].
    n_steps : int
        Optimiser steps.
    max_displacement_A : float
        Largest displacement of an atom from the start [Å].
    initial, final : StructureRecord
        Structure before and after.
    """

    kind: Literal["relaxation"] = "relaxation"
    label: str
    interface_id: str | None = None
    relax_cell: bool
    energy_eV: Energy | None
    max_force_eV_A: Force | None
    force_threshold_eV_A: Force
    n_steps: int
    max_displacement_A: Length
    initial: StructureRecord
    final: StructureRecord

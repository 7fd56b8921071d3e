"""The electronic part of a study as data: which ground states, at which level of theory."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from sulfox.documents.band_alignment import PublishedDifference
from sulfox.documents.base import Record
from sulfox.documents.electronic_structure import MagneticState
from sulfox.units import Energy

__all__ = ["BandCenterPlan", "CoreShellPlan", "ElectronicCase"]


class ElectronicCase(Record):
    """One ground state to compute.

    Attributes
    ----------
    material : str
        Catalogue name, or path of a CIF or POSCAR.
    magnetic_state : str
        ``"ground"``, ``"ferromagnetic"`` or ``"none"``.
    hubbard : bool
        Whether the materials' U is used.
    """

    material: str
    magnetic_state: MagneticState = "ground"
    hubbard: bool = True


class BandCenterPlan(Record):
    """Band centres of two materials, with every variant that is tried.

    The cases are stated before anything is computed, and the alignment says how many they
    are: none is picked after the fact.

    Attributes
    ----------
    engine : str
        ``"gpaw"``, ``"vasp"``, or another engine that has electrons.
    protocol : str
        Name of an electronic protocol in ``configs/protocols``.
    upper, lower : str
        Materials; the difference is upper minus lower.
    element, orbital : str
        Whose states.
    cases : tuple of ElectronicCase
        What is computed; the ground state of either material with U first.
    published : PublishedDifference or None
        What the difference is set against.
    tolerance_eV : float
        What counts as agreement, stated beforehand [eV].
    """

    engine: str = "gpaw"
    protocol: str = "paper"
    upper: str
    lower: str
    element: str = "O"
    orbital: str = "p"
    cases: tuple[ElectronicCase, ...]
    published: PublishedDifference | None = None
    tolerance_eV: Energy = Field(default=0.25, gt=0)

    @model_validator(mode="after")
    def _both_ground_states(self) -> Self:
        if len(set(self.cases)) != len(self.cases):
            raise ValueError("a case stands twice")
        for material in (self.upper, self.lower):
            if ElectronicCase(material=material) not in self.cases:
                raise ValueError(f"the ground state of {material} is not among the cases")
        foreign = {case.material for case in self.cases} - {self.upper, self.lower}
        if foreign:
            raise ValueError(f"cases of {sorted(foreign)}, which are neither upper nor lower")
        return self


class CoreShellPlan(Record):
    """States layer by layer where one material grows coherently on another.

    Both oxygens share one energy axis: the only alignment that needs no reference.

    Attributes
    ----------
    engine : str
        An engine that has electrons.
    protocol : str
        Name of an electronic protocol in ``configs/protocols``.
    core, shell : str
        Materials; both must be decorations of one rock salt.
    core_layers, shell_layers : int
        Cation layers; 3 and 3 is the smallest cell, 7 and 7 is bulk-like in both middles.
    element, orbital : str
        Whose states.
    """

    engine: str = "gpaw"
    protocol: str = "fast"
    core: str
    shell: str
    core_layers: int = Field(default=3, ge=3)
    shell_layers: int = Field(default=3, ge=3)
    element: str = "O"
    orbital: str = "p"

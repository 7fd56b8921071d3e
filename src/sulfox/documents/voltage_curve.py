"""Reaction energy of two phases in contact against the voltage of a reservoir."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.entry_set import EntrySetReference
from sulfox.units import Dimensionless, Energy, EnergyPerAtom, Voltage

__all__ = ["VoltageCurveDoc", "VoltageMark", "VoltagePoint", "VoltageSegment"]


class VoltagePoint(Record):
    """Energies at one potential of the open element; between two points they are linear.

    Attributes
    ----------
    chemical_potential_eV : float
        Of the open element, relative to its most stable entry [eV/atom].
    voltage_V : float or None
        The same against the element's own metal [V]; None for an element without a voltage.
    scale_V : float or None
        The same on the scale that was asked for [V].
    total_eV_per_atom : float
        Lowest energy over all mixing ratios, reactants at their own energy, per atom that is
        not of the open element [eV/atom].
    mutual_eV_per_atom : float
        The same with both reactants on the hull under the potential [eV/atom].
    """

    chemical_potential_eV: Energy
    voltage_V: Voltage | None
    scale_V: Voltage | None
    total_eV_per_atom: EnergyPerAtom
    mutual_eV_per_atom: EnergyPerAtom


class VoltageSegment(Record):
    """The reactions between two neighbouring points.

    Attributes
    ----------
    from_point, to_point : int
        Positions of its ends in the list of points.
    total_x, mutual_x : float
        Atoms of reactant 1 over those of both, without the open element, at the lowest
        energy.
    total_products, mutual_products : tuple of str
        Reduced formulas.
    total_uptake, mutual_uptake : float
        Atoms of the open element taken up per other atom; negative where given off.
    total_reaction : str
        Balanced, for one mole of both reactants together.
    """

    from_point: int
    to_point: int
    total_x: Dimensionless
    mutual_x: Dimensionless
    total_products: tuple[str, ...]
    mutual_products: tuple[str, ...]
    total_uptake: Dimensionless
    mutual_uptake: Dimensionless
    total_reaction: str


class VoltageMark(Record):
    """A voltage that a cell sets.

    Attributes
    ----------
    label : str
        What it is.
    voltage_V : float
        Against Li/Li+ [V].
    total_eV_per_atom, mutual_eV_per_atom : float
        Energies there [eV/atom].
    """

    label: str
    voltage_V: Voltage
    total_eV_per_atom: EnergyPerAtom
    mutual_eV_per_atom: EnergyPerAtom


class VoltageCurveDoc(Document):
    """Reaction energy against voltage, every kink exact.

    Attributes
    ----------
    entries : EntrySetReference
        The entry set behind every number.
    reactants : tuple of str
        Reduced formulas, reactant 1 first.
    open_element : str
        Element of the reservoir.
    scale : str
        ``"Li"``, ``"Li-In"`` or the open element's own metal.
    scale_offset_V : float
        Added to a voltage on this scale it gives that against the metal [V].
    energy_per : str
        Which atoms the energies are divided by, in words.
    points : tuple of VoltagePoint
        Both ends and every kink, by ascending voltage (descending chemical potential).
    segments : tuple of VoltageSegment
        Between neighbouring points.
    marks : tuple of VoltageMark
        Cut-off voltages of cells inside the range.
    """

    kind: Literal["voltage_curve"] = "voltage_curve"
    entries: EntrySetReference
    reactants: tuple[str, str]
    open_element: str
    scale: str
    scale_offset_V: Voltage
    energy_per: str
    points: tuple[VoltagePoint, ...]
    segments: tuple[VoltageSegment, ...]
    marks: tuple[VoltageMark, ...]

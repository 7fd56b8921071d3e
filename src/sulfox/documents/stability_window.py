"""Electrochemical window of a compound: limits, products, voltage profile."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.entry_set import EntrySetReference
from sulfox.units import Dimensionless, EnergyPerAtom, Voltage

__all__ = ["ProfileStep", "StabilityWindowDoc", "WindowLimits"]


class ProfileStep(Record):
    """Equilibrium phases over a range of voltage.

    Attributes
    ----------
    voltage_V : float
        From this voltage on [V against the ion's metal]; below, more ions are taken up.
    to_voltage_V : float or None
        Up to this voltage [V]; None for the step without an upper end.
    products : tuple of str
        Reduced formulas.
    uptake : float
        Ions taken up per formula unit; negative where they are given off.
    reaction : str
        Balanced, per formula unit.
    """

    voltage_V: Voltage
    to_voltage_V: Voltage | None
    products: tuple[str, ...]
    uptake: Dimensionless
    reaction: str


class WindowLimits(Record):
    """Both limits in one convention.

    Attributes
    ----------
    convention : str
        ``"phase equilibria"`` (the equilibrium phases of the composition take up and
        give off no ions), ``"stabilised onto the hull"`` (the compound itself, its energy
        lowered to the hull) or ``"direct decomposition"`` (the compound at its own
        energy, into the next phases on either side).
    reduction_V : float
        [V against the ion's metal]; 0 for a compound that is stable against the metal.
    oxidation_V : float or None
        [V against the ion's metal]; None for a compound without the ion. Where it lies
        below `reduction_V` the compound is stable at no voltage.
    reduction_products, oxidation_products : tuple of str
        What forms just beyond each limit.
    products_within : tuple of str
        What is there between the limits.
    """

    convention: Literal["phase equilibria", "stabilised onto the hull", "direct decomposition"]
    reduction_V: Voltage
    oxidation_V: Voltage | None
    reduction_products: tuple[str, ...]
    oxidation_products: tuple[str, ...]
    products_within: tuple[str, ...]


class StabilityWindowDoc(Document):
    """Electrochemical window of one composition.

    Attributes
    ----------
    entries : EntrySetReference
        The entry set behind every number.
    asked, formula, ion : str
        As it was asked for; smallest integer formula; the working ion's element.
    reduction_V, oxidation_V : float, float or None
        Limits in `convention` [V against the ion's metal].
    convention : str
        Convention of these two.
    e_above_hull_eV : float or None
        Of the lowest entry of this composition [eV/atom]; None without one.
    conventions : tuple of WindowLimits
        The limits in every convention.
    edges_V : tuple of float
        Where the phases change, ascending, without 0 V (metal plates) [V].
    profile : tuple of ProfileStep
        By ascending voltage.
    """

    kind: Literal["stability_window"] = "stability_window"
    entries: EntrySetReference
    asked: str
    formula: str
    ion: str
    reduction_V: Voltage
    oxidation_V: Voltage | None
    convention: str
    e_above_hull_eV: EnergyPerAtom | None
    conventions: tuple[WindowLimits, ...]
    edges_V: tuple[Voltage, ...]
    profile: tuple[ProfileStep, ...]

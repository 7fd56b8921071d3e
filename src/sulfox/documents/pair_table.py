"""The table of pairs: reaction energies of an entry set beside published numbers."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.entry_set import EntrySetReference
from sulfox.units import EnergyPerAtom, Voltage

__all__ = ["OUTCOMES", "Outcome", "PairRow", "PairTableDoc", "StateOfCharge", "WindowRow"]

#: How a computed number stands to a published one.
Outcome = Literal["met", "met within its error", "missed"]
#: What each outcome means.
OUTCOMES: dict[Outcome, str] = {
    "met": "within the tolerance, and the set's mean error is no larger than it",
    "met within its error": "within the tolerance, but the set's mean error is larger: it may be "
    "chance",
    "missed": "outside the tolerance",
}


class StateOfCharge(Record):
    """The same pair with another state of charge of reactant 1.

    Attributes
    ----------
    formula : str
        Reactant 1.
    hull_eV_per_atom, own_energy_eV_per_atom : float
        Lowest reaction energy in both conventions [eV/atom].
    """

    formula: str
    hull_eV_per_atom: EnergyPerAtom
    own_energy_eV_per_atom: EnergyPerAtom


class PairRow(Record):
    """One pair.

    Attributes
    ----------
    label : str
        As a person calls it.
    reactants : tuple of str
        Formulas.
    hull_eV_per_atom, own_energy_eV_per_atom : float or None
        Lowest reaction energy with the reactants on the hull, and at their own energy
        [eV/atom]; None where the set cannot say.
    reaction : str or None
        At the lowest energy on the hull.
    reaction_energy_id : str or None
        The ReactionEnergyDoc behind the row.
    published_eV_per_atom : float or None
        What the source says [eV/atom].
    source : str or None
        The source.
    said : str
        One line: why the published number is met or not, or how the pair compares with
        another, or why there is no number.
    outcome : str or None
        How the number stands to the published one, see :data:`OUTCOMES`; None without one.
    charged : tuple of StateOfCharge
        Other states of charge, where the plan names some.
    compared_with : str or None
        Label of the pair that this one is set beside.
    """

    label: str
    reactants: tuple[str, str]
    hull_eV_per_atom: EnergyPerAtom | None
    own_energy_eV_per_atom: EnergyPerAtom | None
    reaction: str | None
    reaction_energy_id: str | None
    published_eV_per_atom: EnergyPerAtom | None
    source: str | None
    said: str
    outcome: Outcome | None = None
    charged: tuple[StateOfCharge, ...] = ()
    compared_with: str | None = None


class WindowRow(Record):
    """Window of one compound.

    Attributes
    ----------
    formula : str
        The compound.
    reduction_V, oxidation_V : float or None
        Against Li/Li+ [V]; None where the set cannot say, or there is no limit.
    published_oxidation_V : float or None
        What the source says [V].
    source : str or None
        The source.
    said : str
        One line on the difference, or why there is no number.
    outcome : str or None
        How the limit stands to the published one; None without one.
    stability_window_id : str or None
        The StabilityWindowDoc behind the row.
    """

    formula: str
    reduction_V: Voltage | None
    oxidation_V: Voltage | None
    published_oxidation_V: Voltage | None
    source: str | None
    said: str
    outcome: Outcome | None = None
    stability_window_id: str | None = None


class PairTableDoc(Document):
    """Every pair of a plan for one entry set.

    Attributes
    ----------
    entries : EntrySetReference
        The entry set behind every number.
    title : str
        Of the plan.
    pairs : tuple of PairRow
        In the order of the plan.
    windows : tuple of WindowRow
        In the order of the plan.
    scheme : str or None
        How the elements' energies were taken, or how energies were corrected.
    """

    kind: Literal["pair_table"] = "pair_table"
    entries: EntrySetReference
    title: str
    pairs: tuple[PairRow, ...]
    windows: tuple[WindowRow, ...]
    scheme: str | None = None

"""The table of pairs: reaction energies of an entry set beside published numbers."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.entry_set import EntrySetReference
from sulfox.units import EnergyPerAtom, Voltage

__all__ = ["PairRow", "PairTableDoc", "WindowRow"]


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
    """

    formula: str
    reduction_V: Voltage | None
    oxidation_V: Voltage | None
    published_oxidation_V: Voltage | None
    source: str | None
    said: str


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
    """

    kind: Literal["pair_table"] = "pair_table"
    entries: EntrySetReference
    title: str
    pairs: tuple[PairRow, ...]
    windows: tuple[WindowRow, ...]

"""Coatings between a cathode and an electrolyte, ranked."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.entry_set import EntrySetReference
from sulfox.units import Dimensionless, EnergyPerAtom, Voltage

__all__ = ["Contact", "ScreenedCoating", "ScreeningDoc", "TripleJunction"]


class Contact(Record):
    """Two phases in contact, in a closed system.

    Attributes
    ----------
    mutual_eV_per_atom : float
        Lowest reaction energy with both on the hull [eV/atom].
    own_energy_eV_per_atom : float
        Lowest with both at their own energy [eV/atom].
    reaction : str
        At the first of the two.
    """

    mutual_eV_per_atom: EnergyPerAtom
    own_energy_eV_per_atom: EnergyPerAtom
    reaction: str


class TripleJunction(Record):
    """Cathode, coating and electrolyte together.

    Attributes
    ----------
    energy_eV_per_atom : float
        Lowest reaction energy of any mixture of the three, each on the hull [eV/atom].
    fractions : tuple of float
        Atomic fractions of cathode, coating and electrolyte there.
    worst_pair_eV_per_atom : float
        Lowest energy of any two of them [eV/atom]; the junction is never less reactive.
    """

    energy_eV_per_atom: EnergyPerAtom
    fractions: tuple[Dimensionless, Dimensionless, Dimensionless]
    worst_pair_eV_per_atom: EnergyPerAtom


class ScreenedCoating(Record):
    """One coating and what speaks for and against it.

    Attributes
    ----------
    rank : int
        1 is the best.
    asked, formula : str
        As it was asked for; smallest integer formula.
    e_above_hull_eV : float or None
        [eV/atom]; None without an entry of its own.
    worst_eV_per_atom : float
        The lowest of the four energies that decide the rank: contact with the cathode, with
        the electrolyte (mutual), decomposition alone at the lower and upper cut-off [eV/atom].
    worst_is : str
        Which of them.
    cathode, electrolyte : Contact
        Contact with either side.
    reduction_V, oxidation_V : float, float or None
        Window against Li/Li+ [V].
    at_lower_eV_per_atom, at_upper_eV_per_atom : float
        Energy of its decomposition at the cut-offs, per atom that is not lithium [eV/atom].
    covers_cell_window : bool
        Whether its window holds both cut-offs.
    triple_junction : TripleJunction
        With cathode and electrolyte.
    remarks : tuple of str
        What a reader has to know.
    """

    rank: int
    asked: str
    formula: str
    e_above_hull_eV: EnergyPerAtom | None
    worst_eV_per_atom: EnergyPerAtom
    worst_is: str
    cathode: Contact
    electrolyte: Contact
    reduction_V: Voltage
    oxidation_V: Voltage | None
    at_lower_eV_per_atom: EnergyPerAtom
    at_upper_eV_per_atom: EnergyPerAtom
    covers_cell_window: bool
    triple_junction: TripleJunction
    remarks: tuple[str, ...] = ()


class ScreeningDoc(Document):
    """Coatings ranked by stability against both sides and under the cell's voltages.

    Attributes
    ----------
    entries : EntrySetReference
        The entry set behind every number.
    cathode, electrolyte : str
        As they were asked for.
    lower_V, upper_V : float
        Cut-offs of the cell [V against Li/Li+].
    bare : Contact
        Cathode and electrolyte without a coating.
    coatings : tuple of ScreenedCoating
        By rank.
    left_out : tuple of str
        Coatings that this set cannot judge, each with the reason.
    """

    kind: Literal["screening"] = "screening"
    entries: EntrySetReference
    cathode: str
    electrolyte: str
    lower_V: Voltage
    upper_V: Voltage
    bare: Contact
    coatings: tuple[ScreenedCoating, ...]
    left_out: tuple[str, ...] = ()

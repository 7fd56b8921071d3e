"""Chemical reaction of two phases in contact: energy and products against mixing."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.entry_set import EntrySetReference
from sulfox.units import Amount, Dimensionless, Energy, EnergyPerAtom, EnergyPerMole, Voltage

__all__ = ["OpenElement", "Reactant", "ReactionEnergyDoc", "ReactionKink", "ReactionTerm"]


class OpenElement(Record):
    """An element that a reservoir supplies or takes.

    Attributes
    ----------
    element : str
        Symbol.
    chemical_potential_eV : float
        Relative to the element's most stable entry [eV/atom], at most 0.
    voltage_V : float or None
        The same as a voltage, ``-chemical_potential_eV / charge`` [V]; None where the
        chemical potential was given.
    reference : str or None
        Electrode of `voltage_V`: always the element's own, ``"Li/Li+"``.
    """

    element: str
    chemical_potential_eV: Energy
    voltage_V: Voltage | None = None
    reference: str | None = None


class Reactant(Record):
    """One side of the contact.

    Attributes
    ----------
    asked, formula : str
        As it was asked for; smallest integer formula.
    entry_id : str or None
        The entry whose energy is its own.
    own_energy_from : str
        ``"entry"``, or ``"hull"`` where the set has no entry of this composition: its
        own energy is then that of its equilibrium phases.
    e_above_hull_eV_per_atom : float or None
        Own energy above the closed hull, per atom [eV/atom]; None without an entry.
    self_decomposition_eV_per_atom : float
        Energy of its decomposition alone under the same conditions, not positive, per
        atom that is not of the open element [eV/atom].
    decomposes_to : tuple of str
        What it becomes alone under the same conditions.
    hull_eV_per_atom : float or None
        Formation energy of its equilibrium phases in the closed system [eV/atom]: the end of
        the tie line; None in documents of earlier versions.
    """

    asked: str
    formula: str
    entry_id: str | None
    own_energy_from: Literal["entry", "hull"]
    e_above_hull_eV_per_atom: EnergyPerAtom | None
    self_decomposition_eV_per_atom: EnergyPerAtom
    decomposes_to: tuple[str, ...]
    hull_eV_per_atom: EnergyPerAtom | None = None


class ReactionTerm(Record):
    """A phase in a balanced reaction.

    Attributes
    ----------
    formula : str
        Reduced formula.
    amount_mol : float
        Moles of this formula, positive; those of the two reactants add up to 1 [mol].
    """

    formula: str
    amount_mol: Amount


class ReactionKink(Record):
    """A mixing ratio at which the products change.

    Attributes
    ----------
    x_atomic : float
        Atoms of reactant 1 over atoms of both reactants, 0 to 1.
    x_fixed_atoms : float
        The same without the atoms of the open element. Between two kinks the energy is
        linear in it. Equal to `x_atomic` in a closed system.
    energy_eV_per_atom : float
        Reaction energy in the convention that was asked for, per atom of the mixture
        that is not of the open element [eV/atom].
    energy_kJ_per_mol : float
        The same per mole of the reaction as written: the amounts of the two reactants
        add up to one mole [kJ/mol].
    mutual_eV_per_atom : float
        Reactants on the hull: only what they do to each other [eV/atom].
    self_decomposition_eV_per_atom : float
        What each does alone, added up [eV/atom].
    own_energy_eV_per_atom : float
        Reactants at their own energy: the sum of the two parts [eV/atom].
    reaction : str
        Balanced reaction, amounts rounded to four digits.
    reactants, products : tuple of ReactionTerm
        The same, unrounded; an open element stands on the side that balances.
    """

    x_atomic: Dimensionless
    x_fixed_atoms: Dimensionless
    energy_eV_per_atom: EnergyPerAtom
    energy_kJ_per_mol: EnergyPerMole
    mutual_eV_per_atom: EnergyPerAtom
    self_decomposition_eV_per_atom: EnergyPerAtom
    own_energy_eV_per_atom: EnergyPerAtom
    reaction: str
    reactants: tuple[ReactionTerm, ...]
    products: tuple[ReactionTerm, ...]


class ReactionEnergyDoc(Document):
    """Reaction of two phases along their pseudo-binary line.

    Attributes
    ----------
    entries : EntrySetReference
        The entry set behind every number.
    reactants : tuple of Reactant
        Reactant 1 (at x = 1) and reactant 2 (at x = 0).
    x_is : str
        What x counts, in words.
    energy_per : str
        Which atoms the energies are divided by, in words.
    kinks : tuple of ReactionKink
        By ascending x, both ends included.
    minimum : ReactionKink
        The lowest energy in the convention that was asked for.
    minimum_hull, minimum_own_energy : ReactionKink
        The lowest of both conventions.
    use_hull_energy : bool
        True if reactants count as on the hull, False at their own energy.
    open : OpenElement or None
        The element that a reservoir holds at a potential.
    """

    kind: Literal["reaction_energy"] = "reaction_energy"
    entries: EntrySetReference
    reactants: tuple[Reactant, Reactant]
    x_is: str
    energy_per: str
    kinks: tuple[ReactionKink, ...]
    minimum: ReactionKink
    minimum_hull: ReactionKink
    minimum_own_energy: ReactionKink
    use_hull_energy: bool
    open: OpenElement | None

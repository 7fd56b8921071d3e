"""A named, frozen set of phases and their formation energies, and how to cite it."""

from __future__ import annotations

from pydantic import Field

from sulfox.documents.base import Reason, Record
from sulfox.units import EnergyPerAtom

__all__ = ["EntrySet", "EntrySetReference", "PhaseEntry"]


class PhaseEntry(Record):
    """One phase and its energy.

    Attributes
    ----------
    formula : str
        Smallest integer formula; the order of the elements is pymatgen's.
    formation_energy_eV_per_atom : float
        Relative to the elements [eV/atom].
    entry_id : str or None
        The source's name of the phase.
    metadata : dict
        The source's other columns, as text.
    """

    formula: str
    formation_energy_eV_per_atom: EnergyPerAtom
    entry_id: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class EntrySetReference(Record):
    """What every number from an entry set carries.

    Attributes
    ----------
    name : str
        Name of the set.
    hash : str
        SHA-256 (hex) of compositions, energies and correction scheme.
    n : int
        How many entries.
    """

    name: str
    hash: str
    n: int


class EntrySet(Record):
    """All phases that a calculation may form.

    Attributes
    ----------
    name, source : str
        Name of the set; the file it was read from.
    hash : str
        SHA-256 (hex) of compositions, energies and correction scheme. The order of the
        rows and their other columns do not matter.
    correction_scheme : str or None
        The one scheme by which all energies were corrected, where the source says it.
    entries : tuple of PhaseEntry
        Ordered by formula, then energy; polymorphs are kept.
    remarks : tuple of Reason
        What a reader has to know about the set.
    """

    name: str
    source: str
    hash: str
    correction_scheme: str | None
    entries: tuple[PhaseEntry, ...]
    remarks: tuple[Reason, ...] = ()

    @property
    def reference(self) -> EntrySetReference:
        """Name, hash and size."""
        return EntrySetReference(name=self.name, hash=self.hash, n=len(self.entries))

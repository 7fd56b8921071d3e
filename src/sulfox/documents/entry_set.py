"""A named, frozen set of phases and their formation energies, and how to cite it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sulfox.documents.base import Document, Reason, Record, Status
from sulfox.documents.structure import StructureRecord
from sulfox.units import Dimensionless, EnergyPerAtom, Force, Length

__all__ = [
    "Accuracy",
    "ComparedEnthalpy",
    "ComputedEntrySetDoc",
    "ComputedPhase",
    "EntrySet",
    "EntrySetReference",
    "PhaseEntry",
]


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


class ComparedEnthalpy(Record):
    """A formation energy beside the measured enthalpy.

    Attributes
    ----------
    name, formula : str
        Phase.
    computed_eV_per_atom, measured_eV_per_atom : float
        Formation energy, and standard enthalpy at 298.15 K, both from the elements' phases
        of the set [eV/atom].
    left_out_eV_per_atom : float or None
        What the scheme gives where this compound was left out of its fit [eV/atom]; None
        where nothing is fitted, or the fit needs this compound.
    source : str
        Of the measured number.
    """

    name: str
    formula: str
    computed_eV_per_atom: EnergyPerAtom
    measured_eV_per_atom: EnergyPerAtom
    left_out_eV_per_atom: EnergyPerAtom | None
    source: str


class Accuracy(Record):
    """How far the formation energies of a set lie from measured enthalpies.

    Attributes
    ----------
    scheme : str
        How the elements' energies were taken.
    n : int
        Compounds compared.
    mean_abs_eV_per_atom, largest_eV_per_atom : float
        Mean and largest absolute difference [eV/atom].
    largest_formula : str
        Where it is largest.
    mean_abs_left_out_eV_per_atom : float or None
        Mean absolute difference of compounds that were left out of the fit, one at a time
        [eV/atom]; None where nothing is fitted.
    compounds : tuple of ComparedEnthalpy
        Every compound, by formula.
    """

    scheme: str
    n: int
    mean_abs_eV_per_atom: EnergyPerAtom
    largest_eV_per_atom: EnergyPerAtom
    largest_formula: str
    mean_abs_left_out_eV_per_atom: EnergyPerAtom | None
    compounds: tuple[ComparedEnthalpy, ...]

    @property
    def mean_error(self) -> float:
        """Mean absolute difference, of compounds left out of the fit where there is one."""
        left_out = self.mean_abs_left_out_eV_per_atom
        return self.mean_abs_eV_per_atom if left_out is None else left_out

    @property
    def sentence(self) -> str:
        """The numbers in words."""
        left_out = self.mean_abs_left_out_eV_per_atom
        more = "" if left_out is None else f" ({left_out:.3f} left out of the fit)"
        return (
            f"against {self.n} measured enthalpies of formation: mean error "
            f"{self.mean_abs_eV_per_atom:.3f}{more}, largest {self.largest_eV_per_atom:.3f} "
            f"eV/atom ({self.largest_formula}); {self.scheme}"
        )


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
    level_of_theory : str or None
        What computed the energies, where the set says it.
    accuracy : str or None
        Its error against measured enthalpies, in words, where it is known.
    mean_error_eV_per_atom : float or None
        Mean of it, of compounds left out of its fit where it has one [eV/atom].
    """

    name: str
    hash: str
    n: int
    level_of_theory: str | None = None
    accuracy: str | None = None
    mean_error_eV_per_atom: EnergyPerAtom | None = None

    @property
    def described(self) -> str:
        """Name, hash and what computed the energies: it stands beside every number."""
        made_by = f", {self.level_of_theory}" if self.level_of_theory else ""
        return f"energies of entry set {self.name} ({self.hash[:12]}){made_by}"


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
    level_of_theory : str or None
        What computed the energies, where the set says it.
    accuracy : Accuracy or None
        Its error against measured enthalpies, where it is known.
    """

    name: str
    source: str
    hash: str
    correction_scheme: str | None
    entries: tuple[PhaseEntry, ...]
    remarks: tuple[Reason, ...] = ()
    level_of_theory: str | None = None
    accuracy: Accuracy | None = None

    @property
    def reference(self) -> EntrySetReference:
        """Name, hash and size, level of theory and accuracy."""
        return EntrySetReference(
            name=self.name,
            hash=self.hash,
            n=len(self.entries),
            level_of_theory=self.level_of_theory,
            accuracy=None if self.accuracy is None else self.accuracy.sentence,
            mean_error_eV_per_atom=None if self.accuracy is None else self.accuracy.mean_error,
        )


class ComputedPhase(Record):
    """A phase of the catalogue after its relaxation.

    Attributes
    ----------
    name, formula : str
        Of the catalogue.
    status : Status
        Complete, or refused: then it makes no entry.
    reason : str or None
        Why it is refused.
    energy_eV_per_atom : float or None
        Total energy [eV/atom]; None for a refused phase.
    n_atoms : int
        Atoms of the cell.
    max_force_eV_A : float or None
        Largest force that is left [eV/Å].
    volume_ratio : float or None
        Volume after over before.
    max_displacement_A : float or None
        Largest displacement beyond the strain of the cell [Å].
    structure : StructureRecord or None
        Relaxed cell, rounded to 1e-5 Å.
    structure_type, remark : str or None
        As in the catalogue.
    measured_eV_per_atom : float or None
        Measured enthalpy of formation [eV/atom], from the elements' phases of the tables; an
        element has one where its phase here is another than there.
    measured_source : str or None
        Its source.
    references : tuple of str
        Sources of the structure.
    """

    name: str
    formula: str
    status: Status
    reason: str | None
    energy_eV_per_atom: EnergyPerAtom | None = None
    n_atoms: int = 0
    max_force_eV_A: Force | None = None
    volume_ratio: Dimensionless | None = None
    max_displacement_A: Length | None = None
    structure: StructureRecord | None = None
    structure_type: str | None
    remark: str | None
    measured_eV_per_atom: EnergyPerAtom | None
    measured_source: str | None
    references: tuple[str, ...]


class ComputedEntrySetDoc(Document):
    """Every phase of the catalogue at one level of theory: what an entry set is made from.

    Attributes
    ----------
    name : str
        Name of the set.
    catalogue_hash : str
        SHA-256 (hex) of the catalogue of phases.
    engine_inputs_hash : str
        SHA-256 (hex) of what decides the engine's numbers.
    force_threshold_eV_A : float
        Asked of each relaxation [eV/Å].
    phases : tuple of ComputedPhase
        By name, refused ones included.
    """

    kind: Literal["entry_set"] = "entry_set"
    name: str
    catalogue_hash: str
    engine_inputs_hash: str
    force_threshold_eV_A: Force
    phases: tuple[ComputedPhase, ...]

"""Band centres of two materials side by side: every definition, every variant, what agrees."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record, Status
from sulfox.documents.electronic_structure import MagneticState
from sulfox.units import Energy, Moment

__all__ = [
    "AlignmentRow",
    "AlignmentVariant",
    "BandAlignmentDoc",
    "LiteratureRow",
    "PublishedDifference",
    "RowKind",
]

#: ``"consistent"``: one reference for both, and it exists in both. ``"mixed"``: another
#: reference for each. ``"undefined"``: a reference without meaning, such as E_F in a gap.
RowKind = Literal["consistent", "mixed", "undefined"]


class PublishedDifference(Record):
    """What the difference is set against.

    Attributes
    ----------
    difference_eV : float
        Upper minus lower [eV].
    source : str
        Where it was published, with what is known of its definition.
    """

    difference_eV: Energy
    source: str


class AlignmentVariant(Record):
    """One calculation of one material that was tried.

    Attributes
    ----------
    material, label : str
        ``"CoO"``, ``"CoO (ferromagnetic, no U)"``.
    magnetic_state : str
        The order the calculation started with.
    hubbard : bool
        Whether U was on.
    energy_per_formula_eV : float or None
        Total energy per formula unit, on the engine's own zero [eV].
    above_lowest_eV : float or None
        The same above the lowest of this material with the same U [eV per formula unit].
    is_ground_state : bool
        Lowest in energy of those tried; the catalogue's order where energies are not known.
    ground_state_by : str
        ``"energy"`` or ``"catalogue"``.
    gap_eV : float or None
        Fundamental gap; 0 for a metal [eV].
    is_metal : bool or None
        By the occupations.
    moment_muB : float or None
        Largest moment of an atom, without its sign [µB].
    moment_element : str or None
        Whose moment that is.
    status : Status
        Of the band centre; refused where there is none.
    band_center_id, calculation_id : str or None
        Identities of what it is made from.
    """

    material: str
    label: str
    magnetic_state: MagneticState
    hubbard: bool
    energy_per_formula_eV: Energy | None
    above_lowest_eV: Energy | None
    is_ground_state: bool
    ground_state_by: Literal["energy", "catalogue"]
    gap_eV: Energy | None
    is_metal: bool | None
    moment_muB: Moment | None
    moment_element: str | None
    status: Status
    band_center_id: str | None
    calculation_id: str | None


class AlignmentRow(Record):
    """One definition applied to one pair of variants.

    Attributes
    ----------
    upper, lower : str
        Labels of the two variants.
    definition : str
        Which states: ``"occupied"``.
    upper_reference, lower_reference : str
        What each centre is measured from: ``"VBM"``.
    upper_eV, lower_eV : float or None
        The two centres; None where the definition has none [eV].
    difference_eV : float or None
        Upper minus lower [eV].
    kind : str
        Whether the difference has a meaning, as :data:`RowKind` says.
    ground_states : bool
        Whether both variants are ground states, with or without U.
    hubbard : bool
        Whether U was on in both.
    agrees : bool or None
        Whether it lies within the tolerance of the published difference; None without
        either.
    remark : str
        What the reference means, or why there is no number.
    """

    upper: str
    lower: str
    definition: str
    upper_reference: str
    lower_reference: str
    upper_eV: Energy | None
    lower_eV: Energy | None
    difference_eV: Energy | None
    kind: RowKind
    ground_states: bool
    hubbard: bool
    agrees: bool | None
    remark: str

    @property
    def reference(self) -> str:
        """Both references in one: ``"VBM"``, or ``"CBM and VBM"``."""
        if self.upper_reference == self.lower_reference:
            return self.upper_reference
        return f"{self.upper_reference} and {self.lower_reference}"


class LiteratureRow(Record):
    """A computed gap or moment beside a measured one.

    Attributes
    ----------
    label : str
        Variant.
    what : str
        What was measured, and how.
    computed_gap_eV, measured_gap_eV : float or None
        Fundamental gap [eV].
    computed_moment_muB, measured_moment_muB : float or None
        Computed: spin moment inside the sphere. Measured: with its orbital part [µB].
    citation : str
        Source.
    doi : str or None
        Of the source.
    checked : str
        What of the source was read: ``"text"``, ``"abstract"`` or ``"no"``.
    """

    label: str
    what: str
    computed_gap_eV: Energy | None
    measured_gap_eV: Energy | None
    computed_moment_muB: Moment | None
    measured_moment_muB: Moment | None
    citation: str
    doi: str | None
    checked: Literal["text", "abstract", "no"]


class BandAlignmentDoc(Document):
    """The difference of two materials' band centres, by every definition and variant.

    Attributes
    ----------
    upper, lower : str
        Materials; differences are upper minus lower.
    element, orbital : str
        Whose states.
    variants : tuple of AlignmentVariant
        All that were tried, those that gave nothing too.
    rows : tuple of AlignmentRow
        Every definition for every pair of variants with the same U.
    n_variants, n_pairs, n_definitions, n_differences : int
        Calculations tried, pairs made of them, definitions, differences that exist.
    published : PublishedDifference or None
        What they are set against.
    tolerance_eV : float
        What counts as agreement, stated beforehand [eV].
    n_agreeing : int
        Differences within the tolerance.
    reproduced : bool or None
        Whether one of these is of both ground states with U (where U was used at all) and
        with one consistent reference; None without a published difference.
    verdict : str
        The same in words, made from the rows.
    literature : tuple of LiteratureRow
        Gaps and moments of the ground states beside measured ones.
    """

    kind: Literal["band_alignment"] = "band_alignment"
    upper: str
    lower: str
    element: str
    orbital: str
    variants: tuple[AlignmentVariant, ...]
    rows: tuple[AlignmentRow, ...]
    n_variants: int
    n_pairs: int
    n_definitions: int
    n_differences: int
    published: PublishedDifference | None
    tolerance_eV: Energy
    n_agreeing: int
    reproduced: bool | None
    verdict: str
    literature: tuple[LiteratureRow, ...]

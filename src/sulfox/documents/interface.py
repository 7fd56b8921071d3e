"""An interface candidate: two slabs, how they match, what was checked."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.structure import StructureRecord
from sulfox.units import Angle, Area, Dimensionless, DipolePerArea, Length, Moment

__all__ = ["InterfaceDoc", "LayerMoment", "PolyanionCheck", "SlabSide"]


class PolyanionCheck(Record):
    """Whether the polyanions (PS4, CO3, ...) of a slab are whole.

    Attributes
    ----------
    central, ligand : str
        Elements, e.g. P and S.
    coordination : int
        Ligands a whole unit has.
    n_units : int
        Central atoms in the slab.
    n_intact : int
        Of these, with the full coordination.
    repaired : bool
        Whether atoms were moved across the slab to make units whole.
    """

    central: str
    ligand: str
    coordination: int
    n_units: int
    n_intact: int
    repaired: bool


class LayerMoment(Record):
    """Magnetic order of one atomic layer.

    Attributes
    ----------
    height_A : float
        Height of the layer above the lowest atom of the slab [Å].
    net_moment_muB, absolute_moment_muB : float
        Sum and sum of absolute values of the initial moments in the layer [µB].
    """

    height_A: Length
    net_moment_muB: Moment
    absolute_moment_muB: Moment


class SlabSide(Record):
    """One side of an interface.

    Attributes
    ----------
    material : str
        Catalogue name or file the bulk came from.
    structure_id : str
        Identity of the (ordered) bulk representative.
    formula : str
        Reduced formula of the slab.
    miller : tuple of int
        Facet, in the conventional cell of the catalogue entry.
    termination : str
        Label, unique among the terminations of this facet.
    n_layers : int
        Repeats of the oriented unit cell.
    n_atoms : int
        Atoms on this side.
    thickness_A : float
        From lowest to highest atom [Å].
    supercell : tuple
        (2, 2) integer matrix: rows are the match vectors in units of the slab's in-plane vectors.
    strain : tuple
        (2, 2) symmetric small-strain tensor of this side in the interface plane (stretch minus one,
        x along the first vector of the cell).
    strain_max : float
        Largest absolute principal strain of this side.
    dipole_per_area : float
        Dipole of formal charges along the normal per area [e/Å].
    is_polar : bool
        True if the repeat unit carries a dipole along the normal (Tasker type III).
    is_stoichiometric : bool
        Whether the slab has the bulk's composition.
    excess : dict
        Element -> atoms beyond (or short of) the bulk's composition; empty if stoichiometric.
    polyanions : tuple of PolyanionCheck
        One entry per polyanion kind of the material.
    magnetic_layers : tuple of LayerMoment
        Empty for materials without magnetic order.
    """

    material: str
    structure_id: str
    formula: str
    miller: tuple[int, int, int]
    termination: str
    n_layers: int
    n_atoms: int
    thickness_A: Length
    supercell: tuple[tuple[int, int], tuple[int, int]]
    strain: tuple[tuple[Dimensionless, Dimensionless], tuple[Dimensionless, Dimensionless]]
    strain_max: Dimensionless
    dipole_per_area: DipolePerArea
    is_polar: bool
    is_stoichiometric: bool
    excess: dict[str, int]
    polyanions: tuple[PolyanionCheck, ...]
    magnetic_layers: tuple[LayerMoment, ...]


class InterfaceDoc(Document):
    """A built interface, or the reason why there is none.

    Attributes
    ----------
    pair : str
        ``"LCO|LPSCl"``.
    cathode, electrolyte : SlabSide
        The two sides; the electrolyte lies on the cathode along +z.
    strain_rule : str
        How the misfit is shared between the sides, in words and numbers.
    misfit_max : float
        Largest absolute principal strain if one side carried it all.
    strain_max : float
        Largest absolute principal strain of either side.
    area_A2 : float
        Interface area [Å^2].
    angle_deg : float
        Angle between the two in-plane vectors [deg].
    gap_A : float
        Distance along the normal between the facing atomic planes [Å].
    vacuum_A : float
        Vacuum above the electrolyte [Å]; 0 for a periodic sandwich.
    registry : tuple of float
        In-plane shift of the electrolyte, in units of the cathode's surface vectors.
    n_atoms : int
        Atoms in the cell.
    composition : dict
        Element -> number of atoms.
    min_distances_A : dict
        Element pair ``"O-S"`` -> smallest distance between the sides [Å].
    rank : int
        1 is best; order as stated in `ranking`.
    ranking : str
        What was ranked by.
    structure : StructureRecord
        The cell; z is the normal.
    """

    kind: Literal["interface"] = "interface"
    pair: str
    cathode: SlabSide
    electrolyte: SlabSide
    strain_rule: str
    misfit_max: Dimensionless
    strain_max: Dimensionless
    area_A2: Area
    angle_deg: Angle
    gap_A: Length
    vacuum_A: Length
    registry: tuple[Dimensionless, Dimensionless] = (0.0, 0.0)
    n_atoms: int
    composition: dict[str, int]
    min_distances_A: dict[str, Length]
    rank: int
    ranking: str
    structure: StructureRecord

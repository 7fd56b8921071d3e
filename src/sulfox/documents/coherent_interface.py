"""A coherent interface: two decorations of one lattice, with what was checked."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.structure import Side, StructureRecord
from sulfox.units import Angle, Area, Charge, ChargePerArea, Dimensionless, Length, Moment

__all__ = ["CoherentInterfaceDoc", "CoherentLayer", "CoherentSide", "OxygenCoordination"]


class OxygenCoordination(Record):
    """What the oxygens of a cell are bonded to.

    Attributes
    ----------
    cutoff_A : float
        A cation nearer than this is a neighbour [Å].
    n_oxygen, n_six_fold : int
        Oxygens, and those with six cations around.
    environments : dict
        ``"3 Co + 3 Li"`` -> number of oxygens.
    shortest_O_O_A : float
        Smallest distance of two oxygens [Å].
    """

    cutoff_A: Length
    n_oxygen: int
    n_six_fold: int
    environments: dict[str, int]
    shortest_O_O_A: Length


class CoherentLayer(Record):
    """One layer of the stack: its cation plane and the oxygens that belong to it.

    Attributes
    ----------
    number : int
        From the bottom, 0 first.
    side : str
        ``"cathode"`` for the core, ``"coating"`` for the shell.
    height_A : float
        Mean height of its atoms [Å].
    layers_from_interface : int
        1 for a layer that touches the other side.
    atoms : tuple of int
        Their indices in the structure.
    composition : dict
        Element -> atoms.
    charge_e : float
        Sum of the formal charges [e].
    net_moment_muB, absolute_moment_muB : float
        Of the initial moments [µB].
    """

    number: int
    side: Side
    height_A: Length
    layers_from_interface: int
    atoms: tuple[int, ...]
    composition: dict[str, int]
    charge_e: Charge
    net_moment_muB: Moment
    absolute_moment_muB: Moment


class CoherentSide(Record):
    """Core or shell.

    Attributes
    ----------
    material, structure_id : str
        Catalogue name or file; identity of the bulk cell it came from.
    miller : tuple of int
        Interface plane in its conventional cell.
    n_layers : int
        Layers of the block; of one of the two blocks where the shell lies on both faces.
    n_atoms : int
        Atoms of this side in the cell.
    thickness_A : float
        Layers times their spacing [Å].
    strain : tuple
        (2, 2) small-strain tensor in the plane, x along the first vector of the cell.
    strain_principal : tuple of float
        Its principal values, ascending.
    normal_strain : float
        Starting strain along the normal.
    """

    material: str
    structure_id: str
    miller: tuple[int, int, int]
    n_layers: int
    n_atoms: int
    thickness_A: Length
    strain: tuple[tuple[Dimensionless, Dimensionless], tuple[Dimensionless, Dimensionless]]
    strain_principal: tuple[Dimensionless, Dimensionless]
    normal_strain: Dimensionless


class CoherentInterfaceDoc(Document):
    """A coherent core-shell cell.

    Attributes
    ----------
    pair : str
        ``"LCO|CoO"``, core first.
    core, shell : CoherentSide
        The two sides.
    epitaxy : str
        ``"LCO(104)||CoO(100)"``.
    geometry : str
        ``"superlattice"`` (periodic, no vacuum) or ``"slab"`` (shell on both faces of the
        core, vacuum outside).
    interfaces_equivalent : bool
        Whether a symmetry of the crystal (moments left out) exchanges the two interfaces.
    misfit_principal : tuple of float
        Principal strains of the shell if it carried all of the misfit.
    strain_rule : str
        Who carries the misfit, in words.
    area_A2, angle_deg : float
        Of the cell in the interface plane [Å^2, deg].
    height_A : float
        Of the cell along the normal [Å].
    vacuum_A : float
        0 for a superlattice [Å].
    interface_charge : float
        Formal charge of one interface, from the step of the macroscopic field of formal
        charges [e/Å^2]; the other interface has the opposite one.
    is_polar : bool
        Whether it is not zero.
    formal_charge_e, net_moment_muB : float
        Sums over the cell.
    n_atoms, n_electrons : int
        Atoms, and electrons of the neutral atoms.
    composition : dict
        Element -> atoms.
    oxygen : OxygenCoordination
        Of the unrelaxed cell.
    layers : tuple of CoherentLayer
        From the bottom to the top.
    structure : StructureRecord
        z is the normal; the third vector of a superlattice may lean.
    """

    kind: Literal["coherent_interface"] = "coherent_interface"
    pair: str
    core: CoherentSide
    shell: CoherentSide
    epitaxy: str
    geometry: Literal["superlattice", "slab"]
    interfaces_equivalent: bool
    misfit_principal: tuple[Dimensionless, Dimensionless]
    strain_rule: str
    area_A2: Area
    angle_deg: Angle
    height_A: Length
    vacuum_A: Length
    interface_charge: ChargePerArea
    is_polar: bool
    formal_charge_e: Charge
    net_moment_muB: Moment
    n_atoms: int
    n_electrons: int
    composition: dict[str, int]
    oxygen: OxygenCoordination
    layers: tuple[CoherentLayer, ...]
    structure: StructureRecord

"""One VASP calculation in neutral terms, and its structure in the order of a POSCAR."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, TypeVar

import numpy as np
from pydantic import model_validator

from sulfox.documents.base import Record
from sulfox.documents.structure import StructureRecord
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import ElectronicSpec
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.units import Dimensionless, Length

__all__ = ["CalculationKind", "PoscarOrder", "VacuumLayer", "VaspCalculation", "vacuum_along_c"]

CalculationKind = Literal["relax", "static", "dos", "md"]

_Item = TypeVar("_Item")


class VaspCalculation(Record):
    """What one run of VASP computes.

    Attributes
    ----------
    kind : str
        ``"relax"``, ``"static"``, ``"dos"`` (not self-consistent) or ``"md"``.
    electronic : ElectronicSpec
        Functional, U, cutoff, mesh, thresholds.
    relaxation : RelaxationSpec or None
        Of a relaxation.
    dynamics : DynamicsSpec or None
        Of dynamics.
    """

    kind: CalculationKind
    electronic: ElectronicSpec
    relaxation: RelaxationSpec | None = None
    dynamics: DynamicsSpec | None = None

    @model_validator(mode="after")
    def _has_its_part(self) -> Self:
        if (self.kind == "relax") != (self.relaxation is not None):
            raise ValueError("a relaxation, and only that, has a relaxation's specification")
        if (self.kind == "md") != (self.dynamics is not None):
            raise ValueError("dynamics, and only that, has a dynamics' specification")
        return self


@dataclass(frozen=True)
class PoscarOrder:
    """The order of atoms in a POSCAR: species together, by electronegativity.

    Attributes
    ----------
    to_input : tuple of int
        (n_atoms,) index in the given structure of each atom of the POSCAR.
    """

    to_input: tuple[int, ...]

    @classmethod
    def of(cls, species: tuple[str, ...]) -> PoscarOrder:
        """Give the order for a structure; atoms of one species keep their order.

        Parameters
        ----------
        species : tuple of str
            (n_atoms,) element symbols.
        """
        from pymatgen.core import Element

        keys = {symbol: (float(Element(symbol).X), symbol) for symbol in set(species)}
        return cls(tuple(sorted(range(len(species)), key=lambda i: keys[species[i]])))

    def arrange(self, items: tuple[_Item, ...]) -> tuple[_Item, ...]:
        """Bring what stands per atom of the given structure into the POSCAR's order.

        Parameters
        ----------
        items : tuple
            (n_atoms,) in the order of the structure.
        """
        return tuple(items[i] for i in self.to_input)

    def restore(self, items: tuple[_Item, ...]) -> tuple[_Item, ...]:
        """Bring what stands per atom of the POSCAR back into the structure's order.

        Parameters
        ----------
        items : tuple
            (n_atoms,) in the order of the POSCAR.
        """
        return tuple(items[i] for i in np.argsort(self.to_input))

    def arranged(self, structure: StructureRecord) -> StructureRecord:
        """Give the structure with its atoms, and all that belongs to them, in this order.

        Parameters
        ----------
        structure : StructureRecord
            The one this order was made for.
        """
        moments = structure.moments
        return structure.model_copy(
            update={
                "species": self.arrange(structure.species),
                "positions": self.arrange(structure.positions),
                "sides": self.arrange(structure.sides),
                "moments": None if moments is None else self.arrange(moments),
            }
        )


class VacuumLayer(Record):
    """The largest layer without nuclei between planes parallel to a and b.

    Attributes
    ----------
    thickness_A : float
        Distance of the neighbouring nuclei along the normal [Å].
    matter_centre : float
        Fractional coordinate along c of the middle of everything else, 0 to 1.
    """

    thickness_A: Length
    matter_centre: Dimensionless


def vacuum_along_c(structure: StructureRecord) -> VacuumLayer:
    """Find the largest layer without nuclei along the normal of a and b.

    Parameters
    ----------
    structure : StructureRecord
        Any cell; periodic.

    Returns
    -------
    VacuumLayer
        In a bulk cell the largest distance of neighbouring planes of atoms.
    """
    lattice = np.array(structure.lattice)
    normal = np.cross(lattice[0], lattice[1])
    height = abs(np.linalg.det(lattice)) / float(np.linalg.norm(normal))
    along = np.sort((np.array(structure.positions) @ np.linalg.inv(lattice))[:, 2] % 1.0)
    gaps = np.diff(np.append(along, along[0] + 1.0))
    widest = int(gaps.argmax())
    centre = (along[widest] + gaps[widest] / 2 + 0.5) % 1.0
    return VacuumLayer(
        thickness_A=float(gaps[widest] * height), matter_centre=round(float(centre), 4)
    )

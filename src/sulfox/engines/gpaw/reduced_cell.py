"""Lattice vectors as short as they can be, and the same k-mesh in terms of them.

GPAW searches symmetries among rotations with entries -1, 0 and 1 and warns where two lattice
vectors form an angle below 40 or above 140 degrees: "results may be wrong". Such cells get
Minkowski-reduced vectors (Nguyen and Stehle, doi 10.1145/1597036.1597050). No atom moves.

A mesh with one number of divisions along all three vectors, centred on the zone centre, is
the reciprocal lattice scaled by that number: the same points whatever vectors describe the
lattice. Other meshes are replaced by one that is at least as dense along each new vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.structure import StructureRecord
from sulfox.protocols.electronic import KMesh

__all__ = ["ReducedCell", "reduce_cell"]

_MIN_ANGLE_DEG, _MAX_ANGLE_DEG = 40.0, 140.0


@dataclass(frozen=True, eq=False)
class ReducedCell:
    """A structure in other lattice vectors.

    Attributes
    ----------
    structure : StructureRecord
        Same atoms in the same order and places.
    operation : ndarray of int, shape (3, 3)
        New vectors = operation @ given vectors; its determinant is 1 or -1.
    """

    structure: StructureRecord
    operation: NDArray[np.int64]

    @property
    def is_changed(self) -> bool:
        """Whether the vectors are others than the given ones."""
        return not np.array_equal(self.operation, np.eye(3, dtype=int))

    def mesh(self, given: KMesh) -> tuple[KMesh, bool]:
        """Give the mesh in terms of the new vectors.

        Parameters
        ----------
        given : KMesh
            For the given vectors.

        Returns
        -------
        mesh : KMesh
            For the new vectors.
        is_same : bool
            Whether it has the same points.
        """
        if not self.is_changed:
            return given, True
        divisions = np.array(given.divisions)
        if given.gamma_centred and (divisions == divisions[0]).all():
            return given, True
        new = np.array(self.structure.lattice)
        old = np.linalg.inv(self.operation) @ new
        reciprocal_old, reciprocal_new = (
            np.linalg.norm(np.linalg.inv(lattice), axis=0) for lattice in (old, new)
        )
        spacing = float((reciprocal_old / divisions).max())
        denser = [max(1, math.ceil(float(length) / spacing - 1e-6)) for length in reciprocal_new]
        return KMesh(divisions=(denser[0], denser[1], denser[2])), False

    def restore(self, structure: StructureRecord) -> StructureRecord:
        """Give a structure in terms of vectors like the given ones.

        Parameters
        ----------
        structure : StructureRecord
            In terms of the new vectors, maybe strained.

        Returns
        -------
        StructureRecord
            Same atoms.
        """
        lattice = np.linalg.inv(self.operation).round().astype(int) @ np.array(structure.lattice)
        return structure.model_copy(update={"lattice": tuple(map(tuple, lattice.tolist()))})


def reduce_cell(structure: StructureRecord) -> ReducedCell:
    """Choose short lattice vectors where the given ones form an angle that GPAW warns about.

    Parameters
    ----------
    structure : StructureRecord
        Any cell.

    Returns
    -------
    ReducedCell
        Unchanged where all angles are between 40 and 140 degrees.
    """
    from ase.geometry import minkowski_reduce
    from ase.geometry.cell import cell_to_cellpar

    lattice = np.array(structure.lattice)
    angles = cell_to_cellpar(lattice)[3:]
    if ((angles > _MIN_ANGLE_DEG) & (angles < _MAX_ANGLE_DEG)).all():
        return ReducedCell(structure, np.eye(3, dtype=int))
    reduced, operation = minkowski_reduce(lattice, pbc=True)
    rows = tuple(map(tuple, np.asarray(reduced).tolist()))
    return ReducedCell(
        structure.model_copy(update={"lattice": rows}), np.asarray(operation, dtype=int)
    )

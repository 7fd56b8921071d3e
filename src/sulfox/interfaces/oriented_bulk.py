"""A crystal turned so that a facet lies in the plane: two surface vectors and one stacking vector.

The cut is made in the primitive translation lattice of the crystal, with the Miller indices
of the cell that is given. So no spacing is missed in a centred setting: in the hexagonal
setting of R-3m, (012) and (104) are planes of the rhombohedral lattice, and (102) is not (012)
(pymatgen#1294).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray
from vesin import NeighborList

from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.interfaces.plane_lattice import reduce_bases
from sulfox.materials.material import Polyanion

__all__ = ["OrientedBulk", "orient_bulk", "primitive_vectors"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Two atoms are translation images of each other within this distance [Å].
TRANSLATION_TOLERANCE_A = 0.05


@dataclass(frozen=True)
class OrientedBulk:
    """One primitive cell of a crystal, the facet in the x-y plane, its normal along +z.

    Attributes
    ----------
    miller : tuple of int
        Facet in the cell that was given.
    vectors : ndarray
        (3, 3) rows: two reduced surface vectors (z = 0), right-handed, the first along x,
        and the stacking vector, whose z component is the period of the stack [Å].
    species : tuple of str
        (n,) element symbols.
    positions : ndarray
        (n, 3) Cartesian [Å], 0 <= z < period.
    unit_positions : ndarray
        (n, 3) the same, but ligands of a polyanion next to their central atom [Å].
    centre : ndarray
        (n,) index of the central atom of the polyanion an atom belongs to; its own index
        for all other atoms.
    charges : ndarray
        (n,) formal charges [e].
    source_vectors : ndarray
        (3, 3) rows: vectors of the cell that was given, turned into this frame [Å].
    """

    miller: tuple[int, int, int]
    vectors: Floats
    species: tuple[str, ...]
    positions: Floats
    unit_positions: Floats
    centre: Ints
    charges: Floats
    source_vectors: Floats

    @property
    def period_A(self) -> float:
        """Height of one repeat of the stack [Å]."""
        return float(self.vectors[2, 2])


def primitive_vectors(record: StructureRecord) -> tuple[Ints, int]:
    """Primitive translations of a crystal, regardless of magnetic moments.

    Parameters
    ----------
    record : StructureRecord
        The crystal.

    Returns
    -------
    rows : ndarray
        (3, 3) integers; the primitive vectors are ``rows / order`` in units of the
        record's lattice vectors.
    order : int
        Number of primitive cells in the record's cell.
    """
    lattice = np.array(record.lattice)
    fractional = np.array(record.positions) @ np.linalg.inv(lattice)
    elements = np.array(record.species)
    counts = {element: int((elements == element).sum()) for element in sorted(set(elements))}
    rarest = np.flatnonzero(elements == min(counts, key=lambda element: counts[element]))
    translations = [
        fractional[j] - fractional[rarest[0]]
        for j in rarest
        if _is_translation(fractional[j] - fractional[rarest[0]], fractional, elements, lattice)
    ]
    order = len(translations)
    steps = np.rint(np.array(translations) * order).astype(np.int64)
    return _row_hermite(np.vstack([steps, order * np.eye(3, dtype=np.int64)])), order


def _is_translation(
    shift: Floats, fractional: Floats, elements: NDArray[np.str_], lattice: Floats
) -> bool:
    """Whether a shift maps the crystal on itself."""
    apart = (fractional + shift)[:, None, :] - fractional[None, :, :]
    apart -= np.rint(apart)
    distances = np.linalg.norm(apart @ lattice, axis=-1)
    distances[elements[:, None] != elements[None, :]] = np.inf
    return bool((distances.min(axis=1) < TRANSLATION_TOLERANCE_A).all())


def _row_hermite(rows: Ints) -> Ints:
    """Basis (3, 3) of the integer lattice spanned by the rows, upper triangular."""
    work = rows.copy()
    for column in range(3):
        while True:
            live = column + np.flatnonzero(work[column:, column])
            smallest = live[np.argmin(np.abs(work[live, column]))]
            work[[column, smallest]] = work[[smallest, column]]
            below = work[column + 1 :, column] // work[column, column]
            work[column + 1 :] -= below[:, None] * work[column]
            if not work[column + 1 :, column].any():
                break
    return work[:3]


def _plane_basis(indices: Ints) -> Ints:
    """Unimodular (3, 3): two rows in the plane ``indices . row = 0``, one with ``= 1``."""
    basis, values = np.eye(3, dtype=np.int64), indices.copy()
    while np.count_nonzero(values) > 1:
        live = np.flatnonzero(values)
        pivot = live[np.argmin(np.abs(values[live]))]
        for other in live[live != pivot]:
            factor = values[other] // values[pivot]
            values[other] -= factor * values[pivot]
            basis[other] -= factor * basis[pivot]
    pivot = int(np.flatnonzero(values)[0])
    order = [k for k in range(3) if k != pivot] + [pivot]
    basis = basis[order]
    basis[2] *= np.sign(values[pivot])
    return basis


def orient_bulk(
    record: StructureRecord,
    miller: Sequence[int],
    oxidation_states: Mapping[str, float] | None = None,
    polyanions: Sequence[Polyanion] = (),
) -> OrientedBulk:
    """Turn a crystal so that a facet lies in the x-y plane, in its primitive lattice.

    Parameters
    ----------
    record : StructureRecord
        The crystal in the cell the Miller indices refer to.
    miller : sequence of int
        (h, k, l)
    oxidation_states : mapping, optional
        Element -> formal charge [e]; elements not named count as neutral.
    polyanions : sequence of Polyanion
        Units to keep track of.

    Returns
    -------
    OrientedBulk
        One primitive cell.

    Raises
    ------
    SulfoxError
        SFX-201 for indices that are not three integers or all zero.
    """
    try:
        h, k, m = (int(index) for index in miller)
        valid = (h, k, m) != (0, 0, 0) and (h, k, m) == tuple(miller)
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise SulfoxError(
            "SFX-201",
            who="facet",
            found=f"Miller indices {miller!r}",
            expected="three integers, not all zero, such as (1, 0, 4)",
            next_step="give the indices in the material's conventional cell",
        )
    rows, order = primitive_vectors(record)
    indices = rows @ np.array([h, k, m], dtype=np.int64)
    indices //= gcd(*(int(index) for index in indices))
    lattice = np.array(record.lattice)
    basis = _plane_basis(indices) @ rows @ lattice / order
    vectors, rotation = _turn(basis)
    species, positions = _one_cell(record, vectors, rotation, order)
    cell = OrientedBulk(
        miller=(h, k, m),
        vectors=vectors,
        species=species,
        positions=positions,
        unit_positions=positions,
        centre=np.arange(len(species)),
        charges=np.array([float((oxidation_states or {}).get(s, 0.0)) for s in species]),
        source_vectors=lattice @ rotation,
    )
    return _with_units(cell, polyanions)


def _turn(basis: Floats) -> tuple[Floats, Floats]:
    """Reduced vectors in the frame of the facet, and the rotation (for row vectors) to it."""
    a, b, stack = basis
    gram_root = np.linalg.cholesky(np.array([[a @ a, a @ b], [a @ b, b @ b]]))
    _, changes = reduce_bases(gram_root[None])
    a, b = changes[0] @ basis[:2]
    normal = np.cross(a, b)
    if normal @ stack < 0:
        b = -b
        normal = -normal
    x = a / np.linalg.norm(a)
    z = normal / np.linalg.norm(normal)
    rotation = np.column_stack([x, np.cross(z, x), z])
    vectors = np.array([a, b, stack]) @ rotation
    vectors[:2, 2] = 0.0
    vectors[0, 1] = 0.0
    in_plane = np.linalg.solve(vectors[:2, :2].T, vectors[2, :2])
    vectors[2] -= np.rint(in_plane) @ vectors[:2]
    return vectors, rotation


def _one_cell(
    record: StructureRecord, vectors: Floats, rotation: Floats, order: int
) -> tuple[tuple[str, ...], Floats]:
    """Atoms of one primitive cell, z in [0, period)."""
    fractional = np.array(record.positions) @ rotation @ np.linalg.inv(vectors)
    fractional -= np.floor(fractional + 1e-9)
    kept: list[int] = []
    for index, element in enumerate(record.species):
        same = [k for k in kept if record.species[k] == element]
        apart = fractional[index] - fractional[same]
        apart -= np.rint(apart)
        distances = np.linalg.norm(apart @ vectors, axis=1)
        if not same or distances.min() > 2 * TRANSLATION_TOLERANCE_A:
            kept.append(index)
    if len(kept) * order != record.n_atoms:
        raise SulfoxError(
            "SFX-103",
            who="bulk structure",
            found=f"{record.n_atoms} atoms, {order} translations, {len(kept)} distinct atoms",
            expected="a crystal without atoms on top of each other",
            next_step="check the structure",
        )
    return tuple(record.species[k] for k in kept), fractional[kept] @ vectors


def _with_units(cell: OrientedBulk, polyanions: Sequence[Polyanion]) -> OrientedBulk:
    """Attach every ligand to the central atom of its polyanion."""
    elements = np.array(cell.species)
    centre = cell.centre.copy()
    unit_positions = cell.positions.copy()
    best = np.full(len(elements), np.inf)
    for kind in polyanions:
        neighbours = NeighborList(cutoff=kind.cutoff_A, full_list=True)
        i, j, shifts, distances = neighbours.compute(
            points=cell.positions, box=cell.vectors, periodic=True, quantities="ijSd"
        )
        bonds = np.flatnonzero((elements[i] == kind.central) & (elements[j] == kind.ligand))
        for bond in bonds[np.argsort(distances[bonds], kind="stable")]:
            ligand = j[bond]
            if distances[bond] < best[ligand]:
                best[ligand] = distances[bond]
                centre[ligand] = i[bond]
                unit_positions[ligand] = cell.positions[ligand] + shifts[bond] @ cell.vectors
    return OrientedBulk(
        cell.miller,
        cell.vectors,
        cell.species,
        cell.positions,
        unit_positions,
        centre,
        cell.charges,
        cell.source_vectors,
    )

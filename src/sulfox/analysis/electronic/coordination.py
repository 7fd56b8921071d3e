"""What each atom is bonded to: O to 3 Co and 3 Li, O to 6 Co."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from sulfox.trajectories.frames import FloatArray

__all__ = ["COORDINATION_RULE", "coordination_labels"]

_FACTOR = 1.25

#: The rule, for readers.
COORDINATION_RULE = (
    f"bonded when closer than {_FACTOR:g} times the sum of the covalent radii "
    "(doi 10.1039/b801115j), other elements only"
)


def coordination_labels(
    species: Sequence[str], lattice: FloatArray, fractional: FloatArray, sites: Sequence[int]
) -> list[str]:
    """Name the neighbours of chosen sites.

    Two atoms of different elements are bonded when closer than 1.25 times the sum of their
    covalent radii (doi 10.1039/b801115j): Co-O 2.40, Li-O 2.43, P-O 2.16 Å. Images count.

    Parameters
    ----------
    species : sequence of str
        (n_atoms,) element symbols.
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors, periodic in all three [Å].
    fractional : ndarray, shape (n_atoms, 3)
        Fractional coordinates.
    sites : sequence of int
        Whose neighbours are named.

    Returns
    -------
    list of str
        ``"3 Co + 3 Li"``, elements in alphabetical order; ``"none"`` without neighbours.
    """
    from ase.data import atomic_numbers, covalent_radii

    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in species])
    wrapped = (fractional - np.floor(fractional)) @ lattice
    names = np.array(species)
    images = _images(lattice, 2 * _FACTOR * float(radii.max()))
    labels = []
    for site in sites:
        distance = np.linalg.norm(images[:, None] + (wrapped - wrapped[site])[None], axis=2)
        bonded = (names != names[site]) & (distance < _FACTOR * (radii + radii[site]))
        neighbours = names[np.nonzero(bonded)[1]]
        counts = Counter(neighbours.tolist())
        labels.append(" + ".join(f"{n} {symbol}" for symbol, n in sorted(counts.items())) or "none")
    return labels


def _images(lattice: FloatArray, cutoff_A: float) -> FloatArray:
    """Shifts, (n_images, 3), that bring all neighbours of an atom inside the cell near it.

    A library for neighbours (vesin) loads torch where that is installed: half a gigabyte for
    some tens of atoms.
    """
    spacings = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)  # of the lattice planes
    n = np.floor(cutoff_A / spacings).astype(int) + 1
    steps = [np.arange(-k, k + 1) for k in n]
    return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3) @ lattice

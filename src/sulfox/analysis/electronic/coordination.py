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
    from vesin import NeighborList

    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in species])
    wrapped = (fractional - np.floor(fractional)) @ lattice
    finder = NeighborList(cutoff=2 * _FACTOR * float(radii.max()), full_list=True, n_threads=1)
    first, second, distance = finder.compute(wrapped, lattice, periodic=True, quantities="ijd")
    names = np.array(species)
    bonded = (names[first] != names[second]) & (distance < _FACTOR * (radii[first] + radii[second]))
    labels = []
    for site in sites:
        counts = Counter(names[second[bonded & (first == site)]].tolist())
        labels.append(" + ".join(f"{n} {symbol}" for symbol, n in sorted(counts.items())) or "none")
    return labels

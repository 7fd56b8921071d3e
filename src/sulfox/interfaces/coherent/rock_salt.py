"""A crystal seen as a decorated rock salt: which atom sits on which site of the parent lattice.

Sites are triples of integers in units of half the parent's cubic vectors: an even sum is a
cation site, an odd sum an anion site. Layered LiMO2 (alpha-NaFeO2 type, R-3m) is rock salt
with its cations ordered in (111) sheets; a_hex = (A - B)/2, b_hex = (B - C)/2,
c_hex = 2 (A + B + C) in cubic vectors A, B, C (obverse setting).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from sulfox.errors import SulfoxError
from sulfox.materials.magnetic_order import assign_moments
from sulfox.materials.material import Miller
from sulfox.materials.ordering import OrderedMaterial

__all__ = ["RockSaltCrystal", "read_rock_salt"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Farthest an atom may be from its site of the parent lattice [Å].
LARGEST_DISPLACEMENT_A = 0.5
_SAME_SITE = 1e-3
#: Rows: conventional vectors in units of the parent's cubic vectors.
_OBVERSE = np.array([[0.5, -0.5, 0.0], [0.0, 0.5, -0.5], [2.0, 2.0, 2.0]])
_SETTINGS = {
    225: (np.eye(3),),
    166: (_OBVERSE, _OBVERSE * np.array([[-1.0], [-1.0], [1.0]])),
}


@dataclass(frozen=True)
class RockSaltCrystal:
    """A crystal and its parent rock-salt lattice.

    Attributes
    ----------
    ordered : OrderedMaterial
        The crystal.
    cubic : ndarray
        (3, 3) rows: cubic vectors of the parent in the frame of the crystal [Å].
    sites : ndarray
        (n, 3) integers: parent site of each atom, the first cation at the origin.
    displacements : ndarray
        (n, 3) from the parent site to the atom [Å].
    """

    ordered: OrderedMaterial
    cubic: Floats
    sites: Ints
    displacements: Floats

    @property
    def name(self) -> str:
        """Name of the material."""
        return self.ordered.material.name

    @property
    def _conventional(self) -> Floats:
        lattice = np.array(self.ordered.structure.lattice)
        return np.asarray(np.linalg.inv(self.ordered.cell_rows) @ lattice)

    def atoms_at(self, sites: Ints) -> Ints:
        """Tell which atom of the cell sits on each site.

        Parameters
        ----------
        sites : ndarray
            (m, 3) integers.

        Returns
        -------
        ndarray
            (m,) indices of atoms.
        """
        to_cell = 0.5 * self.cubic @ np.linalg.inv(np.array(self.ordered.structure.lattice))
        apart = (sites[:, None] - self.sites[None]) @ to_cell
        off = np.abs(apart - np.rint(apart)).max(axis=-1)
        return np.asarray(off.argmin(axis=1))

    def moments_at(self, sites: Ints) -> Floats:
        """Give the initial moments on sites, images told apart.

        Parameters
        ----------
        sites : ndarray
            (m, 3) integers.

        Returns
        -------
        ndarray
            (m,) [µB]
        """
        record = self.ordered.structure
        first = np.array(record.positions)[0] - self.displacements[0]
        origin = first - 0.5 * self.sites[0] @ self.cubic
        fractional = (0.5 * sites @ self.cubic + origin) @ np.linalg.inv(self._conventional)
        species = [record.species[k] for k in self.atoms_at(sites)]
        return assign_moments(self.ordered.material, fractional, species)

    def repeats(self, step: Ints) -> bool:
        """Whether a translation maps atoms and moments on themselves.

        Parameters
        ----------
        step : ndarray
            (3,) integers, even sum.
        """
        same_atoms = np.array_equal(self.atoms_at(self.sites + step), np.arange(len(self.sites)))
        if not same_atoms:
            species = np.array(self.ordered.structure.species)
            here = self.displacements
            there = self.atoms_at(self.sites + step)
            same_atoms = bool((species[there] == species).all()) and bool(
                np.allclose(here[there], here, atol=1e-3)
            )
        order = self.ordered.material.magnetic_order
        if order is None or not same_atoms:
            return same_atoms
        fractional = 0.5 * step @ self.cubic @ np.linalg.inv(self._conventional)
        phase = float(fractional @ np.array(order.propagation))
        return abs(phase - round(phase)) < 1e-6

    def parent_plane(self, miller: Miller) -> Ints:
        """Turn Miller indices of the conventional cell into those of the parent.

        Parameters
        ----------
        miller : tuple of int
            (h, k, l)

        Returns
        -------
        ndarray
            (3,) coprime integers.
        """
        to_parent = self.cubic @ np.linalg.inv(self._conventional)
        return _coprime(np.rint(6 * to_parent @ np.array(miller)).astype(np.int64))

    def conventional_plane(self, plane: Ints) -> Miller:
        """Turn Miller indices of the parent into those of the conventional cell.

        Parameters
        ----------
        plane : ndarray
            (3,) integers.

        Returns
        -------
        tuple of int
            (h, k, l), coprime, but (003) where a rhombohedral crystal has no (001) plane.
        """
        to_cell = self._conventional @ np.linalg.inv(self.cubic)
        h, k, l = (int(x) for x in _coprime(np.rint(6 * to_cell @ plane).astype(np.int64)))  # noqa: E741
        if self.ordered.material.space_group.number == 166:
            times = 1 if (-h + k + l) % 3 == 0 else 3
            h, k, l = times * h, times * k, times * l  # noqa: E741
        return h, k, l


def read_rock_salt(ordered: OrderedMaterial) -> RockSaltCrystal:
    """Find the parent lattice of a crystal.

    Parameters
    ----------
    ordered : OrderedMaterial
        Rock salt (Fm-3m) or layered alpha-NaFeO2 type (R-3m, hexagonal axes).

    Returns
    -------
    RockSaltCrystal
        Every atom on a site of the parent, every site with an atom.

    Raises
    ------
    SulfoxError
        SFX-204 for another kind of crystal.
    """
    material, record = ordered.material, ordered.structure
    positions = np.array(record.positions)
    lattice = np.array(record.lattice)
    charges = np.array([material.oxidation_states.get(s, 0.0) for s in record.species])
    cations = np.flatnonzero(charges > 0)
    for setting in _SETTINGS.get(material.space_group.number, ()) if len(cations) else ():
        cubic = np.linalg.inv(ordered.cell_rows @ setting) @ lattice
        half = 2.0 * (positions - positions[cations[0]]) @ np.linalg.inv(cubic)
        sites = np.rint(half).astype(np.int64)
        off = 0.5 * (half - sites) @ cubic
        is_cation_site = sites.sum(axis=1) % 2 == 0
        n_sites = 8.0 * abs(np.linalg.det(lattice) / np.linalg.det(cubic))
        if (
            np.linalg.norm(off, axis=1).max() < LARGEST_DISPLACEMENT_A
            and np.array_equal(is_cation_site, charges > 0)
            and abs(n_sites - len(positions)) < _SAME_SITE
        ):
            return RockSaltCrystal(ordered, cubic, sites, off)
    raise SulfoxError(
        "SFX-204",
        who=material.name,
        found=f"{material.formula}, {material.space_group.symbol}",
        expected="rock salt (Fm-3m) or layered alpha-NaFeO2 type (R-3m), all cation and oxygen "
        "sites of the parent rock salt filled",
        next_step="take such a pair, for example LCO and CoO, or search without --coherent",
    )


def _coprime(indices: Ints) -> Ints:
    return np.asarray(indices // max(1, gcd(*(int(index) for index in indices))))

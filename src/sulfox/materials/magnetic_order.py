"""Collinear moments on any atom of a crystal that has a propagation vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sulfox.documents.electronic_structure import MagneticState
from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymatgen.core import Structure

    from sulfox.materials.material import Material

__all__ = ["assign_moments", "conventional_fractional", "in_magnetic_state", "magnetic_cell"]

#: Below this |cos| an atom is too far from every lattice position to have a sign.
_CLEAR_SIGN = 0.5


def assign_moments(
    material: Material, conventional_fractional: ArrayLike, species: Sequence[str]
) -> NDArray[np.float64]:
    """Moments at any positions of the bulk lattice.

    The sign is that of ``cos(2 pi k . (r - origin))``, the size is the entry's: small
    displacements from the lattice leave the moment as it is.

    Parameters
    ----------
    material : Material
        With or without magnetic order.
    conventional_fractional : array_like
        (n, 3) fractional coordinates in the conventional cell, not wrapped and not
        strained: cell images differ in sign where the order says so.
    species : sequence of str
        (n,) element symbols.

    Returns
    -------
    ndarray
        (n,) moments [µB]; zero for elements that carry none.

    Raises
    ------
    SulfoxError
        SFX-103 if a magnetic atom sits between two signs, or lengths differ.
    """
    positions = np.asarray(conventional_fractional, dtype=float)
    if positions.shape != (len(species), 3) or not np.isfinite(positions).all():
        found = f"positions of shape {positions.shape} for {len(species)} species"
        raise _unusable(material, found, f"finite positions of shape ({len(species)}, 3)")
    order = material.magnetic_order
    if order is None:
        return np.zeros(len(species))
    carries = np.array([element == order.element for element in species], dtype=bool)
    phase = (positions - np.asarray(order.origin)) @ np.asarray(order.propagation)
    wave = np.cos(2 * np.pi * phase)
    unclear = np.flatnonzero(carries & (np.abs(wave) < _CLEAR_SIGN))
    if unclear.size:
        found = f"atom {unclear[0]} ({order.element}) lies between two sheets of {order.label}"
        raise _unusable(material, found, f"{order.element} on the sites of the bulk lattice")
    return np.where(carries, order.moment_muB * np.sign(wave), 0.0)


def conventional_fractional(material: Material, cartesian: ArrayLike) -> NDArray[np.float64]:
    """Fractional coordinates of Cartesian positions in the bulk frame.

    Parameters
    ----------
    material : Material
        Whose conventional cell is meant; its Cartesian frame is that of
        ``material.structure().lattice``.
    cartesian : array_like
        (n, 3) positions [Å].

    Returns
    -------
    ndarray
        (n, 3), not wrapped.
    """
    lattice = material.structure().lattice
    return np.asarray(lattice.get_fractional_coords(np.asarray(cartesian, dtype=float)))


def magnetic_cell(material: Material, conventional: Structure) -> Structure:
    """Smallest cell that holds the magnetic order, with site property ``magmom``.

    Parameters
    ----------
    material : Material
        With magnetic order.
    conventional : pymatgen.core.Structure
        Its ordered conventional cell.

    Returns
    -------
    pymatgen.core.Structure
        Same Cartesian frame as `conventional`; for AFM-II rock salt 4 atoms.

    Raises
    ------
    SulfoxError
        SFX-102 if the material has no order, or its magnetic cell does not hold whole
        formula units or a vanishing sum of moments where the order alternates.
    """
    from pymatgen.core import Structure

    order = material.magnetic_order
    if order is None:
        raise _inconsistent(material, "no magnetic_order")
    rows = np.asarray(order.magnetic_cell)
    volume = abs(float(np.linalg.det(rows)))
    vectors = rows @ conventional.lattice.matrix
    images = np.array(list(np.ndindex(5, 5, 5))) - 2
    species = [site.specie.symbol for site in conventional for _ in images]
    spread = (conventional.frac_coords[:, None, :] + images).reshape(-1, 3)
    inside = spread @ np.linalg.inv(rows)
    keep = np.all((inside > -1e-6) & (inside < 1 - 1e-6), axis=1)
    chosen = [species[i] for i in np.flatnonzero(keep)]
    if len(chosen) != round(volume * len(conventional)):
        raise _inconsistent(material, "magnetic_cell is no lattice of this crystal")
    moments = assign_moments(material, spread[keep], chosen)
    alternates = any(abs(k - round(k)) > 1e-6 for k in order.propagation)
    if alternates and abs(float(moments.sum())) > 1e-6:
        raise _inconsistent(material, f"net moment {moments.sum():g} µB in magnetic_cell")
    return Structure(
        vectors,
        chosen,
        np.round(inside[keep], 12) + 0.0,
        site_properties={"magmom": moments.tolist()},
    )


def in_magnetic_state(structure: StructureRecord, state: MagneticState) -> StructureRecord:
    """Return a structure with its starting moments in another order.

    Parameters
    ----------
    structure : StructureRecord
        With or without moments; without, every state is the same.
    state : str
        ``"ground"`` keeps them, ``"ferromagnetic"`` makes all parallel, ``"none"`` takes
        them away: the calculation is then not spin-polarised.

    Returns
    -------
    StructureRecord
        Same atoms.
    """
    if structure.moments is None or state == "ground":
        return structure
    parallel = tuple(abs(moment) for moment in structure.moments)
    return structure.model_copy(update={"moments": parallel if state == "ferromagnetic" else None})


def _unusable(material: Material, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-103",
        who=f"magnetic order of {material.name}",
        found=found,
        expected=expected,
        next_step="give unstrained conventional coordinates of the bulk crystal",
    )


def _inconsistent(material: Material, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-102",
        who=f"material {material.name}",
        found=found,
        expected="a magnetic_order whose magnetic_cell repeats crystal and moments",
        next_step="correct magnetic_order in its YAML file",
    )

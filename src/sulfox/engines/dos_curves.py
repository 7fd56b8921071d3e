"""Densities of states thinned to what a document and a figure need."""

from __future__ import annotations

import numpy as np

from sulfox.documents.electronic_structure import DosCurve
from sulfox.documents.projected_dos import ProjectedDos

__all__ = ["dos_curves"]

_MAX_ENERGIES = 1500
_DECIMALS = 5


def dos_curves(
    dos: ProjectedDos, max_energies: int = _MAX_ENERGIES
) -> tuple[tuple[float, ...], tuple[DosCurve, ...]]:
    """Sum a density of states per element and orbital.

    Parameters
    ----------
    dos : ProjectedDos
        Of any engine.
    max_energies : int
        Every second, third, ... energy is kept, so that there are not more.

    Returns
    -------
    energies_eV : tuple of float
        Relative to E_F [eV].
    curves : tuple of DosCurve
        The total first; orbitals that hold nothing are left out.
    """
    step = -(-dos.energies_eV.size // max_energies)
    # E_F stays a point of the grid where it is one
    nearest = int(np.argmin(np.abs(dos.energies_eV - dos.fermi_eV)))
    kept = slice(nearest % step, None, step)
    spins = ("up", "down") if dos.is_spin_polarized else ("both",)
    named = [("", "", dos.total)]
    species = np.array([dos.species[site] for site in dos.sites])
    for element in dict.fromkeys(dos.species):
        of_element = dos.densities[species == element].sum(axis=0)
        named += [(element, o, of_element[j]) for j, o in enumerate(dos.orbitals)]
    curves = tuple(
        DosCurve(
            element=element,
            orbital=orbital,
            spin=spin,
            density=tuple((densities[i][kept].round(_DECIMALS) + 0.0).tolist()),
        )
        for element, orbital, densities in named
        if not orbital or densities.any()
        for i, spin in enumerate(spins)
    )
    energies = (dos.energies_eV - dos.fermi_eV)[kept].round(_DECIMALS) + 0.0
    return tuple(energies.tolist()), curves

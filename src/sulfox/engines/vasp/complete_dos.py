"""The density of states of a pymatgen ``CompleteDos``, e.g. out of an atomate2 document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sulfox.documents.projected_dos import ProjectedDos
from sulfox.engines.vasp.dos_tables import DosTables, orbital_letter

if TYPE_CHECKING:
    from pymatgen.electronic_structure.dos import CompleteDos

__all__ = ["from_complete_dos"]


def from_complete_dos(
    dos: CompleteDos,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
) -> ProjectedDos:
    """Take over pymatgen's densities; it holds no eigenvalues, so there are no band edges.

    Parameters
    ----------
    dos : CompleteDos
        With projections.
    elements, orbitals : tuple of str, optional
        What is kept of the projections; all if not given.

    Returns
    -------
    ProjectedDos
        Sites in the order of the structure.

    Raises
    ------
    SulfoxError
        SFX-313 without projections, SFX-311 if a site or a spin misses.
    """
    from dataclasses import replace

    from sulfox.engines.vasp.dos_tables import no_projection

    who = f"CompleteDos of {dos.structure.composition.reduced_formula}"
    species = [site.specie.symbol for site in dos.structure]
    energies = np.asarray(dos.energies, dtype=float)
    tables = DosTables(who, species, float(dos.efermi), elements, orbitals)
    spins = sorted(dos.densities, key=lambda spin: -int(spin))
    for spin in spins:
        tables.add_total(energies, np.asarray(dos.densities[spin], dtype=float))
    of_site = [dos.pdos.get(site, {}) for site in dos.structure]
    if not all(of_site):
        raise no_projection(who, "sites without projections")
    names = [getattr(orbital, "name", str(orbital)) for orbital in of_site[0]]
    tables.start_projections([orbital_letter(name) for name in names])
    for index, projections in enumerate(of_site):
        for number, spin in enumerate(spins):
            columns = [np.asarray(density[spin], dtype=float) for density in projections.values()]
            tables.add_projection(index, number, energies, np.stack(columns, axis=1))
    return replace(
        tables.arrays(),
        lattice_A=dos.structure.lattice.matrix.copy(),
        fractional=dos.structure.frac_coords.copy(),
        engine="sulfox",
        code="",
        level_of_theory="not known (a pymatgen CompleteDos)",
    )

"""Centre of an orbital's states: first moments, each with its range and its reference.

With the density D(E), summed over the chosen sites, the orbital's components and the spins,
and integrals by the trapezoidal rule over the file's own energies, the centre of a range is
``∫ E D dE / ∫ D dE`` (Hammer and Norskov, doi 10.1016/0039-6028(96)80007-0).

- *all*: every energy of the file, empty states too. This is pymatgen's default definition
  (``CompleteDos.get_band_center``); it depends on how many empty states the file holds.
- *occupied*: grid points with E <= E_F; the bin that E_F cuts is left out, as pymatgen's
  ``erange`` does. ``edge_error_eV`` says how much that bin could move the centre.
- *full*: grid points inside a window, from the lowest energy to 5 eV above the VBM if none
  is given.

The VBM comes from the eigenvalues. In a gap E_F has no meaning of its own: the code puts it
anywhere between the edges, and numbers relative to it move with it.

Of a non-collinear run D(E) is the density alone: the three components of its magnetisation
are no states. pymatgen adds m_z to it; the document says so in a remark (code ``file``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from sulfox.analysis.electronic.band_center_remarks import Findings, remarks, status_of
from sulfox.analysis.electronic.band_references import (
    gap_references,
    potential_references,
    semicore_references,
)
from sulfox.analysis.electronic.coordination import COORDINATION_RULE, coordination_labels
from sulfox.analysis.electronic.electronic_gap import BandEdges
from sulfox.analysis.electronic.energy_ranges import (
    NO_STATES,
    EnergyRanges,
    band_edges,
    energy_ranges,
    first_moment,
)
from sulfox.documents.band_center import (
    BandCenterDoc,
    CoordinationBandCenter,
    SiteBandCenter,
    SpinBandCenter,
)
from sulfox.documents.base import Provenance, content_hash
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray

__all__ = ["analyze_band_center", "choose_densities", "dos_hash"]

#: Raised when the meaning of the numbers changes; part of every document's identity.
_METHOD_VERSION = 2


def analyze_band_center(
    dos: ProjectedDos,
    element: str = "O",
    orbital: str = "p",
    sites: Sequence[int] | None = None,
    window_eV: tuple[float, float] | None = None,
) -> BandCenterDoc:
    """Find the centre of an orbital's states by every definition of this module.

    Parameters
    ----------
    dos : ProjectedDos
        Densities that hold the element and the orbital.
    element : str
        Sites of this element; with `sites`, the element these have.
    orbital : str
        ``"s"``, ``"p"``, ``"d"`` or ``"f"``.
    sites : sequence of int, optional
        Indices in the file, from 0; all of the element if not given.
    window_eV : tuple of float, optional
        Lower and upper bound relative to the VBM (to E_F without a VBM) [eV]; from the
        lowest energy to 5 if not given.

    Returns
    -------
    BandCenterDoc
        Partial, with reasons, where the file makes a number doubtful.

    Raises
    ------
    SulfoxError
        SFX-711 for sites or an orbital that are not there, SFX-712 without states of this
        orbital, SFX-901 for a window without width.
    """
    chosen, densities = choose_densities(dos, element, orbital, sites)
    rows = [dos.sites.index(site) for site in chosen]
    edges = band_edges(dos)
    ranges = energy_ranges(dos, edges, window_eV)
    density = densities.sum(axis=(0, 1))
    centers = ranges.centers(density)
    occupied = centers["occupied_re_fermi_eV"]
    if centers["all_re_fermi_eV"] is None or occupied is None:
        raise _no_states(dos, element, orbital)
    labels = _labels(dos, chosen)
    window = ranges.window_eV
    findings = _findings(dos, ranges, edges, density)
    reasons = remarks(findings)
    inside = first_moment(ranges.energies[ranges.window], density[ranges.window])
    options = [element, orbital, chosen, window, ranges.reference]
    inputs_hash = content_hash(["band_center", _METHOD_VERSION, dos_hash(dos, densities), options])
    return BandCenterDoc(
        id="bc-" + inputs_hash[:16],
        status=status_of(reasons),
        reasons=reasons,
        provenance=Provenance(
            engine=dos.engine, level_of_theory=dos.level_of_theory, inputs_hash=inputs_hash
        ),
        **centers,
        vbm_eV=edges and edges.vbm_eV,
        cbm_eV=edges and edges.cbm_eV,
        gap_eV=edges and edges.gap_eV,
        fermi_eV=dos.fermi_eV,
        is_metal=edges and edges.is_metal,
        spin_polarized=dos.is_spin_polarized,
        n_sites=len(chosen),
        window_eV=window,
        window_reference="E_F" if ranges.vbm is None else "VBM",
        window_re_fermi_eV=inside and inside[0],
        **gap_references(dos, edges, ranges.vbm, occupied),
        **semicore_references(dos, ranges, [] if orbital == "s" else rows, occupied),
        **potential_references(dos, chosen, occupied),
        direct_gap_eV=edges and edges.direct_gap_eV,
        element=element,
        orbital=orbital,
        sites=chosen,
        per_spin=_per_spin(ranges, densities),
        per_site=_per_site(dos, ranges, densities, chosen, labels),
        per_coordination=_per_coordination(ranges, densities, chosen, labels),
        coordination_rule=COORDINATION_RULE,
        grid_step_eV=findings.grid_step_eV,
        edge_error_eV=findings.edge_error_eV,
        missing_projection=findings.missing_projection,
        smearing_eV=dos.smearing_eV,
    )


def choose_densities(
    dos: ProjectedDos, element: str, orbital: str, sites: Sequence[int] | None = None
) -> tuple[tuple[int, ...], FloatArray]:
    """Take the densities of one orbital on chosen sites.

    Parameters
    ----------
    dos : ProjectedDos
        Of any file.
    element, orbital : str
        What is taken.
    sites : sequence of int, optional
        Indices in the file, from 0; all of the element if not given.

    Returns
    -------
    chosen : tuple of int
        Sites, ascending.
    densities : ndarray, shape (n_chosen, n_spins, n_energies)
        [1/eV]

    Raises
    ------
    SulfoxError
        SFX-711 for sites or an orbital that are not there.
    """
    chosen = _choose_sites(dos, element, sites)
    if orbital not in dos.orbitals:
        raise _not_there(f"orbital {orbital}", f"the orbitals {' '.join(dos.orbitals) or 'none'}")
    rows = [dos.sites.index(site) for site in chosen]
    return chosen, dos.densities[rows, dos.orbitals.index(orbital)]


def _choose_sites(dos: ProjectedDos, element: str, sites: Sequence[int] | None) -> tuple[int, ...]:
    if sites is None:
        chosen = tuple(site for site in dos.sites if dos.species[site] == element)
        if not chosen:
            present = " ".join(dict.fromkeys(dos.species))
            raise _not_there(f"element {element}", f"the elements {present}")
        return chosen
    chosen = tuple(sorted(set(sites)))
    for site in chosen:
        if not 0 <= site < len(dos.species):
            raise _not_there(f"site {site}", f"the sites 0 to {len(dos.species) - 1}")
        if dos.species[site] != element:
            raise _not_there(f"site {site} as {element}", f"{dos.species[site]} there")
        if site not in dos.sites:
            raise _not_there(f"site {site}", "no projections kept for it")
    if not chosen:
        raise _not_there("no site", f"the sites 0 to {len(dos.species) - 1}")
    return chosen


def _not_there(who: str, present: str) -> SulfoxError:
    return SulfoxError(
        "SFX-711",
        who=who,
        found=f"the file holds {present}",
        expected="an element, sites (counted from 0) and an orbital of the file",
        next_step="choose from those with --element, --sites, --orbital",
    )


def _no_states(dos: ProjectedDos, element: str, orbital: str) -> SulfoxError:
    low, high = dos.energies_eV[[0, -1]] - dos.fermi_eV
    return SulfoxError(
        "SFX-712",
        who=f"{element} {orbital} states",
        found=f"none below E_F in energies from {low:.3f} to {high:.3f} eV around it",
        expected="occupied states of this orbital",
        next_step="check EMIN, EMAX and LORBIT of the run",
    )


def _labels(dos: ProjectedDos, chosen: tuple[int, ...]) -> list[str]:
    if dos.lattice_A is None or dos.fractional is None:
        return [""] * len(chosen)
    return coordination_labels(dos.species, dos.lattice_A, dos.fractional, chosen)


def _per_spin(ranges: EnergyRanges, densities: FloatArray) -> tuple[SpinBandCenter, ...]:
    if densities.shape[1] == 1:
        return ()
    by_spin = densities.sum(axis=0)
    return (
        SpinBandCenter(spin="up", **ranges.centers(by_spin[0])),
        SpinBandCenter(spin="down", **ranges.centers(by_spin[1])),
    )


def _per_site(
    dos: ProjectedDos,
    ranges: EnergyRanges,
    densities: FloatArray,
    chosen: tuple[int, ...],
    labels: list[str],
) -> tuple[SiteBandCenter, ...]:
    moments, potentials = dos.moments_muB, dos.site_potentials_eV
    return tuple(
        SiteBandCenter(
            site=site,
            coordination=label,
            moment_muB=None if moments is None else float(moments[site]),
            potential_eV=None if potentials is None else float(potentials[site]),
            **ranges.centers(density),
        )
        for site, label, density in zip(chosen, labels, densities.sum(axis=1), strict=True)
    )


def _per_coordination(
    ranges: EnergyRanges, densities: FloatArray, chosen: tuple[int, ...], labels: list[str]
) -> tuple[CoordinationBandCenter, ...]:
    groups = []
    for label in dict.fromkeys(labels):
        rows = [row for row, other in enumerate(labels) if other == label]
        groups.append(
            CoordinationBandCenter(
                coordination=label,
                sites=tuple(chosen[row] for row in rows),
                **ranges.centers(densities[rows].sum(axis=(0, 1))),
            )
        )
    return tuple(groups)


def _findings(
    dos: ProjectedDos,
    ranges: EnergyRanges,
    edges: BandEdges | None,
    density: FloatArray,
) -> Findings:
    occupied = ranges.occupied
    energies = ranges.energies[occupied]
    total = float(np.trapezoid(dos.total.sum(axis=0)[occupied], x=energies))
    projected = float(np.trapezoid(dos.projected.sum(axis=0)[occupied], x=energies))
    return Findings(
        fermi_eV=dos.fermi_eV,
        edges=edges,
        electrons_of_dos=total,
        n_electrons=dos.n_electrons,
        missing_projection=1 - projected / total if total > NO_STATES else 1.0,
        grid_step_eV=float(np.diff(ranges.energies).max()),
        edge_error_eV=_edge_error(ranges, density),
        top_eV=float(ranges.energies[-1]) - ranges.reference,
        window_top_eV=ranges.window_eV[1],
        smearing_eV=dos.smearing_eV,
        of_file=dos.remarks,
    )


def _edge_error(ranges: EnergyRanges, density: FloatArray) -> float:
    """How far the occupied centre moves if the bin that E_F cuts is filled up to E_F."""
    energies, values = ranges.energies[ranges.occupied], density[ranges.occupied]
    at_fermi = float(np.interp(0.0, ranges.energies, density))
    without = first_moment(energies, values)
    filled = first_moment(np.append(energies, 0.0), np.append(values, at_fermi))
    return abs(filled[0] - without[0]) if filled and without else 0.0


def dos_hash(dos: ProjectedDos, densities: FloatArray) -> str:
    """Give the identity of what a centre is computed from.

    Parameters
    ----------
    dos : ProjectedDos
        The whole.
    densities : ndarray
        The densities that are used.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    content = hashlib.sha256()
    arrays = (dos.energies_eV, densities, dos.total, dos.projected, dos.eigenvalues_eV)
    for array in (*arrays, dos.occupations, dos.lattice_A, dos.fractional, dos.site_potentials_eV):
        if array is not None:
            content.update(np.ascontiguousarray(array).tobytes())
    return content_hash([content.hexdigest(), dos.fermi_eV, dos.species, dos.level_of_theory])

"""References other than E_F and the VBM: mid-gap, CBM, semicore level, potential at the sites.

None of them is universal. A semicore level and the electrostatic potential at a nucleus move
with the charge and the neighbours of the atom (a chemical shift of up to some tenths of an
eV); the potential at a site depends on the sphere that the code averages over, so that it
compares the same element in two runs of one code and one set of potentials only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sulfox.analysis.electronic.electronic_gap import BandEdges
from sulfox.analysis.electronic.energy_ranges import EnergyRanges, difference, first_moment
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.trajectories.frames import FloatArray

__all__ = ["gap_references", "potential_references", "semicore_references"]

_SEMICORE_HALF_WIDTH_EV = 3.0
_SEMICORE_DEPTH_EV = 5.0


def gap_references(
    dos: ProjectedDos, edges: BandEdges | None, vbm: float | None, occupied: float
) -> dict[str, float | None]:
    """Measure the occupied centre from the middle and the top of the gap.

    Parameters
    ----------
    dos : ProjectedDos
        Gives the scale.
    edges : BandEdges or None
        On the file's scale.
    vbm, occupied : float
        Relative to E_F [eV].

    Returns
    -------
    dict
        Field of :class:`sulfox.documents.band_center.BandCenterDoc` -> value [eV].
    """
    cbm = None if edges is None or edges.cbm_eV is None else edges.cbm_eV - dos.fermi_eV
    middle = None if vbm is None or cbm is None else (vbm + cbm) / 2
    return {
        "occupied_re_mid_gap_eV": difference(occupied, middle),
        "occupied_re_cbm_eV": difference(occupied, cbm),
    }


def semicore_references(
    dos: ProjectedDos, ranges: EnergyRanges, rows: Sequence[int], occupied: float
) -> dict[str, float | None]:
    """Measure the occupied centre from the s level of the same sites (O 2s).

    The level is what lies within 3 eV of the highest peak of the occupied s states, if that
    is at least 5 eV below the occupied centre.

    Parameters
    ----------
    dos : ProjectedDos
        With s projections; without them the answers are None.
    ranges : EnergyRanges
        Of the same file.
    rows : sequence of int
        Sites, as rows of `dos.densities`.
    occupied : float
        Occupied centre relative to E_F [eV].

    Returns
    -------
    dict
        Field of :class:`sulfox.documents.band_center.BandCenterDoc` -> value [eV].
    """
    level = None
    if "s" in dos.orbitals:
        density = dos.densities[list(rows), dos.orbitals.index("s")].sum(axis=(0, 1))
        level = _semicore_center(ranges, density, occupied)
    return {
        "semicore_s_re_fermi_eV": level,
        "occupied_re_semicore_s_eV": difference(occupied, level),
    }


def _semicore_center(ranges: EnergyRanges, density: FloatArray, occupied: float) -> float | None:
    below = np.where(ranges.occupied, density, 0.0)
    peak = float(ranges.energies[int(np.argmax(below))])
    if peak > occupied - _SEMICORE_DEPTH_EV:
        return None
    near = np.abs(ranges.energies - peak) <= _SEMICORE_HALF_WIDTH_EV
    level = first_moment(ranges.energies[near], density[near])
    return level and level[0]


def potential_references(
    dos: ProjectedDos, chosen: Sequence[int], occupied: float
) -> dict[str, float | dict[str, float] | None]:
    """Measure the occupied centre from the mean electrostatic potential at sites.

    Parameters
    ----------
    dos : ProjectedDos
        With potentials at the sites; without them the answers are None or empty.
    chosen : sequence of int
        Sites whose states are summed.
    occupied : float
        Occupied centre relative to E_F [eV].

    Returns
    -------
    dict
        Fields of :class:`sulfox.documents.band_center.BandCenterDoc`: the centre minus the
        mean over the summed sites, and minus the mean over all sites of each element [eV].
    """
    potentials = dos.site_potentials_eV
    if potentials is None:
        return {
            "site_potential_eV": None,
            "occupied_re_site_potential_eV": None,
            "occupied_re_element_potential_eV": {},
        }
    on_scale = occupied + dos.fermi_eV
    mean = float(potentials[list(chosen)].mean())
    species = np.array(dos.species)
    return {
        "site_potential_eV": mean,
        "occupied_re_site_potential_eV": on_scale - mean,
        "occupied_re_element_potential_eV": {
            element: on_scale - float(potentials[species == element].mean())
            for element in dict.fromkeys(dos.species)
        },
    }

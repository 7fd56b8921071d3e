"""Where the states of an orbital lie, by every definition, each with its reference."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sulfox.documents.base import Document, Record
from sulfox.documents.electronic_structure import MagneticState
from sulfox.units import Charge, Dimensionless, Energy, Moment

__all__ = [
    "BandCenterDoc",
    "BandCenters",
    "CoordinationBandCenter",
    "SiteBandCenter",
    "SpinBandCenter",
]


class BandCenters(Record):
    """First moments of one density of states.

    The definitions are in :mod:`sulfox.analysis.electronic.band_center`. A centre is None where it
    has no meaning: relative to the VBM of a metal, or where there are no such states.

    Attributes
    ----------
    all_re_fermi_eV : float or None
        All energies of the file, relative to E_F: pymatgen's default definition [eV].
    occupied_re_fermi_eV, occupied_re_vbm_eV : float or None
        Occupied states, relative to E_F and to the VBM [eV].
    full_re_vbm_eV : float or None
        States of the window, relative to the VBM [eV].
    width_all_eV, width_occupied_eV : float or None
        Square roots of the second central moments [eV].
    electrons_occupied : float
        Integral of the occupied states: electrons inside the projection spheres.
    """

    all_re_fermi_eV: Energy | None
    occupied_re_fermi_eV: Energy | None
    occupied_re_vbm_eV: Energy | None
    full_re_vbm_eV: Energy | None
    width_all_eV: Energy | None
    width_occupied_eV: Energy | None
    electrons_occupied: Charge


class SpinBandCenter(BandCenters):
    """The same for one spin.

    Attributes
    ----------
    spin : str
        ``"up"`` or ``"down"``.
    """

    spin: Literal["up", "down"]


class SiteBandCenter(BandCenters):
    """The same for one site.

    Attributes
    ----------
    site : int
        Index in the file, from 0.
    coordination : str
        ``"3 Co + 3 Li"``; empty where the file holds no structure.
    moment_muB : float or None
        Moment inside the site's sphere, all orbitals [µB]; None without spin.
    potential_eV : float or None
        Electrostatic potential energy of an electron at the nucleus, on the file's scale [eV].
    """

    site: int
    coordination: str
    moment_muB: Moment | None
    potential_eV: Energy | None = None


class CoordinationBandCenter(BandCenters):
    """The same for all sites of one coordination.

    Attributes
    ----------
    coordination : str
        ``"3 Co + 3 Li"``.
    sites : tuple of int
        Indices in the file, from 0.
    """

    coordination: str
    sites: tuple[int, ...]


class BandCenterDoc(Document):
    """Band centres of one orbital on chosen sites of one calculation.

    Attributes
    ----------
    all_re_fermi_eV, occupied_re_fermi_eV : float
        As in :class:`BandCenters`, summed over sites and spins [eV].
    occupied_re_vbm_eV, full_re_vbm_eV : float or None
        None for a metal, or where the file holds no eigenvalues [eV].
    vbm_eV, cbm_eV, gap_eV : float or None
        From the eigenvalues, on the file's own scale; a metal's gap is 0 [eV].
    fermi_eV : float
        The file's Fermi level, on the same scale [eV].
    is_metal : bool or None
        By the occupations; None without eigenvalues.
    spin_polarized : bool
        Whether the two spins have their own densities.
    n_sites : int
        Sites summed over.
    window_eV : tuple of float
        Bounds of the window, relative to `window_reference` [eV].
    window_reference : str
        ``"VBM"``, or ``"E_F"`` where there is no VBM.
    window_re_fermi_eV : float or None
        Centre of the window's states relative to E_F [eV].
    occupied_re_mid_gap_eV, occupied_re_cbm_eV : float or None
        Occupied states relative to the middle and to the top of the gap [eV].
    semicore_s_re_fermi_eV, occupied_re_semicore_s_eV : float or None
        Centre of the same sites' s level below the band (O 2s), and the occupied states
        relative to it; None where the file's energies do not reach down to it [eV].
    site_potential_eV : float or None
        Mean electrostatic potential energy of an electron at the nuclei of the summed sites,
        on the file's scale [eV]; None where the file does not hold it.
    occupied_re_site_potential_eV : float or None
        Occupied states relative to it [eV].
    occupied_re_element_potential_eV : dict
        Element -> occupied states relative to the mean potential at all its sites [eV].
    direct_gap_eV : float or None
        Smallest gap at one k-point, whatever the spins [eV].
    material, magnetic_state : str or None
        Catalogue name, and the order the calculation started with; None for a user's file.
    hubbard : bool or None
        Whether U was on.
    calculation_id : str or None
        Identity of the electronic structure that the states come from.
    element, orbital : str
        What was summed: ``"O"``, ``"p"``.
    sites : tuple of int
        Indices in the file, from 0.
    width_all_eV, width_occupied_eV : float or None
        Square roots of the second central moments [eV].
    electrons_occupied : float
        Electrons in these states inside the projection spheres.
    per_spin, per_site, per_coordination : tuple
        The same centres, split.
    coordination_rule : str
        When two atoms count as bonded.
    grid_step_eV : float
        Largest step of the energies [eV].
    edge_error_eV : float
        How far the occupied centre moves if the last bin before E_F is filled up to E_F [eV].
    missing_projection : float
        Part of the occupied total that no projection holds.
    smearing_eV : float or None
        Smearing of the occupations [eV].
    """

    kind: Literal["band_center"] = "band_center"
    all_re_fermi_eV: Energy
    occupied_re_fermi_eV: Energy
    occupied_re_vbm_eV: Energy | None
    full_re_vbm_eV: Energy | None
    vbm_eV: Energy | None
    cbm_eV: Energy | None
    gap_eV: Energy | None
    fermi_eV: Energy
    is_metal: bool | None
    spin_polarized: bool
    n_sites: int
    window_eV: tuple[Energy, Energy]
    window_reference: Literal["VBM", "E_F"]
    window_re_fermi_eV: Energy | None
    occupied_re_mid_gap_eV: Energy | None
    occupied_re_cbm_eV: Energy | None
    semicore_s_re_fermi_eV: Energy | None
    occupied_re_semicore_s_eV: Energy | None
    site_potential_eV: Energy | None = None
    occupied_re_site_potential_eV: Energy | None = None
    occupied_re_element_potential_eV: dict[str, Energy] = Field(default_factory=dict)
    direct_gap_eV: Energy | None
    material: str | None = None
    magnetic_state: MagneticState | None = None
    hubbard: bool | None = None
    calculation_id: str | None = None
    element: str
    orbital: str
    sites: tuple[int, ...]
    width_all_eV: Energy | None
    width_occupied_eV: Energy | None
    electrons_occupied: Charge
    per_spin: tuple[SpinBandCenter, ...]
    per_site: tuple[SiteBandCenter, ...]
    per_coordination: tuple[CoordinationBandCenter, ...]
    coordination_rule: str
    grid_step_eV: Energy
    edge_error_eV: Energy
    missing_projection: Dimensionless
    smearing_eV: Energy | None

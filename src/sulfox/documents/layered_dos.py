"""Band centres layer by layer across an interface: both sides on one energy axis."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sulfox.documents.band_center import BandCenters
from sulfox.documents.base import Document, Record
from sulfox.units import Energy, Length, StatesPerEnergy

__all__ = ["LayerBandCenter", "LayeredBandCenterDoc", "SideDifference"]


class LayerBandCenter(BandCenters):
    """The centres of the states on the sites of one layer.

    Attributes
    ----------
    window_re_fermi_eV : float or None
        Centre of the window's states relative to E_F [eV].
    height_A : float
        Mean height of the layer's sites along the normal [Å].
    distance_A : float
        From the nearest interface [Å].
    surface_distance_A : float or None
        From the nearest vacuum [Å]; None where there is none.
    side : str
        Which material.
    sites : tuple of int
        Indices in the file, from 0.
    coordination : dict
        ``"6 Co"`` -> number of sites.
    valence_edge_re_fermi_eV, conduction_edge_re_fermi_eV : float or None
        Energies below and above the gap up to which the layer holds less than 1 % of its
        occupied states; None where the whole has no gap [eV].
    potential_re_fermi_eV : float or None
        Mean electrostatic potential energy of an electron at the sites [eV].
    is_middle : bool
        Farthest from interfaces and surfaces on its side.
    density : tuple of float
        (n_energies,) the layer's states on the document's grid [1/eV].
    """

    window_re_fermi_eV: Energy | None
    height_A: Length
    distance_A: Length
    surface_distance_A: Length | None
    side: str
    sites: tuple[int, ...]
    coordination: dict[str, int]
    valence_edge_re_fermi_eV: Energy | None
    conduction_edge_re_fermi_eV: Energy | None
    potential_re_fermi_eV: Energy | None
    is_middle: bool
    density: tuple[StatesPerEnergy, ...]


class SideDifference(Record):
    """The middle of one side minus the middle of the other, on the axis that they share.

    Attributes
    ----------
    upper, lower : str
        Sides; differences are upper minus lower.
    occupied_eV : float
        Difference of the occupied centres [eV].
    full_eV : float or None
        Difference of the centres of the window's states [eV].
    valence_edge_eV, conduction_edge_eV : float or None
        Differences of the layers' edges: the band offsets, as far as the middles are bulk [eV].
    uncertainty_eV : float or None
        Largest change from a middle layer to its neighbours of the same coordination; None
        where one has no such neighbour [eV].
    """

    upper: str
    lower: str
    occupied_eV: Energy
    full_eV: Energy | None
    valence_edge_eV: Energy | None
    conduction_edge_eV: Energy | None
    uncertainty_eV: Energy | None


class LayeredBandCenterDoc(Document):
    """Band centres of one orbital, layer by layer, in a cell with an interface.

    Attributes
    ----------
    label : str
        ``"LCO|CoO"``.
    element, orbital : str
        Whose states.
    calculation_id : str or None
        Identity of the electronic structure that the states come from.
    fermi_eV, vbm_eV, cbm_eV : float or None
        Of the whole cell, on the file's own scale [eV].
    is_metal : bool or None
        Of the whole cell, by the occupations.
    window_eV : tuple of float
        Bounds of the full manifold, relative to the VBM of the cell (E_F without one) [eV].
    interface_heights_A : tuple of float
        Heights of the interfaces along the normal, in the cell [Å].
    period_A : float
        Height of the cell along the normal [Å].
    layers : tuple of LayerBandCenter
        From the bottom to the top of the cell.
    difference : SideDifference or None
        None where there are not two sides.
    layer_tolerance_A : float
        Sites whose heights differ by less make one layer [Å].
    energies_eV : tuple of float
        (n_energies,) grid of the layers' densities, relative to E_F [eV].
    """

    kind: Literal["layered_band_center"] = "layered_band_center"
    label: str
    element: str
    orbital: str
    calculation_id: str | None = None
    fermi_eV: Energy
    vbm_eV: Energy | None
    cbm_eV: Energy | None
    is_metal: bool | None
    window_eV: tuple[Energy, Energy]
    interface_heights_A: tuple[Length, ...] = Field(min_length=1)
    period_A: Length
    layers: tuple[LayerBandCenter, ...]
    difference: SideDifference | None
    layer_tolerance_A: Length
    energies_eV: tuple[Energy, ...]

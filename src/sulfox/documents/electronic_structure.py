"""The electronic ground state of a structure: energy, gap, moments, densities of states."""

from __future__ import annotations

from typing import Any, Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.structure import StructureRecord
from sulfox.units import Charge, Dimensionless, Energy, Force, Moment, Seconds, StatesPerEnergy

__all__ = ["DosCurve", "ElectronicStructureDoc", "MagneticState"]

#: ``"ground"`` is the order of the catalogue; ``"none"`` switches spin off.
MagneticState = Literal["ground", "ferromagnetic", "none"]


class DosCurve(Record):
    """A density of states on the document's energy grid.

    Attributes
    ----------
    element, orbital : str
        ``"O"``, ``"p"``; both empty for the total.
    spin : str
        ``"up"``, ``"down"`` or ``"both"``.
    density : tuple of float
        (n_energies,) [1/eV] per cell.
    """

    element: str
    orbital: str
    spin: Literal["up", "down", "both"]
    density: tuple[StatesPerEnergy, ...]


class ElectronicStructureDoc(Document):
    """A self-consistent calculation with its density of states.

    Attributes
    ----------
    label : str
        ``"CoO (ferromagnetic, no U)"``.
    material : str
        Catalogue name, or the pair of a slab.
    magnetic_state : str
        The order the run started with.
    hubbard : bool
        Whether U was on.
    structure : StructureRecord
        What was computed, with starting moments.
    settings : dict
        The ``ElectronicSpec`` as JSON.
    energy_eV : float or None
        Total energy of the cell, on the engine's own zero [eV]; None where nothing converged.
    fermi_eV, vbm_eV, cbm_eV, gap_eV, direct_gap_eV : float or None
        From the eigenvalues, on the engine's own scale; a metal's gap is 0 [eV].
    is_metal : bool or None
        By the occupations.
    moments_muB : tuple of float or None
        (n_atoms,) inside the engine's spheres [µB].
    total_moment_muB : float or None
        Of the cell [µB].
    n_electrons : float or None
        Valence electrons.
    max_force_eV_A : float or None
        Largest force on an atom; None where forces were not asked for [eV/Å].
    scf_steps : int or None
        Self-consistency steps taken.
    energies_eV : tuple of float
        (n_energies,) grid of `curves`, relative to the Fermi level [eV].
    curves : tuple of DosCurve
        The total, and the sum over all sites of an element per orbital.
    wall_time_s, peak_memory_MB : float or None
        Of the engine's own process.
    run_dir : str or None
        Folder name of the raw output, below the work folder.
    """

    kind: Literal["electronic_structure"] = "electronic_structure"
    label: str
    material: str
    magnetic_state: MagneticState
    hubbard: bool
    structure: StructureRecord
    settings: dict[str, Any]
    energy_eV: Energy | None
    fermi_eV: Energy | None
    vbm_eV: Energy | None
    cbm_eV: Energy | None
    gap_eV: Energy | None
    direct_gap_eV: Energy | None
    is_metal: bool | None
    moments_muB: tuple[Moment, ...] | None
    total_moment_muB: Moment | None
    n_electrons: Charge | None
    max_force_eV_A: Force | None = None
    scf_steps: int | None
    energies_eV: tuple[Energy, ...] = ()
    curves: tuple[DosCurve, ...] = ()
    wall_time_s: Seconds | None
    peak_memory_MB: Dimensionless | None
    run_dir: str | None = None

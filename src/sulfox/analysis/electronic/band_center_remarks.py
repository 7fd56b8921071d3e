"""What makes a band centre doubtful, with the limits stated."""

from __future__ import annotations

from dataclasses import dataclass

from sulfox.analysis.electronic.electronic_gap import BandEdges
from sulfox.documents.base import Reason, Status

__all__ = ["MAX_MISSING_PROJECTION", "Findings", "remarks", "status_of"]

#: Part of the occupied states that may lie outside all projection spheres.
MAX_MISSING_PROJECTION = 0.30
#: Part of the electrons that the grid may miss, above all in narrow semicore bands.
_MAX_MISSING_ELECTRONS = 0.01
_MAX_EDGE_ERROR_EV = 0.02
_MAX_SMEARING_PER_GAP = 0.25
_MAX_FRACTION = 0.01
#: Reasons that inform, but make no number doubtful.
_INFORMING = frozenset({"metal", "fermi-in-gap", "file"})


@dataclass(frozen=True)
class Findings:
    """What was seen while a centre was computed.

    Attributes
    ----------
    fermi_eV : float
        Fermi level on the file's scale [eV].
    edges : BandEdges or None
        None without eigenvalues.
    electrons_of_dos : float
        Total density integrated up to E_F.
    n_electrons : float or None
        What it should be.
    missing_projection : float
        Part of the occupied total that no projection holds.
    grid_step_eV, edge_error_eV : float
        Largest step; effect of the bin that E_F cuts [eV].
    top_eV, window_top_eV : float
        Highest energy of the file and of the window, same reference [eV].
    smearing_eV : float or None
        Smearing of the occupations [eV].
    of_file : tuple of str
        What the reader of the file remarked.
    """

    fermi_eV: float
    edges: BandEdges | None
    electrons_of_dos: float
    n_electrons: float | None
    missing_projection: float
    grid_step_eV: float
    edge_error_eV: float
    top_eV: float
    window_top_eV: float
    smearing_eV: float | None
    of_file: tuple[str, ...] = ()


def status_of(reasons: tuple[Reason, ...]) -> Status:
    """Say partial if a reason makes a number doubtful.

    Parameters
    ----------
    reasons : tuple of Reason
        As :func:`remarks` gives them.

    Returns
    -------
    Status
        Complete or partial.
    """
    doubtful = any(reason.code not in _INFORMING for reason in reasons)
    return Status.PARTIAL if doubtful else Status.COMPLETE


def remarks(found: Findings) -> tuple[Reason, ...]:
    """Say what a reader has to know.

    Parameters
    ----------
    found : Findings
        What was seen.

    Returns
    -------
    tuple of Reason
        Empty where nothing is to be said.
    """
    texts = {**_about_gap(found), **_about_grid(found)}
    of_file = tuple(Reason(code="file", message=text) for text in found.of_file)
    return (*(Reason(code=code, message=text) for code, text in texts.items()), *of_file)


def _about_gap(found: Findings) -> dict[str, str]:
    edges = found.edges
    if edges is None:
        text = (
            "the file holds no eigenvalues with occupations: VBM, CBM and whether it is a metal "
            "are not known; they are not guessed from the density of states"
        )
        return {"no-eigenvalues": text}
    if edges.is_metal:
        text = (
            "a metal by its occupations (or an open shell: states at E_F are partly filled): "
            "there is no VBM, only E_F is a reference"
        )
        return {"metal": text}
    if edges.vbm_eV is None or edges.cbm_eV is None:
        return {"bands": "no empty or no filled band: add bands (NBANDS) to see both edges"}
    return _about_insulator(found, edges, edges.vbm_eV, edges.cbm_eV)


def _about_insulator(found: Findings, edges: BandEdges, vbm: float, cbm: float) -> dict[str, str]:
    texts = {}
    gap, above = cbm - vbm, found.fermi_eV - vbm
    if edges.uneven_filling:
        texts["band-filling"] = (
            "k-points have different numbers of filled bands, though no state lies in the gap of "
            f"{gap:.3f} eV: the occupations are not those of one insulating state"
        )
    if -found.grid_step_eV <= above <= gap + found.grid_step_eV:
        texts["fermi-in-gap"] = (
            f"E_F lies in a gap of {gap:.3f} eV, {above:.3f} eV above the VBM, where it has no "
            "meaning of its own: numbers relative to E_F move with it, those relative to the "
            "VBM do not"
        )
    else:
        texts["fermi-outside-gap"] = (
            f"E_F lies {above:.3f} eV above the VBM, outside the gap of {gap:.3f} eV that the "
            "occupations show: what is occupied by E_F and by the occupations differs"
        )
    smearing = found.smearing_eV or 0.0
    if smearing > _MAX_SMEARING_PER_GAP * gap or edges.max_fraction > _MAX_FRACTION:
        texts["smearing"] = (
            f"the smearing of {smearing:g} eV is wide for the gap of {gap:.3f} eV (largest "
            f"fractional occupation {edges.max_fraction:.3f}): states leak over the edges"
        )
    return texts


def _about_grid(found: Findings) -> dict[str, str]:
    texts = {}
    if found.missing_projection < -MAX_MISSING_PROJECTION:
        texts["projections"] = (
            f"the projections hold {1 - found.missing_projection:.2f} times the occupied states: "
            "a range that cuts bands (EMIN), or spheres that overlap widely"
        )
    elif found.missing_projection > MAX_MISSING_PROJECTION:
        texts["projections"] = (
            f"the projections miss {found.missing_projection:.0%} of the occupied states, more "
            f"than {MAX_MISSING_PROJECTION:.0%}: the spheres see only a part of the band"
        )
    n = found.n_electrons
    if n is not None and abs(found.electrons_of_dos - n) > _MAX_MISSING_ELECTRONS * n:
        texts["grid"] = (
            f"up to E_F the density of states integrates to {found.electrons_of_dos:.2f} of {n:g} "
            f"electrons: its grid (step {found.grid_step_eV:.3f} eV) or its range misses states"
        )
    if found.edge_error_eV > _MAX_EDGE_ERROR_EV:
        texts["edge"] = (
            f"the bin that E_F cuts moves the occupied centre by {found.edge_error_eV:.3f} eV, "
            f"more than {_MAX_EDGE_ERROR_EV:g} eV: a finer grid (NEDOS) is needed"
        )
    if found.top_eV < found.window_top_eV:
        texts["window"] = (
            f"the energies end at {found.top_eV:.3f} eV, below the window's upper bound of "
            f"{found.window_top_eV:g} eV"
        )
    return texts

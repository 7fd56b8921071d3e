"""A finished, or failed, calculation as a document and its arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sulfox.documents.base import Provenance, Reason, Status
from sulfox.documents.electronic_structure import ElectronicStructureDoc
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import ElectronicContext, ElectronicResult
from sulfox.engines.dos_curves import dos_curves
from sulfox.engines.gpaw.broadening import broaden
from sulfox.engines.gpaw.levels import read_levels
from sulfox.engines.gpaw.request import LEVELS_FILE, GpawResult
from sulfox.protocols.electronic import ElectronicSpec

__all__ = ["electronic_result", "refused_result", "smearing_width"]

_LEVEL_FIELDS = ("fermi_eV", "vbm_eV", "cbm_eV", "gap_eV", "direct_gap_eV", "is_metal")


def smearing_width(spec: ElectronicSpec) -> float | None:
    """Give the width of the smearing of occupations.

    Parameters
    ----------
    spec : ElectronicSpec
        How a calculation is done.

    Returns
    -------
    float or None
        [eV]; None for tetrahedra.
    """
    return None if spec.smearing.kind == "tetrahedron" else spec.smearing.width_eV


def electronic_result(
    structure: StructureRecord,
    spec: ElectronicSpec,
    context: ElectronicContext,
    provenance: Provenance,
    finished: tuple[GpawResult, Path],
    remarks: tuple[Reason, ...] = (),
) -> ElectronicResult:
    """Make the document of a finished calculation.

    Parameters
    ----------
    structure : StructureRecord
        What was computed, in the caller's lattice vectors.
    spec : ElectronicSpec
        How it was computed.
    context : ElectronicContext
        What it belongs to.
    provenance : Provenance
        Level of theory, versions, inputs' hash.
    finished : tuple
        The result, and the folder that holds its levels.
    remarks : tuple of Reason
        What the calculation differs in from what was asked; they make it partial.

    Returns
    -------
    ElectronicResult
        Complete, or partial with `remarks`.

    Raises
    ------
    SulfoxError
        SFX-311 if the folder's levels cannot be read.
    """
    result, run_dir = finished
    dos = broaden(
        read_levels(run_dir / LEVELS_FILE),
        structure,
        spec.dos,
        smearing_eV=smearing_width(spec),
        code=f"GPAW {provenance.code_versions.get('gpaw', '')}".strip(),
        level_of_theory=provenance.level_of_theory,
    )
    energies, curves = dos_curves(dos)
    ground = result.ground_state
    computed: dict[str, Any] = {
        "energy_eV": ground and ground.energy_eV,
        "total_moment_muB": ground and ground.total_moment_muB,
        "moments_muB": ground and ground.moments_muB,
        "n_electrons": ground and ground.n_electrons,
        "scf_steps": ground and ground.scf_steps,
        **_levels(dos),
        "energies_eV": energies,
        "curves": curves,
        "wall_time_s": round(result.wall_time_s, 1),
        "peak_memory_MB": result.peak_memory_MB,
    }
    document = _document(
        (structure, spec, context, provenance),
        run_dir,
        computed,
        status=Status.PARTIAL if remarks else Status.COMPLETE,
        reasons=remarks,
    )
    return ElectronicResult(document=document, dos=dos)


def refused_result(
    structure: StructureRecord,
    spec: ElectronicSpec,
    context: ElectronicContext,
    provenance: Provenance,
    failed: tuple[Reason, float, float],
    run_dir: Path,
) -> ElectronicResult:
    """Make the document of a failed calculation.

    Parameters
    ----------
    structure : StructureRecord
        What was to be computed.
    spec : ElectronicSpec
        How.
    context : ElectronicContext
        What it belongs to.
    provenance : Provenance
        Level of theory, versions, inputs' hash.
    failed : tuple
        Reason, wall time [s] and peak memory [MB] of the process.
    run_dir : Path
        Of the run.

    Returns
    -------
    ElectronicResult
        Refused, without arrays.
    """
    reason, seconds, peak_MB = failed
    names = (*_LEVEL_FIELDS, "energy_eV", "moments_muB", "total_moment_muB")
    computed: dict[str, Any] = dict.fromkeys((*names, "n_electrons", "scf_steps"))
    computed |= {"wall_time_s": round(seconds, 1), "peak_memory_MB": round(peak_MB, 1)}
    document = _document(
        (structure, spec, context, provenance),
        run_dir,
        computed,
        status=Status.REFUSED,
        reasons=(reason,),
    )
    return ElectronicResult(document=document, dos=None)


def _document(
    given: tuple[StructureRecord, ElectronicSpec, ElectronicContext, Provenance],
    run_dir: Path,
    computed: dict[str, Any],
    *,
    status: Status,
    reasons: tuple[Reason, ...],
) -> ElectronicStructureDoc:
    structure, spec, context, provenance = given
    return ElectronicStructureDoc(
        id="es-" + provenance.inputs_hash[:16],
        status=status,
        reasons=reasons,
        provenance=provenance,
        label=context.label,
        material=context.material,
        magnetic_state=context.magnetic_state,
        hubbard=bool(spec.hubbard),
        structure=structure,
        settings=spec.model_dump(mode="json"),
        run_dir=run_dir.name,
        **computed,
    )


def _levels(dos: ProjectedDos) -> dict[str, Any]:
    """Band edges of the finer mesh; a metal has none and no gap."""
    from ase.dft.bandgap import GapInfo

    edges = dict.fromkeys(_LEVEL_FIELDS)
    if dos.eigenvalues_eV is None:
        return edges
    found = GapInfo(dos.eigenvalues_eV - dos.fermi_eV)
    if found.is_metallic:
        return edges | {
            "fermi_eV": dos.fermi_eV,
            "gap_eV": 0.0,
            "direct_gap_eV": 0.0,
            "is_metal": True,
        }
    gap, highest, lowest = found.gap()
    return {
        "fermi_eV": dos.fermi_eV,
        "vbm_eV": float(dos.eigenvalues_eV[highest]),
        "cbm_eV": float(dos.eigenvalues_eV[lowest]),
        "gap_eV": float(gap),
        "direct_gap_eV": float(found.direct_gap()[0]),
        "is_metal": False,
    }

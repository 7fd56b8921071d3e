"""Two finished steps, static and density of states, as one document and its arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sulfox.documents.base import Provenance, Reason, Status
from sulfox.documents.electronic_structure import DosCurve, ElectronicStructureDoc
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import ElectronicContext, ElectronicResult
from sulfox.engines.vasp.electronic_files import read_projected_dos
from sulfox.engines.vasp.inputs.calculation import PoscarOrder
from sulfox.engines.vasp.run.step import StepOutcome
from sulfox.engines.vasp.run.verdict import Verdict
from sulfox.errors import SulfoxError
from sulfox.protocols.electronic import DosGrid, ElectronicSpec

__all__ = ["electronic_result", "last_calculation"]

#: A moment below this part of its start, or with the other sign, has left the order.
_LOST = 0.25


def electronic_result(
    structure: StructureRecord,
    spec: ElectronicSpec,
    context: ElectronicContext,
    provenance: Provenance,
    outcomes: tuple[StepOutcome, ...],
) -> ElectronicResult:
    """Put the outcome of the steps into a document.

    Parameters
    ----------
    structure : StructureRecord
        What was computed, atoms in any order; everything per atom is given in this order.
    spec : ElectronicSpec
        How it was computed.
    context : ElectronicContext
        What it belongs to.
    provenance : Provenance
        Level of theory, versions, inputs' hash.
    outcomes : tuple of StepOutcome
        The static run, then that of the density of states; the second is missing where the
        first was refused.

    Returns
    -------
    ElectronicResult
        Refused, with reasons and without arrays, where a step was.
    """
    verdict = sum((outcome.verdict for outcome in outcomes), Verdict())
    dos = None
    if verdict.status is not Status.REFUSED:
        try:
            dos = _dos(outcomes[-1].folder, structure, provenance)
        except SulfoxError as error:
            reason = Reason(code=error.code, message=error.line)
            verdict += Verdict(refusals=(reason,))
        else:
            verdict += _window(dos, outcomes[-1], spec.dos)
    tasks = [outcome.task for outcome in outcomes if outcome.task is not None]
    ground_state = _ground_state(tasks[0] if tasks else None, structure)
    verdict += _magnetic_order(structure, ground_state["moments_muB"], context.label)
    document = ElectronicStructureDoc(
        id="es-" + provenance.inputs_hash[:16],
        status=verdict.status,
        reasons=verdict.reasons,
        provenance=provenance,
        label=context.label,
        material=context.material,
        magnetic_state=context.magnetic_state,
        hubbard=bool(spec.hubbard),
        structure=structure,
        settings=spec.model_dump(mode="json"),
        **ground_state,
        **_levels(tasks[-1] if dos is not None else None, dos),
        **_curves(dos, spec.dos),
        **_cost(tasks),
        run_dir=outcomes[0].folder.parent.name,
    )
    return ElectronicResult(document=document, dos=dos)


def last_calculation(task: Any) -> Any:
    """Give the last calculation of a task document; emmet types each part as optional.

    Parameters
    ----------
    task : TaskDoc
        Of a finished step.
    """
    return task.calcs_reversed[0]


def _dos(folder: Path, structure: StructureRecord, provenance: Provenance) -> ProjectedDos:
    path = next(iter(sorted(folder.glob("vasprun.xml*"))), folder / "vasprun.xml")
    found = read_projected_dos(path)
    back = np.argsort(PoscarOrder.of(structure.species).to_input)
    per_site = {
        name: values[back]
        for name in ("densities", "fractional", "site_electrons", "site_potentials_eV")
        if (values := getattr(found, name)) is not None
    }
    return replace(
        found,
        species=structure.species,
        level_of_theory=provenance.level_of_theory,
        engine=provenance.engine,
        **per_site,
    )


def _window(dos: ProjectedDos, outcome: StepOutcome, grid: DosGrid) -> Verdict:
    lowest, highest = dos.fermi_eV - grid.below_eV, dos.fermi_eV + grid.above_eV
    step = grid.step_eV
    if dos.energies_eV[0] <= lowest + step and dos.energies_eV[-1] >= highest - step:
        return Verdict()
    text = (
        f"{outcome.folder.name}: the density of states spans {dos.energies_eV[0]:.1f} to "
        f"{dos.energies_eV[-1]:.1f} eV; expected {lowest:.1f} to {highest:.1f} eV; widen "
        "fermi_range_eV in configs/engines/vasp.yaml"
    )
    return Verdict(shortcomings=(Reason(code="SFX-325", message=text),))


def _magnetic_order(
    structure: StructureRecord, moments: tuple[float, ...] | None, label: str
) -> Verdict:
    """Say where the self-consistent moments left the order that they started with."""
    if moments is None or structure.moments is None:
        return Verdict()
    pairs = list(zip(structure.moments, moments, strict=True))
    lost = [i for i, (start, end) in enumerate(pairs) if start * end < _LOST * start**2]
    if not lost:
        return Verdict()
    first = lost[0]
    text = (
        f"{label}: {len(lost)} of {sum(start != 0 for start, _ in pairs)} moments left their "
        f"starting order, e.g. {structure.species[first]} {first} from {pairs[first][0]:+.1f} to "
        f"{pairs[first][1]:+.1f} µB; start from other moments"
    )
    return Verdict(shortcomings=(Reason(code="magnetic-order-lost", message=text),))


def _ground_state(task: Any, structure: StructureRecord) -> dict[str, Any]:
    names = ("energy_eV", "moments_muB", "total_moment_muB", "max_force_eV_A", "scf_steps")
    if task is None:
        return dict.fromkeys(names)
    output = last_calculation(task).output
    last = output.ionic_steps[-1]
    outcar = output.outcar or {}
    moments = None
    if structure.moments is not None and outcar.get("magnetization"):
        of_sites = tuple(float(site["tot"]) for site in outcar["magnetization"])
        moments = PoscarOrder.of(structure.species).restore(of_sites)
    total = outcar.get("total_magnetization") if structure.moments is not None else None
    forces = None if last.forces is None else np.linalg.norm(np.array(last.forces), axis=1).max()
    values = (output.energy, moments, total, forces, len(last.electronic_steps or ()))
    return dict(zip(names, values, strict=True))


def _levels(task: Any, dos: ProjectedDos | None) -> dict[str, Any]:
    names = ("fermi_eV", "vbm_eV", "cbm_eV", "gap_eV", "direct_gap_eV", "is_metal", "n_electrons")
    if task is None or dos is None:
        return dict.fromkeys(names)
    output, parameters = last_calculation(task).output, last_calculation(task).input.parameters
    gap = output.bandgap
    is_metal = None if gap is None else not gap > 0
    edges = (None, None) if is_metal else (output.vbm, output.cbm)
    direct = 0.0 if is_metal else output.direct_gap
    electrons = dos.n_electrons if dos.n_electrons is not None else parameters.get("NELECT")
    values = (dos.fermi_eV, *edges, gap, direct, is_metal, electrons)
    return dict(zip(names, values, strict=True))


def _curves(dos: ProjectedDos | None, grid: DosGrid) -> dict[str, Any]:
    if dos is None:
        return {}
    energies = dos.energies_eV - dos.fermi_eV
    kept = (energies >= -grid.below_eV) & (energies <= grid.above_eV)
    spins = ("up", "down") if dos.is_spin_polarized else ("both",)
    species = np.array([dos.species[site] for site in dos.sites])
    curves = [_curve("", "", s, dos.total[i][kept]) for i, s in enumerate(spins)]
    for element in dict.fromkeys(dos.species):
        of_element = dos.densities[species == element].sum(axis=0)
        for j, orbital in enumerate(dos.orbitals):
            curves += [
                _curve(element, orbital, s, of_element[j, i][kept]) for i, s in enumerate(spins)
            ]
    return {"energies_eV": tuple(energies[kept].tolist()), "curves": tuple(curves)}


def _curve(element: str, orbital: str, spin: Any, density: np.ndarray) -> DosCurve:
    return DosCurve(element=element, orbital=orbital, spin=spin, density=tuple(density.tolist()))


def _cost(tasks: list[Any]) -> dict[str, Any]:
    stats = [s for task in tasks for s in (task.run_stats or {}).values() if s is not None]
    times = [s.elapsed_time for s in stats if s.elapsed_time]
    memory = [s.max_memory / 1024 for s in stats if s.max_memory]
    return {
        "wall_time_s": sum(times) if times else None,
        "peak_memory_MB": max(memory) if memory else None,
    }

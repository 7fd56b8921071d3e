"""Geometry optimisation with an ASE calculator."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE, LBFGS

from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.engines.mlip.calculators import LoadedCalculator
from sulfox.errors import SulfoxError
from sulfox.protocols.relaxation import RelaxationSpec

__all__ = ["run_relaxation"]

_OPTIMIZERS = {"FIRE": FIRE, "LBFGS": LBFGS}


def run_relaxation(
    structure: StructureRecord,
    spec: RelaxationSpec,
    calculator: LoadedCalculator,
    *,
    label: str,
    interface_id: str | None = None,
    study: str | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> RelaxationDoc:
    """Relax a structure.

    Parameters
    ----------
    structure : StructureRecord
        Start.
    spec : RelaxationSpec
        Threshold, cell, optimiser, limits.
    calculator : LoadedCalculator
        Energies, forces and stress.
    label : str
        What is relaxed, for the document.
    interface_id, study : str, optional
        Where it belongs.
    progress : callable, optional
        Called after every step with the step and the largest force [eV/Å].

    Returns
    -------
    RelaxationDoc
        Complete; partial with SFX-305 if it did not converge; refused with SFX-305 if it
        left the limits or its numbers are not finite, with the last finite structure.

    Raises
    ------
    SulfoxError
        SFX-308 for an element unknown to the potential; SFX-305 if the start has no finite
        energy.
    """
    calculator.check_elements(structure)
    atoms = structure.to_ase()
    atoms.calc = calculator.make()
    steps, problem = _optimize(atoms, structure, spec, label, progress)
    final, energy, force = problem.last if problem else _measured(atoms, structure)
    reasons: tuple[Reason, ...] = ()
    status = Status.COMPLETE
    if problem is not None:
        status, reasons = Status.REFUSED, (Reason(code="SFX-305", message=problem.message),)
    elif not _is_converged(atoms, spec):
        message = (
            f"{label}: largest force {force:.3f} eV/Å after {steps} steps; expected at most "
            f"{spec.force_threshold_eV_A} eV/Å; allow more steps"
        )
        status, reasons = Status.PARTIAL, (Reason(code="SFX-305", message=message),)
    inputs_hash = content_hash([structure, spec, calculator.inputs_hash])
    return RelaxationDoc(
        id="rx-" + inputs_hash[:16],
        status=status,
        reasons=reasons,
        provenance=Provenance(
            engine="mlip",
            level_of_theory=calculator.level_of_theory,
            inputs_hash=inputs_hash,
            code_versions=calculator.code_versions,
            study=study,
        ),
        label=label,
        interface_id=interface_id,
        relax_cell=spec.cell != "fixed",
        energy_eV=energy,
        max_force_eV_A=force,
        force_threshold_eV_A=spec.force_threshold_eV_A,
        n_steps=steps,
        max_displacement_A=_largest_displacement(structure, final.to_ase()),
        initial=structure,
        final=final,
    )


class _Problem:
    """Why a relaxation was given up, with its last sound structure."""

    def __init__(self, message: str, last: tuple[StructureRecord, float, float]) -> None:
        self.message = message
        self.last = last


def _optimize(
    atoms: Atoms,
    structure: StructureRecord,
    spec: RelaxationSpec,
    label: str,
    progress: Callable[[int, float], None] | None,
) -> tuple[int, _Problem | None]:
    target = _target(atoms, spec)
    optimizer = _OPTIMIZERS[spec.optimizer](target, logfile=None)
    last: tuple[StructureRecord, float, float] | None = None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # the cell filter's matrix logarithm reports errors of 1e-13
        warnings.filterwarnings("ignore", message="logm result may be inaccurate")
        for _ in optimizer.irun(fmax=spec.force_threshold_eV_A, steps=spec.max_steps):
            found = _out_of_limits(atoms, structure, spec)
            if found is not None:
                if last is None:
                    raise _no_start(label, found)
                message = f"{label}: {found} at step {optimizer.nsteps}; start from a better one"
                return optimizer.nsteps, _Problem(message, last)
            last = _measured(atoms, structure)
            if progress is not None:
                progress(optimizer.nsteps, last[2])
    return optimizer.nsteps, None


def _target(atoms: Atoms, spec: RelaxationSpec) -> Atoms | FrechetCellFilter:
    if spec.cell == "fixed":
        return atoms
    return FrechetCellFilter(atoms, hydrostatic_strain=spec.cell == "hydrostatic")


def _is_converged(atoms: Atoms, spec: RelaxationSpec) -> bool:
    forces = _target(atoms, spec).get_forces()
    return bool((forces**2).sum(axis=1).max() <= spec.force_threshold_eV_A**2)


def _measured(atoms: Atoms, structure: StructureRecord) -> tuple[StructureRecord, float, float]:
    final = structure.model_copy(
        update={
            "lattice": tuple(map(tuple, atoms.cell.array.tolist())),
            "positions": tuple(map(tuple, atoms.positions.tolist())),
        }
    )
    force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
    return final, float(atoms.get_potential_energy()), force


def _out_of_limits(atoms: Atoms, structure: StructureRecord, spec: RelaxationSpec) -> str | None:
    numbers = [atoms.positions.ravel(), atoms.cell.array.ravel(), atoms.get_forces().ravel()]
    finite = np.isfinite(np.concatenate([*numbers, [atoms.get_potential_energy()]])).all()
    if not finite:
        return "an energy, forces or positions that are not finite"
    ratio = atoms.get_volume() / structure.to_ase().get_volume()
    if not 1 / spec.max_volume_ratio <= ratio <= spec.max_volume_ratio:
        return f"{ratio:.2f} times the volume at the start, limit {spec.max_volume_ratio}"
    displacement = _largest_displacement(structure, atoms)
    if displacement > spec.max_displacement_A:
        return f"an atom {displacement:.1f} Å from its start, limit {spec.max_displacement_A} Å"
    return None


def _largest_displacement(structure: StructureRecord, atoms: Atoms) -> float:
    """Largest displacement beyond the common strain of the cell [Å]."""
    inverse = np.linalg.inv(np.array(structure.lattice))
    carried = np.array(structure.positions) @ inverse @ atoms.cell.array
    return float(np.linalg.norm(atoms.positions - carried, axis=1).max())


def _no_start(label: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-305",
        who=f"relaxation of {label}",
        found=found,
        expected="a start with finite energy and forces",
        next_step="check the structure for atoms on top of each other",
    )

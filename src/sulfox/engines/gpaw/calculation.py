"""GPAW itself: ground state, states on the finer mesh, relaxation. Imported by the child only."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

# GPAW's backend, its mode classes and its C extension: whatever is broken shows here
from gpaw.dft import GPAW

from sulfox.engines.gpaw.installation import code_versions, missing_paw_sets
from sulfox.engines.gpaw.levels import levels_of_calculator, write_levels
from sulfox.engines.gpaw.parameters import (
    band_numbers,
    density_of_states_parameters,
    ground_state_parameters,
)
from sulfox.engines.gpaw.request import (
    GROUND_FILE,
    GROUND_STATE_GPW,
    LEVELS_FILE,
    STATES_GPW,
    GpawRequest,
    GpawResult,
    GroundState,
    read_answer,
    write_record,
)
from sulfox.engines.mlip.calculators import LoadedCalculator
from sulfox.engines.mlip.relaxation import run_relaxation
from sulfox.errors import SulfoxError
from sulfox.protocols.relaxation import RelaxationSpec

__all__ = ["run_request"]

_OCCUPIED = 0.01
_BYTES_PER_MAXRSS = 1 if sys.platform == "darwin" else 1024


def run_request(request: GpawRequest, run_dir: Path) -> GpawResult:
    """Answer a request.

    Parameters
    ----------
    request : GpawRequest
        What is asked.
    run_dir : Path
        Of the run; ``gpaw.txt`` in it tells the self-consistency steps.

    Returns
    -------
    GpawResult
        Its levels, if any, are in the folder.

    Raises
    ------
    SulfoxError
        SFX-302 for an element without a PAW set, SFX-305 for a start without forces.
    """
    start = time.monotonic()
    _check_paw_sets(request)
    if request.kind == "relax":
        return _relax(request, run_dir, start)
    ground, calculator = _ground_state(request, run_dir, start)
    started_dos = time.monotonic()
    n_irreducible = _density_of_states(request, run_dir, ground, calculator)
    result = GpawResult(
        inputs_hash=request.inputs_hash,
        ground_state=ground,
        n_irreducible=n_irreducible,
        wall_time_s=ground.wall_time_s + time.monotonic() - started_dos,
        peak_memory_MB=max(ground.peak_memory_MB, _peak_memory_MB()),
    )
    if not request.keep_gpw:
        with contextlib.suppress(OSError):
            (run_dir / GROUND_STATE_GPW).unlink()
    return result


def _check_paw_sets(request: GpawRequest) -> None:
    missing = missing_paw_sets(request.structure.composition, request.electronic.functional)
    if missing:
        raise SulfoxError(
            "SFX-302",
            who=request.label,
            found=f"no {request.electronic.functional} PAW data set for {', '.join(missing)}",
            expected="a set of every element in GPAW_SETUP_PATH or the package gpaw-data",
            next_step="run: make gpaw",
        )


def _make_calculator(request: GpawRequest, txt: Path) -> Any:
    n_atoms = request.structure.n_atoms
    parameters = ground_state_parameters(request.electronic, request.mesh, n_atoms)
    return GPAW(**parameters, txt=str(txt))


def _atoms(request: GpawRequest) -> Any:
    atoms = request.structure.to_ase()
    if not request.electronic.spin_polarized:
        atoms.set_initial_magnetic_moments(None)
    return atoms


def _ground_state(request: GpawRequest, run_dir: Path, start: float) -> tuple[GroundState, Any]:
    """Compute it, or take it from where a killed run left it."""
    gpw = run_dir / GROUND_STATE_GPW
    known = read_answer(run_dir / GROUND_FILE, GroundState, request.inputs_hash)
    if known is not None and gpw.is_file():
        return known, GPAW(str(gpw), txt=None)
    atoms = _atoms(request)
    atoms.calc = calculator = _make_calculator(request, run_dir / "gpaw.txt")
    energy = float(atoms.get_potential_energy())
    spin = request.electronic.spin_polarized
    occupied = (levels_of_calculator(calculator).occupations > _OCCUPIED).any(axis=1)
    temporary = gpw.with_name(f".{gpw.name}-")
    calculator.write(str(temporary))
    temporary.replace(gpw)
    ground = GroundState(
        inputs_hash=request.inputs_hash,
        energy_eV=energy,
        total_moment_muB=float(calculator.get_magnetic_moment()) if spin else None,
        moments_muB=tuple(map(float, calculator.get_magnetic_moments())) if spin else None,
        n_occupied=int(occupied.sum(axis=1).max()),
        n_electrons=float(calculator.get_number_of_electrons()),
        scf_steps=int(calculator.get_number_of_iterations()),
        wall_time_s=time.monotonic() - start,
        peak_memory_MB=_peak_memory_MB(),
    )
    write_record(run_dir / GROUND_FILE, ground)
    return ground, calculator


def _density_of_states(
    request: GpawRequest, run_dir: Path, ground: GroundState, calculator: Any
) -> int:
    """Solve for the states on the finer mesh at fixed density; return its irreducible points."""
    spec = request.electronic
    finer = calculator.fixed_density(
        txt=str(run_dir / "gpaw-dos.txt"),
        update_fermi_level=True,
        **density_of_states_parameters(spec, request.mesh, ground.n_occupied),
    )
    converged, _ = band_numbers(ground.n_occupied, spec.dos.empty_bands)
    levels = levels_of_calculator(finer, converged)
    write_levels(run_dir / LEVELS_FILE, levels)
    if request.keep_gpw:
        finer.write(str(run_dir / STATES_GPW))
    return len(levels.k_weights)


def _relax(request: GpawRequest, run_dir: Path, start: float) -> GpawResult:
    made = LoadedCalculator(
        name="gpaw",
        level_of_theory=request.electronic.method,
        inputs_hash=request.inputs_hash,
        make=lambda: _make_calculator(request, run_dir / "gpaw.txt"),
        code_versions=code_versions(),
    )

    def tell(step: int, force_eV_A: float) -> None:
        line = f"relaxation step {step}: largest force {force_eV_A:.4f} eV/Å\n"
        with (run_dir / "relaxation.txt").open("a", encoding="utf-8") as stream:
            stream.write(line)

    structure = request.structure
    if not request.electronic.spin_polarized:
        structure = structure.model_copy(update={"moments": None})
    document = run_relaxation(
        structure,
        request.relaxation or RelaxationSpec(),
        made,
        label=request.label,
        progress=tell,
    )
    return GpawResult(
        inputs_hash=request.inputs_hash,
        relaxation=document,
        wall_time_s=time.monotonic() - start,
        peak_memory_MB=_peak_memory_MB(),
    )


def _peak_memory_MB() -> float:
    """Peak of this process alone: getrusage counts what its parent held before the exec, too."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return float(np.round(int(line.split()[1]) / 1024, 1))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(np.round(used * _BYTES_PER_MAXRSS / 1024**2, 1))

"""One run of the stand-in: static, relaxation or dynamics."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from sulfox.engines.mlip.calculators import LoadedCalculator, load_calculator
from sulfox.engines.standin.faults import Faults, die, read_faults
from sulfox.engines.standin.files.poscar import FloatArray, Poscar, in_cell
from sulfox.engines.standin.files.step import ElectronicStep, IonicStep
from sulfox.engines.standin.label import RECORD_NAME, banner
from sulfox.engines.standin.motion import Dynamics, refuse
from sulfox.engines.standin.recorder import Recorder, say
from sulfox.engines.standin.setup import RunSetup, input_error, read_setup
from sulfox.engines.standin.sink import Disk
from sulfox.engines.standin.spectrum import SpectrumRequest, make_spectrum

if TYPE_CHECKING:
    from sulfox.engines.standin.relaxation import Minimiser

__all__ = ["VaspFailure", "run_in_folder"]

_KB_PER_EV_A3 = 1602.1766208
_FIRST_STEPS, _LATER_STEPS = 8, 4
_HOT = 30.0
_ROOM_BYTES = 1500
_HANG_S = 3600.0


class VaspFailure(Exception):  # noqa: N818 - named after what it stands for
    """The run ends as VASP ends when it gives up.

    Parameters
    ----------
    message : str
        What VASP writes to standard output.
    status : int
        Exit status.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


def run_in_folder(folder: Path, potential: str) -> None:
    """Do what the INCAR of a folder asks for.

    Parameters
    ----------
    folder : Path
        Working folder with INCAR, POSCAR, POTCAR and KPOINTS.
    potential : str
        ``"nep89"``, or the import path of an ASE calculator.

    Raises
    ------
    SulfoxError
        SFX-341 for inputs that cannot be used, SFX-342 for what the stand-in does not do,
        SFX-343 for a fault that is not known; SFX-301, SFX-302, SFX-303, SFX-308 for the
        potential.
    VaspFailure
        Where a fault says so, or forces are not finite.
    """
    faults = read_faults(folder)
    loaded = load_calculator(potential)
    name = "NEP89" if potential == "nep89" else loaded.name
    setup = read_setup(folder, banner(name))
    _Run(setup, faults, loaded).run()


class _Run:
    """Goes through the ionic steps of one run."""

    def __init__(self, setup: RunSetup, faults: Faults, loaded: LoadedCalculator) -> None:
        self._setup, self._faults = setup, faults
        _check_kind(setup)
        if loaded.elements is not None:
            for symbol in setup.symbols:
                if symbol not in loaded.elements:
                    raise input_error("POSCAR", f"{symbol}, unknown to {loaded.name}", "others")
        self._poscar: Poscar = setup.poscar
        self._masses = setup.per_atom([kind.mass_u for kind in setup.types])
        self._dynamics = (
            Dynamics(self._poscar, self._masses, setup.incar, setup.n_steps)
            if setup.is_dynamics
            else None
        )
        self._atoms = Atoms(
            setup.symbols,
            cell=self._poscar.lattice,
            scaled_positions=self._poscar.fractional,
            pbc=True,
            calculator=loaded.calculator,
        )
        disk = Disk(setup.folder)
        disk.replace(RECORD_NAME, _record(setup, faults, loaded))
        self._spectrum = make_spectrum(_spectrum_request(setup))
        self._files = Recorder(setup, self._spectrum, disk, faults)
        self._disk = disk
        self._last_energy = 0.0
        self._hard_stop = False

    def run(self) -> None:
        """Run to the end or to a stop."""
        self._files.start()
        if self._setup.is_relaxation:
            self._relax()
        else:
            n_steps = self._setup.n_steps if self._dynamics else 1
            for number in range(1, n_steps + 1):
                if self._step(number, number == n_steps):
                    break
        self._files.finish(self._poscar)

    def _relax(self) -> None:
        from sulfox.engines.standin.relaxation import Minimiser

        setup = self._setup
        minimiser = Minimiser(self._atoms, setup)
        for number in range(1, setup.n_steps + 1):
            largest = minimiser.largest_force()
            change = abs(float(self._atoms.get_potential_energy()) - self._last_energy)
            by_force = setup.ediffg < 0 and largest < -setup.ediffg
            by_energy = setup.ediffg > 0 and number > 1 and change < setup.ediffg
            is_done = by_force or by_energy
            stopped = self._step(
                number, is_done or number == setup.n_steps, None if is_done else minimiser
            )
            if is_done:
                self._files.remark(
                    "reached required accuracy - stopping structural energy minimisation"
                )
            if is_done or stopped:
                break

    def _take_positions(self) -> None:
        self._poscar.lattice = self._atoms.cell.array.copy()
        self._poscar.fractional = in_cell(self._atoms.get_scaled_positions(wrap=False))

    def _step(self, number: int, is_last: bool, minimiser: Minimiser | None = None) -> bool:
        """Do one ionic step; return whether the run was told to stop."""
        clock = time.perf_counter()
        self._spoil_start(number)
        if self._setup.is_relaxation:
            self._take_positions()
        else:
            self._atoms.positions = self._poscar.fractional @ self._poscar.lattice
        step = self._evaluate(number)
        self._converge(step)
        soft_stop = self._stop_asked("LSTOP")
        stopped = soft_stop or self._hard_stop
        draws = 0
        if self._dynamics is not None:
            draws = self._dynamics.state.steps_done
            step.motion = self._dynamics.advance(step.forces, number)
            if self._faults.due("explode", number):
                self._dynamics.heat(_HOT)
        step.cpu_s = time.perf_counter() - clock
        self._files.ionic(step, is_last or stopped)
        if self._dynamics is not None:
            self._files.report(step, self._dynamics.seed, draws)
        if minimiser is not None:  # CONTCAR is one step ahead, as VASP's
            minimiser.move()
            self._take_positions()
        push = None if self._dynamics is None else self._dynamics.push
        self._files.contcar(self._poscar, number, push)
        if self._faults.due("zbrent", number):
            raise VaspFailure(
                " ZBRENT: fatal error in bracketing\n"
                "     please rerun with smaller EDIFF, or copy CONTCAR\n"
                "     to POSCAR and continue"
            )
        if stopped:
            kind = "soft" if soft_stop else "hard"
            self._files.remark(f"{kind} stop encountered!  aborting job ...")
        return stopped

    def _spoil_start(self, number: int) -> None:
        faults = self._faults
        if faults.due("exit", number):
            raise VaspFailure("", faults.exit_status[number])
        if faults.due("disk_full", number):
            self._disk.bytes_left = _ROOM_BYTES

    def _evaluate(self, number: int) -> IonicStep:
        atoms = self._atoms
        forces = np.asarray(atoms.get_forces(apply_constraint=False), dtype=float)
        energy = float(atoms.get_potential_energy())
        if not (np.isfinite(forces).all() and np.isfinite(energy)):
            raise VaspFailure(_bad_news("forces that are not finite"))
        is_magnetic = self._setup.n_spins == 2
        step = IonicStep(
            number=number,
            lattice=self._poscar.lattice.copy(),
            fractional=self._poscar.fractional.copy(),
            energy_eV=energy,
            forces=forces,
            stress_kB=self._stress(),
            magnetisation=self._spectrum.magnetisation if is_magnetic else None,
            change_eV=energy - self._last_energy,
        )
        self._last_energy = energy
        return step

    def _stress(self) -> FloatArray:
        if self._setup.incar.integer("ISIF", 2) == 0:
            return np.zeros((3, 3))
        try:
            stress = self._atoms.get_stress(voigt=False, apply_constraint=False)
        except (PropertyNotImplementedError, NotImplementedError):
            return np.zeros((3, 3))
        return -np.asarray(stress, dtype=float) * _KB_PER_EV_A3

    def _converge(self, step: IonicStep) -> None:
        """Write electronic steps that end at the energy of the potential."""
        faults, number = self._faults, step.number
        steps, step.is_converged = _electronic_steps(
            step, self._setup, fails=faults.due("nelm", number)
        )
        self._files.open_step()
        dies, hangs = faults.due("sigkill", number), faults.due("hang", number)
        breaks = faults.due("edddav", number)
        for electronic in steps:
            self._files.electronic(number, electronic)
            step.electronic.append(electronic)
            if hangs:
                time.sleep(_HANG_S * 1000)
            if faults.sleep_s:
                time.sleep(faults.sleep_s / len(steps))
            is_middle = electronic.number >= (len(steps) + 1) // 2
            if dies and is_middle:
                die()
            if breaks and is_middle:
                raise VaspFailure(" Error EDDDAV: Call to ZHEGV failed. Returncode =  9 1 16")
            if self._stop_asked("LABORT"):
                self._hard_stop = True
                step.is_converged = electronic is steps[-1] and step.is_converged
                break

    def _stop_asked(self, word: str) -> bool:
        path = self._setup.folder / "STOPCAR"
        if not path.is_file():
            return False
        text = path.read_text("latin-1")
        return re.search(rf"{word}\s*=\s*\.?T", text, re.IGNORECASE) is not None


def _check_kind(setup: RunSetup) -> None:
    if setup.n_steps > 0 and setup.ibrion not in (-1, 0, 1, 2, 3):
        raise refuse("IBRION", str(setup.ibrion), "-1, 0, 1, 2 or 3")
    charge = setup.folder / "CHGCAR"
    has_charge = charge.is_file() and charge.stat().st_size > 0
    if setup.incar.integer("ICHARG", 2) >= 10 and not has_charge:
        text = "charge density could not be read from file CHGCAR for ICHARG>10"
        raise input_error("CHGCAR", f"ERROR: {text}", "the CHGCAR of a self-consistent run")


def _electronic_steps(
    step: IonicStep, setup: RunSetup, *, fails: bool
) -> tuple[list[ElectronicStep], bool]:
    n_most = max(1, setup.incar.integer("NELM", 60))
    is_first = step.number == 1 or not setup.is_dynamics
    usual = max(_FIRST_STEPS if is_first else _LATER_STEPS, setup.incar.integer("NELMIN", 2))
    fails = fails or usual >= n_most
    count = n_most if fails else usual
    small = 20.0 * setup.ediff_eV if fails else 0.4 * setup.ediff_eV
    shrink = (small / 10.0) ** (1.0 / max(1, count - 2))
    above = [10.0 * shrink**k for k in range(count - 1)] + [0.0]
    energies = [step.energy_eV + excess for excess in above]
    before = [0.0, *energies]
    return [
        ElectronicStep(k + 1, energy, energy - before[k]) for k, energy in enumerate(energies)
    ], not fails


def _spectrum_request(setup: RunSetup) -> SpectrumRequest:
    return SpectrumRequest(
        symbols=setup.symbols,
        valence=setup.per_atom([kind.valence for kind in setup.types]),
        moments=setup.moments,
        n_spins=setup.n_spins,
        n_bands=setup.n_bands,
        n_electrons=setup.n_electrons,
        width_eV=setup.incar.real("SIGMA", 0.2),
        points=setup.k_points.points,
        weights=setup.k_points.weights,
    )


def _record(setup: RunSetup, faults: Faults, loaded: LoadedCalculator) -> str:
    return json.dumps(
        {
            "program": setup.banner,
            "is_vasp": False,
            "forces": loaded.level_of_theory,
            "electrons": "synthetic bands, no physics",
            "inputs_hash": loaded.inputs_hash,
            "code_versions": loaded.code_versions,
            "ignored_tags": list(setup.incar.unknown),
            "faults": faults.texts,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        },
        indent=1,
    )


def _bad_news(what: str) -> str:
    say(" -----------------------------------------------------------------------------")
    return (
        "  VERY BAD NEWS! internal error in subroutine of sulfox-vasp-standin:\n"
        f"  {what}\n"
        "  ---->  I REFUSE TO CONTINUE WITH THIS SICK JOB ... BYE!!! <----"
    )

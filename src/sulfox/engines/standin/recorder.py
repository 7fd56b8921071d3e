"""Keeps all files of a run growing, in VASP's order, and lets faults spoil them."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from sulfox.engines.standin.faults import Faults, die
from sulfox.engines.standin.files import bands, oszicar, outcar, small, vasprun
from sulfox.engines.standin.files.poscar import FloatArray, Poscar, contcar_text
from sulfox.engines.standin.files.step import ElectronicStep, IonicStep
from sulfox.engines.standin.label import MARK
from sulfox.engines.standin.setup import RunSetup
from sulfox.engines.standin.sink import Disk, GrowingFile
from sulfox.engines.standin.spectrum import Spectrum

__all__ = ["Recorder", "say"]

_XDATCAR_BUFFER = 65_536


def say(text: str) -> None:
    """Write a line to standard output, at once.

    Parameters
    ----------
    text : str
        Without its end.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Recorder:
    """The files of one run.

    Parameters
    ----------
    setup : RunSetup
        The run.
    spectrum : Spectrum
        Its synthetic bands.
    disk : Disk
        Where the files lie.
    faults : Faults
        What shall go wrong.
    """

    def __init__(self, setup: RunSetup, spectrum: Spectrum, disk: Disk, faults: Faults) -> None:
        self._setup, self._spectrum, self._disk, self._faults = setup, spectrum, disk, faults
        self._started_at = time.time()
        self._outcar = GrowingFile(disk, "OUTCAR")
        self._oszicar = GrowingFile(disk, "OSZICAR")
        self._vasprun = GrowingFile(disk, "vasprun.xml")
        self._xdatcar = GrowingFile(disk, "XDATCAR", _XDATCAR_BUFFER)
        uses_report = setup.is_dynamics and setup.incar.integer("MDALGO", 0) > 0
        self._report = GrowingFile(disk, "REPORT") if uses_report else None
        self._cell: FloatArray | None = None
        self._moment = spectrum.magnetisation

    def start(self) -> None:
        """Write the heads."""
        setup, disk = self._setup, self._disk
        n_types = " ".join(kind.symbol for kind in setup.types)
        say(" running    1 mpi-ranks, with    1 threads/rank, on    1 nodes")
        say(f" {setup.banner}")
        say(f" POSCAR found type information on POSCAR: {n_types}")
        say(f" POSCAR found :  {len(setup.types):2d} types and {setup.poscar.n_atoms:7d} ions")
        for tag in setup.incar.unknown:
            say(f" {MARK}: the tag {tag} is unknown and ignored")
        disk.replace("IBZKPT", small.ibzkpt(setup))
        for name in ("EIGENVAL", "DOSCAR", "PROCAR", "CONTCAR", "CHG", "CHGCAR", "WAVECAR"):
            is_input = name in ("CHGCAR", "WAVECAR")
            if not is_input:
                (disk.folder / name).open("wb").close()
        started = time.strftime("%Y.%m.%d  %H:%M:%S", time.localtime(self._started_at))
        self._outcar.write(outcar.head_text(setup, f"STANDIN (NOT VASP) date {started}"))
        self._vasprun.write(vasprun.head_xml(setup))
        if self._report is not None:
            self._report.write(f" {setup.banner}\n")
        say(" entering main loop")
        self._say_columns()

    def _say_columns(self) -> None:
        say("       N       E                     dE             d eps       ncg     rms")

    def open_step(self) -> None:
        """Write what stands before the electronic steps."""
        self._oszicar.write(oszicar.head_line(self._setup.banner))
        self._vasprun.write(" <calculation>\n")

    def electronic(self, ionic: int, step: ElectronicStep) -> None:
        """Write an electronic step.

        Parameters
        ----------
        ionic : int
            Ionic step.
        step : ElectronicStep
            It.
        """
        line = oszicar.electronic_line(step)
        self._oszicar.write(line)
        say(line.rstrip("\n"))
        self._outcar.write(outcar.electronic_text(ionic, step, self._setup, self._moment))
        self._vasprun.write(vasprun.electronic_xml(step))

    def ionic(self, step: IonicStep, is_last: bool) -> None:
        """Write an ionic step; with eigenvalues and density of states after the last.

        Parameters
        ----------
        step : IonicStep
            It.
        is_last : bool
            Whether the run ends with it.
        """
        text, xml = outcar.ionic_text(step), vasprun.ionic_xml(step)
        frame = self._frame(step)
        if self._faults.due("truncate_last_frame", step.number):
            self._outcar.write(text[: len(text) // 2])
            self._vasprun.write(xml[: len(xml) // 2])
            self._xdatcar.write(frame[: len(frame) // 2])
            self._xdatcar.flush()
            die()
        if not step.is_converged:
            say(
                " WARNING: The electronic self-consistency was not achieved in the given\n"
                " number of steps (NELM)."
            )
        self._outcar.write(text)
        self._vasprun.write(xml)
        if is_last:
            self._write_spectrum()
        else:
            self._outcar.write(f" E-fermi : {self._spectrum.fermi_eV:8.4f}     XC(G=0):   0.0000\n")
        self._vasprun.write(" </calculation>\n")
        self._xdatcar.write(frame)
        line = oszicar.ionic_line(step)
        self._oszicar.write(line)
        say(line.rstrip("\n"))

    def _frame(self, step: IonicStep) -> str:
        block = max(1, self._setup.incar.integer("NBLOCK", 1)) if step.motion else 1
        if step.number % block:
            return ""
        head = ""
        if self._cell is None or not (self._cell == step.lattice).all():
            head = small.xdatcar_head(self._setup, step.lattice)
            self._cell = step.lattice.copy()
        return head + small.frame_text(step.number, step.fractional)

    def report(self, step: IonicStep, seed: int, draws: int) -> None:
        """Write a step of REPORT where there is one.

        Parameters
        ----------
        step : IonicStep
            It.
        seed, draws : int
            Of the random numbers.
        """
        if self._report is not None:
            self._report.write(oszicar.report_text(step, seed, draws))

    def contcar(self, poscar: Poscar, number: int, push: FloatArray | None) -> None:
        """Rewrite CONTCAR.

        Parameters
        ----------
        poscar : Poscar
            Where the atoms go next.
        number : int
            Ionic step.
        push : ndarray, shape (n_atoms, 3), or None
            As for :func:`contcar_text`.
        """
        old = poscar.comment.partition(" | ")[2] if MARK in poscar.comment else poscar.comment
        comment = f"{self._setup.banner} | {old.strip()}"
        text = contcar_text(poscar, comment, self._setup.incar.real("POTIM", 0.5), push)
        path = self._disk.folder / "CONTCAR"
        if self._faults.due("empty_contcar", number):
            path.write_text("", encoding="ascii")
            die()
        if self._faults.due("half_contcar", number):
            path.write_text(text[: len(text) // 2], encoding="ascii", errors="replace")
            die()
        self._disk.replace("CONTCAR", text)

    def remark(self, text: str) -> None:
        """Write a line to OUTCAR and standard output.

        Parameters
        ----------
        text : str
            Without its end.
        """
        self._outcar.write(f"\n{'-' * 80}\n {text}\n")
        say(f" {text}")

    def _write_spectrum(self) -> None:
        setup, spectrum, folder = self._setup, self._spectrum, self._disk.folder
        self._outcar.write(outcar.spectrum_text(setup, spectrum))
        tables = bands.make_densities(setup, spectrum)
        for part in bands.spectrum_xml(setup, spectrum, tables):
            self._vasprun.write(part)
        self._disk.replace("EIGENVAL", bands.eigenval(setup, spectrum))
        parts = {"DOSCAR": bands.doscar(setup, spectrum, tables)}
        if setup.incar.integer("LORBIT", 0) >= 10:
            parts["PROCAR"] = bands.procar(setup, spectrum)
        else:
            Path(folder / "PROCAR").unlink(missing_ok=True)
        for name, pieces in parts.items():
            table = GrowingFile(self._disk, name)
            for piece in pieces:
                table.write(piece)
            table.close()

    def finish(self, poscar: Poscar) -> None:
        """Write the ends, and the placeholders of density and orbitals.

        Parameters
        ----------
        poscar : Poscar
            Where the atoms are at the end.
        """
        setup = self._setup
        steps = None
        if setup.is_dynamics and poscar.velocities is not None:
            per_step = setup.incar.real("POTIM", 0.5) * np.linalg.inv(poscar.lattice)
            steps = poscar.velocities @ per_step
        final = vasprun.structure_xml("finalpos", poscar.lattice, poscar.fractional, steps)
        self._vasprun.write(f"{final}</modeling>\n")
        self._write_placeholders(poscar)
        self._outcar.write(outcar.timing_text(self._started_at))
        for growing in (self._outcar, self._oszicar, self._vasprun, self._xdatcar, self._report):
            if growing is not None:
                growing.close()

    def _write_placeholders(self, poscar: Poscar) -> None:
        """Write what stands for densities and orbitals, as LCHARG, LAECHG, LVTOT, LWAVE ask."""
        setup, incar, disk = self._setup, self._setup.incar, self._disk
        plain = replace(poscar, velocities=None, state=None, is_free=None)
        head = contcar_text(plain, setup.banner, 1.0, None).partition("\n\n")[0] + "\n"
        names: list[str] = []
        if incar.logical("LCHARG", True) and incar.integer("ICHARG", 2) < 10:
            names += ["CHG", "CHGCAR"]
        if incar.logical("LAECHG", False):
            names += ["AECCAR0", "AECCAR1", "AECCAR2"]
        if incar.logical("LVTOT", False) or incar.logical("LVHAR", False):
            names += ["LOCPOT"]
        density = small.charge_density(setup, head)
        for name in names:
            disk.replace(name, density)
        if incar.logical("LWAVE", True):
            say(" writing wavefunctions")
            disk.replace("WAVECAR", small.orbitals(setup))

"""OUTCAR: what programs look for in it, in VASP's words and columns."""

from __future__ import annotations

import resource
import time

import numpy as np

from sulfox.engines.standin.files.poscar import FloatArray, rows
from sulfox.engines.standin.files.step import ElectronicStep, IonicStep
from sulfox.engines.standin.setup import RunSetup
from sulfox.engines.standin.spectrum import LETTERS, Spectrum

__all__ = [
    "CONVERGED",
    "electronic_text",
    "head_text",
    "ionic_text",
    "spectrum_text",
    "timing_text",
]

_BAR = "-" * 104
_STEP_BAR = "-" * 39
CONVERGED = "------------------------ aborting loop because EDIFF is reached"
_NOT_CONVERGED = "------------------------ aborting loop EDIFF was not reached (unconverged)"
_CORE_EV = -60.0


def head_text(setup: RunSetup, started: str) -> str:
    """Write the part before the first step.

    Parameters
    ----------
    setup : RunSetup
        The run.
    started : str
        Date and time.
    """
    incar, poscar = setup.incar, setup.poscar
    tags = "".join(f"   {tag} = {value}\n" for tag, value in incar.tags.items())
    unknown = "".join(f" {tag}: unknown tag, ignored\n" for tag in incar.unknown)
    titles = "".join(f" POTCAR:    {kind.title}\n" for kind in setup.types)
    heads = "".join(
        f"   VRHFIN ={kind.symbol}: placeholder or head of a POTCAR\n"
        f"   TITEL  = {kind.title}\n"
        f"   POMASS = {kind.mass_u:8.3f}; ZVAL   = {kind.valence:8.3f}    mass and valenz\n"
        f"   ENMAX  = {kind.enmax_eV:8.3f}; ENMIN  = {0.75 * kind.enmax_eV:8.3f} eV\n"
        for kind in setup.types
    )
    return (
        f" {setup.banner}\n \n executed on {started}\n"
        " running    1 mpi-ranks, with    1 threads/rank\n"
        " distrk:  each k-point on    1 cores,    1 groups\n"
        " distr:  one band on    1 cores,    1 groups\n\n\n"
        f"{_BAR}\n\n\n INCAR:\n{tags}{unknown}\n{titles}\n{heads}\n"
        f" POSCAR: {poscar.comment}\n"
        "  positions in direct lattice\n\n"
        f"   ions per type =            {''.join(f'{n:4d}' for n in poscar.counts)}\n\n"
        + _dimensions(setup)
        + _parameters(setup)
        + _cell_text(poscar.lattice)
        + _plane_waves(setup)
    )


def _dimensions(setup: RunSetup) -> str:
    x, y, z = setup.grid
    n_points = len(setup.k_points.points)
    return (
        " Dimension of arrays:\n"
        f"   k-points           NKPTS = {n_points:6d}   k-points in BZ     NKDIM = {n_points:6d}"
        f"   number of bands    NBANDS= {setup.n_bands:6d}\n"
        f"   number of dos      NEDOS = {setup.incar.integer('NEDOS', 301):6d}"
        f"   number of ions     NIONS = {setup.poscar.n_atoms:6d}\n"
        f"   total plane-waves  NPLWV = {x * y * z:6d}\n"
        f"   dimension x,y,z NGX = {x:5d} NGY ={y:5d} NGZ ={z:5d}\n"
        f"   dimension x,y,z NGXF= {2 * x:5d} NGYF={2 * y:5d} NGZF={2 * z:5d}\n"
        f"   support grid    NGXF= {2 * x:5d} NGYF={2 * y:5d} NGZF={2 * z:5d}\n\n"
    )


def _parameters(setup: RunSetup) -> str:
    incar = setup.incar
    spin = "spin polarized calculation?"
    return (
        f" SYSTEM =  {setup.banner}\n POSCAR =  {setup.poscar.comment}\n\n"
        " Startparameter for this run:\n"
        f"   NWRITE = {incar.integer('NWRITE', 2):6d}    write-flag & timer\n"
        f"   PREC   = {incar.text('PREC', 'normal').lower():6s}    normal or accurate\n"
        f"   ISTART = {incar.integer('ISTART', 0):6d}    job   : 0-new  1-cont  2-samecut\n"
        f"   ICHARG = {incar.integer('ICHARG', 2):6d}    charge: 1-file 2-atom 10-const\n"
        f"   ISPIN  = {setup.n_spins:6d}    {spin}\n"
        "   LNONCOLLINEAR =      F non collinear calculations\n\n"
        " Electronic Relaxation 1\n"
        f"   ENCUT  = {setup.cutoff_eV:6.1f} eV\n"
        f"   NELM   = {incar.integer('NELM', 60):6d};   NELMIN={incar.integer('NELMIN', 2):3d};"
        "     # of ELM steps\n"
        f"   EDIFF  = {setup.ediff_eV:.1E}   stopping-criterion for ELM\n"
        " Ionic relaxation\n"
        f"   EDIFFG = {setup.ediffg:.1E}   stopping-criterion for IOM\n"
        f"   NSW    = {setup.n_steps:6d}    number of steps for IOM\n"
        f"   IBRION = {setup.ibrion:6d}    ionic relax: 0-MD 1-quasi-New 2-CG\n"
        f"   ISIF   = {incar.integer('ISIF', 2):6d}    stress and relaxation\n"
        f"   POTIM  = {incar.real('POTIM', 0.5):7.4f}    time-step for ionic-motion\n"
        f"   TEIN   = {incar.real('TEBEG', 1e-4):6.1f}    initial temperature\n"
        f"   TEBEG  = {incar.real('TEBEG', 1e-4):6.1f};   TEEND  ="
        f"{incar.real('TEEND', incar.real('TEBEG', 1e-4)):6.1f} temperature during run\n"
        f"   SMASS  = {incar.real('SMASS', -3):6.2f}    Nose mass-parameter (am)\n\n"
        " DOS related values:\n"
        f"   ISMEAR = {incar.integer('ISMEAR', 1):6d};   SIGMA  = {incar.real('SIGMA', 0.2):6.2f}"
        "  broadening in eV -4-tet -1-fermi 0-gaus\n\n"
        " Electronic relaxation 2 (details)\n"
        f"   NELECT = {setup.n_electrons:12.4f}    total number of electrons\n"
        f"   NUPDOWN= {incar.real('NUPDOWN', -1):12.4f}    fix difference up-down\n\n"
    )


def _cell_text(lattice: FloatArray) -> str:
    volume = abs(float(np.linalg.det(lattice)))
    reciprocal = np.linalg.inv(lattice).T
    lengths = np.linalg.norm(lattice, axis=1), np.linalg.norm(reciprocal, axis=1)
    return (
        f" VOLUME and BASIS-vectors are now :\n {'-' * 77}\n"
        f"  volume of cell : {volume:14.4f}\n"
        "      direct lattice vectors                 reciprocal lattice vectors\n"
        + rows("  " + "%13.9f" * 3 + "  " + "%13.9f" * 3 + "\n", np.hstack([lattice, reciprocal]))
        + "\n  length of vectors\n  "
        + rows("%13.9f" * 3 + "  " + "%13.9f" * 3 + "\n\n\n", np.hstack(lengths)[None, :])
    )


def _plane_waves(setup: RunSetup) -> str:
    volume = abs(float(np.linalg.det(setup.poscar.lattice)))
    waves = int(volume * (setup.cutoff_eV / 3.81) ** 1.5 / (6 * np.pi**2))
    lines = "".join(
        f" k-point {k + 1:4d} : {x:9.4f}{y:7.4f}{z:7.4f}  plane waves: {waves:7d}\n"
        for k, (x, y, z) in enumerate(setup.k_points.points.tolist())
    )
    return (
        f"\n\n{_BAR}\n\n\n{lines}\n maximum and minimum number of plane-waves per node :"
        f" {waves:8d} {waves:8d}\n\n maximum number of plane-waves: {waves:8d}\n\n"
    )


def electronic_text(ionic: int, step: ElectronicStep, setup: RunSetup, moment: float) -> str:
    """Write an electronic step.

    Parameters
    ----------
    ionic : int
        Ionic step.
    step : ElectronicStep
        It.
    setup : RunSetup
        The run.
    moment : float
        Total magnetisation [µB].
    """
    energy = step.energy_eV
    return (
        f"\n{_STEP_BAR} Iteration {ionic:6d}({step.number:4d})  {_STEP_BAR}\n\n\n"
        "      LOOP:  cpu time    0.0010: real time    0.0010\n\n"
        f" eigenvalue-minimisations  : {64:6d}\n"
        f" total energy-change (2. order) :{step.change_eV:15.7E}  ({step.change_eV:15.7E})\n"
        f" number of electron {setup.n_electrons:15.7f} magnetization {moment:15.7f}\n"
        f" augmentation part  {setup.n_electrons:15.7f} magnetization {moment:15.7f}\n\n"
        " Free energy of the ion-electron system (eV)\n"
        "  ---------------------------------------------------\n"
        f"  free energy    TOTEN  = {energy:18.8f} eV\n\n"
        f"  energy without entropy = {energy:17.8f}  energy(sigma->0) = {energy:17.8f}\n\n\n"
    )


def ionic_text(step: IonicStep) -> str:
    """Write forces, stress and energies of an ionic step.

    Parameters
    ----------
    step : IonicStep
        It.
    """
    text = CONVERGED if step.is_converged else _NOT_CONVERGED
    lattice = step.lattice
    table = np.hstack([step.fractional @ lattice, step.forces])
    bar = f" {'-' * 83}\n"
    drift = step.forces.sum(axis=0)
    stress = step.stress_kB
    kB = [stress[0, 0], stress[1, 1], stress[2, 2], stress[0, 1], stress[1, 2], stress[2, 0]]
    to_eV = abs(float(np.linalg.det(lattice))) / 1602.1766208
    return (
        f"{text} ----------------------------------------\n\n\n"
        "  FORCE on cell =-STRESS in cart. coord.  units (eV):\n"
        "  Direction    XX          YY          ZZ          XY          YZ          ZX\n"
        "  " + "-" * 86 + "\n"
        "  Total   " + "".join(f"{value * to_eV:12.5f}" for value in kB) + "\n"
        "  in kB   " + "".join(f"{value:12.5f}" for value in kB) + "\n"
        f"  external pressure = {float(np.trace(stress)) / 3:12.2f} kB  Pullay stress ="
        "         0.00 kB\n\n\n"
        + _cell_text(lattice)
        + " POSITION                                       TOTAL-FORCE (eV/Angst)\n"
        + bar
        + rows("%13.5f%13.5f%13.5f   %14.6f%14.6f%14.6f\n", table)
        + bar
        + "    total drift:                          "
        + "".join(f"{value:14.6f}" for value in drift)
        + f"\n\n\n{'-' * 98}\n\n\n\n"
        + _energies(step)
    )


def _energies(step: IonicStep) -> str:
    bar = "  ---------------------------------------------------\n"
    energy = step.energy_eV
    text = (
        f"  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n{bar}"
        f"  free  energy   TOTEN  = {energy:18.8f} eV\n\n"
        f"  energy  without entropy= {energy:17.8f}  energy(sigma->0) = {energy:17.8f}\n \n\n"
    )
    motion = step.motion
    if motion is not None:
        text += (
            f"  ENERGY OF THE ELECTRON-ION-THERMOSTAT SYSTEM (eV)\n{bar}"
            f"% ion-electron   TOTEN  = {energy:17.6f}  see above\n"
            f"  kinetic energy EKIN   = {motion.kinetic_eV:17.6f}\n"
            "  kin. lattice  EKIN_LAT=          0.000000"
            f"  (temperature {motion.temperature_K:7.2f} K)\n"
            f"  nose potential ES     = {motion.thermostat_potential_eV:17.6f}\n"
            f"  nose kinetic   EPS    = {motion.thermostat_kinetic_eV:17.6f}\n{bar}"
            f"  total energy   ETOTAL = {step.total_energy_eV:17.6f} eV\n\n\n"
        )
    return text + f"     LOOP+:  cpu time {step.cpu_s:9.4f}: real time {step.cpu_s:9.4f}\n"


def spectrum_text(setup: RunSetup, spectrum: Spectrum) -> str:
    """Write potentials at the cores, Fermi level, charges and moments.

    Parameters
    ----------
    setup : RunSetup
        The run.
    spectrum : Spectrum
        Its synthetic bands.
    """
    potentials = _CORE_EV - 2.0 * setup.per_atom([kind.valence for kind in setup.types])
    numbered = [f"{n + 1:8d}{value:9.4f}" for n, value in enumerate(potentials.tolist())]
    lines = "\n".join("".join(numbered[n : n + 5]) for n in range(0, len(numbered), 5))
    radii = "".join(f"{1.0:10.4f}" for _ in setup.types)
    text = (
        "\n\n average (electrostatic) potential at core\n"
        f"  the test charge radii are{radii}\n"
        "  (the norm of the test charge is              1.0000)\n"
        f"{lines}\n\n\n\n"
        f" E-fermi : {spectrum.fermi_eV:8.4f}     XC(G=0):   0.0000     alpha+bet :  0.0000\n\n"
        f" {setup.banner}\n\n"
    )
    if setup.incar.integer("LORBIT", 0) < 10:
        return text
    per_letter = np.stack(
        [
            spectrum.site_electrons[
                :, :, [n for n, name in enumerate(LETTERS) if name == letter]
            ].sum(axis=2)
            for letter in "spd"
        ],
        axis=2,
    )
    text += _site_table("total charge", per_letter.sum(axis=0))
    if setup.n_spins == 2:
        text += _site_table("magnetization (x)", per_letter[0] - per_letter[1])
    return text


def _site_table(title: str, values: FloatArray) -> str:
    table = np.hstack([values, values.sum(axis=1, keepdims=True)])
    numbers = np.arange(1, len(table) + 1)[:, None]
    bar = "-" * 50
    return (
        f"\n {title}\n \n# of ion       s       p       d       tot\n{bar}\n"
        + rows("%5d      %8.3f%8.3f%8.3f%8.3f\n", np.hstack([numbers, table]))
        + f"{bar}\ntot        "
        + "".join(f"{value:8.3f}" for value in table.sum(axis=0))
        + "\n\n"
    )


def timing_text(started_at: float) -> str:
    """Write the accounts that end a complete OUTCAR.

    Parameters
    ----------
    started_at : float
        ``time.time()`` of the start [s].
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    elapsed = time.time() - started_at
    return (
        "\n\n General timing and accounting informations for this job:\n"
        " ========================================================\n\n"
        f"                  Total CPU time used (sec): {usage.ru_utime + usage.ru_stime:12.3f}\n"
        f"                            User time (sec): {usage.ru_utime:12.3f}\n"
        f"                          System time (sec): {usage.ru_stime:12.3f}\n"
        f"                         Elapsed time (sec): {elapsed:12.3f}\n\n"
        f"                   Maximum memory used (kb): {usage.ru_maxrss:12.0f}\n"
        "                   Average memory used (kb):          N/A\n\n"
        f"                          Minor page faults: {usage.ru_minflt:12d}\n"
        f"                          Major page faults: {usage.ru_majflt:12d}\n"
        f"                 Voluntary context switches: {usage.ru_nvcsw:12d}\n"
    )

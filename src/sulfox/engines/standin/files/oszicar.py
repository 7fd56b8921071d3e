"""OSZICAR, and REPORT: one line for each electronic and ionic step."""

from __future__ import annotations

import math

from sulfox.engines.standin.files.step import ElectronicStep, IonicStep

__all__ = ["electronic_line", "fortran", "head_line", "ionic_line", "report_text"]


def fortran(number: float, digits: int) -> str:
    """Write a number as Fortran's E format does: a fraction below one, ``-.2259E+03``.

    Parameters
    ----------
    number : float
        Any.
    digits : int
        After the point.
    """
    if not math.isfinite(number):
        return "*" * (digits + 6)
    mantissa, _, exponent = f"{abs(number):.{digits - 1}E}".partition("E")
    power = int(exponent) + (1 if number else 0)
    return f"{'-' if number < 0 else '0'}.{mantissa.replace('.', '')}E{power:+03d}"


def head_line(banner: str) -> str:
    """Write the line before the electronic steps.

    Parameters
    ----------
    banner : str
        Name of the stand-in; readers take the words before it as names of columns.
    """
    columns = "       N       E                     dE             d eps       ncg     rms"
    return f"{columns}          rms(c)   {banner}\n"


def electronic_line(step: ElectronicStep) -> str:
    """Write an electronic step.

    Parameters
    ----------
    step : ElectronicStep
        It.
    """
    rms = max(1e-6, abs(step.change_eV))
    text = f"DAV: {step.number:3d}   {step.energy_eV:18.12E} {step.change_eV:14.5E}"
    text += f" {step.change_eV / 2:14.5E} {64:5d} {rms / 10:10.3E}"
    return text + (f" {rms / 100:10.3E}\n" if step.number > 1 else "\n")


def ionic_line(step: IonicStep) -> str:
    """Write an ionic step.

    Parameters
    ----------
    step : IonicStep
        It.
    """
    energy = fortran(step.energy_eV, 8)
    magnetic = "" if step.magnetisation is None else f"  mag={step.magnetisation:11.4f}"
    if step.motion is None:
        change = fortran(step.change_eV, 6)
        return f"{step.number:4d} F= {energy} E0= {energy}  d E ={change}{magnetic}\n"
    motion = step.motion
    text = f"{step.number:7d} T= {motion.temperature_K:6.0f}. E= {fortran(step.total_energy_eV, 8)}"
    text += f" F= {energy} E0= {energy}  EK= {fortran(motion.kinetic_eV, 5)}"
    text += f" SP= {fortran(motion.thermostat_potential_eV, 2)}"
    return f"{text} SK= {fortran(motion.thermostat_kinetic_eV, 2)}{magnetic}\n"


def report_text(step: IonicStep, seed: int, draws: int) -> str:
    """Write a step of REPORT.

    Parameters
    ----------
    step : IonicStep
        Of dynamics.
    seed, draws : int
        Of the random numbers: the seed, and the steps done before this one.
    """
    motion = step.motion
    if motion is None:
        return ""
    bar = " ========================================\n"
    energies = (
        step.total_energy_eV,
        step.energy_eV,
        motion.kinetic_eV,
        motion.thermostat_kinetic_eV,
        motion.thermostat_potential_eV,
    )
    return (
        f"\n{bar}         MD step No. {step.number:6d}\n{bar}\n"
        f"           RANDOM_SEED =  {seed:12d} {draws:10d} {0:6d}\n"
        "\n           >Energies\n"
        "                 E_tot             E_pot             E_kin             EPS        ES\n"
        "   e_b>" + "".join(f"  {energy:16.8E}" for energy in energies) + "\n"
        "\n           >Temperature\n                 T_sim             T_inst\n"
        f"   tmprt> {motion.target_K:12.3f} {motion.temperature_K:12.3f}\n"
    )

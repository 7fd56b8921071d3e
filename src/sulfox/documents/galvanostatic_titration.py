"""Chemical diffusion coefficient of one titration step (GITT), with its inputs questioned."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.units import (
    Density,
    Diffusivity,
    Dimensionless,
    LengthCm,
    MolarMass,
    MolarVolume,
    Seconds,
    SpecificArea,
    Voltage,
)

__all__ = ["GalvanostaticTitrationDoc", "TitrationInputs"]


class TitrationInputs(Record):
    """One set of constants and what follows from it.

    Attributes
    ----------
    origin : str
        ``"given"`` (as printed or typed) or ``"computed"`` (from formula and lattice).
    molar_mass_g_per_mol : float
        M [g/mol].
    molar_volume_cm3_per_mol : float
        V_M [cm^3/mol].
    density_g_per_cm3 : float
        M / V_M [g/cm^3].
    diffusion_length_cm : float
        V_M / (M a): the depth of a plane sheet with this volume and surface [cm].
    diffusivity_cm2_per_s : float
        Eq. 1 [cm^2/s].
    diffusion_time_s : float
        Length squared over diffusivity; Eq. 1 holds for pulses much shorter than it [s].
    """

    origin: Literal["given", "computed"]
    molar_mass_g_per_mol: MolarMass
    molar_volume_cm3_per_mol: MolarVolume
    density_g_per_cm3: Density
    diffusion_length_cm: LengthCm
    diffusivity_cm2_per_s: Diffusivity
    diffusion_time_s: Seconds


class GalvanostaticTitrationDoc(Document):
    """One step of a galvanostatic intermittent titration.

    Attributes
    ----------
    formula : str
        Active material, as asked for.
    pulse_time_s : float
        tau, duration of the current pulse [s].
    specific_area_m2_per_g : float
        a = S / m, contact area per mass; the mass cancels [m^2/g].
    steady_change_V, transient_change_V : float
        Change of the equilibrium voltage by the pulse; change during the pulse without the
        ohmic drop [V].
    diffusivity_cm2_per_s : float
        With the given constants where there are any, else with the computed ones [cm^2/s].
    inputs : tuple of TitrationInputs
        Every set of constants that is complete.
    ratio : float or None
        Diffusivity with the given constants over that with the computed ones.
    """

    kind: Literal["galvanostatic_titration"] = "galvanostatic_titration"
    formula: str
    pulse_time_s: Seconds
    specific_area_m2_per_g: SpecificArea
    steady_change_V: Voltage
    transient_change_V: Voltage
    diffusivity_cm2_per_s: Diffusivity
    inputs: tuple[TitrationInputs, ...]
    ratio: Dimensionless | None

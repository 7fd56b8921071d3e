"""Units carried by every number that leaves a room.

A float in a document is never a bare ``float``: its type says its unit, so that a
machine (JSON schema, report, test) can read it. Internally sulfox computes in the
field's usual units: Å, eV, fs, K, e (elementary charge), µB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

__all__ = [
    "Amount",
    "Angle",
    "Area",
    "Charge",
    "ChargePerArea",
    "Density",
    "Diffusivity",
    "Dimensionless",
    "DipolePerArea",
    "Drift",
    "Energy",
    "EnergyPerAtom",
    "EnergyPerMole",
    "Exposure",
    "Force",
    "Length",
    "LengthCm",
    "Megabytes",
    "MolarEntropy",
    "MolarMass",
    "MolarVolume",
    "Moment",
    "Pressure",
    "PressureBar",
    "RatePerAreaTime",
    "RatePerTime",
    "ReciprocalLength",
    "Seconds",
    "SpecificArea",
    "StatesPerEnergy",
    "Temperature",
    "TimeFs",
    "TimePs",
    "Unit",
    "Velocity",
    "Voltage",
]

FS_PER_PS = 1000.0
ANGSTROM2_PER_NM2 = 100.0
#: 1 eV per particle in kJ/mol: e N_A / 1000 (exact since the SI of 2019).
KJ_PER_MOL_PER_EV = 96.48533212331
#: Gas constant [J/mol/K] (exact since the SI of 2019).
GAS_CONSTANT_J_PER_MOL_K = 8.31446261815324
#: Potential of the two-phase electrode In + InLi against Li/Li+ [V], as the field quotes it.
LI_IN_VS_LI_V = 0.62


@dataclass(frozen=True)
class Unit:
    """Unit of a number, attached to its type as metadata.

    Attributes
    ----------
    symbol : str
        Symbol as printed on an axis, ``"1"`` for a pure number.
    """

    symbol: str

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> Any:
        """Add the unit to the JSON schema of a field."""
        schema = handler(core_schema)
        schema["unit"] = self.symbol
        return schema


Length = Annotated[float, Unit("Å")]
Area = Annotated[float, Unit("Å^2")]
Angle = Annotated[float, Unit("deg")]
Energy = Annotated[float, Unit("eV")]
EnergyPerAtom = Annotated[float, Unit("eV/atom")]
StatesPerEnergy = Annotated[float, Unit("1/eV")]
ReciprocalLength = Annotated[float, Unit("1/Å")]
Force = Annotated[float, Unit("eV/Å")]
Temperature = Annotated[float, Unit("K")]
TimeFs = Annotated[float, Unit("fs")]
TimePs = Annotated[float, Unit("ps")]
Seconds = Annotated[float, Unit("s")]
Exposure = Annotated[float, Unit("nm^2 ps")]
Drift = Annotated[float, Unit("eV/atom/ps")]
RatePerAreaTime = Annotated[float, Unit("1/nm^2/ps")]
RatePerTime = Annotated[float, Unit("1/ps")]
DipolePerArea = Annotated[float, Unit("e/Å")]
Moment = Annotated[float, Unit("µB")]
Velocity = Annotated[float, Unit("Å/fs")]
Charge = Annotated[float, Unit("e")]
ChargePerArea = Annotated[float, Unit("e/Å^2")]
Pressure = Annotated[float, Unit("GPa")]
EnergyPerMole = Annotated[float, Unit("kJ/mol")]
Voltage = Annotated[float, Unit("V")]
Amount = Annotated[float, Unit("mol")]
Megabytes = Annotated[float, Unit("MB")]
Dimensionless = Annotated[float, Unit("1")]
MolarEntropy = Annotated[float, Unit("J/mol/K")]
MolarMass = Annotated[float, Unit("g/mol")]
MolarVolume = Annotated[float, Unit("cm^3/mol")]
SpecificArea = Annotated[float, Unit("m^2/g")]
Diffusivity = Annotated[float, Unit("cm^2/s")]
PressureBar = Annotated[float, Unit("bar")]
Density = Annotated[float, Unit("g/cm^3")]
LengthCm = Annotated[float, Unit("cm")]

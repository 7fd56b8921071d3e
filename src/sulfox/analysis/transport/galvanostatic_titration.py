"""Chemical diffusion coefficient from a galvanostatic intermittent titration (GITT).

Eq. 1 of doi 10.1002/adma.202305748 after Weppner and Huggins (doi 10.1149/1.2133112):
D = 4/(pi tau) (m V_M / (M S))^2 (dE_s/dE_t)^2. With S = m a the mass cancels, and V_M/(M a) is
a length: 4/(pi tau) length^2 ratio^2 is cm^2/s if V_M is in cm^3/mol, M in g/mol and a in cm^2/g.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sulfox.analysis.thermodynamics.entries.entry_set import read_composition
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.galvanostatic_titration import GalvanostaticTitrationDoc, TitrationInputs
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = ["TitrationStep", "diffusivity", "galvanostatic_titration"]

_METHOD_VERSION = 1
_CM2_PER_M2 = 1e4
_CM3_PER_MOL_PER_A3 = 0.602214076
_SAME = 0.01


@dataclass(frozen=True)
class TitrationStep:
    """One pulse and its rest.

    Attributes
    ----------
    pulse_time_s : float
        Duration of the current pulse [s].
    steady_change_V, transient_change_V : float
        dE_s and dE_t [V]; only their ratio counts, signs do not.
    specific_area_m2_per_g : float
        Contact area per mass [m^2/g].
    """

    pulse_time_s: float
    steady_change_V: float
    transient_change_V: float
    specific_area_m2_per_g: float


def diffusivity(
    step: TitrationStep, molar_mass_g_per_mol: float, molar_volume_cm3_per_mol: float
) -> float:
    """Evaluate Eq. 1.

    Parameters
    ----------
    step : TitrationStep
        Pulse, voltages and area.
    molar_mass_g_per_mol, molar_volume_cm3_per_mol : float
        M [g/mol] and V_M [cm^3/mol].

    Returns
    -------
    float
        Chemical diffusion coefficient [cm^2/s].

    Raises
    ------
    SulfoxError
        SFX-745 if an input is not a positive number.
    """
    positive = {
        "pulse time (s)": step.pulse_time_s,
        "steady change (V)": abs(step.steady_change_V),
        "transient change (V)": abs(step.transient_change_V),
        "specific area (m^2/g)": step.specific_area_m2_per_g,
        "molar mass (g/mol)": molar_mass_g_per_mol,
        "molar volume (cm^3/mol)": molar_volume_cm3_per_mol,
    }
    for name, value in positive.items():
        if not (math.isfinite(value) and value > 0):
            raise SulfoxError(
                "SFX-745",
                who=name,
                found=f"{value:g}",
                expected="a number above 0",
                next_step="correct the input of Eq. 1",
            )
    length = _length_cm(step, molar_mass_g_per_mol, molar_volume_cm3_per_mol)
    ratio = step.steady_change_V / step.transient_change_V
    return 4 / (math.pi * step.pulse_time_s) * (length * ratio) ** 2


def galvanostatic_titration(
    formula: str,
    step: TitrationStep,
    *,
    molar_mass_g_per_mol: float | None = None,
    molar_volume_cm3_per_mol: float | None = None,
    formula_volume_A3: float | None = None,
) -> GalvanostaticTitrationDoc:
    """Evaluate Eq. 1 with the given constants and with those of formula and lattice.

    Parameters
    ----------
    formula : str
        Active material; its molar mass is computed.
    step : TitrationStep
        Pulse, voltages and area.
    molar_mass_g_per_mol, molar_volume_cm3_per_mol : float, optional
        Constants as printed or typed; the computed one stands in for a missing one.
    formula_volume_A3 : float, optional
        Volume of one formula unit in the crystal [Å^3].

    Returns
    -------
    GalvanostaticTitrationDoc
        Both results where both can be had, and what is odd about the given constants.

    Raises
    ------
    SulfoxError
        SFX-723 for a bad formula, SFX-745 for inputs that are not positive or no volume.
    """
    composition = _composition(formula)
    mass = float(composition.weight)
    volume = None if formula_volume_A3 is None else formula_volume_A3 * _CM3_PER_MOL_PER_A3
    if volume is None and molar_volume_cm3_per_mol is None:
        raise SulfoxError(
            "SFX-745",
            who="molar volume (cm^3/mol)",
            found=f"none, and no lattice of {formula}",
            expected="V_M in cm^3/mol",
            next_step="give --molar-volume, or the name of a material of the catalogue",
        )
    rows = []
    if molar_mass_g_per_mol is not None or molar_volume_cm3_per_mol is not None:
        given_mass = mass if molar_mass_g_per_mol is None else molar_mass_g_per_mol
        given_volume = volume if molar_volume_cm3_per_mol is None else molar_volume_cm3_per_mol
        rows.append(_inputs("given", step, given_mass, float(given_volume or 0.0)))
    if volume is not None:
        rows.append(_inputs("computed", step, mass, volume))
    ratio = None
    if len(rows) == 2:
        ratio = rows[0].diffusivity_cm2_per_s / rows[1].diffusivity_cm2_per_s
    question = [formula, step.__dict__, molar_mass_g_per_mol, molar_volume_cm3_per_mol, volume]
    inputs_hash = content_hash(question)
    return GalvanostaticTitrationDoc(
        id="gt-" + content_hash([_METHOD_VERSION, inputs_hash])[:16],
        status=Status.COMPLETE,
        reasons=(
            *_question_mass(formula, molar_mass_g_per_mol),
            *_question_volume(molar_volume_cm3_per_mol, volume, formula_volume_A3),
            *_question_time(rows, step),
        ),
        provenance=Provenance(
            engine="sulfox", level_of_theory="measured voltages, Eq. 1", inputs_hash=inputs_hash
        ),
        formula=formula,
        pulse_time_s=step.pulse_time_s,
        specific_area_m2_per_g=step.specific_area_m2_per_g,
        steady_change_V=step.steady_change_V,
        transient_change_V=step.transient_change_V,
        diffusivity_cm2_per_s=rows[0].diffusivity_cm2_per_s,
        inputs=tuple(rows),
        ratio=ratio,
    )


def _composition(formula: str) -> Composition:
    from pymatgen.core import Composition

    read_composition(formula, "the active material")
    return Composition(formula)


def _length_cm(step: TitrationStep, mass: float, volume: float) -> float:
    return volume / (mass * step.specific_area_m2_per_g * _CM2_PER_M2)


def _inputs(origin: str, step: TitrationStep, mass: float, volume: float) -> TitrationInputs:
    value = diffusivity(step, mass, volume)
    length = _length_cm(step, mass, volume)
    return TitrationInputs.model_validate(
        {
            "origin": origin,
            "molar_mass_g_per_mol": mass,
            "molar_volume_cm3_per_mol": volume,
            "density_g_per_cm3": mass / volume,
            "diffusion_length_cm": length,
            "diffusivity_cm2_per_s": value,
            "diffusion_time_s": length**2 / value,
        }
    )


def _question_mass(formula: str, given: float | None) -> list[Reason]:
    """Compare a given molar mass with the formula's, and look for a lost or extra atom."""
    composition = _composition(formula)
    mass = float(composition.weight)
    if given is None or abs(given / mass - 1) < _SAME / 5:
        return []
    text = f"M = {given:g} g/mol was given, {formula} has {mass:.2f} g/mol"
    for element in composition:
        atom = float(_composition(element.symbol).weight)
        if abs(abs(given - mass) - atom) < 0.02:
            word = "less" if given < mass else "more"
            text += f": one {element.symbol} ({atom:.2f} g/mol) {word}"
    return [Reason(code="molar_mass", message=text)]


def _question_volume(
    given: float | None, volume: float | None, formula_volume_A3: float | None
) -> list[Reason]:
    """Compare a given molar volume with the crystal's, also in the wrong unit."""
    if given is None or volume is None or formula_volume_A3 is None:
        return []
    if abs(given / volume - 1) < 5 * _SAME:
        return []
    text = f"V_M = {given:g} cm^3/mol was given, the crystal has {volume:.2f} cm^3/mol"
    if abs(given / formula_volume_A3 - 1) < _SAME:
        text += f": the number is that of one formula unit in Å^3 ({formula_volume_A3:.2f})"
    return [Reason(code="molar_volume", message=text)]


def _question_time(rows: list[TitrationInputs], step: TitrationStep) -> list[Reason]:
    last = rows[-1]
    if step.pulse_time_s < last.diffusion_time_s:
        return []
    text = (
        f"the pulse of {step.pulse_time_s:g} s is not short against length^2/D = "
        f"{last.diffusion_time_s:.3g} s: Eq. 1 does not hold"
    )
    return [Reason(code="long_pulse", message=text)]

"""``sulfox analyze gitt`` and ``arrhenius``: the experiment's formulas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.arrhenius import ArrheniusDoc
    from sulfox.documents.galvanostatic_titration import GalvanostaticTitrationDoc

__all__ = ["arrhenius", "gitt"]


def gitt(
    material: Annotated[str, typer.Argument(help="Formula, or a material's name.")],
    steady: Annotated[float, typer.Option(help="Change of the equilibrium voltage dE_s [V].")],
    transient: Annotated[
        float, typer.Option(help="Change during the pulse dE_t, without the ohmic drop [V].")
    ],
    tau: Annotated[float, typer.Option(help="Duration of the pulse [s].")] = 1800.0,
    specific_area: Annotated[float, typer.Option(help="S/m [m^2/g].")] = 0.55,
    molar_mass: Annotated[float | None, typer.Option(help="M as printed [g/mol].")] = None,
    molar_volume: Annotated[float | None, typer.Option(help="V_M as printed [cm^3/mol].")] = None,
    json_output: JsonOutput = False,
) -> None:
    """Diffusion coefficient of a titration step (Eq. 1), with its constants questioned."""
    from sulfox.analysis.transport.galvanostatic_titration import (
        TitrationStep,
        galvanostatic_titration,
    )

    formula, volume = _formula_and_volume(material)
    document = galvanostatic_titration(
        formula,
        TitrationStep(tau, steady, transient, specific_area),
        molar_mass_g_per_mol=molar_mass,
        molar_volume_cm3_per_mol=molar_volume,
        formula_volume_A3=volume,
    )
    if json_output:
        emit_json(document)
    else:
        _tell_gitt(document)


def arrhenius(
    file: Annotated[
        Path, typer.Argument(help="CSV with temperature_K (or _C) and a column of values.")
    ],
    times_temperature: Annotated[
        bool, typer.Option("--times-temperature", help="Fit ln(value T): ionic conductivity.")
    ] = False,
    at: Annotated[list[float] | None, typer.Option(help="Temperature for the line [K].")] = None,
    json_output: JsonOutput = False,
) -> None:
    """Activation energy and prefactor of measured values, with their errors."""
    from sulfox.analysis.transport.arrhenius import arrhenius_fit, read_measurements

    data = read_measurements(file)
    document = arrhenius_fit(data, times_temperature=times_temperature, at_K=at or ())
    if json_output:
        emit_json(document)
    else:
        _tell_arrhenius(document)


def _formula_and_volume(text: str) -> tuple[str, float | None]:
    """Find the formula, and the crystal's volume per formula unit [Å^3], in the catalogue."""
    from sulfox.materials.catalogue import list_materials

    wanted = text.strip().lower()
    for material in list_materials():
        if wanted in {material.name.lower(), *(alias.lower() for alias in material.aliases)}:
            if material.is_disordered:
                return material.formula, None
            structure = material.structure()
            units = structure.composition.get_reduced_composition_and_factor()[1]
            return material.formula, float(structure.volume / units)
    return text, None


def _tell_gitt(document: GalvanostaticTitrationDoc) -> None:
    emit_text(
        f"{document.formula}: D = 4/(pi tau) (V_M / (M a))^2 (dE_s/dE_t)^2, "
        f"tau {document.pulse_time_s:g} s, a {document.specific_area_m2_per_g:g} m^2/g, "
        f"dE_s {document.steady_change_V:g} V, dE_t {document.transient_change_V:g} V"
    )
    emit_table(
        "Diffusion coefficient",
        ["constants", "M (g/mol)", "V_M (cm^3/mol)", "density (g/cm^3)", "D (cm^2/s)"],
        (
            (
                row.origin,
                f"{row.molar_mass_g_per_mol:.2f}",
                f"{row.molar_volume_cm3_per_mol:.2f}",
                f"{row.density_g_per_cm3:.2f}",
                f"{row.diffusivity_cm2_per_s:.3e}",
            )
            for row in document.inputs
        ),
    )
    if document.ratio is not None:
        emit_text(f"given constants over computed ones: {document.ratio:.2f} times D")
    emit_text(*(f"remark: {reason.message}" for reason in document.reasons))


def _tell_arrhenius(document: ArrheniusDoc) -> None:
    energy_error, prefactor_error = (
        "" if error is None else f" +- {error:.2g}"
        for error in (document.activation_energy_error_eV, document.log10_prefactor_error)
    )
    unit = f"{document.unit} K" if document.times_temperature else document.unit
    emit_text(
        f"{document.quantity}, {document.n} points",
        f"activation energy {document.activation_energy_eV:.4f}{energy_error} eV",
        f"log10 of the prefactor in {unit}: {document.log10_prefactor:.3f}{prefactor_error}",
        f"R^2 {document.r_squared:.5f}",
    )
    for row in document.estimates:
        interval = "" if row.low is None else f" (95 %: {row.low:.3g} to {row.high:.3g})"
        emit_text(f"at {row.temperature_K:g} K: {row.value:.4g} {document.unit}{interval}")
    emit_text(*(f"remark: {reason.message}" for reason in document.reasons))

"""Arrhenius fit of a measured rate, conductivity or diffusivity."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.units import Dimensionless, Energy, Temperature

__all__ = ["ArrheniusDoc", "ArrheniusEstimate", "ArrheniusPoint"]


class ArrheniusPoint(Record):
    """One measurement.

    Attributes
    ----------
    temperature_K : float
        Temperature [K].
    value : float
        In the unit of the document.
    standard_error : float or None
        In the same unit.
    fitted : float
        Of the line, in the same unit.
    """

    temperature_K: Temperature
    value: Dimensionless
    standard_error: Dimensionless | None
    fitted: Dimensionless


class ArrheniusEstimate(Record):
    """The line at another temperature.

    Attributes
    ----------
    temperature_K : float
        Temperature [K].
    value : float
        In the unit of the document.
    low, high : float or None
        95 % confidence interval of the line; None with two points.
    extrapolated : bool
        Whether it lies outside the measured range.
    """

    temperature_K: Temperature
    value: Dimensionless
    low: Dimensionless | None
    high: Dimensionless | None
    extrapolated: bool


class ArrheniusDoc(Document):
    """Activation energy and prefactor.

    Attributes
    ----------
    quantity, unit : str
        What was measured and its unit, as the file says.
    times_temperature : bool
        Whether ln(value T) was fitted, as for an ionic conductivity.
    n : int
        How many measurements.
    weighted : bool
        Whether standard errors of the measurements weigh them.
    activation_energy_eV, activation_energy_error_eV : float, float or None
        Ea and its standard error [eV]; None with two points.
    log10_prefactor, log10_prefactor_error : float, float or None
        Logarithm of the prefactor (unit times K with `times_temperature`), standard error.
    r_squared : float
        Share of the variance of the logarithm that the line explains.
    points : tuple of ArrheniusPoint
        By ascending temperature.
    estimates : tuple of ArrheniusEstimate
        At temperatures that were asked for.
    """

    kind: Literal["arrhenius"] = "arrhenius"
    quantity: str
    unit: str
    times_temperature: bool
    n: int
    weighted: bool
    activation_energy_eV: Energy
    activation_energy_error_eV: Energy | None
    log10_prefactor: Dimensionless
    log10_prefactor_error: Dimensionless | None
    r_squared: Dimensionless
    points: tuple[ArrheniusPoint, ...]
    estimates: tuple[ArrheniusEstimate, ...]

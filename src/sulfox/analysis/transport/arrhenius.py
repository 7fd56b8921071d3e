"""Arrhenius fit: ln(value) or ln(value T) against 1/T, with the uncertainty of the line.

Least squares on the logarithm; standard errors of the measurements, where given, weigh the
points (sigma of ln v is sigma_v / v) and are taken as absolute. Without them the scatter about
the line sets the error. Confidence intervals are Student's with n - 2 degrees of freedom.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.arrhenius import ArrheniusDoc, ArrheniusEstimate, ArrheniusPoint
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.errors import SulfoxError
from sulfox.units import KJ_PER_MOL_PER_EV

__all__ = ["Measurements", "arrhenius_fit", "read_measurements"]

FloatArray = NDArray[np.float64]

#: Boltzmann constant [eV/K].
BOLTZMANN_EV_PER_K = 8.31446261815324e-3 / KJ_PER_MOL_PER_EV
_METHOD_VERSION = 1
_ZERO_CELSIUS_K = 273.15
_KELVIN = ("temperature_k", "t_k", "t(k)", "temperature(k)")
_CELSIUS = ("temperature_c", "t_c", "t(c)", "t(°c)", "temperature(c)", "temperature(°c)")
_ERRORS = ("standard_error", "std", "error", "sigma_error")


@dataclass(frozen=True)
class Measurements:
    """Values against temperature.

    Attributes
    ----------
    quantity, unit : str
        What was measured.
    temperatures_K, values : tuple of float
        Temperatures [K] and values.
    errors : tuple of float or None
        Standard errors of the values.
    """

    quantity: str
    unit: str
    temperatures_K: tuple[float, ...]
    values: tuple[float, ...]
    errors: tuple[float, ...] | None = None


def read_measurements(path: str | Path) -> Measurements:
    """Read a CSV with a temperature column and a value column.

    The temperature is ``temperature_K`` or ``temperature_C``; the first other column is the
    value, its unit what follows the first underscore (``conductivity_S_per_cm``); a column
    ``standard_error`` weighs the points.

    Parameters
    ----------
    path : str or Path
        CSV with a header; comma, semicolon or tabulator.

    Returns
    -------
    Measurements
        As they stand in the file.

    Raises
    ------
    SulfoxError
        SFX-746 if it cannot be read as such.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or "not a text file") from None
    first = text.split("\n", 1)[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    rows = [r for r in csv.reader(io.StringIO(text), delimiter=delimiter) if any(map(str.strip, r))]
    if len(rows) < 2:
        raise _unreadable(path, "no rows below a header")
    header = [cell.strip() for cell in rows[0]]
    keys = [cell.lower().replace(" ", "") for cell in header]
    temperature = next((k for k, key in enumerate(keys) if key in _KELVIN + _CELSIUS), None)
    error_at = next((k for k, key in enumerate(keys) if key in _ERRORS), None)
    value = next((k for k in range(len(keys)) if k not in (temperature, error_at)), None)
    if temperature is None or value is None:
        raise _unreadable(path, f"columns {', '.join(header)[:80]!r}")
    wanted = [k for k in (temperature, value, error_at) if k is not None]
    numbers = [[_number(path, n, row, k) for k in wanted] for n, row in enumerate(rows[1:], 2)]
    shift = _ZERO_CELSIUS_K if keys[temperature] in _CELSIUS else 0.0
    quantity, _, unit = header[value].partition("_")
    columns = list(zip(*numbers, strict=True))
    return Measurements(
        quantity=quantity or header[value],
        unit=unit.replace("_per_", "/").replace("_", " ") or "1",
        temperatures_K=tuple(t + shift for t in columns[0]),
        values=columns[1],
        errors=columns[2] if error_at is not None else None,
    )


def arrhenius_fit(
    data: Measurements, *, times_temperature: bool = False, at_K: Sequence[float] = ()
) -> ArrheniusDoc:
    """Fit activation energy and prefactor.

    Parameters
    ----------
    data : Measurements
        At least two temperatures; values above 0.
    times_temperature : bool
        Fit ln(value T), as for an ionic conductivity by hopping.
    at_K : sequence of float
        Temperatures at which the line is wanted [K].

    Returns
    -------
    ArrheniusDoc
        With standard errors from three points on.

    Raises
    ------
    SulfoxError
        SFX-747 for numbers that are not positive, or fewer than two temperatures.
    """
    _refuse(data, at_K)
    order = np.argsort(data.temperatures_K, kind="stable")
    kelvin = np.array(data.temperatures_K)[order]
    values = np.array(data.values)[order]
    errors = None if data.errors is None else np.array(data.errors)[order]
    logs = np.log(values * (kelvin if times_temperature else 1.0))
    line = _Line.through(1 / (BOLTZMANN_EV_PER_K * kelvin), logs, errors, values)
    fitted = np.exp(line.at(1 / (BOLTZMANN_EV_PER_K * kelvin))) / (
        kelvin if times_temperature else 1.0
    )
    inputs_hash = content_hash([data.__dict__, times_temperature, list(at_K)])
    known = line.covariance is not None
    spread = np.sqrt(np.diag(line.covariance)) if line.covariance is not None else np.zeros(2)
    return ArrheniusDoc(
        id="ar-" + content_hash([_METHOD_VERSION, inputs_hash])[:16],
        status=Status.COMPLETE,
        reasons=_remarks(line, kelvin, at_K),
        provenance=Provenance(
            engine="sulfox", level_of_theory="measured values", inputs_hash=inputs_hash
        ),
        quantity=data.quantity,
        unit=data.unit,
        times_temperature=times_temperature,
        n=len(values),
        weighted=errors is not None,
        activation_energy_eV=-line.slope,
        activation_energy_error_eV=float(spread[0]) if known else None,
        log10_prefactor=line.intercept / math.log(10),
        log10_prefactor_error=float(spread[1]) / math.log(10) if known else None,
        r_squared=line.r_squared,
        points=tuple(
            ArrheniusPoint(
                temperature_K=float(t),
                value=float(v),
                standard_error=None if errors is None else float(errors[k]),
                fitted=float(f),
            )
            for k, (t, v, f) in enumerate(zip(kelvin, values, fitted, strict=True))
        ),
        estimates=tuple(_estimate(line, t, kelvin, times_temperature) for t in at_K),
    )


@dataclass(frozen=True)
class _Line:
    """ln v = intercept + slope x, x = 1/kT."""

    slope: float
    intercept: float
    covariance: FloatArray | None
    freedom: int
    r_squared: float

    @classmethod
    def through(
        cls, x: FloatArray, y: FloatArray, errors: FloatArray | None, values: FloatArray
    ) -> _Line:
        weights = np.ones_like(y) if errors is None else (values / errors) ** 2
        centre, level = (np.average(v, weights=weights) for v in (x, y))
        width = float(weights @ (x - centre) ** 2)
        slope = float(weights @ ((x - centre) * (y - level))) / width
        intercept = float(level - slope * centre)
        rest = float(weights @ (y - intercept - slope * x) ** 2)
        whole = float(weights @ (y - level) ** 2)
        freedom = len(y) - 2
        covariance = None
        if freedom > 0 or errors is not None:
            scale = 1.0 if errors is not None else rest / freedom
            tilt = scale / width
            offset = scale / float(weights.sum()) + tilt * centre**2
            covariance = np.array([[tilt, -tilt * centre], [-tilt * centre, offset]])
        share = 1.0 if whole == 0 else 1 - rest / whole
        return cls(slope, intercept, covariance, freedom, share)

    def at(self, x: FloatArray) -> FloatArray:
        return self.intercept + self.slope * x

    def half_width(self, x: float) -> float | None:
        """Half of the 95 % interval of the line at x; None without degrees of freedom."""
        if self.covariance is None or self.freedom < 1:
            return None
        from scipy.stats import t

        row = np.array([x, 1.0])
        return float(t.ppf(0.975, self.freedom) * math.sqrt(row @ self.covariance @ row))


def _estimate(
    line: _Line, temperature_K: float, kelvin: FloatArray, times_temperature: bool
) -> ArrheniusEstimate:
    x = 1 / (BOLTZMANN_EV_PER_K * temperature_K)
    scale = 1 / temperature_K if times_temperature else 1.0
    level, half = float(line.at(np.array(x))), line.half_width(x)
    return ArrheniusEstimate(
        temperature_K=temperature_K,
        value=math.exp(level) * scale,
        low=None if half is None else math.exp(level - half) * scale,
        high=None if half is None else math.exp(level + half) * scale,
        extrapolated=not kelvin[0] <= temperature_K <= kelvin[-1],
    )


def _refuse(data: Measurements, at_K: Sequence[float]) -> None:
    positive = {
        "temperatures": (*data.temperatures_K, *at_K),
        "values": data.values,
        "standard errors": data.errors or (),
    }
    for name, numbers in positive.items():
        bad = [n for n in numbers if not (math.isfinite(n) and n > 0)]
        if bad:
            raise _unusable(name, f"{bad[0]:g}", "numbers above 0")
    if len(set(data.temperatures_K)) < 2:
        found = f"{len(set(data.temperatures_K))} different temperature"
        raise _unusable("temperatures", found, "two at least")


def _remarks(line: _Line, kelvin: FloatArray, at_K: Sequence[float]) -> tuple[Reason, ...]:
    rows = []
    if line.covariance is None:
        text = "two points: a line without an error"
        rows.append(Reason(code="two_points", message=text))
    if line.slope > 0:
        text = "it falls with temperature: no activated process"
        rows.append(Reason(code="not_activated", message=text))
    outside = [f"{t:g} K" for t in at_K if not kelvin[0] <= t <= kelvin[-1]]
    if outside:
        text = f"extrapolated to {', '.join(outside)} from {kelvin[0]:g} to {kelvin[-1]:g} K"
        rows.append(Reason(code="extrapolated", message=text))
    return tuple(rows)


def _number(path: Path, line: int, row: Sequence[str], column: int) -> float:
    try:
        return float(row[column])
    except (IndexError, ValueError):
        cell = row[column] if column < len(row) else "nothing"
        raise _unreadable(path, f"{cell!r} in line {line}") from None


def _unreadable(path: Path, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-746",
        who=path.name,
        found=found,
        expected="a CSV with temperature_K or temperature_C and a column of values",
        next_step="give such a file",
    )


def _unusable(who: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-747", who=who, found=found, expected=expected, next_step="correct the measurements"
    )

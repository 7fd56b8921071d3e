"""Standard Gibbs energies of gases and condensed phases against temperature, as data."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sulfox.documents.base import Record
from sulfox.units import Dimensionless, EnergyPerMole, MolarEntropy, Temperature

__all__ = ["Source", "Substance", "ThermoSegment", "ThermoTable"]

Form = Literal["shomate", "nasa7", "heat_capacity", "sisso"]

#: Form -> how many coefficients it takes.
_COEFFICIENTS: dict[str, int] = {"shomate": 7, "nasa7": 7, "heat_capacity": 3, "sisso": 1}


class Source(Record):
    """Where a number was printed.

    Attributes
    ----------
    citation : str
        Authors, journal or table, year.
    doi : str or None
        Its DOI.
    """

    citation: str
    doi: str | None = None


class ThermoSegment(Record):
    """One equation over a range of temperature.

    Attributes
    ----------
    form : str
        ``"shomate"`` (A to G of the NIST WebBook), ``"nasa7"`` (seven coefficients of H/RT
        and S/R), ``"heat_capacity"`` (a, b, c of Cp = a + b T + c/T^2 in J/mol/K) or
        ``"sisso"`` (volume per atom [Å^3]; doi 10.1038/s41467-018-06682-4).
    from_K, to_K : float
        Range [K].
    coefficients : tuple of float
        In the order and units of the form.
    transition_kJ_per_mol : float
        Enthalpy of the transition at `from_K`, for ``"heat_capacity"`` [kJ/mol].
    """

    form: Form
    from_K: Temperature = Field(gt=0)
    to_K: Temperature = Field(gt=0)
    coefficients: tuple[Dimensionless, ...]
    transition_kJ_per_mol: EnergyPerMole = 0.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = _COEFFICIENTS[self.form]
        if len(self.coefficients) != wanted:
            raise ValueError(f"{self.form} takes {wanted} coefficients")
        if self.to_K <= self.from_K:
            raise ValueError("to_K must lie above from_K")
        if self.form == "sisso" and self.coefficients[0] <= 0:
            raise ValueError("a volume per atom must be positive")
        return self


class Substance(Record):
    """A gas at 1 bar or a pure condensed phase.

    Attributes
    ----------
    formula : str
        Molecule or reduced formula.
    state : str
        ``"gas"``, or words for a condensed phase.
    source : str
        Key of the table's sources.
    checked : str
        Against what the numbers were compared; ``"no"`` where they were not.
    remark : str or None
        What a reader has to know.
    formation_enthalpy_kJ_per_mol : float or None
        At 298.15 K, for forms that do not hold it [kJ/mol].
    entropy_J_per_mol_K : float or None
        At 298.15 K, for ``"heat_capacity"`` [J/mol/K].
    enthalpy_source : str or None
        Where the formation enthalpy was printed, if not in `source`.
    segments : tuple of ThermoSegment
        By ascending temperature, without gaps.
    """

    formula: str
    state: str
    source: str
    checked: str
    remark: str | None = None
    formation_enthalpy_kJ_per_mol: EnergyPerMole | None = None
    entropy_J_per_mol_K: MolarEntropy | None = None
    enthalpy_source: str | None = None
    segments: tuple[ThermoSegment, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for before, after in zip(self.segments, self.segments[1:], strict=False):
            if before.to_K != after.from_K:
                raise ValueError(f"segments leave a gap at {before.to_K:g} K")
        forms = {segment.form for segment in self.segments}
        if forms & {"heat_capacity", "sisso"} and len(forms) > 1:
            raise ValueError("forms that need a formation enthalpy do not mix with others")
        if forms & {"heat_capacity", "sisso"} and self.formation_enthalpy_kJ_per_mol is None:
            raise ValueError("formation_enthalpy_kJ_per_mol is missing")
        if "heat_capacity" in forms and self.entropy_J_per_mol_K is None:
            raise ValueError("entropy_J_per_mol_K is missing")
        return self

    @property
    def is_gas(self) -> bool:
        """Whether it is an ideal gas."""
        return self.state == "gas"

    @property
    def is_estimated(self) -> bool:
        """Whether its entropy is a descriptor's and not a measurement's."""
        return any(segment.form == "sisso" for segment in self.segments)


class ThermoTable(Record):
    """All substances that a gas-solid equilibrium may form.

    Attributes
    ----------
    name : str
        Name of the data.
    hash : str
        SHA-256 (hex) of formulas, states and coefficients.
    substances : tuple of Substance
        Gases first, then condensed phases, each in the order of its file.
    sources : dict
        Key -> where it was printed.
    """

    name: str
    hash: str
    substances: tuple[Substance, ...]
    sources: dict[str, Source]

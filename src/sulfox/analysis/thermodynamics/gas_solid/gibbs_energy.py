"""Gibbs energies of gases and condensed phases at a temperature and a pressure.

Energies count from the elements at 298.15 K and 1 bar: G(T) = dHf(298.15 K) + [H(T) -
H(298.15 K)] - T S(T). In a balanced reaction the elements' own terms cancel, so that no
Gibbs energy of formation is needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.base import Reason, content_hash
from sulfox.documents.entry_set import EntrySet
from sulfox.documents.thermochemistry import Substance, ThermoSegment, ThermoTable
from sulfox.errors import SulfoxError
from sulfox.units import GAS_CONSTANT_J_PER_MOL_K, KJ_PER_MOL_PER_EV

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = ["REFERENCE_TEMPERATURE_K", "GibbsTable", "ThermalFunctions", "thermal_functions"]

REFERENCE_TEMPERATURE_K = 298.15
R_KJ = GAS_CONSTANT_J_PER_MOL_K / 1000
#: How far below its first temperature an equation is followed: 298 K means 298.15 K and back.
_SLACK_K = 2.0

FloatArray = NDArray[np.float64]


class ThermalFunctions(NamedTuple):
    """Molar functions at one temperature, 1 bar.

    Attributes
    ----------
    enthalpy_kJ_per_mol : float
        From the elements at 298.15 K [kJ/mol].
    entropy_J_per_mol_K : float
        Absolute [J/mol/K].
    """

    enthalpy_kJ_per_mol: float
    entropy_J_per_mol_K: float


def thermal_functions(substance: Substance, temperature_K: float) -> ThermalFunctions:
    """Evaluate the enthalpy and the entropy of a substance.

    Parameters
    ----------
    substance : Substance
        From a thermochemical table.
    temperature_K : float
        Within the range of its segments [K].

    Returns
    -------
    ThermalFunctions
        Enthalpy [kJ/mol] and entropy [J/mol/K].

    Raises
    ------
    SulfoxError
        SFX-732 outside the range.
    """
    low, high = substance.segments[0].from_K, substance.segments[-1].to_K
    if not low - _SLACK_K <= temperature_K <= high:
        raise SulfoxError(
            "SFX-732",
            who=f"{substance.formula} ({substance.state})",
            found=f"{temperature_K:g} K",
            expected=f"{low:g} to {high:g} K",
            next_step="choose a temperature inside the range of the data",
        )
    segment = next(s for s in substance.segments if temperature_K <= s.to_K)
    if segment.form == "shomate":
        return _shomate(segment, temperature_K)
    if segment.form == "nasa7":
        return _nasa7(segment, temperature_K)
    if segment.form == "sisso":
        return _sisso(substance, segment, temperature_K)
    return _heat_capacity(substance, temperature_K)


def _shomate(segment: ThermoSegment, temperature_K: float) -> ThermalFunctions:
    a, b, c, d, e, f, g = segment.coefficients
    t = temperature_K / 1000
    enthalpy = a * t + b * t**2 / 2 + c * t**3 / 3 + d * t**4 / 4 - e / t + f
    entropy = a * math.log(t) + b * t + c * t**2 / 2 + d * t**3 / 3 - e / (2 * t**2) + g
    return ThermalFunctions(enthalpy, entropy)


def _nasa7(segment: ThermoSegment, temperature_K: float) -> ThermalFunctions:
    *heat, last, constant = segment.coefficients
    t = temperature_K
    enthalpy = sum(a * t**k / (k + 1) for k, a in enumerate(heat)) + last / t
    entropy = heat[0] * math.log(t) + sum(a * t**k / k for k, a in enumerate(heat) if k) + constant
    return ThermalFunctions(R_KJ * t * enthalpy, GAS_CONSTANT_J_PER_MOL_K * entropy)


def _heat_capacity(substance: Substance, temperature_K: float) -> ThermalFunctions:
    """Integrate Cp = a + b T + c/T^2 from 298.15 K through every transition."""
    enthalpy = 1000 * (substance.formation_enthalpy_kJ_per_mol or 0.0)
    entropy = substance.entropy_J_per_mol_K or 0.0
    for k, segment in enumerate(substance.segments):
        start = REFERENCE_TEMPERATURE_K if k == 0 else segment.from_K
        end = min(temperature_K, segment.to_K)
        if k:
            enthalpy += 1000 * segment.transition_kJ_per_mol
            entropy += 1000 * segment.transition_kJ_per_mol / segment.from_K
        a, b, c = segment.coefficients
        enthalpy += a * (end - start) + b * (end**2 - start**2) / 2 - c * (1 / end - 1 / start)
        entropy += a * math.log(end / start) + b * (end - start) - c * (end**-2 - start**-2) / 2
        if temperature_K <= segment.to_K:
            break
    return ThermalFunctions(enthalpy / 1000, entropy)


def _sisso(substance: Substance, segment: ThermoSegment, t: float) -> ThermalFunctions:
    """Eq. 4 of doi 10.1038/s41467-018-06682-4 and its derivative: G per atom in eV."""
    volume = segment.coefficients[0]
    composition = _composition(substance.formula)
    scale = composition.num_atoms * KJ_PER_MOL_PER_EV
    slope = -2.48e-4 * math.log(volume) - 8.94e-5 * _reduced_mass(composition) / volume
    gibbs = slope * t + 0.181 * math.log(t) - 0.882
    entropy = -(slope + 0.181 / t)
    enthalpy = (substance.formation_enthalpy_kJ_per_mol or 0.0) + scale * (gibbs + t * entropy)
    return ThermalFunctions(enthalpy, 1000 * scale * entropy)


def _reduced_mass(composition: Composition) -> float:
    """Eq. 6 of the same: stoichiometric mean of the pairs' reduced masses [u]."""
    parts = [(_composition(e.symbol).weight, n) for e, n in composition.items()]
    pairs = ((n + k) * m * w / (m + w) for (m, n), (w, k) in combinations(parts, 2))
    return sum(pairs) / ((len(parts) - 1) * composition.num_atoms)


def _composition(formula: str) -> Composition:
    from pymatgen.core import Composition

    return Composition(formula)


@dataclass(frozen=True)
class GibbsTable:
    """The substances of some elements, gases and condensed phases apart.

    Attributes
    ----------
    table : ThermoTable
        The thermochemical data.
    entry_set : EntrySet or None
        Formation energies that stand for the measured formation enthalpies.
    """

    table: ThermoTable
    entry_set: EntrySet | None = None

    @cached_property
    def substances(self) -> tuple[Substance, ...]:
        """Every gas; every condensed phase, with the entry set's energy where one is given."""
        if self.entry_set is None:
            return self.table.substances
        return tuple(
            changed
            for s in self.table.substances
            if (changed := s if s.is_gas else self._with_entry(s)) is not None
        )

    @cached_property
    def atoms(self) -> Mapping[str, Mapping[str, float]]:
        """Formula -> element -> atoms."""
        return {
            s.formula: {e.symbol: float(n) for e, n in _composition(s.formula).items()}
            for s in self.substances
        }

    @property
    def name(self) -> str:
        """What a reader calls these data."""
        return self.table.name if self.entry_set is None else self.entry_set.name

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything that decides a Gibbs energy."""
        if self.entry_set is None:
            return self.table.hash
        return content_hash([self.table.hash, self.entry_set.hash])

    def among(self, elements: set[str] | frozenset[str], gases: bool) -> list[Substance]:
        """Select the substances that consist of these elements.

        Parameters
        ----------
        elements : set of str
            Symbols.
        gases : bool
            Gases, or condensed phases.

        Returns
        -------
        list of Substance
            In the order of the table.
        """
        kept = (s for s in self.substances if s.is_gas == gases)
        return [s for s in kept if self.atoms[s.formula].keys() <= elements]

    def find(self, formula: str, gas: bool) -> Substance | None:
        """Find one substance.

        Parameters
        ----------
        formula : str
            Molecule or reduced formula, in any order of elements.
        gas : bool
            Gas, or condensed phase.

        Returns
        -------
        Substance or None
            The one of this composition.
        """
        wanted = _composition(formula)
        rows = (s for s in self.substances if s.is_gas == gas)
        if gas:
            return next((s for s in rows if _composition(s.formula) == wanted), None)
        reduced = wanted.reduced_formula
        return next((s for s in rows if _composition(s.formula).reduced_formula == reduced), None)

    def gibbs(self, substance: Substance, temperature_K: float) -> float:
        """Gibbs energy at 1 bar.

        Parameters
        ----------
        substance : Substance
            Of this table.
        temperature_K : float
            Temperature [K].

        Returns
        -------
        float
            From the elements at 298.15 K [kJ/mol].
        """
        enthalpy, entropy = thermal_functions(substance, temperature_K)
        return enthalpy - temperature_K * entropy / 1000

    def chemical_potential(
        self, substance: Substance, temperature_K: float, pressure_bar: float
    ) -> float:
        """Chemical potential of an ideal gas at a partial pressure.

        Parameters
        ----------
        substance : Substance
            A gas of this table.
        temperature_K, pressure_bar : float
            Temperature [K] and partial pressure [bar].

        Returns
        -------
        float
            G(T) + RT ln(p / 1 bar), from the elements at 298.15 K [kJ/mol].
        """
        return self.gibbs(substance, temperature_K) + R_KJ * temperature_K * math.log(pressure_bar)

    @cached_property
    def remarks(self) -> tuple[Reason, ...]:
        """What holds for every number of these data."""
        rows = []
        if self.entry_set is not None:
            text = (
                f"formation energies of {self.entry_set.name} (0 K) stand for formation enthalpies "
                "at 298.15 K beside measured gases; phases of the table without an entry are "
                "left out"
            )
            rows.append(Reason(code="mixed_energies", message=text))
        guessed = [s.formula for s in self.substances if s.is_estimated]
        if guessed:
            text = (
                f"no measured entropy but a descriptor's, 5 kJ/mol per atom: {', '.join(guessed)}"
            )
            rows.append(Reason(code="estimated_entropy", message=text))
        return tuple(rows)

    def _with_entry(self, substance: Substance) -> Substance | None:
        """Shift the whole substance so that its formation enthalpy is the entry's energy."""
        from pymatgen.core import Composition

        composition = Composition(substance.formula)
        if composition.is_element:
            return substance
        integer = composition.get_integer_formula_and_factor()[0]
        energies = [
            e.formation_energy_eV_per_atom
            for e in (self.entry_set.entries if self.entry_set else ())
            if e.formula == integer
        ]
        if not energies:
            return None
        wanted = min(energies) * composition.num_atoms * KJ_PER_MOL_PER_EV
        shift = wanted - _formation_enthalpy(substance)
        if substance.formation_enthalpy_kJ_per_mol is not None:
            return substance.model_copy(update={"formation_enthalpy_kJ_per_mol": wanted})
        segments = tuple(_shifted(segment, shift) for segment in substance.segments)
        return substance.model_copy(update={"segments": segments})


def _formation_enthalpy(substance: Substance) -> float:
    if substance.formation_enthalpy_kJ_per_mol is not None:
        return substance.formation_enthalpy_kJ_per_mol
    return thermal_functions(substance, REFERENCE_TEMPERATURE_K).enthalpy_kJ_per_mol


def _shifted(segment: ThermoSegment, shift_kJ: float) -> ThermoSegment:
    place = 5  # F of Shomate's equation [kJ/mol]; the sixth of NASA's, in K
    amount = shift_kJ if segment.form == "shomate" else shift_kJ / R_KJ
    numbers = list(segment.coefficients)
    numbers[place] += amount
    return segment.model_copy(update={"coefficients": tuple(numbers)})

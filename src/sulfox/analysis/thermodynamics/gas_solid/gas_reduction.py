"""Gas-solid interface reduction: what H2, CO or H2S makes of a cathode's surface.

The reaction of doi 10.1002/adma.202305748 (650 °C, minutes): reactions by their Gibbs energy,
the equilibrium with a growing amount of gas, and the phases against the gas's composition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sulfox.analysis.thermodynamics.entries.entry_set import read_composition
from sulfox.analysis.thermodynamics.gas_solid.equilibrium import (
    Equilibrium,
    gas_solid_equilibrium,
)
from sulfox.analysis.thermodynamics.gas_solid.gibbs_energy import GibbsTable, thermal_functions
from sulfox.analysis.thermodynamics.gas_solid.predominance import Reservoir, predominance_diagram
from sulfox.analysis.thermodynamics.gas_solid.reactions import (
    GasConditions,
    enumerate_reactions,
)
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.gas_reduction import (
    GasFeed,
    GasReductionDoc,
    GasSolidStep,
    PhaseAmount,
    PredominanceDiagram,
    ThermoReference,
)
from sulfox.documents.thermochemistry import Substance
from sulfox.errors import SulfoxError

__all__ = ["REDUCING_GASES", "GasQuestion", "gas_reduction"]

#: Reducing gas -> the gas it becomes where it takes up oxygen.
REDUCING_GASES = {"H2": "H2O", "CO": "CO2", "H2S": "H2O", "CH4": "H2O"}

_METHOD_VERSION = 1
_MOST_REACTIONS = 30
_TEMPERATURES_K = tuple(float(t) for t in range(500, 1000, 50))
_GAS_AMOUNTS = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_RATIOS = tuple(np.linspace(-4.0, 6.0, 51).tolist())
_LOWEST_K, _HIGHEST_K, _N_ROWS = 600.0, 990.0, 40
#: H2 that H2S carries, so that its sulfur potential is set: about its own dissociation.
_HYDROGEN_OF_H2S = 0.01
_SHOWN_GAS = 1e-6


@dataclass(frozen=True)
class GasQuestion:
    """What is led over what.

    Attributes
    ----------
    cathode : str
        Formula.
    gas : str
        One of :data:`REDUCING_GASES`.
    temperature_K : float
        Temperature [K].
    pressure_bar : float
        Total pressure [bar].
    co2_fraction : float
        Mole fraction of CO2 in the feed.
    product_pressure_bar : float
        Partial pressure of gases that are not fed [bar].
    against : str
        Second axis of the diagram: ``"temperature"`` or ``"co2"``.
    """

    cathode: str
    gas: str
    temperature_K: float
    pressure_bar: float = 1.0
    co2_fraction: float = 0.0
    product_pressure_bar: float = 0.01
    against: str = "temperature"

    @property
    def feed_bar(self) -> dict[str, float]:
        """Gas -> partial pressure [bar]."""
        feed = {self.gas: self.pressure_bar * (1 - self.co2_fraction)}
        if self.co2_fraction > 0:
            feed["CO2"] = self.pressure_bar * self.co2_fraction
        return feed


def gas_reduction(data: GibbsTable, question: GasQuestion) -> GasReductionDoc:
    """Find reactions, equilibria and the predominance diagram.

    Parameters
    ----------
    data : GibbsTable
        Gibbs energies of gases and condensed phases.
    question : GasQuestion
        Cathode, gas and conditions.

    Returns
    -------
    GasReductionDoc
        With a remark for everything that limits it.

    Raises
    ------
    SulfoxError
        SFX-723 for a bad formula, SFX-732 outside the data's range, SFX-733 for a gas or a
        pressure that cannot be used, SFX-734 for a cathode without data, SFX-735 if an
        equilibrium is not found.
    """
    _refuse(question)
    read_composition(question.cathode, "the cathode")
    cathode = data.find(question.cathode, gas=False)
    if cathode is None:
        raise _unknown(data, question)
    thermal_functions(cathode, question.temperature_K)  # the range, before any work
    conditions = GasConditions(
        question.feed_bar, question.temperature_K, question.product_pressure_bar
    )
    reactions = enumerate_reactions(data, cathode, conditions, _TEMPERATURES_K)[:_MOST_REACTIONS]
    steps = tuple(_step(data, cathode, question, n) for n in _GAS_AMOUNTS)
    diagram = _diagram(data, cathode, question)
    skin = tuple(p.formula for p in steps[0].phases if p.formula != cathode.formula)
    excess = tuple(p.formula for p in steps[-1].phases)
    taking_part = _taking_part(data, cathode, question)
    inputs_hash = content_hash([data.hash, question.__dict__])
    return GasReductionDoc(
        id="gr-" + content_hash([_METHOD_VERSION, inputs_hash])[:16],
        status=Status.COMPLETE,
        reasons=_remarks(data, taking_part, question, skin, excess, diagram),
        provenance=Provenance(
            engine="sulfox",
            level_of_theory=f"Gibbs energies of {data.name} ({data.hash[:12]})",
            inputs_hash=inputs_hash,
        ),
        data=ThermoReference(
            name=data.name,
            hash=data.hash,
            n=len(taking_part),
            estimated=tuple(s.formula for s in taking_part if s.is_estimated),
        ),
        asked=question.cathode,
        cathode=cathode.formula,
        gas=question.gas,
        feed=tuple(GasFeed(formula=f, pressure_bar=p) for f, p in question.feed_bar.items()),
        temperature_K=question.temperature_K,
        pressure_bar=question.pressure_bar,
        product_pressure_bar=question.product_pressure_bar,
        reactions=tuple(reactions),
        steps=steps,
        first_skin=skin,
        excess=excess,
        predominance=diagram,
    )


def _refuse(question: GasQuestion) -> None:
    if question.gas not in REDUCING_GASES:
        raise _impossible(question.gas, "not a reducing gas", ", ".join(REDUCING_GASES))
    for name in ("pressure_bar", "product_pressure_bar"):
        value = getattr(question, name)
        if not (math.isfinite(value) and 0 < value <= 1000):
            raise _impossible(name, f"{value:g} bar", "more than 0 and at most 1000 bar")
    if not 0 <= question.co2_fraction < 1:
        raise _impossible("CO2", f"a fraction of {question.co2_fraction:g}", "0 to below 1")
    if question.against not in ("temperature", "co2"):
        raise _impossible("the diagram", repr(question.against), "temperature or co2")
    if question.against == "co2" and question.gas in ("CO", "CH4"):
        found = f"CO2 against {question.gas}, which sets it"
        raise _impossible("the diagram", found, "temperature, or H2 or H2S as the gas")


def _step(data: GibbsTable, cathode: Substance, question: GasQuestion, n: float) -> GasSolidStep:
    amounts = dict(data.atoms[cathode.formula])
    for formula, pressure in question.feed_bar.items():
        for element, atoms in data.atoms[formula].items():
            share = n * pressure / question.pressure_bar
            amounts[element] = amounts.get(element, 0.0) + share * atoms
    found = gas_solid_equilibrium(data, amounts, question.temperature_K, question.pressure_bar)
    return GasSolidStep(gas_mol=n, phases=_amounts(found.phases), gases=_gases(found))


def _amounts(found: Mapping[str, float]) -> tuple[PhaseAmount, ...]:
    return tuple(PhaseAmount(formula=f, amount_mol=n) for f, n in sorted(found.items()))


def _gases(found: Equilibrium) -> tuple[PhaseAmount, ...]:
    total = sum(found.gases.values())
    return _amounts({f: n for f, n in found.gases.items() if n > _SHOWN_GAS * total})


def _diagram(data: GibbsTable, cathode: Substance, question: GasQuestion) -> PredominanceDiagram:
    oxidised = REDUCING_GASES[question.gas]
    reducer = "H2" if question.gas == "CH4" else question.gas
    label = f"log10 p({oxidised})/p({reducer})"
    if question.against == "co2":
        rows = np.linspace(-8.0, 0.0, _N_ROWS + 1).tolist()
        y_label = f"log10 p(CO2)/bar at {question.temperature_K:g} K"
    else:
        rows = np.linspace(_LOWEST_K, _HIGHEST_K, _N_ROWS).tolist()
        y_label = "temperature (K)"
    reservoir = _reservoir(question, reducer, oxidised)
    return predominance_diagram(data, cathode, reservoir, (_RATIOS, rows), (label, y_label))


def _reservoir(question: GasQuestion, reducer: str, oxidised: str) -> Reservoir:
    """Gases at a point: reducer and its oxide in the ratio, CO2 besides, all at the pressure."""

    def gases(x: float, y: float) -> tuple[float, Mapping[str, float]]:
        by_co2 = question.against == "co2"
        co2 = 10**y if by_co2 else question.co2_fraction * question.pressure_bar
        rest = question.pressure_bar - (0.0 if by_co2 or oxidised == "CO2" else co2)
        ratio = 10**x
        pressures = {reducer: rest / (1 + ratio), oxidised: rest * ratio / (1 + ratio)}
        if reducer == "H2S":
            pressures["H2"] = _HYDROGEN_OF_H2S * pressures["H2S"]
        if oxidised != "CO2" and co2 > 0:
            pressures["CO2"] = co2
        return (question.temperature_K if by_co2 else y), pressures

    return gases


def _taking_part(data: GibbsTable, cathode: Substance, question: GasQuestion) -> list[Substance]:
    elements = set(data.atoms[cathode.formula])
    elements |= {e for f in question.feed_bar for e in data.atoms[f]}
    return [s for gas in (True, False) for s in data.among(elements, gases=gas)]


def _remarks(
    data: GibbsTable,
    taking_part: list[Substance],
    question: GasQuestion,
    skin: tuple[str, ...],
    excess: tuple[str, ...],
    diagram: PredominanceDiagram,
) -> tuple[Reason, ...]:
    rows = [r for r in data.remarks if r.code != "estimated_entropy"]
    guessed = [s.formula for s in taking_part if s.is_estimated]
    if guessed:
        text = f"no measured entropy but a descriptor's, 5 kJ/mol per atom: {', '.join(guessed)}"
        rows.append(Reason(code="estimated_entropy", message=text))
    rows += [
        Reason(code="substance", message=f"{s.formula}: {s.remark}")
        for s in taking_part
        if s.remark and not s.is_estimated
    ]
    text = "pure phases and ideal gases: no solid solutions, no common melt, no surface energy"
    rows.append(Reason(code="model", message=text))
    if set(skin) != set(excess):
        text = (
            f"not the end state: the first trace of {question.gas} makes {' + '.join(skin)}, an "
            f"excess {' + '.join(excess)}; a skin of the former is kept by little gas, by "
            f"{REDUCING_GASES[question.gas]} in the gas or by kinetics"
        )
        rows.append(Reason(code="not_the_end", message=text))
    if any(any(row) for row in diagram.carbon):
        text = "in a part of the diagram graphite would be deposited besides"
        rows.append(Reason(code="carbon", message=text))
    return tuple(rows)


def _unknown(data: GibbsTable, question: GasQuestion) -> SulfoxError:
    known = ", ".join(s.formula for s in data.substances if not s.is_gas and len(s.formula) > 1)
    return SulfoxError(
        "SFX-734",
        who=f"cathode {question.cathode}",
        found=f"no Gibbs energy in {data.name}",
        expected=f"one of {known}",
        next_step="model a nickel-rich NCM as LiNiO2, or add it to thermochemistry/solids.yaml",
    )


def _impossible(who: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-733",
        who=f"gas, {who}",
        found=found,
        expected=expected,
        next_step="correct the gas or its pressure",
    )

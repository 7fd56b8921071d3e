"""Gas-solid reduction of a cathode: reactions, equilibria, predominance of phases."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.reaction_energy import ReactionTerm
from sulfox.units import Amount, Dimensionless, EnergyPerMole, PressureBar, Temperature

__all__ = [
    "GasFeed",
    "GasReaction",
    "GasReductionDoc",
    "GasSolidStep",
    "PhaseAmount",
    "PredominanceDiagram",
    "ReactionGibbs",
    "ThermoReference",
]


class ThermoReference(Record):
    """What every Gibbs energy comes from.

    Attributes
    ----------
    name : str
        Name of the solids' energies.
    hash : str
        SHA-256 (hex) of all coefficients and energies.
    n : int
        How many substances took part.
    estimated : tuple of str
        Phases whose entropy is a descriptor's, not a measurement's.
    """

    name: str
    hash: str
    n: int
    estimated: tuple[str, ...]


class GasFeed(Record):
    """A gas of the mixture that is led over the solid.

    Attributes
    ----------
    formula : str
        Molecule.
    pressure_bar : float
        Partial pressure as fed [bar].
    """

    formula: str
    pressure_bar: PressureBar


class PhaseAmount(ReactionTerm):
    """How much of a substance there is, per formula unit of the cathode.

    Attributes
    ----------
    formula : str
        Reduced formula, or a molecule.
    amount_mol : float
        Amount [mol].
    """


class ReactionGibbs(Record):
    """Standard Gibbs energy of a reaction at one temperature.

    Attributes
    ----------
    temperature_K : float
        Temperature [K].
    gibbs_kJ_per_mol : float
        All gases at 1 bar, per formula unit of the cathode [kJ/mol].
    """

    temperature_K: Temperature
    gibbs_kJ_per_mol: EnergyPerMole


class GasReaction(Record):
    """A balanced reaction of one formula unit of the cathode.

    Attributes
    ----------
    reaction : str
        Written with amounts of four digits.
    reactants, products : tuple of PhaseAmount
        The same, unrounded.
    gas_products : tuple of str
        Those of the products that are gases.
    standard_gibbs_kJ_per_mol : float
        All gases at 1 bar, at the temperature asked for [kJ/mol].
    gibbs_kJ_per_mol : float
        At the partial pressures of the feed and of the products [kJ/mol].
    log10_K : float
        Equilibrium constant.
    by_temperature : tuple of ReactionGibbs
        Standard Gibbs energy against temperature.
    """

    reaction: str
    reactants: tuple[PhaseAmount, ...]
    products: tuple[PhaseAmount, ...]
    gas_products: tuple[str, ...]
    standard_gibbs_kJ_per_mol: EnergyPerMole
    gibbs_kJ_per_mol: EnergyPerMole
    log10_K: Dimensionless
    by_temperature: tuple[ReactionGibbs, ...]


class GasSolidStep(Record):
    """Equilibrium of one formula unit of the cathode with an amount of gas.

    Attributes
    ----------
    gas_mol : float
        Gas fed per formula unit of the cathode [mol].
    phases : tuple of PhaseAmount
        Condensed phases.
    gases : tuple of PhaseAmount
        Gases above 1e-6 of the mixture.
    """

    gas_mol: Amount
    phases: tuple[PhaseAmount, ...]
    gases: tuple[PhaseAmount, ...]


class PredominanceDiagram(Record):
    """Which condensed phases are in equilibrium with gases that a reservoir supplies.

    Attributes
    ----------
    x_label, y_label : str
        Axes with units.
    x, y : tuple of float
        Grid; x the logarithm of a pressure ratio, y a temperature [K] or the logarithm of
        a partial pressure.
    fields : tuple of tuple of str
        Sets of condensed phases that occur.
    regions : tuple of tuple of int
        Row by row of y: index into `fields`.
    carbon : tuple of tuple of bool
        Where graphite would be deposited besides.
    """

    x_label: str
    y_label: str
    x: tuple[Dimensionless, ...]
    y: tuple[Dimensionless, ...]
    fields: tuple[tuple[str, ...], ...]
    regions: tuple[tuple[int, ...], ...]
    carbon: tuple[tuple[bool, ...], ...]


class GasReductionDoc(Document):
    """What a gas does to a cathode at a temperature and a pressure.

    Attributes
    ----------
    data : ThermoReference
        Gibbs energies behind every number.
    asked, cathode : str
        As it was asked for; reduced formula.
    gas : str
        The reducing gas.
    feed : tuple of GasFeed
        All gases that are led over the cathode.
    temperature_K, pressure_bar, product_pressure_bar : float
        Temperature [K], total pressure [bar] and, for gases that are not fed, the partial
        pressure in ``gibbs_kJ_per_mol`` [bar].
    reactions : tuple of GasReaction
        Most negative Gibbs energy first.
    steps : tuple of GasSolidStep
        Equilibria by ascending amount of gas.
    first_skin, excess : tuple of str
        Condensed phases beside the cathode at the first trace of gas; those that remain in
        the largest amount of gas that was tried.
    predominance : PredominanceDiagram
        Phases against the gas.
    """

    kind: Literal["gas_reduction"] = "gas_reduction"
    data: ThermoReference
    asked: str
    cathode: str
    gas: str
    feed: tuple[GasFeed, ...]
    temperature_K: Temperature
    pressure_bar: PressureBar
    product_pressure_bar: PressureBar
    reactions: tuple[GasReaction, ...]
    steps: tuple[GasSolidStep, ...]
    first_skin: tuple[str, ...]
    excess: tuple[str, ...]
    predominance: PredominanceDiagram

"""Every balanced reaction of one cathode formula with a gas into a skin and other gases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from sulfox.analysis.thermodynamics.gas_solid.gibbs_energy import R_KJ, GibbsTable
from sulfox.analysis.thermodynamics.reaction_energy import write_reaction
from sulfox.documents.gas_reduction import GasReaction, PhaseAmount, ReactionGibbs
from sulfox.documents.thermochemistry import Substance
from sulfox.errors import SulfoxError

__all__ = ["GasConditions", "enumerate_reactions"]

_ZERO = 1e-9
_MOST_GAS_PRODUCTS = 2


@dataclass(frozen=True)
class GasConditions:
    """The gas over the solid.

    Attributes
    ----------
    feed_bar : mapping
        Gas -> partial pressure as fed [bar].
    temperature_K : float
        Temperature [K].
    product_pressure_bar : float
        Partial pressure of gases that are not fed [bar].
    """

    feed_bar: Mapping[str, float]
    temperature_K: float
    product_pressure_bar: float

    @property
    def pressure_bar(self) -> float:
        """Total pressure of the feed [bar]."""
        return sum(self.feed_bar.values())

    def partial_pressure(self, gas: str) -> float:
        """Partial pressure of a gas, fed or made [bar].

        Parameters
        ----------
        gas : str
            Molecule.
        """
        return self.feed_bar.get(gas, self.product_pressure_bar)


def enumerate_reactions(
    data: GibbsTable,
    cathode: Substance,
    conditions: GasConditions,
    temperatures_K: Sequence[float],
) -> list[GasReaction]:
    """Balance every reaction cathode + fed gases -> one phase for each metal (+ gases).

    A set of products is kept if it balances in exactly one way, with every amount positive.

    Parameters
    ----------
    data : GibbsTable
        Gibbs energies.
    cathode : Substance
        One formula unit of it reacts.
    conditions : GasConditions
        Temperature and pressures.
    temperatures_K : sequence of float
        Temperatures for the standard Gibbs energy [K].

    Returns
    -------
    list of GasReaction
        Most negative Gibbs energy at the conditions first.

    Raises
    ------
    SulfoxError
        SFX-732 outside the data's range.
    """
    rows = []
    for reagents, products in _candidates(data, cathode, tuple(conditions.feed_bar)):
        amounts = _balance(data, cathode, reagents, products)
        if amounts is not None:
            rows.append(_reaction(data, cathode, reagents, products, amounts, conditions))
    kept = sorted(rows, key=lambda row: row[0].gibbs_kJ_per_mol)
    return [_along(data, reaction, pairs, temperatures_K) for reaction, pairs in kept]


Chosen = tuple[Substance, ...]


def _candidates(
    data: GibbsTable, cathode: Substance, feed: Sequence[str]
) -> Iterator[tuple[Chosen, Chosen]]:
    """Yield fed gases that take part, and products: a phase for each metal, few gases."""
    fed = [gas for f in feed if (gas := data.find(f, gas=True)) is not None]
    elements = {e for s in (cathode, *fed) for e in data.atoms[s.formula]}
    in_gases = {e for s in data.among(elements, gases=True) for e in data.atoms[s.formula]}
    metals = [e for e in data.atoms[cathode.formula] if e not in in_gases]
    solids = [s for s in data.among(elements, gases=False) if s is not cathode]
    for_metal = [
        [s for s in solids if {m for m in metals if m in data.atoms[s.formula]} == {metal}]
        for metal in metals
    ]
    gases = data.among(elements, gases=True)
    for size in range(1, len(fed) + 1):
        for reagents in combinations(fed, size):
            others = [s for s in gases if s not in reagents]
            for phases in product(*for_metal):
                for n_gases in range(_MOST_GAS_PRODUCTS + 1):
                    for made in combinations(others, n_gases):
                        yield reagents, (*phases, *made)


def _balance(
    data: GibbsTable, cathode: Substance, reagents: Chosen, products: Chosen
) -> list[float] | None:
    """Amounts of reagents and products for one cathode formula; None if not unique, positive."""
    parts = [data.atoms[s.formula] for s in (*reagents, *products)]
    start = data.atoms[cathode.formula]
    elements = sorted({e for part in (start, *parts) for e in part})
    signs = [-1.0] * len(reagents) + [1.0] * len(products)
    matrix = np.array(
        [
            [sign * part.get(e, 0.0) for sign, part in zip(signs, parts, strict=True)]
            for e in elements
        ]
    )
    wanted = np.array([start.get(e, 0.0) for e in elements])
    if len(parts) > len(elements):
        return None
    found, _, rank, _ = np.linalg.lstsq(matrix, wanted, rcond=None)
    if rank < len(parts) or np.abs(matrix @ found - wanted).max() > _ZERO or found.min() < _ZERO:
        return None
    return [float(n) for n in found]


Pairs = list[tuple[Substance, float]]


def _reaction(
    data: GibbsTable,
    cathode: Substance,
    reagents: Chosen,
    products: Chosen,
    amounts: list[float],
    conditions: GasConditions,
) -> tuple[GasReaction, Pairs]:
    t = conditions.temperature_K
    numbers = [-1.0] + [-n for n in amounts[: len(reagents)]] + amounts[len(reagents) :]
    pairs = list(zip((cathode, *reagents, *products), numbers, strict=True))
    standard = sum(n * data.gibbs(s, t) for s, n in pairs)
    mixing = sum(
        n * R_KJ * t * math.log(conditions.partial_pressure(s.formula))
        for s, n in pairs
        if s.is_gas
    )
    left = tuple(PhaseAmount(formula=s.formula, amount_mol=-n) for s, n in pairs if n < 0)
    right = tuple(PhaseAmount(formula=s.formula, amount_mol=n) for s, n in pairs if n > 0)
    reaction = GasReaction(
        reaction=write_reaction(left, right),
        reactants=left,
        products=right,
        gas_products=tuple(s.formula for s in products if s.is_gas),
        standard_gibbs_kJ_per_mol=standard,
        gibbs_kJ_per_mol=standard + mixing,
        log10_K=-standard / (R_KJ * t * math.log(10)),
        by_temperature=(),
    )
    return reaction, pairs


def _along(
    data: GibbsTable, reaction: GasReaction, pairs: Pairs, temperatures_K: Sequence[float]
) -> GasReaction:
    """Add the standard Gibbs energy at every temperature that all substances know."""
    rows = []
    for t in temperatures_K:
        try:
            value = sum(n * data.gibbs(s, t) for s, n in pairs)
        except SulfoxError:
            continue
        rows.append(ReactionGibbs(temperature_K=t, gibbs_kJ_per_mol=value))
    return reaction.model_copy(update={"by_temperature": tuple(rows)})

"""Predominance diagram: condensed phases against gases that a reservoir holds.

The reservoir's partial pressures set the chemical potentials of the elements that gases
carry (O, H, C, S); the metals are closed, in the cathode's proportions. On each grid point
the phases with the lowest grand potential of these metals are found among every set of
phases that can hold them, so that oxides of several metals compete with mixtures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sulfox.analysis.thermodynamics.gas_solid.equilibrium import missing_element
from sulfox.analysis.thermodynamics.gas_solid.gibbs_energy import GibbsTable
from sulfox.documents.gas_reduction import PredominanceDiagram
from sulfox.documents.thermochemistry import Substance

__all__ = ["Reservoir", "element_potentials", "predominance_diagram"]

FloatArray = NDArray[np.float64]
#: x and y of the diagram -> (temperature [K], gas -> partial pressure [bar]).
Reservoir = Callable[[float, float], tuple[float, Mapping[str, float]]]

_ZERO = 1e-9


def element_potentials(
    data: GibbsTable, temperature_K: float, pressures_bar: Mapping[str, float]
) -> dict[str, float]:
    """Chemical potentials of the elements in a gas of as many molecules as elements.

    Parameters
    ----------
    data : GibbsTable
        Gibbs energies.
    temperature_K : float
        Temperature [K].
    pressures_bar : mapping
        Gas -> partial pressure [bar].

    Returns
    -------
    dict
        Element -> chemical potential, from the element at 298.15 K [kJ/mol].

    Raises
    ------
    ValueError
        If the molecules do not set every element's potential.
    """
    rows = [data.find(f, gas=True) for f in pressures_bar]
    gases = [s for s in rows if s is not None]
    elements = sorted({e for s in gases for e in data.atoms[s.formula]})
    if len(gases) != len(elements) or len(gases) != len(pressures_bar):
        raise ValueError(f"{len(gases)} gases for {len(elements)} elements")
    matrix = np.array([[data.atoms[s.formula].get(e, 0.0) for e in elements] for s in gases])
    levels = np.array(
        [data.chemical_potential(s, temperature_K, pressures_bar[s.formula]) for s in gases]
    )
    return dict(zip(elements, np.linalg.solve(matrix, levels).tolist(), strict=True))


@dataclass(frozen=True)
class _Sets:
    """Sets of phases that can hold the metals: rows of phase amounts."""

    phases: tuple[Substance, ...]
    amounts: FloatArray

    def names(self, row: int) -> tuple[str, ...]:
        return tuple(
            sorted(s.formula for s, n in zip(self.phases, self.amounts[row], strict=True) if n > 0)
        )


def predominance_diagram(
    data: GibbsTable,
    cathode: Substance,
    reservoir: Reservoir,
    axes: tuple[Sequence[float], Sequence[float]],
    labels: tuple[str, str],
) -> PredominanceDiagram:
    """Find the phases on every point of a grid.

    Parameters
    ----------
    data : GibbsTable
        Gibbs energies.
    cathode : Substance
        Gives the metals and their proportions.
    reservoir : Reservoir
        Temperature and gases at a point.
    axes : tuple of sequence of float
        x and y of the grid.
    labels : tuple of str
        Their names with units.

    Returns
    -------
    PredominanceDiagram
        Fields and the grid of indices into them.

    Raises
    ------
    SulfoxError
        SFX-732 outside the data's range, SFX-734 where no phase holds a metal.
    """
    x, y = axes
    _, pressures = reservoir(x[0], y[0])
    gas_elements = {e for f in pressures for e in data.atoms[f]}
    atoms = data.atoms[cathode.formula]
    metals = [e for e in atoms if e not in gas_elements]
    solids = data.among(gas_elements | set(metals), gases=False)
    sets = _phase_sets(data, solids, [atoms[m] for m in metals], metals)
    graphite = data.find("C", gas=False) if "C" in gas_elements else None
    best = np.empty((len(y), len(x)), dtype=int)
    carbon = np.zeros((len(y), len(x)), dtype=bool)
    for j, value in enumerate(y):
        for i, ratio in enumerate(x):
            temperature, pressures = reservoir(ratio, value)
            levels = element_potentials(data, temperature, pressures)
            grand = np.array(
                [
                    data.gibbs(s, temperature)
                    - sum(n * levels.get(e, 0.0) for e, n in data.atoms[s.formula].items())
                    for s in sets.phases
                ]
            )
            best[j, i] = int((sets.amounts @ grand).argmin())
            carbon[j, i] = graphite is not None and levels["C"] > data.gibbs(graphite, temperature)
    used = sorted({int(k) for k in best.ravel()}, key=lambda k: -int((best == k).sum()))
    place = {k: n for n, k in enumerate(used)}
    return PredominanceDiagram(
        x_label=labels[0],
        y_label=labels[1],
        x=tuple(map(float, x)),
        y=tuple(map(float, y)),
        fields=tuple(sets.names(k) for k in used),
        regions=tuple(tuple(place[int(k)] for k in row) for row in best),
        carbon=tuple(tuple(map(bool, row)) for row in carbon),
    )


def _phase_sets(
    data: GibbsTable, solids: list[Substance], wanted: list[float], metals: list[str]
) -> _Sets:
    """Every set of at most as many phases as metals that holds them, each set once."""
    phases = tuple(s for s in solids if any(m in data.atoms[s.formula] for m in metals))
    columns = np.array([[data.atoms[s.formula].get(m, 0.0) for m in metals] for s in phases])
    target = np.array(wanted)
    found: dict[tuple[int, ...], FloatArray] = {}
    for size in range(1, len(metals) + 1):
        for chosen in combinations(range(len(phases)), size):
            part = columns[list(chosen)].T
            amounts, _, rank, _ = np.linalg.lstsq(part, target, rcond=None)
            whole = rank == size and np.abs(part @ amounts - target).max() < _ZERO
            if whole and amounts.min() > _ZERO:
                row = np.zeros(len(phases))
                row[list(chosen)] = amounts
                found[chosen] = row
    if not found or not math.isfinite(target.sum()):
        raise missing_element(metals, [s.formula for s in phases], data)
    return _Sets(phases, np.array(list(found.values())))

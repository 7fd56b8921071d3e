"""Equilibrium of an ideal gas mixture with pure condensed phases at fixed T, p and atoms.

The Gibbs energy of given atoms is lowest where the elements' chemical potentials are highest:
maximise b.u with A_s u <= g_s for every condensed phase and sum_i exp((A_i u - g_i)/RT) <= 1
over the gases (the Lagrange dual of the usual minimisation). The second condition is convex
and is replaced by its tangents at the points where it fails, one linear programme after the
other, until it holds; the multipliers of the last one are the amounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.analysis.thermodynamics.gas_solid.gibbs_energy import R_KJ, GibbsTable
from sulfox.errors import SulfoxError

__all__ = ["Equilibrium", "gas_solid_equilibrium"]

FloatArray = NDArray[np.float64]

_TOLERANCE = 1e-9
_MOST_CUTS = 400
_AMOUNT = 1e-9


@dataclass(frozen=True)
class Equilibrium:
    """Amounts at the lowest Gibbs energy.

    Attributes
    ----------
    phases : mapping
        Condensed phase -> amount [mol].
    gases : mapping
        Gas -> amount [mol].
    potentials_kJ : mapping
        Element -> chemical potential, from the element at 298.15 K [kJ/mol].
    gibbs_kJ : float
        Of all atoms [kJ].
    """

    phases: Mapping[str, float]
    gases: Mapping[str, float]
    potentials_kJ: Mapping[str, float]
    gibbs_kJ: float


def gas_solid_equilibrium(
    data: GibbsTable, amounts: Mapping[str, float], temperature_K: float, pressure_bar: float
) -> Equilibrium:
    """Find the equilibrium of these atoms.

    Parameters
    ----------
    data : GibbsTable
        Gibbs energies.
    amounts : mapping
        Element -> atoms, in mol; zero is left out.
    temperature_K, pressure_bar : float
        Temperature [K] and total pressure of the gas [bar].

    Returns
    -------
    Equilibrium
        Condensed phases and gases that are present.

    Raises
    ------
    SulfoxError
        SFX-732 outside the data's range, SFX-734 where no substance holds an element,
        SFX-735 if the programmes do not converge.
    """
    elements = sorted(e for e, n in amounts.items() if n > 0)
    solids = data.among(set(elements), gases=False)
    gases = data.among(set(elements), gases=True)
    names = [s.formula for s in (*solids, *gases)]
    matrix = np.array([[data.atoms[f].get(e, 0.0) for e in elements] for f in names])
    if not names or (matrix.sum(axis=0) == 0).any():
        raise missing_element(elements, names, data)
    rt = R_KJ * temperature_K
    energies = np.array(
        [data.gibbs(s, temperature_K) for s in solids]
        + [data.chemical_potential(s, temperature_K, pressure_bar) for s in gases]
    )
    wanted = np.array([amounts[e] for e in elements], dtype=float)
    split = len(solids)
    solved = _maximise(matrix, energies / rt, wanted, split)
    if solved is None:
        raise SulfoxError(
            "SFX-735",
            who="-".join(elements),
            found=f"no equilibrium at {temperature_K:g} K and {pressure_bar:g} bar",
            expected="amounts of the same order of magnitude",
            next_step="change the amount of gas",
        )
    potentials, found = solved
    kept = {name: n for name, n in zip(names, found, strict=True) if n > _AMOUNT * wanted.sum()}
    return Equilibrium(
        phases={f: float(kept[f]) for f in names[:split] if f in kept},
        gases={f: float(n) for f, n in zip(names[split:], found[split:], strict=True) if n > 0},
        potentials_kJ=dict(zip(elements, (potentials * rt).tolist(), strict=True)),
        gibbs_kJ=float(wanted @ potentials * rt),
    )


def missing_element(elements: Sequence[str], names: Sequence[str], data: GibbsTable) -> SulfoxError:
    """Say which element has no substance.

    Parameters
    ----------
    elements : sequence of str
        Those that are asked for.
    names : sequence of str
        Substances at hand.
    data : GibbsTable
        Gibbs energies.

    Returns
    -------
    SulfoxError
        SFX-734.
    """
    known = {e for f in names for e in data.atoms[f]}
    lacking = ", ".join(sorted(set(elements) - known)) or "a closed set of elements"
    return SulfoxError(
        "SFX-734",
        who="-".join(elements),
        found=f"no substance with {lacking} in {data.name}",
        expected="elements that the thermochemical data hold",
        next_step="model a nickel-rich NCM as LiNiO2, or add to thermochemistry/solids.yaml",
    )


def _maximise(
    matrix: FloatArray, energies: FloatArray, wanted: FloatArray, split: int
) -> tuple[FloatArray, FloatArray] | None:
    """Potentials in RT and amounts of every substance; rows after `split` are gases."""
    from scipy.optimize import linprog

    gas, bound = matrix[split:], energies[split:]
    rows, limits = [*matrix], [*energies]  # each gas alone: below 1 bar of itself
    mixtures: list[FloatArray] = []
    for _ in range(_MOST_CUTS):
        answer = linprog(
            -wanted,
            A_ub=np.array(rows),
            b_ub=np.array(limits),
            bounds=(None, None),
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if answer.status != 0:
            return None
        excess = gas @ answer.x - bound
        top = excess.max(initial=-np.inf)
        total = top + np.log(np.exp(excess - top).sum()) if len(gas) else -np.inf
        if total <= _TOLERANCE:
            return answer.x, _amounts(-answer.ineqlin.marginals, mixtures, len(matrix), split)
        shares = np.exp(excess - total)
        mixtures.append(shares)
        rows.append(shares @ gas)
        limits.append(shares @ gas @ answer.x - total)
    return None


def _amounts(
    multipliers: FloatArray, mixtures: list[FloatArray], n_substances: int, split: int
) -> FloatArray:
    found = multipliers[:n_substances].copy()
    for share, mixture in zip(multipliers[n_substances:], mixtures, strict=True):
        found[split:] += share * mixture
    return found

"""The pseudo-binary line of two reactants over the stable phases, open to one element.

The lowest energy of any mixture at a chemical potential of the open element is the optimum of
a linear programme over the phases and the mixing ratio; its costs are linear in the potential.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sulfox.analysis.thermodynamics.phase_hull import HullLibrary, PhaseHull
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = ["LineSide", "Optimum", "PairLine", "pair_line"]

FloatArray = NDArray[np.float64]

_AMOUNT = 1e-8


class Optimum(NamedTuple):
    """The lowest energy at one potential.

    Attributes
    ----------
    energy : float
        Relative to the reactants' levels [eV per atom that is not open].
    slope : float
        Its derivative with respect to the potential.
    x : float
        Share of reactant 1 of the atoms that are not open.
    phases : dict
        Formula -> atoms in it, for one atom that is not open.
    uptake : float
        Atoms of the open element taken up.
    """

    energy: float
    slope: float
    x: float
    phases: dict[str, float]
    uptake: float


@dataclass(frozen=True)
class LineSide:
    """A reactant, per atom that is not of the open element.

    Attributes
    ----------
    formula : str
        Smallest integer formula.
    amounts : ndarray (n_elements - 1,)
        Atoms of the other elements.
    opened : float
        Atoms of the open element.
    own_eV : float
        Own energy, from the elements' entries [eV].
    fixed_atoms : float
        Atoms per formula that are not open.
    """

    formula: str
    amounts: FloatArray
    opened: float
    own_eV: float
    fixed_atoms: float


@dataclass(frozen=True)
class PairLine:
    """The pseudo-binary line of two reactants over the stable phases of a closed hull.

    Attributes
    ----------
    formulas : tuple of str
        Stable phases.
    atoms : ndarray (n_phases,)
        Atoms per formula.
    counts : ndarray (n_phases, n_elements - 1)
        Atomic fractions of the elements that are not open.
    opened : ndarray (n_phases,)
        Atomic fraction of the open element.
    energies : ndarray (n_phases,)
        Energy from the elements' entries [eV/atom].
    sides : tuple of LineSide
        Reactant 1, reactant 2.
    """

    formulas: tuple[str, ...]
    atoms: FloatArray
    counts: FloatArray
    opened: FloatArray
    energies: FloatArray
    sides: tuple[LineSide, LineSide]

    def optimum(
        self, mu: float, levels: tuple[float, float], fixed_x: float | None = None
    ) -> Optimum:
        """Find the lowest energy of any mixture, or of the one at `fixed_x`.

        Parameters
        ----------
        mu : float
            Chemical potential of the open element [eV].
        levels : tuple of float
            Grand potentials of the reactants that count as zero [eV].
        fixed_x : float, optional
            The mixture.

        Returns
        -------
        Optimum
            Its slope leaves out that of the levels.

        Raises
        ------
        SulfoxError
            SFX-735 if the programme has no optimum.
        """
        from scipy.optimize import linprog

        one, two = self.sides
        costs = np.append(self.energies - mu * self.opened, levels[1] - levels[0])
        equal = np.column_stack([self.counts.T, two.amounts - one.amounts])
        mixing = (0.0, 1.0) if fixed_x is None else (fixed_x, fixed_x)
        bounds = [*[(0.0, None)] * len(self.energies), mixing]
        answer = linprog(costs, A_eq=equal, b_eq=two.amounts, bounds=bounds, method="highs-ds")
        if answer.status != 0:
            raise SulfoxError(
                "SFX-735",
                who=f"{one.formula} and {two.formula}",
                found=f"no equilibrium at {mu:g} eV ({answer.message})",
                expected="energies of the same order of magnitude",
                next_step="look for an extreme energy in the entry set",
            )
        x = float(answer.x[-1])
        held = float(answer.x[:-1] @ self.opened)
        brought = x * one.opened + (1 - x) * two.opened
        phases = {
            formula: float(n)
            for formula, n in zip(self.formulas, answer.x[:-1], strict=True)
            if n > _AMOUNT
        }
        return Optimum(float(answer.fun) - levels[1], -held, x, phases, held - brought)

    def hull_level(self, side: int, mu: float) -> Optimum:
        """Find the grand potential of one reactant's own equilibrium phases.

        Parameters
        ----------
        side : int
            0 for reactant 1, 1 for reactant 2.
        mu : float
            Chemical potential of the open element [eV].

        Returns
        -------
        Optimum
            With its slope.
        """
        return self.optimum(mu, (0.0, 0.0), fixed_x=1.0 if side == 0 else 0.0)

    def own_levels(self, mu: float) -> tuple[float, float]:
        """Give the grand potentials of both reactants at their own energy.

        Parameters
        ----------
        mu : float
            Chemical potential of the open element [eV].

        Returns
        -------
        tuple of float
            Reactant 1, reactant 2 [eV].
        """
        one, two = (s.own_eV - mu * s.opened for s in self.sides)
        return one, two

    def total(self, mu: float) -> Optimum:
        """Find the lowest energy with reactants at their own energy.

        Parameters
        ----------
        mu : float
            Chemical potential of the open element [eV].

        Returns
        -------
        Optimum
            Its slope is that of the whole difference.
        """
        found = self.optimum(mu, self.own_levels(mu))
        return found._replace(slope=-found.uptake)

    def mutual(self, mu: float) -> Optimum:
        """Find the lowest energy with both reactants on the hull under the potential.

        Parameters
        ----------
        mu : float
            Chemical potential of the open element [eV].

        Returns
        -------
        Optimum
            Its slope leaves out that of the reactants' hulls.
        """
        levels = [self.hull_level(side, mu) for side in (0, 1)]
        return self.optimum(mu, (levels[0].energy, levels[1].energy))

    def mutual_between(self, first: float, last: float) -> Callable[[float], Optimum]:
        """Make the same a function with a slope, where both hull levels are straight lines.

        Parameters
        ----------
        first, last : float
            Neighbouring kinks of the reactants' own hulls [eV].

        Returns
        -------
        callable
            Potential -> optimum with the slope of the whole difference.
        """
        middle = (first + last) / 2
        levels = [self.hull_level(side, middle) for side in (0, 1)]

        def energy(mu: float) -> Optimum:
            one, two = (level.energy + level.slope * (mu - middle) for level in levels)
            found = self.optimum(mu, (one, two))
            alone = found.x * levels[0].slope + (1 - found.x) * levels[1].slope
            return found._replace(slope=found.slope - alone)

        return energy


def pair_line(
    library: HullLibrary, read: list[tuple[str, Composition]], open_element: str
) -> PairLine:
    """Take the stable phases of a pair from the closed hull.

    Parameters
    ----------
    library : HullLibrary
        The entry set's hulls.
    read : list of (str, Composition)
        Smallest integer formula and composition of both reactants.
    open_element : str
        Element of the reservoir.

    Returns
    -------
    PairLine
        Per atom that is not of the open element.
    """
    system = {e.symbol for _, composition in read for e in composition} | {open_element}
    hull = library.hull(system)
    column = hull.elements.index(open_element)
    rest = [k for k in range(len(hull.elements)) if k != column]
    stable = np.unique(hull.facets)
    fractions = hull.fractions[stable]
    energies = (hull.planes @ fractions.T).max(axis=0) - fractions @ _zero(hull)
    sides = tuple(
        _side(library, hull, formula, composition, open_element) for formula, composition in read
    )
    return PairLine(
        formulas=tuple(hull.formulas[k] for k in stable),
        atoms=hull.atoms[stable],
        counts=fractions[:, rest],
        opened=fractions[:, column],
        energies=energies,
        sides=(sides[0], sides[1]),
    )


def _zero(hull: PhaseHull) -> FloatArray:
    """Energies of the elements' own entries, from which potentials count."""
    return np.array([hull.references[e] for e in hull.elements])


def _side(
    library: HullLibrary, hull: PhaseHull, formula: str, composition: Composition, opened: str
) -> LineSide:
    vector = hull.vector(composition)
    entry = library.entry_of(formula)
    energy = hull.energy(vector)
    if entry is not None:
        energy = entry.formation_energy_eV_per_atom * composition.num_atoms
    column = hull.elements.index(opened)
    fixed = float(vector.sum() - vector[column])
    return LineSide(
        formula=formula,
        amounts=np.delete(vector, column) / fixed,
        opened=float(vector[column]) / fixed,
        own_eV=(energy - float(vector @ _zero(hull))) / fixed,
        fixed_atoms=fixed,
    )

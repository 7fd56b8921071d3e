"""The lower convex hull of an entry set as tangent planes, built once and asked often.

:class:`pymatgen.analysis.phase_diagram.PhaseDiagram` (or its grand potential variant) makes
the facets. Each facet is a tangent plane: the chemical potentials of the elements in its
phases. The hull energy of any composition is the highest plane there, because the hull is
convex; along a straight line the planes are straight lines, and the kinks of their upper
envelope are where the products change. This gives what pymatgen's ``InterfacialReactivity``
and ``get_element_profile`` give, without their search of every facet for every line, and
without their special cases (identical reactants, a reactant that holds the open element,
an entry with positive formation energy at its own energy).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.entry_set import EntrySet, PhaseEntry
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PhaseDiagram
    from pymatgen.core import Composition

__all__ = ["HullLibrary", "PhaseHull", "envelope_kinks"]

FloatArray = NDArray[np.float64]
Potentials = tuple[tuple[str, float], ...]

_PLANE_TOLERANCE_EV = 1e-8
_ACTIVE_EV = 1e-9
_AMOUNT = 1e-8
_SLOPE = 1e-9
_STEP = 1e-9


def envelope_kinks(
    values: FloatArray, slopes: FloatArray, end: float = np.inf
) -> tuple[list[float], list[float]]:
    """Kinks of the highest of some straight lines between 0 and `end`.

    Parameters
    ----------
    values, slopes : ndarray (n_lines,)
        Value at 0 and slope of each line.
    end : float
        Where to stop; lines are followed to their last kink if infinite.

    Returns
    -------
    points : list of float
        0 and every kink below `end`, ascending.
    slopes : list of float
        Slope of the envelope behind each point.
    """
    height = float(values.max())
    slope = float(slopes[values >= height - _ACTIVE_EV / 10].max())
    points, ramps = [0.0], [slope]
    while True:
        steeper = slopes > slope + _SLOPE
        here = points[-1]
        gaps = np.maximum(height - values[steeper] - slopes[steeper] * here, 0.0)
        if not gaps.size:
            return points, ramps
        steps = gaps / (slopes[steeper] - slope)
        step = float(steps.min())
        if here + step >= end - _STEP:
            return points, ramps
        height += slope * step
        slope = float(slopes[steeper][steps <= step + _STEP].max())
        if step < _STEP:
            ramps[-1] = slope
        else:
            points.append(here + step)
            ramps.append(slope)


@dataclass(frozen=True)
class PhaseHull:
    """Tangent planes of one chemical system, closed or open to some elements.

    Attributes
    ----------
    elements : tuple of str
        The elements that are not open; the columns of `fractions` and `planes`.
    open_elements : tuple of str
        The others; the columns of `open_amounts`.
    formulas : tuple of str
        Phases.
    fractions : ndarray (n_phases, n_elements)
        Atomic fractions without the open elements.
    open_amounts : ndarray (n_phases, n_open)
        Atoms of the open elements per other atom.
    atoms : ndarray (n_phases,)
        Atoms per formula, without the open elements.
    facets : ndarray of int (n_facets, n_elements)
        Phases in equilibrium.
    planes : ndarray (n_facets, n_elements)
        Their chemical potentials [eV/atom].
    open_potentials : ndarray (n_open,)
        Chemical potentials of the open elements on the entries' scale [eV/atom].
    references : mapping
        Element -> energy of its most stable entry [eV/atom].
    """

    elements: tuple[str, ...]
    open_elements: tuple[str, ...]
    formulas: tuple[str, ...]
    fractions: FloatArray
    open_amounts: FloatArray
    atoms: FloatArray
    facets: NDArray[np.intp]
    planes: FloatArray
    open_potentials: FloatArray
    references: Mapping[str, float]

    def vector(self, composition: Composition) -> FloatArray:
        """Count the atoms of the elements that are not open.

        Parameters
        ----------
        composition : pymatgen Composition
            Of elements in this system.

        Returns
        -------
        ndarray (n_elements,)
            In the order of `elements`.
        """
        return np.array([composition[element] for element in self.elements], dtype=float)

    def open_vector(self, composition: Composition) -> FloatArray:
        """Count the atoms of the open elements.

        Parameters
        ----------
        composition : pymatgen Composition
            Of elements in this system.

        Returns
        -------
        ndarray (n_open,)
            In the order of `open_elements`.
        """
        return np.array([composition[element] for element in self.open_elements], dtype=float)

    def energy(self, amounts: FloatArray) -> float:
        """Hull energy of these atoms; the grand potential where an element is open.

        Parameters
        ----------
        amounts : ndarray (n_elements,)
            Atoms of the elements that are not open.

        Returns
        -------
        float
            Of all these atoms together [eV].
        """
        return float((self.planes @ amounts).max())

    def products(self, amounts: FloatArray) -> list[tuple[int, float]]:
        """Equilibrium phases of these atoms.

        Parameters
        ----------
        amounts : ndarray (n_elements,)
            Atoms of the elements that are not open.

        Returns
        -------
        list of (int, float)
            Index of the phase and the atoms in it (without open ones), in order of formula.
        """
        facets = self.facets[self._active(amounts)]
        matrices = self.fractions[facets].transpose(0, 2, 1)
        wanted = np.broadcast_to(amounts, facets.shape)[..., None]
        shares = np.linalg.solve(matrices, wanted)[..., 0]
        best = int(np.argmax(shares.min(axis=1) > -_AMOUNT * amounts.sum()))
        if shares[best].min() < -_AMOUNT * amounts.sum():
            best = int(shares.min(axis=1).argmax())
        found = zip(facets[best].tolist(), shares[best].tolist(), strict=True)
        kept = [(phase, share) for phase, share in found if share > _AMOUNT * amounts.sum()]
        return sorted(kept, key=lambda item: self.formulas[item[0]])

    def _active(self, amounts: FloatArray) -> NDArray[np.bool_]:
        heights = self.planes @ amounts
        return heights >= heights.max() - _ACTIVE_EV * amounts.sum()


class HullLibrary:
    """Every hull of an entry set that was asked for, each built once.

    Parameters
    ----------
    entry_set : EntrySet
        The phases.

    Attributes
    ----------
    entry_set : EntrySet
        The phases.
    """

    def __init__(self, entry_set: EntrySet) -> None:
        from pymatgen.core import Composition

        self.entry_set = entry_set
        self._lowest: dict[str, PhaseEntry] = {}
        for entry in entry_set.entries:  # ordered by energy within a formula
            self._lowest.setdefault(entry.formula, entry)
        self._compositions = {formula: Composition(formula) for formula in self._lowest}
        self._elements = {
            formula: frozenset(element.symbol for element in composition)
            for formula, composition in self._compositions.items()
        }
        self._references = {
            next(iter(elements)): self._lowest[formula].formation_energy_eV_per_atom
            for formula, elements in self._elements.items()
            if len(elements) == 1
        }
        self._hulls: dict[tuple[frozenset[str], Potentials], PhaseHull] = {}

    @property
    def elements(self) -> frozenset[str]:
        """Every element of the set."""
        return frozenset().union(*self._elements.values())

    def entry_of(self, formula: str) -> PhaseEntry | None:
        """Return the lowest entry of a composition, if the set has one.

        Parameters
        ----------
        formula : str
            Smallest integer formula.

        Returns
        -------
        PhaseEntry or None
            The polymorph that counts.
        """
        return self._lowest.get(formula)

    def require(self, elements: Iterable[str], who: str) -> None:
        """Refuse elements that the set does not know.

        Parameters
        ----------
        elements : iterable of str
            Symbols.
        who : str
            What needs them, for the message.

        Raises
        ------
        SulfoxError
            SFX-722 if the set has no entry with one of them.
        """
        missing = sorted(set(elements) - self.elements)
        if missing:
            raise SulfoxError(
                "SFX-722",
                who=who,
                found=f"no entry with {', '.join(missing)} in entry set {self.entry_set.name}",
                expected=f"elements among {', '.join(sorted(self.elements))}",
                next_step="give an entry set that has phases with every element",
            )

    def hull(
        self, elements: Iterable[str], potentials: Mapping[str, float] | None = None
    ) -> PhaseHull:
        """Build or find the hull of a chemical system.

        Parameters
        ----------
        elements : iterable of str
            All elements, open ones included or not.
        potentials : mapping, optional
            Open element -> chemical potential relative to the element [eV/atom].

        Returns
        -------
        PhaseHull
            Shared with everybody who asks for the same.

        Raises
        ------
        SulfoxError
            SFX-722 if the set has no entry with one of the elements.
        """
        opened = tuple(sorted((potentials or {}).items()))
        system = frozenset(elements) | {element for element, _ in opened}
        key = (system, opened)
        if key not in self._hulls:
            self.require(system, "-".join(sorted(system)))
            self._hulls[key] = self._build(system, opened)
        return self._hulls[key]

    def _build(self, system: frozenset[str], opened: Potentials) -> PhaseHull:
        from pymatgen.analysis.phase_diagram import (
            GrandPotentialPhaseDiagram,
            PDEntry,
            PhaseDiagram,
        )
        from pymatgen.core import Element

        phases = {
            formula: entry.formation_energy_eV_per_atom
            for formula, entry in self._lowest.items()
            if self._elements[formula] <= system
        }
        bare = system - self._references.keys()
        phases |= dict.fromkeys(bare, 0.0)
        references = {e: self._references.get(e, 0.0) for e in sorted(system)}
        rows = []
        for formula, energy in phases.items():
            composition = self._compositions.get(formula) or _element_composition(formula)
            rows.append(PDEntry(composition, energy * composition.num_atoms))
        if not opened:
            return _planes(PhaseDiagram(rows, [Element(e) for e in sorted(system)]), {}, references)
        absolute = {element: mu + references[element] for element, mu in opened}
        diagram = GrandPotentialPhaseDiagram(rows, {Element(e): mu for e, mu in absolute.items()})
        return _planes(diagram, absolute, references)


def _element_composition(symbol: str) -> Composition:
    from pymatgen.core import Composition

    return Composition({symbol: 1})


def _planes(
    diagram: PhaseDiagram, potentials: dict[str, float], references: dict[str, float]
) -> PhaseHull:
    """Turn pymatgen's facets into tangent planes; planes that cut through a phase are not kept."""
    elements = tuple(element.symbol for element in diagram.elements)
    full = [getattr(entry, "original_comp", entry.composition) for entry in diagram.qhull_entries]
    counts = np.array([[c[e] for e in elements] for c in full], dtype=float)
    atoms = counts.sum(axis=1)
    fractions = counts / atoms[:, None]
    opened = np.array([[c[e] for e in potentials] for c in full], dtype=float).reshape(
        len(full), len(potentials)
    )
    energies = np.array([entry.energy for entry in diagram.qhull_entries]) / atoms
    facets = np.array([np.atleast_1d(facet) for facet in diagram.facets], dtype=np.intp)
    planes = np.linalg.solve(fractions[facets], energies[facets][..., None])[..., 0]
    sound = (planes @ fractions.T <= energies + _PLANE_TOLERANCE_EV).all(axis=1)
    return PhaseHull(
        elements=elements,
        open_elements=tuple(potentials),
        formulas=tuple(c.reduced_formula for c in full),
        fractions=fractions,
        open_amounts=opened / atoms[:, None],
        atoms=np.array([_formula_atoms(c, elements) for c in full]),
        facets=facets[sound],
        planes=planes[sound],
        open_potentials=np.array(list(potentials.values()), dtype=float),
        references=references,
    )


def _formula_atoms(composition: Composition, elements: tuple[str, ...]) -> float:
    from pymatgen.core import Composition

    formula = Composition(composition.reduced_formula)  # Cl2, not Cl
    return float(sum(formula[element] for element in elements))

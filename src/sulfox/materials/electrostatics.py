"""Filling partly occupied sites: random fillings, and the one of lowest Ewald energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["FillingProblem", "Solution"]

#: State of an empty site; elements count from 0 in the order of their symbols.
VACANT = -1
#: Two atoms are never closer than this, whatever the elements [Å].
OVERLAP_A = 1.0
_STEPS_PER_SITE = 150
_ATTEMPTS = 200
_HOT_EV, _COLD_EV = 3.0, 0.02
_SAME_ENERGY_EV = 1e-5

State = NDArray[np.int64]


@dataclass(frozen=True)
class Solution:
    """A filling and how it was found.

    Attributes
    ----------
    state : ndarray
        (n_sites,) index into the elements, -1 where the site is empty.
    energy_eV : float
        Ewald energy of the cell with formal charges [eV].
    restarts, restarts_at_minimum : int
        Independent searches, and how many of them ended at this energy.
    """

    state: State
    energy_eV: float
    restarts: int
    restarts_at_minimum: int


@dataclass(frozen=True)
class FillingProblem:
    """Which elements go where.

    Attributes
    ----------
    who : str
        Material, for messages.
    frame : pymatgen.core.Structure
        All sites that may hold an atom.
    groups : tuple
        Pairs (site indices, element counts): the counted atoms are spread over the
        sites of the group, the rest stays empty. Every site is in one group.
    charges : mapping
        Element -> formal charge [e].
    min_separation_A : mapping
        Element -> smallest distance of two of its atoms [Å].
    """

    who: str
    frame: Structure
    groups: tuple[tuple[tuple[int, ...], Mapping[str, int]], ...]
    charges: Mapping[str, float]
    min_separation_A: Mapping[str, float]

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Element symbols in alphabetic order; states are indices into them."""
        return tuple(sorted({element for _, counts in self.groups for element in counts}))

    @cached_property
    def unit_energies(self) -> NDArray[np.float64]:
        """Ewald energies of unit charges, (n_sites, n_sites), symmetric [eV]."""
        from pymatgen.analysis.ewald import EwaldSummation

        unit = self.frame.copy()
        for index in range(len(unit)):
            unit.replace(index, "H+")
        matrix = np.asarray(EwaldSummation(unit, w=1.0).total_energy_matrix)
        return (matrix + matrix.T) / 2

    @cached_property
    def _conflicts(self) -> NDArray[np.bool_]:
        """(n_kinds, n_kinds, n_sites, n_sites): may not both be filled so."""
        distances = self.frame.distance_matrix.copy()
        np.fill_diagonal(distances, np.inf)
        kinds = len(self.elements)
        table = np.broadcast_to(distances < OVERLAP_A, (kinds, kinds, *distances.shape)).copy()
        for index, element in enumerate(self.elements):
            table[index, index] |= distances < self.min_separation_A.get(element, 0.0)
        return table

    def charge_of(self, state: State) -> NDArray[np.float64]:
        """Formal charges of a filling, (n_sites,) [e].

        Parameters
        ----------
        state : ndarray
            (n_sites,) index into the elements, -1 where the site is empty.
        """
        table = np.array([self.charges[element] for element in self.elements] + [0.0])
        return table[state]

    def energy(self, state: State) -> float:
        """Ewald energy of a filling with formal charges [eV].

        Parameters
        ----------
        state : ndarray
            (n_sites,) index into the elements, -1 where the site is empty.
        """
        charge = self.charge_of(state)
        return float(charge @ self.unit_energies @ charge)

    @cached_property
    def _rivals(self) -> list[list[int]]:
        """Per site, the sites whose content limits its own."""
        near = np.any(self._conflicts, axis=(0, 1))
        return [np.flatnonzero(row).tolist() for row in near]

    def fits(self, state: State, site: int, kind: int, ignore: int = -1) -> bool:
        """Whether an atom of `kind` at `site` keeps its distance from all but `ignore`.

        Parameters
        ----------
        state : ndarray
            (n_sites,) index into the elements, -1 where the site is empty.
        site : int
            Index of the site to fill.
        kind : int
            Index of the element; -1 always fits.
        ignore : int
            Index of a site that is not looked at; -1 for none.
        """
        if kind == VACANT:
            return True
        return not any(
            state[other] != VACANT and self._conflicts[kind, state[other], site, other]
            for other in self._rivals[site]
            if other != ignore
        )

    def random(self, rng: np.random.Generator) -> State:
        """Fill at random under the distance rules.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance; the same state of it gives the same filling.

        Returns
        -------
        ndarray
            (n_sites,) state.

        Raises
        ------
        SulfoxError
            SFX-104 if no filling was found.
        """
        for _ in range(_ATTEMPTS):
            state = np.full(len(self.frame), VACANT, dtype=np.int64)
            if all(self._fill(state, group, rng) for group in self.groups):
                return state
        raise SulfoxError(
            "SFX-104",
            who=self.who,
            found=f"no filling keeps the smallest distances in {_ATTEMPTS} random tries",
            expected="partly filled sites that leave room for their atoms",
            next_step="check occupancies and min_separation_A of the material",
        )

    def _fill(
        self,
        state: State,
        group: tuple[tuple[int, ...], Mapping[str, int]],
        rng: np.random.Generator,
    ) -> bool:
        sites, counts = group
        atoms = [self.elements.index(e) for e, n in sorted(counts.items()) for _ in range(n)]
        free = list(rng.permutation(sites)) if len(sites) > 1 else list(sites)
        for kind in atoms:
            site = next((s for s in free if self.fits(state, s, kind)), None)
            if site is None:
                return False
            state[site] = kind
            free.remove(site)
        return True

    def minimise(self, restarts: int = 8) -> Solution:
        """Search the filling of lowest Ewald energy by annealed swaps.

        Deterministic: restart k uses the random stream of seed k. Fillings that a space
        group operation of `frame` maps on each other have one energy; the smallest of
        them (as a tuple) is returned, so that the answer does not hang on the path.

        Parameters
        ----------
        restarts : int
            Independent searches.

        Returns
        -------
        Solution
            The best filling found.

        Raises
        ------
        SulfoxError
            SFX-104 if no filling exists.
        """
        swappable = [sites for sites, counts in self.groups if self._has_choice(sites, counts)]
        if not swappable:
            state = self.random(np.random.default_rng(0))
            return Solution(state, self.energy(state), 1, 1)
        found = [self._anneal(swappable, np.random.default_rng(k)) for k in range(restarts)]
        energies = np.array([self.energy(state) for state in found])
        best = np.flatnonzero(energies < energies.min() + _SAME_ENERGY_EV)
        state = min((self._canonical(found[k]) for k in best), key=tuple)
        return Solution(state, self.energy(state), restarts, len(best))

    @staticmethod
    def _has_choice(sites: tuple[int, ...], counts: Mapping[str, int]) -> bool:
        return len(counts) > 1 or sum(counts.values()) < len(sites)

    def _anneal(self, groups: list[tuple[int, ...]], rng: np.random.Generator) -> State:
        state = self.random(rng)
        charge = self.charge_of(state)
        potential = self.unit_energies @ charge
        n_steps = _STEPS_PER_SITE * sum(map(len, groups))
        ladder = np.geomspace(_HOT_EV, _COLD_EV, n_steps)
        for temperature in ladder:
            sites = groups[int(rng.integers(len(groups)))]
            pair = self._propose(state, sites, rng)
            change = self._change(charge, potential, *pair) if pair else np.inf
            if change < -temperature * np.log(rng.random()):
                self._swap(state, charge, potential, *pair)
        self._descend(state, charge, potential, groups)
        return state

    def _propose(
        self, state: State, sites: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[int, int] | tuple[()]:
        """Pick two sites of a group whose contents may be swapped."""
        first = int(sites[int(rng.integers(len(sites)))])
        rivals = [s for s in self._rivals[first] if s in sites and state[s] != state[first]]
        if rivals and rng.random() < 0.5:
            second = int(rivals[int(rng.integers(len(rivals)))])
        else:
            second = int(sites[int(rng.integers(len(sites)))])
        allowed = state[first] != state[second] and self._swap_fits(state, first, second)
        return (first, second) if allowed else ()

    def _swap_fits(self, state: State, first: int, second: int) -> bool:
        into_first, into_second = int(state[second]), int(state[first])
        both = VACANT not in (into_first, into_second)
        return (
            self.fits(state, first, into_first, ignore=second)
            and self.fits(state, second, into_second, ignore=first)
            and not (both and self._conflicts[into_first, into_second, first, second])
        )

    def _change(
        self, charge: NDArray[np.float64], potential: NDArray[np.float64], i: int, j: int
    ) -> float:
        step = charge[j] - charge[i]
        matrix = self.unit_energies
        stiffness = matrix[i, i] + matrix[j, j] - 2 * matrix[i, j]
        return float(2 * step * (potential[i] - potential[j]) + step**2 * stiffness)

    def _swap(
        self,
        state: State,
        charge: NDArray[np.float64],
        potential: NDArray[np.float64],
        i: int,
        j: int,
    ) -> None:
        step = charge[j] - charge[i]
        potential += step * (self.unit_energies[:, i] - self.unit_energies[:, j])
        state[[i, j]] = state[[j, i]]
        charge[[i, j]] = charge[[j, i]]

    def _descend(
        self,
        state: State,
        charge: NDArray[np.float64],
        potential: NDArray[np.float64],
        groups: list[tuple[int, ...]],
    ) -> None:
        """Swap downhill until no allowed swap of two sites lowers the energy."""
        pairs = [(i, j) for sites in groups for i in sites for j in sites if i < j]
        improved = True
        while improved:
            improved = False
            for i, j in pairs:
                lower = (
                    state[i] != state[j]
                    and self._change(charge, potential, i, j) < -_SAME_ENERGY_EV
                    and self._swap_fits(state, i, j)
                )
                if lower:
                    self._swap(state, charge, potential, i, j)
                    improved = True

    def _canonical(self, state: State) -> State:
        """Smallest filling among the symmetry images of `state`."""
        images = np.empty_like(self._images)
        np.put_along_axis(images, self._images, np.broadcast_to(state, images.shape), axis=1)
        order = np.lexsort(images.T[::-1])
        return images[order[0]]

    @cached_property
    def _images(self) -> NDArray[np.int64]:
        """(n_operations, n_sites): where each operation of the frame takes a site."""
        from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

        coords = self.frame.frac_coords
        rows = []
        for operation in SpacegroupAnalyzer(self.frame, symprec=0.01).get_symmetry_operations():
            moved = operation.operate_multi(coords)
            apart = moved[:, None, :] - coords[None, :, :]
            apart -= np.round(apart)
            rows.append(np.argmin((apart**2).sum(axis=2), axis=1))
        return np.array(rows, dtype=np.int64)

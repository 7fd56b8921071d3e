"""Two slabs and a match: every pairing of two facets within limits of strain and atoms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sulfox.interfaces.lattice_match import match_by_strain
from sulfox.interfaces.layer_symmetry import plane_mappings
from sulfox.interfaces.partner import Partner, holds_magnetic_order
from sulfox.interfaces.plane_lattice import match_keys, share_misfit
from sulfox.interfaces.specification import InterfaceSpec

__all__ = ["Pairing", "Pairings", "find_pairings"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Pairing:
    """Two partners and a match: everything an interface is decided by, before it is built.

    Attributes
    ----------
    cathode, electrolyte : Partner
        The two sides.
    supercells : tuple of ndarray
        Two (2, 2) integer matrices, cathode first.
    stretch : ndarray
        (2, 2) misfit stretch V of the electrolyte onto the cathode.
    n_atoms : int
        Atoms of the interface.
    strain_max, misfit_max : float
        After sharing; and if one side carried all.
    area_A2 : float
        Of the cathode's unstrained supercell [Å^2].
    frustrated : bool
        The supercell does not hold the magnetic order.
    """

    cathode: Partner
    electrolyte: Partner
    supercells: tuple[Ints, Ints]
    stretch: Floats
    n_atoms: int
    strain_max: float
    misfit_max: float
    area_A2: float
    frustrated: bool = False

    @property
    def label(self) -> str:
        """The two terminations."""
        return f"{self.cathode.termination.label} | {self.electrolyte.termination.label}"


@dataclass(frozen=True)
class Pairings:
    """What a search over all terminations found.

    Attributes
    ----------
    found : tuple of Pairing
        Of each pair of terminations the best matches within the limits of the
        specification, and those with the least strain for their number of atoms.
    n_within : int
        All matches of all pairs of terminations within the limits of the specification.
    n_frustrated : int
        Matches within these limits whose supercell does not hold the magnetic order.
    """

    found: tuple[Pairing, ...]
    n_within: int
    n_frustrated: int


@dataclass(frozen=True)
class _Matches:
    """Matches of two slabs, one of each set that their symmetry makes equal."""

    first: Ints  # (n, 2, 2)
    second: Ints  # (n, 2, 2)
    multiples: Ints  # (n, 2)
    stretch: Floats  # (n, 2, 2)
    area_A2: Floats  # (n,)
    strain_max: Floats  # (n,) after sharing
    misfit_max: Floats  # (n,)
    holds_order: Bools  # (n,) both supercells hold the magnetic order


def find_pairings(
    below: list[Partner],
    above: list[Partner],
    spec: InterfaceSpec,
    limits: tuple[float, int],
) -> Pairings:
    """Pair all terminations of two facets with all their matches.

    Parameters
    ----------
    below, above : list of Partner
        Terminations of the cathode and of the electrolyte.
    spec : InterfaceSpec
        Limits that count, and how many are wanted of each pair.
    limits : tuple
        Largest strain and number of atoms that are looked at.

    Returns
    -------
    Pairings
        Deterministic in content and order.
    """
    found: list[Pairing] = []
    n_within = n_frustrated = 0
    known: dict[tuple[bytes, ...], _Matches] = {}
    symmetry = {id(side): _symmetry(side) for side in (*below, *above)}
    densities = sum(min(p.n_cell / p.slab.area_A2 for p in side) for side in (below, above))
    area = limits[1] / densities * (1.0 + limits[0]) ** 2
    for first, second in product(below, above):
        operations = (symmetry[id(first)], symmetry[id(second)])
        turns = (first.termination.turned, second.termination.turned)
        key = (bytes(turns), *(operation.tobytes() for operation in operations))
        if key not in known:
            known[key] = _distinct_matches(first, second, operations, (limits[0], area), spec)
        matches = known[key]
        n_atoms = matches.multiples @ np.array([first.n_cell, second.n_cell])
        within = (matches.strain_max <= spec.max_strain + 1e-9) & (n_atoms <= spec.max_atoms)
        n_frustrated += int((within & ~matches.holds_order).sum())
        allowed = n_atoms <= limits[1]
        if spec.keep_magnetic_order:
            allowed &= matches.holds_order
        n_within += int((within & allowed).sum())
        found += _chosen(first, second, matches, (n_atoms, within, allowed), spec)
    return Pairings(tuple(found), n_within, n_frustrated)


def _symmetry(side: Partner) -> Ints:
    """Operations of the slab; two repeats have those of any number of repeats."""
    slab = side.termination.slab(min(2, side.slab.n_layers))
    layer = (slab.in_plane, slab.species, slab.positions)
    return plane_mappings(layer, layer)


def _distinct_matches(
    first: Partner,
    second: Partner,
    operations: tuple[Ints, Ints],
    limits: tuple[float, float],
    spec: InterfaceSpec,
) -> _Matches:
    """Find matches that turn and strain, but do not mirror, within strain and area."""
    matches = match_by_strain(
        first.slab.in_plane,
        second.slab.in_plane,
        max_area_A2=limits[1],
        max_strain=limits[0],
        second_share=spec.electrolyte_strain_share,
    )
    lengths = np.linalg.norm(matches.first @ matches.first_vectors, axis=-1)
    wide = matches.area_A2 >= spec.min_width_A * lengths.max(axis=1, initial=0.0)
    matches = matches.subset(~matches.mirrored & wide)
    both = np.concatenate([matches.second, -matches.second])  # a half turn is another match
    twice = np.tile(np.arange(len(matches)), 2)
    keys = _canonical_keys(matches.first[twice], both, operations)
    chosen = np.sort(np.unique(keys, axis=0, return_index=True)[1])
    chosen = chosen[np.argsort(twice[chosen], kind="stable")]
    kept = matches.subset(twice[chosen])
    cells = [kept.first, both[chosen]]
    left_handed = np.linalg.det(cells[0] @ first.slab.in_plane) < 0
    for cell in cells:
        cell[left_handed] = cell[left_handed, ::-1]
    strains = share_misfit(kept.stretch, spec.electrolyte_strain_share)
    largest = [np.abs(np.linalg.eigvalsh(e)).max(axis=1, initial=0.0) for e in strains]
    return _Matches(
        first=cells[0],
        second=cells[1],
        multiples=np.rint(np.abs(np.linalg.det(np.stack(cells, axis=1)))).astype(np.int64),
        stretch=kept.stretch,
        area_A2=kept.area_A2,
        strain_max=np.maximum(*largest),
        misfit_max=kept.misfit_max,
        holds_order=_hold_order(first, cells[0]) & _hold_order(second, cells[1]),
    )


def _hold_order(side: Partner, cells: Ints) -> Bools:
    """(n,) whether supercells hold the magnetic order; each distinct vector is tried once."""
    if side.ordered.material.magnetic_order is None or not len(cells):
        return np.ones(len(cells), dtype=bool)
    rows, where = np.unique(cells.reshape(-1, 2), axis=0, return_inverse=True)
    holds = np.array([holds_magnetic_order(side, row[None]) for row in rows])
    return np.asarray(holds[where.reshape(-1, 2)].all(axis=1))


def _canonical_keys(firsts: Ints, seconds: Ints, operations: tuple[Ints, Ints]) -> Ints:
    """(n, 8) smallest key among the matches that the symmetry of the two slabs makes equal."""
    smallest: Ints | None = None
    for one, other in product(*operations):
        keys = match_keys(firsts @ one, seconds @ other, up_to_half_turn=False)
        if smallest is None:
            smallest = keys
            continue
        differ = keys != smallest
        where = differ.argmax(axis=1)
        rows = np.arange(len(keys))
        lower = keys[rows, where] < smallest[rows, where]
        smallest = np.where(lower[:, None], keys, smallest)
    return smallest if smallest is not None else np.zeros((0, 8), dtype=np.int64)


def _chosen(
    first: Partner,
    second: Partner,
    matches: _Matches,
    arrays: tuple[Ints, Bools, Bools],
    spec: InterfaceSpec,
) -> Iterator[Pairing]:
    """Choose the best matches within the limits, and the front of strain against atoms."""
    n_atoms, within, allowed = arrays
    cost = np.round(matches.strain_max / spec.max_strain + n_atoms / spec.max_atoms, 9)
    best = np.lexsort((n_atoms, cost, ~matches.holds_order))
    best = best[(within & allowed)[best]][: spec.max_candidates]
    by_atoms = np.lexsort((np.round(matches.strain_max, 9), n_atoms))
    by_atoms = by_atoms[allowed[by_atoms]]
    strains = np.round(matches.strain_max[by_atoms], 9)
    before = np.minimum.accumulate(np.append(np.inf, strains))[:-1]
    front = by_atoms[strains < before]
    for k in dict.fromkeys([*best.tolist(), *front.tolist()]):
        yield Pairing(
            cathode=first,
            electrolyte=second,
            supercells=(matches.first[k], matches.second[k]),
            stretch=matches.stretch[k],
            n_atoms=int(n_atoms[k]),
            strain_max=float(matches.strain_max[k]),
            misfit_max=float(matches.misfit_max[k]),
            area_A2=float(matches.area_A2[k]),
            frustrated=not bool(matches.holds_order[k]),
        )

"""Labelled variants of an interface: what changes when the cathode is partly charged."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.base import Reason, content_hash
from sulfox.documents.interface import InterfaceDoc, SlabSide
from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.interfaces.partner import magnetic_layers
from sulfox.interfaces.stacking import cross_distances, shortest_pairs
from sulfox.trajectories.geometry import minimum_image

__all__ = ["delithiate", "spread_apart"]

#: Lithium nearer than this in height belongs to one layer [Å].
LAYER_GAP_A = 0.5

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def spread_apart(
    positions: Floats, lattice: Floats, fraction: float, seed: int | None = None
) -> Ints:
    """Choose a part of some sites, the same part of every layer, far from each other.

    The sum of 1/r over all chosen pairs (shortest images) is lowered by exchanging a chosen
    with a free site of its layer, the best exchange first, until none helps. Without the
    layers the repulsion would empty the surfaces first.

    Parameters
    ----------
    positions : ndarray
        (n, 3) sites [Å]; layers are stacked along z.
    lattice : ndarray
        (3, 3) rows [Å].
    fraction : float
        Part to choose, 0 to 1.
    seed : int, optional
        Starts from a random choice; None starts from a greedy one, always the same.

    Returns
    -------
    ndarray
        Indices, ascending; about ``fraction * n`` of them.
    """
    layers = _layers(positions[:, 2])
    sizes = np.bincount(layers)
    filled = np.rint(np.cumsum(sizes) * fraction + 1e-9).astype(int)
    quotas = np.diff(filled, prepend=0)
    vectors = positions[None] - positions[:, None]
    lengths = np.linalg.norm(minimum_image(vectors, lattice), axis=-1)
    np.fill_diagonal(lengths, np.inf)
    repulsion = np.round(1.0 / lengths, 9)
    chosen = np.zeros(len(positions), dtype=bool)
    random = None if seed is None else np.random.default_rng(seed)
    for layer, quota in enumerate(quotas):
        members = np.flatnonzero(layers == layer)
        if random is not None:
            chosen[random.permutation(members)[:quota]] = True
        while chosen[members].sum() < quota:
            felt = np.where(chosen[members], np.inf, (repulsion @ chosen)[members])
            chosen[members[int(np.argmin(felt))]] = True
    while chosen.any() and not chosen.all():
        felt = repulsion @ chosen
        taken, free = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        change = felt[free][None, :] - felt[taken][:, None] - repulsion[np.ix_(taken, free)]
        change[layers[taken][:, None] != layers[free][None, :]] = np.inf
        worst, best = np.unravel_index(int(np.argmin(change)), change.shape)
        if change[worst, best] > -1e-9:
            break
        chosen[taken[worst]], chosen[free[best]] = False, True
    return np.flatnonzero(chosen)


def _layers(heights: Floats) -> Ints:
    """(n,) number of the layer each height belongs to, from the bottom."""
    order = np.argsort(heights, kind="stable")
    numbers = np.zeros(len(heights), dtype=np.int64)
    numbers[order] = np.cumsum(np.diff(heights[order], prepend=heights[order[0]]) > LAYER_GAP_A)
    return numbers


def delithiate(doc: InterfaceDoc, fraction: float = 0.5, seed: int | None = None) -> InterfaceDoc:
    """Remove a part of the cathode's lithium, the vacancies spread apart.

    The lost charge is put on the transition metals of the cathode in equal parts, so the
    formal dipole stays that of a neutral slab.

    Parameters
    ----------
    doc : InterfaceDoc
        The interface.
    fraction : float
        Part of the cathode's lithium to remove, above 0 up to 1.
    seed : int, optional
        Another choice of vacancies that is locally best; None for the default one.

    Returns
    -------
    InterfaceDoc
        With its own id and a reason that says what was done.

    Raises
    ------
    SulfoxError
        SFX-203 if the fraction is out of range or removes no atom, or the cathode side has
        no lithium or no transition metal to carry the charge.
    """
    from pymatgen.core import Element

    old = doc.structure
    z = np.array(old.positions)[:, 2]
    cathode = [k for k, side in enumerate(old.sides) if side == "cathode"]
    lithium = np.array([k for k in cathode if old.species[k] == "Li"], dtype=np.int64)
    metals = [k for k in cathode if Element(old.species[k]).is_transition_metal]
    gone = np.zeros(0, dtype=np.int64)
    if 0 < fraction <= 1 and len(lithium) and metals:
        sites = np.array(old.positions)[lithium]
        gone = lithium[spread_apart(sites, np.array(old.lattice), fraction, seed)]
    if not len(gone):
        raise SulfoxError(
            "SFX-203",
            who=f"delithiated variant of {doc.pair}",
            found=f"fraction {fraction}, {len(lithium)} Li and {len(metals)} transition metals "
            f"in {doc.cathode.material}",
            expected="a fraction above 0 up to 1 of at least one Li, and a transition metal",
            next_step="give another fraction, or leave this variant out for this cathode",
        )
    count = len(gone)
    kept = [k for k in range(old.n_atoms) if k not in set(gone.tolist())]
    structure = StructureRecord(
        lattice=old.lattice,
        species=tuple(old.species[k] for k in kept),
        positions=tuple(old.positions[k] for k in kept),
        sides=tuple(old.sides[k] for k in kept),
        moments=None if old.moments is None else tuple(old.moments[k] for k in kept),
    )
    moved = count * float(z[metals].mean()) - float(z[gone].sum())
    side = _without(doc.cathode, structure, count, moved / doc.area_A2)
    n_first = side.n_atoms
    positions = np.array(structure.positions)
    lengths = cross_distances(np.array(structure.lattice), positions, n_first)
    text = (
        f"{count} of {len(lithium)} cathode Li removed, the same part of each layer, "
        f"vacancies spread apart{'' if seed is None else f' (seed {seed})'}; charge compensated "
        "on the transition metals"
    )
    return doc.model_copy(
        update={
            "id": "if-" + content_hash([doc.id, "delithiated", structure.hash])[:16],
            "reasons": (*doc.reasons, Reason(code="delithiated", message=text)),
            "provenance": doc.provenance.model_copy(
                update={"inputs_hash": content_hash([doc.provenance.inputs_hash, fraction, seed])}
            ),
            "cathode": side,
            "gap_A": round(float(positions[n_first:, 2].min() - positions[:n_first, 2].max()), 6),
            "n_atoms": structure.n_atoms,
            "composition": structure.composition,
            "min_distances_A": shortest_pairs(
                lengths, structure.species[:n_first], structure.species[n_first:]
            ),
            "structure": structure,
        }
    )


def _without(side: SlabSide, structure: StructureRecord, count: int, dipole: float) -> SlabSide:
    from pymatgen.core import Composition

    n = side.n_atoms - count
    heights = np.array(structure.positions)[:n, 2]
    heights -= heights.min()
    moments = np.array(structure.moments[:n]) if structure.moments else np.zeros(n)
    excess = {**side.excess, "Li": side.excess.get("Li", 0) - count}
    return side.model_copy(
        update={
            "formula": Composition(Counter(structure.species[:n])).reduced_formula,
            "n_atoms": n,
            "thickness_A": round(float(heights.max()), 6),
            "dipole_per_area": round(side.dipole_per_area + dipole, 6) + 0.0,
            "is_stoichiometric": False,
            "excess": excess,
            "magnetic_layers": magnetic_layers(heights, moments),
        }
    )

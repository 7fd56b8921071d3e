"""Bonds that form and break, told apart from vibrations by hysteresis and a lifetime.

Every pair of atoms is a machine with two states, judged frame by frame by its distance d:

- first frame: bonded if ``d < form``. This needs no lifetime.
- forms at frame k: ``d(k) < form``, and from k on ``d <= break`` in every frame until at
  least `min_lifetime` after k. The event is dated to k, the first such crossing.
- breaks at frame k: ``d(k) > break``, and ``d > break`` in every frame until at least
  `min_lifetime` after k. The event is dated to k.
- between the thresholds the state stays; an attempt that ends too early leaves no trace.
- end of the trajectory: an attempt that has not yet lasted `min_lifetime` at the last
  frame does not count, so the state there is the last confirmed one.

Hence ``n_initial + n_formed - n_broken == n_final`` for every pair. Whether an attempt
lasted is judged between frames that exist: with frames farther apart than `min_lifetime`
it takes two successive frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.analysis.bonds.bond_criteria import split_pair
from sulfox.documents.sulfur_bonds import BondCriteria
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray, IntArray, Trajectory
from sulfox.trajectories.geometry import iter_pair_vectors, neighbour_pairs, pair_distances

__all__ = ["ClosePairs", "Transitions", "find_close_pairs", "find_transitions"]

_TIME_TOLERANCE_FS = 1e-6
_SEARCH_A = 3.2
_SKIN_A = 2.0
_STRETCH_FRAMES = 1000
_ROW_BLOCK_ELEMENTS = 1_000_000


@dataclass(frozen=True, eq=False)
class ClosePairs:
    """Pairs of atoms that ever come close, and the closest approach of all.

    Attributes
    ----------
    pairs : ndarray of int, shape (n_pairs, 2)
        Atom indices, ascending.
    distances : ndarray, shape (n_pairs, n_frames)
        Distance of the closest images in every frame [Å].
    min_distance : float
        Smallest distance of any pair of these elements in any frame [Å].
    min_frame : int
        The frame of it.
    """

    pairs: IntArray
    distances: FloatArray
    min_distance: float
    min_frame: int


@dataclass(frozen=True, eq=False)
class Transitions:
    """What happened to the bonds, in arrays.

    Attributes
    ----------
    initial : ndarray of bool, shape (n_pairs,)
        Bonded in the first frame.
    pair : ndarray of int, shape (n_events,)
        Row of the pair of each event; ascending.
    frame : ndarray of int, shape (n_events,)
        Frame of each event; ascending for each pair.
    formed : ndarray of bool, shape (n_events,)
        True where a bond formed, False where it broke.
    """

    initial: NDArray[np.bool_]
    pair: IntArray
    frame: IntArray
    formed: NDArray[np.bool_]

    @property
    def n_formed(self) -> int:
        """Number of bonds formed."""
        return int(self.formed.sum())

    @property
    def n_broken(self) -> int:
        """Number of bonds broken."""
        return int((~self.formed).sum())

    @property
    def n_initial(self) -> int:
        """Bonds in the first frame."""
        return int(self.initial.sum())

    @property
    def n_final(self) -> int:
        """Bonds in the last frame."""
        return self.n_initial + self.n_formed - self.n_broken

    def counts(self, n_frames: int) -> IntArray:
        """Count the bonds in each frame.

        Parameters
        ----------
        n_frames : int
            Frames of the trajectory.

        Returns
        -------
        ndarray of int64, shape (n_frames,)
            Bonds in each frame.
        """
        change = np.zeros(n_frames, dtype=np.int64)
        np.add.at(change, self.frame, np.where(self.formed, 1, -1))
        return self.n_initial + np.cumsum(change)


def find_close_pairs(trajectory: Trajectory, pair: str, cutoff: float) -> ClosePairs:
    """Find the pairs of atoms that come closer than a cutoff in any frame.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    pair : str
        Elements, ``"S-S"``.
    cutoff : float
        [Å]

    Returns
    -------
    ClosePairs
        Those pairs with their distances in all frames. The closest approach is exact
        even where no pair comes within the cutoff.

    Raises
    ------
    SulfoxError
        SFX-701 if the trajectory does not hold such a pair.
    """
    atoms, is_first = _atoms_of(trajectory, pair)
    reach = max(cutoff, _SEARCH_A)
    nearest, frame_of_nearest = np.inf, 0
    keys: set[int] = set()
    while nearest > reach:
        for frames in _quiet_stretches(trajectory, atoms):
            candidates = _candidates(trajectory, atoms, is_first, frames.start, reach + _SKIN_A)
            for here, vectors in iter_pair_vectors(trajectory, candidates, frames):
                squared = np.einsum("fpk,fpk->fp", vectors, vectors)
                if squared.size and squared.min() < nearest**2:
                    nearest = float(np.sqrt(squared.min()))
                    frame_of_nearest = here[int(squared.argmin()) // len(candidates)]
                close = candidates[(squared < cutoff**2).any(axis=0)]
                keys.update((close[:, 0] * trajectory.n_atoms + close[:, 1]).tolist())
        reach *= 1.5
    found = np.array(sorted(keys), dtype=np.int64)
    pairs = np.stack(np.divmod(found, trajectory.n_atoms), axis=1)
    return ClosePairs(pairs, pair_distances(trajectory, pairs), nearest, frame_of_nearest)


def _quiet_stretches(trajectory: Trajectory, atoms: IntArray) -> Iterator[range]:
    """Yield successive frames in which no atom moves more than half the skin.

    A pair within `reach` in any of them is within `reach + skin` in the first (Verlet).
    """
    start = 0
    while start < trajectory.n_frames:
        longest = 1 if trajectory.lattices is not None else _STRETCH_FRAMES
        block = trajectory.positions[start : start + longest, atoms]
        moves = np.linalg.norm(block - block[0], axis=-1).max(axis=1)
        loud = np.flatnonzero(moves > _SKIN_A / 2)
        stop = start + (int(loud[0]) if loud.size else len(block))
        yield range(start, stop)
        start = stop


def _candidates(
    trajectory: Trajectory,
    atoms: IntArray,
    is_first: NDArray[np.bool_],
    frame: int,
    reach: float,
) -> IntArray:
    near, _ = neighbour_pairs(trajectory.positions[frame, atoms], trajectory.cell(frame), reach)
    if is_first.any():
        near = near[is_first[near[:, 0]] != is_first[near[:, 1]]]
    return atoms[near]


def _atoms_of(trajectory: Trajectory, pair: str) -> tuple[IntArray, NDArray[np.bool_]]:
    """Atoms of both elements, and which are of the first (none if both are the same)."""
    first, second = split_pair(pair)
    n_first, n_second = trajectory.indices(first).size, trajectory.indices(second).size
    enough = n_first >= 2 if first == second else n_first and n_second
    if not enough:
        counts = {first: n_first, second: n_second}
        raise SulfoxError(
            "SFX-701",
            who=f"pair {pair}",
            found=", ".join(f"{n} atoms of {element}" for element, n in counts.items()),
            expected=f"a pair among the elements {', '.join(dict.fromkeys(trajectory.species))}",
            next_step="choose a pair that the trajectory holds",
        )
    elements = np.array(trajectory.species)
    atoms = np.flatnonzero((elements == first) | (elements == second))
    is_first = (elements[atoms] == first) & (first != second)
    return atoms.astype(np.int64), is_first


def find_transitions(
    distances: FloatArray, times_fs: FloatArray, criteria: BondCriteria
) -> Transitions:
    """Run the state machine of this module over all pairs.

    Parameters
    ----------
    distances : ndarray, shape (n_pairs, n_frames)
        [Å]
    times_fs : ndarray, shape (n_frames,)
        Ascending [fs].
    criteria : BondCriteria
        Thresholds and minimum lifetime.

    Returns
    -------
    Transitions
        Initial states and events, sorted by pair, then by frame.
    """
    rows = max(1, _ROW_BLOCK_ELEMENTS // max(1, distances.shape[1]))
    blocks = [
        _transitions_of_block(distances[start : start + rows], times_fs, criteria)
        for start in range(0, max(1, len(distances)), rows)
    ]
    return Transitions(
        initial=np.concatenate([block.initial for block in blocks]),
        pair=np.concatenate([block.pair + k * rows for k, block in enumerate(blocks)]),
        frame=np.concatenate([block.frame for block in blocks]),
        formed=np.concatenate([block.formed for block in blocks]),
    )


def _transitions_of_block(
    distances: FloatArray, times_fs: FloatArray, criteria: BondCriteria
) -> Transitions:
    n_frames = distances.shape[1]
    below_form = distances < criteria.form_A
    apart = distances > criteria.break_A
    initial = below_form[:, 0].copy()

    # Runs of frames on one side of the break threshold, row by row.
    starts_run = np.ones_like(apart)
    starts_run[:, 1:] = apart[:, 1:] != apart[:, :-1]
    row, start = np.nonzero(starts_run)
    last_of_row = np.append(row[1:] != row[:-1], True)[: row.size]
    end = np.where(last_of_row, n_frames - 1, np.append(start[1:], 0)[: row.size] - 1)
    run_apart = apart[row, start]

    # An attempt to break begins with its run; one to form at the run's first d < form.
    frames = np.arange(n_frames)
    hits = np.where(below_form, frames, n_frames)
    next_hit = np.minimum.accumulate(hits[:, ::-1], axis=1)[:, ::-1]
    begin = np.where(run_apart, start, next_hit[row, start])
    lasts = times_fs[end] - times_fs[np.minimum(begin, n_frames - 1)]
    counts = (begin <= end) & (lasts >= criteria.min_lifetime_fs - _TIME_TOLERANCE_FS)
    row, begin, formed = row[counts], begin[counts], ~run_apart[counts]

    # Only a change of state is an event.
    before = initial[row]
    same_row = row[1:] == row[:-1]
    before[1:] = np.where(same_row, formed[:-1], before[1:])
    event = formed != before
    return Transitions(initial, row[event], begin[event], formed[event])

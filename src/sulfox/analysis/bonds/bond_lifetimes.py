"""How long bonds live and how often they form, with honest intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sulfox.analysis.bonds.bond_events import Transitions
from sulfox.documents.sulfur_bonds import BondLifetime
from sulfox.trajectories.frames import FloatArray, IntArray

__all__ = ["bond_lifetimes", "median_lifetime", "poisson_interval"]


def bond_lifetimes(
    transitions: Transitions, pairs: IntArray, times_fs: FloatArray
) -> tuple[BondLifetime, ...]:
    """List the life of every bond seen.

    Parameters
    ----------
    transitions : Transitions
        What happened.
    pairs : ndarray of int, shape (n_pairs, 2)
        Atom indices.
    times_fs : ndarray, shape (n_frames,)
        [fs]

    Returns
    -------
    tuple of BondLifetime
        In order of start, then of atoms.
    """
    lives: list[BondLifetime] = []
    for row, (first, second) in enumerate(pairs):
        mine = slice(*np.searchsorted(transitions.pair, [row, row + 1]))
        frames = transitions.frame[mine].tolist()
        starts_bonded = bool(transitions.initial[row])
        borders = ([0] if starts_bonded else []) + frames
        for k in range(0, len(borders), 2):
            alive = k + 1 == len(borders)
            end = len(times_fs) - 1 if alive else borders[k + 1]
            start_fs = float(times_fs[borders[k]])
            lives.append(
                BondLifetime(
                    atoms=(int(first), int(second)),
                    start_fs=start_fs,
                    duration_fs=float(times_fs[end]) - start_fs,
                    left_censored=k == 0 and starts_bonded,
                    right_censored=alive,
                )
            )
    return tuple(sorted(lives, key=lambda life: (life.start_fs, life.atoms)))


def median_lifetime(lifetimes: Sequence[BondLifetime]) -> float | None:
    """Estimate the median lifetime by Kaplan and Meier (doi 10.1080/01621459.1958.10501452).

    Bonds alive at the end are right-censored. Bonds of the first frame are left out:
    their age is not known.

    Parameters
    ----------
    lifetimes : sequence of BondLifetime
        From :func:`bond_lifetimes`.

    Returns
    -------
    float or None
        First time at which the survival is one half or less [fs]; None if it never is.
    """
    seen = [life for life in lifetimes if not life.left_censored]
    durations = np.array([life.duration_fs for life in seen])
    died = durations[[not life.right_censored for life in seen]] if seen else durations
    times, deaths = np.unique(died, return_counts=True)
    at_risk = (durations[:, None] >= times).sum(axis=0)
    survival = np.cumprod(1 - deaths / at_risk)
    half = np.flatnonzero(survival <= 0.5 + 1e-12)
    return float(times[half[0]]) if half.size else None


def poisson_interval(n_events: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of a Poisson mean (Garwood, doi 10.1093/biomet/28.3-4.437).

    The usual chi-square quantiles, ``chi2.ppf(q, 2 n) / 2``, written as the inverse of the
    incomplete gamma function.

    Parameters
    ----------
    n_events : int
        Events counted.
    confidence : float
        Two-sided.

    Returns
    -------
    low, high : float
        Bounds of the expected number of events.
    """
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    low = float(gammaincinv(n_events, tail)) if n_events else 0.0
    return low, float(gammaincinv(n_events + 1, 1 - tail))

"""Lifetimes with censoring and counting statistics against scipy."""

from __future__ import annotations

import numpy as np
import pytest

from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.analysis.bonds.bond_events import find_transitions
from sulfox.analysis.bonds.bond_lifetimes import bond_lifetimes, median_lifetime, poisson_interval
from sulfox.documents.sulfur_bonds import BondLifetime


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_poisson_interval_is_the_chi_square_one(n):
    from scipy.stats import chi2, poisson

    low, high = poisson_interval(n)
    assert low == pytest.approx(chi2.ppf(0.025, 2 * n) / 2 if n else 0.0)
    assert high == pytest.approx(chi2.ppf(0.975, 2 * n + 2) / 2)
    # exact coverage: the tails hold 2.5 % each
    assert poisson.cdf(n, high) == pytest.approx(0.025)
    if n:
        assert poisson.sf(n - 1, low) == pytest.approx(0.025)


def test_every_life_is_listed_with_its_censoring():
    times = np.arange(12) * 50.0
    near, far = 2.0, 3.0
    distances = np.array(
        [
            [near] * 3 + [far] * 4 + [near] * 5,
            [far] * 2 + [near] * 4 + [far] * 6,
            [far] * 12,
            [near] * 12,
        ]
    )
    pairs = np.array([[0, 1], [0, 2], [1, 3], [2, 3]])
    lives = bond_lifetimes(find_transitions(distances, times, choose_criteria()), pairs, times)
    found = [
        (life.atoms, life.start_fs, life.duration_fs, life.left_censored, life.right_censored)
        for life in lives
    ]
    assert found == [
        ((0, 1), 0.0, 150.0, True, False),
        ((2, 3), 0.0, 550.0, True, True),
        ((0, 2), 100.0, 200.0, False, False),
        ((0, 1), 350.0, 200.0, False, True),
    ]


def lives(*durations):
    return [
        BondLifetime(
            atoms=(0, 1),
            start_fs=1.0,
            duration_fs=abs(duration),
            left_censored=False,
            right_censored=duration < 0,
        )
        for duration in durations
    ]


def test_median_by_kaplan_and_meier_by_hand():
    """Deaths at 10 and 30, one lost at 20: survival 3/4, then 3/4 * (1 - 1/2) = 3/8."""
    assert median_lifetime(lives(10, -20, 30, -40)) == 30
    assert median_lifetime(lives(10, 20, 30)) == 20
    assert median_lifetime(lives(10, -20, -30)) is None
    assert median_lifetime(lives(-20)) is None
    assert median_lifetime([]) is None


def test_median_is_that_of_scipy():
    """scipy.stats.ecdf is not used by the code itself: it takes seconds to import."""
    from scipy.stats import CensoredData, ecdf

    rng = np.random.default_rng(0)
    for _ in range(50):
        durations = rng.integers(1, 12, size=rng.integers(1, 20)) * 10.0
        signs = rng.choice([-1, 1], durations.size)
        mine = median_lifetime(lives(*(durations * signs)))
        survival = ecdf(CensoredData(durations[signs > 0], right=durations[signs < 0])).sf
        half = survival.quantiles[survival.probabilities <= 0.5 + 1e-12]
        assert mine == (half[0] if half.size and (signs > 0).any() else None)


def test_bonds_of_unknown_age_say_nothing_about_the_median():
    old = [life.model_copy(update={"left_censored": True}) for life in lives(1, 1, 1)]
    assert median_lifetime([*old, *lives(10, 20, 30)]) == 20
    assert median_lifetime(old) is None

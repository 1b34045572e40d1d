"""Confidence intervals: how often they hold the true value, and what counts as one observation."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from tripletmine.models.metrics.intervals import interval, interval_of_pairs


@pytest.mark.parametrize(("classes", "spread"), [(10, 0.2), (40, 0.3), (200, 0.05)])
def test_they_hold_the_true_mean_about_as_often_as_they_say(classes, spread):
    """Classes of unequal size and unequal difficulty; nominal 95 %."""
    generator = np.random.default_rng(7)
    held, tries = 0, 400
    for trial in range(tries):
        sizes = generator.integers(2, 12, classes)
        ease = np.clip(generator.normal(0.6, spread, classes), 0, 1)
        values = generator.random(sizes.sum()) < np.repeat(ease, sizes)
        found = interval(values, np.repeat(np.arange(classes), sizes), seed=trial, draws=400)
        assert found is not None
        held += found[0] <= np.clip(0.6 + spread * Z, 0, 1).mean() <= found[1]
    assert 0.90 <= held / tries <= 0.98


Z = np.random.default_rng(0).normal(size=200_000)
"""For the mean of clipped normal values."""


def test_queries_of_one_class_count_as_one():
    values = np.repeat([0.0, 1.0, 0.0, 1.0], 100)
    together = interval(values, np.repeat(np.arange(4), 100), seed=0)
    apart = interval(values, np.arange(400), seed=0)
    assert together is not None
    assert apart is not None
    assert together[1] - together[0] > 5 * (apart[1] - apart[0])


def test_one_seed_one_interval_and_none_of_one_class():
    values, clusters = np.arange(50.0), np.arange(50) // 5
    assert interval(values, clusters, seed=3) == interval(values, clusters, seed=3)
    assert interval(values, clusters, seed=3) != interval(values, clusters, seed=4)
    assert interval(values, np.zeros(50, np.int64), seed=3) is None


def judged(generator, items, share, noise, families=0):
    """Draw pairs of items: whether scores, which are skill and noise, order each pair rightly, and its two units.

    The units are the items, or families, each of which has a level of noise of its own.
    """
    family = np.arange(items) % families if families else np.arange(items)
    skill = generator.random(items)
    spread = noise * np.exp(generator.normal(0, 0.7, families)) if families else np.full(items, noise)
    scores = skill + generator.normal(0, spread[family])
    first, second = np.triu_indices(items, 1)
    asked = generator.random(len(first)) < share
    if families:
        asked |= family[first] == family[second]
    first, second = first[asked], second[asked]
    right = (scores[first] - scores[second]) * (skill[first] - skill[second]) > 0
    return right, family[first], family[second]


@pytest.mark.parametrize(
    "drawn",
    [(16, 1.0, 0.2), (100, 0.02, 0.3), (60, 0.3, 0.05), (54, 0.0, 0.2, 9), (120, 0.05, 0.2, 30)],
    ids=["few items", "few pairs", "many pairs", "in few families", "across families"],
)
def test_those_of_pairs_hold_about_as_often_as_they_say(drawn):
    generator = np.random.default_rng(1)
    true = np.mean([judged(generator, *drawn)[0].mean() for _ in range(2000)])
    held, tries = 0, 400
    for _ in range(tries):
        found = interval_of_pairs(*judged(generator, *drawn))
        assert found is not None
        held += found[0] <= true <= found[1]
    assert 0.90 <= held / tries <= 0.98


@pytest.mark.parametrize("drawn", [(8, 0.6, 0.3), (12, 0.3, 0.3, 4)])
def test_those_of_pairs_against_all_pairs_of_pairs(drawn):
    """The variance sums products of residuals over all two pairs that share a unit, larger for units in many pairs."""
    right, first, second = judged(np.random.default_rng(3), *drawn)
    units = [{one, other} for one, other in zip(first.tolist(), second.tolist(), strict=True)]
    rest = right - right.mean()
    larger = {unit: 1 / (1 - np.mean([unit in both for both in units])) for unit in set().union(*units)}
    variance = 0.0
    for (one, own), (other, theirs) in product(enumerate(units), repeat=2):
        shared = own & theirs
        counted = sum(larger[unit] ** 2 for unit in shared) - (len(shared) > 1)
        variance += rest[one] * rest[other] * counted
    share = right.mean()
    reach = stats.t.ppf(0.975, len(larger) - 1) * np.sqrt(variance) / len(right) / (share * (1 - share))
    odds = share / (1 - share) * np.exp([-reach, reach])
    assert variance > 0
    assert interval_of_pairs(right, first, second) == pytest.approx(tuple(odds / (1 + odds)))


def test_pairs_of_one_unit_count_as_one():
    right, first, second = judged(np.random.default_rng(0), 40, 0.2, 0.2)
    apart = interval_of_pairs(right, first, second)
    again = interval_of_pairs(*(np.tile(each, 9) for each in (right, first, second)))
    assert apart == pytest.approx(again, abs=0.01)


@pytest.mark.parametrize(
    "pairs",
    [[], [(0, 1), (1, 0), (0, 1)], [(0, 1), (0, 2), (0, 3)], [(0, 0), (0, 0), (0, 0)]],
    ids=["no pairs", "two units", "one in all", "one unit"],
)
def test_pairs_that_have_no_interval(pairs):
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    assert interval_of_pairs(np.arange(len(first)) > 0, first, second) is None

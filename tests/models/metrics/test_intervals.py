"""Bootstrap intervals: how often they hold, and what they are of."""

import numpy as np
import pytest
from tripletmine.models.metrics.intervals import interval


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

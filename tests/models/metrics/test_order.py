"""How well scores order items, against loops."""

from itertools import combinations

import numpy as np
import pytest
from tripletmine.models.metrics.intervals import interval_of_pairs
from tripletmine.models.metrics.order import kendall, kendall_metrics, order_metrics


def slow_kendall(scores, values):
    """τ-b by its definition: concordant less discordant pairs, over √(pairs without equal scores × values)."""
    concordant = discordant = ordered_scores = ordered_values = 0
    for i, j in combinations(range(len(scores)), 2):
        by_score, by_value = np.sign(scores[i] - scores[j]), np.sign(values[i] - values[j])
        concordant += by_score * by_value > 0
        discordant += by_score * by_value < 0
        ordered_scores += by_score != 0
        ordered_values += by_value != 0
    return (concordant - discordant) / np.sqrt(ordered_scores * ordered_values)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_kendall_against_its_definition(seed, ties):
    generator = np.random.default_rng(seed)
    draw = (lambda: generator.integers(0, 4, 25).astype(float)) if ties else (lambda: generator.random(25))
    scores, values = draw(), draw()
    assert kendall(scores, values) == pytest.approx(slow_kendall(scores, values))
    assert kendall(values, values) == pytest.approx(1.0)
    assert kendall(-values, values) == pytest.approx(-1.0)


def test_nothing_to_order_has_no_tau():
    assert kendall(np.array([1.0, 2.0]), np.array([3.0, 3.0])) is None
    assert kendall(np.array([]), np.array([])) is None
    assert kendall_metrics(np.array([1.0, 2.0]), np.full(2, np.nan), np.zeros(2, np.int64)) == {}


def test_groups_are_averaged_and_items_without_value_or_group_left_out():
    scores = np.array([1.0, 2.0, 5.0, 4.0, 3.0, 9.0, 7.0])
    values = np.array([1.0, 2.0, 1.0, 2.0, np.nan, 0.0, 3.0])
    groups = np.array([0, 0, 1, 1, 1, 2, -1])
    found = kendall_metrics(scores, values, groups)
    known = ~np.isnan(values)
    assert found["kendall_tau"] == pytest.approx(slow_kendall(scores[known], values[known]))
    assert found["kendall_tau_in_groups"] == pytest.approx(
        (1.0 - 1.0) / 2
    )  # the group of one item has no order
    assert found["items_with_value"] == 6
    assert "kendall_tau_in_groups" not in kendall_metrics(scores, values, np.full(7, -1))


def test_pairs_against_a_loop_with_equal_scores():
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 5, 20).astype(float)
    pairs = np.array([pair for pair in combinations(range(20), 2) if generator.random() < 0.5])
    better, alike = pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]
    groups = np.repeat([0, 1, 2, -1], 5)
    found = order_metrics(scores, better, alike, margin=2.0, groups=groups)
    gaps = [scores[i] - scores[j] for i, j in better.tolist()]
    units = np.array([0] * 5 + [1] * 5 + [2] * 5 + [3, 4, 5, 6, 7])  # items without a group stand alone
    assert found == {
        "pairs": len(better),
        "pair_accuracy": pytest.approx(sum(gap > 0 for gap in gaps) / len(gaps)),
        "pair_accuracy_interval": list(interval_of_pairs(np.array(gaps) > 0, *units[better].T) or ()),
        "violation_share": pytest.approx(sum(gap < 2 for gap in gaps) / len(gaps)),
        "alike_pairs": len(alike),
        "alike_share": pytest.approx(
            sum(abs(scores[i] - scores[j]) <= 2 for i, j in alike.tolist()) / len(alike)
        ),
    }
    assert 0 in gaps
    assert order_metrics(scores, better[:0], alike[:0], margin=1.0, groups=groups) == {"pairs": 0}


def test_where_all_pairs_are_right_there_is_no_interval():
    found = order_metrics(
        np.arange(4.0),
        np.array([[3, 0], [2, 1], [1, 0]]),
        np.zeros((0, 2), np.int64),
        margin=0.5,
        groups=np.full(4, -1),
    )
    assert found["pair_accuracy"] == 1.0
    assert found["pair_accuracy_interval"] is None

"""Which ranked pairs are mined, compared with a loop over all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.pairs.ranked import RankedCounts, RankedRule, mine_ranked


def slow(pairs, alike, scores, rule):
    """Indices of the pairs taken, by row, those with the nearest scores first."""
    admissible: dict[int, list[tuple[float, int, int]]] = {}
    for place, ((first, second), same) in enumerate(zip(pairs.tolist(), alike.tolist(), strict=True)):
        gap = float(np.float32(scores[first] - scores[second]))
        cost = abs(gap) - rule.margin if same else rule.margin - gap
        if cost > 0 and rule.k_hardness**2 * cost < 2 * rule.margin:
            admissible.setdefault(first, []).append((abs(gap), second, place))
    return [
        place for first in sorted(admissible) for *_, place in sorted(admissible[first])[: rule.pairs_per_row]
    ]


def some(seed, rows=12, count=40, ties=False):
    generator = np.random.default_rng(seed)
    pairs = np.unique(generator.integers(0, rows, (count, 2)), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    scores = generator.integers(-2, 3, rows) if ties else generator.normal(0, 1.5, rows)
    return pairs, generator.random(len(pairs)) < 0.3, scores.astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    ties=st.booleans(),
    k=st.sampled_from([0.0, 0.7, 1.0, 1.2]),
    limit=st.sampled_from([1, 2, 8]),
)
def test_pairs_are_those_of_a_loop(seed, ties, k, limit):
    pairs, alike, scores = some(seed, ties=ties)
    rule = RankedRule(k_hardness=k, margin=1.0, pairs_per_row=limit)
    found = mine_ranked(pairs, alike, scores, rule)
    assert found.taken.tolist() == slow(pairs, alike, scores, rule)
    gaps = scores[pairs[found.taken, 0]] - scores[pairs[found.taken, 1]]
    assert found.gaps.tolist() == gaps.tolist()
    costs = np.where(alike[found.taken], np.abs(gaps) - 1, 1 - gaps)
    assert found.hinges.tolist() == pytest.approx(costs.tolist())
    counts = found.counts
    everything = mine_ranked(pairs, alike, scores, RankedRule(k_hardness=0.0, pairs_per_row=100)).counts
    assert counts.violating == everything.pairs
    assert counts.known == len(pairs)
    assert counts.rows_with_pair == len({first for first, _ in pairs[found.taken].tolist()})
    assert counts.rows == everything.rows_with_pair
    assert counts.hinge_sum == pytest.approx(costs.sum(), abs=1e-5)


def test_a_smaller_k_lets_harder_pairs_in():
    pairs, alike, scores = some(3, rows=40, count=400)
    found = [mine_ranked(pairs, alike, scores, RankedRule(k_hardness=k)).counts for k in (1.2, 1.0, 0.7)]
    excluded = [each.too_hard for each in found]
    assert excluded == sorted(excluded, reverse=True)
    assert len(set(excluded)) == 3
    assert [each.coverage for each in found] == sorted(each.coverage for each in found)


def test_ranges_of_rows_add_up_to_the_whole():
    pairs, alike, scores = some(5, rows=40, count=400)
    whole = mine_ranked(pairs, alike, scores, RankedRule())
    parts = [
        mine_ranked(pairs[inside], alike[inside], scores, RankedRule())
        for inside in (pairs[:, 0] < 15, pairs[:, 0] >= 15)
    ]
    total = RankedCounts.total([part.counts for part in parts])
    assert total.pairs == whole.counts.pairs
    assert total.mean_hinge == pytest.approx(whole.counts.mean_hinge)
    assert total.coverage == whole.counts.coverage


def test_no_pairs_and_scores_that_are_no_numbers():
    nothing = np.empty((0, 2), np.int64), np.empty(0, np.bool_)
    counts = mine_ranked(*nothing, np.zeros(3, np.float32), RankedRule()).counts
    assert (counts.pairs, counts.coverage, counts.mean_hinge) == (0, 1.0, 0.0)
    scores = np.array([0.0, np.nan], np.float32)
    with pytest.raises(InputError, match="scores of row 0 or its partner are not finite"):
        mine_ranked(np.array([[0, 1]]), np.array([False]), scores, RankedRule())

"""Verification against written-out oracles and scikit-learn, and the pairs that are drawn for it."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present
from sklearn.metrics import roc_auc_score, roc_curve
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics import verification
from tripletmine.models.metrics.verification import (
    FOLDS,
    Pairs,
    best_threshold,
    dealt_folds,
    pair_distances,
    sampled_pairs,
    verification_metrics,
)
from tripletmine.models.row_classes import RowClasses


def pairs_of(same: np.ndarray, fold: np.ndarray | None = None) -> Pairs:
    nothing = np.zeros(len(same), np.int64)
    return Pairs(nothing, nothing, same, dealt_folds(same, 0) if fold is None else fold)


def slow_threshold(distances, same):
    """Try every threshold that judges differently from the one below it."""
    values = sorted(set(distances.tolist()))
    tried = [-1.0, *((low + high) / 2 for low, high in pairwise(values)), values[-1]]
    judged = [sum((d <= threshold) == s for d, s in zip(distances, same, strict=True)) for threshold in tried]
    return tried[judged.index(max(judged))]


def overlapping(pairs: int, seed: int, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Distances of same and different pairs; with `steps` many of them are equal."""
    random = np.random.default_rng(seed)
    same = random.random(pairs) < 0.5
    distances = random.normal(np.where(same, 1.0, 1.6), 0.4).clip(0)
    return (distances if steps is None else np.round(distances * steps) / steps), same


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=24))
def test_the_threshold_is_the_lowest_of_the_best(drawn):
    distances, same = np.array([d for d, _ in drawn], float) / 3, np.array([s for _, s in drawn])
    assert best_threshold(distances, same) == pytest.approx(slow_threshold(distances, same))


@pytest.mark.parametrize("steps", [None, 4])
def test_accuracy_is_that_of_ten_folds_each_judged_by_the_others(steps):
    distances, same = overlapping(230, 1, steps)
    pairs = pairs_of(same)
    accuracies = []
    for fold in range(10):
        held = pairs.fold == fold
        threshold = slow_threshold(distances[~held], same[~held])
        accuracies.append(
            np.mean([(d <= threshold) == s for d, s in zip(distances[held], same[held], strict=True)])
        )
    found = verification_metrics(distances, pairs)
    assert found["verification_accuracy"] == pytest.approx(np.mean(accuracies))
    mean = sum(accuracies) / 10
    deviation = (sum((each - mean) ** 2 for each in accuracies) / 9) ** 0.5
    assert found["verification_error"] == pytest.approx(deviation / 10**0.5)
    assert (found["verification_same"], found["verification_different"]) == (same.sum(), (~same).sum())


@pytest.mark.parametrize("steps", [None, 4, 1])
def test_true_accepts_and_the_curve_are_scikit_learns(steps):
    distances, same = overlapping(1200, 2, steps)
    found = verification_metrics(distances, pairs_of(same), fars=(0.01, 0.05, 0.3, 0.9))
    fpr, tpr, _ = roc_curve(same, -distances, drop_intermediate=False)
    for far in (0.01, 0.05, 0.3, 0.9):
        assert found[f"tar@{far:g}"] == pytest.approx(tpr[fpr <= far + 1e-12].max()), far
    assert found["verification_auc"] == pytest.approx(roc_auc_score(same, -distances))
    points = np.array(found["verification_roc"])
    assert points[0, 0] == 0
    assert points[-1].tolist() == [1, 1]
    assert len(points) > 30
    assert [tpr[fpr <= far + 1e-12].max() for far in points[:, 0]] == pytest.approx(points[:, 1].tolist())


def test_a_share_of_less_than_one_different_pair_is_not_reported():
    distances, same = overlapping(400, 3)
    different = int((~same).sum())
    found = verification_metrics(distances, pairs_of(same), fars=(0.5 / different, 1 / different))
    assert found[f"tar@{0.5 / different:g}"] is None
    assert found[f"tar@{1 / different:g}"] > 0


def test_equal_distances_show_nothing():
    same = np.arange(100) % 2 == 0
    found = verification_metrics(np.ones(100), pairs_of(same), fars=(0.1,))
    assert (found["verification_auc"], found["tar@0.1"], found["verification_accuracy"]) == (0.5, 0, 0.5)


def test_folds_have_as_many_of_each_kind():
    same = np.random.default_rng(0).random(537) < 0.3
    fold = dealt_folds(same, 5)
    for kind in (True, False):
        counts = np.bincount(fold[same == kind], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
    assert (fold == dealt_folds(same, 5)).all()
    assert (fold != dealt_folds(same, 6)).any()


def test_distances_are_those_of_the_rows():
    x = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    first, second = np.array([3, 0, 19]), np.array([4, 1, 2])
    pairs = Pairs(first, second, np.ones(3, bool), np.zeros(3, np.int64))
    expected = [((x[a].astype(float) - x[b]) ** 2).sum() for a, b in zip(first, second, strict=True)]
    assert pair_distances(x, pairs) == pytest.approx(expected)


def allowed(sets, groups):
    """All pairs of each kind that may be drawn."""
    same, different = set(), set()
    for a, b in combinations(range(len(sets)), 2):
        if not sets[a] & sets[b]:
            different.add((a, b))
        elif groups is None or groups[a] != groups[b] or groups[a] < 0:
            same.add((a, b))
    return same, different


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
def test_drawn_pairs_are_different_balanced_and_of_different_groups(several, grouped):
    random = np.random.default_rng(4)
    sets = [
        {int(code)} | ({9} if several and row % 7 == 0 else set())
        for row, code in enumerate(random.integers(0, 9, 90))
    ]
    groups = random.integers(-1, 3, 90).astype(np.int32) if grouped else None
    classes = RowClasses.of_sets([sorted(each) for each in sets])
    same, different = allowed(sets, groups)
    for count in (60, 10_000):
        drawn = present(sampled_pairs(classes, count, seed=1, groups=groups))
        keys = list(zip(drawn.first.tolist(), drawn.second.tolist(), strict=True))
        assert len(set(keys)) == len(keys)
        half = min(count // 2, len(same), len(different))
        assert drawn.same.sum() == (~drawn.same).sum() == half
        assert {key for key, kind in zip(keys, drawn.same, strict=True) if kind} <= same
        assert {key for key, kind in zip(keys, drawn.same, strict=True) if not kind} <= different


def test_every_pair_is_drawn_equally_often_and_the_seed_decides():
    classes = np.array([0] * 6 + [1] * 3 + [2], np.int32)
    # 15 + 3 same pairs, of which 10 are taken.
    counts = {}
    for seed in range(900):
        drawn = present(sampled_pairs(classes, 20, seed=seed))
        for a, b, kind in zip(drawn.first.tolist(), drawn.second.tolist(), drawn.same, strict=True):
            if kind:
                counts[a, b] = counts.get((a, b), 0) + 1
    assert len(counts) == 18
    # Binomial with 900 × 10 / 18 = 500 and a deviation of 15.
    assert all(440 < count < 560 for count in counts.values()), counts
    again = present(sampled_pairs(classes, 20, seed=3))
    assert (again.first == present(sampled_pairs(classes, 20, seed=3)).first).all()


def test_too_few_pairs_of_a_kind_are_none():
    assert sampled_pairs(np.arange(40, dtype=np.int32), 100, seed=0) is None
    assert sampled_pairs(np.zeros(40, np.int32), 100, seed=0) is None
    one_camera = np.repeat(np.arange(4), 10).astype(np.int32)
    assert sampled_pairs(one_camera, 100, seed=0, groups=np.zeros(40, np.int32)) is None


def test_numbers_of_pairs_are_exact_where_roots_round():
    for j in (2, 3, 1000, 94_906_267, 2**31):
        numbers = np.array([j * (j - 1) // 2 - 1, j * (j - 1) // 2, j * (j + 1) // 2 - 1])
        assert verification._of_number(numbers).tolist() == [[j - 2, j - 1], [0, j], [j - 1, j]]


def test_bad_folds_say_what_to_do():
    distances, same = overlapping(40, 0)
    with pytest.raises(ModelError, match="give 2 or more"):
        verification_metrics(distances, pairs_of(same, np.zeros(40, np.int64)))
    with pytest.raises(ModelError, match="give every fold same and different pairs"):
        verification_metrics(distances, pairs_of(same, same.astype(np.int64)))
    verification_metrics(distances, pairs_of(same, np.arange(40) % 2))

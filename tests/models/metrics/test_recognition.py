"""Recognition by a vote of neighbours against a slow oracle and scikit-learn."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from tripletmine.models.metrics.recognition import recognition
from tripletmine.models.row_classes import RowClasses


def slow(queries, sets, gallery, gallery_sets, k, groups=None, gallery_groups=None, *, alone=False):
    """(share of queries named rightly, queries left out), one query at a time."""
    right = asked = 0
    for q, own in enumerate(sets):
        there = [
            g
            for g, other in enumerate(gallery_sets)
            if not (alone and g == q)
            and not (
                groups is not None
                and gallery_groups is not None
                and own & other
                and groups[q] == gallery_groups[g] >= 0
            )
        ]
        if not any(own & gallery_sets[g] for g in there):
            continue
        asked += 1
        order = sorted(there, key=lambda g: (np.float32(((queries[q] - gallery[g]) ** 2).sum()), g))[:k]
        ballots = [code for g in order for code in sorted(gallery_sets[g])]
        votes = Counter(ballots)
        most = max(votes.values())
        right += next(code for code in ballots if votes[code] == most) in own
    return (right / asked if asked else 0.0), len(sets) - asked


def coded(sets):
    return RowClasses.of_sets([sorted(each) for each in sets])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_accuracy_is_that_of_the_slow_oracle(data):
    rows = data.draw(st.integers(2, 14))
    several, grouped, alone = (data.draw(st.booleans()) for _ in range(3))
    codes = st.sets(st.integers(0, 3), min_size=1, max_size=2 if several else 1)

    def side(count):
        # Whole numbers, so that many distances are equal.
        x = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)), np.float32)[
            :, None
        ]
        sets = data.draw(st.lists(codes, min_size=count, max_size=count))
        groups = np.array(data.draw(st.lists(st.integers(-1, 1), min_size=count, max_size=count)), np.int32)
        return x, sets, groups if grouped else None

    x, sets, groups = side(rows)
    y, gallery_sets, gallery_groups = (x, sets, groups) if alone else side(data.draw(st.integers(1, 9)))
    k = data.draw(st.integers(1, 6))
    found = recognition(
        x,
        coded(sets),
        None if alone else y,
        None if alone else coded(gallery_sets),
        neighbours=k,
        query_groups=groups,
        gallery_groups=None if alone else gallery_groups,
        block_mib=1,
    )
    accuracy, left_out = slow(x, sets, y, gallery_sets, k, groups, gallery_groups, alone=alone)
    assert (found.accuracy, found.left_out) == (
        pytest.approx(accuracy) if len(found.query) else None,
        left_out,
    )


@pytest.mark.parametrize("k", [1, 3])
def test_without_ties_it_is_scikit_learns(k):
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(2), 60).astype(np.int32)
    x = (random.normal(size=(120, 3)) + y[:, None]).astype(np.float32)
    # Two classes and odd k: no votes are equal.
    expected = cross_val_score(KNeighborsClassifier(k), x, y, cv=LeaveOneOut()).mean()
    assert 0.5 < expected < 1
    assert recognition(x, y, neighbours=k).accuracy == pytest.approx(expected)


def test_of_equal_votes_the_nearest_wins_and_more_neighbours_than_rows_are_all():
    gallery = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
    codes = np.array([1, 0, 0, 1], np.int32)
    asked = np.zeros((1, 1), np.float32)
    for k, named in ((2, 1), (3, 0), (4, 1), (99, 1)):
        found = recognition(asked, np.array([named], np.int32), gallery, codes, neighbours=k)
        assert found.accuracy == 1, k


def test_singletons_are_left_out():
    found = recognition(np.eye(3, dtype=np.float32), np.arange(3, dtype=np.int32), neighbours=1)
    assert (found.accuracy, found.left_out) == (None, 3)

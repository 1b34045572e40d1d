from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.report import search
from tripletmine.models.metrics.retrieval import average_precisions


def slow(queries, query_classes, gallery, gallery_classes, query_groups, gallery_groups):
    """Average precision and rank of the first answer of each query that has one."""
    found = []
    for q in range(len(queries)):
        distance = ((queries[q].astype(float) - gallery) ** 2).sum(axis=1)
        ranking = []
        for g in sorted(range(len(gallery)), key=lambda g: (distance[g], g)):
            same = gallery_classes[g] == query_classes[q]
            if same and query_groups[q] >= 0 and query_groups[q] == gallery_groups[g]:
                continue
            ranking.append(same)
        if any(ranking):
            hits = [i for i, right in enumerate(ranking) if right]
            found.append((np.mean([(n + 1) / (i + 1) for n, i in enumerate(hits)]), hits[0] + 1))
    return found


def ints(count, low, high):
    return st.lists(st.integers(low, high), min_size=count, max_size=count).map(
        lambda c: np.array(c, np.int32)
    )


def side(count):
    grid = st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=count, max_size=count)
    return st.tuples(grid.map(lambda r: np.array(r, np.float32)), ints(count, 0, 3), ints(count, -1, 2))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 6).flatmap(side), st.integers(1, 15).flatmap(side))
def test_map_and_cmc_with_cameras(query, gallery):
    found = search(
        *query[:2],
        gallery=gallery[0],
        gallery_classes=gallery[1],
        groups=query[2],
        gallery_groups=gallery[2],
        whole_ranking=True,
    )
    expected = slow(query[0], query[1], gallery[0], gallery[1], query[2], gallery[2])
    assert found.left_out == len(query[0]) - len(expected)
    assert found.average_precision is not None
    assert found.average_precision.tolist() == pytest.approx([ap for ap, _ in expected])
    assert found.first.tolist() == [first for _, first in expected]


def test_the_same_camera_is_taken_out_of_the_ranking_and_not_counted_as_an_error():
    gallery = np.array([[0], [1], [2]], np.float32)
    arguments = (
        np.zeros((1, 1), np.float32),
        np.array([5], np.int32),
        gallery,
        np.array([5, 5, 7], np.int32),
    )
    assert average_precisions(*arguments) == [1]
    own: dict[str, Any] = {
        "query_groups": np.array([0], np.int32),
        "gallery_groups": np.array([0, 1, 1], np.int32),
    }
    assert average_precisions(*arguments, **own) == [1]
    wrong_first = (*arguments[:2], gallery, np.array([5, 7, 5], np.int32))
    assert average_precisions(*wrong_first, **own) == [0.5]


def test_groups_of_one_side_only_are_refused():
    x, y = np.zeros((2, 1), np.float32), np.zeros(2, np.int32)
    with pytest.raises(ModelError, match="groups are given for only one of query and gallery"):
        average_precisions(x, y, x, y, query_groups=y)

"""Recall, and the effort that reaches it."""

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs import hnsw
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.methods import with_effort
from tripletmine.mining.graphs.parameters import HnswParameters
from tripletmine.mining.graphs.recall import calibrate, draw_sample, measure, recall_at_k
from tripletmine.mining.neighbours import NeighbourTable

INF = np.inf


def table(ids: list, sq_distances: list) -> NeighbourTable:
    return NeighbourTable(np.array(ids, np.int64), np.array(sq_distances, np.float32))


@pytest.mark.parametrize(
    ("found", "recall"),
    [
        (([[1, 2, 3], [0, 4, 5]], [[1, 2, 3], [1, 2, 2]]), 1.0),
        (([[1, 2, 8], [0, 4, 5]], [[1, 2, 4], [1, 2, 2]]), 5 / 6),
        (([[1, 2, 3], [0, 4, 6]], [[1, 2, 3], [1, 2, 2]]), 1.0),  # 6 is as far as 5: a tie
        (([[1, 2, -1], [0, -1, -1]], [[1, 2, INF], [1, INF, INF]]), 3 / 6),
        (([[2, 3, 9], [4, 5, 9]], [[2, 3, 9], [2, 2, 9]]), 4 / 6),
    ],
)
def test_recall_counts_the_true_ones_and_tolerates_ties(found: tuple, recall: float) -> None:
    truth = table([[1, 2, 3], [0, 4, 5]], [[1, 2, 3], [1, 2, 2]])
    assert recall_at_k(table(*found), truth) == pytest.approx(recall)


def test_pads_ask_for_nothing() -> None:
    truth = table([[1, -1], [-1, -1]], [[1, INF], [INF, INF]])
    assert recall_at_k(truth, truth) == 1.0
    assert recall_at_k(table([[-1, -1]] * 2, [[INF, INF]] * 2), truth) == 0.0
    empty = table([[-1, -1]], [[INF, INF]])
    assert recall_at_k(empty, empty) == 1.0


def test_tables_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 2\) and \(1, 1\) cannot be compared"):
        recall_at_k(table([[1, 2]], [[1, 2]]), table([[1]], [[1]]))


def test_a_sample_holds_the_truth_and_repeats(clustered, clustered_exact) -> None:
    sample = draw_sample(clustered, 20, sample_rows=200, seed=5, first_id=70)
    assert len(np.unique(sample.rows)) == 200
    np.testing.assert_array_equal(sample.queries, clustered[sample.rows - 70])
    assert (sample.truth.ids == clustered_exact.ids[sample.rows - 70] + 70).mean() > 0.999
    np.testing.assert_array_equal(
        draw_sample(clustered, 2, sample_rows=200, seed=5, first_id=70).rows, sample.rows
    )
    assert len(draw_sample(clustered, 2, sample_rows=10**6).rows) == 3000


def test_exact_search_has_recall_1(clustered) -> None:
    sample = draw_sample(clustered, 20, sample_rows=100)
    assert measure(exact.build(clustered), sample) == 1.0


def test_the_effort_is_raised_until_the_target_holds_and_no_further(clustered) -> None:
    sample = draw_sample(clustered, 20, sample_rows=300)
    index = hnsw.build(clustered, parameters=HnswParameters(m=5, ef_construction=20))
    result = calibrate(index, with_effort, sample, recall_target=0.99)
    efforts, recalls = zip(*result.tried, strict=True)
    assert result.reached
    assert len(efforts) > 2, "the first tries were not enough, or the test shows nothing"
    assert list(efforts) == sorted(set(efforts))
    assert all(recall < 0.99 for recall in recalls[:-1])
    assert result.recall == recalls[-1] == measure(result.index, sample) >= 0.99
    assert result.index.parameters == HnswParameters(m=5, ef_construction=20, ef=efforts[-1])


def test_a_target_out_of_reach_is_said(clustered) -> None:
    sample = draw_sample(clustered, 5, sample_rows=100)
    index = hnsw.build(clustered, parameters=HnswParameters(m=2, ef_construction=4))
    result = calibrate(index, with_effort, sample, recall_target=1.0)
    assert not result.reached
    assert result.recall == result.tried[-1][1] < 1.0


@pytest.mark.parametrize("target", [0.0, 1.01, -1.0])
def test_a_target_that_is_no_share_is_refused(clustered, target: float) -> None:
    sample = draw_sample(clustered[:50], 5)
    with pytest.raises(InputError, match="recall_target is"):
        calibrate(exact.build(clustered[:50]), with_effort, sample, recall_target=target)

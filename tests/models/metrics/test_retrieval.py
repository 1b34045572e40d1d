"""Retrieval metrics against plain Python that ranks every query by (distance, row)."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.blocks import SqDistances
from tripletmine.models.metrics.report import nmi_metrics, retrieval_metrics
from tripletmine.models.metrics.retrieval import retrieval


def slow_retrieval(queries, query_classes, gallery=None, gallery_classes=None):
    """For each query that has an answer: (row, rank of the first answer, R-precision, AP at R, nDCG@10)."""
    alone = gallery is None
    if gallery is None or gallery_classes is None:
        gallery, gallery_classes = queries, query_classes
    found = []
    for q in range(len(queries)):
        others = [g for g in range(len(gallery)) if not (alone and g == q)]
        distance = {g: float(((queries[q].astype(float) - gallery[g]) ** 2).sum()) for g in others}
        order = sorted(others, key=lambda g: (distance[g], g))
        right = [gallery_classes[g] == query_classes[q] for g in order]
        answers = sum(right)
        if not answers:
            continue
        average = sum(sum(right[: i + 1]) / (i + 1) for i in range(answers) if right[i]) / answers
        gained = sum(1 / math.log2(i + 2) for i in range(min(10, len(right))) if right[i])
        ideal = sum(1 / math.log2(i + 2) for i in range(min(10, answers)))
        found.append((q, right.index(True) + 1, sum(right[:answers]) / answers, average, gained / ideal))
    return found


def check(found, expected, count):
    assert found.left_out == count - len(expected)
    rows, first, precision, average, ndcg = zip(*expected, strict=True) if expected else ([],) * 5
    assert found.query.tolist() == list(rows)
    assert found.first.tolist() == list(first)
    np.testing.assert_allclose(found.r_precision, precision, atol=1e-12)
    np.testing.assert_allclose(found.average_at_r, average, atol=1e-12)
    np.testing.assert_allclose(found.ndcg, ndcg, atol=1e-12)


def points(count):
    """Points on a grid: distances are exact in float32, and many are equal."""
    return st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=count, max_size=count).map(
        lambda rows: np.array(rows, np.float32)
    )


def codes(count):
    return st.lists(st.integers(0, 4), min_size=count, max_size=count).map(lambda c: np.array(c, np.int32))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20).flatmap(lambda n: st.tuples(points(n), codes(n))))
def test_leave_one_out(case):
    x, y = case
    check(retrieval(x, y), slow_retrieval(x, y), len(x))


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.integers(1, 8), st.integers(1, 20)).flatmap(
        lambda n: st.tuples(points(n[0]), codes(n[0]), points(n[1]), codes(n[1]))
    )
)
def test_against_another_gallery_where_a_query_may_find_its_own_twin(case):
    check(retrieval(*case), slow_retrieval(*case), len(case[0]))


def clouds(rows=300, classes=12, seed=0):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, rows).astype(np.int32)
    x = generator.normal(0, 1, (classes, 8))[y] + generator.normal(0, 1.2, (rows, 8))
    return x.astype(np.float32), y


@pytest.mark.parametrize("columns", [7, 64, 1000])
def test_many_blocks_and_tiles_give_what_one_gives(columns, monkeypatch):
    x, y = clouds()
    whole = retrieval(x, y)
    tiles = []
    original = SqDistances.of

    def counted(self, queries, columns):
        tiles.append(len(queries))
        return original(self, queries, columns)

    monkeypatch.setattr(SqDistances, "of", counted)
    monkeypatch.setattr("tripletmine.models.metrics.tiles._COLUMNS", columns)
    monkeypatch.setattr("tripletmine.models.metrics.tiles.MIB", 2**14)
    monkeypatch.setattr("tripletmine.models.metrics.blocks._KEYS_MIB", 0)
    found = retrieval(x, y, block_mib=1)
    assert len(tiles) > 10
    assert found.first.tolist() == whole.first.tolist()
    check(found, slow_retrieval(x, y), 300)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20).flatmap(lambda n: st.tuples(points(n), codes(n))), st.integers(1, 9))
def test_ties_are_in_order_of_rows_across_tiles(case, columns):
    x, y = case
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tripletmine.models.metrics.tiles._COLUMNS", columns)
        check(retrieval(x, y), slow_retrieval(x, y), len(x))


def test_only_those_who_are_asked_are_queries():
    x, y = clouds()
    y = y.copy()
    y[3] = 50
    asked = np.array([0, 3, 250])
    found = retrieval(x, y, asked=asked)
    assert (found.query.tolist(), found.left_out) == ([0, 250], 1)
    whole = retrieval(x, y)
    there = np.isin(whole.query, asked)
    assert found.first.tolist() == whole.first[there].tolist()
    assert found.average_at_r.tolist() == whole.average_at_r[there].tolist()


def test_a_perfect_and_a_useless_embedding():
    y = np.repeat(np.arange(5), 4).astype(np.int32)
    perfect = retrieval(np.eye(5, dtype=np.float32)[y], y)
    for figures in (perfect.average_at_r, perfect.r_precision, perfect.recall(1), perfect.ndcg):
        assert (figures == 1).all()
    apart = retrieval(np.arange(6, dtype=np.float32)[:, None], np.array([0, 1, 2, 0, 1, 2], np.int32))
    assert not apart.recall(1).any()


def test_a_first_answer_beyond_the_sorted_ranks_is_counted():
    """Ten wrong rows are nearer than the only right one, and two share its distance, one before and one behind it."""
    gallery = np.array([*range(1, 11), 50, 50, 50], np.float32)[:, None]
    classes = np.array([1] * 11 + [0, 1], np.int32)
    found = retrieval(np.zeros((1, 1), np.float32), np.zeros(1, np.int32), gallery, classes)
    assert (found.first.tolist(), found.ndcg.tolist()) == ([12], [0.0])


def test_recalls_are_a_setting():
    x, y = clouds()
    found = retrieval_metrics(retrieval(x, y), y, gallery=299, recalls=(1, 10, 100))
    first = np.array([first for _, first, *_ in slow_retrieval(x, y)])
    assert [found[f"recall@{k}"] for k in (1, 10, 100)] == [np.mean(first <= k) for k in (1, 10, 100)]
    assert found["mrr"] == pytest.approx(np.mean(1 / first))


def test_classes_of_one_row_are_left_out_of_the_queries_and_counted():
    x, y = clouds()
    y = y.copy()
    y[:3] = [50, 51, 52]
    found = retrieval_metrics(retrieval(x, y), y, gallery=299)
    assert (found["queries"], found["queries_left_out"]) == (297, 3)


def test_the_report_names_every_metric_and_is_plain():
    x, y = clouds()
    found = retrieval_metrics(retrieval(x, y), y, gallery=299, seed=1) | nmi_metrics(x, y, seed=1)
    assert list(found) == [
        "recall@1", "recall@2", "recall@4", "recall@8", "r_precision", "map_at_r", "mrr", "ndcg@10",
        "recall@1_interval", "map_at_r_interval", "queries", "queries_left_out", "gallery", "nmi",
    ]  # fmt: skip
    assert json.loads(json.dumps(found)) == found
    for name in ("recall@1", "map_at_r"):
        low, high = found[f"{name}_interval"]
        assert low < found[name] < high
    assert found["gallery"] == 299


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (
            np.full((3, 2), np.nan, np.float32),
            np.zeros(3, np.int32),
            "NaN or infinite values in 3 rows, the first is row 0",
        ),
        (np.zeros((3, 2), np.float32), np.zeros(4, np.int32), "3 embeddings but classes of shape (4,)"),
        (np.zeros((0, 2), np.float32), np.zeros(0, np.int32), "must be (N, D), N ≥ 1"),
        (np.zeros(3, np.float32), np.zeros(3, np.int32), "must be (N, D)"),
    ],
)
def test_wrong_input_is_refused(x, y, said):
    with pytest.raises(ModelError) as caught:
        retrieval(x, y)
    assert said in str(caught.value)

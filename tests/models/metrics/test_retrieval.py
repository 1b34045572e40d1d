"""Retrieval metrics against plain Python that ranks every query by (distance, row)."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.report import retrieval_metrics
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


def test_many_blocks_give_what_one_block_gives(monkeypatch):
    from tripletmine.models.metrics import retrieval as module

    x, y = clouds()
    whole = retrieval(x, y)
    blocks = []
    original = module.sq_distance_blocks

    def counted(queries, gallery, *, block_mib):
        for rows, distances in original(queries, gallery, block_mib=block_mib):
            blocks.append(len(distances))
            yield rows, distances

    monkeypatch.setattr(module, "sq_distance_blocks", counted)
    monkeypatch.setattr("tripletmine.models.metrics.blocks.MIB", 2**12)
    found = retrieval(x, y, block_mib=1)
    assert len(blocks) > 10
    assert found.first.tolist() == whole.first.tolist()
    check(found, slow_retrieval(x, y), 300)


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
    found = retrieval_metrics(x, y, recalls=(1, 10, 100), with_nmi=False)
    first = np.array([first for _, first, *_ in slow_retrieval(x, y)])
    assert [found[f"recall@{k}"] for k in (1, 10, 100)] == [np.mean(first <= k) for k in (1, 10, 100)]
    assert found["mrr"] == pytest.approx(np.mean(1 / first))


def test_classes_of_one_row_are_left_out_of_the_queries_and_counted():
    x, y = clouds()
    y = y.copy()
    y[:3] = [50, 51, 52]
    found = retrieval_metrics(x, y, with_nmi=False)
    assert (found["queries"], found["queries_left_out"]) == (297, 3)


def test_the_report_names_every_metric_and_is_plain():
    x, y = clouds()
    found = retrieval_metrics(x, y, seed=1)
    assert list(found) == [
        "recall@1", "recall@2", "recall@4", "recall@8", "r_precision", "map_at_r", "mrr", "ndcg@10",
        "recall@1_interval", "map_at_r_interval", "queries", "queries_left_out", "gallery", "nmi",
    ]  # fmt: skip
    assert json.loads(json.dumps(found)) == found
    for name in ("recall@1", "map_at_r"):
        low, high = found[f"{name}_interval"]
        assert low < found[name] < high
    assert found["gallery"] == len(x) - 1
    against = retrieval_metrics(x, y, gallery=x[1:], gallery_classes=y[1:])
    assert "nmi" not in against
    assert against["gallery"] == len(x) - 1


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

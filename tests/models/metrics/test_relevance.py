"""Several classes per row, and groups: metrics against plain Python that ranks each query by (distance, row)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranking_oracles import slow_centroid_rankings, slow_figures, slow_rankings, slow_violations
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.centroids import as_retrieval, centroid_ranks
from tripletmine.models.metrics.nmi import nmi
from tripletmine.models.metrics.relevance import Relevance
from tripletmine.models.metrics.report import retrieval_metrics, search
from tripletmine.models.metrics.retrieval import average_precisions, retrieval
from tripletmine.models.metrics.violations import violation_share
from tripletmine.models.row_classes import RowClasses


@st.composite
def sides(draw, most=15):
    """Points on a grid (distances are exact, many are equal), sets of classes and groups of some rows."""
    count = draw(st.integers(1, most))
    grid = st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=count, max_size=count)
    some = st.lists(st.sets(st.integers(0, 4), min_size=1, max_size=3), min_size=count, max_size=count)
    groups = st.lists(st.integers(-1, 2), min_size=count, max_size=count)
    return np.array(draw(grid), np.float32), draw(some), np.array(draw(groups), np.int32)


def re_identification_metrics(x, classes, groups, **gallery):
    found = search(x, classes, groups=groups, whole_ranking=True, **gallery)
    return retrieval_metrics(found, classes, gallery=len(gallery.get("gallery", x[1:])))


def check(found, rankings):
    figures, asked = slow_figures(rankings)
    assert (found["queries"], found["queries_left_out"]) == (asked, len(rankings) - asked)
    for name in (
        "recall@1",
        "recall@8",
        "cmc@1",
        "cmc@5",
        "cmc@10",
        "r_precision",
        "map_at_r",
        "mrr",
        "ndcg@10",
        "map",
    ):
        assert found[name] == (pytest.approx(figures[name]) if asked else None), name


@settings(max_examples=150, deadline=None)
@given(sides(), sides(), st.booleans(), st.sampled_from([4, 1000]))
def test_sets_and_groups_against_loops(query, gallery, alone, columns):
    x, sets, groups = query
    y, gallery_sets, gallery_groups = query if alone else gallery
    other = (
        {}
        if alone
        else {
            "gallery": y,
            "gallery_classes": RowClasses.of_sets(gallery_sets),
            "gallery_groups": gallery_groups,
        }
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tripletmine.models.metrics.tiles._COLUMNS", columns)
        found = re_identification_metrics(x, RowClasses.of_sets(sets), groups, **other)
    check(found, slow_rankings(x, sets, groups, y, gallery_sets, gallery_groups, alone))


@settings(max_examples=100, deadline=None)
@given(sides(), st.booleans())
def test_one_class_a_row_is_the_same_as_sets_of_one(side, grouped):
    x, sets, groups = side
    codes = np.array([min(each) for each in sets], np.int32)
    groups = groups if grouped else None
    one = re_identification_metrics(x, codes, groups)
    of_one = RowClasses(codes, np.arange(len(codes) + 1))
    assert one == re_identification_metrics(x, of_one, groups)


@settings(max_examples=60, deadline=None)
@given(sides(), st.sampled_from([0.5, 2.5]))
def test_leave_one_out_and_violations_with_sets(side, margin):
    x, sets, _ = side
    free = np.full(len(x), -1)
    classes = RowClasses.of_sets(sets)
    found = retrieval_metrics(search(x, classes), classes, gallery=len(x) - 1)
    figures, asked = slow_figures(slow_rankings(x, sets, free, x, sets, free, True))
    assert found["queries"] == asked
    assert found["map_at_r"] == (pytest.approx(figures["map_at_r"]) if asked else None)

    share = violation_share(x, RowClasses.of_sets(sets), margin=margin, anchors=len(x), seed=0)
    assert share == pytest.approx(slow_violations(x, sets, margin))


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_centroids_of_sets_and_groups_against_loops(normalise, alone, grouped, seed):
    generator = np.random.default_rng(seed)

    def side(rows):
        sets = [
            set(generator.choice(6, generator.integers(1, 4), replace=False).tolist()) for _ in range(rows)
        ]
        x = np.array([generator.normal(size=5) + 2 * np.eye(6, 5)[list(each)].sum(axis=0) for each in sets])
        return x.astype(np.float32), sets, generator.integers(-1 if grouped else 0, 3, rows).astype(np.int32)

    x, sets, groups = side(30)
    sets[0] = {6}  # one row alone, and no row at all in another gallery
    y, gallery_sets, gallery_groups = (x, sets, groups) if alone else side(25)
    gallery, gallery_classes = (
        (None, None) if alone else (y, RowClasses.of_sets([list(each) for each in gallery_sets]))
    )
    given = {"query_groups": groups, "gallery_groups": None if alone else gallery_groups} if grouped else {}
    ranks = centroid_ranks(
        x,
        RowClasses.of_sets([list(each) for each in sets]),
        gallery,
        gallery_classes,
        normalise=normalise,
        block_mib=0,
        **given,
    )
    free = np.full(30, -1)
    rankings = slow_centroid_rankings(
        x, sets, groups if grouped else free, y, gallery_sets, gallery_groups, alone, normalise
    )
    figures, asked = slow_figures(rankings)
    assert 0 < asked < 30
    found = as_retrieval(ranks)
    assert found.average_precision is not None
    assert (len(found.query), found.left_out) == (asked, 30 - asked)
    for k in (1, 2, 4, 8):
        assert found.recall(k).mean() == pytest.approx(figures[f"recall@{k}"])
    assert found.r_precision.mean() == pytest.approx(figures["r_precision"])
    assert found.average_at_r.mean() == pytest.approx(figures["map_at_r"])
    assert found.reciprocal_rank.mean() == pytest.approx(figures["mrr"])
    assert found.ndcg.mean() == pytest.approx(figures["ndcg@10"])
    assert found.average_precision.mean() == pytest.approx(figures["map"])
    for k in (1, 5, 10):
        assert found.recall(k).mean() == pytest.approx(figures[f"cmc@{k}"])


def test_perfect_clusters_of_a_shared_second_class_are_found():
    """Every row has a first class of its own and shares the second: the first alone would find nothing."""
    cluster = np.repeat(np.arange(5), 4)
    x = np.eye(5, dtype=np.float32)[cluster]
    sets = RowClasses.of_sets([[100 + row, shared] for row, shared in enumerate(cluster.tolist())])
    assert retrieval(x, sets).recall(1).all()
    assert len(retrieval(x, np.arange(20, dtype=np.int32)).query) == 0


def test_groups_leave_out_matches_of_the_same_camera_and_queries_without_others():
    x = np.array([[0.0], [0.1], [5.0], [1.0]], np.float32)
    codes, cameras = np.array([7, 7, 7, 8], np.int32), np.array([0, 0, 1, 0], np.int32)
    found = re_identification_metrics(x, codes, cameras)
    assert (found["queries"], found["queries_left_out"]) == (3, 1)
    # The row of class 8 comes before the only match of rows 0 and 1, and before both matches of row 2.
    assert (found["cmc@1"], found["cmc@5"]) == (0.0, 1.0)
    assert found["map"] == pytest.approx((1 / 2 + 1 / 2 + (1 / 2 + 2 / 3) / 2) / 3)


def test_counting_in_many_blocks_gives_the_same(monkeypatch):
    generator = np.random.default_rng(0)
    sets = RowClasses.of_sets(generator.integers(0, 9, (50, 2)).tolist())
    whole = Relevance(sets, sets, alone=True).counts()
    monkeypatch.setattr("tripletmine.models.metrics.relevance._BLOCK_CELLS", 200)
    assert (Relevance(sets, sets, alone=True).counts() == whole).all()
    assert whole.max() > whole.min()


def test_nmi_of_sets_is_left_out_and_says_why():
    found = nmi(np.eye(3, dtype=np.float32), RowClasses.of_sets([[0], [0, 1], [1]]), seed=0)
    assert found.value is None
    assert found.left_out is not None
    assert "several labels" in found.left_out


def test_another_number_of_groups_or_of_sets_is_refused():
    x, y = np.zeros((2, 1), np.float32), np.zeros(2, np.int32)
    with pytest.raises(ModelError, match=r"query has 2 rows but groups of shape \(3,\)"):
        average_precisions(x, y, query_groups=np.zeros(3, np.int32))
    with pytest.raises(ModelError, match="2 embeddings but classes of shape"):
        retrieval(x, RowClasses.of_sets([[0], [1], [2]]))

"""The miner against the triple loop, and its bad input."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import exact_neighbours, mine_by_loops
from tripletmine.mining.confusion import merge_confusions
from tripletmine.mining.errors import InputError
from tripletmine.mining.guarding.never_negatives import pair_lists
from tripletmine.mining.guards import REFUSALS, Guards
from tripletmine.mining.labels import Labels, encode_labels
from tripletmine.mining.miner import BLOCK_ENTRIES, COLUMNS, mine
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable
from tripletmine.mining.report import merge_reports
from tripletmine.mining.rule import MiningRule

COUNTS = (
    "anchors_excluded",
    "anchors_without_neighbour_positive",
    "anchors_without_positive",
    "anchors_without_admissible_negative",
    "entries",
    "positives",
    "positives_with_empty_interval",
    "positives_of_group",
    "admissible",
)


def unit_vectors(rows, width, seed):
    values = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def triplets_of(mined):
    names = ("anchor", "positive", "negative", "positive_rank", "negative_rank")
    return list(zip(*(mined.columns[name].tolist() for name in names), strict=True))


def assert_as_oracle(table, label_sets, rule, *, vectors=None, excluded=(), never=(), groups=None):
    """Mine with both and compare everything: triplets in order, counts, confusion, and the other columns."""
    labels = encode_labels(label_sets)
    # encode_labels numbers the classes that occur; the oracle's classes are these numbers.
    coded = [{labels.names.index(c) for c in classes} for classes in label_sets]
    mask = np.isin(np.arange(len(labels)), list(excluded))
    lists = pair_lists(sorted(never), len(labels)) if never else None
    mined = mine(table, labels, rule, vectors=vectors, excluded=mask, never_negatives=lists, groups=groups)
    expected = mine_by_loops(
        table,
        coded,
        rule,
        anchors=range(len(table)),
        vectors=vectors,
        excluded=excluded,
        never=never,
        groups=groups,
    )
    assert triplets_of(mined) == expected.triplets
    report = mined.report.as_dict()
    assert {name: report[name] for name in COUNTS} == {name: expected.counts[name] for name in COUNTS}
    assert report["refused"] == {name: expected.counts[name] for name in REFUSALS}
    assert report["triplets"] == len(mined) == len(expected.triplets)
    confusion = mined.confusion
    pairs = list(zip(confusion.class_a.tolist(), confusion.class_b.tolist(), strict=True))
    assert pairs == sorted(expected.confusion)
    assert confusion.count.tolist() == [expected.confusion[pair][0] for pair in pairs]
    np.testing.assert_allclose(confusion.hinge, [expected.confusion[pair][1] for pair in pairs], rtol=1e-6)
    columns = mined.columns
    assert {name: column.dtype for name, column in columns.items()} == COLUMNS
    for a, p, n, label_p, label_n in zip(
        *(columns[c].tolist() for c in ("anchor", "positive", "negative", "anchor_label", "negative_label")),
        strict=True,
    ):
        assert label_p == min(coded[a] & coded[p])
        assert label_n == min(coded[n])
    hinges = columns["sq_positive"].astype(float) + rule.margin - columns["sq_negative"].astype(float)
    assert mined.report.hinge == pytest.approx(hinges.sum())
    taught = Counter(c for a, p, *_ in expected.triplets for c in coded[a] & coded[p])
    by_class = report["triplets_by_class"]
    assert dict(zip(by_class["class"], by_class["triplets"], strict=True)) == taught
    assert by_class["class"] == sorted(taught)
    return mined


def rule_of(*, margin, guards, **others):
    """A rule, with the guard's margin below the rule's, as it must be."""
    if (guards.minimum_margin_sq or 0.0) >= margin:
        guards = replace(guards, minimum_margin_sq=margin / 2)
    return MiningRule(margin=margin, guards=guards, **others)


rules = st.builds(
    rule_of,
    k_hardness=st.sampled_from([0.0, 0.5, 0.7, 0.9, 1.0, 1.1, 1.5]),
    margin=st.sampled_from([0.2, 1.0, 5.0]),
    triplets_per_anchor=st.sampled_from([1, 2, 8, 1000]),
    negatives_per_positive=st.sampled_from([1, 1, 2, 5]),
    positives=st.sampled_from(["neighbours", "class"]),
    nearer_positive=st.booleans(),
    order=st.sampled_from(["farthest", "random"]),
    order_seed=st.integers(0, 2**60),
    guards=st.builds(
        Guards,
        duplicate_sq=st.sampled_from([None, None, 0.0, 1.0]),
        rank_window=st.sampled_from([None, None, (1, 4), (2, 100)]),
        positive_percentile=st.sampled_from([None, None, 0.0, 30.0, 100.0]),
        minimum_margin_sq=st.sampled_from([None, None, 0.1, 1.0, 2.0]),
        relative_margin=st.sampled_from([None, None, 0.05, 0.5]),
        minimum_sq=st.sampled_from([None, None, 0.0, 2.0]),
        maximum_sq=st.sampled_from([None, None, 4.0, 5.0]),
        same_group=st.sampled_from([None, "never-negative", "never-pair"]),
    ),
)


@given(
    rule=rules,
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 30),
    neighbours=st.integers(0, 35),
    classes=st.integers(2, 8),
    multi=st.booleans(),
    excluded=st.sets(st.integers(0, 29), max_size=4),
    never=st.sets(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40),
)
@settings(max_examples=150, deadline=None)
def test_equals_the_triple_loop(rule, seed, rows, neighbours, classes, multi, excluded, never):
    # Integer coordinates: many equal distances, duplicate rows, and exact float32 sums in any order.
    rng = np.random.default_rng(seed)
    vectors = rng.integers(0, 3, (rows, 3)).astype(np.float32)
    sets = [set(rng.integers(0, classes, rng.integers(1, 4) if multi else 1).tolist()) for _ in range(rows)]
    if len(set.union(*sets)) == 1:
        sets[0] = {classes}
    if len(set.union(*sets)) > 1:
        table = exact_neighbours(vectors, neighbours)
        left_out = {e for e in excluded if e < rows}
        pairs = {(a, b) for a, b in never if a != b and max(a, b) < rows}
        groups = rng.integers(-1, 4, rows)
        assert_as_oracle(table, sets, rule, vectors=vectors, excluded=left_out, never=pairs, groups=groups)


@pytest.mark.parametrize("k_hardness", [0.0, 0.8, 0.9, 1.0, 1.05])
@pytest.mark.parametrize("nearer_positive", [True, False])
def test_unit_vectors_give_what_the_triple_loop_gives(k_hardness, nearer_positive):
    vectors = unit_vectors(120, 8, seed=5)
    sets = [{int(c)} for c in np.random.default_rng(6).integers(0, 9, 120)]
    rule = MiningRule(k_hardness, nearer_positive=nearer_positive)
    mined = assert_as_oracle(exact_neighbours(vectors, 40), sets, rule)
    assert len(mined) > 100, f"only {len(mined)} triplets: the comparison says little"


def test_a_worked_example():
    """One anchor, by hand: positives at 0.09 and 0.25, k = 1.1, m = 0.2, cap 2."""
    # Boundaries 1.21·d²: 0.1089 and 0.3025; margins end at 0.29 and 0.45.
    table = NeighbourTable(
        np.array([[1, 5, 6, 2, 7, 8]]),
        np.array([[0.09, 0.10, 0.20, 0.25, 0.31, 0.44]], np.float32),
    )
    labels = encode_labels(["a", "a", "a", "b", "b", "b", "b", "c", "c"])
    mined = mine(table, labels, MiningRule(1.1, triplets_per_anchor=2), threads=1)
    # The far positive takes 7 (0.31, the nearest beyond 0.3025), the near one 6 (0.20): 5 lies inside.
    assert triplets_of(mined) == [(0, 2, 7, 3, 4), (0, 1, 6, 0, 2)]
    assert mined.report.admissible == 3
    assert mined.confusion.class_b.tolist() == [1, 2]
    assert mined.confusion.count.tolist() == [1, 2]
    np.testing.assert_allclose(mined.confusion.hinge, [0.09, 0.14 + 0.01], atol=1e-6)
    assert mined.report.coverage == 1.0
    assert mined.columns["k_hardness"].tolist() == [np.float32(1.1)] * 2


@pytest.fixture(scope="module")
def large():
    """Entries for several blocks, so that blocks, threads and ranges have to fit together."""
    rows, neighbours = 3 * BLOCK_ENTRIES // 64, 64
    rng = np.random.default_rng(11)
    ids = (np.arange(rows)[:, None] + 1 + np.argsort(rng.random((rows, 128)))[:, :neighbours]) % rows
    sq = np.sort(rng.random((rows, neighbours), dtype=np.float32), axis=1)
    return NeighbourTable(ids, sq), encode_labels(rng.integers(0, 40, rows))


def test_any_number_of_threads_gives_the_same_bytes(large):
    table, labels = large
    one, many = (mine(table, labels, MiningRule(0.9), threads=threads) for threads in (1, 5))
    assert len(one) > len(table)
    for name in COLUMNS:
        assert one.columns[name].tobytes() == many.columns[name].tobytes(), name
    assert one.report.as_dict() == many.report.as_dict()
    for name in ("class_a", "class_b", "count", "hinge"):
        assert getattr(one.confusion, name).tobytes() == getattr(many.confusion, name).tobytes(), name


def test_spans_follow_each_other(large, monkeypatch):
    table, labels = large
    whole = mine(table, labels, MiningRule(0.9))
    monkeypatch.setattr("tripletmine.mining.miner._SPAN_BLOCKS", 1)
    parts = mine(table, labels, MiningRule(0.9))
    for name in COLUMNS:
        np.testing.assert_array_equal(parts.columns[name], whole.columns[name])
    np.testing.assert_array_equal(parts.confusion.count, whole.confusion.count)
    assert parts.report.admissible == whole.report.admissible


def test_ranges_of_anchors_add_up_to_the_whole(large):
    table, labels = large
    rule = MiningRule(0.9, guards=Guards(rank_window=(3, 60)))
    whole = mine(table, labels, rule)
    parts = []
    for begin, end in ((0, 1), (1, 2500), (2500, 2500), (2500, len(table))):
        part = NeighbourTable(table.ids[begin:end], table.sq_distances[begin:end])
        parts.append(mine(part, labels, rule, first_anchor=begin))
    for name in COLUMNS:
        joined = np.concatenate([part.columns[name] for part in parts])
        np.testing.assert_array_equal(joined, whole.columns[name])
    merged, report = merge_reports([part.report for part in parts]).as_dict(), whole.report.as_dict()
    assert merged.pop("hinge") == pytest.approx(report.pop("hinge"))
    assert merged == report
    confusion = merge_confusions([part.confusion for part in parts])
    np.testing.assert_array_equal(confusion.class_a, whole.confusion.class_a)
    np.testing.assert_array_equal(confusion.class_b, whole.confusion.class_b)
    np.testing.assert_array_equal(confusion.count, whole.confusion.count)
    np.testing.assert_allclose(confusion.hinge, whole.confusion.hinge)


def test_a_sample_of_anchors_is_named_by_ids(large):
    table, labels = large
    rows = np.array([700, 3, 5000])
    sample = NeighbourTable(table.ids[rows], table.sq_distances[rows])
    mined = mine(sample, labels, MiningRule(0.9), anchors=rows)
    expected = [t for row in rows for t in triplets_of(mine(table, labels, MiningRule(0.9))) if t[0] == row]
    assert triplets_of(mined) == expected


def test_ids_above_what_int32_holds(tmp_path):
    """Rows around 2³³: the labels are a sparse file, of which only a few pages exist."""
    rows = 2**33 + 10
    codes = np.memmap(tmp_path / "codes", dtype=np.int32, mode="w+", shape=(rows,))
    first = 2**33
    codes[first : first + 4] = [1, 1, 2, 2]
    table = NeighbourTable(
        np.array([[first + 1, first + 2, 2**31 + 7]]), np.array([[0.1, 0.15, 0.2]], np.float32)
    )
    labels = Labels(names=(0, 1, 2), members=np.asarray(codes))
    mined = mine(table, labels, MiningRule(1.0), first_anchor=first, threads=1)
    assert triplets_of(mined) == [(first, first + 1, first + 2, 0, 1)]
    assert mined.confusion.class_b.tolist() == [0, 2]
    with pytest.raises(InputError, match=f"id {rows} is no row"):
        mine(replace(table, ids=table.ids + 9), labels, MiningRule(1.0), first_anchor=first)


def test_rows_short_of_neighbours_are_padded(large):
    vectors = unit_vectors(6, 4, seed=3)
    table = exact_neighbours(vectors, 20)
    assert (table.ids[:, 5:] == NO_ROW).all()
    mined = assert_as_oracle(table, [{i % 2} for i in range(6)], MiningRule(0.9, margin=2.0))
    assert mined.report.entries == 30


def test_nothing_in_nothing_out():
    none = NeighbourTable(np.empty((0, 5), np.int64), np.empty((0, 5), np.float32))
    mined = mine(none, encode_labels([0, 1]), MiningRule(1.0))
    assert len(mined) == len(mined.confusion) == mined.report.anchors == 0
    assert mined.report.coverage == mined.report.mean_hinge == 0.0
    assert {name: column.dtype for name, column in mined.columns.items()} == COLUMNS


def test_all_rows_equal():
    table = exact_neighbours(np.ones((6, 3), np.float32), 4)
    sets = [{i % 2} for i in range(6)]
    # Every distance is 0: no positive is nearer than a negative, and no negative is beyond the boundary.
    assert len(assert_as_oracle(table, sets, MiningRule(0.9))) == 0
    assert len(assert_as_oracle(table, sets, MiningRule(0.9, nearer_positive=False))) == 0


def test_excluded_rows_appear_nowhere():
    vectors = unit_vectors(60, 4, seed=9)
    sets = [{i % 5} for i in range(60)]
    mined = assert_as_oracle(exact_neighbours(vectors, 30), sets, MiningRule(0.9), excluded={0, 7, 31})
    for name in ("anchor", "positive", "negative"):
        assert not np.isin([0, 7, 31], mined.columns[name]).any()
    assert mined.report.anchors_excluded == 3


def test_class_positives_reach_anchors_that_have_none_nearby():
    # Two far apart members of class 0, each among members of class 1.
    vectors = np.array([[0.0], [1.0], [0.2], [0.9]], np.float32)
    table = exact_neighbours(vectors, 1)
    labels = encode_labels([0, 0, 1, 1])
    rule = MiningRule(0.5, margin=1.0, nearer_positive=False)
    assert mine(table, labels, rule).report.anchors_without_positive == 4
    assert len(mine(table, labels, rule)) == 0
    rule = replace(rule, positives="class", k_hardness=0.1)
    mined = mine(table, labels, rule, vectors=vectors)
    assert mined.report.anchors_without_neighbour_positive == 4
    assert mined.report.anchors_without_positive == 0
    assert triplets_of(mined)[0] == (0, 1, 2, -1, 0)
    assert mined.columns["sq_positive"][0] == 1.0


def copied_under_another_label(rows=80, classes=8, copied=10):
    """Unit vectors in clusters, the last of them a copy of row ``copied`` under another label, and the labels."""
    rng = np.random.default_rng(3)
    codes = np.arange(rows) % classes
    values = rng.normal(size=(classes, 8))[codes] + 0.25 * rng.normal(size=(rows, 8))
    vectors = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    return np.vstack([vectors, vectors[copied]]), np.append(codes, (codes[copied] + 1) % classes)


@pytest.mark.parametrize("k_hardness", [1.0, 0.95, 0.9])
@pytest.mark.parametrize("positives", ["neighbours", "class"])
@pytest.mark.parametrize("known_by", ["vectors", "table", "neither"])
def test_no_negative_is_a_copy_of_a_positive(k_hardness, positives, known_by):
    vectors, codes = copied_under_another_label()
    table = exact_neighbours(vectors, 80)
    rule = MiningRule(k_hardness, triplets_per_anchor=64, positives=positives)
    guarded = replace(rule, guards=Guards(duplicate_sq=1e-6))
    given_ = vectors if positives == "class" or known_by == "vectors" else None
    anchors = np.array([r for r in range(len(codes)) if known_by != "neither" or r not in (10, 80)])
    table = NeighbourTable(table.ids[anchors], table.sq_distances[anchors])
    labels = encode_labels(codes)
    open_ = mine(table, labels, rule, vectors=given_, anchors=anchors).columns
    pairs = open_["positive"] * 1000 + open_["negative"]
    copies = (pairs == 10_080) | (pairs == 80_010)
    assert copies.any() == (k_hardness < 1.0)
    mined = mine(table, labels, guarded, vectors=given_, anchors=anchors)
    columns = mined.columns
    assert not (vectors[columns["positive"]] == vectors[columns["negative"]]).all(axis=1).any()
    assert mined.report.refused["duplicate"] > 0
    if known_by != "neither" and positives == "neighbours":
        sets = [{int(code)} for code in codes]
        expected = mine_by_loops(table, sets, guarded, anchors=range(len(table)), vectors=vectors)
        assert triplets_of(mined) == expected.triplets
        assert mined.report.refused["duplicate"] == expected.counts["duplicate"]


def test_with_vectors_the_guard_does_not_depend_on_how_the_table_is_cut():
    vectors, codes = copied_under_another_label()
    table, labels = exact_neighbours(vectors, 30), encode_labels(codes)
    rule = MiningRule(0.9, triplets_per_anchor=64, guards=Guards(duplicate_sq=0.05))
    whole = mine(table, labels, rule, vectors=vectors)
    assert whole.report.refused["duplicate"] > 10
    parts = [
        mine(NeighbourTable(table.ids[cut], table.sq_distances[cut]), labels, rule, first_anchor=cut.start,
             vectors=vectors)
        for cut in (slice(0, 9), slice(9, 50), slice(50, 81))
    ]  # fmt: skip
    assert [each for part in parts for each in triplets_of(part)] == triplets_of(whole)
    # The rows of the whole table give as much; a single row gives only bounds, by the triangle inequality.
    assert triplets_of(mine(table, labels, rule)) == triplets_of(whole)
    alone = mine(NeighbourTable(table.ids[:1], table.sq_distances[:1]), labels, rule)
    first = mine(NeighbourTable(table.ids[:1], table.sq_distances[:1]), labels, rule, vectors=vectors)
    assert alone.report.refused["duplicate"] >= first.report.refused["duplicate"]


def test_vectors_that_the_guard_reads_are_checked():
    table = table_of([[1], [0], [1]], [[0.1], [0.1], [0.1]])
    rule = MiningRule(1.0, guards=Guards(duplicate_sq=0.0))
    with pytest.raises(InputError, match="give float32"):
        mine(table, encode_labels([0, 1, 0]), rule, vectors=np.zeros((2, 2), np.float32))


def table_of(ids, sq):
    return NeighbourTable(np.array(ids, np.int64), np.array(sq, np.float32))


@pytest.mark.parametrize(
    ("ids", "sq", "message"),
    [
        ([[1, 4]], [[0.1, 0.2]], "row 0 (anchor 0), column 1: id 4 is no row"),
        ([[1, -2]], [[0.1, 0.2]], "id -2 is no row"),
        ([[1, 0]], [[0.1, 0.2]], "own neighbour"),
        ([[1, 2]], [[0.1, np.nan]], "squared distance nan"),
        ([[1, 2]], [[0.1, np.inf]], "squared distance inf"),
        ([[1, 2]], [[-0.1, 0.2]], "squared distance -0.1"),
        ([[1, 2]], [[0.3, 0.2]], "0.2 after 0.3"),
        ([[-1, 2]], [[np.inf, 0.2]], "id 2 comes after a pad"),
        ([[1], [0], [1], [1], [1]], [[0.1]] * 5, "anchors 0 to 4, but there are labels for 4 rows"),
        ([1, 2], [0.1, 0.2], "give both as (N, K)"),
    ],
)
def test_a_bad_table_is_refused(ids, sq, message):
    with pytest.raises(InputError, match=re.escape(message)):
        mine(table_of(ids, sq), encode_labels([0, 0, 1, 1]), MiningRule(1.0))


def test_the_same_bad_row_is_named_at_any_number_of_threads(large):
    table, labels = large
    sq = table.sq_distances.copy()
    sq[[3000, 6000], 5] = np.nan
    said = set()
    for threads in (1, 4):
        with pytest.raises(InputError, match=r"row (3|6)000 .*, column 5: squared distance nan") as error:
            mine(NeighbourTable(table.ids, sq), labels, MiningRule(1.0), threads=threads)
        said.add(str(error.value))
    assert len(said) == 1


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"labels": encode_labels(["x"] * 4)}, "all 4 labels are 'x': mining needs negatives"),
        ({"labels": encode_labels([0, 1])}, "labels for 2 rows"),
        ({"first_anchor": 2}, "anchors 2 to 4, but there are labels for 4 rows"),
        ({"first_anchor": -1}, "anchors -1 to 1"),
        ({"anchors": np.array([0, 1])}, "one int64 id for each of the 3 rows"),
        ({"anchors": np.array([0, 1, 4])}, "anchors lie in [0, 4]"),
        ({"excluded": np.zeros(3, bool)}, "excluded is bool of shape (3,)"),
        ({"threads": 0}, "threads is 0"),
        ({"rule": MiningRule(1.0, positives="class")}, "give the vectors of the whole set"),
        (
            {"rule": MiningRule(1.0, positives="class"), "vectors": np.zeros((3, 2), np.float32)},
            "shape (3, 2), but there are 4 labels",
        ),
        (
            {"rule": MiningRule(1.0, positives="class"), "vectors": np.full((4, 2), np.nan, np.float32)},
            "the distance of rows 0 and 2 is not finite",
        ),
        ({"table": NeighbourTable(np.zeros((3, 1)), np.zeros((3, 1), np.float32))}, "float64 ids"),  # pyright: ignore
    ],
)
def test_arguments_that_do_not_fit_are_refused(given_, message):
    arguments = {
        "table": table_of([[1], [0], [1]], [[0.1], [0.1], [0.1]]),
        "labels": encode_labels([0, 1, 0, 1]),
        "rule": MiningRule(1.0),
    } | given_
    table, labels, rule = (arguments.pop(name) for name in ("table", "labels", "rule"))
    with pytest.raises(InputError, match=re.escape(message)):
        mine(table, labels, rule, **arguments)


def test_rows_with_many_classes_fill_the_confusion_table():
    """More class pairs than there are neighbour entries: 40 entries, and 20 x 20 class pairs for each pair of rows."""
    vectors = unit_vectors(8, 3, seed=1)
    sets = [{f"{row % 2}-{number}" for number in range(20)} for row in range(8)]
    mined = assert_as_oracle(exact_neighbours(vectors, 5), sets, MiningRule(k_hardness=0.5, margin=5.0))
    assert len(mined.confusion) == 2 * 20 * 20
    assert mined.confusion.count.sum() == 400 * mined.report.admissible


def test_random_pairs_follow_from_seed_and_anchor(large):
    """They do not depend on the block, the range or the thread that mines them, and other seeds draw other pairs."""
    table, labels = large[:2]
    rule = MiningRule(1.0, order="random", order_seed=7)
    whole = triplets_of(mine(table, labels, rule))
    half = len(table) // 2
    parts = [NeighbourTable(table.ids[part], table.sq_distances[part]) for part in np.s_[:half, half:]]
    cut = [
        mine(part, labels, rule, first_anchor=first, threads=1)
        for part, first in zip(parts, (0, half), strict=True)
    ]
    assert [*triplets_of(cut[0]), *triplets_of(cut[1])] == whole
    other = triplets_of(mine(table, labels, replace(rule, order_seed=8)))
    hardest = triplets_of(mine(table, labels, replace(rule, order="farthest")))
    assert len(whole) == pytest.approx(len(other), rel=0.05)
    for others in (other, hardest):
        assert len({*whole} & {*others}) < 0.5 * len(whole)


def test_random_pairs_are_spread_evenly():
    """One anchor whose pairs are all admissible: each of them is drawn about equally often."""
    ids = np.arange(1, 9)[None]
    table = NeighbourTable(ids, np.linspace(0.5, 0.6, 8, dtype=np.float32)[None])
    labels = encode_labels([0, 0, 1, 0, 1, 0, 1, 0, 1])
    pairs = Counter(
        (p, n)
        for seed in range(4000)
        for _, p, n, *_ in triplets_of(
            mine(
                table,
                labels,
                MiningRule(0.0, triplets_per_anchor=1, order="random", order_seed=seed),
                anchors=np.array([0]),
            )
        )
    )
    assert len(pairs) == 16
    assert all(count == pytest.approx(250, abs=80) for count in pairs.values()), pairs

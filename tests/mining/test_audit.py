"""The audit passes what the miner makes, and catches each kind of damage."""

import json
import re
from typing import Any

import numpy as np
import pytest
from oracles import exact_neighbours
from tripletmine.mining.audit.check import VIOLATIONS, check_triplets
from tripletmine.mining.errors import InputError
from tripletmine.mining.guarding.never_negatives import pair_lists
from tripletmine.mining.guards import Guards
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import COLUMNS, mine
from tripletmine.mining.rule import MiningRule

ROWS = 150
GUARDS = Guards(
    duplicate_sq=0.01,
    rank_window=(1, 38),
    minimum_margin_sq=0.01,
    relative_margin=0.01,
    minimum_sq=0.05,
    maximum_sq=1.4,
    same_group="never-pair",
)
GROUPS = np.arange(ROWS) % 13 - 1


@pytest.fixture(scope="module")
def vectors():
    values = np.random.default_rng(2).normal(size=(ROWS, 8)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def table(vectors):
    return exact_neighbours(vectors, 40)


@pytest.fixture(scope="module")
def labels():
    return encode_labels([f"class {i % 7}" for i in range(ROWS)])


def several_labels():
    return encode_labels([{i % 7, (i * i) % 11} for i in range(ROWS)])


@pytest.mark.parametrize("k_hardness", [0.0, 0.8, 1.0, 1.1])
@pytest.mark.parametrize("positives", ["neighbours", "class"])
@pytest.mark.parametrize("guards", [Guards(), GUARDS])
@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("order", ["farthest", "random"])
def test_what_is_mined_passes(vectors, table, labels, k_hardness, positives, guards, multi, order):
    labels = several_labels() if multi else labels
    rule = MiningRule(k_hardness, positives=positives, guards=guards, order=order, order_seed=5)
    mined = mine(table, labels, rule, vectors=vectors, groups=GROUPS)
    assert len(mined) > 20
    report = check_triplets(mined.columns, labels, vectors, rule, groups=GROUPS)
    assert report.ok, report.as_dict()
    assert report.checked == report.triplets == len(mined)
    assert report.coverage == mined.report.anchors_with_triplet / ROWS


def damaged(mined, name, change):
    """A copy in which ``change`` was applied to one column."""
    columns = {key: column.copy() for key, column in mined.columns.items()}
    columns[name] = change(columns[name])
    return columns


def put(value, at=4):
    def change(column):
        column[at] = value
        return column

    return change


@pytest.mark.parametrize(
    ("name", "change", "kinds"),  # triplet 4 has anchor 0, of class 0
    [
        ("negative", put(ROWS), {"row_out_of_range"}),
        ("positive", put(-1), {"row_out_of_range"}),
        (
            "positive",
            put(1),
            {"positive_label", "label_columns", "distance"},
        ),
        ("anchor_label", put(6), {"label_columns"}),
        ("negative_label", put(0), {"label_columns"}),
        ("sq_negative", put(np.nan), {"not_finite", "boundary", "active", "distance"}),
        ("sq_positive", lambda c: c * np.float32(0.9999), {"distance", "order"}),
        ("positive_rank", put(-1), {"rank"}),
        ("negative_rank", put(-1), {"rank"}),
        ("positive_rank", put(39), {"rank"}),
        ("k_hardness", put(0.5), {"k_hardness"}),
    ],
)
def test_damage_is_found(vectors, table, labels, name, change, kinds):
    rule = MiningRule(1.0)
    mined = mine(table, labels, rule)
    columns = damaged(mined, name, change)
    report = check_triplets(columns, labels, vectors, rule)
    assert set(report.violations) == kinds, report.as_dict()
    assert not report.ok
    first = report.violations[next(iter(report.violations))].examples[0]
    assert first.startswith("triplet "), first


def test_a_negative_of_the_anchors_class(vectors, table, labels):
    rule = MiningRule(1.0)
    columns = mine(table, labels, rule).columns
    swapped = columns | {"negative": columns["positive"], "positive": columns["negative"]}
    found = check_triplets(swapped, labels, vectors, rule).violations
    assert found["positive_label"].count == found["negative_label"].count == len(columns["anchor"])
    same = check_triplets(columns | {"positive": columns["anchor"]}, labels, vectors, rule).violations
    assert same["rows_not_distinct"].count == len(columns["anchor"])


@pytest.mark.parametrize(
    ("mined_by", "claimed", "kind"),
    [
        (MiningRule(0.8), MiningRule(1.0), "boundary"),
        (MiningRule(1.0, margin=0.3), MiningRule(1.0, margin=0.2), "active"),
        (MiningRule(0.5, nearer_positive=False), MiningRule(0.5), "nearer_positive"),
        (MiningRule(1.0), MiningRule(1.0, order="random"), "order"),
        (MiningRule(1.0, order="random"), MiningRule(1.0), "order"),
        (MiningRule(1.0, order="random"), MiningRule(1.0, order="random", order_seed=1), "order"),
        (MiningRule(1.0, triplets_per_anchor=3), MiningRule(1.0, triplets_per_anchor=2), "anchor_over_cap"),
        (MiningRule(1.0, negatives_per_positive=2), MiningRule(1.0), "positive_over_cap"),
        (MiningRule(1.0), MiningRule(1.0, guards=Guards(duplicate_sq=0.3)), "guard"),
        (MiningRule(1.0), MiningRule(1.0, guards=Guards(rank_window=(5, 9))), "guard"),
        (MiningRule(1.0), MiningRule(1.0, guards=Guards(minimum_margin_sq=0.1)), "guard"),
        (MiningRule(1.0), MiningRule(1.0, guards=Guards(relative_margin=0.2)), "guard"),
        (MiningRule(1.0), MiningRule(1.0, guards=Guards(minimum_sq=0.4)), "guard"),
        (MiningRule(1.0), MiningRule(1.0, guards=Guards(maximum_sq=0.4)), "guard"),
        (MiningRule(0.3, positives="class"), MiningRule(0.3), "rank"),
    ],
)
def test_another_rule_than_claimed(vectors, table, labels, mined_by, claimed, kind):
    columns = mine(table, labels, mined_by, vectors=vectors).columns
    found = check_triplets(columns, labels, vectors, claimed).violations
    assert set(found) - {"k_hardness", "copy_of_positive"} == {kind}
    assert ("copy_of_positive" in found) == (claimed.guards.duplicate_sq is not None)
    names = ("sq_positive", "sq_negative", "negative_rank", "positive_rank")
    sq_p, sq_n, rank_n, rank_p = (columns[name].astype(np.float64) for name in names)
    # Where a kind is easily counted by hand, the count must agree.
    expected = {
        "boundary": (sq_p >= sq_n).sum(),
        "active": (sq_n >= sq_p + 0.2).sum(),
        "rank": (rank_p < 0).sum(),
        "positive_over_cap": len(sq_p) - len({*zip(columns["anchor"], columns["positive"], strict=True)}),
        "anchor_over_cap": (np.unique(columns["anchor"], return_counts=True)[1] == 3).sum(),
    }
    if kind in expected:
        assert found[kind].count == expected[kind]
    if kind == "guard" and claimed.guards.minimum_sq:
        assert found[kind].count == (sq_n < 0.4).sum()
    if kind == "guard" and claimed.guards.maximum_sq:
        assert found[kind].count == (sq_n > 0.4).sum()
    if kind == "guard" and claimed.guards.rank_window:
        assert found[kind].count == ((rank_n < 5) | (rank_n >= 9)).sum()


def test_pairs_that_are_never_negatives(vectors, table, labels):
    rule = MiningRule(0.8)
    columns = mine(table, labels, rule).columns
    at = [0, 5, 17, 17]
    lists = pair_lists(np.stack([columns["negative"][at], columns["anchor"][at]], axis=1), ROWS)
    found = check_triplets(columns, labels, vectors, rule, never_negatives=lists).violations
    barred = {frozenset(pair) for pair in zip(columns["negative"][at], columns["anchor"][at], strict=True)}
    pairs = zip(columns["anchor"], columns["negative"], strict=True)
    expected = sum(frozenset(pair) in barred for pair in pairs)
    assert {kind: each.count for kind, each in found.items()} == {"never_negative": expected}
    again = mine(table, labels, rule, never_negatives=lists)
    assert check_triplets(again.columns, labels, vectors, rule, never_negatives=lists).ok
    assert again.report.refused["never_negative"] >= len(barred)


@pytest.mark.parametrize("same_group", ["never-negative", "never-pair"])
def test_rows_of_one_group(vectors, table, labels, same_group):
    columns = mine(table, labels, MiningRule(0.8)).columns
    rule = MiningRule(0.8, guards=Guards(same_group=same_group))
    found = check_triplets(columns, labels, vectors, rule, groups=GROUPS).violations
    anchor, positive, negative = (GROUPS[columns[role]] for role in ("anchor", "positive", "negative"))
    fellows = (anchor == negative) | ((anchor == positive) & (same_group == "never-pair"))
    expected = int((fellows & (anchor >= 0)).sum())
    assert {kind: each.count for kind, each in found.items()} == {"same_group": expected}
    with pytest.raises(InputError, match=f"same_group is '{same_group}', but no groups are given"):
        check_triplets(columns, labels, vectors, rule)


def test_a_negative_that_is_a_copy_of_its_positive(vectors, labels):
    copied = vectors.copy()
    copied[1] = copied[7]  # of classes 1 and 0
    rule = MiningRule(0.8, triplets_per_anchor=64)
    columns = mine(exact_neighbours(copied, 149), labels, rule).columns
    pairs = set(zip(columns["positive"].tolist(), columns["negative"].tolist(), strict=True))
    expected = sum(
        {p, n} == {1, 7}
        for p, n in zip(columns["positive"].tolist(), columns["negative"].tolist(), strict=True)
    )
    assert pairs & {(1, 7), (7, 1)}
    guarded = MiningRule(0.8, triplets_per_anchor=64, guards=Guards(duplicate_sq=0.0))
    found = check_triplets(columns, labels, copied, guarded).violations
    assert {kind: each.count for kind, each in found.items()} == {"copy_of_positive": expected}
    assert check_triplets(columns, labels, copied, rule).ok


def test_a_negative_used_twice(vectors, table, labels):
    rule = MiningRule(1.0)
    mined = mine(table, labels, rule)
    columns = {name: np.concatenate([column, column[10:12]]) for name, column in mined.columns.items()}
    found = check_triplets(columns, labels, vectors, rule).violations
    assert found["negative_reused"].count == 2


def test_a_sample_keeps_anchors_whole(vectors, table, labels):
    rule = MiningRule(1.0)
    mined = mine(table, labels, rule)
    columns = damaged(mined, "k_hardness", lambda c: c + 1)
    report = check_triplets(columns, labels, vectors, rule, sample=10, seed=3)
    anchors, counts = np.unique(columns["anchor"], return_counts=True)
    drawn = np.random.default_rng(3).choice(anchors, 10, replace=False)
    assert report.checked == report.violations["k_hardness"].count == counts[np.isin(anchors, drawn)].sum()
    assert report.anchors == len(anchors)
    assert check_triplets(mined.columns, labels, vectors, rule, sample=10**6).checked == len(mined)


def test_none_to_check(vectors, labels):
    none = {name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}
    report = check_triplets(none, labels, vectors, MiningRule(1.0))
    assert report.ok
    assert report.coverage == 0.0


def test_the_report_is_json(vectors, table, labels):
    columns = damaged(mine(table, labels, MiningRule(1.0)), "k_hardness", lambda c: c + 1)
    plain = json.loads(json.dumps(check_triplets(columns, labels, vectors, MiningRule(1.0)).as_dict()))
    assert plain["violations"]["k_hardness"]["meaning"] == VIOLATIONS["k_hardness"]
    assert len(plain["violations"]["k_hardness"]["examples"]) == 5


def test_what_cannot_be_audited(vectors, table, labels):
    rule = MiningRule(1.0)
    columns = mine(table, labels, rule).columns
    wrongs: list[tuple[dict[str, np.ndarray], dict[str, Any], str]] = [
        ({k: v for k, v in columns.items() if k != "negative"}, {}, "no column negative"),
        (columns | {"negative": columns["negative"][1:]}, {}, "different lengths"),
        (columns | {"negative": columns["negative"].astype(float)}, {}, "column negative is float64"),
        (columns, {"vectors": vectors[1:]}, "shape (149, 8), but there are labels for 150 rows"),
        (columns, {"sample": 0}, "sample is 0 but"),
    ]
    for wrong, arguments, message in wrongs:
        with pytest.raises(InputError, match=re.escape(message)):
            check_triplets(wrong, labels, **({"vectors": vectors, "rule": rule} | arguments))


@pytest.mark.parametrize("order", ["farthest", "random"])
def test_the_order_is_derived_however_a_set_is_sorted(vectors, table, labels, order):
    rule = MiningRule(1.0, order=order, order_seed=3)
    columns = mine(table, labels, rule).columns
    shuffled = np.random.default_rng(0).permutation(len(columns["anchor"]))
    report = check_triplets(
        {name: column[shuffled] for name, column in columns.items()}, labels, vectors, rule
    )
    assert report.ok, report.as_dict()


def test_two_negatives_of_an_anchor_that_changed_places_are_out_of_order(vectors, table, labels):
    # Every negative beyond the nearest positive is admissible for all positives.
    rule = MiningRule(0.0, margin=4.0)
    columns = {name: column.copy() for name, column in mine(table, labels, rule).columns.items()}
    assert columns["anchor"][0] == columns["anchor"][1]
    for name in ("negative", "sq_negative", "negative_rank", "negative_label"):
        columns[name][[0, 1]] = columns[name][[1, 0]]
    found = check_triplets(columns, labels, vectors, rule).violations
    assert {kind: violation.count for kind, violation in found.items()} == {"order": 1}

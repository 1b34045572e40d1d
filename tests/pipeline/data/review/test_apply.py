"""A review applied to labels, and sorted by the splits of a run."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.labels import encode_labels
from tripletmine.pipeline.data.review.apply import apply_review
from tripletmine.pipeline.data.review.csv_file import parse_review
from tripletmine.pipeline.data.review.decisions import Review
from tripletmine.pipeline.data.review.effect import ReviewCounts
from tripletmine.pipeline.data.review.on_splits import review_of_splits, reviewed_rows_of
from tripletmine.pipeline.data.rows import COLUMNS, RunRows
from tripletmine.pipeline.errors import DataError

KEYS = pa.array(["a", "b", "c", "d", "e"])


def review(text):
    return parse_review(("decision,key,other_key,label\n" + text).encode(), "review.csv")


def names(labels):
    return [labels.of(row) for row in range(len(labels))]


def test_a_class_keeps_its_code_whatever_becomes_of_its_rows():
    found = apply_review(
        review("relabel,a,,elm\nrelabel,e,,acer\n"), KEYS, pa.array(["ash", "elm", "elm", "oak", "oak"]), None
    )
    assert found.labels.names == ("ash", "elm", "oak", "acer"), "new classes come last"
    assert names(found.labels) == [("elm",), ("elm",), ("elm",), ("oak",), ("acer",)]
    assert found.labels.sizes().tolist() == [0, 3, 1, 1]


def test_rows_with_several_labels_take_several():
    labels = pa.array([["x"], ["x", "y"], ["z"], ["z"], ["y"]])
    found = apply_review(review("relabel,a,,z|new|x\nrelabel,b,,y\n"), KEYS, labels, "|")
    assert [set(each) for each in names(found.labels)] == [{"z", "new", "x"}, {"y"}, {"z"}, {"z"}, {"y"}]
    assert found.labels.offsets is not None
    row = found.labels.members[found.labels.offsets[0] : found.labels.offsets[1]]
    assert row.tolist() == sorted(row), "codes of a row ascend"


def test_masks_and_pairs_are_of_the_rows_that_are_there():
    found = apply_review(
        review("exclude,b,,\nexclude,none,,\nkeep,c,,\nnever_negative,d,a,\nnever_negative,a,none,\n"),
        KEYS,
        pa.array(["x", "x", "y", "y", "z"]),
        None,
    )
    assert found.excluded is not None
    assert found.kept is not None
    assert found.never_negatives is not None
    assert np.flatnonzero(found.excluded).tolist() == [1]
    assert np.flatnonzero(found.kept).tolist() == [2]
    assert found.never_negatives.partners.tolist() == [3, 0]


def test_without_a_decision_there_is_nothing():
    found = apply_review(review(""), KEYS, pa.array(["x", "x", "y", "y", "z"]), None)
    assert (found.excluded, found.kept, found.never_negatives) == (None, None, None)


def rows(labels=("x", "x", "y", "y", "x", "z", "z")):
    splits = ["train"] * 4 + ["validation"] + ["test"] * 2
    nothing = pa.nulls(7, pa.string())
    values = [
        pa.array(np.arange(7)),
        pa.array(list("abcdefg")),
        pa.array(list(labels)),
        pa.array(splits),
        nothing,
        nothing,
        pa.array(np.arange(7)),
    ]
    return RunRows(pa.table(dict(zip(COLUMNS, values, strict=True))))


def sorted_by_split(text, **changes):
    settings = {"name": "r.csv", "separator": None, "zero_shot": False, "held_out": False, "kept": False}
    return review_of_splits(review(text), rows(), **{**settings, **changes})


DECISIONS = """relabel,a,,y
relabel,b,,x
exclude,c,,
keep,d,,
never_negative,a,c,
never_negative,a,f,
keep,a,d,
relabel,e,,y
exclude,f,,
exclude,nobody,,
"""


def test_every_decision_is_counted_once():
    found = sorted_by_split(DECISIONS)
    assert found.counts == ReviewCounts(
        relabelled=1, excluded=1, never_negatives=1, kept=2, already=1, unknown=1, held_out=2, across=1
    )
    assert found.by_split["train"] == review("relabel,a,,y\nexclude,c,,\nnever_negative,a,c,\n")
    assert not len(found.by_split["validation"])
    assert not len(found.by_split["test"])
    assert found.counts.sentence("r.csv") == (
        "r.csv: 1 rows relabelled, 1 excluded, 1 pairs never negatives; 2 kept as they are; 1 that have the label "
        "already; 1 keys that no row has; 2 of validation and test left as they are (data.review_held_out); 1 pairs of "
        "rows that are not of one split"
    )


def test_held_out_rows_change_when_asked():
    found = sorted_by_split(DECISIONS, held_out=True)
    assert (found.counts.held_out, found.counts.relabelled, found.counts.excluded) == (0, 2, 2)
    assert found.by_split["validation"] == review("relabel,e,,y\n")
    changed, there = reviewed_rows_of(rows(), found.by_split["test"], "test", None)
    assert there.tolist() == [False, True]
    assert changed.column("key", "test").to_pylist() == ["g"]
    assert changed.column("key", "train").to_pylist() == list("abcd")
    changed, there = reviewed_rows_of(changed, found.by_split["validation"], "validation", None)
    assert there.tolist() == [True]
    assert changed.labels("validation") == ["y"]
    assert changed.labels("train") == ["x", "x", "y", "y"]


def test_held_out_rows_may_take_several_labels():
    several = rows([["x"], ["x", "y"], ["y"], ["y"], ["x"], ["z"], ["z", "x"]])
    changed, there = reviewed_rows_of(
        several, review("relabel,f,,x|y\nexclude,g,,\nexclude,a,,\n"), "test", "|"
    )
    assert there.tolist() == [True, False]
    assert changed.labels("test") == [["x", "y"]]
    assert changed.labels("train") == [["x"], ["x", "y"], ["y"], ["y"]]


LABELS = st.sets(st.sampled_from("pqrs"), min_size=1, max_size=3).map(sorted)


@given(st.lists(LABELS, min_size=1, max_size=6), st.dictionaries(st.integers(0, 7), LABELS), st.booleans())
@settings(deadline=None)
def test_new_labels_are_those_of_rows_that_had_them_from_the_beginning(labels, given_to, several):
    if not several:
        labels, given_to = [row[0] for row in labels], {row: new[0] for row, new in given_to.items()}
    keys = [str(row) for row in range(len(labels))]
    joined = {str(row): "|".join(new) for row, new in given_to.items()}
    found = apply_review(Review(relabelled=joined), pa.array(keys), pa.array(labels), "|").labels
    expected = encode_labels([given_to.get(row, label) for row, label in enumerate(labels)])
    assert [set(each) for each in names(found)] == [set(each) for each in names(expected)]
    assert found.single == expected.single
    before = encode_labels(labels).names
    assert found.names[: len(before)] == before
    assert set(found.names) == {*before, *expected.names}
    if found.offsets is not None:
        ascending = np.diff(found.members) > 0
        assert ascending[np.setdiff1d(np.arange(len(ascending)), found.offsets[1:-1] - 1)].all()


def test_rows_found_right_count_where_suspects_are_left_out():
    assert sorted_by_split(DECISIONS, kept=True).by_split["train"].kept == {"d"}


def test_a_label_that_no_training_row_had_is_named():
    assert sorted_by_split("relabel,a,,w\nrelabel,b,,z\n").new_labels == {"w", "z"}


def test_splits_of_other_classes_stay_apart():
    message = (
        'gives train rows the label "z", a class of test .* data.split = "zero-shot".*: exclude those rows'
    )
    with pytest.raises(DataError, match=message):
        sorted_by_split("relabel,a,,z\n", zero_shot=True)


def test_the_review_of_other_data_is_refused():
    with pytest.raises(
        DataError, match=r'no key of the review r.csv \(such as "1.png"\) is in the data, .* like "'
    ):
        sorted_by_split("exclude,1.png,,\nexclude,2.png,,\n")

"""What all data sets share."""

import numpy as np
import pyarrow as pa
import pytest
from present import present
from tripletmine.mining.guarding.groups import group_codes
from tripletmine.mining.labels import encode_labels
from tripletmine.pipeline.data.base import (
    SourceRows,
    checked_indices,
    coded_rows,
    encoded_groups,
    encoded_labels,
    first_labels,
    per_value,
    split_codes,
    strings,
)


@pytest.mark.parametrize("indices", [[-1], [0, 5], [5, -1]])
def test_an_index_out_of_range_never_wraps_around(indices: list[int]):
    with pytest.raises(IndexError, match=r"index -?\d is outside of the 5 rows"):
        checked_indices(indices, 5)


def test_indices_must_be_a_list():
    with pytest.raises(IndexError, match=r"shape \(1, 2\)"):
        checked_indices([[0, 1]], 5)


def test_no_indices_are_fine():
    assert checked_indices([], 0).dtype == np.int64


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="labels has 1 entries for 2 keys"):
        SourceRows(keys=strings(["a", "b"]), labels=strings(["x"]))


def test_per_value_calls_once_for_each_distinct_value_and_keeps_null():
    seen: list[str] = []

    def length(value: str) -> int:
        seen.append(value)
        return len(value)

    lengths = per_value(strings(["ab", None, "c", "ab"]), length, pa.int64())
    assert lengths.to_pylist() == [2, None, 1, 2]
    assert sorted(seen) == ["ab", "c"]


def test_split_codes_follow_the_order_of_the_splits():
    assert split_codes(strings(["test", "train", "validation"])).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "a", " a", "c", "b"],
        [["b"], ["a"], ["c"]],
        [["b", "a"], ["c"], ["a", " a"], ["c", "b", "a", "c"]],
        [["b", "b"], ["a"]],
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_labels_are_encoded_as_those_of_python(labels: list, first: int):
    column = pa.array(labels)[first:]
    found, expected = encoded_labels(column), encode_labels(labels[first:])
    assert found.names == expected.names
    assert np.array_equal(found.members, expected.members)
    assert found.members.dtype == np.int32
    if expected.offsets is None:
        assert found.offsets is None
    else:
        assert np.array_equal(present(found.offsets), expected.offsets)
        assert present(found.offsets).dtype == np.int64
    assert first_labels(column).to_pylist() == [
        each if isinstance(each, str) else each[0] for each in labels[first:]
    ]


def test_rows_of_no_label_have_no_code():
    members, offsets = coded_rows(
        pa.array([["x"], []], pa.list_(pa.string())), lambda names: np.arange(len(names), dtype=np.int32)
    )
    assert (members.tolist(), present(offsets).tolist()) == ([0], [0, 1, 1])


@pytest.mark.parametrize("groups", [["c", None, "a", "c", ""], [None, None], []])
def test_groups_are_encoded_as_those_of_python(groups: list):
    column = pa.array([group or None for group in groups], pa.string())
    assert np.array_equal(encoded_groups(column), group_codes(groups)[0])

"""What all data sets share."""

import numpy as np
import pyarrow as pa
import pytest
from tripletmine.pipeline.data.base import SourceRows, checked_indices, per_value, split_codes, strings


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

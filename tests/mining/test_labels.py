"""Encoding of labels: what is a class, what is refused."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.labels import encode_labels


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        ([30, -1, 30], (-1, 30), [1, 0, 1]),
        (np.array([30, -1, 30], np.int16), (-1, 30), [1, 0, 1]),
        (np.array([2**64 - 1, 0], np.uint64), (0, 2**64 - 1), [1, 0]),
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        (np.array(["b", "a", "b"]), ("a", "b"), [1, 0, 1]),
        (np.array(["b", "a", "b"], object), ("a", "b"), [1, 0, 1]),
        (np.array([b"\xc3\xa9", b"a"]), ("a", "é"), [1, 0]),
        (("a\0", "a"), ("a", "a\0"), [1, 0]),
        ([True, False], (0, 1), [1, 0]),
        ([{"x"}, ["y"], ("x",)], ("x", "y"), [0, 1, 0]),
        ([np.int64(4), 3], (3, 4), [1, 0]),
        (np.array(["b", "a"], np.dtypes.StringDType()), ("a", "b"), [1, 0]),
        (np.array([30, -1, 30], ">i8"), (-1, 30), [1, 0, 1]),
        (["c0", "c0 ", "\tc0", "c1"], ("c0", "c1"), [0, 0, 0, 1]),
        (np.array(["c0", "c0 ", " c0\n", "c1"]), ("c0", "c1"), [0, 0, 0, 1]),
        (np.array([b"c0", b"c0 ", b"c1"]), ("c0", "c1"), [0, 0, 1]),
        ([{"c0", "c0 "}, ["c0\u00a0"], "c1"], ("c0", "c1"), [0, 0, 1]),
    ],
)
def test_one_class_a_row(values, names, codes):
    labels = encode_labels(values)
    assert labels.names == names
    assert all(type(name) in (int, str) for name in labels.names)
    assert labels.codes.tolist() == codes
    assert labels.codes.dtype == np.int32
    assert labels.single
    assert labels.offsets is None


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([3, -1], np.int64),
        ([0, 1, 2**63 - 1], np.int64),
        ([0, 1, 2**64 - 1], np.uint64),
        (["a", "bc"], "<U2"),
        (["a", "a\0"], object),
        (["\0a", "b"], object),
    ],
)
def test_names_stay_what_they_are_in_an_array(values, dtype):
    names = encode_labels(values).name_array()
    assert names.dtype == dtype
    assert names.tolist() == sorted(values)


def test_sets_of_classes():
    labels = encode_labels([{"dog", "cat"}, ["cat"], "owl", ("owl", "cat", "cat")])
    assert labels.names == ("cat", "dog", "owl")
    assert not labels.single
    assert [labels.of(row) for row in range(4)] == [("cat", "dog"), ("cat",), ("owl",), ("cat", "owl")]
    assert labels.codes.tolist() == [0, 0, 2, 0]
    assert labels.sizes().tolist() == [3, 1, 2]
    starts, rows = labels.rows_by_class()
    assert [rows[a:b].tolist() for a, b in pairwise(starts)] == [[0, 1, 3], [0], [2, 3]]
    left, right = np.array([0, 0, 3, 1]), np.array([3, 2, 2, 1])
    assert labels.pairwise_shared(left, right).tolist() == [0, -1, 2, 0]


@given(st.lists(st.sets(st.integers(-5, 5), min_size=1, max_size=4), min_size=1, max_size=20))
def test_every_row_keeps_its_classes(sets):
    labels = encode_labels(sets)
    assert len(labels) == len(sets)
    assert labels.classes == len(set.union(*sets))
    assert [set(labels.of(row)) for row in range(len(sets))] == sets
    everyone = np.arange(len(sets))
    for other in range(len(sets)):
        shared = labels.pairwise_shared(everyone, np.full(len(sets), other))
        expected = [min(s & sets[other], default=None) for s in sets]
        assert [labels.names[c] if c >= 0 else None for c in shared] == expected
    starts, rows = labels.rows_by_class()
    for code, name in enumerate(labels.names):
        assert rows[starts[code] : starts[code + 1]].tolist() == [i for i, s in enumerate(sets) if name in s]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "labels are empty"),
        (np.empty(0), "labels are empty"),
        (np.empty(0, np.int64), "labels are empty"),
        (np.array([1.0, 2.0]), "labels are float64"),
        ([1, 2.5], "label 2.5 is float"),
        ([1, float("nan")], "label nan is float"),
        (["a", None], "label None is NoneType"),
        (["a", 1], "mix integers (1) and strings ('a')"),
        ([{1}, {"a"}], "mix integers"),
        ([{1}, set()], "labels[1] is an empty set"),
        (["a", " "], "label ' ' is empty"),
        ([{"a", ""}], "label '' is empty"),
        (np.array(["a", " "]), "labels[1] is empty"),
        (np.zeros((3, 2), int), "shape (3, 2)"),
        ("abc", "labels are str, not a sequence"),
        (7, "labels are int, not a sequence"),
        ([1, 1.0], "label 1.0 is float"),  # although 1 == 1.0
        ([{1, 2}, {2.0}], "label 2.0 is float"),
        ([{"a": 1}, "b"], "label {'a': 1} is dict"),
        ([["a", ["b"]]], "label ['b'] is list"),
        ([np.array(1), 2], "label array(1) is ndarray"),
        (np.array([b"\xff", b"a"]), r"label b'\xff' is not UTF-8: decode the labels"),
        (
            [2**64, 1],
            "labels from 1 to 18446744073709551616 fit no integer of 64 bits: give such labels as strings",
        ),
        ([-1, 2**63], "labels from -1 to 9223372036854775808 fit no integer of 64 bits"),
        ([-(2**63) - 1, 1], "fit no integer of 64 bits"),
        (["\udcff", "a"], r"a label holds '\udcff', which is no character"),
    ],
)
def test_what_is_no_label(values, message):
    with pytest.raises(InputError, match=re.escape(message)):
        encode_labels(values)


def test_all_classes_that_two_rows_share():
    sets = [{"a", "b"}, {"b", "c", "a"}, {"c"}, {"d", "b"}]
    left, right = np.array([0, 1, 0, 3, 2]), np.array([1, 2, 2, 1, 2])
    pair, code = encode_labels(sets).all_shared(left, right)
    found = [(number, "abcd"[c]) for number, c in zip(pair.tolist(), code.tolist(), strict=True)]
    assert found == [(0, "a"), (0, "b"), (1, "c"), (3, "b"), (4, "c")]
    pair, code = encode_labels(["x", "y", "x"]).all_shared(np.array([0, 0, 1]), np.array([1, 2, 1]))
    assert (pair.tolist(), code.tolist()) == ([1, 2], [0, 1])

"""The digits that come with scikit-learn."""

import pickle
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from tripletmine.pipeline.data.digits import Digits


def test_items_are_the_pixels_scaled_to_a_byte():
    data = Digits()
    indices = np.array([1796, 0, 3])
    digits: Any = load_digits()
    expected = digits.images[indices]
    items = data.read(indices)
    assert items.shape == (3, *data.item_shape) == (3, 8, 8)
    assert items.dtype == data.dtype == np.uint8
    np.testing.assert_allclose(items / 255, expected / 16, atol=0.5 / 255)
    assert items.max() == 255


def test_rows_have_the_classes_and_no_split():
    rows = Digits().rows
    digits: Any = load_digits()
    assert rows.labels.to_pylist() == [str(label) for label in digits.target]
    assert len(set(rows.keys.to_pylist())) == 1797
    assert rows.splits is rows.roles is rows.groups is None


def test_a_pickle_holds_no_pixels():
    data = Digits()
    data.read(np.array([0]))
    pickled = pickle.dumps(data)
    assert len(pickled) < 200
    np.testing.assert_array_equal(pickle.loads(pickled).read([5]), data.read([5]))


def test_identity_is_the_same_each_time():
    assert Digits().identity() == Digits().identity()

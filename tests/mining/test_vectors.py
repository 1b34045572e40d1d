"""Vectors are checked once, where they are handed in."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike
from tripletmine.mining.errors import InputError
from tripletmine.mining.vectors import as_vectors, is_unit, normalise


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8])
def test_number_types_become_float32(dtype: type) -> None:
    vectors = as_vectors(np.arange(6, dtype=dtype).reshape(2, 3))
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, [[0, 1, 2], [3, 4, 5]])


def test_any_memory_order_becomes_contiguous() -> None:
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    for array in (np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]):
        assert not array.flags.c_contiguous
        vectors = as_vectors(array)
        assert vectors.flags.c_contiguous
        np.testing.assert_array_equal(vectors, values)


def test_what_has_the_form_already_is_not_copied(tmp_path) -> None:
    np.save(tmp_path / "x.npy", np.ones((3, 2), np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(as_vectors(mapped), mapped)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([["a", "b"]]), "dtype <U1.*real number"),
        (np.ones((2, 2), bool), "dtype bool"),
        (np.ones((2, 2), complex), "dtype complex128"),
        (np.ones(3, np.float32), r"shape \(3,\).*\(N, D\)"),
        (np.ones((2, 3, 4), np.float32), r"shape \(2, 3, 4\)"),
        (np.ones((0, 4), np.float32), "at least one row"),
        (np.ones((4, 0), np.float32), "at least one row and one column"),
        ([[1.0, 2.0], [3.0]], r"cannot become an array \(.*inhomogeneous.*: pass one of shape \(N, D\)"),
        (np.ma.masked_equal([[1.0, 2.0]], 2.0), "has masked values: fill them"),
        (torch.ones((2, 2), requires_grad=True), r"cannot become an array \(.*detach.*: pass one of shape"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(array: ArrayLike, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_vectors(array)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_rows_that_are_not_finite_are_named(value: float) -> None:
    array = np.ones((20, 3), np.float32)
    array[[4, 7, 8, 9, 10, 11], 1] = value
    with pytest.raises(InputError, match="mine: rows 4, 7, 8, 9, 10, … hold NaN or infinite"):
        as_vectors(array, name="mine")


def test_a_float64_beyond_float32_is_not_finite() -> None:
    with pytest.raises(InputError, match="rows 1 hold NaN or infinite"):
        as_vectors(np.array([[1.0], [1e300]]))


def test_values_whose_squared_distance_overflows_are_refused() -> None:
    width = 16
    limit = np.sqrt(np.finfo(np.float32).max / (4.0 * width))
    fits = np.full((2, width), 0.99 * limit, np.float32)
    fits[1] *= -1
    assert np.isfinite(np.square(as_vectors(fits)[0] - fits[1]).sum())
    with pytest.raises(InputError, match=r"overflow float32.*scale"):
        as_vectors(fits * 1.1)


def test_unit_length_is_required_only_when_asked_and_never_made_silently() -> None:
    array = np.array([[0.6, 0.8], [3.0, 4.0]], np.float32)
    np.testing.assert_array_equal(as_vectors(array), array)
    with pytest.raises(InputError, match=r"rows 1 are not of unit length.*normalise"):
        as_vectors(array, require_unit=True)
    assert not is_unit(array)
    assert is_unit(array[:1])


def test_float16_rows_that_were_normalised_count_as_unit() -> None:
    rows = normalise(np.random.default_rng(0).standard_normal((50, 512))).astype(np.float16)
    assert is_unit(as_vectors(rows, require_unit=True))


def test_a_row_of_zeros_cannot_be_normalised() -> None:
    with pytest.raises(InputError, match="rows 1 are all zero"):
        normalise(np.array([[1.0, 0.0], [0.0, 0.0]]))


@given(arrays(np.float32, (4, 3), elements=st.floats(-1e6, 1e6, width=32)))
def test_normalised_rows_have_length_one_and_keep_their_direction(x: np.ndarray) -> None:
    x = x[np.abs(x).max(axis=1) > 0]  # subnormal rows included: their squares underflow in float32
    if len(x) == 0:
        return
    unit = normalise(x)
    np.testing.assert_allclose(np.linalg.norm(unit.astype(np.float64), axis=1), 1.0, atol=1e-6)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(unit, wide / np.linalg.norm(wide, axis=1)[:, None], atol=1e-6)


def test_checks_look_at_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tripletmine.mining.vectors._BLOCK_VALUES", 6)
    array = np.ones((9, 3), np.float32)
    array[8, 2] = np.nan
    with pytest.raises(InputError, match="rows 8 hold"):
        as_vectors(array)
    np.testing.assert_allclose(normalise(array[:8]), np.full((8, 3), 3**-0.5), rtol=1e-6)

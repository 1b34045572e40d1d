import numpy as np
import pytest
import torch
from torch import nn
from tripletmine.models.encoders.encode import encode
from tripletmine.models.errors import ModelError
from tripletmine.models.images.transforms import Scaling


class Recorder(nn.Module):
    """Flattens, and records the sizes of its batches, its training mode and whether gradients are enabled."""

    def __init__(self):
        super().__init__()
        self.sizes, self.modes, self.gradients = [], [], []

    def forward(self, images):
        self.sizes.append(len(images))
        self.modes.append(self.training)
        self.gradients.append(torch.is_grad_enabled())
        return images.flatten(1)


def test_rows_come_back_in_order_whatever_the_batch():
    raw = np.random.default_rng(0).random((10, 2, 3), np.float32)
    for batch in (1, 3, 10, 50):
        np.testing.assert_array_equal(
            encode(nn.Flatten(), raw, normalise=False, batch_rows=batch), raw.reshape(10, 6)
        )


def test_batches_are_the_callers_and_the_mode_is_put_back():
    encoder = Recorder().train()
    encode(encoder, np.zeros((7, 4), np.uint8), normalise=False, batch_rows=3)
    assert encoder.sizes == [3, 3, 1]
    assert not any(encoder.modes)
    assert not any(encoder.gradients)
    assert encoder.training


def test_normalised_rows_have_length_one_and_a_zero_row_stays():
    raw = np.array([[3, 4], [0, 0]], np.float32)
    np.testing.assert_allclose(
        encode(nn.Flatten(), raw, normalise=True, batch_rows=2), [[0.6, 0.8], [0, 0]], atol=1e-7
    )


def test_scaling_is_applied():
    raw = np.full((1, 2), 255, np.uint8)
    np.testing.assert_allclose(
        encode(nn.Flatten(), raw, normalise=False, batch_rows=2, scaling=Scaling(0.5, 0.25)),
        [[2, 2]],
        atol=1e-6,
    )


def test_nan_is_passed_on_for_the_caller_to_name_the_row():
    found = encode(nn.Flatten(), np.array([[np.nan, 1], [1, 1]], np.float32), normalise=True, batch_rows=2)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


def test_autocast_still_returns_float32():
    found = encode(nn.Linear(4, 2), np.ones((3, 4), np.float32), normalise=False, batch_rows=3, autocast=True)
    assert found.dtype == np.float32


def test_no_rows_are_refused():
    with pytest.raises(ModelError, match="no rows to encode"):
        encode(nn.Flatten(), np.zeros((0, 4), np.uint8), normalise=False, batch_rows=2)


def test_out_of_memory_names_the_key_to_lower():
    class Hungry(nn.Module):
        def forward(self, images):
            return torch.empty(2**50)

    encoder = Hungry()
    with pytest.raises(ModelError, match=r"out of memory while encoding 2 rows at once: lower batch_rows"):
        encode(encoder, np.zeros((2, 4), np.uint8), normalise=False, batch_rows=2)
    assert encoder.training


def test_other_errors_of_an_encoder_are_its_own():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        encode(nn.Linear(5, 2), np.zeros((2, 4), np.uint8), normalise=False, batch_rows=2)

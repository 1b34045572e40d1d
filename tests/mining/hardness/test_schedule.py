"""The linear schedule of k."""

import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.hardness.controller import scheduled_k


def test_linear_from_start_to_end():
    assert [scheduled_k(t, 5, 1.0, 0.8) for t in range(5)] == pytest.approx([1.0, 0.95, 0.9, 0.85, 0.8])
    assert scheduled_k(4, 5, 1.0, 0.8) == 0.8


def test_one_epoch_starts():
    assert scheduled_k(0, 1, 1.0, 0.8) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 5, 1.0, 0.9), "epoch 5 of 5"),
        ((-1, 5, 1.0, 0.9), "epoch -1 of 5"),
        ((0, 0, 1.0, 0.9), "epoch 0 of 0"),
        ((0, 5, float("nan"), 0.9), "k_start is nan"),
        ((0, 5, 1.0, -0.9), "k_end is -0.9"),
    ],
)
def test_outside_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        scheduled_k(*arguments)

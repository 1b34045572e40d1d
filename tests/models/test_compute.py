"""Devices and threads."""

import pytest
import torch
from tripletmine.models.compute import device_named, use_threads
from tripletmine.models.errors import ModelError


def test_auto_finds_the_gpu_if_there_is_one():
    assert device_named("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device_named("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", ""])
def test_a_device_that_is_not_there_is_named_with_the_remedy(name):
    with pytest.raises(ModelError, match=r'device is .*write "auto" or "cpu"'):
        device_named(name)


def test_threads_are_those_asked_for():
    before = torch.get_num_threads()
    try:
        use_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)

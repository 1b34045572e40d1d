import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.memory import memory_errors


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried …\nmore"),
            "out of GPU memory while x: lower train.batch (CUDA",
        ),
        (MemoryError(), "out of memory while x: lower train.batch"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            "out of memory while x: lower train.batch",
        ),
    ],
)
def test_every_kind_names_the_key(error, said):
    with pytest.raises(ModelError) as caught, memory_errors("x", "train.batch"):
        raise error
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_runtime_errors_pass():
    with pytest.raises(RuntimeError, match=r"^shape$"), memory_errors("x", "y"):
        raise RuntimeError("shape")

"""Arrays as the bytes that NumPy writes into a file, and an error that says why they could not be written."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from tripletmine.mining.compute.npy import npy_bytes
from tripletmine.mining.graphs.exact import index as exact


def test_the_bytes_are_those_that_numpy_writes_and_reads(tmp_path) -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(tmp_path / "array.npy", array)
    assert bytes(npy_bytes(array)) == (tmp_path / "array.npy").read_bytes()


@contextmanager
def files_end_after(size: int) -> Iterator[None]:
    """Cut writes off after `size` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_index_that_is_cut_off_says_why(tmp_path) -> None:
    index = exact.build(np.ones((5, 3), np.float32))
    # The header alone is 128 bytes long.
    with files_end_after(130), pytest.raises(OSError, match="File too large") as caught:
        index.save(tmp_path / "index.npy")
    assert caught.value.errno == errno.EFBIG, "NumPy's own way has no number"

"""Arrays as bytes in .npy format."""

import io

import numpy as np
from numpy.typing import NDArray


def npy_bytes(array: NDArray) -> memoryview:
    """The bytes that `np.save` writes, without pickle.

    Python should write them: `np.save` bypasses Python's files, and on a full disk its error is only "1888 requested
    and 992 written".
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getbuffer()

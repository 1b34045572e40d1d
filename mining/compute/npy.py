"""Arrays as the bytes of NumPy's own format."""

import io

import numpy as np
from numpy.typing import NDArray


def npy_bytes(array: NDArray) -> memoryview:
    """What `np.save` writes, without pickle, for Python to write.

    Into a file NumPy writes past Python, and of a full disk it says no more than "1888 requested and 992 written".
    """
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getbuffer()

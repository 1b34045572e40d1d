"""Products in bfloat16, by torch: several times as fast on processors with matrix instructions for it.

torch is imported only if there is enough work, see ``pays``.
"""

import sys
from contextlib import AbstractContextManager
from importlib.util import find_spec

import llvmlite.binding
import numpy as np
from numba import njit
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from ...compute.threads import read_only
from ...errors import InputError
from ..pools import Pools, offer_bfloat16, offer_bfloat16_to
from .bounds import Bound, bound_of

HALF_PLACE = 2.0**-8
"""Relative rounding error of bfloat16: half the last place."""

_LEAST_MIB = 512
"""Memory that must be left to import torch, which takes some 200 MiB."""

_LEAST_ROWS = 2048
_LEAST_WIDTH = 16
"""Below these, products are too small a part of the search."""

_WORTH_A_LOOK = 1e8
_WORTH_IMPORTING = 3e11
"""Least work, in pairs × width, with torch imported already and without: some ms and some 4 s of float32 products.
Importing torch takes 2 s."""

_NORM_COLUMNS = 3
"""Columns added to hold −|x|²/2 as a sum of three bfloat16; the queries hold ones there. So products are scores
q·x − |x|²/2."""


def pays(rows: int, queries: int, width: int, *, left_mib: float | None = None) -> bool:
    """Whether bfloat16 products are faster than float32 ones on this machine, with the libraries installed.

    With AMX they are (measured: 2.5 to 6 times as fast). With AVX512-BF16 alone they are slower. left_mib: memory left
    for the search, including torch if it is not imported yet; None for no limit.
    """
    work = float(rows) * queries * width
    here = "torch" in sys.modules
    return (
        rows >= _LEAST_ROWS
        and width >= _LEAST_WIDTH
        and work >= (_WORTH_A_LOOK if here else _WORTH_IMPORTING)
        and (here or left_mib is None or left_mib >= _LEAST_MIB)
        and has_matrix_instructions()
        and find_spec("torch") is not None
    )


def has_matrix_instructions() -> bool:
    """Whether processor and operating system support AMX for bfloat16."""
    return bool(llvmlite.binding.get_host_cpu_features().get("amx-bf16"))


class Bfloat16Products:
    """See ``products.Products``. NumPy has no bfloat16: numbers are their bits, as int16."""

    dtype = np.dtype(np.int16)

    def __init__(self, vectors: NDArray[np.float32], origin: NDArray[np.float32], farthest: float) -> None:
        try:
            import torch
        except ImportError as error:
            raise InputError(
                f"precision is 'bfloat16' and torch cannot be imported ({error}): install tripletmine[train], or use "
                "float32"
            ) from error
        self._torch = torch
        self._openmp = ThreadpoolController().select(user_api="openmp")
        self.width = len(origin) + _NORM_COLUMNS
        self._origin = read_only(origin)
        self._farthest = farthest
        self._row_share = greatest_share(vectors, origin)

    def queries(self, queries: NDArray[np.float32]) -> tuple[NDArray, Bound]:
        """See ``products.Products``."""
        operand = np.empty((len(queries), self.width), np.int16)
        _round_queries(read_only(queries), self._origin, operand)
        rounding = {
            "query_shares": shares_of(queries, self._origin),
            "row_share": self._row_share,
            "last_place": HALF_PLACE,
        }
        return operand, bound_of(queries, self._origin, self._farthest, **rounding)

    def rows(self, rows: NDArray[np.float32], sq_norms: NDArray[np.float32], into: NDArray) -> None:
        """See ``products.Products``."""
        _round_rows(read_only(rows), self._origin, sq_norms, into)

    def one_thread(self) -> AbstractContextManager[object]:
        """See ``products.Products``. Limits OpenMP, whose limit is per thread; torch's own is for the whole process."""
        return self._openmp.limit(limits=1)

    def multiply(self, queries: NDArray, rows: NDArray, into: NDArray) -> None:
        """See ``products.Products``."""
        left, right, out = (
            self._torch.from_numpy(array).view(self._torch.bfloat16) for array in (queries, rows, into)
        )
        self._torch.mm(left, right.T, out=out)

    def offer(
        self,
        products: NDArray,
        sq_norms: NDArray[np.float32],  # noqa: ARG002 - the products hold them
        first_row: int,
        pools: Pools,
        members: NDArray[np.int32] | None = None,
    ) -> None:
        """See ``products.Products``."""
        if members is None:
            offer_bfloat16(products, first_row, pools)
        else:
            offer_bfloat16_to(members, products, first_row, pools)


def shares_of(vectors: NDArray[np.float32], origin: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 (N,): the relative rounding error |x − x'| / |x| of each row x about the origin; x' is x in bfloat16."""
    shares = np.empty(len(vectors))
    _measure_shares(read_only(vectors), read_only(origin), shares)
    return shares


def greatest_share(vectors: NDArray[np.float32], origin: NDArray[np.float32]) -> float:
    """The greatest of ``shares_of``."""
    return float(shares_of(vectors, origin).max())


@njit(nogil=True, cache=True, inline="always")
def _rounded(number):
    """The bfloat16 nearest to a float32 (ties to even), as int16 bits."""
    bits = np.float32(number).view(np.uint32)
    return np.int16(
        np.uint32(bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    )


@njit(nogil=True, cache=True, inline="always")
def _widened(bits):
    """A bfloat16, given as int16 bits, as float32."""
    return np.int32(np.int32(bits) << 16).view(np.float32)


@njit(nogil=True, cache=True)
def _round_queries(queries, origin, operand):
    width = queries.shape[1]
    for row in range(queries.shape[0]):
        for d in range(width):
            operand[row, d] = _rounded(queries[row, d] - origin[d])
        operand[row, width:] = _rounded(np.float32(1.0))


@njit(nogil=True, cache=True)
def _round_rows(rows, origin, sq_norms, operand):
    width = rows.shape[1]
    for row in range(rows.shape[0]):
        for d in range(width):
            operand[row, d] = _rounded(rows[row, d] - origin[d])
        left = np.float32(-0.5) * sq_norms[row]
        for d in range(width, operand.shape[1]):
            operand[row, d] = _rounded(left)
            left -= _widened(operand[row, d])


@njit(nogil=True, cache=True)
def _measure_shares(vectors, origin, shares):
    for row in range(vectors.shape[0]):
        whole = lost = 0.0
        for d in range(vectors.shape[1]):
            number = vectors[row, d] - origin[d]
            rest = np.float64(number - _widened(_rounded(number)))
            whole += np.float64(number) * np.float64(number)
            lost += rest * rest
        shares[row] = np.sqrt(lost / whole) if whole > 0.0 else 0.0

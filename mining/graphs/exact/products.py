"""Products of blocks of queries with blocks of rows, in float32 by the BLAS."""

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...compute.blas import one_blas_thread
from ..pools import Pools, offer, offer_to
from .bounds import Bound, bound_of


class Products(Protocol):
    """Who multiplies, in which numbers, and reads the products: the one thing in which searches on CPUs differ.

    Operands are arrays of ``dtype`` and ``width`` columns; so are products, and there is room for those of a block.
    All are about ``origin``.
    """

    dtype: np.dtype
    width: int

    def queries(self, queries: NDArray[np.float32]) -> tuple[NDArray, Bound]:
        """The operand of float32 (B, D) queries, and what their keys may be off by."""
        ...

    def rows(self, rows: NDArray[np.float32], sq_norms: NDArray[np.float32], into: NDArray) -> None:
        """Fill the operand of float32 (C, D) rows with these |x|² about the origin."""
        ...

    def one_thread(self) -> AbstractContextManager[object]:
        """Inside, products take the calling thread and no other."""
        ...

    def multiply(self, queries: NDArray, rows: NDArray, into: NDArray) -> None:
        """(B, C) products of two operands."""
        ...

    def offer(
        self,
        products: NDArray,
        sq_norms: NDArray[np.float32],
        first_row: int,
        pools: Pools,
        members: NDArray[np.int32] | None = None,
    ) -> None:
        """Offer the columns of products to the pools of their rows; members: int32 (B,), to these pools."""
        ...


class Float32Products:
    """See ``Products``: by NumPy's BLAS."""

    dtype = np.dtype(np.float32)

    def __init__(self, origin: NDArray[np.float32], farthest: float) -> None:
        self.width = len(origin)
        self._origin = origin
        self._farthest = farthest

    def queries(self, queries: NDArray[np.float32]) -> tuple[NDArray, Bound]:
        """See ``Products``."""
        return queries - self._origin, bound_of(queries, self._origin, self._farthest)

    def rows(self, rows: NDArray[np.float32], sq_norms: NDArray[np.float32], into: NDArray) -> None:  # noqa: ARG002
        """See ``Products``."""
        np.subtract(rows, self._origin, out=into)

    def one_thread(self) -> AbstractContextManager[object]:
        """See ``Products``."""
        return one_blas_thread()

    def multiply(self, queries: NDArray, rows: NDArray, into: NDArray) -> None:
        """See ``Products``."""
        np.dot(queries, rows.T, out=into)

    def offer(
        self,
        products: NDArray,
        sq_norms: NDArray[np.float32],
        first_row: int,
        pools: Pools,
        members: NDArray[np.int32] | None = None,
    ) -> None:
        """See ``Products``."""
        if members is None:
            offer(products, sq_norms, first_row, pools)
        else:
            offer_to(members, products, sq_norms, first_row, pools)

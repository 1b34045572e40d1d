"""Matrix products of blocks of queries with blocks of rows; in float32 by the BLAS."""

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...compute.blas import one_blas_thread
from ..pools import Pools, offer, offer_to
from .bounds import Bound, bound_of


class Products(Protocol):
    """Multiplies in one precision, and reads the products: the only thing in which searches on CPUs differ.

    Operands are arrays of ``dtype`` with ``width`` columns, about the origin; products have the same ``dtype``.
    """

    dtype: np.dtype
    width: int

    def queries(self, queries: NDArray[np.float32]) -> tuple[NDArray, Bound]:
        """The operand made of float32 (B, D) queries, and the error bound of their keys."""
        ...

    def rows(self, rows: NDArray[np.float32], sq_norms: NDArray[np.float32], into: NDArray) -> None:
        """Write the operand made of float32 (C, D) rows to ``into``. sq_norms: float32 (C,), |x|² about the origin."""
        ...

    def one_thread(self) -> AbstractContextManager[object]:
        """A context in which products use only the calling thread."""
        ...

    def multiply(self, queries: NDArray, rows: NDArray, into: NDArray) -> None:
        """Write the (B, C) products of two operands to ``into``."""
        ...

    def offer(
        self,
        products: NDArray,
        sq_norms: NDArray[np.float32],
        first_row: int,
        pools: Pools,
        members: NDArray[np.int32] | None = None,
    ) -> None:
        """Offer each line of products to its query's pool. members: int32 (B,), the pools, if not all in order."""
        ...


class Float32Products:
    """See ``Products``. By NumPy's BLAS."""

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

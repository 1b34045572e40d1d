"""Candidates by products: blocks of queries are multiplied with blocks of rows, and pools keep the nearest.

Most of the time beyond the products would go to candidates that nearer ones replace later. So a sample of the rows
first estimates how near a candidate has to be, and almost all rows are skipped by one comparison.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...compute.memory import Budget
from ..pools import empty_pools, finish, pool_bytes
from .bounds import Bound
from .products import Products

_SMALLEST_QUERY_ROWS = 8

_SAMPLED_SHARE = 32
_MOST_SAMPLED = 2048
"""One row in 32, at most ``_MOST_SAMPLED``, is sampled to estimate the limits: 3 % more products."""

_SLACK = 2.0
"""Multiple of the error bound: the K-th row may be further than it seems, and a row left out nearer. With it, only a
first limit that was too low, or a full pool, can leave a query in doubt."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of a block of queries. rows: integers (B, C), local rows, −1 pads. limits: float32 (B,), a lower bound
    of the keys |x|² − 2 q·x of all other rows. bound: error bound of the keys."""

    rows: NDArray[np.integer]
    limits: NDArray[np.float32]
    bound: Bound


class Proposer(Protocol):
    """Finds candidates for blocks of queries."""

    def workers(self, threads: int) -> int:
        """The number of blocks to search at once."""
        ...

    def block_rows(self, budget: Budget, wanted: int, threads: int) -> int:
        """The number of queries in a block. Raises: InputError when the smallest block does not fit the budget."""
        ...

    def propose(self, queries: NDArray[np.float32], wanted: int) -> Candidates:
        """Candidates for the ``wanted`` nearest rows of float32 (B, D) queries. Must be thread-safe."""
        ...


@dataclass(frozen=True, slots=True)
class BlockShape:
    """Size of the largest block of products: it must stay in a core's cache while it is scanned."""

    queries: int
    rows: int


class BlockProposer:
    """See ``Proposer``. One thread multiplies a block of queries with all rows, block by block.

    vectors: float32 (N, D). sq_norms: float32 (N,), about the origin of the products.
    """

    def __init__(
        self,
        products: Products,
        shape: BlockShape,
        vectors: NDArray[np.float32],
        sq_norms: NDArray[np.float32],
    ) -> None:
        self._products = products
        self._queries, self._columns = shape.queries, min(shape.rows, len(vectors))
        self._vectors = vectors
        self._sq_norms = sq_norms
        drawn = _drawn(len(vectors))
        self._sample_norms = sq_norms[drawn]
        self._sample = np.empty((len(drawn), products.width), products.dtype)
        products.rows(vectors[drawn], self._sample_norms, self._sample)

    def workers(self, threads: int) -> int:
        """See ``Proposer``."""
        return threads

    def block_rows(self, budget: Budget, wanted: int, threads: int) -> int:
        """See ``Proposer``."""
        width, item = self._products.width, self._products.dtype.itemsize
        budget = budget.take(threads * item * self._columns * width, "a block of rows for each thread")
        budget = budget.take(item * self._sample.size, "a sample of the rows")
        query_bytes = item * (self._columns + width) + 8 * width + 2 * pool_bytes(wanted)
        return budget.rows(threads * query_bytes, at_most=self._queries, at_least=_SMALLEST_QUERY_ROWS)

    def propose(self, queries: NDArray[np.float32], wanted: int) -> Candidates:
        """See ``Proposer``."""
        with self.one_thread():
            return self._propose(queries, wanted)

    def one_thread(self) -> AbstractContextManager[object]:
        """See ``Products``."""
        return self._products.one_thread()

    def _propose(self, queries: NDArray[np.float32], wanted: int) -> Candidates:
        products = self._products
        asked, bound = products.queries(queries)
        limits = self.first_limits(asked, wanted)
        room = np.empty(len(queries) * self._columns, products.dtype)
        slack = slacks(bound, limits)
        pools = empty_pools(wanted, limits + slack, slack)
        rows = np.empty((self._columns, products.width), products.dtype)
        for first in range(0, len(self._vectors), self._columns):
            norms = self._sq_norms[first : first + self._columns]
            some = rows[: len(norms)]
            products.rows(self._vectors[first : first + self._columns], norms, some)
            block = room[: len(queries) * len(norms)].reshape(len(queries), len(norms))
            products.multiply(asked, some, block)
            products.offer(block, norms, first, pools)
        finish(pools)
        return Candidates(pools.rows, pools.limits, bound)

    def first_limits(self, asked: NDArray, wanted: int) -> NDArray[np.float32]:
        """float32 (B,): keys that almost always have ``wanted`` or more rows below; inf if the sample is too small.

        asked: the operand of B queries. On average the sample holds wanted · len(sample) / rows of the nearest rows.
        The limit is taken four standard deviations above that, so that it is too low for one query in thousands, which
        is then left in doubt.
        """
        expected = wanted * len(self._sample) / len(self._vectors)
        rank = int(np.ceil(expected + 4 * np.sqrt(expected)))
        limits = np.full(len(asked), np.inf, np.float32)
        if rank >= len(self._sample):
            return limits
        pools = empty_pools(rank, limits, np.zeros(len(asked), np.float32))
        room = np.empty(len(asked) * self._columns, self._products.dtype)
        for first in range(0, len(self._sample), self._columns):
            norms = self._sample_norms[first : first + self._columns]
            block = room[: len(asked) * len(norms)].reshape(len(asked), len(norms))
            self._products.multiply(asked, self._sample[first : first + self._columns], block)
            self._products.offer(block, norms, first, pools)
        finish(pools)
        return pools.limits


def slacks(bound: Bound, limits: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (B,): how far above the K-th least key the key of a true neighbour may be. limits: estimates of the K-th
    least keys."""
    sq = np.clip(limits + bound.norms**2, 0.0, (bound.norms + bound.farthest) ** 2)
    return (_SLACK * bound.errors(sq)).astype(np.float32)


def _drawn(rows: int) -> NDArray[np.int64]:
    """The sampled rows, ascending, drawn without replacement. Which they are does not change a search's result."""
    count = min(rows // _SAMPLED_SHARE, _MOST_SAMPLED)
    return np.sort(np.random.default_rng(0).choice(rows, count, replace=False, shuffle=False))

"""Retrieval results per query, from which means and intervals are computed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NDCG_AT = 10
"""Number of ranks that nDCG includes."""


@dataclass(frozen=True, slots=True, eq=False)
class ByQuery:
    """Results of the Q queries that have an answer; `left_out` counts those without.

    query: int64 (Q,), their rows. first: int64 (Q,), rank of the first answer, from 1.
    r_precision, average_at_r: float64 (Q,), as in Musgrave et al. (A Metric Learning Reality Check, ECCV 2020).
    ndcg: float64 (Q,), at `NDCG_AT`, with equal gain for all answers (Järvelin & Kekäläinen, ACM TOIS 2002).
    """

    query: NDArray[np.int64]
    first: NDArray[np.int64]
    r_precision: NDArray[np.float64]
    average_at_r: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    left_out: int

    def recall(self, k: int) -> NDArray[np.bool_]:
        """bool (Q,): whether an answer is among the k nearest."""
        return self.first <= k

    @property
    def reciprocal_rank(self) -> NDArray[np.float64]:
        """float64 (Q,): 1 / rank of the first answer."""
        return 1 / self.first


def no_queries(left_out: int) -> ByQuery:
    """The result of a split in which no query has an answer."""
    nothing = np.zeros(0)
    return ByQuery(np.zeros(0, np.int64), np.zeros(0, np.int64), nothing, nothing, nothing, left_out)


def in_order_of_rows(parts: Sequence[ByQuery], left_out: int) -> ByQuery:
    """Join the results of blocks of queries, sorted by query."""
    query = np.concatenate([part.query for part in parts])
    order = np.argsort(query, kind="stable")
    return ByQuery(
        query[order],
        np.concatenate([part.first for part in parts])[order],
        np.concatenate([part.r_precision for part in parts])[order],
        np.concatenate([part.average_at_r for part in parts])[order],
        np.concatenate([part.ndcg for part in parts])[order],
        left_out,
    )


def discounts(ranks: int) -> NDArray[np.float64]:
    """float64 (ranks,): 1 / log2(rank + 1) of ranks 1, 2, …, `ranks`."""
    return 1 / np.log2(np.arange(2, ranks + 2))

"""Retrieval results per query, from which means and intervals are computed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

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
    average_precision: float64 (Q,), over the whole ranking; None if it was not asked for.
    named: bool (Q,), whether a vote of neighbours named the class correctly; None if it was not asked for.
    """

    query: NDArray[np.int64]
    first: NDArray[np.int64]
    r_precision: NDArray[np.float64]
    average_at_r: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    left_out: int
    average_precision: NDArray[np.float64] | None = None
    named: NDArray[np.bool_] | None = None

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
    rows = np.zeros(0, np.int64)
    return ByQuery(rows, rows, nothing, nothing, nothing, left_out, average_precision=nothing)


def in_order_of_rows(parts: Sequence[ByQuery], left_out: int = 0) -> ByQuery:
    """Join the results of several sets of queries, sorted by query. left_out: queries without an answer in no part."""
    order = np.argsort(np.concatenate([part.query for part in parts]), kind="stable")
    columns: dict[str, Any] = {}
    for name in (field.name for field in fields(ByQuery) if field.name != "left_out"):
        of_parts = [getattr(part, name) for part in parts]
        columns[name] = None if any(each is None for each in of_parts) else np.concatenate(of_parts)[order]
    return ByQuery(left_out=left_out + sum(part.left_out for part in parts), **columns)


def discounts(ranks: int) -> NDArray[np.float64]:
    """float64 (ranks,): 1 / log2(rank + 1) of ranks 1, 2, …, `ranks`."""
    return 1 / np.log2(np.arange(2, ranks + 2))

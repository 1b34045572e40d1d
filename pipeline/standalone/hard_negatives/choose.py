"""Choose the negatives of each query from its candidates and their scores. Works on arrays only."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....mining.kernels import lots
from ....mining.neighbours import NO_ROW
from .bounds import Bounds
from .texts import Texts

_BLOCK_VALUES = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidate documents of each query, nearest first. ids: int64 (Q, K), padded with −1. scores: float32 (Q, K),
    padded with −inf.

    positive_scores: float32 (P,), the scores of the pairs of a query and a positive, in the order of
    ``Texts.positives``.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    positive_scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Negatives:
    """The negatives of each query, by descending score. ids: int64 (Q, n), padded with −1. scores: float32 (Q, n),
    padded with −inf.

    refused: number of candidates that each bound refused, each counted once.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    refused: dict[str, int]

    @property
    def found(self) -> NDArray[np.bool_]:
        """bool (Q, n): False for padding."""
        return np.not_equal(self.ids, NO_ROW)


def choose(found: Candidates, texts: Texts, bounds: Bounds, range_max: int) -> Negatives:
    """Choose negatives as sentence-transformers 6.2 does.

    The bounds are applied in order: margins first, then scores. The remaining candidates are ranked by score, and those
    with ranks from ``range_min`` to ``range_max`` are kept. Of these the first are taken, or a random sample, which
    depends only on ``bounds.seed`` and the query, not on the other queries.
    """
    queries, wanted = len(found.ids), bounds.num_negatives
    ids = np.full((queries, wanted), NO_ROW, np.int64)
    scores = np.full((queries, wanted), -np.inf, np.float32)
    refused: dict[str, int] = {}
    lowest = np.minimum.reduceat(found.positive_scores, texts.starts[:-1])
    positive_of = _keys(texts.query_of_pair(), texts.positives, len(texts.corpus))
    for block in _blocks(queries, found.ids.shape[1]):
        rows, left = found.ids[block], found.scores[block].copy()
        if not bounds.include_positives:
            at = np.arange(queries)[block, None]
            left[np.isin(_keys(at, rows, len(texts.corpus)), positive_of)] = -np.inf
        left[rows == NO_ROW] = -np.inf
        for name, too_much in _refusals(left, lowest[block, None], bounds):
            refused[name] = refused.get(name, 0) + int(too_much.sum())
            left[too_much] = -np.inf
        order = np.argsort(-left, axis=1, kind="stable")[:, bounds.range_min : range_max]
        if bounds.sampling_strategy == "random":
            ranked = np.take_along_axis(rows, order, axis=1), np.take_along_axis(left, order, axis=1)
            order = np.take_along_axis(order, _drawn(*ranked, block.start, bounds), axis=1)
        order = order[:, :wanted]
        width = order.shape[1]
        scores[block, :width] = np.take_along_axis(left, order, axis=1)
        ids[block, :width] = np.take_along_axis(rows, order, axis=1)
    ids[np.isneginf(scores)] = NO_ROW
    return Negatives(ids, scores, refused)


def _blocks(rows: int, width: int) -> Iterator[slice]:
    step = max(1, _BLOCK_VALUES // max(1, width))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _keys(query: NDArray[np.int64], document: NDArray[np.int64], documents: int) -> NDArray[np.int64]:
    """A unique number for each pair."""
    return query * documents + document


def _refusals(
    scores: NDArray[np.float32], lowest: NDArray[np.float32], bounds: Bounds
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The name of each bound that is set, and a mask of the candidates it refuses among those left in ``scores``."""
    if bounds.absolute_margin is not None:
        yield "absolute_margin", scores + np.float32(bounds.absolute_margin) > lowest
    if bounds.relative_margin is not None:
        yield "relative_margin", scores > lowest - np.abs(lowest) * np.float32(bounds.relative_margin)
    if bounds.max_score is not None:
        yield "max_score", scores > np.float32(bounds.max_score)
    if bounds.min_score is not None:
        yield "min_score", (scores < np.float32(bounds.min_score)) & ~np.isneginf(scores)


def _drawn(
    ids: NDArray[np.int64], scores: NDArray[np.float32], first_query: int, bounds: Bounds
) -> NDArray[np.int64]:
    """int64 (B, n): positions of a random sample of each query's candidates, ascending. Refused candidates are drawn
    last."""
    drawn = np.stack([lots(bounds.seed, first_query + i, row) for i, row in enumerate(ids)])
    drawn[np.isneginf(scores)] = np.iinfo(drawn.dtype).max
    return np.sort(np.argsort(drawn, axis=1, kind="stable")[:, : bounds.num_negatives], axis=1)

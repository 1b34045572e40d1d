"""Search the nearest documents of each query, with scores on the model's own scale."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....mining.graphs.build import neighbours_of
from ....mining.neighbours import NO_ROW
from .choose import Candidates
from .embed import as_numpy
from .texts import Texts

Vectors = NDArray[np.float32]

_BLOCK_VALUES = 1 << 22


def _product(sq: Vectors) -> Vectors:
    return np.float32(1) - sq / np.float32(2)


def _minus_distance(sq: Vectors) -> Vectors:
    return np.negative(np.sqrt(sq))


_SCORE_OF = {"cosine": _product, "dot": _product, "euclidean": _minus_distance}
"""Similarity → score of unit vectors from their squared distance; these similarities order documents by distance."""


def candidates_of(
    model: Any,
    texts: Texts,
    queries: Vectors,
    corpus: Vectors,
    own: NDArray[np.int64],
    count: int,
    *,
    batch: int,
    method: str = "exact",
    seed: int = 0,
) -> Candidates:
    """The ``count`` nearest documents of each query, without its own text, and the scores of its positives.

    queries, corpus: float32, of unit length, or zero for texts without a vector. own: see ``Texts``; −1 leaves nothing
    out. batch: queries per call of a custom similarity. method, seed: see ``neighbours_of``.
    """
    pairs = texts.query_of_pair(), texts.positives
    similarity = stock_similarity(model)
    form = _SCORE_OF.get(similarity or "")
    if form is None:
        found = as_numpy(model.similarity_pairwise(queries[pairs[0]], corpus[pairs[1]])).astype(np.float32)
        return Candidates(*_by_the_model(model, queries, corpus, own, count, batch), found)
    ids, sq = _nearest(queries, corpus, own, count, method, seed)
    scores = form(sq)
    scores[ids == NO_ROW] = -np.inf
    positive_scores = form(_pairwise(queries, corpus, *pairs))
    if similarity != "euclidean":  # the product with a zero vector is 0, whatever the distance
        positive_scores[~_known(queries)[pairs[0]] | ~_known(corpus)[pairs[1]]] = 0.0
    return Candidates(ids, scores, positive_scores)


def stock_similarity(model: Any) -> str | None:
    """The name of the built-in similarity that a model uses; None if it has a custom one."""
    library = sys.modules.get("sentence_transformers")  # imported by whoever made such a model
    if library is None or not isinstance(model, library.SentenceTransformer):
        return None
    name = model.similarity_fn_name
    replaced = getattr(model, "_similarity", None) is not library.SimilarityFunction.to_similarity_fn(name)
    overridden = type(model).similarity is not library.SentenceTransformer.similarity
    return None if replaced or overridden else str(name)


def without_vector(vectors: Vectors) -> int:
    """Number of texts without a vector: the model knows none of their words."""
    return int((~_known(vectors)).sum())


def _known(vectors: Vectors) -> NDArray[np.bool_]:
    return np.any(vectors, axis=1)


def _nearest(
    queries: Vectors, corpus: Vectors, own: NDArray[np.int64], count: int, method: str, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """ids int64 (Q, K) and squared distances. Texts without a vector have no neighbours and are nobody's neighbour."""
    documents = np.flatnonzero(_known(corpus))
    if len(documents) < len(corpus):
        place = np.full(len(corpus) + 1, NO_ROW, np.int64)  # one more entry, so that index −1 maps to −1
        place[documents] = np.arange(len(documents))
        corpus, own = corpus[documents], place[own]
    if not len(documents):
        empty = (len(queries), count)
        return np.full(empty, NO_ROW, np.int64), np.full(empty, np.inf, np.float32)
    wanted = min(count, len(corpus))
    table, _ = neighbours_of(corpus, wanted, method=method, queries=queries, own=own, seed=seed)
    ids = np.where(table.ids == NO_ROW, NO_ROW, documents[table.ids])
    ids[~_known(queries)] = NO_ROW
    return ids, table.sq_distances


def _pairwise(
    queries: Vectors, corpus: Vectors, query: NDArray[np.int64], document: NDArray[np.int64]
) -> NDArray[np.float32]:
    """float32 (P,): squared distances of pairs, computed from differences as the search does."""
    sq = np.empty(len(query), np.float32)
    step = max(1, _BLOCK_VALUES // queries.shape[1])
    for start in range(0, len(query), step):
        block = slice(start, start + step)
        difference = queries[query[block]] - corpus[document[block]]
        sq[block] = np.einsum("ij,ij->i", difference, difference)
    return sq


def _by_the_model(
    model: Any, queries: Vectors, corpus: Vectors, own: NDArray[np.int64], count: int, batch: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """ids and scores by the model's custom similarity, with `batch` queries at once against the whole corpus."""
    keep = min(count, len(corpus))
    ids = np.empty((len(queries), keep), np.int64)
    scores = np.empty((len(queries), keep), np.float32)
    for start in range(0, len(queries), batch):
        block = slice(start, start + batch)
        of_all = as_numpy(model.similarity(queries[block], corpus)).astype(np.float32)
        left_out = np.flatnonzero(own[block] != NO_ROW)
        of_all[left_out, own[block][left_out]] = -np.inf
        best = np.argpartition(-of_all, keep - 1, axis=1)[:, :keep]
        # Order by (score, row), since the order of a partition is not specified.
        best.sort(axis=1)
        found = np.take_along_axis(of_all, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        ids[block] = np.take_along_axis(best, order, axis=1)
        scores[block] = np.take_along_axis(found, order, axis=1)
    ids[np.isneginf(scores)] = NO_ROW
    return ids, scores

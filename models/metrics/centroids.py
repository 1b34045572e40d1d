"""Retrieval of class centroids instead of rows."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_sides, sq_distance_blocks
from .by_query import NDCG_AT, ByQuery, discounts, no_queries
from .relevance import Classes, Relevance


@dataclass(frozen=True, slots=True)
class CentroidRanks:
    """The ranks of the right centroids for each query that has any.

    query: int64 (P,), ascending, an entry for each right centroid of a query. rank: int64 (P,), from 1, ascending
    within a query. queries: number of queries with a right centroid. left_out: number of queries without. gallery:
    number of centroids.
    """

    query: NDArray[np.int64]
    rank: NDArray[np.int64]
    queries: int
    left_out: int
    gallery: int


def centroid_ranks(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    normalise: bool,
    asked: NDArray[np.int64] | None = None,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    block_mib: int = BLOCK_MIB,
) -> CentroidRanks:
    """Rank the class centroids for every query (Wieczorek et al., 2021, arXiv 2104.13643, section 3.3).

    queries: (Q, D) with Q classes; gallery: (G, D) with G classes; both as the encoder returns them. A centroid is the
    mean of a class. With `normalise`, centroids are then scaled to unit length, and so are the queries. The right
    centroids are those of the query's own classes, as means over *other* rows: without the query itself if no gallery
    is given, and without rows of the query's group (−1: none) if groups are given. asked: int64, ascending, only these
    queries. Queries whose classes have no such row are left out and counted.

    A wrong centroid as near as a right one counts as nearer, so that an encoder that maps everything to one point
    scores low.
    """
    query_classes, gallery, gallery_classes, alone = checked_sides(
        queries, query_classes, gallery, gallery_classes
    )
    # Only checks the groups.
    Relevance(
        query_classes, gallery_classes, alone=alone, query_groups=query_groups, gallery_groups=gallery_groups
    )
    gallery_groups = query_groups if alone else gallery_groups
    row = gallery_classes.row_of()
    codes, place, counts = np.unique(gallery_classes.members, return_inverse=True, return_counts=True)
    sums = np.zeros((len(codes), gallery.shape[1]))
    np.add.at(sums, place, gallery[row])

    # A pair for each class of a query that occurs in the gallery.
    query, code = query_classes.row_of(), query_classes.members
    own = np.searchsorted(codes, code).clip(max=len(codes) - 1)
    known = codes[own] == code
    if asked is not None:
        known &= np.isin(query, asked)
    query, own = query[known], own[known]
    less, fewer = queries[query] * float(alone), np.full(len(query), int(alone))
    if query_groups is not None and gallery_groups is not None:
        grouped = query_groups[query] >= 0
        less, fewer = less.astype(np.float64), fewer.copy()
        less[grouped], fewer[grouped] = _of_class_and_group(
            (place, gallery_groups[row], gallery[row]), own[grouped], query_groups[query[grouped]]
        )
    others = counts[own] - fewer
    answered = others > 0

    def scaled(vectors: NDArray) -> NDArray[np.float32]:
        return unit_length(vectors) if normalise else vectors.astype(np.float32)

    right = scaled((sums[own] - less)[answered] / others[answered, None])
    ranks = _ranks(
        scaled(queries[query[answered]]),
        right,
        scaled(sums / counts[:, None]),
        (query, own),
        answered,
        block_mib,
    )
    found = len(np.unique(query[answered]))
    left_out = (len(queries) if asked is None else len(asked)) - found
    return CentroidRanks(query[answered], ranks, found, left_out, len(codes))


def _ranks(
    rows: NDArray[np.float32],
    right: NDArray[np.float32],
    centroids: NDArray[np.float32],
    own: tuple[NDArray[np.int64], NDArray[np.int64]],
    answered: NDArray[np.bool_],
    block_mib: int,
) -> NDArray[np.int64]:
    """int64 (P,): the ranks of the right centroids, from 1, ascending within a query.

    rows, right: (P, D), query and right centroid of each pair. own: query and centroid of every pair, including those
    not `answered` because no other row of the class is left; their centroid is neither right nor wrong for the query.
    """
    query = own[0][answered]
    to_right = torch.from_numpy(np.square(rows - right).sum(axis=1))
    begins, ends = np.searchsorted(own[0], query), np.searchsorted(own[0], query, side="right")
    wrong = np.empty(len(query), np.int64)
    for block, distances in sq_distance_blocks(rows, centroids, block_mib=block_mib):
        sizes = ends[block] - begins[block]
        pair = np.repeat(np.arange(len(sizes)), sizes)
        at = np.arange(len(pair)) - np.repeat(np.cumsum(sizes) - sizes - begins[block], sizes)
        distances[torch.from_numpy(pair), torch.from_numpy(own[1][at])] = torch.inf
        wrong[block] = (distances <= to_right[block, None]).sum(dim=1).numpy()
    # A right centroid ranks behind wrong ones that are as near or nearer, and behind nearer right ones.
    order = np.lexsort((to_right.numpy(), query))
    return wrong[order] + 1 + np.arange(len(query)) - np.searchsorted(query, query)


def _of_class_and_group(
    rows: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]],
    own: NDArray[np.int64],
    group: NDArray[np.int32],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each pair of a class `own` and a group `group` ≥ 0: the sum and number of the rows (class, group, vector)."""
    place, groups, vectors = rows
    width = int(max(groups.max(initial=0), group.max(initial=0))) + 2
    keys, at, counts = np.unique(place * width + groups + 1, return_inverse=True, return_counts=True)
    # The last entry stands for a class and group without rows.
    sums = np.zeros((len(keys) + 1, vectors.shape[1]))
    np.add.at(sums, at, vectors)
    wanted = own * width + group + 1
    found = np.searchsorted(keys, wanted)
    found[keys[found.clip(max=len(keys) - 1)] != wanted] = len(keys)
    return sums[found], np.append(counts, 0)[found]


def as_retrieval(ranks: CentroidRanks) -> ByQuery:
    """The ranks as retrieval results; R is a query's number of right centroids.

    A query with one class has one right centroid: R-precision and MAP@R then equal Recall@1.
    """
    if ranks.queries == 0:
        return no_queries(ranks.left_out)
    first, right, nth = _by_query(ranks)
    query, at = np.unique(ranks.query, return_inverse=True)
    within = ranks.rank <= right
    discount = np.append(discounts(NDCG_AT), 0.0)
    ideal = discount.cumsum()[np.minimum(right, NDCG_AT) - 1]
    gained = discount[np.minimum(ranks.rank, NDCG_AT + 1) - 1]
    return ByQuery(
        query,
        first,
        np.bincount(at, within / right).astype(np.float64),
        np.bincount(at, within * nth / ranks.rank / right).astype(np.float64),
        np.bincount(at, gained / ideal).astype(np.float64),
        ranks.left_out,
        average_precision=np.bincount(at, nth / ranks.rank / right).astype(np.float64),
    )


def _by_query(ranks: CentroidRanks) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The first right rank of each query (Q,); then for each entry R, and its place among the right ones, from 1."""
    _, begins, at, counts = np.unique(ranks.query, return_index=True, return_inverse=True, return_counts=True)
    return ranks.rank[begins], counts[at], np.arange(len(at)) - begins[at] + 1


def unit_length(vectors: NDArray) -> NDArray[np.float32]:
    """Vectors (N, D) with every row scaled to unit length; a zero row stays zero."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)).astype(np.float32)

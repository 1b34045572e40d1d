"""Retrieval of class centroids instead of single rows."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_gallery, sq_distance_blocks
from .retrieval import RECALLS, Retrieval


def centroid_retrieval(
    queries: NDArray[np.float32],
    query_classes: NDArray[np.int32],
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: NDArray[np.int32] | None = None,
    *,
    normalise: bool,
    recalls: Sequence[int] = RECALLS,
    block_mib: int = BLOCK_MIB,
) -> Retrieval:
    """Ask for every query the nearest class centroids (Wieczorek et al., 2021, arXiv 2104.13643, section 3.3).

    queries: (Q, D) with classes (Q,); gallery: (G, D) with classes (G,), each as the encoder gives them. A centroid is
    the mean of a class; with `normalise` it is made unit length after that, and the queries are, too. Without a gallery
    the queries are it, and the centroid of a query's own class is the mean of the *other* rows. Queries whose class
    has no row in the gallery are left out and counted.

    One centroid is right, so R = 1: R-precision and MAP@R equal Recall@1. A centroid as near as the right one counts
    as nearer: an encoder that maps everything to one point must not shine.
    """
    gallery, gallery_classes, alone = checked_gallery(queries, query_classes, gallery, gallery_classes)
    codes, place, counts = np.unique(gallery_classes, return_inverse=True, return_counts=True)
    sums = np.zeros((len(codes), gallery.shape[1]))
    np.add.at(sums, place, gallery)

    own = np.searchsorted(codes, query_classes).clip(max=len(codes) - 1)
    others = counts[own] - int(alone)
    asked = np.flatnonzero((codes[own] == query_classes) & (others > 0))
    if len(asked) == 0:
        return Retrieval(0, len(queries), dict.fromkeys(recalls, 0.0), 0.0, 0.0)
    own, rows = own[asked], queries[asked]

    def scaled(vectors: NDArray) -> NDArray[np.float32]:
        return unit_length(vectors) if normalise else vectors.astype(np.float32)

    right = scaled((sums[own] - rows * float(alone)) / others[asked, None])
    rows, centroids = scaled(rows), scaled(sums / counts[:, None])

    to_right = torch.from_numpy(np.square(rows - right).sum(axis=1))
    place_of_own = torch.from_numpy(own)
    hits = dict.fromkeys((1, *recalls), 0)
    for block, distances in sq_distance_blocks(rows, centroids, block_mib=block_mib):
        distances.scatter_(1, place_of_own[block, None], torch.inf)
        rank = (distances <= to_right[block, None]).sum(dim=1)
        for k in hits:
            hits[k] += int((rank < k).sum())
    total = len(asked)
    return Retrieval(
        queries=total,
        left_out=len(queries) - total,
        recall={k: hits[k] / total for k in recalls},
        r_precision=hits[1] / total,
        map_at_r=hits[1] / total,
    )


def unit_length(vectors: NDArray) -> NDArray[np.float32]:
    """The rows of vectors (N, D), each made unit length; a zero vector stays zero."""
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)).astype(np.float32)

"""What the queries of a split find, and all metrics of it as a flat dictionary for JSON."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..row_classes import RowClasses
from .by_query import NDCG_AT, ByQuery
from .centroids import as_retrieval, centroid_ranks, unit_length
from .intervals import interval
from .nmi import nmi
from .recognition import recognition
from .relevance import Classes
from .retrieval import average_precisions, retrieval

Matched = Literal["instances", "centroids"]

RECALLS = (1, 2, 4, 8)
"""Default ranks K of recall@K."""
CMC_RANKS = (1, 5, 10)
"""Ranks K of cmc@K."""


def search(
    embeddings: NDArray[np.float32],
    classes: Classes,
    *,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    asked: NDArray[np.int64] | None = None,
    matched: Matched = "instances",
    normalise: bool = False,
    whole_ranking: bool = False,
    knn: int | None = None,
) -> ByQuery:
    """Results of each query.

    Without a gallery, each embedding is searched for among the others (leave-one-out). With one, every embedding is a
    query to the gallery. asked: int64, ascending, only these queries. groups: matches of a query's own group are taken
    out, see `Relevance`.
    matched: compare queries with rows, or with class centroids. Rows are used as given. Centroids are means of rows as
    given; `normalise` scales them, and the queries, to unit length afterwards.
    whole_ranking: also the average precision over the whole ranking. knn: also whether a vote of so many neighbours
    names a class correctly, see `recognition`.
    """
    sides = (embeddings, classes, gallery, gallery_classes)
    among: dict[str, Any] = {"asked": asked, "query_groups": groups, "gallery_groups": gallery_groups}
    if matched == "centroids":
        found = as_retrieval(centroid_ranks(*sides, normalise=normalise, **among))
        if normalise:
            embeddings = unit_length(embeddings)
            gallery = None if gallery is None else unit_length(gallery)
    else:
        found = retrieval(*sides, **among)
        if whole_ranking:
            found = replace(found, average_precision=average_precisions(*sides, **among))
    if not whole_ranking:
        found = replace(found, average_precision=None)
    if knn is not None:
        voted = recognition(embeddings, classes, gallery, gallery_classes, neighbours=knn, **among)
        found = replace(found, named=voted.right)
    return found


def retrieval_metrics(
    found: ByQuery,
    classes: Classes,
    *,
    gallery: int,
    recalls: Sequence[int] = RECALLS,
    knn: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Means over the queries: recall@K for each of `recalls`, r_precision, map_at_r, mrr, ndcg@10, queries,
    queries_left_out and gallery.

    Metrics are None if no query has an answer. recall@1_interval and map_at_r_interval: [low, high], see `interval`;
    None with fewer than two classes.
    found: see `search`. classes: of all rows among which the queries are. gallery: the number of rows, or centroids,
    that a query is compared with. If the whole ranking was searched, also map (mean average precision) and cmc@1, 5,
    10; if neighbours voted, also knn@K, where `knn` is K.
    """
    figures: dict[str, NDArray] = {}
    if found.average_precision is not None:
        figures["map"] = found.average_precision
        figures |= {f"cmc@{k}": found.recall(k) for k in CMC_RANKS}
    figures |= {f"recall@{k}": found.recall(k) for k in recalls} | {
        "r_precision": found.r_precision,
        "map_at_r": found.average_at_r,
        "mrr": found.reciprocal_rank,
        f"ndcg@{NDCG_AT}": found.ndcg,
    }
    clusters = _class_of(classes, found.query)
    counts = {"queries": len(found.query), "queries_left_out": found.left_out, "gallery": gallery}
    return (
        {name: _mean(values) for name, values in figures.items()}
        | {f"{name}_interval": _bounds(figures[name], clusters, seed) for name in ("recall@1", "map_at_r")}
        | counts
        | ({} if found.named is None else {f"knn@{knn}": _mean(found.named)})
    )


def nmi_metrics(embeddings: NDArray[np.float32], classes: Classes, *, seed: int) -> dict[str, Any]:
    """nmi; if it is None, nmi_left_out says why."""
    clustered = nmi(embeddings, classes, seed=seed)
    why = {"nmi_left_out": clustered.left_out} if clustered.left_out else {}
    return {"nmi": clustered.value, **why}


def _mean(values: NDArray) -> float | None:
    """None of no query, where 0.0 would look measured."""
    return float(values.mean()) if len(values) else None


def _class_of(classes: Classes, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 (len(rows),): a code for each row's class, or for its set of classes."""
    own = RowClasses.of(classes).take(rows)
    if own.offsets is None:
        return own.members.astype(np.int64)
    sets = [tuple(each.tolist()) for each in np.split(own.members, own.offsets[1:-1])]
    codes = {each: code for code, each in enumerate(sorted(set(sets)))}
    return np.array([codes[each] for each in sets], np.int64)


def _bounds(values: NDArray, clusters: NDArray[np.int64], seed: int) -> list[float] | None:
    found = interval(values, clusters, seed=seed) if len(values) else None
    return None if found is None else list(found)

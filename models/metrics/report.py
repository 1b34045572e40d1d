"""All metrics of a split as one flat, JSON-able dictionary."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..row_classes import RowClasses
from .by_query import NDCG_AT, ByQuery
from .centroids import as_re_identification, as_retrieval, centroid_ranks, unit_length
from .intervals import interval
from .nmi import nmi
from .recognition import Recognition, recognition
from .reidentification import ReIdentification, re_identification
from .relevance import Classes
from .retrieval import retrieval

Matched = Literal["instances", "centroids"]

RECALLS = (1, 2, 4, 8)
"""Ranks at which recall is measured by default."""


def retrieval_metrics(
    embeddings: NDArray[np.float32],
    classes: Classes,
    *,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    matched: Matched = "instances",
    normalise: bool = False,
    recalls: Sequence[int] = RECALLS,
    knn: int | None = None,
    with_nmi: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """recall@K for each of `recalls`, r_precision, map_at_r, mrr, ndcg@10, queries, queries_left_out, gallery; knn@K,
    see `recognition`, where `knn` says of how many neighbours; nmi (None with nmi_left_out saying why).
    recall@1_interval and map_at_r_interval are [low, high], see `interval`; None with fewer than two classes.

    Without a gallery: leave-one-out among the embeddings. With one: every embedding asks the gallery, and NMI, which
    does not depend on a gallery, is not computed again. "gallery" says how many rows, or centroids, a query is compared
    with. Where no query has an answer the figures are None.
    matched: queries against rows, or against class centroids, whose means are taken before anything is made unit
    length: `normalise` then says that it is to be, later. Rows are matched as they are given.
    """
    asked = (embeddings, classes, gallery, gallery_classes)
    if matched == "centroids":
        ranks = centroid_ranks(*asked, normalise=normalise)
        found = as_metrics(as_retrieval(ranks), classes, ranks.gallery, recalls, seed)
        embeddings = unit_length(embeddings) if normalise else embeddings
        gallery = unit_length(gallery) if normalise and gallery is not None else gallery
    else:
        found = as_metrics(retrieval(*asked), classes, _compared_with(embeddings, gallery), recalls, seed)
    if knn is not None:
        found[f"knn@{knn}"] = _recognised(
            recognition(embeddings, classes, gallery, gallery_classes, neighbours=knn)
        )
    if with_nmi and gallery is None:
        clustered = nmi(embeddings, classes, seed=seed)
        found["nmi"] = clustered.value
        if clustered.left_out:
            found["nmi_left_out"] = clustered.left_out
    return found


def re_identification_metrics(
    embeddings: NDArray[np.float32],
    classes: Classes,
    groups: NDArray[np.int32] | None,
    *,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    matched: Matched = "instances",
    normalise: bool = False,
    recalls: Sequence[int] = RECALLS,
    knn: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """As `retrieval_metrics` without NMI, matches of a query's own group left out, with map and cmc@1, 5, 10.

    map: mean average precision over the whole ranking.
    """
    asked = (embeddings, classes, gallery, gallery_classes)
    if matched == "centroids":
        ranks = centroid_ranks(
            *asked, normalise=normalise, query_groups=groups, gallery_groups=gallery_groups
        )
        ranked, plain = as_re_identification(ranks), as_retrieval(ranks)
        compared_with = ranks.gallery
        if normalise:
            asked = (
                unit_length(embeddings),
                classes,
                None if gallery is None else unit_length(gallery),
                asked[3],
            )
    else:
        plain = retrieval(*asked, query_groups=groups, gallery_groups=gallery_groups)
        ranked = re_identification(*asked, query_groups=groups, gallery_groups=gallery_groups)
        compared_with = _compared_with(embeddings, gallery)
    found = _ranked(ranked) | as_metrics(plain, classes, compared_with, recalls, seed)
    if knn is not None:
        voted = recognition(*asked, neighbours=knn, query_groups=groups, gallery_groups=gallery_groups)
        found[f"knn@{knn}"] = _recognised(voted)
    return found


def _recognised(voted: Recognition) -> float | None:
    return voted.accuracy if voted.queries else None


def _compared_with(embeddings: NDArray[np.float32], gallery: NDArray[np.float32] | None) -> int:
    """Rows, of which the query itself is none."""
    return len(embeddings) - 1 if gallery is None else len(gallery)


def as_metrics(
    found: ByQuery, classes: Classes, gallery: int, recalls: Sequence[int], seed: int
) -> dict[str, Any]:
    """The means over the queries, under the names by which they are stored."""
    figures = {f"recall@{k}": found.recall(k) for k in recalls} | {
        "r_precision": found.r_precision,
        "map_at_r": found.average_at_r,
        "mrr": found.reciprocal_rank,
        f"ndcg@{NDCG_AT}": found.ndcg,
    }
    asked = len(found.query)
    clusters = _class_of(classes, found.query)
    return (
        {name: float(values.mean()) if asked else None for name, values in figures.items()}
        | {f"{name}_interval": _bounds(figures[name], clusters, seed) for name in ("recall@1", "map_at_r")}
        | {"queries": asked, "queries_left_out": found.left_out, "gallery": gallery}
    )


def _class_of(classes: Classes, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """A code for the class of each row, or for its set of classes: int64 (len(rows),)."""
    own = RowClasses.of(classes).take(rows)
    if own.offsets is None:
        return own.members.astype(np.int64)
    sets = [tuple(each.tolist()) for each in np.split(own.members, own.offsets[1:-1])]
    codes = {each: code for code, each in enumerate(sorted(set(sets)))}
    return np.array([codes[each] for each in sets], np.int64)


def _bounds(values: NDArray, clusters: NDArray[np.int64], seed: int) -> list[float] | None:
    found = interval(values, clusters, seed=seed) if len(values) else None
    return None if found is None else list(found)


def _ranked(ranked: ReIdentification) -> dict[str, Any]:
    """Without a query nothing was measured, and 0.0 would be a figure."""
    figures = {"map": ranked.mean_average_precision} | {f"cmc@{k}": value for k, value in ranked.cmc.items()}
    return {name: value if ranked.queries else None for name, value in figures.items()}

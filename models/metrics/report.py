"""All metrics of a split as a flat dictionary for JSON."""

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
"""Default ranks K of recall@K."""


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
    """recall@K for each of `recalls`, r_precision, map_at_r, mrr, ndcg@10, queries, queries_left_out and gallery.

    recall@1_interval and map_at_r_interval: [low, high], see `interval`; None with fewer than two classes. gallery: the
    number of rows, or centroids, that a query is compared with. With `knn`, also knn@K for that many neighbours, see
    `recognition`. With `with_nmi`, also nmi; if it is None, nmi_left_out says why. Metrics are None if no query has an
    answer.

    Without a gallery, each embedding is searched for among the others (leave-one-out). With one, every embedding is a
    query to the gallery, and NMI, which does not depend on the gallery, is not computed.
    matched: compare queries with rows, or with class centroids. Rows are used as given. Centroids are means of rows as
    given; `normalise` scales them, and the queries, to unit length afterwards.
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
    """Like `retrieval_metrics` without NMI, but without matches of a query's own group, and with map and cmc@1, 5, 10.

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
    """The number of rows that a query is compared with; the query itself does not count."""
    return len(embeddings) - 1 if gallery is None else len(gallery)


def as_metrics(
    found: ByQuery, classes: Classes, gallery: int, recalls: Sequence[int], seed: int
) -> dict[str, Any]:
    """Means over the queries, under the names that are stored."""
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


def _ranked(ranked: ReIdentification) -> dict[str, Any]:
    """map and cmc@K; None if no query has an answer, where 0.0 would look measured."""
    figures = {"map": ranked.mean_average_precision} | {f"cmc@{k}": value for k, value in ranked.cmc.items()}
    return {name: value if ranked.queries else None for name, value in figures.items()}

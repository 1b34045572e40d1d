"""All metrics of a split as one flat, JSON-able dictionary."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .centroids import as_re_identification, as_retrieval, centroid_ranks, unit_length
from .nmi import nmi
from .reidentification import ReIdentification, re_identification
from .relevance import Classes
from .retrieval import Retrieval, retrieval

Matched = Literal["instances", "centroids"]


def retrieval_metrics(
    embeddings: NDArray[np.float32],
    classes: Classes,
    *,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    matched: Matched = "instances",
    normalise: bool = False,
    with_nmi: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """recall@1, 2, 4, 8, r_precision, map_at_r, queries, queries_left_out, gallery; nmi (None with nmi_left_out saying
    why).

    Without a gallery: leave-one-out among the embeddings. With one: every embedding asks the gallery, and NMI, which
    does not depend on a gallery, is not computed again. "gallery" says how many rows, or centroids, a query is compared
    with. Where no query has an answer the figures are None.
    matched: queries against rows, or against class centroids, whose means are taken before anything is made unit
    length: `normalise` then says that it is to be, later. Rows are matched as they are given.
    """
    asked = (embeddings, classes, gallery, gallery_classes)
    if matched == "centroids":
        ranks = centroid_ranks(*asked, normalise=normalise)
        found = as_metrics(as_retrieval(ranks), ranks.gallery)
        embeddings = unit_length(embeddings) if normalise else embeddings
    else:
        found = as_metrics(retrieval(*asked), _compared_with(embeddings, gallery))
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
) -> dict[str, Any]:
    """As `retrieval_metrics` without NMI, matches of a query's own group left out, with map and cmc@1, 5, 10.

    map: mean average precision over the whole ranking.
    """
    asked = (embeddings, classes, gallery, gallery_classes)
    if matched == "centroids":
        ranks = centroid_ranks(
            *asked, normalise=normalise, query_groups=groups, gallery_groups=gallery_groups
        )
        return _ranked(as_retrieval(ranks), as_re_identification(ranks), ranks.gallery)
    return _ranked(
        retrieval(*asked, query_groups=groups, gallery_groups=gallery_groups),
        re_identification(*asked, query_groups=groups, gallery_groups=gallery_groups),
        _compared_with(embeddings, gallery),
    )


def _compared_with(embeddings: NDArray[np.float32], gallery: NDArray[np.float32] | None) -> int:
    """Rows, of which the query itself is none."""
    return len(embeddings) - 1 if gallery is None else len(gallery)


def as_metrics(found: Retrieval, gallery: int) -> dict[str, Any]:
    """The names under which retrieval figures are stored."""
    figures = {f"recall@{k}": value for k, value in found.recall.items()} | {
        "r_precision": found.r_precision,
        "map_at_r": found.map_at_r,
    }
    return _if_asked(figures, found.queries) | {
        "queries": found.queries,
        "queries_left_out": found.left_out,
        "gallery": gallery,
    }


def _ranked(found: Retrieval, ranked: ReIdentification, gallery: int) -> dict[str, Any]:
    figures = {"map": ranked.mean_average_precision} | {f"cmc@{k}": value for k, value in ranked.cmc.items()}
    return _if_asked(figures, ranked.queries) | as_metrics(found, gallery)


def _if_asked(figures: dict[str, float], queries: int) -> dict[str, Any]:
    """Without a query nothing was measured, and 0.0 would be a figure."""
    return {name: value if queries else None for name, value in figures.items()}

"""All metrics of a split as one flat, JSON-able dictionary."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .centroids import centroid_retrieval, unit_length
from .nmi import nmi
from .retrieval import Retrieval, retrieval


def retrieval_metrics(
    embeddings: NDArray[np.float32],
    classes: NDArray[np.int32],
    *,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: NDArray[np.int32] | None = None,
    matched: Literal["instances", "centroids"] = "instances",
    normalise: bool = False,
    with_nmi: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """recall@1, 2, 4, 8, r_precision, map_at_r, queries, queries_left_out; nmi (None with nmi_left_out saying why).

    Without a gallery: leave-one-out among the embeddings. With one: every embedding asks the gallery, and
    NMI, which does not depend on a gallery, is not computed again.
    matched: queries against rows, or against class centroids, whose means are taken before anything is made unit
    length: `normalise` then says that it is to be, later. Rows are matched as they are given.
    """
    if matched == "centroids":
        found = as_metrics(
            centroid_retrieval(embeddings, classes, gallery, gallery_classes, normalise=normalise)
        )
        embeddings = unit_length(embeddings) if normalise else embeddings
    else:
        found = as_metrics(retrieval(embeddings, classes, gallery, gallery_classes))
    if with_nmi and gallery is None:
        clustered = nmi(embeddings, classes, seed=seed)
        found["nmi"] = clustered.value
        if clustered.left_out:
            found["nmi_left_out"] = clustered.left_out
    return found


def as_metrics(found: Retrieval) -> dict[str, Any]:
    """The names under which retrieval figures are stored."""
    return {f"recall@{k}": value for k, value in found.recall.items()} | {
        "r_precision": found.r_precision,
        "map_at_r": found.map_at_r,
        "queries": found.queries,
        "queries_left_out": found.left_out,
    }

"""All metrics of a split as one flat, JSON-able dictionary."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .nmi import nmi
from .retrieval import Retrieval, retrieval


def retrieval_metrics(
    embeddings: NDArray[np.float32],
    classes: NDArray[np.int32],
    *,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: NDArray[np.int32] | None = None,
    with_nmi: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """recall@1, 2, 4, 8, r_precision, map_at_r, queries, queries_left_out; nmi (None with nmi_left_out saying
    why).

    Without a gallery: leave-one-out among the embeddings. With one: every embedding asks the gallery, and
    NMI, which does not depend on a gallery, is not computed again.
    """
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

"""Metrics of a run whose loss scores items: how well they are ordered."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.ranking.items import mean_scores
from ...plan.stage import Job
from ...workers.opened import ranked_of
from ..trained_layers import head_of


def ranking_figures(job: Job, vectors: Mapping[str, NDArray[np.float32]]) -> dict[str, dict[str, Any]]:
    """`order_metrics` and `kendall_metrics` of each split, scored by the head that was trained with the encoder.

    vectors: float32 (rows, D) of each split, as the run embeds them.
    """
    from ....models.metrics.order import kendall_metrics, order_metrics

    head = head_of(job)
    found = {}
    for split, each in vectors.items():
        items = ranked_of(job, split)
        scores = mean_scores(items, head.scores(each))
        found[split] = {
            **order_metrics(
                scores,
                items.better,
                items.alike,
                margin=job.spec.loss.ranking.margin,
                groups=items.groups,
            ),
            **kendall_metrics(scores, items.values, items.groups),
        }
    return found

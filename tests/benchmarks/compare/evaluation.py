"""How every contestant is measured, whoever trained it."""

from typing import Any

from torch import nn
from tripletmine.models.encoders.encode import encode
from tripletmine.models.metrics.report import retrieval_metrics, search

from .data import Loaded

_BATCH = 512
"""Rows pushed through the encoder at once, as by the product."""

KEPT = ("map_at_r", "recall@1")
"""The metrics that are kept."""


def measured(encoder: nn.Module, data: Loaded, split: str) -> dict[str, float]:
    """The kept metrics of a split, leave-one-out, by exact search."""
    vectors = encode(encoder, data.images[split], normalise=True, batch_rows=_BATCH)
    found = search(vectors, data.classes[split])
    return kept(retrieval_metrics(found, data.classes[split], gallery=len(vectors) - 1))


def kept(metrics: dict[str, Any]) -> dict[str, float]:
    """Those of the product's metrics that are kept."""
    return {name: float(metrics[name]) for name in KEPT}

"""What one training step did, for the metrics."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StepRecord:
    """step: of the whole run, from 0. images: in the batch.

    loss: what was minimised, before the weights were changed. losses: its parts by name, before weighting.
    triplets: trained.
    active_share: share of the pairs (a, p) looked at, or of the stored triplets, that still gave a gradient.
    mined_share: share of the trained triplets (of a sample of them) that had been mined; None if unknown.
    updated: False when the batch taught nothing, and weights and optimiser were left alone.
    """

    step: int
    images: int
    loss: float
    losses: Mapping[str, float]
    triplets: int
    active_share: float
    mined_share: float | None
    learning_rate: float
    updated: bool

    def as_line(self) -> dict[str, Any]:
        """Flat and JSON-ready: the parts of the loss as "loss/<name>"."""
        line = asdict(self)
        parts = line.pop("losses")
        return line | {f"loss/{name}": value for name, value in parts.items()}

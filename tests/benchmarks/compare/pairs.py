"""Two contestants paired by seed: the difference at the end, and what one needs to reach the other's final score."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from .results import Epoch, Result

METRIC = "map_at_r"


@dataclass(frozen=True, slots=True)
class Cost:
    """Images, seconds and CPU seconds, each as a share of what the other contestant took for all its training."""

    images: float
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Pair:
    """ours, other: MAP@R among the test images at the end. cost: of reaching `other`; None where it was not."""

    seed: int
    ours: float
    other: float
    cost: Cost | None

    @property
    def difference(self) -> float:
        """By how much ours ends higher."""
        return self.ours - self.other


def paired(ours: Mapping[int, Result], others: Mapping[int, Result]) -> list[Pair]:
    """One pair for each seed that both have; seed → result."""
    return [
        Pair(seed, score_of(ours[seed].final), score_of(others[seed].final), _cost(ours[seed], others[seed]))
        for seed in sorted(ours.keys() & others.keys())
    ]


def score_of(epoch: Epoch) -> float:
    """MAP@R among the test images."""
    if epoch.test is None:
        raise ValueError(f"the epoch that ends at {epoch.images:,} images was not tested")
    return epoch.test[METRIC]


def reached(result: Result, score: float) -> tuple[float, Epoch] | None:
    """The number of images after which a score was reached, and the tested epoch in which it was; None if never.

    Between two tested epochs a straight line is assumed. Scores rise ever more slowly, so that the true curve
    lies above it: the number of images is rather too large than too small.
    """
    tested = [epoch for epoch in result.epochs if epoch.test is not None]
    if score_of(tested[0]) >= score:
        return tested[0].images, tested[0]
    for before, after in pairwise(tested):
        low, high = score_of(before), score_of(after)
        if low < score <= high:
            return before.images + (after.images - before.images) * (score - low) / (high - low), after
    return None


def _cost(ours: Result, other: Result) -> Cost | None:
    """Times are those at the end of the epoch in which the score was reached, with its mining."""
    there = reached(ours, score_of(other.final))
    if there is None:
        return None
    images, epoch = there
    return Cost(
        images=images / other.final.images,
        seconds=epoch.seconds / other.final.seconds,
        cpu_seconds=epoch.cpu_seconds / other.final.cpu_seconds,
    )

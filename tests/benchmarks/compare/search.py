"""The learning rate of each contestant: the best on validation, with one seed and one pass."""

from collections.abc import Sequence

from .contestants import CONTESTANTS, Contestant
from .data import Task
from .results import Result

RATES = (2e-3, 4e-3, 8e-3)
"""Tried for every contestant; then half of the lowest rate is tried, too, as long as the lowest is the best."""

LOWEST = 2.5e-4
SEED = 0
PASSES = 1


def searched(names: Sequence[str]) -> list[Contestant]:
    """The contestants whose own rates are searched, to have those of all `names`."""
    own = dict.fromkeys(CONTESTANTS[name].rate_of or name for name in names)
    return [CONTESTANTS[name] for name in own]


def cost(task: Task, names: Sequence[str]) -> str:
    """What the search costs, in words."""
    who = searched(names)
    images = len(who) * len(RATES) * task.images_per_pass * PASSES
    return (
        f"learning-rate search: {len(who)} contestants × {len(RATES)} rates × {PASSES} pass of "
        f"{task.images_per_pass:,} images, {images:,} images in all, less what is kept already; "
        f"{task.images_per_pass * PASSES:,} more for each lower rate, where the lowest is the best"
    )


def best_rate(results: Sequence[Result]) -> float:
    """The rate of the result with the best validation MAP@R; of equally good ones, the lower rate."""
    best = max(results, key=lambda result: (result.final.validation["map_at_r"], -result.learning_rate))
    return best.learning_rate


def next_rate(results: Sequence[Result]) -> float | None:
    """The rate to try next; None when the search is over."""
    tried = {result.learning_rate for result in results}
    missing = [rate for rate in RATES if rate not in tried]
    if missing:
        return missing[0]
    lower = min(tried) / 2
    return lower if best_rate(results) == min(tried) and lower >= LOWEST else None

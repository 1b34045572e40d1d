"""Progress of a run as one line per epoch, and the estimated time left."""

from collections.abc import Iterator
from itertools import compress

from rich.table import Table

from ...pipeline.run.status import EpochStatus, RunStatus, StageStatus
from .tables import duration, figure, table

TITLES = (
    "epoch", "loss", "k", "triplets", "pairs", "coverage", "R@1", "MAP@R", "label mAP", "pair accuracy", "time"
)  # fmt: skip
_LABELS, _PAIRS, _RETRIEVAL = {"label mAP"}, {"pairs", "pair accuracy"}, {"triplets", "R@1", "MAP@R"}
"""Columns shown only if a loss scores labels; only if a loss scores items; and only if no loss scores items."""


def epoch_table(found: RunStatus, rows: int) -> Table:
    """A table of the last epochs that have begun, in at most `rows` lines; the first line counts the epochs left out.

    Figures appear stage by stage: triplets after mining, loss after training, metrics after evaluation.
    """
    begun = [epoch for epoch in found.epochs if has_begun(epoch)]
    shown = begun[-rows:] if len(begun) <= rows else begun[len(begun) - max(rows - 1, 1) :]
    lines = [_cells(epoch) for epoch in shown]
    if len(shown) < len(begun):
        lines.insert(0, [f"{len(begun) - len(shown)} before", *[""] * (len(TITLES) - 1)])
    ranked = any("pair_accuracy" in epoch.validation for epoch in begun)
    hidden = _RETRIEVAL if ranked else _PAIRS
    if not any("label_map" in epoch.validation for epoch in begun):
        hidden = hidden | _LABELS
    columns = [title not in hidden for title in TITLES]
    return table([*compress(TITLES, columns)], [[*compress(line, columns)] for line in lines])


def epoch_line(epoch: EpochStatus) -> str:
    """A line for a finished epoch: `epoch 3: loss 0.0214, k 0.900, 41,200 triplets, coverage 98.2 %, R@1 …, 9.0 s`."""
    name, *cells = _cells(epoch)
    told = zip(TITLES[1:], cells, strict=True)
    return f"epoch {name}: " + ", ".join(
        {"triplets": f"{cell} triplets", "pairs": f"{cell} pairs", "time": cell}.get(title, f"{title} {cell}")
        for title, cell in told
        if cell != "–"
    )


def has_begun(epoch: EpochStatus) -> bool:
    """Whether any stage of the epoch has begun."""
    return any(stage.state != "waiting" for stage in epoch.stages)


def is_complete(epoch: EpochStatus) -> bool:
    """Whether all stages of the epoch are committed."""
    return all(stage.state in ("committed", "pruned") for stage in epoch.stages)


def seconds_left(found: RunStatus) -> float | None:
    """Estimated seconds for the remaining stages, each taking as long as the last stage of its kind.

    A stage in progress counts in full. None if no stage of some kind has ended yet. run.patience may end the run
    earlier.
    """
    last: dict[str, float] = {}
    left = 0.0
    for stage in _stages(found):
        kind = "evaluate" if stage.ref.stage == "test" else stage.ref.stage
        if stage.state in ("committed", "pruned"):
            if stage.seconds is not None:
                last[kind] = stage.seconds
        elif kind in last:
            left += last[kind]
        else:
            return None
    return left


def _stages(found: RunStatus) -> Iterator[StageStatus]:
    for epoch in found.epochs:
        yield from epoch.stages
    if found.test is not None:
        yield found.test


def _cells(epoch: EpochStatus) -> list[str]:
    reports = {stage.ref.stage: stage.report for stage in epoch.stages}
    mined, trained = reports.get("mine", {}), reports.get("train", {})
    counts, coverage = mined.get("counts", {}), mined.get("coverage")
    seconds = [stage.seconds for stage in epoch.stages if stage.seconds is not None]
    return [
        f"{epoch.number} warm-up" if epoch.warm_up else str(epoch.number),
        figure(trained.get("loss")),
        figure(epoch.k_hardness, 3),
        *(f"{counts[name]:,}" if name in counts else "–" for name in ("triplets", "pairs")),
        "–" if coverage is None else f"{coverage:.1%}",
        figure(epoch.validation.get("recall@1")),
        figure(epoch.validation.get("map_at_r")),
        figure(epoch.validation.get("label_map")),
        figure(epoch.validation.get("pair_accuracy")),
        duration(sum(seconds)) if seconds else "–",
    ]

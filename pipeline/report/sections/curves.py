"""Charts of a run by epoch, read from the manifests, which stay when files are deleted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..content import Changes, Chart, ConfusedPair, Curve, Curves

if TYPE_CHECKING:
    from ...run.status import EpochStatus, RunStatus

STAGES = ("embed", "graph", "mine", "train", "evaluate")
METRICS = {
    "recall@1": "Recall@1",
    "map_at_r": "MAP@R",
    "r_precision": "R-precision",
    "nmi": "NMI",
    "label_map": "label mAP",
    "verification_accuracy": "verification",
    "pair_accuracy": "pair accuracy",
    "kendall_tau": "Kendall's τ",
}
"""Validation metrics in drawing order."""


def metric_name(key: str) -> str:
    """The display name of a metric, as MAP@R for map_at_r."""
    return METRICS.get(key, key.replace("recall@", "Recall@").replace("cmc@", "CMC@").replace("_", " "))


def run_curves(status: "RunStatus") -> Curves:
    """All charts that have values, and why each epoch mined with its k."""
    epochs = status.epochs
    selected = {status.spec.evaluate.select: metric_name(status.spec.evaluate.select)}
    metrics = [
        _metric(epochs, key, name)
        for key, name in (METRICS | selected).items()
        if any(isinstance(epoch.validation.get(key), float) for epoch in epochs)
    ]
    mined = lambda key: _reported(epochs, "mine", key)  # noqa: E731
    charts = [
        Chart("Validation", "", metrics),
        Chart("Loss in training", "", [Curve("loss", _reported(epochs, "train", "loss"))]),
        Chart("k, the hardness", "", [Curve("k", mined("k_hardness"))]),
        Chart("Triplets mined", "", [Curve("triplets", _triplets(epochs))]),
        Chart("Anchors with a triplet", "share", [Curve("coverage", mined("coverage"))]),
        Chart("Time", "s", [Curve(stage, _seconds(epochs, stage)) for stage in STAGES], stacked=True),
    ]
    return Curves(
        charts=tuple(chart for chart in charts if any(curve.values for curve in chart.curves)),
        hardness=tuple((epoch.number, why_this_k(report)) for epoch, report in _hardness(epochs)),
    )


def _metric(epochs: "Sequence[EpochStatus]", key: str, name: str) -> Curve:
    """The curve of a validation metric, with its confidence interval if the run has it."""
    values: dict[int, float] = {}
    low: dict[int, float] = {}
    high: dict[int, float] = {}
    for epoch in epochs:
        value = epoch.validation.get(key)
        if isinstance(value, float):
            values[epoch.number] = value
        bounds = interval_of(epoch.validation, key)
        if bounds is not None:
            low[epoch.number], high[epoch.number] = bounds
    return Curve(name, values, low, high)


def interval_of(figures: Mapping[str, Any], key: str) -> tuple[float, float] | None:
    """The 95 % confidence interval of a metric; None if the metric, or the version of the run, has none."""
    match figures.get(f"{key}_interval"):
        case [float() as low, float() as high]:
            return low, high
    return None


def _report_of(epoch: "EpochStatus", stage: str) -> Mapping[str, Any]:
    return next((each.report for each in epoch.stages if each.ref.stage == stage), {})


def _reported(epochs: "Sequence[EpochStatus]", stage: str, key: str) -> dict[int, float]:
    found = {epoch.number: _report_of(epoch, stage).get(key) for epoch in epochs}
    return {number: float(value) for number, value in found.items() if isinstance(value, int | float)}


def _triplets(epochs: "Sequence[EpochStatus]") -> dict[int, float]:
    counts = {epoch.number: _report_of(epoch, "mine").get("counts", {}).get("triplets") for epoch in epochs}
    return {number: float(count) for number, count in counts.items() if count is not None}


def _seconds(epochs: "Sequence[EpochStatus]", stage: str) -> dict[int, float]:
    found = {
        epoch.number: each.seconds for epoch in epochs for each in epoch.stages if each.ref.stage == stage
    }
    return {number: seconds for number, seconds in found.items() if seconds is not None}


def _hardness(epochs: "Sequence[EpochStatus]") -> "list[tuple[EpochStatus, Mapping[str, Any]]]":
    found = [(epoch, _report_of(epoch, "mine").get("hardness")) for epoch in epochs]
    return [(epoch, report) for epoch, report in found if report]


def why_this_k(report: Mapping[str, Any]) -> str:
    """The reason for the k in a sentence. report: "hardness" of the mine stage's report."""
    k, by = report["k_hardness"], report["by"]
    before = report.get("previous_k")
    was = "" if before is None else f", after {before:.3f}"
    settings = report.get("settings", {})
    if by == "linear":
        return f"k = {k:.3f}: the value of the linear decay in its epoch {report['epoch']}."
    if by == "decay":
        return (
            f"k = {k:.3f}{was}: {report['scheduled_k']:.3f} by the decay from {settings['k_start']:g} to "
            f"{settings['k_end']:g}, moved by {_signed(report['dither'], 3)} so that k and epoch "
            "can be told apart later."
        )
    chosen = [each for each in report.get("candidates", ()) if each["k_hardness"] == k]
    if by == "regression" and chosen:
        reachable = sum(each["reachable"] and each["covered"] for each in report["candidates"])
        return (
            f"k = {k:.3f}{was}: the best of {reachable} within {settings['k_step']:g}, by a training error of "
            f"{chosen[0]['normalised_e_train']:.2f} (1: the hardest of all) and a predicted gain on validation of "
            f"{_signed(chosen[0]['predicted_gain'], 2)} standard deviations."
        )
    if by.startswith("coverage") and chosen:
        return (
            f"k = {k:.3f}{was}: no k within {settings['k_step']:g} gives {settings['coverage_floor']:.0%} of the "
            f"anchors a triplet; this one gives the most ({chosen[0]['coverage']:.0%})."
        )
    return f"k = {k:.3f}{was}: {by}."


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def changes_since(
    status: "RunStatus",
    epoch: int | None,
    more: Sequence[ConfusedPair] = (),
    less: Sequence[ConfusedPair] = (),
) -> Changes | None:
    """Changes between the last two evaluated epochs up to `epoch` (None: of all); None if there are not two."""
    evaluated = [
        each for each in status.epochs if each.validation and (epoch is None or each.number <= epoch)
    ]
    if len(evaluated) < 2:
        return None
    before, now = evaluated[-2:]
    names = METRICS | {status.spec.evaluate.select: metric_name(status.spec.evaluate.select)}
    figures = [(name, before.validation.get(key), now.validation.get(key)) for key, name in names.items()]
    for name, stage, key in (
        ("loss in training", "train", "loss"),
        ("k", "mine", "k_hardness"),
        ("anchors with a triplet", "mine", "coverage"),
        ("mean hinge of the triplets", "mine", "mean_hinge"),
    ):
        figures.append((name, _report_of(before, stage).get(key), _report_of(now, stage).get(key)))
    counts = [_triplets([epoch]).get(epoch.number) for epoch in (before, now)]
    figures.append(("triplets mined", counts[0], counts[1]))
    known = [each for each in figures if each[1] is not None or each[2] is not None]
    return Changes(before.number, now.number, tuple(known), tuple(more), tuple(less))

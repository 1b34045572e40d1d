"""The results in sentences, for readers who read nothing else."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...plan.stage import protocol_title
from ...standalone.triplet_folder import CorpusSource, TripletSource
from .curves import interval_of, metric_name

if TYPE_CHECKING:
    from ...run.status import EpochStatus, RunStatus


def run_sentences(status: "RunStatus") -> list[str]:
    """Sentences about the rise of the metric, the test, sizes of galleries, and what is not finished."""
    return [*_validation(status), *_test(status)]


def _validation(status: "RunStatus") -> Iterator[str]:
    key = status.spec.evaluate.select
    name = metric_name(key)
    evaluated = [epoch for epoch in status.epochs if isinstance(epoch.validation.get(key), int | float)]
    planned = len(status.epochs)
    if not evaluated:
        yield f"No epoch of {planned} has been evaluated yet."
        return
    first = evaluated[0]
    best = next(epoch for epoch in evaluated if epoch.number == status.best)
    asked = _asked(best.validation)
    if best is first:
        yield f"{name} on validation is {_figure(best, key)} after epoch {best.number}{_unbeaten(evaluated)}{asked}."
    else:
        yield (
            f"{name} on validation rose from {_figure(first, key)} after epoch {first.number} to "
            f"{_figure(best, key)} after epoch {best.number}{_among(evaluated, best)}{asked}."
        )
    if not status.finished:
        yield f"The run is not finished: {len(evaluated)} of {planned} epochs have been evaluated."


def _figure(epoch: "EpochStatus", key: str) -> str:
    return f"{epoch.validation[key]:.3f}"


def _unbeaten(evaluated: "list[EpochStatus]") -> str:
    return f", and {len(evaluated) - 1} more brought nothing better" if len(evaluated) > 1 else ""


def _among(evaluated: "list[EpochStatus]", best: "EpochStatus") -> str:
    later = len([epoch for epoch in evaluated if epoch.number > best.number])
    return f", the best of {len(evaluated)}" if later else f", the last of {len(evaluated)}"


def _asked(figures: Mapping[str, Any]) -> str:
    queries, gallery = figures.get("queries"), figures.get("gallery")
    if not queries or not gallery:
        return ""
    return f"; {queries:,} queries, each against {gallery:,} others"


def _test(status: "RunStatus") -> Iterator[str]:
    key = status.spec.evaluate.select
    if status.test is None:
        yield "The run has no test."
        return
    reports = status.test.report
    if not reports:
        yield "The test is still to come."
        return
    for protocol, figures in reports.items():
        if not isinstance(figures, Mapping):
            continue
        said = [
            f"{metric_name(name)} {figures[name]:.3f}{_within(figures, name)}"
            for name in dict.fromkeys((key, "recall@1"))
            if isinstance(figures.get(name), int | float)
        ]
        if said:
            yield (
                f"On the {protocol_title(protocol)}, with the encoder of epoch {status.best}: "
                f"{' and '.join(said)}{_asked(figures)}."
            )


def _within(figures: Mapping[str, Any], key: str) -> str:
    bounds = interval_of(figures, key)
    return "" if bounds is None else f" (95 %: {bounds[0]:.3f} to {bounds[1]:.3f})"


def folder_sentences(triplets: TripletSource) -> list[str]:
    """A sentence with the numbers of triplets and anchors, and the rule."""
    return [_mined(triplets, "anchors", f"in {len(triplets.labels.names):,} classes")]


def pair_sentences(triplets: TripletSource, corpus: CorpusSource) -> list[str]:
    """The same for queries and a corpus, and the number of queries without a relevant document."""
    known = corpus.relevance
    told = [_mined(triplets, "queries", f"against {known.corpus:,} documents")]
    if known.without:
        told.append(
            f"{known.without:,} of {known.queries:,} queries have no relevant document, and were left out."
        )
    return told


def _mined(triplets: TripletSource, anchors: str, among: str) -> str:
    counts, rule = triplets.counts, triplets.rule
    asked = counts["anchors"] - counts["anchors_excluded"]
    covered = asked - counts["anchors_without_positive"] - counts["anchors_without_admissible_negative"]
    share = covered / asked if asked else 0.0
    return (
        f"{counts['triplets']:,} triplets were mined, for {covered:,} of {asked:,} {anchors} ({share:.1%}) {among}, "
        f"with k = {rule.k_hardness:g} and a margin of {rule.margin:g}."
    )

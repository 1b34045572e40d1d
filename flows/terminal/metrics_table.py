"""The metrics of a run by epoch, as printed by `run` and `status`."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from ...pipeline.plan.stage import protocol_title
from ...pipeline.run.status import RunStatus
from .tables import figure, table

_OTHERS = {"map_at_r": "MAP@R", "nmi": "NMI"}
_RANKED = {"map": "mAP", "cmc@1": "CMC@1", "cmc@5": "CMC@5", "cmc@10": "CMC@10"}
"""Shown only if rows have roles or groups."""
_LABELS = {"label_map": "label mAP", "coverage": "coverage", "ranking_loss": "ranking loss"}
"""Shown only if a loss scores labels."""
_ORDERED = {
    "pair_accuracy": "pair accuracy",
    "kendall_tau": "Kendall's τ",
    "kendall_tau_in_groups": "τ in groups",
    "alike_share": "alike",
    "pairs": "pairs",
}
"""Shown instead of all others if a loss scores items."""
_DECIDED = {
    f"{of}_{key}": f"{of} {key}" for of in ("class", "overall") for key in ("precision", "recall", "f1")
} | {"exact_match": "exact"}


def metrics_tables(found: RunStatus) -> Iterator[Table]:
    """The tables that `run` and `status` print: metrics, then verified pairs, decided labels and galleries if there are
    any."""
    yield metrics_table(found)
    others = (verification_table(found), decisions_table(found), galleries_table(found))
    yield from (more for more in others if more is not None)


def metrics_table(found: RunStatus) -> Table:
    """k, the share of the mined triplets that met in a batch, and validation metrics of each epoch; then the test."""
    lines = list(_lines(found))
    recalls = {f"recall@{k}": f"R@{k}" for k in found.spec.evaluate.recalls}
    names = recalls | _OTHERS
    if found.spec.evaluate.knn is not None:
        names |= {f"knn@{found.spec.evaluate.knn}": f"{found.spec.evaluate.knn}-NN"}
    if any("pair_accuracy" in metrics for *_, metrics in lines):
        names = {
            key: title for key, title in _ORDERED.items() if any(key in metrics for *_, metrics in lines)
        }
    for more in (_RANKED, _LABELS):
        if any(next(iter(more)) in metrics for *_, metrics in lines):
            names |= more
    rows = [[*head, *(figure(metrics.get(key)) for key in names)] for *head, metrics in lines]
    return table(("epoch", "k", "met", *names.values()), rows, left=1)


def verification_table(found: RunStatus) -> Table | None:
    """The verification metrics of each split that has pairs; None if no split has."""
    tars = [f"tar@{far:g}" for far in found.spec.evaluate.fars]
    rows = [
        [
            epoch,
            f"{metrics['verification_same']:,} + {metrics['verification_different']:,}",
            f"{figure(metrics['verification_accuracy'])} ± {figure(metrics['verification_error'])}",
            *(figure(metrics.get(name)) for name in (*tars, "verification_auc")),
            figure(metrics["verification_threshold_sq"]),
        ]
        for epoch, _, _, metrics in _lines(found)
        if "verification_accuracy" in metrics
    ]
    heads = ("verified", "same + different", "accuracy", *map(str.upper, tars), "AUC", "threshold d²")
    return table(heads, rows, left=1) if rows else None


def galleries_table(found: RunStatus) -> Table | None:
    """The number of queries behind each line of `metrics_table`, and the gallery with which they are compared.

    None if nothing is retrieved, or if the run was last opened by a version that did not count queries.
    """
    protocols = found.facts.protocols
    heads = ("asked", "queries", "without a match", "gallery")
    rows = [(each.title, f"{each.queries:,}", f"{each.left_out:,}", each.compared_with) for each in protocols]
    if any(each.drawn for each in protocols):
        heads = (*heads, "drawn")
        rows = [(*row, f"{each.asked:,}") for row, each in zip(rows, protocols, strict=True)]
    return table(heads, rows, left=1) if rows else None


def decisions_table(found: RunStatus) -> Table | None:
    """The metrics of label decisions on the test split, one line for each way of deciding; None if there are none."""
    tested = {} if found.test is None else found.test.report.get("test", {})
    rows = [
        [name.replace("_", " "), *(figure(metrics[key]) for key in _DECIDED)]
        for name, metrics in tested.get("decisions", {}).items()
    ]
    return table(("labels by", *_DECIDED.values()), rows, left=1) if rows else None


def _lines(found: RunStatus) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    for epoch in found.epochs:
        if epoch.validation:
            met = "" if epoch.met_share is None else f"{epoch.met_share:.1%}"
            yield str(epoch.number), figure(epoch.k_hardness, 3), met, epoch.validation
        for name, metrics in epoch.protocols.items():
            yield f"{epoch.number} {protocol_title(name)}", "", "", metrics
    if found.test is not None:
        for name, metrics in found.test.report.items():
            yield protocol_title(name), "", "", metrics

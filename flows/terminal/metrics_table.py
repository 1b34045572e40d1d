"""How good a run is, epoch by epoch, as `run` and `status` print it."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from ...pipeline.plan.stage import protocol_title
from ...pipeline.run.status import RunStatus
from .tables import figure, table

_OTHERS = {"map_at_r": "MAP@R", "nmi": "NMI"}
_RANKED = {"map": "mAP", "cmc@1": "CMC@1", "cmc@5": "CMC@5", "cmc@10": "CMC@10"}
"""Only where rows have roles or groups."""


def metrics_table(found: RunStatus) -> Table:
    """k, the share of the mined triplets that met in a batch, and validation metrics of each epoch; then the test."""
    lines = list(_lines(found))
    ranked = any("map" in metrics for *_, metrics in lines)
    recalls = {f"recall@{k}": f"R@{k}" for k in found.spec.evaluate.recalls}
    names = recalls | _OTHERS | (_RANKED if ranked else {})
    rows = [[*head, *(figure(metrics.get(key)) for key in names)] for *head, metrics in lines]
    return table(("epoch", "k", "met", *names.values()), rows, left=1)


def galleries_table(found: RunStatus) -> Table:
    """How many queries the lines of `metrics_table` have, and what each query is compared with.

    Empty where the run was last opened by a version that did not count them.
    """
    rows = [
        (asked.title, f"{asked.queries:,}", f"{asked.left_out:,}", asked.compared_with)
        for asked in found.facts.protocols
    ]
    return table(("asked", "queries", "without a match", "gallery"), rows, left=1)


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

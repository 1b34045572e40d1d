"""How good a run is, epoch by epoch, as `run` and `status` print it."""

from collections.abc import Mapping

from rich.table import Table

from ...pipeline.run.status import RunStatus
from .tables import figure, table

_METRICS = {
    "recall@1": "R@1",
    "recall@2": "R@2",
    "recall@4": "R@4",
    "recall@8": "R@8",
    "map_at_r": "MAP@R",
    "nmi": "NMI",
}


def metrics_table(found: RunStatus) -> Table:
    """k and validation metrics of each epoch so far, then those of the test."""
    rows = [
        [str(epoch.number), figure(epoch.k_hardness, 3), *_figures(epoch.validation)]
        for epoch in found.epochs
        if epoch.validation
    ]
    if found.test is not None:
        rows += [
            [name.replace("_", " "), "", *_figures(metrics)] for name, metrics in found.test.report.items()
        ]
    return table(("epoch", "k", *_METRICS.values()), rows, left=1)


def _figures(metrics: Mapping[str, float | None]) -> list[str]:
    return [figure(metrics.get(name)) for name in _METRICS]

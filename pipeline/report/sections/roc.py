"""ROC curves of pair verification, if the run measured it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...plan.stage import protocol_title
from ..content import Roc

if TYPE_CHECKING:
    from ...run.status import RunStatus


def run_rocs(status: "RunStatus") -> list[Roc]:
    """ROC curves of validation in the best epoch and of the test, for splits whose pairs were verified."""
    best = next((epoch for epoch in status.epochs if epoch.number == status.best), None)
    found: dict[str, Any] = {} if best is None else {"validation": best.validation, **best.protocols}
    found |= status.test.report if status.test else {}
    return [
        _roc(protocol_title(name), figures)
        for name, figures in found.items()
        if isinstance(figures, Mapping) and "verification_roc" in figures
    ]


def _roc(name: str, figures: Mapping[str, Any]) -> Roc:
    return Roc(
        name,
        points=tuple((float(far), float(tar)) for far, tar in figures["verification_roc"]),
        same=figures["verification_same"],
        different=figures["verification_different"],
        accuracy=figures["verification_accuracy"],
        error=figures["verification_error"],
        area=figures["verification_auc"],
        tars={key.removeprefix("tar@"): value for key, value in figures.items() if key.startswith("tar@")},
    )

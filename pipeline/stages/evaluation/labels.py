"""Metrics of a run whose loss scores classes: how well rows are labelled."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...artifacts.weights import DECISIONS_FILE
from ...data.base import coded_rows
from ...data.rows import RunRows
from ...plan.stage import Job
from ...storage.publish import published
from ...workers.opened import labels_of
from ..trained_layers import head_of

if TYPE_CHECKING:
    from ....models.label_decision import Decision, Scored

Vectors = Mapping[str, NDArray[np.float32]]


def label_figures(job: Job, rows: RunRows, vectors: Vectors) -> dict[str, dict[str, Any]]:
    """`label_ranking_metrics` of each split except the training split; empty if no loss scores classes.

    If the training split is given, decisions about labels are fitted to it in several ways, and "decisions" holds the
    `label_decision_metrics` of each; learnt decision networks are written to the stage's folder.
    vectors: float32 (rows, D) of each split, as the run embeds them.
    """
    if job.spec.loss.of_labels is None:
        return {}
    from ....models.label_decision import decisions

    scored = _scored(job, vectors)
    decide: dict[str, Decision] = {}
    if "train" in scored:
        decide = decisions(scored["train"], _labels(job, rows, "train"), seed=job.spec.run.seed)
        _keep(job, decide)
    return {
        split: _figures(each, _labels(job, rows, split), decide)
        for split, each in scored.items()
        if split != "train"
    }


def _scored(job: Job, vectors: Vectors) -> "dict[str, Scored]":
    """Embeddings of each split with their scores from the head that was trained with the encoder."""
    from ....models.label_decision import Scored

    head = head_of(job)
    return {split: Scored(each, head.scores(each)) for split, each in vectors.items()}


def _keep(job: Job, decide: "Mapping[str, Decision]") -> None:
    from ....models.encoders.checkpoints import save_tensors, with_prefix
    from ....models.label_decision import Learnt

    tensors = {}
    for name, decision in decide.items():
        if isinstance(decision, Learnt):
            tensors |= with_prefix(f"{name}/", decision.network.state_dict())
    with published(job.folder / DECISIONS_FILE) as partial:
        save_tensors(partial, tensors)


def _labels(job: Job, rows: RunRows, split: str) -> NDArray[np.bool_]:
    """bool (rows, C): which classes of the training split each row has. Labels without a training row are ignored."""
    names = labels_of(job.root, job.facts.data_digest).names
    code_of = {str(name): code for code, name in enumerate(names)}
    codes, offsets = coded_rows(
        rows.column("label", split),
        lambda found: np.array([code_of.get(name, len(names)) for name in found], np.int32),
    )
    count = len(rows.range(split))
    found = np.zeros(
        (count, len(names) + 1), np.bool_
    )  # the last column: classes that are not in the training split
    found[np.arange(count).repeat(1 if offsets is None else np.diff(offsets)), codes] = True
    return found[:, :-1]


def _figures(asked: "Scored", labels: NDArray[np.bool_], decide: "Mapping[str, Decision]") -> dict[str, Any]:
    """Metrics of one split. Rows without any known label are left out and counted."""
    from ....models.metrics.multi_label import label_decision_metrics, label_ranking_metrics

    known = labels.any(axis=1)
    figures: dict[str, Any] = {"label_rows_left_out": int((~known).sum())}
    if not known.any():
        return figures
    figures |= label_ranking_metrics(asked.scores[known], labels[known])
    if decide:
        figures["decisions"] = {
            name: label_decision_metrics(decision(asked)[known], labels[known])
            for name, decision in decide.items()
        }
    return figures

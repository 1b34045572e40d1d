"""Metrics of multi-label scores, and of the labels decided from them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def label_ranking_metrics(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> dict[str, Any]:
    """label_map, coverage, ranking_loss and label_classes.

    label_classes: number of classes that have a row. label_map: mean over these classes of the average precision of
    ranking all rows by the class's score. coverage: mean rank, from 1, of a row's last label among the classes.
    ranking_loss: mean share of a row's pairs of a label and another class that are in the wrong order. Equal scores
    count as wrong in both.

    scores: (N, C). labels: bool (N, C), at least one per row.
    """
    # Imported here: scikit-learn takes a second, and most runs have no such scores.
    from sklearn.metrics import average_precision_score, coverage_error, label_ranking_loss

    there = labels.any(axis=0)
    return {
        "label_map": float(average_precision_score(labels[:, there], scores[:, there], average="macro")),
        "coverage": float(coverage_error(labels, scores)),
        "ranking_loss": float(label_ranking_loss(labels, scores)),
        "label_classes": int(there.sum()),
    }


def label_decision_metrics(decided: NDArray[np.bool_], labels: NDArray[np.bool_]) -> dict[str, float]:
    """class_ and overall_ precision, recall and f1, and exact_match: the share of rows with all labels right.

    class_: mean over the classes that have a row; the precision of a class that was given to no row is 0. overall_:
    over all (row, class) pairs together. decided, labels: bool (N, C).
    """
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    there = labels.any(axis=0)
    figures: dict[str, float] = {}
    for means, average, of in (("class", "macro", there), ("overall", "micro", np.ones_like(there))):
        found = precision_recall_fscore_support(
            labels[:, of],
            decided[:, of],
            average=average,
            zero_division=0,  # pyright: ignore[reportArgumentType] — inferred from a default that is a string
        )
        figures |= {
            f"{means}_{name}": float(value)
            for name, value in zip(("precision", "recall", "f1"), found[:3], strict=True)
        }
    return figures | {"exact_match": float(accuracy_score(labels, decided))}

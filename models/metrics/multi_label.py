"""How good scores of labels are, and what was decided from them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def label_ranking_metrics(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> dict[str, Any]:
    """label_map, coverage, ranking_loss, and label_classes, those that have a row.

    label_map: mean over these classes of the average precision with which a class orders all rows. coverage: how far
    down a row's ranking of classes its last label stands, from 1, in the mean. ranking_loss: share of the pairs of a
    label and another class that a row has in the wrong order, in the mean. Equal scores are wrong in both.

    scores: (N, C). labels: bool (N, C), at least one a row.
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

    class_: means over the classes that have a row (of a class that no row was given precision is 0). overall_: of all
    (row, class) together. decided, labels: bool (N, C).
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

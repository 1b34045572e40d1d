"""The class-confusion table as a graph."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ConfusionGraph:
    """Undirected weighted graph of classes, in compressed sparse row form.

    The neighbours of class c are neighbours[starts[c]:starts[c + 1]], int32, ascending, never c itself. `weights`,
    float64, are the counts of the confusion table for the two classes, summed over both directions.
    """

    starts: NDArray[np.int64]
    neighbours: NDArray[np.int32]
    weights: NDArray[np.float64]

    def of(self, code: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Neighbours and weights of a class, as views."""
        span = slice(self.starts[code], self.starts[code + 1])
        return self.neighbours[span], self.weights[span]


def confusion_graph(
    class_a: NDArray[np.int64], class_b: NDArray[np.int64], count: NDArray[np.int64], class_count: int
) -> ConfusionGraph:
    """The graph of a confusion table. Counts of both directions, and of repeated pairs, are summed."""
    real = (class_a != class_b) & (count > 0)
    a, b, weight = class_a[real], class_b[real], count[real].astype(np.float64)
    pair = np.concatenate([a * class_count + b, b * class_count + a])
    pair, place = np.unique(pair, return_inverse=True)
    weights = np.bincount(place, weights=np.concatenate([weight, weight]), minlength=len(pair))
    degrees = np.bincount(pair // class_count, minlength=class_count)
    starts = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int64)
    return ConfusionGraph(starts, (pair % class_count).astype(np.int32), weights.astype(np.float64))

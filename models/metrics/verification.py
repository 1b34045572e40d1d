"""Verification: decide by their distance whether two items are of one class (FaceNet, arXiv 1503.03832)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..row_classes import RowClasses
from .relevance import Classes, checked_groups

FOLDS = 10
FARS = (0.001, 0.01, 0.1)
"""Default false accept rates: shares of different pairs accepted by mistake."""

_AT_ONCE = 2**16
"""Pairs whose distances are computed at once."""
MOST = 2**20
"""Greatest number of pairs to draw, and of candidates for them."""
_ROC_POINTS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """P pairs of rows.

    first, second: int64 (P,), rows. same: bool (P,), whether both share a class. fold: int64 (P,), from 0.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)


def dealt_folds(same: NDArray[np.bool_], seed: int, folds: int = FOLDS) -> NDArray[np.int64]:
    """int64 (P,), a random fold for each pair. The numbers of same and different pairs per fold differ by at most 1."""
    generator = np.random.default_rng([seed, folds])
    fold = np.empty(len(same), np.int64)
    for kind in (True, False):
        places = generator.permutation(np.flatnonzero(same == kind))
        fold[places] = np.arange(len(places)) % folds
    return fold


def sampled_pairs(
    classes: Classes, count: int, *, seed: int, groups: NDArray[np.int32] | None = None
) -> Pairs | None:
    """About `count` distinct pairs of rows, half same and half different; None with fewer than `FOLDS` of either.

    Each kind is drawn uniformly from all its pairs, as FaceNet's P_same and P_diff contain all of them (section 4); a
    pair that shares several classes has a chance for each. If one kind has fewer than half of `count`, the other gets
    as few. classes: of N rows; a pair is same if its rows share a class. groups: int32 (N,), −1 for none; pairs of one
    class *and* one group, such as two pictures of one camera, are too easy and left out.

    Raises: ModelError for groups that do not fit the rows.
    """
    row_classes = RowClasses.of(classes)
    known = checked_groups(groups, len(row_classes), "pairs")
    generator = np.random.default_rng([seed, len(row_classes)])
    half = count // 2
    same = _drawn(_OfOneClass(row_classes, known), half, generator)
    different = _drawn(_OfTwoClasses(row_classes), half, generator)
    fewest = min(len(same), len(different))
    if fewest < FOLDS:
        return None
    first, second = np.concatenate([same[:fewest], different[:fewest]]).T
    kinds = np.repeat([True, False], fewest)
    return Pairs(first, second, kinds, dealt_folds(kinds, seed))


class _OfOneClass:
    """All pairs within a class, numbered: those of the first class, of the second, …"""

    def __init__(self, classes: RowClasses, groups: NDArray[np.int64] | None) -> None:
        self._rows, self._starts = classes.rows_by_class()
        sizes = np.diff(self._starts)
        self._ends = np.cumsum(sizes * (sizes - 1) // 2)
        self._groups = groups
        self.total = int(self._ends[-1])

    def pairs(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 (M, 2), the allowed pairs among those with these numbers, lower row first."""
        code = np.searchsorted(self._ends, numbers, side="right")
        before = np.concatenate([[0], self._ends])[code]
        places = self._starts[code][:, None] + _of_number(numbers - before)
        found = np.sort(self._rows[places], axis=1)
        if self._groups is None:
            return found
        group = self._groups[found]
        return found[(group[:, 0] != group[:, 1]) | (group[:, 0] < 0)]


class _OfTwoClasses:
    """All pairs of rows, numbered; those that share a class are not allowed."""

    def __init__(self, classes: RowClasses) -> None:
        self._classes = classes
        self.total = len(classes) * (len(classes) - 1) // 2

    def pairs(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 (M, 2), the allowed pairs among those with these numbers, lower row first."""
        found = _of_number(numbers)
        sides = [self._classes.take(found[:, side]) for side in (0, 1)]
        width = int(self._classes.members.max()) + 1
        first, second = (side.row_of() * width + side.members for side in sides)
        meeting = np.unique(np.intersect1d(first, second) // width)
        return np.delete(found, meeting, axis=0)


def _of_number(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 (M, 2), the pairs i < j with the numbers j (j − 1) / 2 + i."""
    j = ((1 + np.sqrt(1 + 8 * numbers.astype(np.float64))) / 2).astype(np.int64)
    # Correct the root, which may have been rounded across an integer.
    j -= j * (j - 1) // 2 > numbers
    j += j * (j + 1) // 2 <= numbers
    return np.stack([numbers - j * (j - 1) // 2, j], axis=1)


def _drawn(
    source: _OfOneClass | _OfTwoClasses, count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """int64 (M, 2), `count` distinct pairs in random order, or fewer if there are not as many."""
    tried, seed = count + FOLDS, int(generator.integers(2**63))
    while True:
        # Start again with more candidates if too few of them are allowed.
        tried = min(tried, source.total, MOST)
        again = np.random.default_rng(seed)
        found = source.pairs(
            again.choice(source.total, tried, replace=False) if tried else np.zeros(0, np.int64)
        )
        # unique, since a pair that shares several classes has several numbers.
        found = again.permutation(np.unique(found, axis=0))
        if len(found) >= count or tried in (source.total, MOST):
            return found[:count]
        tried *= 4


def pair_distances(embeddings: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float64]:
    """float64 (P,), the squared distances of the pairs; embeddings: (N, D)."""
    found = np.empty(len(pairs))
    for start in range(0, len(pairs), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        difference = embeddings[pairs.first[part]].astype(np.float64) - embeddings[pairs.second[part]]
        found[part] = np.square(difference).sum(axis=1)
    return found


def verification_metrics(
    sq_distances: NDArray[np.float64], pairs: Pairs, *, fars: Sequence[float] = FARS
) -> dict[str, Any]:
    """Metrics of accepting a pair as same if its squared distance, (P,), is at most a threshold.

    verification_accuracy, verification_error: mean accuracy over the folds and its standard error; each fold is judged
    with the best threshold of all others (LFW's protocol: Huang et al., Labeled Faces in the Wild, 2007, section III).
    verification_threshold_sq: the mean of these thresholds. tar@FAR for each of `fars`: true accept rate, the largest
    share of same pairs accepted by a threshold that accepts at most the share FAR of the different ones; None if that
    share is less than one pair. verification_auc: area under the ROC. verification_roc: [[FAR, TAR], …], ascending.
    verification_same, verification_different: number of pairs of each kind.

    Raises: ModelError for fewer than two folds, or when the pairs outside a fold are all of one kind.
    """
    accuracies, thresholds = _by_fold(sq_distances, pairs)
    same, different = np.sort(sq_distances[pairs.same]), np.sort(sq_distances[~pairs.same])
    accepted = {far: int(far * len(different) + 1e-9) for far in fars}
    found: dict[str, Any] = {
        "verification_accuracy": float(np.mean(accuracies)),
        "verification_error": float(np.std(accuracies, ddof=1) / np.sqrt(len(accuracies))),
        "verification_threshold_sq": float(np.mean(thresholds)),
    }
    found |= {
        f"tar@{far:g}": _true_accepted(same, different, count) if count else None
        for far, count in accepted.items()
    }
    return found | {
        "verification_auc": _area(same, different),
        "verification_roc": _roc(same, different),
        "verification_same": len(same),
        "verification_different": len(different),
    }


def best_threshold(sq_distances: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The squared distance that as threshold judges most pairs correctly; the lowest of several that are best.

    It is half-way between two distances that occur, since all thresholds between them judge alike.
    """
    values, place = np.unique(sq_distances, return_inverse=True)
    gain = np.bincount(place, np.where(same, 1.0, -1.0))
    right = np.concatenate([[0.0], np.cumsum(gain)])
    edges = np.concatenate([[-1.0], (values[1:] + values[:-1]) / 2, values[-1:]])
    return float(edges[int(np.argmax(right))])


def _by_fold(sq_distances: NDArray[np.float64], pairs: Pairs) -> tuple[list[float], list[float]]:
    folds = np.unique(pairs.fold)
    if len(folds) < 2:
        raise ModelError(
            f"pairs have {len(folds)} folds but the threshold of each is chosen on the others: give 2 or more"
        )
    accuracies, thresholds = [], []
    for fold in folds:
        held = pairs.fold == fold
        if len(set(pairs.same[~held].tolist())) < 2:
            raise ModelError(
                f"the pairs outside fold {fold} are all of one kind: give every fold same and different pairs"
            )
        thresholds.append(best_threshold(sq_distances[~held], pairs.same[~held]))
        accuracies.append(float(((sq_distances[held] <= thresholds[-1]) == pairs.same[held]).mean()))
    return accuracies, thresholds


def _true_accepted(same: NDArray[np.float64], different: NDArray[np.float64], accepted: int) -> float:
    """Share of same pairs accepted along with at most `accepted` different ones. Both distances ascending."""
    nearer = len(same) if accepted >= len(different) else np.searchsorted(same, different[accepted])
    return float(nearer / len(same))


def _area(same: NDArray[np.float64], different: NDArray[np.float64]) -> float:
    """Area under the ROC: how often a same pair is nearer than a different one, ties as half. Both ascending."""
    left, right = (np.searchsorted(different, same, side=side) for side in ("left", "right"))
    return float(1 - (left + right).mean() / 2 / len(different))


def _roc(same: NDArray[np.float64], different: NDArray[np.float64]) -> list[list[float]]:
    """Points of the ROC at up to `_ROC_POINTS` FARs, denser at low ones, and at 0 and 1. Both ascending."""
    counts = np.geomspace(1, len(different), _ROC_POINTS).astype(np.int64)
    return [
        [float(count / len(different)), _true_accepted(same, different, count)]
        for count in np.unique(np.concatenate([[0], counts, [len(different)]])).tolist()
    ]

"""Decide which labels a row gets from its scores, with the trained encoder frozen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .seeds import seeded_by

HIDDEN = 100
"""Width of the hidden layer."""
STEPS, ROWS, RATE = 500, 256, 5e-3
"""Training of the network: steps of Adam, rows per step, learning rate."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """N rows. features: float32 (N, D), from the frozen encoder. scores: float32 (N, C), one per class."""

    features: NDArray[np.float32]
    scores: NDArray[np.float32]


Decision: TypeAlias = Callable[[Scored], NDArray[np.bool_]]
"""Returns which of the C classes each row gets, bool (N, C)."""

LearntBy = Literal["count", "thresholds"]
LEARNT: tuple[LearntBy, ...] = get_args(LearntBy)


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A decision by a network that predicts, from the features, a row's number of labels or a threshold per class."""

    by: LearntBy
    network: nn.Sequential

    @classmethod
    def unfitted(cls, by: LearntBy, width: int, out: int) -> "Learnt":
        """An untrained decision. width: D. out: the greatest number of labels of a row, or C for thresholds."""
        return cls(by, nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, out)))

    def __call__(self, asked: Scored) -> NDArray[np.bool_]:
        """bool (N, C)."""
        with torch.inference_mode():
            seen = self.network(torch.from_numpy(asked.features))
        if self.by == "count":
            return _highest(asked.scores, seen.argmax(dim=1).numpy() + 1)
        return asked.scores > seen.numpy()


def decisions(train: Scored, labels: NDArray[np.bool_], *, seed: int) -> dict[str, Decision]:
    """All kinds of decision, by name, fitted to the training rows. labels: bool (N, C), of these rows."""
    return {
        "count": by_count(train, labels, seed=seed),
        "thresholds": by_thresholds(train, labels, seed=seed),
        "top_k": by_mean_count(labels),
        "one_threshold": by_one_threshold(train, labels),
    }


def by_count(train: Scored, labels: NDArray[np.bool_], *, seed: int) -> Learnt:
    """Give each row its highest-scored labels, as many as a network predicts from the features (softmax, 1 … n_max).

    Li, Song, Luo, CVPR 2017, arXiv 1704.03135, section 3.3. n_max is the greatest number of labels of a training row
    (our choice).
    """
    counts = torch.from_numpy(labels.sum(axis=1) - 1)
    return _fitted(
        "count",
        train,
        int(counts.max()) + 1,
        lambda out, rows: functional.cross_entropy(out, counts[rows]),
        seed,
    )


def by_thresholds(train: Scored, labels: NDArray[np.bool_], *, seed: int) -> Learnt:
    """Give each row the classes that score above a threshold θ, which a network predicts from the features per class.

    It is trained by cross-entropy on σ(f − θ). Same paper and section as `by_count`.
    """
    scores, wanted = torch.from_numpy(train.scores), torch.from_numpy(labels.astype(np.float32))
    return _fitted(
        "thresholds",
        train,
        labels.shape[1],
        lambda out, rows: functional.binary_cross_entropy_with_logits(scores[rows] - out, wanted[rows]),
        seed,
    )


def by_mean_count(labels: NDArray[np.bool_]) -> Decision:
    """Give every row the same number of labels: the mean of the training rows, rounded."""
    count = max(1, round(float(labels.sum(axis=1).mean())))
    return lambda asked: _highest(asked.scores, np.full(len(asked.scores), count))


def by_one_threshold(train: Scored, labels: NDArray[np.bool_]) -> Decision:
    """Give each row the classes that reach one threshold, which maximises the overall F1 on the training rows."""
    order = np.argsort(-train.scores, axis=None, kind="stable")
    ranked = train.scores.ravel()[order]
    right = labels.ravel()[order].cumsum()
    f1 = 2 * right / (np.arange(1, len(ranked) + 1) + labels.sum())
    f1[:-1][ranked[1:] == ranked[:-1]] = 0.0  # a threshold cannot separate equal scores
    lowest = ranked[f1.argmax()]
    return lambda asked: asked.scores >= lowest


def _highest(scores: NDArray[np.float32], counts: NDArray[np.integer]) -> NDArray[np.bool_]:
    """bool (N, C), the counts[i] highest-scored classes of each row i; the first of equal scores. counts: (N,)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    found = np.zeros(scores.shape, np.bool_)
    np.put_along_axis(found, order, np.arange(scores.shape[1]) < counts[:, None], axis=1)
    return found


def _fitted(
    by: LearntBy, train: Scored, out: int, loss: Callable[[Tensor, Tensor], Tensor], seed: int
) -> Learnt:
    """Train a network from features to `out` outputs. loss: called with its outputs for some training rows and these
    rows, int64 (R,)."""
    features = torch.from_numpy(train.features)
    with seeded_by(seed, out):
        decision = Learnt.unfitted(by, features.shape[1], out)
        network = decision.network
        optimiser = torch.optim.Adam(network.parameters(), RATE)
        for _ in range(STEPS):
            rows = torch.randint(len(features), (min(ROWS, len(features)),))
            optimiser.zero_grad()
            loss(network(features[rows]), rows).backward()
            optimiser.step()
    return decision

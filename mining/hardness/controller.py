"""Adaptive k: choose the hardness of the next epoch from the results of the epochs before."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from ..checks import check_limits
from ..errors import InputError

AGE_WEIGHT = 0.8
"""An epoch's weight in the regression is this to the power of its age: the best k drifts as the encoder learns."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """A finished mined epoch.

    epoch: number among mined epochs, from 0. k_hardness: k of the epoch.
    e_train: mean hinge of the mined triplets, in units of d².
    e_val_before, e_val: validation error before and after the epoch: share of (anchor, positive) pairs that violate the
        margin, that is have a negative inside it.
    """

    epoch: int
    k_hardness: float
    e_train: float
    e_val_before: float
    e_val: float

    @property
    def gain(self) -> float:
        """(E_val,t−1 − E_val,t) / E_val,t−1; 0 if there was no error before the epoch."""
        return (self.e_val_before - self.e_val) / self.e_val_before if self.e_val_before > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate for k, with the result of mining a sample of anchors with it.

    e_train: mean hinge of the triplets. coverage: share of the anchors with a triplet.
    """

    k_hardness: float
    e_train: float
    coverage: float


@dataclass(frozen=True)
class ControllerSettings:
    """Settings of the controller.

    k_start, k_end: the first epochs follow a linear decay from k_start (first epoch) to k_end (last epoch of the run).
    k_min, k_max, k_grid: the candidates are k_grid values evenly spaced from k_min to k_max.
    k_step: greatest change of k from one epoch to the next.
    k_first_epochs: epochs with linear decay, before there is enough history for the regression.
    k_dither: half-width of the random change of k in these epochs, without which k and epoch would be collinear.
    coverage_floor: share of the sampled anchors that must get a triplet.
    ridge: penalty on the standardised coefficients. w_val: weight of the predicted gain relative to the hinge.
    """

    k_start: Annotated[float, Ge(0)] = 1.0
    k_end: Annotated[float, Ge(0)] = 0.9
    k_min: Annotated[float, Ge(0)] = 0.7
    k_max: Annotated[float, Ge(0)] = 1.2
    k_grid: Annotated[int, Ge(2)] = 11
    k_step: Annotated[float, Gt(0)] = 0.05
    k_first_epochs: Annotated[int, Ge(2)] = 4
    k_dither: Annotated[float, Ge(0)] = 0.02
    coverage_floor: Annotated[float, Ge(0), Le(1)] = 0.5
    ridge: Annotated[float, Gt(0)] = 1.0
    w_val: Annotated[float, Ge(0)] = 1.0

    def __post_init__(self) -> None:
        check_limits(self)
        if not self.k_min < self.k_max:
            raise InputError(f"k_min is {self.k_min} but k_max is {self.k_max}: lower k_min or raise k_max")
        for name, k in (("k_start", self.k_start), ("k_end", self.k_end)):
            if not self.k_min <= k <= self.k_max:
                raise InputError(
                    f"{name} is {k} but must lie between k_min = {self.k_min} and k_max = {self.k_max}: "
                    "move it between them, or widen their range"
                )
        spacing = (self.k_max - self.k_min) / (self.k_grid - 1)
        if spacing > self.k_step + _ROUNDING:
            raise InputError(
                f"k_step is {self.k_step} but the {self.k_grid} candidates from k_min = {self.k_min} to k_max = "
                f"{self.k_max} lie {spacing:.4g} apart, so that k could never move: raise k_step or k_grid"
            )

    @property
    def grid(self) -> tuple[float, ...]:
        """The candidates for k, ascending."""
        return tuple(round(float(k), 12) for k in np.linspace(self.k_min, self.k_max, self.k_grid))

    def as_reported(self) -> dict[str, float]:
        """The settings for JSON, under the names that reports have always used."""
        return {_REPORTED_AS.get(name, name): value for name, value in asdict(self).items()}


_ROUNDING = 1e-9
_REPORTED_AS = {"k_grid": "grid_points", "k_first_epochs": "first_epochs", "k_dither": "dither"}


@dataclass(frozen=True, slots=True)
class Choice:
    """The k of an epoch. why: every number that led to it, for JSON."""

    k_hardness: float
    why: dict[str, Any]


def choose_k(
    history: Sequence[EpochRecord],
    candidates: Sequence[Candidate],
    settings: ControllerSettings,
    epoch: int,
    epochs: int,
    seed: int,
) -> Choice:
    """Choose k for ``epoch``, by regression, for high training error and low validation error.

    Harwood et al., ICCV 2017, section 3.3, states this aim; the controller is ours. A ridge regression (weights
    ``AGE_WEIGHT`` ** age) predicts the relative gain in validation error of an epoch from its k, training error and
    number, all standardised. The choice is the candidate with the greatest normalised E_train(k) + w_val · predicted
    gain(k), among those that cover enough anchors and lie within ``k_step`` of the last k. In the first
    ``k_first_epochs`` epochs, k follows a linear decay with a random dither that depends on (seed, epoch).

    history: all mined epochs so far, in order. candidates: not used in the first epochs, and may be empty there.
    epoch, epochs: number and count of mined epochs. A pure function of its arguments, so that a resumed run makes the
    same choice.

    Raises: InputError for a history out of order, values that are not finite, or missing candidates.
    """
    _check(history, candidates, epoch)
    previous = history[-1].k_hardness if history else None
    if len(history) < settings.k_first_epochs:
        return _decayed(previous, settings, epoch, epochs, seed)
    if not candidates:
        raise InputError(
            f"no candidates for k in epoch {epoch}, after {len(history)} epochs: give at least one"
        )
    return _regressed(history, candidates, settings, epoch)


def _check(history: Sequence[EpochRecord], candidates: Sequence[Candidate], epoch: int) -> None:
    for before, record in zip((None, *history), history, strict=False):
        if not all(math.isfinite(value) for value in asdict(record).values()):
            raise InputError(
                f"history of k: epoch {record.epoch} holds a value that is not finite: leave it out ({record})"
            )
        if record.epoch >= epoch or (before is not None and before.epoch >= record.epoch):
            raise InputError(
                f"history of k: epochs {[r.epoch for r in history]} must ascend, and be below epoch {epoch}: "
                "leave the others out"
            )
    for candidate in candidates:
        if not all(math.isfinite(value) for value in asdict(candidate).values()):
            raise InputError(f"candidate for k holds a value that is not finite: leave it out ({candidate})")


def _decayed(
    previous: float | None, settings: ControllerSettings, epoch: int, epochs: int, seed: int
) -> Choice:
    scheduled = scheduled_k(epoch, epochs, settings.k_start, settings.k_end)
    dither = float(np.random.default_rng([seed, epoch]).uniform(-settings.k_dither, settings.k_dither))
    low, high = settings.k_min, settings.k_max
    if previous is not None:
        low, high = max(low, previous - settings.k_step), min(high, previous + settings.k_step)
    k = min(max(scheduled + dither, low), high)
    why = {"by": "decay", "epoch": epoch, "previous_k": previous, "scheduled_k": scheduled, "dither": dither}
    return Choice(k, why | {"k_hardness": k, "settings": settings.as_reported()})


def _regressed(
    history: Sequence[EpochRecord], candidates: Sequence[Candidate], settings: ControllerSettings, epoch: int
) -> Choice:
    fit = _Fit.of(history, settings.ridge)
    previous = history[-1].k_hardness
    e_train = np.array([c.e_train for c in candidates])
    spread = e_train.max() - e_train.min()
    normalised = (e_train - e_train.min()) / spread if spread > 0 else np.zeros(len(candidates))
    predicted = fit.predict(np.array([[c.k_hardness, c.e_train, epoch] for c in candidates]))
    score = normalised + settings.w_val * predicted
    reachable = np.array([abs(c.k_hardness - previous) <= settings.k_step + _ROUNDING for c in candidates])
    covered = np.array([c.coverage >= settings.coverage_floor for c in candidates])
    k, by = previous, "held: no candidate within k_step"
    if (reachable & covered).any():
        k = candidates[int(np.argmax(np.where(reachable & covered, score, -np.inf)))].k_hardness
        by = "regression"
    elif reachable.any():
        # No reachable candidate covers enough: move towards the one that covers most.
        coverage = np.array([c.coverage for c in candidates])
        k = candidates[int(np.argmax(np.where(reachable, coverage, -1.0)))].k_hardness
        by = "coverage: no candidate within k_step reaches coverage_floor"
    rows = zip(candidates, normalised, predicted, score, reachable, covered, strict=True)
    why = {
        "by": by,
        "epoch": epoch,
        "previous_k": previous,
        "k_hardness": k,
        "settings": settings.as_reported(),
        "history": [asdict(record) | {"gain": record.gain} for record in history],
        "regression": fit.as_dict(),
        "candidates": [
            asdict(c)
            | {
                "normalised_e_train": float(n),
                "predicted_gain": float(p),
                "score": float(s),
                "reachable": bool(r),
                "covered": bool(v),
            }
            for c, n, p, s, r, v in rows
        ],
    }
    return Choice(k, why)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Weighted ridge regression of the gain on (k, E_train, epoch), all standardised with weighted moments."""

    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    gain_mean: float
    gain_deviation: float
    coefficients: NDArray[np.float64]

    @staticmethod
    def of(history: Sequence[EpochRecord], ridge: float) -> "_Fit":
        features = np.array([[r.k_hardness, r.e_train, r.epoch] for r in history], dtype=np.float64)
        gain = np.array([r.gain for r in history])
        weights = AGE_WEIGHT ** np.arange(len(history) - 1, -1, -1, dtype=np.float64)
        mean, deviation = _moments(features, weights)
        gain_mean, gain_deviation = _moments(gain[:, None], weights)
        x = (features - mean) / deviation
        y = (gain - gain_mean) / gain_deviation
        normal = x.T @ (weights[:, None] * x) + ridge * np.eye(x.shape[1])
        coefficients = np.linalg.solve(normal, x.T @ (weights * y))
        return _Fit(
            weights=weights,
            mean=mean,
            deviation=deviation,
            gain_mean=float(gain_mean[0]),
            gain_deviation=float(gain_deviation[0]),
            coefficients=coefficients.astype(np.float64),
        )

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (C,): the gain, in weighted standard deviations from the mean of past gains.

        These units make it comparable with a training error normalised to [0, 1], which a gain in per cent is not.
        """
        return (features - self.mean) / self.deviation @ self.coefficients

    def as_dict(self) -> dict[str, Any]:
        """The fit for JSON."""
        return {
            "features": ["k_hardness", "e_train", "epoch"],
            "weights": self.weights.tolist(),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "gain_mean": self.gain_mean,
            "gain_deviation": self.gain_deviation,
            "coefficients": self.coefficients.tolist(),
        }


def _moments(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean and standard deviation of each column; deviation 1 for a constant, which then has no effect."""
    mean = np.average(values, axis=0, weights=weights)
    deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    return mean, np.where(deviation > _ROUNDING * np.maximum(1.0, np.abs(mean)), deviation, 1.0)


def scheduled_k(epoch: int, epochs: int, k_start: float, k_end: float) -> float:
    """k of an epoch by linear decay, from ``k_start`` in epoch 0 to ``k_end`` in epoch ``epochs − 1``.

    A run of one epoch uses ``k_start``. ``epoch`` and ``epochs`` count mined epochs, without warm-up epochs.
    """
    if epochs < 1 or not 0 <= epoch < epochs:
        raise InputError(f"epoch {epoch} of {epochs} epochs: give 0 <= epoch < epochs")
    for name, k in (("k_start", k_start), ("k_end", k_end)):
        if not (math.isfinite(k) and k >= 0):
            raise InputError(f"{name} is {k} but must be a finite number of at least 0: give one")
    if epochs == 1:
        return k_start
    share = epoch / (epochs - 1)
    return (1 - share) * k_start + share * k_end

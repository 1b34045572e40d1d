"""The controller of k: each of its rules by hand, and a closed loop with a learner whose best k is known."""

import json
import math
import re
from dataclasses import asdict

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.hardness.controller import (
    Candidate,
    ControllerSettings,
    EpochRecord,
    choose_k,
    scheduled_k,
)

SETTINGS = ControllerSettings()
EPOCHS = 30


class Learner:
    """A learner whose validation error falls fastest at the best k, which drifts; too hard or too easy costs.

    Gain of an epoch: 8 % at the best k, a bell of width 0.12 around it, slightly harmful far away, with noise.
    """

    def __init__(self, best, seed):
        self.best, self.noise, self.e_val, self.history = best, np.random.default_rng(seed), 1.0, []

    def candidates(self, epoch):
        # Training error falls with k and with the epoch; a large k leaves many anchors without a triplet.
        return [
            Candidate(k, 0.2 * math.exp(-2 * (k - 0.7)) * 0.98**epoch, min(1.0, 1.5 - 1.6 * (k - 0.7)))
            for k in SETTINGS.grid
        ]

    def learn(self, epoch, k):
        off = (k - self.best(epoch)) / 0.12
        gain = 0.08 * (1.2 * math.exp(-off * off / 2) - 0.2)
        gain = gain * (1 + 0.1 * self.noise.normal()) + 0.0008 * self.noise.normal()
        before, self.e_val = self.e_val, self.e_val * (1 - gain)
        hinge = 0.2 * math.exp(-2 * (k - 0.7)) * 0.98**epoch
        self.history.append(EpochRecord(epoch, k, hinge, before, self.e_val))


DRIFTS = {
    "falls": lambda t: 1.05 - 0.3 * t / (EPOCHS - 1),
    "falls at once": lambda t: 0.75 + 0.3 * math.exp(-4 * t / EPOCHS),
    "falls late": lambda t: 1.05 - 0.3 / (1 + math.exp(-12 * (t - EPOCHS / 2) / EPOCHS)),
    "rises": lambda t: 0.9 + 0.2 * t / (EPOCHS - 1),
    "stays low": lambda t: 0.85,
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_closed_loop_follows_the_best_k(drift):
    """Mean over seeds: nearer to the best k than the fixed decay, and less validation error at the end."""
    best = DRIFTS[drift]
    distance = {"controller": [], "decay": []}
    final = {"controller": [], "decay": []}
    for seed in range(12):
        for name, distances in distance.items():
            learner = Learner(best, seed)
            for epoch in range(EPOCHS):
                if name == "decay":
                    k = scheduled_k(epoch, EPOCHS, SETTINGS.k_start, SETTINGS.k_end)
                else:
                    candidates = learner.candidates(epoch)
                    k = choose_k(learner.history, candidates, SETTINGS, epoch, EPOCHS, seed).k_hardness
                learner.learn(epoch, k)
            later = learner.history[8:]  # once it has seen enough to steer by
            distances.append(np.mean([abs(r.k_hardness - best(r.epoch)) for r in later]))
            final[name].append(learner.e_val)
    d, e = ({name: float(np.mean(values)) for name, values in v.items()} for v in (distance, final))
    numbers = (
        f"{drift}: mean |k − best| {d['controller']:.3f} (decay {d['decay']:.3f}), "
        f"final E_val {e['controller']:.3f} (decay {e['decay']:.3f})"
    )
    print(numbers)
    assert d["controller"] < 0.8 * d["decay"], numbers
    assert e["controller"] < 0.9 * e["decay"], numbers


def history_of(ks, gains, *, e_train=0.1, first=0):
    records, e_val = [], 0.5
    for i, (k, gain) in enumerate(zip(ks, gains, strict=True)):
        records.append(EpochRecord(first + i, k, e_train, e_val, e_val * (1 - gain)))
        e_val *= 1 - gain
    return records


def flat_candidates(*, coverage=1.0):
    """No difference in training error: only the predicted gain decides."""
    return [Candidate(k, 0.1, coverage) for k in SETTINGS.grid]


def test_first_epochs_decay_with_a_dither():
    ks = [choose_k([], [], SETTINGS, 0, 10, seed).k_hardness for seed in range(50)]
    assert 0.98 <= min(ks) < 0.985
    assert 1.015 < max(ks) <= 1.02
    choice = choose_k(history_of([1.0], [0.1]), [], SETTINGS, 1, 10, seed=7)
    assert choice.why["by"] == "decay"
    assert choice.why["scheduled_k"] == pytest.approx(1.0 - 0.1 / 9)
    assert choice.k_hardness == choice.why["scheduled_k"] + choice.why["dither"]


@pytest.mark.parametrize(("previous", "k"), [(0.8, 0.85), (1.15, 1.1)])
def test_the_decay_too_keeps_to_the_step(previous, k):
    history = history_of([previous], [0.1])
    assert choose_k(history, [], SETTINGS, 1, 10, seed=0).k_hardness == pytest.approx(k)


@pytest.mark.parametrize(("gains", "k"), [([0.02, 0.05, 0.02, 0.05], 1.0), ([0.05, 0.02, 0.05, 0.02], 0.9)])
def test_k_moves_to_where_gains_were_higher(gains, k):
    history = history_of([0.93, 0.97, 0.93, 0.95], gains)
    choice = choose_k(history, flat_candidates(), SETTINGS, 4, 10, seed=0)
    assert choice.why["by"] == "regression"
    assert choice.k_hardness == k


def test_without_any_evidence_the_higher_training_error_wins():
    history = history_of([0.95] * 4, [0.02] * 4)
    candidates = [Candidate(k, 0.2 - 0.1 * k, 1.0) for k in SETTINGS.grid]
    assert choose_k(history, candidates, SETTINGS, 4, 10, seed=0).k_hardness == 0.9


def test_the_weight_of_the_gain_decides_between_the_two():
    history = history_of([0.93, 0.97, 0.93, 0.95], [0.02, 0.05, 0.02, 0.05])
    candidates = [Candidate(k, 0.2 - 0.1 * k, 1.0) for k in SETTINGS.grid]
    chosen = [
        choose_k(history, candidates, ControllerSettings(w_val=w), 4, 10, seed=0).k_hardness
        for w in (0.0, 5.0)
    ]
    assert chosen == [0.9, 1.0]


def test_recent_epochs_weigh_more():
    # The old epochs say that a large k is better, the recent ones that a small k is.
    old, new = [0.02, 0.05] * 3, [0.05, 0.02] * 3
    history = history_of([0.93, 0.97] * 6, old + new)
    assert choose_k(history, flat_candidates(), SETTINGS, 12, 20, seed=0).k_hardness == pytest.approx(0.95)
    fit = choose_k(history, flat_candidates(), SETTINGS, 12, 20, seed=0).why["regression"]
    assert fit["coefficients"][0] < 0
    assert fit["weights"][-3:] == pytest.approx([0.64, 0.8, 1.0])


def test_the_regression_is_weighted_ridge():
    history = [
        EpochRecord(t, k, e, v, w)
        for t, k, e, v, w in [
            (0, 1.0, 0.10, 0.5, 0.40),
            (1, 0.98, 0.13, 0.4, 0.37),
            (2, 0.99, 0.09, 0.37, 0.35),
            (3, 0.95, 0.11, 0.35, 0.3),
        ]
    ]
    fit = choose_k(history, flat_candidates(), SETTINGS, 4, 10, seed=0).why["regression"]
    x = np.array([[r.k_hardness, r.e_train, r.epoch] for r in history])
    y = np.array([(r.e_val_before - r.e_val) / r.e_val_before for r in history])
    w = 0.8 ** np.array([3, 2, 1, 0])
    standard = lambda v: (v - (w @ v) / w.sum()) / np.sqrt(w @ (v - (w @ v) / w.sum()) ** 2 / w.sum())  # noqa: E731
    z, target = np.column_stack([standard(column) for column in x.T]), standard(y)
    # Ridge as least squares with extra rows, rather than by the normal equations.
    rows = np.vstack([z * np.sqrt(w)[:, None], np.eye(3)])
    expected = np.linalg.lstsq(rows, np.concatenate([target * np.sqrt(w), np.zeros(3)]), rcond=None)[0]
    np.testing.assert_allclose(fit["coefficients"], expected, rtol=1e-9)


def test_candidates_that_cover_too_little_are_left_out():
    history = history_of([0.93, 0.97, 0.93, 0.95], [0.02, 0.05, 0.02, 0.05])
    candidates = [Candidate(k, 0.1, 0.4 if k > 0.97 else 0.6) for k in SETTINGS.grid]
    assert choose_k(history, candidates, SETTINGS, 4, 10, seed=0).k_hardness == 0.95


def test_when_none_covers_enough_the_best_covered_wins():
    history = history_of([0.93, 0.97, 0.93, 0.95], [0.02, 0.05, 0.02, 0.05])
    candidates = [Candidate(k, 0.1, 1.2 - k) for k in SETTINGS.grid]
    choice = choose_k(history, candidates, SETTINGS, 4, 10, seed=0)
    assert choice.k_hardness == 0.9
    assert choice.why["by"].startswith("coverage")


def test_no_candidate_within_reach_holds_k():
    history = history_of([0.93, 0.97, 0.93, 0.95], [0.02, 0.05, 0.02, 0.05])
    choice = choose_k(history, [Candidate(1.2, 0.1, 1.0)], SETTINGS, 4, 10, seed=0)
    assert choice.k_hardness == 0.95
    assert choice.why["by"].startswith("held")


def test_everything_that_led_to_a_choice_is_stored():
    history = history_of([0.93, 0.97, 0.93, 0.95], [0.02, 0.05, 0.02, 0.05])
    choice = choose_k(history, flat_candidates(), SETTINGS, 4, 10, seed=0)
    why = json.loads(json.dumps(choice.why))
    again = choose_k(
        [EpochRecord(**{key: v for key, v in record.items() if key != "gain"}) for record in why["history"]],
        [Candidate(c["k_hardness"], c["e_train"], c["coverage"]) for c in why["candidates"]],
        SETTINGS,
        why["epoch"],
        10,
        0,
    )
    assert asdict(again) == asdict(choice)
    # Reports of older runs have these names: they stay.
    assert why["settings"] == {
        "k_start": 1.0, "k_end": 0.9, "k_min": 0.7, "k_max": 1.2, "grid_points": 11, "k_step": 0.05,
        "first_epochs": 4, "dither": 0.02, "coverage_floor": 0.5, "ridge": 1.0, "w_val": 1.0,
    }  # fmt: skip
    assert (
        max(why["candidates"], key=lambda c: (c["reachable"] and c["covered"], c["score"]))["k_hardness"]
        == choice.k_hardness
    )


def test_no_error_left_is_no_gain():
    assert EpochRecord(0, 1.0, 0.1, 0.0, 0.0).gain == 0.0


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"k_min": 1.2, "k_max": 0.7}, "k_min is 1.2 but k_max is 0.7: lower k_min or raise k_max"),
        ({"k_start": 1.3}, "k_start is 1.3"),
        ({"k_end": 0.5}, "k_end is 0.5"),
        (
            {"k_step": 0.01},
            "k_step is 0.01 but the 11 candidates from k_min = 0.7 to k_max = 1.2 lie 0.05 apart",
        ),
        ({"k_grid": 1}, "k_grid is 1 but must be at least 2: raise it"),
        ({"k_first_epochs": 1}, "k_first_epochs is 1"),
        ({"ridge": 0.0}, "ridge is 0"),
        ({"w_val": math.nan}, "w_val is nan"),
        ({"k_dither": -0.1}, "k_dither is -0.1"),
    ],
)
def test_settings_that_cannot_be_meant(knobs, message):
    with pytest.raises(InputError, match=re.escape(message)):
        ControllerSettings(**knobs)


@pytest.mark.parametrize(
    ("history", "candidates", "message"),
    [
        (history_of([1.0] * 5, [0.1] * 5), flat_candidates(), "must ascend, and be below epoch"),
        (history_of([1.0] * 2, [0.1] * 2) * 2, flat_candidates(), "must ascend"),
        (
            history_of([1.0] * 4, [math.nan] * 4),
            flat_candidates(),
            "epoch 0 holds a value that is not finite",
        ),
        (history_of([1.0] * 4, [0.1] * 4), [Candidate(1.0, math.nan, 1.0)], "candidate for k holds"),
        (history_of([1.0] * 4, [0.1] * 4), [], "no candidates for k in epoch 4"),
    ],
)
def test_what_cannot_be_steered_by(history, candidates, message):
    with pytest.raises(InputError, match=re.escape(message)):
        choose_k(history, candidates, SETTINGS, 4, 10, seed=0)

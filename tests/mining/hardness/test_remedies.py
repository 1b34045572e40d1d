"""The remedies named in the messages on k work."""

from dataclasses import replace

import pytest
from remedies import Refusal
from tripletmine.mining.errors import InputError
from tripletmine.mining.hardness.controller import (
    Candidate,
    ControllerSettings,
    EpochRecord,
    choose_k,
    scheduled_k,
)

SETTINGS = ControllerSettings()
HISTORY = [EpochRecord(epoch, 1.0, 0.1, 0.5, 0.4) for epoch in range(5)]
CANDIDATES = [Candidate(1.0, 0.1, 0.9), Candidate(0.96, 0.2, 0.9)]


def choose(history: list[EpochRecord], candidates: list[Candidate], epoch: int = 5) -> object:
    return choose_k(history, candidates, SETTINGS, epoch, 10, seed=0)


NOT_FINITE = [*HISTORY[:4], replace(HISTORY[4], e_train=float("nan"))]

REFUSALS = {
    "no k between": Refusal(
        lambda: ControllerSettings(k_min=1.2, k_max=1.0),
        "lower k_min or raise k_max",
        lambda: ControllerSettings(k_min=0.8, k_max=1.0),
        lambda: ControllerSettings(k_min=1.2, k_max=1.4, k_start=1.3, k_end=1.3),
    ),
    "k that cannot move": Refusal(
        lambda: ControllerSettings(k_step=0.001, k_grid=3),
        "raise k_step or k_grid",
        lambda: ControllerSettings(k_step=0.5, k_grid=3),
        lambda: ControllerSettings(k_step=0.001, k_grid=5001),
    ),
    "a start beyond the candidates": Refusal(
        lambda: ControllerSettings(k_start=1.3),
        "between k_min = 0.7 and k_max = 1.2: move it between them, or widen their range",
        lambda: ControllerSettings(k_start=1.2),
        lambda: ControllerSettings(k_start=1.3, k_max=1.3, k_grid=21),
    ),
    "no candidates": Refusal(
        lambda: choose(HISTORY, []), "give at least one", lambda: choose(HISTORY, CANDIDATES[:1])
    ),
    "an epoch that is not finite": Refusal(
        lambda: choose(NOT_FINITE, CANDIDATES),
        "epoch 4 holds a value that is not finite: leave it out",
        lambda: choose(NOT_FINITE[:4], CANDIDATES),
    ),
    "an epoch to come": Refusal(
        lambda: choose(HISTORY, CANDIDATES, epoch=4),
        "leave the others out",
        lambda: choose(HISTORY[:4], CANDIDATES, epoch=4),
    ),
    "a candidate that is not finite": Refusal(
        lambda: choose(HISTORY, [*CANDIDATES, Candidate(0.98, float("inf"), 0.9)]),
        "leave it out",
        lambda: choose(HISTORY, CANDIDATES),
    ),
    "an epoch beyond the last": Refusal(
        lambda: scheduled_k(10, 10, 1.0, 0.9),
        "give 0 <= epoch < epochs",
        lambda: scheduled_k(9, 10, 1.0, 0.9),
    ),
    "a schedule without an end": Refusal(
        lambda: scheduled_k(0, 10, 1.0, float("nan")),
        "k_end is nan but must be a finite number of at least 0: give one",
        lambda: scheduled_k(0, 10, 1.0, 0.0),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)

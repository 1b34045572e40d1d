"""What mining's messages say that one should do, works."""

from functools import partial

import numpy as np
import pytest
from remedies import Refusal
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.build import neighbours_of
from tripletmine.mining.guards import Guards
from tripletmine.mining.hardness.controller import ControllerSettings
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.suspects import suspects
from tripletmine.mining.vectors import as_vectors, normalise, unit_vectors

ROWS = 400
RAW = np.random.default_rng(0).normal(size=(ROWS, 8)).astype(np.float32)
VECTORS = normalise(RAW)
LABELS = encode_labels([f"class {row % 5}" for row in range(ROWS)])
HOLES = np.where(np.arange(ROWS)[:, None] == 7, np.float32(np.nan), RAW)

search = partial(neighbours_of, VECTORS, 10, threads=1)
TABLE, _ = search(method="exact")

REFUSALS = {
    "lengths": Refusal(
        lambda: unit_vectors(RAW, normalised=False, remedy="pass normalised=True"),
        "pass normalised=True, or normalise them before",
        lambda: unit_vectors(RAW, normalised=True, remedy=""),
        lambda: unit_vectors(normalise(RAW), normalised=False, remedy=""),
    ),
    "NaN": Refusal(
        lambda: as_vectors(HOLES),
        "rows 7 hold NaN or infinite values: drop or repair them",
        lambda: as_vectors(np.delete(HOLES, 7, axis=0)),
        lambda: as_vectors(np.nan_to_num(HOLES)),
    ),
    "masked": Refusal(
        lambda: as_vectors(np.ma.masked_less(RAW, 0)),
        "fill them, or drop their rows",
        lambda: as_vectors(np.ma.masked_less(RAW, 0).filled(0)),
    ),
    "text": Refusal(
        lambda: as_vectors(RAW.astype(str)),
        "pass float32 values",
        lambda: as_vectors(RAW.astype("f4")),
    ),
    "zeros": Refusal(
        lambda: normalise(np.concatenate([RAW, np.zeros((1, 8), np.float32)])),
        "drop them before normalising",
        lambda: normalise(RAW),
    ),
    "parts": Refusal(
        lambda: search(method="exact", parts=ROWS + 1),
        f"lower it to at most {ROWS}",
        lambda: search(method="exact", parts=ROWS),
    ),
    "memory": Refusal(
        lambda: search(method="exact", memory_mib=0),
        "it must be at least 1",
        lambda: search(method="exact", memory_mib=1),
    ),
    "mixed labels": Refusal(
        lambda: encode_labels([1, "a", 1, "a"]),
        "give one kind",
        lambda: encode_labels(["1", "a", "1", "a"]),
    ),
    "one class": Refusal(
        lambda: mine(TABLE, encode_labels(["a"] * ROWS), MiningRule(), vectors=VECTORS, threads=1),
        "give at least 2 classes",
        lambda: mine(TABLE, LABELS, MiningRule(), vectors=VECTORS, threads=1),
    ),
    "k that cannot move": Refusal(
        lambda: ControllerSettings(k_step=0.001, k_grid=3),
        "raise k_step or k_grid",
        lambda: ControllerSettings(k_step=0.5, k_grid=3),
        lambda: ControllerSettings(k_step=0.001, k_grid=5001),
    ),
    "no distance between": Refusal(
        lambda: Guards(minimum_sq=2.0, maximum_sq=1.0),
        "lower minimum_sq",
        lambda: Guards(minimum_sq=0.5, maximum_sq=1.0),
    ),
    "voters": Refusal(
        lambda: suspects(TABLE, LABELS, voters=0),
        "at least 1: 10 is usual",
        lambda: suspects(TABLE, LABELS, voters=10),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)

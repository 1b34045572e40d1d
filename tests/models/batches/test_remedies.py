"""The remedies named in the messages on batches work."""

from dataclasses import replace

import numpy as np
import pytest
from remedies import Refusal
from tripletmine.mining.graphs.build import neighbours_of
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import Mined, mine
from tripletmine.mining.rule import MiningRule
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.inputs import check_confusion, check_triplets
from tripletmine.models.batches.neighbourhood import Neighbourhood
from tripletmine.models.batches.settings import BatchShape, NeighbourhoodSettings
from tripletmine.models.batches.stored_triplets import StoredTriplets
from tripletmine.models.errors import ModelError

ROWS, CLASSES = 40, 4
CODES = np.repeat(np.arange(CLASSES), ROWS // CLASSES).astype(np.int32)
VECTORS = np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)
TABLE, _ = neighbours_of(VECTORS, 12, method="exact", threads=1)
SHAPE = BatchShape(2, 4)
NOTHING = MiningRule(k_hardness=1.5, margin=0.01)
"""Mines nothing: the boundary lies beyond the margin."""


def mined(rule: MiningRule = MiningRule(margin=1.0)) -> Mined:  # noqa: B008
    """Mine the set."""
    return mine(TABLE, encode_labels(CODES), rule, vectors=VECTORS, threads=1)


def confusion(of: Mined) -> dict[str, np.ndarray]:
    """The columns that batches are composed from."""
    found = of.confusion
    return {"class_a": found.class_a, "class_b": found.class_b, "count": found.count}


def neighbourhood(of: Mined, rows: int = ROWS) -> object:
    """Make batches of classes that mining found to be confused."""
    return Neighbourhood(
        CODES,
        np.bincount(of.columns["anchor"], minlength=rows),
        confusion(of),
        settings=NeighbourhoodSettings(SHAPE),
        images=80,
        seed=0,
        epoch=0,
    )


def stored(of: Mined) -> object:
    """Make batches of exactly the triplets that were mined."""
    parts = [lambda: of.columns]
    return list(StoredTriplets(CODES, parts, batch_images=8, images=80, seed=0, epoch=0).batches())


def class_balanced(codes: list[int] | np.ndarray = CODES) -> object:
    """Make batches without mining."""
    return ClassBalanced(np.asarray(codes, np.int32), shape=SHAPE, images=80, seed=0, epoch=0)


def triplets_again() -> object:
    return check_triplets(mined().columns, ROWS)


def confusion_again() -> object:
    return check_confusion(confusion(mined()), CLASSES)


COLUMNS, PAIRS = mined().columns, confusion(mined())

REFUSALS = {
    "triplets without a column": Refusal(
        lambda: check_triplets({"anchor": COLUMNS["anchor"]}, ROWS), "mine again", triplets_again
    ),
    "triplets of several lengths": Refusal(
        lambda: check_triplets(COLUMNS | {"anchor": COLUMNS["anchor"][1:]}, ROWS),
        "mine again",
        triplets_again,
    ),
    "triplets of other rows": Refusal(
        lambda: check_triplets(COLUMNS | {"anchor": COLUMNS["anchor"] + ROWS}, ROWS),
        "mine again",
        triplets_again,
    ),
    "a confusion table without a column": Refusal(
        lambda: check_confusion({"class_a": PAIRS["class_a"]}, CLASSES), "mine again", confusion_again
    ),
    "a confusion table of other classes": Refusal(
        lambda: check_confusion(PAIRS | {"class_a": PAIRS["class_a"] + CLASSES}, CLASSES),
        "mine again",
        confusion_again,
    ),
    "counts of other rows": Refusal(
        lambda: neighbourhood(mined(), rows=ROWS + 1), "mine again", lambda: neighbourhood(mined())
    ),
    "nothing mined, for neighbourhoods": Refusal(
        lambda: neighbourhood(mined(NOTHING)),
        "mine with a lower k_hardness or a larger margin, or use class_balanced batches",
        lambda: neighbourhood(mined(replace(NOTHING, k_hardness=0.0))),
        lambda: neighbourhood(mined(replace(NOTHING, margin=5.0))),
        class_balanced,
    ),
    "nothing mined, for stored triplets": Refusal(
        lambda: stored(mined(NOTHING)),
        "mine with a lower k_hardness or a larger margin, or use class_balanced batches",
        lambda: stored(mined(replace(NOTHING, k_hardness=0.0))),
        lambda: stored(mined(replace(NOTHING, margin=5.0))),
        class_balanced,
    ),
    "one class of two rows": Refusal(
        lambda: class_balanced([0, 0, 1, 2]),
        "add rows or labels",
        lambda: class_balanced([0, 0, 1, 2, 2]),
        lambda: class_balanced([0, 0, 1, 1]),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(ModelError)

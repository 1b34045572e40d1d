"""The remedies named in the messages on vectors, labels and settings work."""

import numpy as np
import pytest
from remedies import Refusal, refusals_of_limits
from tripletmine.mining import labels
from tripletmine.mining.checks import check_limits
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.parameters import (
    CellsParameters,
    ExactParameters,
    HnswParameters,
    TraverseAddParameters,
)
from tripletmine.mining.guards import Guards
from tripletmine.mining.hardness.controller import ControllerSettings
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.rescoring.bound import TeacherBound
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.vectors import as_vectors, normalise, unit_vectors

ROWS = 400
RAW = np.random.default_rng(0).normal(size=(ROWS, 8)).astype(np.float32)


def with_row_7(values: np.ndarray, value: object) -> np.ndarray:
    """A copy with row 7 replaced."""
    changed = values.copy()
    changed[7] = value
    return changed


HOLES = with_row_7(RAW, np.nan)
MASKED = np.ma.masked_array(RAW, np.isnan(HOLES))
TOO_LONG = with_row_7(RAW, 1e30)

OF_VECTORS = {
    "lengths": Refusal(
        lambda: unit_vectors(RAW, normalised=False, remedy="pass normalised=True"),
        "pass normalised=True, or normalise them before",
        lambda: unit_vectors(RAW, normalised=True, remedy=""),
        lambda: unit_vectors(normalise(RAW), normalised=False, remedy=""),
    ),
    "not of unit length": Refusal(
        lambda: as_vectors(RAW, require_unit=True),
        "normalise them first (tripletmine.mining.vectors.normalise)",
        lambda: as_vectors(normalise(RAW), require_unit=True),
    ),
    "NaN": Refusal(
        lambda: as_vectors(HOLES),
        "rows 7 hold NaN or infinite values: drop or repair them",
        lambda: as_vectors(np.delete(HOLES, 7, axis=0)),
        lambda: as_vectors(np.nan_to_num(HOLES)),
    ),
    "overflow": Refusal(
        lambda: as_vectors(TOO_LONG),
        "scale the vectors down",
        lambda: as_vectors(TOO_LONG * np.float32(1e-25)),
    ),
    "masked": Refusal(
        lambda: as_vectors(MASKED),
        "fill them, or drop their rows",
        lambda: as_vectors(MASKED.filled(0)),
        lambda: as_vectors(np.ma.compress_rows(MASKED)),
    ),
    "text": Refusal(
        lambda: as_vectors(RAW.astype(str)), "pass float32 values", lambda: as_vectors(RAW.astype("f4"))
    ),
    "one vector": Refusal(
        lambda: as_vectors(RAW[0]), "pass an array of (N, D)", lambda: as_vectors(RAW[0][np.newaxis])
    ),
    "no rows": Refusal(
        lambda: as_vectors(RAW[:0]), "pass at least one row and one column", lambda: as_vectors(RAW[:1, :1])
    ),
    "rows of several lengths": Refusal(
        lambda: as_vectors([[1.0, 2.0], [3.0]]), "pass one of shape (N, D)", lambda: as_vectors([[1.0, 2.0]])
    ),
    "zeros": Refusal(
        lambda: normalise(with_row_7(RAW, 0)),
        "drop them before normalising",
        lambda: normalise(np.delete(with_row_7(RAW, 0), 7, axis=0)),
    ),
}

OF_LABELS = {
    "mixed": Refusal(
        lambda: encode_labels([1, "a", 1, "a"]), "give one kind", lambda: encode_labels(["1", "a", "1", "a"])
    ),
    "a matrix": Refusal(
        lambda: encode_labels(np.array([[1, 2], [2, 3]])),
        "give a list of sets for several labels per row",
        lambda: encode_labels([{1, 2}, {2, 3}]),
    ),
    "numbers with fractions": Refusal(
        lambda: encode_labels(np.array([0.0, 1.0])),
        "give integers, strings, or sets of them",
        lambda: encode_labels(np.array([0, 1])),
        lambda: encode_labels(np.array(["0", "1"])),
        lambda: encode_labels([{0}, {1}]),
    ),
    "one word": Refusal(
        lambda: encode_labels("cat"), "give one label for each row", lambda: encode_labels(["cat"])
    ),
    "none": Refusal(
        lambda: encode_labels([]),
        "give one label for each row of the embeddings",
        lambda: encode_labels(["cat"] * ROWS),
    ),
    "an empty string in an array": Refusal(
        lambda: encode_labels(np.array(["cat", " "])),
        "give each row a label, or drop the row",
        lambda: encode_labels(np.array(["cat", "dog"])),
        lambda: encode_labels(np.array(["cat"])),
    ),
    "an empty string in a list": Refusal(
        lambda: encode_labels(["cat", ""]),
        "drop or name the rows that have no label",
        lambda: encode_labels(["cat"]),
        lambda: encode_labels(["cat", "unknown"]),
    ),
    "an empty set": Refusal(
        lambda: encode_labels([{"cat", "pet"}, set()]),
        "give each row a label, or drop the row",
        lambda: encode_labels([{"cat", "pet"}, {"dog"}]),
        lambda: encode_labels([{"cat", "pet"}]),
    ),
    "missing": Refusal(
        lambda: encode_labels(["cat", None]),
        "give integers or strings, and drop or name the rows that have no label",
        lambda: encode_labels(["cat"]),
        lambda: encode_labels(["cat", "unknown"]),
    ),
    "bytes that are no text": Refusal(
        lambda: encode_labels(np.array(["über".encode("latin-1")])),
        "decode the labels, and pass strings",
        lambda: encode_labels(np.array(["über".encode("latin-1").decode("latin-1")])),
    ),
    "half a character": Refusal(
        lambda: encode_labels(["caf\udce9"]), "rename it", lambda: encode_labels(["café"])
    ),
    "huge numbers": Refusal(
        lambda: encode_labels([2**64, 0]),
        "give such labels as strings",
        lambda: encode_labels([str(2**64), "0"]),
    ),
}

OF_SETTINGS = {
    "no distance between": Refusal(
        lambda: Guards(minimum_sq=2.0, maximum_sq=1.0),
        "lower minimum_sq",
        lambda: Guards(minimum_sq=0.5, maximum_sq=1.0),
    ),
    "no rank": Refusal(
        lambda: Guards(rank_window=(5, 5)), "give 0 <= first < stop", lambda: Guards(rank_window=(4, 5))
    ),
    "no negative between": Refusal(
        lambda: MiningRule(margin=0.1, guards=Guards(minimum_margin_sq=0.1)),
        "lower minimum_margin_sq",
        lambda: MiningRule(margin=0.1, guards=Guards(minimum_margin_sq=0.05)),
    ),
}

OF_LIMITS = refusals_of_limits(
    check_limits,
    MiningRule,
    Guards,
    TeacherBound,
    ControllerSettings,
    ExactParameters,
    CellsParameters,
    HnswParameters,
    TraverseAddParameters,
)

NOT_NUMBERS = {
    "a number of text": Refusal(
        lambda: MiningRule(margin="0.2"),  # pyright: ignore[reportArgumentType]
        "must be a finite number: correct it",
        lambda: MiningRule(margin=0.2),
    ),
    "a count with a fraction": Refusal(
        lambda: MiningRule(triplets_per_anchor=2.5),  # pyright: ignore[reportArgumentType]
        "must be a whole number: correct it",
        lambda: MiningRule(triplets_per_anchor=2),
    ),
}

REFUSALS = {
    f"{of}: {name}": refusal
    for of, refusals in {
        "vectors": OF_VECTORS,
        "labels": OF_LABELS,
        "settings": OF_SETTINGS | NOT_NUMBERS,
        "limits": OF_LIMITS,
    }.items()
    for name, refusal in refusals.items()
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)


def test_of_too_many_classes_some_are_joined_or_their_rows_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "_MAX_CLASSES", 2)
    Refusal(
        lambda: encode_labels(["cat", "dog", "cow"]),
        "labels hold 3 classes, but at most 2 can be coded: join some, or drop rows",
        lambda: encode_labels(["pet", "pet", "cow"]),
        lambda: encode_labels(["cat", "dog"]),
    ).require(InputError)

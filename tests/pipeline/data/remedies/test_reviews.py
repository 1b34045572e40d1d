"""The remedies in messages about a review work."""

from pathlib import Path

import pyarrow as pa
import pytest
from remedies import Call, Refusal
from tripletmine.pipeline.data.review.csv_file import HEADER, parse_review, read_review
from tripletmine.pipeline.data.review.decisions import KINDS
from tripletmine.pipeline.data.review.effect import require_known
from tripletmine.pipeline.data.review.on_splits import review_of_splits
from tripletmine.pipeline.data.rows import COLUMNS, RunRows
from tripletmine.pipeline.errors import DataError

FIRST = ",".join(HEADER) + "\n"


def review(*lines: str) -> Call:
    """Parse a review with these lines after the first."""
    return lambda: parse_review((FIRST + "\n".join(lines)).encode(), "r.csv")


def content(of: bytes) -> Call:
    return lambda: parse_review(of, "r.csv")


def of_data(*keys: str, line: str = "exclude,a") -> Call:
    """The review used for data with these keys."""
    found = parse_review((FIRST + line).encode(), "r.csv")
    return lambda: require_known(found, found.keys & {*keys}, keys[0], "r.csv")


def of_splits(line: str) -> Call:
    """For a run that keeps the classes of its splits apart: oak in training, elm in the test."""
    splits, labels, keys = (
        ["train", "train", "test", "test"],
        ["oak", "oak", "elm", "elm"],
        ["a", "b", "c", "d"],
    )
    nothing = pa.nulls(4, pa.string())
    columns = (range(4), keys, labels, splits, nothing, nothing, range(4))
    rows = RunRows(pa.table({name: pa.array(column) for name, column in zip(COLUMNS, columns, strict=True)}))
    found = parse_review((FIRST + line).encode(), "r.csv")
    return lambda: review_of_splits(
        found, rows, name="r.csv", separator=None, zero_shot=True, held_out=True, kept=True
    )


def saved_review() -> None:
    Path("r.csv").write_text(FIRST + "exclude,a")
    read_review(Path("r.csv"))


REFUSALS = {
    "no file": Refusal(
        lambda: read_review(Path("gone.csv")), "correct its path, or give this user read access", saved_review
    ),
    "Latin-1": Refusal(
        content((FIRST + "relabel,a,,café").encode("latin-1")),
        "save it as UTF-8",
        content((FIRST + "relabel,a,,café").encode()),
    ),
    "semicolons": Refusal(
        content(b"decision;key;other_key;label\nexclude;a"),
        'its first line must be "decision,key,other_key,label", with commas',
        review("exclude,a"),
    ),
    "an open quote": Refusal(
        review('exclude,"a'),
        "line 2, is not CSV (unexpected end of data): correct the line",
        review('exclude,"a"'),
    ),
    "too many cells": Refusal(
        review("exclude,a,,,x"), "has 5 cells: write decision, key, other_key, label", review("exclude,a,,")
    ),
    "another decision": Refusal(
        review("drop,a"),
        'has the decision "drop": write one of keep, relabel, exclude, never_negative',
        *(review(f"{kind},a,{'b' if kind == 'never_negative' else ''},elm") for kind in KINDS),
    ),
    "no row": Refusal(review("exclude,,b"), "has no key to exclude: name the row", review("exclude,b")),
    "half a pair": Refusal(
        review("never_negative,a"),
        "has a pair without other_key: name the second row",
        review("never_negative,a,b"),
    ),
    "no label": Refusal(
        review("relabel,a"),
        'has no label for "a": give the new label, or exclude the row',
        review("relabel,a,,elm"),
        review("exclude,a"),
    ),
    "a pair of one row": Refusal(
        review("never_negative,a,a", "keep,b"),
        'pairs "a" with itself: name two rows, or remove the line',
        review("never_negative,a,b", "keep,b"),
        review("keep,b"),
    ),
    "two decisions": Refusal(
        review("relabel,a,,elm", "exclude,a"),
        'says exclude of "a", of which line 2 says relabel "elm": leave one of the two',
        review("relabel,a,,elm"),
        review("exclude,a"),
    ),
    "the review of other data": Refusal(
        of_data("b", "c"),
        "give the review of this data set, or none",
        of_data("a", "c"),
        of_data("b", "c", line=""),
    ),
    "a class of another split": Refusal(
        of_splits("relabel,a,,elm"),
        'but data.split = "zero-shot" needs disjoint classes: exclude those rows',
        of_splits("exclude,a"),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require(DataError)

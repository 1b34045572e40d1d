"""The remedies in messages about the rows of a run and its splits work."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from remedies import Call, Refusal
from tripletmine.pipeline.artifacts.rows import read_rows_table
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.base import SourceRows, strings
from tripletmine.pipeline.data.rows import RunRows, build_rows
from tripletmine.pipeline.data.splits.assign import assign_splits
from tripletmine.pipeline.data.splits.drawn import draw_rows
from tripletmine.pipeline.errors import CorruptError, DataError
from tripletmine.pipeline.runfile.data_spec import DataSpec

ZERO_SHOT = 'data.split is "zero-shot" but '


def split(
    labels: list[Any],
    splits: list[str] | None = None,
    *,
    kind: Literal["closed", "zero-shot"] = "closed",
    splitting: Literal["hashed", "drawn"] = "hashed",
) -> Call:
    keys = strings([str(row) for row in range(len(labels))])
    rows = SourceRows(keys, pa.array(labels), None if splits is None else strings(splits))
    return lambda: assign_splits(rows, split=kind, validation=0.1, test=0.2, seed=0, splitting=splitting)


def drawn(rows: int, share: float) -> Call:
    """Draw rows as runs of version 0.1 did."""
    random = np.random.default_rng(1)
    return lambda: draw_rows(np.zeros(rows, np.int64), np.arange(rows), share, random, name="validation")


def run_rows(name: str, rows: int = 40) -> tuple[RunRows, Arrays]:
    """A data set, and the rows of a run that began with it."""
    labels = np.array(["oak", "ash"])[np.arange(rows) % 2]
    np.savez(name, embeddings=np.ones((rows, 2), np.float32), labels=labels)
    data = Arrays(name)
    spec = DataSpec.model_validate({"kind": "arrays", "path": name})
    return RunRows(build_rows(data, spec, seed=0)), data


def changed_data() -> None:
    rows, _ = run_rows("x.npz")
    _, data = run_rows("x.npz", 42)
    rows.check(data)


def old_files_back() -> None:
    rows, data = run_rows("x.npz")
    rows.check(data)


def new_run() -> None:
    rows, data = run_rows("x.npz", 42)
    rows.check(data)


BOTH = ["oak", "ash"] * 20
FIVE = [f"tree {row % 5}" for row in range(50)]
SIDES = ["train"] * 20 + ["test"] * 20

REFUSALS = {
    "several labels in zero-shot": Refusal(
        split([["oak", "tall"], ["ash"]] * 20, kind="zero-shot"),
        ZERO_SHOT + 'rows have several labels, so classes cannot be kept apart: use "closed"',
        split([["oak", "tall"], ["ash"]] * 20),
    ),
    "no training rows": Refusal(
        split(BOTH, ["test"] * 40), "has no training rows: give some rows the split train", split(BOTH, SIDES)
    ),
    "one class": Refusal(
        split(["oak"] * 40),
        "has one class in 28 rows but a triplet needs a negative of another class: give it at least 2 classes",
        split(BOTH),
    ),
    "a row of each class": Refusal(
        split(["oak", "ash", "oak"], ["train", "train", "validation"]),
        "has one row but a triplet needs a positive: give it a class with at least 2 rows",
        split(["oak", "oak", "ash", "oak"], ["train", "train", "train", "validation"]),
    ),
    "classes in training and test": Refusal(
        split(FIVE, ["train"] * 40 + ["test"] * 10, kind="zero-shot"),
        'are in the training and in the test split of the data set: use "closed"',
        split(FIVE, ["train"] * 40 + ["test"] * 10),
    ),
    "no row to spare": Refusal(
        split(["oak", "ash", "elm"]),
        "can be held out, since no class has more than one row: add rows to the classes",
        split(["oak", "ash", "elm"] * 4),
    ),
    "too few classes": Refusal(
        split(FIVE, kind="zero-shot"),
        ZERO_SHOT + '5 classes are too few for 2 in test and 4 others: use "closed"',
        split(FIVE),
    ),
    "too few classes as once drawn": Refusal(
        split(BOTH, kind="zero-shot", splitting="drawn"),
        ZERO_SHOT + '2 classes are too few for 2 in test and 2 in training: use "closed"',
        split(BOTH, splitting="drawn"),
    ),
    "too small a share as once drawn": Refusal(
        drawn(4, 0.01),
        "data.validation is 0.01 but 4 rows of classes with more than one row give none: raise it, or add rows",
        drawn(4, 0.5),
        drawn(400, 0.01),
    ),
    "another data set than the run began with": Refusal(
        changed_data, "put the old files back, or begin a new run", old_files_back, new_run
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require(DataError)


@pytest.mark.parametrize("fault", ["has the columns", "are not in order"])
def test_rows_that_are_not_those_of_a_run_are_written_again(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = run_rows(str(tmp_path / "x.npz"))[0].table

    def written(content: pa.Table) -> Call:
        return lambda: (path.unlink(missing_ok=True), pq.write_table(content, path), read_rows_table(path))

    wrong = table.drop_columns(["key"]) if fault == "has the columns" else table.slice(1)
    refusal = Refusal(
        written(wrong),
        "delete that one file, the next run writes it again from the same data",
        written(table),
    )
    refusal.require(CorruptError)
    with pytest.raises(CorruptError, match=fault):
        refusal.refused()

"""Triplet files that do not fit: each is refused with the file, the row and what to do."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tripletmine.pipeline.artifacts.triplets import part_name
from tripletmine.pipeline.errors import CorruptError, DataError
from tripletmine.pipeline.storage.committed import Committed
from tripletmine.pipeline.storage.manifest import Manifest
from tripletmine.pipeline.storage.receipts import Receipt, stamp_files
from tripletmine.pipeline.storage.tables import write_table
from tripletmine.pipeline.training.batches import check_enough, training_triplets, triplets_per_anchor

PART = part_name(0)


def mined(folder: Path, **columns: object) -> Committed:
    """A mine stage with one part of four triplets. columns: replacements; None leaves a column out."""
    good = {"anchor": [0, 1, 2, 3], "positive": [1, 0, 3, 2], "negative": [9, 8, 7, 6]}
    table = pa.table({name: values for name, values in {**good, **columns}.items() if values is not None})
    (folder / PART).parent.mkdir(parents=True)
    write_table(folder / PART, table)
    receipt = Receipt("rows-00000", 4, stamp_files(folder, [PART]))
    return Committed(folder, Manifest("mine", 2, {}, (receipt,), {"counts": {"triplets": 4}}))


def test_ids_come_as_they_are(tmp_path: Path) -> None:
    columns = training_triplets(mined(tmp_path), PART, 10)
    assert {name: ids.tolist() for name, ids in columns.items()} == {
        "anchor": [0, 1, 2, 3],
        "positive": [1, 0, 3, 2],
        "negative": [9, 8, 7, 6],
    }
    assert all(ids.dtype == np.int64 for ids in columns.values())


@pytest.mark.parametrize(
    ("changes", "rows", "said"),
    [
        ({}, 8, "row 0: negative is 9 but the training set has rows 0 to 7 (as are 1 more)"),
        ({"positive": [1, 0, -1, 2]}, 10, "row 2: positive is -1"),
        ({"anchor": None}, 10, "has no column anchor"),
        ({"anchor": [0.0, 1.0, 2.0, 3.5]}, 10, "anchor is float64 but must be whole numbers"),
        ({"anchor": [0, None, 2, 3]}, 10, "anchor is float64 but must be whole numbers"),
    ],
)
def test_what_is_not_of_this_training_set_is_refused(
    tmp_path: Path, changes: dict, rows: int, said: str
) -> None:
    with pytest.raises(CorruptError) as caught:
        training_triplets(mined(tmp_path, **changes), PART, rows)
    assert str(tmp_path / PART) in str(caught.value)
    assert said in str(caught.value)
    assert "--from-stage mine --epoch 2" in str(caught.value)


def test_the_triplets_of_each_anchor_are_counted(tmp_path: Path) -> None:
    assert triplets_per_anchor(mined(tmp_path, anchor=[2, 0, 2, 2]), 10).tolist() == [1, 0, 3] + 7 * [0]


@pytest.mark.parametrize("anchor", [[0, 1, 2, -1], [0, 1, 2, 10]])
def test_anchors_of_another_training_set_are_refused(anchor: list[int], tmp_path: Path) -> None:
    with pytest.raises(
        CorruptError, match=rf"part-00000\.parquet, row 3: anchor is {anchor[3]} but the training set"
    ):
        triplets_per_anchor(mined(tmp_path, anchor=anchor), 10)


@pytest.mark.parametrize("cut", [4, 200])
def test_a_truncated_part_is_refused(tmp_path: Path, cut: int) -> None:
    mine = mined(tmp_path)
    whole = (tmp_path / PART).read_bytes()
    (tmp_path / PART).write_bytes(whole[:-cut])
    with pytest.raises(CorruptError, match=r"part-00000\.parquet differs from its receipt: redo it with"):
        training_triplets(mine, PART, 10)


def test_fewer_triplets_than_a_batch_can_hold_are_refused(tmp_path: Path) -> None:
    mine = mined(tmp_path)
    check_enough(mine, 12, epoch=3)
    with pytest.raises(
        DataError,
        match=r"has 4 triplets, which show at most 12 images, but a batch has 13: end the .* run\.epochs = 3, or set",
    ):
        check_enough(mine, 13, epoch=3)

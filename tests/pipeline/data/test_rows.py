"""The rows of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from present import present
from tripletmine.pipeline.data.base import SourceRows, strings
from tripletmine.pipeline.data.digits import Digits
from tripletmine.pipeline.data.rows import COLUMNS, RunRows, build_rows
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.runfile.data_spec import DataSpec


class InMemory:
    """A data set of nothing but rows."""

    item_shape = (1,)
    dtype = np.dtype(np.float32)

    def __init__(self, rows: SourceRows) -> None:
        self.rows = rows

    def read(self, indices: Any) -> np.ndarray:
        return np.zeros((len(indices), 1), np.float32)

    def file_lists(self) -> dict[str, Any]:
        return {}

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:
        return {}


SPEC = DataSpec.model_validate({"kind": "digits"})
SPLITS = ["test", "train", "validation", "train", "train", "test"]
LABELS = ["x", "y", "x", "z", "y", "x"]


def source_rows(**columns: pa.Array) -> SourceRows:
    keys = strings([f"item {row}" for row in range(len(LABELS))])
    return SourceRows(**{"keys": keys, "labels": strings(LABELS), "splits": strings(SPLITS), **columns})


def rows_of(**columns: pa.Array) -> RunRows:
    return RunRows(build_rows(InMemory(source_rows(**columns)), SPEC, seed=0))


def test_training_comes_first_and_ids_are_positions():
    table = rows_of().table
    assert tuple(table.column_names) == COLUMNS
    assert table["row"].to_pylist() == [0, 1, 2, 3, 4, 5]
    assert table["source"].to_pylist() == [1, 3, 4, 2, 0, 5]
    assert table["split"].to_pylist() == ["train"] * 3 + ["validation"] + ["test"] * 2
    assert table["key"].to_pylist() == [f"item {source}" for source in (1, 3, 4, 2, 0, 5)]
    assert table["label"].to_pylist() == ["y", "z", "y", "x", "x", "x"]
    types = {field.name: str(field.type) for field in table.schema}
    assert types["row"] == types["source"] == "int64"
    assert {types[name] for name in ("key", "label", "split", "role", "group")} == {"string"}


def test_ranges_labels_and_sources():
    rows = rows_of()
    assert len(rows) == 6
    assert rows.n_train == 3
    assert [rows.range(split) for split in ("train", "validation", "test")] == [
        range(3),
        range(3, 4),
        range(4, 6),
    ]
    assert rows.labels("train") == ["y", "z", "y"]
    assert rows.sources(range(2, 5)).tolist() == [4, 2, 0]
    assert rows.sources(range(2, 5)).dtype == np.int64
    assert rows.keys(np.array([5, 0])) == ["item 5", "item 1"]


def test_a_split_without_rows():
    rows = rows_of(splits=strings(["train", "train", "validation", "train", "train", "train"]))
    assert rows.range("test") == range(6, 6)
    assert rows.labels("test") == []


def test_roles_and_groups():
    roles = strings(["query", None, None, None, None, "gallery"])
    groups = strings(["c1", None, None, None, None, "c2"])
    rows = rows_of(roles=roles, groups=groups)
    assert rows.column("role", "test").to_pylist() == ["query", "gallery"]
    assert rows.groups("test") == ["c1", "c2"]
    assert rows_of().column("role", "test").to_pylist() == [None, None]


def test_class_sizes_and_singletons():
    rows = rows_of()
    assert rows.class_sizes("train") == {"y": 2, "z": 1}
    assert rows.class_sizes("test") == {"x": 2}
    assert rows.singletons() == ["z"]


def test_several_labels():
    labels = pa.array([["x"], ["y", "z"], ["x"], ["z"], ["y"], ["x"]])
    rows = rows_of(labels=labels)
    assert rows.multi_label
    assert str(rows.table.schema.field("label").type).startswith("list<")
    assert rows.labels("train") == [["y", "z"], ["z"], ["y"]]
    assert rows.class_sizes("train") == {"y": 2, "z": 2}
    assert rows.singletons() == []


def test_a_label_named_twice_is_one_label():
    labels = pa.array([["x", "x"], ["y", "z"], ["x"], ["z", "z"], ["y"], ["x", "y"]])
    rows = rows_of(labels=labels)
    assert rows.class_sizes("train") == {"y": 2, "z": 2}
    assert rows.several() == (1, 0, 1)
    assert rows_of().several() == (0, 0, 0)


def test_digits_with_the_default_shares():
    rows = RunRows(build_rows(Digits(), SPEC, seed=7))
    sizes = {split: len(rows.range(split)) for split in ("train", "validation", "test")}
    assert sum(sizes.values()) == 1797
    assert abs(sizes["test"] - 1797 * 0.2) < 3 * (1797 * 0.2 * 0.8) ** 0.5
    assert abs(sizes["validation"] - 1797 * 0.8 * 0.1) < 3 * (1797 * 0.8 * 0.1 * 0.9) ** 0.5
    assert len(rows.class_sizes("validation")) == 10
    for split in sizes:
        assert np.all(np.diff(rows.sources(rows.range(split))) > 0)


def test_keys_must_be_unique():
    with pytest.raises(DataError, match="has 2 rows with the key 'b' but keys must be unique"):
        rows_of(keys=strings(["a", "b", "c", "b", "d", "e"]))
    with pytest.raises(DataError, match="has 1 rows without a key"):
        rows_of(keys=strings(["a", "b", "c", None, "d", "e"]))
    with pytest.raises(DataError, match="has 6 rows without a key"):
        rows_of(keys=strings([None] * 6))


def test_the_digest_follows_the_values_and_not_the_layout(tmp_path: Path):
    labels = pa.array([["x"], ["y", "z"], ["x"], ["z"], ["y"], ["x"]])
    for rows in (rows_of(), rows_of(labels=labels)):
        path = tmp_path / "rows.parquet"
        pq.write_table(rows.table, path, row_group_size=2)
        assert RunRows(pq.read_table(path)).digest() == rows.digest()
    digests = {
        rows.digest()
        for rows in (
            rows_of(),
            rows_of(labels=labels),
            rows_of(labels=strings(["x", "y", "x", "z", "y", "xx"])),
            rows_of(groups=strings(["c", None, None, None, None, None])),
            rows_of(groups=strings([None, None, None, None, None, "c"])),
            rows_of(groups=strings(["", None, None, None, None, None])),
            rows_of(splits=strings(["train", *SPLITS[1:]])),
        )
    }
    assert len(digests) == 7


def test_the_data_set_must_still_have_the_rows():
    rows = rows_of()
    rows.check(InMemory(source_rows()))
    with pytest.raises(DataError, match="the 6 rows of the data set are not the 6 that the run began with"):
        rows.check(InMemory(source_rows(keys=strings([f"item {row}" for row in (1, 0, 2, 3, 4, 5)]))))
    longer = SourceRows(strings([f"item {row}" for row in range(7)]), strings([*LABELS, "x"]))
    with pytest.raises(DataError, match="the 7 rows of the data set are not the 6"):
        rows.check(InMemory(longer))


def test_tables_that_are_no_rows_of_a_run():
    table = rows_of().table
    with pytest.raises(ValueError, match="has the columns"):
        RunRows(table.drop_columns(["key"]))
    for order in ([1, 0, 2, 3, 4, 5], [0, 1, 2, 3, 4]):
        wrong = table.take(order) if len(order) == 6 else table.slice(1)
        with pytest.raises(ValueError, match="not in order"):
            RunRows(wrong)
    swapped = table.take([3, 0, 1, 2, 4, 5]).set_column(0, "row", table["row"])
    with pytest.raises(ValueError, match="not in order"):
        RunRows(swapped)


@pytest.mark.parametrize(
    ("columns", "difference"),
    [
        ({}, None),
        ({"splits": strings([*SPLITS[:5], "train"])}, "1 rows with another split (item 5: it was 'test' and"),
        (
            {"labels": strings(["x", "y", "x", "z", "q", "x"])},
            "1 rows with another label (item 4: it was 'y' and",
        ),
        (
            {"groups": strings(["c", *[None] * 5])},
            "1 rows with another group (item 0: it was None and now is 'c'",
        ),
        ({"keys": strings([f"item {row}" for row in (1, 0, 2, 3, 4, 5)])}, "its rows are in another order"),
        (
            {"keys": strings([f"item {row}" for row in (0, 1, 2, 3, 4, 8)])},
            "1 rows added (such as item 8), 1 rows removed (such as item 5)",
        ),
    ],
)
def test_what_is_different_is_named(columns: dict[str, pa.Array], difference: str | None):
    found = rows_of().difference(InMemory(source_rows(**columns)))
    assert found == difference if difference is None else present(found).startswith(difference)


def test_validation_out_of_the_training_rows_is_no_difference():
    rows = source_rows(keys=strings([str(row) for row in range(6)]), splits=strings(["train"] * 6))
    spec = SPEC.model_copy(update={"validation": 0.5})
    made = RunRows(build_rows(InMemory(rows), spec, seed=1))
    assert len(made.range("validation"))
    assert made.difference(InMemory(rows)) is None

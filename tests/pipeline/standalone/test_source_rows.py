"""`mine` reads a table of labels as a run does: its splits, its keys, its several labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.artifacts.neighbours import read_some_neighbours
from tripletmine.pipeline.artifacts.triplets import coded_columns
from tripletmine.pipeline.errors import DataError, SpecError
from tripletmine.pipeline.standalone.audit import audit_folder
from tripletmine.pipeline.standalone.mine_files import MinedFiles
from tripletmine.pipeline.standalone.triplet_export import export_triplets
from tripletmine.pipeline.standalone.triplet_folder import open_triplets

ROWS, CLASSES = 120, 6
SPLITS = ["test" if row % 4 == 0 else "Val" if row % 4 == 1 else "train" for row in range(ROWS)]
"""Mixed, so that a row's place among those that are mined is not its place in the file."""
OF = {
    "train": np.array([row for row in range(ROWS) if row % 4 > 1]),
    "validation": np.arange(1, ROWS, 4),
    "test": np.arange(0, ROWS, 4),
}
NAMES = [f"c{row * 7 % CLASSES}" for row in range(ROWS)]
TABLE = {"label": NAMES, "split": SPLITS}
RULE = tm.MiningRule(k_hardness=0.8, margin=0.5)


@pytest.fixture
def vectors() -> np.ndarray:
    """Six wide clusters, float32 (120, 8) of unit length."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLASSES, 8))
    found = centres[np.arange(ROWS) * 7 % CLASSES] + 0.5 * random.normal(size=(ROWS, 8))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def mine(folder: Path, vectors: np.ndarray, columns: dict[str, Any], **options: Any) -> MinedFiles:
    np.save(folder / "x.npy", vectors)
    pq.write_table(pa.table(columns), folder / "labels.parquet")
    out = folder / options.pop("out", "out")
    return tm.mine_files(
        folder / "x.npy", folder / "labels.parquet", out, options.pop("rule", RULE), **options
    )


@pytest.mark.parametrize("positives", ["neighbours", "class"])
def test_rows_of_other_splits_are_left_out_and_counted(positives, vectors, tmp_path: Path) -> None:
    rule = tm.MiningRule(k_hardness=0.8, margin=0.5, positives=positives)
    said: list[str] = []
    found = mine(tmp_path, vectors, TABLE, rule=rule, chunk_rows=50, note=said.append)
    assert found.left_out == {"test": 30, "validation": 30}
    assert (found.rows, found.classes) == (60, 6)
    assert said[0].endswith("left out: 30 test, 30 validation rows (--split)")
    assert json.loads((found.folder / "mining.json").read_bytes())["left_out"] == found.left_out

    # The same as mining these rows alone, except for the ids, which are those of the file.
    train = OF["train"]
    alone = tm.mine(vectors[train], [NAMES[row] for row in train], rule)
    of_file = tm.read_triplets(found.folder)
    assert len(of_file) == len(alone) > 100
    for role in ("anchor", "positive", "negative"):
        np.testing.assert_array_equal(of_file.columns[role], train[alone.columns[role]])
    assert of_file.report.coverage == alone.report.coverage
    assert pq.read_table(found.folder / "classes.parquet")["rows"].to_pylist() == [10] * CLASSES
    table = read_some_neighbours(found.folder / "neighbours.zarr", np.arange(ROWS))
    assert (table.ids[OF["test"]] == -1).all()
    assert set(table.ids[train].ravel().tolist()) == set(train.tolist())


@pytest.mark.parametrize(
    ("split", "rows"), [("test", OF["test"]), ("val", OF["validation"]), ("all", np.arange(ROWS))]
)
def test_another_split_is_chosen(split: str, rows: np.ndarray, vectors, tmp_path: Path) -> None:
    found = tm.read_triplets(mine(tmp_path, vectors, TABLE, split=split).folder)
    used = set(np.concatenate([found.columns[role] for role in ("anchor", "positive", "negative")]).tolist())
    assert len(used) > len(rows) / 2
    assert used <= set(rows.tolist())


def test_a_split_that_is_not_there_is_refused(vectors, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"split is 'dev' but must be one of train, validation, test, all"):
        mine(tmp_path, vectors, TABLE, split="dev")
    with pytest.raises(SpecError, match=r"split is 'train' but .* has no column \"split\": leave it out"):
        mine(tmp_path, vectors, {"label": NAMES}, split="train")
    with pytest.raises(SpecError, match=r"has no train rows \(it has 120 test\)"):
        mine(tmp_path, vectors, {"label": NAMES, "split": ["test"] * ROWS})
    assert mine(tmp_path, vectors, {"label": NAMES}, split="all").rows == ROWS


def test_the_audit_finds_a_row_of_another_split(vectors, tmp_path: Path) -> None:
    found = mine(tmp_path, vectors, TABLE, split="all")
    about = found.folder / "mining.json"
    assert audit_folder(found.folder).triplets.ok
    about.write_text(about.read_text().replace('"split": "all"', '"split": "train"'))
    audit = audit_folder(found.folder).triplets
    assert set(audit.violations) == {"row_left_out"}
    source = open_triplets(found.folder)
    rows = next(coded_columns(path, source.labels) for path in source.files)
    used = np.stack([rows[role] for role in ("anchor", "positive", "negative")])
    assert audit.violations["row_left_out"].count == (~np.isin(used, OF["train"])).any(axis=0).sum()


def test_keys_are_read_as_a_run_reads_them(vectors, tmp_path: Path) -> None:
    for keys, message in (
        ([f"k{row // 2}" for row in range(ROWS)], "has 2 rows with the key 'k0' but keys must be unique"),
        (["" if row % 3 else str(row) for row in range(ROWS)], "has 80 rows without a key"),
        ([None if row % 3 else str(row) for row in range(ROWS)], "has 80 rows without a key"),
        (["  " if row == 5 else str(row) for row in range(ROWS)], "has 1 rows without a key"),
    ):
        with pytest.raises(DataError, match=message):
            mine(tmp_path, vectors, {"label": NAMES, "key": keys})
    assert not (tmp_path / "out").exists()


def test_several_labels_a_row_are_separated(vectors, tmp_path: Path) -> None:
    joined = [f"{name}|{'old' if row % 2 else 'new'}" for row, name in enumerate(NAMES)]
    found = mine(tmp_path, vectors, {"label": joined}, label_separator="|")
    assert found.classes == CLASSES + 2
    expected = tm.mine(vectors, [label.split("|") for label in joined], RULE)
    read = tm.read_triplets(found.folder)
    assert len(read) == len(expected) > 0
    np.testing.assert_array_equal(read.columns["positive"], expected.columns["positive"])
    assert audit_folder(found.folder).triplets.ok


def test_values_of_another_length_are_refused(vectors, tmp_path: Path) -> None:
    folder = mine(tmp_path, vectors, TABLE).folder
    for rows in (119, 300):
        values = tmp_path / f"{rows}.csv"
        values.write_text("text\n" + "".join(f"t{row}\n" for row in range(rows)))
        with pytest.raises(DataError, match=f"{rows} rows but the data that were mined have 120"):
            export_triplets(folder, tmp_path / "t.jsonl", values=str(values))
    assert not (tmp_path / "t.jsonl").exists()


def test_values_that_stand_for_nothing_are_refused(vectors, tmp_path: Path) -> None:
    folder, values = mine(tmp_path, vectors, TABLE).folder, tmp_path / "values.parquet"
    for column, message in (
        (
            [" " if row == 7 else "a" for row in range(ROWS)],
            r"'text' has 1 empty cells, the first for '7': fill",
        ),
        ([["a"]] * ROWS, r"column 'text' has values of type list.*, which are not names"),
    ):
        pq.write_table(pa.table({"text": column}), values)
        with pytest.raises(DataError, match=message):
            export_triplets(folder, tmp_path / "t.jsonl", values=str(values))


def test_labels_that_look_alike_are_said_and_kept(vectors, tmp_path: Path) -> None:
    said: list[str] = []
    names = [f"{row % 6}.0" if row % 2 else f"{row % 3}" for row in range(ROWS)]
    found = mine(tmp_path, vectors, {"label": names}, note=said.append)
    assert found.remarks[0].startswith("labels look alike but are different classes: '1' and '1.0'")
    assert found.remarks[0] in said
    assert json.loads((found.folder / "mining.json").read_bytes())["remarks"] == list(found.remarks)
    assert found.classes == 6


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_is_not_there_is_answered_with_those_that_are(kind, vectors, tmp_path: Path) -> None:
    folder = mine(tmp_path, vectors, TABLE).folder
    values = tmp_path / f"values.{kind}"
    if kind == "csv":
        values.write_text("caption,path\n" + "a,b\n" * ROWS)
    else:
        pq.write_table(pa.table({"caption": ["a"] * ROWS, "path": ["b"] * ROWS}), values)
    with pytest.raises(DataError, match=r"no column 'nope' \(it has caption, path\): name one with --column"):
        export_triplets(folder, tmp_path / "t.jsonl", values=str(values), column="nope")


def test_what_no_rule_finds_a_triplet_in_is_refused(vectors, tmp_path: Path) -> None:
    every_row = [str(row) for row in range(ROWS)]
    equal = np.repeat(vectors[:1], ROWS, axis=0)
    for labels, some, message in (
        (every_row, vectors, "each of the 120 labels is that of one row"),
        ([f"{row // 2}" for row in range(ROWS)], equal, "all 120 vectors are equal"),
        (["a"] * ROWS, vectors, "all 120 rows have the label 'a': mining needs negatives"),
        ([["a", name] for name in NAMES], vectors, "all 120 rows have the label 'a' among others"),
    ):
        with pytest.raises(InputError, match=message):
            mine(tmp_path, some, {"label": labels})
        with pytest.raises(InputError, match=message):
            tm.mine(some, labels)
    # There are pairs among all rows, but none among the training rows.
    halves = [f"c{row}" if split == "train" else "d" for row, split in enumerate(SPLITS)]
    with pytest.raises(InputError, match="each of the 60 labels is that of one row"):
        mine(tmp_path, vectors, {"label": halves, "split": SPLITS})
    one = ["a" if split == "train" else NAMES[row] for row, split in enumerate(SPLITS)]
    with pytest.raises(InputError, match="all 60 rows have the label 'a'"):
        mine(tmp_path, vectors, {"label": one, "split": SPLITS})
    still = np.where(np.isin(np.arange(ROWS), OF["train"])[:, None], vectors[0], vectors)
    with pytest.raises(InputError, match="all 60 vectors are equal"):
        mine(tmp_path, still, TABLE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["train", "all"])
def test_vectors_of_some_rows_are_those_of_the_whole(split: str, vectors, tmp_path: Path) -> None:
    source = open_triplets(mine(tmp_path, 3 * vectors, TABLE, split=split, normalise=True).folder)
    assert (source.folder, source.epoch) == (tmp_path / "out", None)
    rows = np.array([2, 3, 50, 119], np.int64)
    np.testing.assert_array_equal(source.some_vectors(rows), source.vectors()[rows])
    np.testing.assert_allclose(source.some_vectors(rows), vectors[rows], atol=1e-6)

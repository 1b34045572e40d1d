"""Work on the rows of a run makes numbers of them: no Python string, list or set for each row."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tripletmine.pipeline.data import base, files, marks
from tripletmine.pipeline.data import rows as run_rows
from tripletmine.pipeline.data.base import SourceRows, coded_rows, encoded_labels
from tripletmine.pipeline.data.changes import compare_files
from tripletmine.pipeline.data.columns import rows_from_columns
from tripletmine.pipeline.data.files import in_threads
from tripletmine.pipeline.data.image_folder import ImageFolder
from tripletmine.pipeline.data.marks import FileList, identity_of, mark_files
from tripletmine.pipeline.data.review.apply import apply_review
from tripletmine.pipeline.data.review.decisions import Review
from tripletmine.pipeline.data.review.on_splits import review_of_splits, reviewed_rows_of
from tripletmine.pipeline.data.rows import RunRows, build_rows
from tripletmine.pipeline.data.splits import assign
from tripletmine.pipeline.data.table import ImageTable

from .test_rows import SPEC, InMemory

ROWS = 20_000
CLASSES = 100


def source_rows(labels_a_row: int) -> SourceRows:
    keys = pa.array(np.arange(ROWS)).cast(pa.string())
    labels = pa.array(np.random.default_rng(0).integers(0, 1000, ROWS * labels_a_row)).cast(pa.string())
    if labels_a_row == 1:
        return SourceRows(keys, labels)
    offsets = pa.array(np.arange(ROWS + 1) * labels_a_row, pa.int32())
    return SourceRows(keys, pa.ListArray.from_arrays(offsets, labels))


def bytes_a_row(work: Callable[[], object]) -> float:
    """Peak memory of Python and NumPy for each row; Arrow's own strings are not counted."""
    work()
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / ROWS


@pytest.mark.parametrize("labels_a_row", [1, 2])
def test_a_row_takes_a_few_numbers(labels_a_row: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_rows, "_DIGEST_ROWS", 1 << 10)
    monkeypatch.setattr(base, "_BLOCK", 1 << 10)
    monkeypatch.setattr(assign, "_BLOCK_ROWS", 1 << 10)
    data = InMemory(source_rows(labels_a_row))
    rows = RunRows(build_rows(data, SPEC, seed=0))

    review = Review(
        relabelled={"5": "7|9"}, excluded=frozenset({"7"}), never_negatives=frozenset({("1", "2")})
    )
    review_settings: dict[str, Any] = {
        "name": "r.csv",
        "separator": "|",
        "zero_shot": False,
        "held_out": True,
        "kept": True,
    }
    read = pa.table({"label": data.rows.labels})

    def coded(split: str) -> object:
        return coded_rows(rows.column("label", split), lambda names: np.arange(len(names), dtype=np.int32))

    taken = {
        "build_rows": bytes_a_row(lambda: build_rows(data, SPEC, seed=0)),
        "digest": bytes_a_row(rows.digest),
        "class_sizes": bytes_a_row(lambda: rows.class_sizes("train")),
        "several": bytes_a_row(rows.several),
        "difference": bytes_a_row(lambda: rows.difference(data)),
        "review_of_splits": bytes_a_row(lambda: review_of_splits(review, rows, **review_settings)),
        "reviewed_rows_of": bytes_a_row(lambda: reviewed_rows_of(rows, review, "train", "|")),
        "apply_review": bytes_a_row(lambda: apply_review(review, data.rows.keys, data.rows.labels, "|")),
        "rows_from_columns": bytes_a_row(
            lambda: rows_from_columns(read, data.rows.keys, subject="x", separator=None)
        ),
        "coded_rows": bytes_a_row(lambda: coded("train")),
        "encoded_labels": bytes_a_row(lambda: encoded_labels(rows.column("label", "train"))),
    }
    # A Python string takes some 50 bytes, and 8 more in a list.
    too_much = {name: round(each) for name, each in taken.items() if each > 50 * labels_a_row}
    assert not too_much


def test_a_file_takes_a_few_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_BLOCK_FILES", 1 << 8)
    monkeypatch.setattr(marks, "stamp", lambda name: {"size": len(name), "changed": 1})
    files = {"": FileList("folder", pa.array([f"{row}.png" for row in range(ROWS)]))}
    before = mark_files(files, hash_content=False)
    taken = {
        "mark_files": bytes_a_row(lambda: mark_files(files, hash_content=False)),
        "identity_of": bytes_a_row(lambda: identity_of(before)),
        "compare_files": bytes_a_row(lambda: compare_files(before, before, files)),
    }
    too_much = {name: round(each) for name, each in taken.items() if each > 50}
    assert not too_much


def test_a_picture_takes_a_few_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_BLOCK", 1 << 8)
    monkeypatch.setattr(files, "_AT_ONCE", 1 << 8)
    (tmp_path / "one.png").write_bytes(b"")
    for folder in range(CLASSES):
        (tmp_path / f"class {folder}").mkdir()
        for row in range(ROWS // CLASSES):
            (tmp_path / f"class {folder}" / f"{row}.png").hardlink_to(tmp_path / "one.png")
    table = tmp_path / "table.csv"
    table.write_text("path,label\n" + "".join(f"./{row}.png,{row % 10}\n" for row in range(ROWS)))
    folder = ImageFolder(str(tmp_path))
    taken = {
        "walk": bytes_a_row(lambda: ImageFolder(str(tmp_path)).rows),
        "a table of untidy paths": bytes_a_row(lambda: ImageTable(str(table)).rows),
        "asked": bytes_a_row(folder.asked),
        "outside": bytes_a_row(folder.outside),
        "file_lists": bytes_a_row(folder.file_lists),
        "in_threads": bytes_a_row(lambda: sum(in_threads(int, range(ROWS)))),
    }
    too_much = {name: round(each) for name, each in taken.items() if each > 50}
    assert not too_much

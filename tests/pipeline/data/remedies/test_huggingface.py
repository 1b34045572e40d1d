"""The remedies in messages about data sets that `datasets` opens work."""

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from PIL import Image
from remedies import Call, Refusal
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.runfile.load import parse_spec


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def read(path: str, **keys: Any) -> None:
    """All that a run reads of it."""
    data = open_data(parse_spec({"data": {"kind": "huggingface", "path": path, **keys}}, base=Path()).data)
    data.read(range(len(data.rows)))


def saved(made: Dataset | DatasetDict, **keys: Any) -> Call:
    """Write to the folder birds, and read it."""

    def written() -> None:
        shutil.rmtree("birds", ignore_errors=True)
        made.save_to_disk("birds")
        read("birds", **keys)

    return written


def splits(**parts: Dataset) -> DatasetDict:
    return DatasetDict(list(parts.items()))


def columns(**values: list[Any]) -> Dataset:
    return Dataset.from_dict(values)


def lines(*rows: dict[str, Any]) -> Call:
    def written() -> None:
        Path("birds.jsonl").write_text("\n".join(map(json.dumps, rows)))
        read("birds.jsonl")

    return written


def coded(*labels: int) -> Dataset:
    features = Features(
        {"vector": List(Value("float32")), "kind": Value("string"), "label": ClassLabel(names=["wren"])}
    )
    rows = {"vector": [[1.0]] * len(labels), "kind": ["wren"] * len(labels), "label": list(labels)}
    return Dataset.from_dict(rows, features=features)


def pictures(*heights: int | None, names: tuple[str, ...] = ("image",)) -> Dataset:
    """One row for each height; None is a row without a picture."""
    made = [None if height is None else Image.new("RGB", (5, height)) for height in heights]
    features = Features({name: datasets.Image() for name in names} | {"label": Value("string")})
    return Dataset.from_dict(dict.fromkeys(names, made) | {"label": ["wren"] * len(made)}, features=features)


ROWS = columns(vector=[[1.0], [2.0]], label=["wren", "tit"])
OTHER = columns(vector=[[1.0], [2.0]], kind=["wren", "tit"])
NAN = columns(vector=[[1.0], [np.nan]], label=["wren", "tit"])
ONE = ROWS.select([0])

REFUSALS = {
    "nothing there": Refusal(
        lambda: read("owner/birds"),
        "does not exist on this machine: correct data.path, or download it first",
        saved(ROWS),
        # As after a download: the same path is there.
        lambda: (ROWS.save_to_disk("owner/birds"), read("owner/birds")),
    ),
    "not JSON": Refusal(
        lambda: (Path("birds.jsonl").write_text('{"vector": [1.0'), read("birds.jsonl")),
        "restore it, or write it again",
        lines({"vector": [1.0], "label": "wren"}),
    ),
    "another file": Refusal(
        lambda: (Path("birds.txt").touch(), read("birds.txt")),
        "is not a file for datasets (.parquet, .json, .jsonl, .csv, .tsv): name one, or a folder that "
        "save_to_disk wrote",
        lines({"vector": [1.0], "label": "wren"}),
        saved(ROWS),
    ),
    "splits with other columns": Refusal(
        saved(splits(train=ROWS, test=OTHER)),
        "has splits with other columns: write all splits alike",
        saved(splits(train=ROWS, test=ROWS)),
    ),
    "an unknown split": Refusal(
        saved(splits(train=ROWS, extra=ROWS)),
        "known are train, validation and test, so rename or remove extra",
        *(saved(splits(**{"train": ROWS, name: ROWS})) for name in ("validation", "test")),
        saved(splits(train=ROWS)),
    ),
    "one split twice": Refusal(
        saved(splits(train=ROWS, val=ROWS, validation=ROWS)),
        "two of which mean the same: leave one",
        saved(splits(train=ROWS, val=ROWS)),
    ),
    "no item": Refusal(
        saved(columns(clip=[[1.0]], label=["wren"])),
        'name the column with data.columns, such as { vector = "clip" } or { path = "photo" }',
        saved(columns(clip=[[1.0]], label=["wren"]), columns={"vector": "clip"}),
        saved(pictures(6, names=("photo",)), columns={"path": "photo"}),
    ),
    "several pictures": Refusal(
        saved(pictures(6, names=("front", "back"))),
        'choose one with data.columns, such as { path = "front" }',
        saved(pictures(6, names=("front", "back")), columns={"path": "front"}),
    ),
    "several widths": Refusal(
        saved(columns(vector=[[1.0], [1.0, 2.0]], label=["wren", "tit"])),
        "give each row the same number of values",
        saved(ROWS),
    ),
    "numbers for vectors": Refusal(
        saved(columns(vector=[1.0], clip=[[1.0]], label=["wren"])),
        'has a single number per row: name the column of the vectors, such as data.columns = { vector = "clip" }',
        saved(columns(vector=[1.0], clip=[[1.0]], label=["wren"]), columns={"vector": "clip"}),
    ),
    "NaN": Refusal(
        saved(NAN),
        "row 1 (from 0) has NaN or infinite values, and so have 1 of the 2 rows read: mend them or leave them out",
        saved(ROWS),
        saved(NAN.select([0])),
    ),
    "no class": Refusal(
        saved(splits(train=coded(0, 0), test=coded(-1, -1))),
        "has no class in 'label', as rows of test splits often have: remove that split, or name another column",
        saved(splits(train=coded(0, 0))),
        saved(splits(train=coded(0, 0), test=coded(-1, -1)), columns={"label": "kind"}),
    ),
    "pictures of two sizes": Refusal(
        saved(pictures(6, 9)), "the first has 6 × 5: set data.image_size", saved(pictures(6, 9), image_size=4)
    ),
    "no picture": Refusal(
        saved(pictures(6, None)), "row 1 (from 0) has no picture: leave the row out", saved(pictures(6))
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(DataError)

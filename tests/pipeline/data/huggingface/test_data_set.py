"""Data that `datasets` opens, read as their owner means them."""

import json
import pickle
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image
from tripletmine.pipeline.data.huggingface.data_set import HuggingFace
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.tables.form import TableForm
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.runfile.load import parse_spec


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def pictures(count: int, seed: int, *, classes: bool = True) -> datasets.Dataset:
    generator = np.random.default_rng(seed)
    images = [Image.fromarray(generator.integers(0, 256, (6, 5, 3), np.uint8)) for _ in range(count)]
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["oak", "ash"]) if classes else datasets.Value("string"),
        }
    )
    labels = [row % 2 for row in range(count)] if classes else ["oak"] * count
    return datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)


def test_splits_classes_and_pixels_of_what_was_saved(tmp_path: Path) -> None:
    saved = datasets.DatasetDict({"train": pictures(4, 0), "test": pictures(3, 1)})
    saved.save_to_disk(tmp_path / "birds")
    found = HuggingFace(str(tmp_path / "birds"))
    assert found.rows.labels.to_pylist() == ["oak", "ash", "oak", "ash", "oak", "ash", "oak"]
    assert found.rows.splits is not None
    assert found.rows.splits.to_pylist() == ["train"] * 4 + ["test"] * 3
    assert found.rows.keys.to_pylist()[3:5] == ["train/3", "test/0"]
    assert found.item_shape == (6, 5, 3)
    items = pickle.loads(pickle.dumps(found)).read([5, 0])
    np.testing.assert_array_equal(items[0], np.asarray(saved["test"][1]["image"]))
    np.testing.assert_array_equal(items[1], np.asarray(saved["train"][0]["image"]))


def test_csv_cells_stay_strings_and_pictures_lie_beside_the_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.fromarray(np.full((4, 4, 3), ord(name), np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "t.tsv").write_text("photo\tkind\na.png\t007\nb.png\t7\n")
    form = TableForm(columns=(("label", "kind"), ("path", "photo")))
    found = HuggingFace(str(tmp_path / "t.tsv"), form=form)
    assert found.rows.labels.to_pylist() == ["007", "7"]
    assert found.rows.splits is None
    assert found.read([1, 0])[:, 0, 0, 0].tolist() == [ord("b"), ord("a")]


def test_vectors_of_json_lines_with_keys_and_several_labels(tmp_path: Path) -> None:
    lines = [{"key": f"k{row}", "clip": [row, 0.5], "label": ["x", str(row)]} for row in range(3)]
    (tmp_path / "v.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = HuggingFace(str(tmp_path / "v.jsonl"), form=TableForm(columns=(("vector", "clip"),)))
    assert (found.item_shape, found.dtype) == ((2,), np.float32)
    np.testing.assert_array_equal(found.read([2]), [[2, 0.5]])
    assert found.rows.keys.to_pylist() == ["k0", "k1", "k2"]
    assert found.rows.labels.to_pylist()[2] == ["x", "2"]


def test_a_folder_of_images_by_class(tmp_path: Path) -> None:
    for split, kind in (("train", "oak"), ("train", "ash"), ("test", "oak")):
        folder = tmp_path / "trees" / split / kind
        folder.mkdir(parents=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / "one.png")
    found = HuggingFace(str(tmp_path / "trees"))
    assert sorted(zip(found.rows.splits.to_pylist(), found.rows.labels.to_pylist(), strict=True)) == [  # type: ignore[union-attr]
        ("test", "oak"),
        ("train", "ash"),
        ("train", "oak"),
    ]
    assert found.read(range(3)).shape == (3, 4, 4, 3)


def test_the_run_file_opens_it_and_its_files_tell_it_from_another(tmp_path: Path) -> None:
    pictures(4, 0).save_to_disk(tmp_path / "birds")
    spec = parse_spec({"data": {"kind": "huggingface", "path": "birds", "image_size": 8}}, base=tmp_path)
    found = open_data(spec.data, tmp_path)
    assert found.item_shape == (8, 8, 3)
    before = found.identity()
    found.read([0])
    assert open_data(spec.data, tmp_path).identity() == before
    pictures(4, 1).save_to_disk(tmp_path / "birds")
    assert open_data(spec.data, tmp_path).identity() != before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, r"birds does not exist on this machine: correct data\.path"),
        (
            lambda folder: datasets.DatasetDict({"train": pictures(2, 0), "holdout": pictures(2, 1)}),
            "has the splits train, holdout: known are train, validation and test, so rename or remove holdout",
        ),
        (
            lambda folder: datasets.DatasetDict(
                {"train": pictures(2, 0), "test": pictures(2, 1, classes=False)}
            ),
            "splits with other columns",
        ),
        (
            lambda folder: datasets.Dataset.from_dict({"a": [1], "label": ["x"]}),
            "name the column with data.columns",
        ),
        (
            lambda folder: datasets.Dataset.from_dict({"vector": [[1.0], [1.0, 2.0]], "label": ["x", "y"]}),
            "values of different shapes",
        ),
        (
            lambda folder: datasets.Dataset.from_dict(
                {"vector": [[1.0], [float("nan")]], "label": ["x", "y"]}
            ),
            r"row 1 \(from 0\) has NaN",
        ),
        (
            lambda folder: datasets.Dataset.from_dict(
                {"vector": [[1.0], [2.0]], "label": [0, -1]},
                features=datasets.Features(
                    {
                        "vector": datasets.Sequence(datasets.Value("float32")),
                        "label": datasets.ClassLabel(names=["x"]),
                    }
                ),
            ),
            r"row 1 \(from 0\) has no class in 'label'.*remove that split",
        ),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, make, message: str) -> None:
    made = make(tmp_path)
    if made is not None:
        made.save_to_disk(tmp_path / "birds")
    with pytest.raises(DataError, match=message):
        read_all(HuggingFace(str(tmp_path / "birds")))


def read_all(data: HuggingFace) -> None:
    assert len(data.rows) == len(data.read(range(len(data))))

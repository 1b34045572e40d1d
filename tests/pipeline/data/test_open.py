"""From [data] to a data set."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.runfile.data_spec import DataSpec
from tripletmine.pipeline.runfile.load import parse_spec


def spec(**keys: Any) -> DataSpec:
    return parse_spec({"data": keys}, base=Path("/nowhere")).data


def test_digits():
    assert open_data(spec(kind="digits")).item_shape == (8, 8)


def test_relative_paths_start_at_the_run_file(image_folder: Path):
    data = open_data(spec(kind="image-folder", path="pets", image_size=4), image_folder.parent)
    assert data.item_shape == (4, 4, 3)
    data = open_data(spec(kind="image-folder", path=str(image_folder), image_size=[2, 3], colour="grey"))
    assert data.item_shape == (2, 3)


def test_a_home_folder(image_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(image_folder.parent))
    assert len(open_data(spec(kind="image-folder", path="~/pets")).rows) == 5


def test_a_table_beside_its_images(image_folder: Path):
    (image_folder / "table.csv").write_text("path,label\ncat/10.png,a+b\n")
    data = open_data(spec(kind="table", path="table.csv", label_separator="+"), image_folder)
    assert data.rows.labels.to_pylist() == [["a", "b"]]
    assert data.read([0]).shape == (1, 6, 5, 3)


def test_arrays_with_labels(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.ones((2, 3)))
    np.save(tmp_path / "y.npy", np.array([1, 2]))
    data = open_data(spec(kind="arrays", path="x.npy", labels="y.npy"), tmp_path)
    assert data.rows.labels.to_pylist() == ["1", "2"]


def test_hashing_of_contents(image_folder: Path):
    keys = {"kind": "image-folder", "path": "pets"}
    before = open_data(spec(**keys, hash_content=True), image_folder.parent).identity()
    os.utime(image_folder / "cat" / "10.png", (0, 0))
    assert open_data(spec(**keys, hash_content=True), image_folder.parent).identity() == before
    assert open_data(spec(**keys), image_folder.parent).identity() != before


DEBIAN_IS_THERE = Path("/usr/share/datasets/fashion-mnist").is_dir()


def test_fashion_mnist_where_debian_puts_it_or_the_name_of_the_package():
    data = open_data(spec(kind="fashion-mnist"))
    if DEBIAN_IS_THERE:
        assert len(data.rows) == 70_000
    else:
        with pytest.raises(Exception, match="apt-get install dataset-fashion-mnist"):
            len(data.rows)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "mnist"}, 'data.kind is "mnist" but must be one of'),
        ({"kind": "digits", "path": "x"}, "data.path is 'x' but data.kind is \"digits\": it is for arrays, "),
        ({"kind": "arrays", "path": "x", "image_size": 3}, 'data.image_size is 3 but data.kind is "arrays"'),
        ({"kind": "table"}, 'data.path is missing but data.kind is "table"'),
        ({"kind": "digits", "validation": 0}, "data.validation is 0 but must be greater than 0"),
        ({"kind": "digits", "test": 0.6}, "data.test is 0.6 but must be at most 0.5"),
        ({"kind": "digits", "mean": [0.5]}, "data.std is missing"),
        (
            {"kind": "digits", "mean": [0.5], "std": [0.0]},
            r"data.std is \[0.0\] but must be numbers greater than 0",
        ),
        ({"kind": "digits", "mean": [], "std": []}, r"data.std is \[\]"),
        (
            {"kind": "table", "path": "x", "image_size": [4, 0]},
            "data.image_size is .4, 0. but must be at least 1",
        ),
        ({"kind": "digits", "augment": {"flips": True}}, "did you mean data.augment.flip"),
        ({"kind": "digits", "valdation": 0.1}, "did you mean data.validation"),
    ],
)
def test_bad_keys(keys: Mapping[str, Any], message: str):
    with pytest.raises(SpecError, match=message):
        spec(**keys)


def test_where_the_files_are_is_no_result_key():
    keys = spec(kind="arrays", path="x", labels="y", hash_content=True).result_keys()
    assert keys.keys().isdisjoint({"path", "labels", "hash_content"})
    assert {"kind", "split", "validation", "test", "label_separator", "augment"} <= keys.keys()

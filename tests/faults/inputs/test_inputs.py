"""Any input is read exactly as an independent reader reads it, or refused in one message with its name and a remedy.

`make faults` tries a hundred times as many examples (FAULTS_EXAMPLES).
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tripletmine as tm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracles import exact_neighbours, mine_by_loops
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.vectors import as_vectors, normalise
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.base import DataSet, SourceRows
from tripletmine.pipeline.data.open import decoding_of, open_data
from tripletmine.pipeline.data.pictures.decode import background_rgb
from tripletmine.pipeline.data.pictures.examine import examine
from tripletmine.pipeline.data.pictures.exported import as_json, from_json
from tripletmine.pipeline.data.pictures.picture_set import PictureSet
from tripletmine.pipeline.runfile.data_spec import DataSpec

from . import tables
from .arrays import Stored, arrays, in_memory
from .folders import Tree, build, listing, rows_of, trees
from .labels import Given, label_files, labels, names_of
from .outcome import Refused, outcome
from .pictures import Picture, item_of, pictures

fuzzed = settings(
    max_examples=int(os.environ.get("FAULTS_EXAMPLES", "40")),
    derandomize="FAULTS_EXAMPLES" not in os.environ,  # `make faults` looks for new ones
    deadline=60_000,  # ms: a reader that takes longer hangs; the first one waits for kernels to compile
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Libraries may warn; turned into an error, a warning would look like a refusal of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


BACKGROUNDS = ("white", "black", "grey", "#c01030")


@fuzzed
@given(
    chosen=st.lists(pictures(), min_size=1, max_size=2),
    colour=st.sampled_from(["grey", "rgb"]),
    background=st.sampled_from(BACKGROUNDS),
    size=st.sampled_from([None, None, (4, 4), (5, 3)]),
)
def test_pictures(
    tmp_path: Path, chosen: list[Picture], colour: str, background: str, size: tuple[int, int] | None
) -> None:
    root = new(tmp_path)
    paths = [root / "class" / f"{number}{picture.suffix}" for number, picture in enumerate(chosen)]
    paths[0].parent.mkdir()
    for path, picture in zip(paths, chosen, strict=True):
        path.write_bytes(picture.content)
    spec = DataSpec.model_validate(
        {
            "kind": "image-folder",
            "path": str(root),
            "colour": colour,
            "background": background,
            "image_size": size,
        }
    )
    data = open_data(spec)
    assert isinstance(data, PictureSet)
    found = outcome(lambda: data.read(range(len(chosen))), *map(str, paths))
    right = [
        item_of(each, colour=colour, background=background_rgb(background), size=size) for each in chosen
    ]
    if isinstance(found, Refused):
        shapes = {None if item is None else item.shape for item in right}
        assert len(shapes) > 1 or any(picture.must != "read" for picture in chosen), found.message
        return
    assert not any(picture.must == "refused" for picture in chosen)
    for item, expected, picture in zip(found, right, chosen, strict=True):
        if picture.must != "end":
            assert expected is not None
            np.testing.assert_allclose(item.astype(int), expected, rtol=0, atol=picture.tolerance)
    exported = from_json(as_json(decoding_of(spec)), data.item_shape)
    np.testing.assert_array_equal(np.concatenate(list(exported.batches(paths, 1))), found)
    examined = examine(data, sample=None)
    assert examined.unreadable == ()
    if all(picture.must == "read" for picture in chosen):
        assert examined.transparent == sum(bool((picture.shows[..., 3] < 255).any()) for picture in chosen)  # type: ignore[index]
        assert examined.animated == sum(picture.frames > 1 for picture in chosen)


@fuzzed
@given(tree=trees(), outside=trees(), linked=st.booleans())
def test_folders(tmp_path: Path, tree: Tree, outside: Tree, linked: bool) -> None:
    base = new(tmp_path)
    build(base / "outside", outside)
    build(base / "real", tree)
    root = base / "real"
    if linked:
        root = base / "link"
        root.symlink_to("real")
    data = opened(kind="image-folder", path=str(root))
    assert isinstance(data, PictureSet)
    rows = outcome(lambda: data.rows, str(root))
    found = listing(str(root))
    right = rows_of(found)
    if isinstance(rows, Refused):
        assert right is None, rows.message
        return
    assert right is not None
    splits = [None] * len(rows) if rows.splits is None else rows.splits.to_pylist()
    read = list(zip(rows.keys.to_pylist(), rows.labels.to_pylist(), splits, strict=True))
    assert len(set(read)) == len(read)
    assert set(read) == right.rows
    assert data.left_out == right.left_out
    assert data.linked == found.linked
    assert len(read) + sum(data.left_out.values()) + len(found.folders) == found.seen
    json.dumps(data.record()).encode()


@fuzzed
@given(
    table=tables.tables("path"),
    separator=st.sampled_from(tables.SEPARATORS),
    place=st.sampled_from(["", "a b", "split=train", "label=3", "50%20"]),
)
def test_tables_of_pictures(tmp_path: Path, table: tables.Table, separator: str | None, place: str) -> None:
    path = new(tmp_path) / place / f"table{table.suffix}"
    table.write(path)
    data = opened(kind="table", path=str(path), label_separator=separator)
    rows = outcome(lambda: data.rows, str(path))
    if not table.broken:
        same_rows(rows, tables.rows_of(table.columns, "path", separator))


def same_rows(rows: SourceRows | Refused, right: tables.Rows | None) -> None:
    """Fail unless the rows were read as they are, or refused where they must be."""
    if isinstance(rows, Refused):
        assert right is None, rows.message
        return
    read = {
        name: None if column is None else column.to_pylist()
        for name in ("keys", "labels", "splits", "roles", "groups")
        for column in [getattr(rows, name)]
    }
    assert right is not None, read
    assert read == asdict(right)


@fuzzed
@given(stored=arrays(), data=st.data())
def test_arrays(tmp_path: Path, stored: Stored, data: st.DataObject) -> None:
    path = stored.write(new(tmp_path))
    data_set = opened(kind="arrays", path=str(path))
    assert isinstance(data_set, Arrays)
    asked: list[int] = []

    def ask() -> NDArray[Any]:
        rows = len(data_set)
        asked.extend(data.draw(st.lists(st.integers(0, rows - 1), max_size=4), label="rows"))
        return data_set.read(asked)

    read = outcome(ask, str(path))
    right = stored.items
    if isinstance(read, Refused):
        finite = right is not None and np.isfinite(right[asked]).all()
        assert not (stored.must == "read" and finite), read.message
        return
    assert stored.must != "refused"
    if stored.must != "end":
        assert right is not None
        assert read.dtype == data_set.dtype == right.dtype.newbyteorder("=")
        assert data_set.item_shape == right.shape[1:]
        np.testing.assert_array_equal(read, right[asked], strict=True)
        assert np.isfinite(read).all()


@fuzzed
@given(passed=in_memory())
def test_vectors_in_memory(passed: tuple[Any, NDArray[Any] | None]) -> None:
    read = outcome(lambda: as_vectors(passed[0], name="vectors"), "vectors")
    array = passed[1]
    right = None
    if array is not None and array.dtype.kind in "iuf" and array.ndim == 2 and array.size:
        with np.errstate(over="ignore"):
            right = array.astype(np.float32)
        squares = 4 * right.shape[1] * np.square(right.astype(np.float64)).max()
        if not squares <= np.finfo(np.float32).max:  # NaN and infinite values too
            right = None
    if isinstance(read, Refused):
        assert right is None, read.message
        return
    assert right is not None
    np.testing.assert_array_equal(read, right, strict=True)
    assert read.flags.c_contiguous


ROWS = 6


@fuzzed
@given(given_labels=labels(ROWS), seed=st.integers(0, 9))
def test_labels(given_labels: Given, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((ROWS, 3))
    table = tm.neighbours(vectors, ROWS - 1, normalise=True, method="exact", threads=1)
    found = outcome(
        lambda: tm.mine(vectors, given_labels.values, neighbours=table, normalise=True, threads=1), "label"
    )
    sets = given_labels.sets
    if isinstance(found, Refused):
        sizes = Counter(name for names in sets or () for name in names)
        assert len(sizes) < 2 or max(sizes.values()) in (1, ROWS), (
            found.message
        )  # no negatives, or no positives
        return
    assert sets is not None
    right = mine_by_loops(table, sets, MiningRule(), anchors=range(ROWS))
    triplets = [
        tuple(row.values()) for row in found.to_arrow().select(["anchor", "positive", "negative"]).to_pylist()
    ]
    assert sorted(triplets) == sorted(triplet[:3] for triplet in right.triplets)
    named = found.to_arrow()
    for row, (anchor, positive, negative) in enumerate(triplets):
        assert named["anchor_label"][row].as_py() in sets[anchor] & sets[positive]
        assert named["negative_label"][row].as_py() in sets[negative]


@fuzzed
@given(labelled=label_files(ROWS), separator=st.sampled_from([None, None, "|", "b"]))
def test_label_files(
    tmp_path: Path, labelled: tuple[Callable[[Path], Path], Given], separator: str | None
) -> None:
    write, given_labels = labelled
    folder = new(tmp_path)
    path = write(folder)
    np.save(folder / "x.npy", np.eye(ROWS))
    data = opened(kind="arrays", path=str(folder / "x.npy"), labels=str(path), label_separator=separator)
    rows = outcome(lambda: data.rows, str(path))
    names = names_of(given_labels, separator)
    if isinstance(rows, Refused):
        assert names is None, rows.message
        return
    assert rows.labels.to_pylist() == names
    assert rows.keys.to_pylist() == [str(row) for row in range(ROWS)]


@fuzzed
@given(
    table=tables.tables("key"),
    separator=st.sampled_from(tables.SEPARATORS),
    split=st.sampled_from([None, None, "train", "test", "all"]),
    seed=st.integers(0, 9),
)
def test_tables_of_vectors(
    tmp_path: Path, table: tables.Table, separator: str | None, split: str | None, seed: int
) -> None:
    folder = new(tmp_path)
    path = folder / f"labels{table.suffix}"
    table.write(path)
    right = tables.rows_of(table.columns, "key", separator)
    count = 3 if right is None else len(right.labels)
    vectors = np.random.default_rng(seed).standard_normal((count, 3)).astype(np.float32)
    np.save(folder / "x.npy", vectors)
    data = opened(kind="arrays", path=str(folder / "x.npy"), labels=str(path), label_separator=separator)
    rows = outcome(lambda: data.rows, str(path))
    if table.broken:
        return
    same_rows(rows, right)
    mined = outcome(
        lambda: tm.mine_files(
            folder / "x.npy",
            path,
            folder / "out",
            label_separator=separator,
            split=split,
            normalise=True,
            method="exact",
            threads=1,
        ),
        *(str(path), "rows", "keys", "split", "label", "no triplet"),
    )
    expected = [] if right is None else triplets_of(right, tables.mined_of(right, split), vectors)
    if isinstance(mined, Refused):
        assert expected == [], mined.message
        assert not (folder / "out").exists()
        return
    found = tm.read_triplets(folder / "out").to_arrow().select(["anchor", "positive", "negative"]).to_pylist()
    assert sorted(tuple(row.values()) for row in found) == expected
    assert expected != []


def triplets_of(
    rows: tables.Rows, mined: set[int] | None, vectors: NDArray[np.float32]
) -> list[tuple[int, int, int]]:
    """Anchor, positive and negative, by loops over sets; none if the rows cannot be mined."""
    if mined is None:
        return []
    count = len(vectors)
    sets = [set(label) if isinstance(label, list) else {label} for label in rows.labels]
    found = mine_by_loops(
        exact_neighbours(normalise(vectors), count - 1),
        sets,
        MiningRule(),
        anchors=range(count),
        excluded=set(range(count)) - mined,
    )
    return sorted(triplet[:3] for triplet in found.triplets)


def opened(**keys: object) -> DataSet:
    """The data set of a run file with these keys."""
    return open_data(DataSpec.model_validate(keys))


def new(folder: Path) -> Path:
    """An empty folder."""
    return Path(tempfile.mkdtemp(dir=folder))

"""The user's own files: data sets and encoders, as a whole run sees them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr
from PIL import Image
from tripletmine.models.errors import ModelError
from tripletmine.pipeline.artifacts.record import open_record, read_run_file
from tripletmine.pipeline.data.digits import Digits
from tripletmine.pipeline.errors import DataError, SpecError, StaleError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.run.verify import verify_run
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.standalone.exported_encoder import Encoder
from tripletmine.pipeline.storage.tables import read_table

from ..conftest import Finished
from ..runs import finish, finish_opened, opened, small_spec

WARM_UP = {"run": {"epochs": 1}, "train": {"images_per_epoch": 300}, "evaluate": {"test": "never"}}
"""One short epoch without mining."""

MINED = {
    "run": {"epochs": 1},
    "train": {"warmup_epochs": 0, "images_per_epoch": 200},
    "evaluate": {"test": "never"},
}
"""One short epoch that mines with the weights that the run begins with."""

ENCODER = """
from torch import nn

def small(input_shape, embedding_dim, *, hidden=16):
    pixels = input_shape[0] * input_shape[1] * input_shape[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, embedding_dim))

def narrow(input_shape, embedding_dim):
    return small(input_shape, 5)

def broken(input_shape, embedding_dim):
    raise RuntimeError("the licence of this encoder has run out")

class Blind(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, images):
        dark = images.flatten(1).amax(1, keepdim=True) >= 1
        return self.inner(images).masked_fill(dark, float("nan"))

def blind(input_shape, embedding_dim):
    return Blind(small(input_shape, embedding_dim))
"""


def own(base: Path, factory: str, changes: dict[str, Any], **arguments: Any) -> RunSpec:
    (base / "mine.py").write_text(ENCODER)
    encoder = {"name": f"mine.py:{factory}", "embedding_dim": 16, "arguments": arguments}
    return small_spec(base, encoder=encoder, **changes)


def test_a_users_own_encoder_is_copied_trained_and_exported(tmp_path: Path) -> None:
    spec = own(tmp_path, "small", WARM_UP, hidden=24)
    finish(spec)

    (copy,) = (spec.root / "encoder").iterdir()
    assert copy.read_text() == ENCODER
    compiled = spec.root / "encoder" / "__pycache__"  # as earlier versions left it
    compiled.mkdir()
    assert not [problem for stage in verify_run(spec.root) for problem in stage.problems]
    (tmp_path / "mine.py").unlink()  # the export must not need it
    export_encoder(spec.root, tmp_path / "out")
    exported = Encoder.load(tmp_path / "out")
    network: Any = exported.network
    assert network[1].out_features == 24
    assert exported.encode(Digits().read(range(10))).shape == (10, 16)


def test_an_edited_encoder_file_is_another_encoder(tmp_path: Path) -> None:
    spec = own(tmp_path, "small", WARM_UP)
    finish(spec)
    (tmp_path / "mine.py").write_text(ENCODER.replace("nn.ReLU", "nn.Tanh"))
    with pytest.raises(StaleError, match=r"train of epoch 0 .* was made with encoder = "):
        finish(spec)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("narrow", r"'mine\.py:narrow' returned shape \(2, 5\) .* set embedding_dim to its width"),
        ("broken", r"'mine\.py:broken' failed: RuntimeError: the licence of this encoder has run out"),
        ("smal", r"no 'smal'.*small"),
    ],
)
def test_an_encoder_that_does_not_work_says_so(tmp_path: Path, factory: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        finish(own(tmp_path, factory, WARM_UP))


def test_arguments_that_the_factory_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"takes no argument 'hiden' .*hidden"):
        finish(own(tmp_path, "small", WARM_UP, hiden=3))


def test_rows_whose_embedding_is_not_finite_are_named(tmp_path: Path) -> None:
    spec = own(tmp_path, "blind", MINED)
    with pytest.raises(
        DataError, match=r"\d+ of rows 0 to 100 have embeddings with NaN .* first digits/\d{4}, digits/"
    ):
        finish(spec)
    assert not (StageRef(0, "embed").folder(spec.root) / "manifest.json").exists()


def test_a_file_that_is_not_there_is_an_error_before_anything_else(tmp_path: Path) -> None:
    for encoder in ({"name": "nowhere.py:small"}, {"weights": "nowhere.safetensors"}):
        with pytest.raises(
            SpecError, match=r"encoder\.\w+ is nowhere\.\w+.* but there is no file .*: correct the path"
        ):
            describe_data(small_spec(tmp_path, encoder=encoder))


def test_a_run_can_begin_with_weights(digits_run: Finished, tmp_path: Path) -> None:
    """Its first embeddings are then those that the other run ended with."""
    export_encoder(digits_run.root, tmp_path / "out", epoch=1)
    spec = small_spec(tmp_path, encoder={"weights": "out/encoder.safetensors"}, **MINED)
    finish(spec)

    stored = zarr.open_array(str(StageRef(0, "embed").folder(spec.root) / "embeddings.zarr"), mode="r")
    rows = read_table(spec.root / "rows.parquet").slice(0, 200)
    items = Digits().read(rows["source"].to_numpy())
    expected = Encoder.load(tmp_path / "out").encode(items, batch=50)
    np.testing.assert_allclose(np.asarray(stored[:200]), expected, atol=2e-6)

    weights = tmp_path / "out" / "encoder.safetensors"
    source = StageRef(0, "train").folder(digits_run.root) / "encoder.safetensors"
    weights.write_bytes(source.read_bytes())
    with pytest.raises(StaleError, match=r"embed of epoch 0 .* was made with encoder = "):
        finish(spec)


def test_a_run_can_begin_with_an_exported_folder(digits_run: Finished, tmp_path: Path) -> None:
    export_encoder(digits_run.root, tmp_path / "out", epoch=1)
    of_folder, of_file = (
        describe_data(small_spec(tmp_path, encoder={"weights": weights}))
        for weights in ("out", "out/encoder.safetensors")
    )
    assert of_folder == of_file
    (tmp_path / "out" / "encoder.safetensors").unlink()
    with pytest.raises(SpecError, match=r"there is no file .*out/encoder\.safetensors: correct the path"):
        describe_data(small_spec(tmp_path, encoder={"weights": "out"}))


def test_weights_that_do_not_fit(digits_run: Finished, tmp_path: Path) -> None:
    export_encoder(digits_run.root, tmp_path / "out")
    encoder = {"weights": "out/encoder.safetensors", "embedding_dim": 8}
    with pytest.raises(ModelError, match="encoder"):
        finish(small_spec(tmp_path, encoder=encoder, **MINED))


def checked_triplets(root: Path, labels_of: dict[str, str]) -> int:
    """Check that every mined triplet, joined to its keys, has the labels of the user's own file; returns their
    number."""
    rows = pq.read_table(root / "rows.parquet").to_pandas()
    triplets = pq.read_table(StageRef(0, "mine").folder(root) / "triplets").to_pandas()
    anchor, positive, negative = (
        rows.key.to_numpy()[triplets[name]] for name in ("anchor", "positive", "negative")
    )
    assert all(labels_of[a] == labels_of[p] for a, p in zip(anchor, positive, strict=True))
    assert all(labels_of[a] != labels_of[n] for a, n in zip(anchor, negative, strict=True))
    return len(triplets)


def test_arrays_of_vectors_are_mined(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(["ash", "elm", "oak"], 60)
    vectors = np.repeat(random.normal(size=(3, 8)), 60, axis=0) + random.normal(size=(180, 8))
    np.savez(tmp_path / "trees.npz", vectors=vectors, labels=labels)
    spec = small_spec(
        tmp_path,
        data={"kind": "arrays", "path": "trees.npz"},
        encoder={"name": "mlp", "embedding_dim": 8},
        graph={"neighbours": 20},
        **{**MINED, "train": {**MINED["train"], "classes_per_batch": 3}},
    )
    finish(spec)
    assert checked_triplets(spec.root, {str(row): label for row, label in enumerate(labels)}) > 100

    np.savez(tmp_path / "trees.npz", vectors=vectors * 2, labels=labels)
    with pytest.raises(
        StaleError,
        match=r"the data set of the run in .* changed: 1 file .* \(trees\.npz\), and with the same size; ",
    ):
        finish(spec)


def test_a_table_of_images_is_mined(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["path,label"]
    for index in range(120):
        label = index % 3
        pixels = np.clip(random.normal(60 + 60 * label, 40, size=(8, 8)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,class {label}")
    (tmp_path / "images.csv").write_text("\n".join(lines) + "\n")
    spec = small_spec(
        tmp_path,
        data={"kind": "table", "path": "images.csv", "colour": "grey"},
        graph={"neighbours": 20},
        **{**MINED, "train": {**MINED["train"], "classes_per_batch": 3}},
    )
    finish(spec)
    assert checked_triplets(spec.root, dict(line.split(",") for line in lines[1:])) > 50


def test_zero_shot_splits_have_classes_of_their_own(tmp_path: Path) -> None:
    spec = small_spec(
        tmp_path,
        data={"split": "zero-shot", "validation": 0.25, "test": 0.2},
        run={"epochs": 1},
        train={"images_per_epoch": 300, "classes_per_batch": 4},
    )
    results = finish(spec)

    rows = pq.read_table(spec.root / "rows.parquet").to_pandas()
    classes = {split: set(group.label) for split, group in rows.groupby("split")}
    assert set(classes) == {"train", "validation", "test"}
    assert sum(len(names) for names in classes.values()) == len(set.union(*classes.values())) == 10
    report = results[-1].manifest.report
    assert set(report) == {"test"}, "the training split is no gallery for classes that it does not have"


@pytest.mark.parametrize("test", ["never", "every", "end"])
def test_when_the_test_split_is_looked_at(tmp_path: Path, test: str) -> None:
    changes = {**WARM_UP, "evaluate": {"test": test}}
    results = {result.ref.stage: result.manifest.report for result in finish(small_spec(tmp_path, **changes))}

    assert ("test" in results) == (test != "never")
    assert set(results["evaluate"]) == ({"validation", "test"} if test == "every" else {"validation"})
    if test != "never":
        assert {"recall@1", "map_at_r"} <= set(results["test"]["test"])
        assert "test_against_train" in results["test"]


def test_no_share_for_the_test_means_no_test(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, data={"test": 0.0}, run={"epochs": 1}, train={"images_per_epoch": 300})
    with opened(spec) as (run, executor):
        assert run.facts.test == 0
        assert [result.ref.stage for result in finish_opened(run, executor)] == ["train", "evaluate"]


def test_the_facts_of_a_run_that_is_not_there_are_those_that_it_then_has(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    described = describe_data(spec)
    with open_run(spec) as run:
        assert run.facts == described


def test_labels_that_look_alike_are_said_and_recorded(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.array(["caf\u00e9", "cafe\u0301", "tea"])[np.arange(90) % 3]
    np.savez(tmp_path / "x.npz", vectors=random.normal(size=(90, 4)), labels=labels)
    spec = parse_spec(
        {"data": {"kind": "arrays", "path": "x.npz"}, "encoder": {"name": "mlp"}}, base=tmp_path
    )
    (remark,) = describe_data(spec).remarks
    assert remark.startswith(r"labels look alike but are different classes: 'cafe\u0301' and 'caf\xe9'")
    notes: list[str] = []
    for _ in range(2):
        with open_run(spec, notes.append):
            pass
    assert notes == [remark, remark]
    assert read_run_file(spec.root)["facts"]["remarks"] == [remark]
    assert open_record(spec.root)[1].remarks == (remark,)

"""Evaluation by the batch-normalised feature: figures by hand, the export, and a run that is broken off."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from tripletmine import Encoder
from tripletmine.models.encoders.checkpoints import load_tensors
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.report import retrieval_metrics, search
from tripletmine.pipeline.errors import StaleError
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from versions import onnx_is_written

from ..runs import differences, finish, finish_broken

CLASSES, ROWS = 6, {"train": 120, "val": 60, "test": 60}


def spec_of(base: Path, directory: str, **evaluation: object) -> RunSpec:
    """A small version of the re-identification recipe: a warm-up epoch and one that mines."""
    return parse_spec(
        {
            "run": {"name": "neck", "directory": directory, "epochs": 2, "deterministic": True},
            "data": {"kind": "arrays", "path": "x.npy", "labels": "labels.csv"},
            "encoder": {"name": "mlp", "embedding_dim": 8, "arguments": {"hidden": [32]}},
            "graph": {"neighbours": 40},
            "train": {
                "classes_per_batch": 4,
                "images_per_class": 6,
                "images_per_epoch": 480,
                "checkpoint_steps": 4,
            },
            "loss": {"weights": {"batch_hard": 1, "classification": 1}},
            "evaluate": {"feature": "batch_normalised", "nmi": False, "train_gallery": False, **evaluation},
        },
        base=base,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of classes far from the origin, where a batch normalisation shows."""
    home, generator = tmp_path_factory.mktemp("neck"), np.random.default_rng(0)
    centres = 3 + generator.normal(size=(CLASSES, 12))
    lines = [f"c{row % CLASSES},{split}" for split, rows in ROWS.items() for row in range(rows)]
    codes = np.array([int(line[1]) for line in lines])
    np.save(home / "x.npy", (centres[codes] + generator.normal(size=(len(lines), 12))).astype(np.float32))
    (home / "labels.csv").write_text("\n".join(["label,split", *lines]) + "\n")
    return home


@pytest.fixture(scope="module")
def finished(folder: Path) -> RunSpec:
    """A finished run by this recipe. Not to be changed."""
    spec = spec_of(folder, "whole", train_sample=30)
    finish(spec)
    return spec


def of_split(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and classes of its rows."""
    lines = [line.split(",") for line in (folder / "labels.csv").read_text().splitlines()[1:]]
    rows = np.array([own == split for _, own in lines])
    codes = np.array([int(label[1]) for label, _ in lines], np.int32)
    return np.load(folder / "x.npy")[rows], codes[rows]


def by_hand(spec: RunSpec, epoch: int, encoder: Encoder, items: np.ndarray) -> np.ndarray:
    """Features of the encoder, normalised by the statistics in the state of the epoch, not yet of unit length."""
    import torch

    state, _ = load_tensors(spec.root / f"epochs/{epoch:04d}/train/state.safetensors")
    neck = {
        name: state[f"objective/terms.classification.neck.{name}"].numpy()
        for name in ("weight", "running_mean", "running_var")
    }
    with torch.inference_mode():
        features = encoder.network.get_submodule("0")(torch.from_numpy(items)).numpy()
    return (features - neck["running_mean"]) / np.sqrt(neck["running_var"] + 1e-5) * neck["weight"]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def check(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    numbers = {name: value for name, value in wanted.items() if not name.endswith("_interval")}
    assert {name: found[name] for name in numbers} == pytest.approx(numbers)


@onnx_is_written
def test_figures_and_export_are_of_the_normalised_feature(finished: RunSpec, tmp_path: Path) -> None:
    best = read_status(finished.root).best or 0
    export_encoder(finished.root, tmp_path / "out", onnx=True)
    encoder = Encoder.load(tmp_path / "out")
    items, classes = of_split(Path(finished.base), "test")
    expected = by_hand(finished, best, encoder, items)
    vectors = encoder.encode(items)
    np.testing.assert_allclose(vectors, unit(expected), atol=1e-5)
    (by_onnx,) = onnxruntime.InferenceSession(tmp_path / "out/encoder.onnx").run(
        ["embeddings"], {"items": items}
    )
    np.testing.assert_allclose(np.asarray(by_onnx), vectors, atol=1e-4)
    assert "to batch-normalised vectors of 8 " in (tmp_path / "out/README.md").read_text("utf-8")

    found = json.loads((finished.root / "test/metrics.json").read_bytes())["test"]
    check(found, retrieval_metrics(search(vectors, classes), classes, gallery=len(vectors) - 1))
    sampled = json.loads((finished.root / "epochs/0001/evaluate/metrics.json").read_bytes())["train_sample"]
    assert sampled["queries"] == 30


def test_centroids_are_means_of_normalised_features(folder: Path, tmp_path: Path) -> None:
    spec = spec_of(folder, "centroids", retrieval="centroids")
    finish(spec)
    best = read_status(spec.root).best or 0
    export_encoder(spec.root, tmp_path / "out", epoch=best)
    items, classes = of_split(folder, "test")
    features = by_hand(spec, best, Encoder.load(tmp_path / "out"), items)
    found = json.loads((spec.root / "test/metrics.json").read_bytes())["test"]
    by_centroids = search(features, classes, matched="centroids", normalise=True)
    check(found, retrieval_metrics(by_centroids, classes, gallery=len(np.unique(classes))))


def test_k_is_adapted_by_the_embedding_all_the_same(finished: RunSpec, folder: Path) -> None:
    plain = spec_of(folder, "plain", feature="embedding")
    running = {"loss": plain.loss.model_copy(update={"classification": finished.loss.classification})}
    plain = plain.model_copy(update=running)
    finish(plain)
    shares = [read_status(spec.root).epochs[1].validation["violation_share"] for spec in (plain, finished)]
    assert shares[0] == shares[1]


def test_a_run_that_was_broken_off_has_the_same_statistics(
    finished: RunSpec, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = spec_of(folder, "broken", train_sample=30)
    finish_broken(broken, monkeypatch, at_step=26)
    assert differences(finished.root, broken.root) == []


def test_an_export_without_its_normalisation_is_refused(finished: RunSpec, tmp_path: Path) -> None:
    export_encoder(finished.root, tmp_path / "out")
    (tmp_path / "out/neck.safetensors").unlink()
    with pytest.raises(ModelError, match=r"cannot read the checkpoint .*neck\.safetensors"):
        Encoder.load(tmp_path / "out")


def test_figures_of_another_feature_are_not_exported_with_the_encoder(folder: Path, tmp_path: Path) -> None:
    spec = spec_of(folder, "changed")
    finish(spec)
    with pytest.raises(StaleError):
        finish(spec_of(folder, "changed", feature="embedding"))
    with pytest.raises(StaleError, match=r"evaluate\.feature of .* changed since epoch 0 was evaluated"):
        export_encoder(spec.root, tmp_path / "out", epoch=0)

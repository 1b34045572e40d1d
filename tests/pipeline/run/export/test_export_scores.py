"""The layer that scores labels or items, exported with the encoder."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tripletmine import Encoder
from tripletmine.models.errors import ModelError
from tripletmine.pipeline.artifacts.scores import best_epoch
from tripletmine.pipeline.errors import CorruptError, DataError, StaleError
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.runfile.run_spec import RunSpec
from versions import onnx_is_written

from ...conftest import Finished
from ...labelled import labelled_spec, write_labelled
from ...ranked import ranked_spec, write_ranked
from ...runs import finish


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> RunSpec:
    """A finished run by LSEP. Not to be changed."""
    folder = tmp_path_factory.mktemp("labelled")
    write_labelled(folder)
    finish(labelled_spec(folder, run={"epochs": 1}))
    return labelled_spec(folder, run={"epochs": 1})


@pytest.fixture
def exported(labelled: RunSpec, tmp_path: Path) -> Path:
    """An export of that run, which tests may change."""
    export_encoder(labelled.root, tmp_path / "out")
    return tmp_path / "out"


def test_scores_of_labels_tell_them_apart(labelled: RunSpec, exported: Path) -> None:
    encoder = Encoder.load(exported)
    items = np.load(Path(labelled.base) / "x.npy")
    lines = (Path(labelled.base) / "labels.csv").read_text().splitlines()[1:]
    sets = [set(line.partition(",")[0].split("|")) for line in lines]
    assert encoder.labels is not None
    best = encoder.score(items).argmax(axis=1)
    assert np.mean([encoder.labels[code] in own for code, own in zip(best, sets, strict=True)]) > 0.9
    assert "`encoder.score(items)` gives scores of 6 labels" in (exported / "README.md").read_text("utf-8")


def test_labels_are_decided_by_the_epoch_that_was_tested(labelled: RunSpec, exported: Path) -> None:
    encoder, items = Encoder.load(exported), np.load(Path(labelled.base) / "x.npy")
    by_count = encoder.label(items)
    assert {len(each) for each in by_count} == {1, 2, 3}  # as training rows have
    for own, scores in zip(by_count, encoder.score(items), strict=True):
        assert encoder.labels is not None
        highest = np.argsort(-scores)[: len(own)]
        assert own == tuple(encoder.labels[code] for code in sorted(highest))
    assert encoder.label(items, by="thresholds") != by_count
    with pytest.raises(DataError, match="by is 'top_k' but must be one of count, thresholds: choose"):
        encoder.label(items, by="top_k")  # pyright: ignore[reportArgumentType]


def test_an_epoch_that_was_not_tested_decides_no_labels(tmp_path: Path) -> None:
    write_labelled(tmp_path)
    spec = labelled_spec(tmp_path)
    finish(spec)
    other = 1 - best_epoch(spec.root, spec)
    export_encoder(spec.root, tmp_path / "out", epoch=other)
    encoder = Encoder.load(tmp_path / "out")
    assert encoder.labels is not None
    with pytest.raises(DataError, match=r"decides no labels: .*; export the best epoch of such a run"):
        encoder.label(np.load(tmp_path / "x.npy"))
    export_encoder(spec.root, tmp_path / "best")
    assert len(Encoder.load(tmp_path / "best").label(np.load(tmp_path / "x.npy"))) == 220


@onnx_is_written
@pytest.mark.parametrize("loss", ["ranking", "value_regression"])
def test_a_score_of_an_item_also_by_onnx(loss: str, tmp_path: Path) -> None:
    write_ranked(tmp_path)
    spec = ranked_spec(tmp_path, run={"epochs": 1}, loss={"weights": {loss: 1}})
    finish(spec)
    about = export_encoder(spec.root, tmp_path / "out", onnx=True)
    assert about["scores"] == {"loss": loss, "labels": None, "most": None}
    items = np.load(tmp_path / "x.npy")
    found = Encoder.load(tmp_path / "out").score(items)
    assert found.shape == (len(items),)
    (by_onnx,) = onnxruntime.InferenceSession(tmp_path / "out/encoder.onnx").run(["scores"], {"items": items})
    np.testing.assert_allclose(np.asarray(by_onnx), found, atol=1e-4)
    assert f"score that {loss} trained" in (tmp_path / "out/README.md").read_text("utf-8")


def test_a_run_without_scores_says_so(digits_run: Finished, tmp_path: Path) -> None:
    export_encoder(digits_run.root, tmp_path / "out")
    encoder = Encoder.load(tmp_path / "out")
    assert (encoder.head, encoder.labels) == (None, None)
    with pytest.raises(
        DataError, match=r"has no scores: its run had no loss .*if it had one, export it again"
    ):
        encoder.score(np.zeros((1, 8, 8), np.uint8))


def test_an_export_of_an_earlier_version_encodes_as_before(labelled: RunSpec, exported: Path) -> None:
    about = json.loads((exported / "encoder.json").read_text())
    del about["scores"]
    (exported / "encoder.json").write_text(json.dumps(about))
    encoder, items = Encoder.load(exported), np.load(Path(labelled.base) / "x.npy")
    assert encoder.encode(items).shape == (len(items), 8)
    with pytest.raises(DataError, match="has no scores"):
        encoder.score(items)


@pytest.mark.parametrize("name", ["head.safetensors", "decisions.safetensors"])
def test_a_file_of_scores_that_is_gone_or_damaged(name: str, exported: Path) -> None:
    path = exported / name
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ModelError, match=rf"cannot read the checkpoint .*{name}.*restore it"):
        Encoder.load(exported)
    path.unlink()
    with pytest.raises(ModelError, match=rf"cannot read the checkpoint .*{name}.*restore it"):
        Encoder.load(exported)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (
            ["ant"],
            ModelError,
            r"weight 'bias' is \(6,\) but the layer's is \(1,\).*export the run again",
        ),
        (3, CorruptError, "is not an exported encoder .*: export it again"),
    ],
)
def test_labels_that_are_not_those_of_the_scores(
    labels: object, error: type[Exception], message: str, exported: Path
) -> None:
    about = json.loads((exported / "encoder.json").read_text())
    about["scores"]["labels"] = labels
    (exported / "encoder.json").write_text(json.dumps(about))
    with pytest.raises(error, match=message):
        Encoder.load(exported)


@pytest.mark.parametrize("weights", [{"binary_cross_entropy": 1.0}, {"batch_hard": 1.0}])
def test_a_loss_that_did_not_train_the_scores_is_not_exported(
    weights: dict[str, float], tmp_path: Path
) -> None:
    """run.json has the losses last opened, with which nothing was trained yet."""
    write_labelled(tmp_path)
    spec = labelled_spec(tmp_path, run={"epochs": 1})
    finish(spec)
    with open_run(labelled_spec(tmp_path, run={"epochs": 1}, loss={"weights": weights})):
        pass
    with pytest.raises(StaleError, match=r"loss\.weights of .* changed since epoch 0 was trained"):
        export_encoder(spec.root, tmp_path / "out", epoch=0)

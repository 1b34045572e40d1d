import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import zarr
from PIL import Image
from tripletmine.pipeline.artifacts.scores import best_epoch
from tripletmine.pipeline.data.digits import Digits
from tripletmine.pipeline.data.rows import RunRows
from tripletmine.pipeline.errors import CorruptError, DataError, SpecError, StaleError, UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.export.card import model_card
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.standalone.exported_encoder import Encoder
from tripletmine.pipeline.storage.tables import read_table
from versions import onnx_is_written

from ...conftest import Finished
from ...labelled import labelled_spec, write_labelled
from ...runs import finish, small_spec


def test_the_exported_encoder_embeds_as_the_run_did(digits_run: Finished, tmp_path: Path) -> None:
    """embeddings.zarr of epoch 1 was made with the weights that epoch 0 left."""
    export_encoder(digits_run.root, tmp_path / "out", epoch=0)
    rows = RunRows(read_table(digits_run.root / "rows.parquet"))
    items = Digits().read(rows.sources(range(300)))

    found = Encoder.load(tmp_path / "out").encode(items, batch=100)

    stored = zarr.open_array(str(StageRef(1, "embed").folder(digits_run.root) / "embeddings.zarr"), mode="r")
    np.testing.assert_allclose(found, np.asarray(stored[:300]), atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_the_best_epoch_is_exported(digits_run: Finished, tmp_path: Path) -> None:
    about = export_encoder(digits_run.root, tmp_path / "out")
    best = best_epoch(digits_run.root, digits_run.spec)
    source = StageRef(best, "train").folder(digits_run.root) / "encoder.safetensors"
    assert about["epoch"] == best
    assert (tmp_path / "out" / "encoder.safetensors").read_bytes() == source.read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "encoder.json",
        "encoder.safetensors",
    ]


@onnx_is_written
def test_an_onnx_graph_gives_the_embeddings_of_torch(digits_run: Finished, tmp_path: Path) -> None:
    about = export_encoder(digits_run.root, tmp_path / "out", onnx=True)
    items = Digits().read(np.arange(40))
    session = onnxruntime.InferenceSession(tmp_path / "out/encoder.onnx")
    (found,) = session.run(["embeddings"], {"items": items})
    expected = Encoder.load(tmp_path / "out").encode(items)
    assert about["onnx_difference"] <= 1e-4
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-4)


def test_the_card_has_the_figures_of_the_run_and_lines_that_work(
    digits_run: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = export_encoder(digits_run.root, tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text("utf-8")
    test = json.loads((digits_run.root / "test/metrics.json").read_text())["test"]
    validation = about["validation"]
    assert f"| {validation['recall@1']:.4f} | {validation['map_at_r']:.4f} |" in card
    assert f"| {test['recall@1']:.4f} | {test['map_at_r']:.4f} |" in card
    manifest = StageRef(about["epoch"], "mine").folder(digits_run.root) / "manifest.json"
    assert f"{json.loads(manifest.read_text())['report']['counts']['triplets']:,}" in card
    (lines,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(tmp_path / "out")
    names = {"items": Digits().read(np.arange(3))}
    exec(lines, names)
    assert names["vectors"].shape == (3, digits_run.spec.encoder.embedding_dim)


@onnx_is_written
def test_layer_norm_is_exported(tmp_path: Path) -> None:
    write_labelled(tmp_path)
    spec = labelled_spec(tmp_path, run={"epochs": 1}, encoder={"layer_norm": True})
    finish(spec)
    export_encoder(spec.root, tmp_path / "out", onnx=True)
    found = Encoder.load(tmp_path / "out").encode(np.load(tmp_path / "x.npy"))
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(found.var(axis=1), 1, atol=1e-3)


def test_names_in_the_card_are_text(digits_run: Finished) -> None:
    status = read_status(digits_run.root)
    hostile = "<script>x</script>`# a\n\x1b[31m| b"
    renamed = status.spec.model_copy(update={"run": status.spec.run.model_copy(update={"name": hostile})})
    card = model_card(replace(status, spec=renamed), 0)
    assert "\n# \\<script\\>x\\</script\\>\\`\\# a \\\\x1b\\[31m\\| b\n" in card


def test_the_test_is_of_the_best_epoch_alone(digits_run: Finished) -> None:
    status = read_status(digits_run.root)
    other = next(epoch.number for epoch in status.epochs if epoch.number != status.best)
    assert "| test |" in model_card(status, status.best or 0)
    assert "| test |" not in model_card(status, other)


def test_search_gives_the_nearest_others_or_those_of_a_gallery(digits_run: Finished, tmp_path: Path) -> None:
    export_encoder(digits_run.root, tmp_path / "out")
    encoder = Encoder.load(tmp_path / "out")
    items = Digits().read(np.arange(60))
    vectors = encoder.encode(items).astype(np.float64)
    sq = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)

    among = encoder.search(items[:5], 3, among=items)
    np.testing.assert_array_equal(among.ids[:, 0], np.arange(5))
    np.testing.assert_allclose(among.sq_distances, np.sort(sq[:5], axis=1)[:, :3], atol=1e-5)

    np.fill_diagonal(sq, np.inf)
    others = encoder.search(items, 3)
    np.testing.assert_allclose(others.sq_distances, np.sort(sq, axis=1)[:, :3], atol=1e-5)
    assert not (others.ids == np.arange(60)[:, None]).any()


def test_a_folder_that_is_not_empty_and_a_file_are_refused(digits_run: Finished, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(SpecError, match="out is not empty: choose another folder"):
        export_encoder(digits_run.root, tmp_path / "out")
    with pytest.raises(SpecError, match="is a file: choose another folder"):
        export_encoder(digits_run.root, tmp_path / "out" / "mine.txt")


def test_an_epoch_that_was_not_trained(digits_run: Finished, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"epoch 9 of .* has no checkpoint: choose one that was trained"):
        export_encoder(digits_run.root, tmp_path / "out", epoch=9)


@pytest.mark.parametrize("name", [".", "missing", "run.toml"])
def test_what_is_no_export(name: str, tmp_path: Path) -> None:
    (tmp_path / "run.toml").touch()
    with pytest.raises(CorruptError, match=r"since it holds no encoder\.json: give the folder that"):
        Encoder.load(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :7], r"items have shape \(5, 7, 8\) but the encoder takes \(N, 8, 8\)"),
        (lambda x: x[0], r"items have shape \(8, 8\) but"),
        (lambda x: x[:0], "give at least one item"),
        (lambda x: x.astype(np.float32), r"floats from 0 to \d+ but .* uint8 pixels, .* divide them by 255"),
        (lambda x: x / -255, r"floats from -\S+ to -?0 but"),
        (lambda x: np.full(x.shape, np.nan), "NaN or infinite"),
        (lambda x: x.astype(np.int64), "items are int64 but must be uint8 or float32: convert them"),
    ],
)
def test_items_that_are_not_like_those_of_the_training_are_refused(
    change, message: str, digits_run: Finished, tmp_path: Path
) -> None:
    export_encoder(digits_run.root, tmp_path / "out")
    with pytest.raises(DataError, match=message):
        Encoder.load(tmp_path / "out").encode(change(Digits().read(range(5))))


def test_pixels_and_their_float_form_are_the_same_items(digits_run: Finished, tmp_path: Path) -> None:
    export_encoder(digits_run.root, tmp_path / "out")
    encoder, pixels = Encoder.load(str(tmp_path / "out")), Digits().read(range(5))
    assert encoder.item_dtype == "uint8"
    np.testing.assert_allclose(encoder.encode(pixels / 255.0), encoder.encode(pixels), atol=1e-5)


def test_an_export_of_floats_refuses_pixels(copied_run, tmp_path: Path) -> None:
    export_encoder(copied_run().root, tmp_path / "out")
    about = tmp_path / "out" / "encoder.json"
    about.write_text(about.read_text().replace('"uint8"', '"float32"'))
    with pytest.raises(DataError, match=r"items are uint8 but .* trained on float32"):
        Encoder.load(tmp_path / "out").encode(Digits().read(range(5)))


def test_a_damaged_checkpoint_is_not_exported(copied_run, tmp_path: Path) -> None:
    spec = copied_run()
    path = StageRef(1, "train").folder(spec.root) / "encoder.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=r"encoder\.safetensors differs .*--from-stage train --epoch 1"):
        export_encoder(spec.root, tmp_path / "out", epoch=1)


def test_a_run_without_any_finished_epoch(copied_run, tmp_path: Path) -> None:
    spec = copied_run()
    for path in spec.root.glob("epochs/*/evaluate/manifest.json"):
        path.unlink()
    with pytest.raises(UnavailableError, match="has been evaluated yet"):
        export_encoder(spec.root, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"encoder": {"embedding_dim": 16}}, r"\[encoder\]"),
        ({"data": {"mean": [0.5], "std": [0.5]}}, r"data\.mean and std"),
    ],
)
def test_a_spec_that_was_refused_is_not_exported(
    copied_run, tmp_path: Path, change: dict, subject: str
) -> None:
    """run.json has the spec last opened, which does not describe the weights on disk."""
    spec = copied_run(**change)
    with pytest.raises(StaleError):
        finish(spec)
    with pytest.raises(StaleError, match=f"{subject} of .* changed since epoch 1 was trained"):
        export_encoder(spec.root, tmp_path / "out", epoch=1)


def test_paths_of_image_files_are_encoded_as_the_run_did(tmp_path: Path) -> None:
    """Against embeddings.zarr: pictures of several sizes, some transparent, on a background that is not the default."""
    random = np.random.default_rng(0)
    lines = ["path,label"]
    for index in range(120):
        pixels = random.integers(0, 256, (9 + index % 3, 10, 4), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,class {index % 3}")
    (tmp_path / "images.csv").write_text("\n".join(lines) + "\n")
    spec = small_spec(
        tmp_path,
        data={"kind": "table", "path": "images.csv", "image_size": 8, "background": "#204060"},
        graph={"neighbours": 20},
        train={"images_per_epoch": 200, "classes_per_batch": 3},
    )
    finish(spec)
    about = export_encoder(spec.root, tmp_path / "out", epoch=0)
    assert about["pictures"] == {
        "colour": "rgb",
        "size": [8, 8],
        "background": "#204060",
        "resampling": "bilinear",
    }
    rows = RunRows(read_table(spec.root / "rows.parquet"))
    paths = [tmp_path / key for key in rows.keys(np.arange(rows.n_train))]
    encoder = Encoder.load(tmp_path / "out")

    found = encoder.encode(paths, batch=32)

    stored = zarr.open_array(str(StageRef(1, "embed").folder(spec.root) / "embeddings.zarr"), mode="r")
    np.testing.assert_allclose(found, np.asarray(stored[:]), atol=2e-6)
    np.testing.assert_array_equal(encoder.encode(np.array([str(paths[0])])), encoder.encode(paths[:1]))
    with pytest.raises(DataError, match=r"gone\.png does not exist"):
        encoder.encode([str(tmp_path / "gone.png")])
    with pytest.raises(DataError, match=r"items are one path, .* give \['.*0\.png'\]"):
        encoder.encode(str(paths[0]))  # type: ignore[arg-type]


@pytest.mark.parametrize("says", [True, False], ids=["no pictures", "of an earlier version"])
def test_paths_where_the_export_does_not_say_how_to_read_them(
    says: bool, digits_run: Finished, tmp_path: Path
) -> None:
    export_encoder(digits_run.root, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "encoder.json").read_text())
    assert about["pictures"] is None
    if not says:
        del about["pictures"]
        (tmp_path / "out" / "encoder.json").write_text(json.dumps(about))
    encoder = Encoder.load(tmp_path / "out")
    assert len(encoder.encode(Digits().read(range(5)))) == 5
    with pytest.raises(
        DataError, match=r"does not say how its run read image files: give arrays of shape \(N, 8, 8\)"
    ):
        encoder.encode(["a.png"])

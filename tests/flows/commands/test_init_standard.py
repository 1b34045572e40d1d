"""`tripletmine init` on small folders laid out like the official ones of five data sets."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from tripletmine.flows.cli import app
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.runfile.load import load_spec
from typer.testing import CliRunner

Counts = dict[tuple[str, str | None], int]


def ask(*words: object) -> tuple[int, str]:
    """Exit code and what was said, on one line."""
    result = CliRunner().invoke(app, ["init", *map(str, words)])
    return result.exit_code, " ".join(result.output.split())


def picture(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 6), (len(path.name) * 9 % 255, 80, 20)).save(path, "JPEG")
    return path.name


def lines(path: Path, *written: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in written))


def cub(root: Path) -> Counts:
    root = root / "CUB_200_2011"
    codes = [*range(80, 122), *range(80, 122)]
    names = [f"{code:03}.Bird_{code}/Bird_{row}.jpg" for row, code in enumerate(codes)]
    for name in names:
        picture(root / "images" / name)
    lines(root / "images.txt", *(f"{row + 1} {name}" for row, name in enumerate(names)))
    lines(root / "image_class_labels.txt", *(f"{row + 1} {code}" for row, code in enumerate(codes)))
    return {("train", None): 42, ("test", None): 42}


def cars(root: Path) -> Counts:
    codes = [*range(80, 120), *range(80, 120)]
    names = [f"car_ims/{row:06}.jpg" for row in range(80)]
    for name in names:
        picture(root / name)
    dtype = [("relative_im_path", object), ("bbox_x1", object), ("class", object), ("test", object)]
    found = np.array([[(name, 1, code, 0) for name, code in zip(names, codes, strict=True)]], dtype)
    savemat(root / "cars_annos.mat", {"annotations": found})
    return {("train", None): 38, ("test", None): 42}


def cars_kit(root: Path) -> Counts:
    (root / "devkit").mkdir()
    for part, file in (("train", "cars_train_annos"), ("test", "cars_test_annos_withlabels")):
        codes = [*range(80, 120)]
        names = [picture(root / f"cars_{part}" / f"{row:05}.jpg") for row in range(40)]
        rows = [(1, code, name) for name, code in zip(names, codes, strict=True)]
        found = np.array([rows], [("bbox_x1", object), ("class", object), ("fname", object)])
        savemat(root / "devkit" / f"{file}.mat", {"annotations": found})
    return {("train", None): 38, ("test", None): 42}


def sop(root: Path) -> Counts:
    head = "image_id class_id super_class_id path"
    for split, first in (("train", 0), ("test", 40)):
        written = []
        for row in range(80):
            name = f"bicycle_final/{first + row // 2}_{row}.JPG"
            picture(root / name)
            written.append(f"{row} {first + row // 2} 1 {name}")
        lines(root / f"Ebay_{split}.txt", head, *written)
    return {("train", None): 80, ("test", None): 80}


def in_shop(root: Path) -> Counts:
    written = []
    for row in range(120):
        status = "train" if row < 80 else ("query", "gallery")[row % 2]
        name = f"img/WOMEN/Dresses/id_{row // 2:08}/0{row % 2}_1_front.jpg"
        picture(root / "Img" / name)
        written.append(f"{name}   id_{row // 2:08}  {status}")
    lines(root / "Eval/list_eval_partition.txt", "120", "image_name item_id evaluation_status", *written)
    return {("train", None): 80, ("test", "query"): 20, ("test", "gallery"): 20}


def market(root: Path) -> Counts:
    for person in range(40):
        for camera in (1, 2):
            picture(root / "bounding_box_train" / f"{person + 2:04}_c{camera}s1_000151_01.jpg")
    for person in range(900, 910):
        picture(root / "query" / f"{person:04}_c1s1_000151_00.jpg")
        for camera in (1, 3):
            picture(root / "bounding_box_test" / f"{person:04}_c{camera}s1_000151_01.jpg")
    for row in range(5):
        picture(root / "bounding_box_test" / f"-1_c1s1_0001{row}1_01.jpg")
        picture(root / "bounding_box_test" / f"0000_c1s1_0001{row}1_01.jpg")
    (root / "bounding_box_test" / "Thumbs.db").write_bytes(b"no picture")
    return {("train", None): 80, ("test", "query"): 10, ("test", "gallery"): 25}


SETS: dict[str, tuple[str, Callable[[Path], Counts]]] = {
    "cub": ("cub", cub),
    "cars": ("cars", cars),
    "cars, the development kit": ("cars", cars_kit),
    "sop": ("sop", sop),
    "in-shop": ("in-shop", in_shop),
    "market": ("market", market),
}


@pytest.mark.parametrize("kind", SETS)
def test_a_run_reads_what_was_listed(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, made = SETS[kind]
    expected = made(tmp_path / "data" if (tmp_path / "data").mkdir() is None else tmp_path)
    code, said = ask(name, "--data", "data")
    assert code == 0, said
    spec = load_spec(tmp_path / f"{name}.toml")
    assert (spec.run.name, spec.encoder.name, spec.encoder.embedding_dim) == (name, "timm:resnet50", 512)
    data = open_data(spec.data, tmp_path)
    rows = data.rows
    roles = [None] * len(rows) if rows.roles is None else rows.roles.to_pylist()
    assert rows.splits is not None
    assert Counter(zip(rows.splits.to_pylist(), roles, strict=True)) == expected
    assert all(not Path(key).is_absolute() for key in rows.keys.to_pylist()), "they lie below the table"
    labels = [
        set(np.array(rows.labels.to_pylist())[np.array(rows.splits.to_pylist()) == split])
        for split in ("train", "test")
    ]
    assert not labels[0] & labels[1]
    facts = describe_data(spec)
    assert facts.train + facts.validation == expected["train", None]


def test_market_passes_over_junk_and_its_distractors_are_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    market(tmp_path)
    assert ask("market", "--data", ".")[0] == 0
    spec = load_spec(tmp_path / "market.toml")
    rows = open_data(spec.data, tmp_path).rows
    assert not any("/-1_" in key or "Thumbs" in key for key in rows.keys.to_pylist())
    distractors = [label for label in rows.labels.to_pylist() if label.startswith("0000")]
    assert len(set(distractors)) == len(distractors) == 5
    assert rows.groups is not None
    assert set(rows.groups.to_pylist()) == {"c1", "c2", "c3"}
    asked = {each.name: each for each in describe_data(spec).protocols}["test_query_to_gallery"]
    # Each person is in the gallery once by the query's own camera, which does not count, and once by another.
    assert (asked.queries, asked.left_out, asked.gallery) == (10, 0, 25)
    assert asked.queries == 10


def test_weights_by_path_another_network_and_pictures_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "runs").mkdir()
    cub(tmp_path / "data")
    weights = tmp_path / "vit.safetensors"
    weights.write_bytes(b"")
    given = ("cub", "--data", tmp_path / "data", "--out", tmp_path / "runs/birds.toml")
    assert ask(*given, "--encoder", "vit-s", "--weights", weights)[0] == 0
    spec = load_spec(tmp_path / "runs/birds.toml")
    assert spec.encoder.name == "timm:vit_small_patch16_224"
    assert spec.encoder.arguments["pretrained_cfg_overlay"] == {"file": str(weights)}
    keys = open_data(spec.data, tmp_path / "runs").rows.keys.to_pylist()
    assert all(Path(key).is_file() for key in keys), "absolute, since they are not below the table"
    code, said = ask(*given)
    assert code == 1
    assert "birds.toml exists already: remove it, or choose another name with --out" in said


def test_what_is_missing_or_damaged_is_one_message_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data"
    root.mkdir()
    cub(root)
    folder = root / "CUB_200_2011"
    given = ("cub", "--data", root)

    def refused(*words: object) -> str:
        code, said = ask(*words)
        assert code == 1, said
        assert not [path for path in tmp_path.iterdir() if path.suffix in (".csv", ".toml")]
        return said

    assert "--data is missing: give the folder into which cub was unpacked" in refused("cub")
    assert "images.txt is not in" in refused("cub", "--data", tmp_path)
    assert "must be one of resnet50, vit-s: choose one of them" in refused(*given, "--encoder", "resnet")
    assert "where no file is: correct the path" in refused(*given, "--weights", "gone.bin")
    assert "are for cub, cars, sop, in-shop, market: leave them out" in refused("digits", "--data", root)
    assert "square pictures" in refused("market", "--data", root, "--encoder", "vit-s")
    gone = folder / "images/080.Bird_80/Bird_0.jpg"
    kept = gone.read_bytes()
    gone.unlink()
    assert "1 of the 84 pictures" in refused(*given)
    gone.write_bytes(kept)
    labels = folder / "image_class_labels.txt"
    text = labels.read_text()
    labels.write_text(text.replace("3 82\n", "3\n", 1))
    assert "image_class_labels.txt, line 3, has 1 words instead of 2" in refused(*given)
    labels.write_text(text.replace("3 82\n", "", 1))
    assert "has no class for picture 3 of" in refused(*given)
    labels.write_text(text.replace("3 82\n", "3 x\n", 1))
    assert "has 'x' where a number should be" in refused(*given)
    labels.write_text(text)
    (root / "cars_annos.mat").write_bytes(b"no matrix at all")
    assert "has no annotations with relative_im_path and class" in refused("cars", "--data", root)
    assert ask(*given)[0] == 0

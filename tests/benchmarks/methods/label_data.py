"""Sets of rows with several labels: mosaics of Fashion-MNIST images, and emoji with their keywords."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.runfile.load import parse_spec

from ..emoji import VENDORS, drawn
from .kept import Sections

MOSAICS = {"train": 6000, "validation": 1000, "test": 2000}
FEWEST = 10
"""The least number of emoji that share a keyword for it to be a label."""
SIDE = 32


def mosaics(folder: Path) -> Sections:
    """Four cells, one to four of them with an image at half size; labels are the classes that are shown.

    Mosaics of the test show images of Fashion-MNIST's test split.
    """
    target = folder / "mosaics"
    if not (target / "rows.parquet").exists():
        data = open_data(parse_spec({"data": {"kind": "fashion-mnist"}}, base=folder).data, folder)
        names, splits = np.array(data.rows.labels), np.array(data.rows.splits)
        generator = np.random.default_rng(0)
        images, labels = [], []
        for split, rows in MOSAICS.items():
            pool = np.flatnonzero(splits == ("test" if split == "test" else "train"))
            for _ in range(rows):
                shown = generator.choice(pool, generator.integers(1, 5), replace=False)
                images.append(_mosaic(data.read(shown), generator))
                labels.append(sorted(set(names[shown])))
        _write(target, np.array(images), labels, np.repeat(list(MOSAICS), list(MOSAICS.values())).tolist())
    return {
        "data": _section(target),
        "train": {"classes_per_batch": 10, "images_per_class": 12, "images_per_epoch": 6000},
    }


def _mosaic(images: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 (28, 28) of one to four images (N, 28, 28), in cells drawn at random."""
    halves = images.reshape(len(images), 14, 2, 14, 2).mean(axis=(2, 4)).astype(np.uint8)
    cells = np.zeros((4, 14, 14), np.uint8)
    cells[generator.choice(4, len(images), replace=False)] = halves
    return cells.reshape(2, 2, 14, 14).transpose(0, 2, 1, 3).reshape(28, 28)


def emoji(folder: Path, packages: Path) -> Sections:
    """Each emoji as four vendors draw it; labels are its keywords in CLDR that ten emoji or more have.

    All pictures of an emoji are in one split, so that the test asks for keywords of things never seen.
    """
    target = folder / "emoji"
    if not (target / "rows.parquet").exists():
        modules = packages / "node_modules"
        images, labels, splits = [], [], []
        for name, own in _keywords(modules).items():
            split = ("test", "test", "validation", *["train"] * 5)[drawn(name, 8)]
            for vendor in VENDORS:
                path = modules / f"emoji-datasource-{vendor}" / "img" / vendor / "64" / f"{name}.png"
                if path.exists():
                    images.append(_picture(path))
                    labels.append(own)
                    splits.append(split)
        _write(target, np.array(images), labels, splits)
    return {
        "data": {**_section(target), "augment": {"shift": 3, "flip": True}},
        "train": {"classes_per_batch": 24, "images_per_class": 6, "images_per_epoch": 6000},
    }


def _keywords(modules: Path) -> dict[str, list[str]]:
    """Keywords by the name of the picture."""
    file = modules / "cldr-annotations-full" / "annotations" / "en" / "annotations.json"
    annotations = json.loads(file.read_text("utf-8"))["annotations"]["annotations"]
    found = {}
    for each in json.loads((modules / "emoji-datasource-apple" / "emoji.json").read_text("utf-8")):
        text = "".join(chr(int(code, 16)) for code in each["unified"].split("-"))
        known = annotations.get(text) or annotations.get(text.replace("\ufe0f", ""))
        if known:
            found[Path(each["image"]).stem] = set(known["default"])
    counts = Counter(word for words in found.values() for word in words)
    kept = {name: sorted(word for word in words if counts[word] >= FEWEST) for name, words in found.items()}
    return {name: words for name, words in kept.items() if words}


def _picture(path: Path) -> NDArray[np.uint8]:
    """uint8 (32, 32, 3), on white."""
    with Image.open(path) as image:
        over = Image.new("RGBA", image.size, "white")
        over.alpha_composite(image.convert("RGBA"))
        return np.asarray(over.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _write(folder: Path, images: NDArray[np.uint8], labels: Sequence[list[str]], splits: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", images)
    pq.write_table(pa.table({"label": labels, "split": splits}), folder / "rows.parquet")


def _section(folder: Path) -> dict[str, Any]:
    """The section [data]."""
    paths = {"path": str(folder / "images.npy"), "labels": str(folder / "rows.parquet")}
    return {"kind": "arrays", "hash_content": True, **paths}

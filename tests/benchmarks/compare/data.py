"""What the contestants are compared on: the data set, its splits and the encoder, the same for all of them."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn
from tripletmine.models.encoders.build import build_encoder
from tripletmine.models.images.transforms import input_shape_of
from tripletmine.pipeline.data.base import SPLITS
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.rows import RunRows, build_rows
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.runfile.load import parse_spec

EMBEDDING_DIM = 64


@dataclass(frozen=True, slots=True)
class Task:
    """One comparison.

    data: the run file's [data]. encoder: arguments of the encoder "convnet".
    images_per_pass, passes: how much every contestant sees. images_per_epoch: between two evaluations, and, for
    contestants that mine, between two minings.
    tested: numbers of the epochs, from 1, after which the test split is measured; the others only validate.
    classes_per_batch, images_per_class: shape of the batches. neighbours: K of the neighbour table.
    """

    name: str
    data: Mapping[str, Any]
    encoder: Mapping[str, Any]
    images_per_pass: int
    passes: int
    images_per_epoch: int
    tested: tuple[int, ...]
    classes_per_batch: int
    images_per_class: int
    neighbours: int

    @property
    def batch_images(self) -> int:
        """Images of a batch."""
        return self.classes_per_batch * self.images_per_class

    def cut(self, parts: int) -> "Task":
        """The task, each epoch cut into this many of whole batches."""
        whole = self.images_per_epoch // self.batch_images * self.batch_images
        return (
            self
            if parts == 1
            else replace(
                self, images_per_epoch=whole // parts, tested=tuple(number * parts for number in self.tested)
            )
        )

    def epochs(self, passes: int) -> int:
        """The number of epochs in this many passes."""
        return round(passes * self.images_per_pass / self.images_per_epoch)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The items of each split in memory, uint8 (N, H, W), and their class codes, int32 (N,).

    digest: of rows and files, as a run records it.
    """

    images: Mapping[str, NDArray[np.uint8]]
    classes: Mapping[str, NDArray[np.int32]]
    digest: str

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one item as the encoder gets it."""
        return input_shape_of(self.images["train"].shape[1:])


def rendered(folder: Path) -> Path:
    """The folder, with the images of glyphs.py in it."""
    if not (folder / "rows.parquet").exists():
        script = Path(__file__).parents[1] / "glyphs.py"
        subprocess.run([sys.executable, str(script), "--out", str(folder)], check=True)
    return folder


def glyphs(folder: Path) -> Task:
    """1,900 classes for training, 865 others for the test; rendered into `folder` where they are not there yet."""
    rendered(folder)
    return Task(
        name="glyphs",
        data={
            "kind": "arrays",
            "path": str((folder / "images.npy").resolve()),
            "labels": str((folder / "rows.parquet").resolve()),
            "split": "zero-shot",
            "hash_content": True,
        },
        encoder={"width": 16, "blocks": 4},
        images_per_pass=100_000,
        passes=4,
        images_per_epoch=50_000,
        tested=(2, 3, 4, 6, 8),
        classes_per_batch=48,
        images_per_class=8,
        neighbours=150,
    )


def fashion_mnist() -> Task:
    """Ten classes, the same ones in training and test."""
    return Task(
        name="fashion-mnist",
        data={"kind": "fashion-mnist", "split": "closed", "hash_content": True},
        encoder={"width": 16, "blocks": 3},
        images_per_pass=54_000,
        passes=2,
        images_per_epoch=27_000,
        tested=(2, 4),
        classes_per_batch=10,
        images_per_class=16,
        neighbours=150,
    )


def load(task: Task, seed: int) -> Loaded:
    """All splits in memory, as a run with this seed would split them."""
    spec = parse_spec({"data": task.data, "run": {"seed": seed}}, base=Path())
    data = open_data(spec.data, Path(spec.base))
    rows = RunRows(build_rows(data, spec.data, seed=seed))
    names = sorted({name for split in SPLITS for name in rows.class_sizes(split)})
    codes = {name: code for code, name in enumerate(names)}
    return Loaded(
        images={split: np.asarray(data.read(rows.sources(rows.range(split)))) for split in SPLITS},
        classes={
            split: np.array([codes[str(label)] for label in rows.labels(split)], np.int32) for split in SPLITS
        },
        digest=describe_data(spec).data_digest,
    )


def new_encoder(task: Task, data: Loaded, seed: int) -> nn.Module:
    """The encoder with the weights that a run with this seed begins with."""
    return build_encoder(
        "convnet",
        input_shape=data.input_shape,
        embedding_dim=EMBEDDING_DIM,
        arguments=task.encoder,
        seed=seed,
    )

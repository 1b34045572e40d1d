"""What the tables of methods compare: methods as sections of a run file, on parts of two data sets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.runfile.load import parse_spec

from ..compare.data import EMBEDDING_DIM, rendered

Sections = dict[str, dict[str, Any]]

METHODS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "triplet": {"loss": {"weights": {"triplet": 1}}},
    "triplet + global": {"loss": {"weights": {"triplet": 1, "global": 1}}},
    "batch-hard": {"loss": {"weights": {"batch_hard": 1}}},
    "batch-all": {"loss": {"weights": {"batch_all": 1}}},
    "quadruplet": {"loss": {"weights": {"quadruplet": 1}}},
    "centroid triplet": {
        "loss": {
            "weights": {"centroid": 1, "batch_hard": 1, "classification": 1, "centre": 5e-4},
            "batch_hard": {"margin": 0.5},
        }
    },
    "HIST": {"loss": {"weights": {"hist": 1}}},
    "Proxy-Anchor (library)": {
        "loss": {
            "weights": {"library": 1},
            "library": {"factory": "pytorch_metric_learning.losses:ProxyAnchorLoss"},
        }
    },
    "triplet, any length": {"loss": {"weights": {"triplet": 1}}, "encoder": {"normalise": False}},
    "the same + MDR": {"loss": {"weights": {"triplet": 1, "mdr": 0.1}}, "encoder": {"normalise": False}},
}
"""Name → what it sets in the run file. MDR's paper does not normalise embeddings, so there is a row without
normalisation to compare it with."""

LOOKED_INTO: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "batch-hard, absolute": {"loss": {"weights": {"batch_hard": 1}, "batch_hard": {"relative": False}}},
    "batch-hard, margin 0.5": {"loss": {"weights": {"batch_hard": 1}, "batch_hard": {"margin": 0.5}}},
    "batch-all, soft margin": {"loss": {"weights": {"batch_all": 1}, "batch_all": {"margin": "soft"}}},
    "quadruplet, absolute": {"loss": {"weights": {"quadruplet": 1}, "quadruplet": {"relative": False}}},
    "centroid triplet, no classification": {
        "loss": {
            "weights": {"centroid": 1, "batch_hard": 1, "centre": 5e-4},
            "batch_hard": {"margin": 0.5},
        }
    },
    "HIST, 3 × the images": {
        "loss": {"weights": {"hist": 1}},
        "train": {"images_per_epoch": 22_500},
    },
    "any length + MDR × 0.3": {
        "loss": {"weights": {"triplet": 1, "mdr": 0.3}},
        "encoder": {"normalise": False},
    },
    "any length + MDR × 0.6": {
        "loss": {"weights": {"triplet": 1, "mdr": 0.6}},
        "encoder": {"normalise": False},
    },
}
"""Variants of methods that fall behind plain triplets: is it the paper's setting, a term, or too little training?"""

TABLES = {"methods": METHODS, "methods-looked-into": LOOKED_INTO}

BATCHES = ("class-balanced", "neighbourhood")
EPOCHS = 4

GLYPH_CLASSES = {"train": 300, "validation": 60, "test": 300}
FASHION_ROWS = {"train": 6000, "test": 2000}


@dataclass(frozen=True, slots=True)
class Case:
    """One run."""

    data: str
    method: str
    batches: str
    seed: int

    @property
    def file(self) -> str:
        """A name for the case that any file system accepts."""
        words = "".join(letter if letter.isalnum() else "-" for letter in self.method)
        return f"{self.data}-{words}-{self.batches}-{self.seed}"

    def sections(self, folder: Path, glyphs_folder: Path) -> Sections:
        """The run file of the case. folder: where the part of the data set and the run are written."""
        parts = DATA[self.data](glyphs_folder, folder)
        method = {**METHODS, **LOOKED_INTO}[self.method]
        # Class-balanced batches are those of the warm-up: nothing is embedded, searched or mined.
        warmup = {"warmup_epochs": 1 if self.batches == "neighbourhood" else EPOCHS}
        return {
            **parts,
            "run": {"name": "run", "directory": self.file, "epochs": EPOCHS, "seed": self.seed},
            "encoder": {"embedding_dim": EMBEDDING_DIM, **parts["encoder"], **method.get("encoder", {})},
            "train": {
                **parts["train"],
                **warmup,
                "batches": "neighbourhood",
                "compute_threads": 1,
                **method.get("train", {}),
            },
            "loss": dict(method["loss"]),
            "evaluate": {"nmi": False, "train_gallery": False},
        }


def glyphs(glyphs_folder: Path, folder: Path) -> Sections:
    """300 kanji in 16 fonts for training and as many others for the test: many classes with few rows each."""
    rows = pq.read_table(rendered(glyphs_folder) / "rows.parquet")
    labels, splits = rows["label"].to_numpy(), rows["split"].to_numpy()
    kept = np.zeros(len(rows), bool)
    for split, count in GLYPH_CLASSES.items():
        kept |= (splits == split) & np.isin(labels, np.unique(labels[splits == split])[:count])
    return {
        "data": _arrays(folder / "glyphs", np.load(glyphs_folder / "images.npy")[kept], rows.filter(kept)),
        "encoder": {"arguments": {"width": 16, "blocks": 4}},
        "graph": {"neighbours": 64},
        "train": {"classes_per_batch": 24, "images_per_class": 8, "images_per_epoch": 7500},
    }


def fashion_mnist(_glyphs: Path, folder: Path) -> Sections:
    """A tenth of Fashion-MNIST: ten classes, the same ones in training and test."""
    data = open_data(parse_spec({"data": {"kind": "fashion-mnist"}}, base=folder).data, folder)
    splits = np.array(data.rows.splits)
    kept = np.concatenate([np.flatnonzero(splits == split)[:count] for split, count in FASHION_ROWS.items()])
    rows = pa.table({"label": data.rows.labels.take(kept), "split": splits[kept]})
    return {
        "data": {**_arrays(folder / "fashion-mnist", data.read(kept), rows), "split": "closed"},
        "encoder": {"arguments": {"width": 16}},
        "train": {"classes_per_batch": 10, "images_per_class": 16, "images_per_epoch": 3000},
    }


DATA: Mapping[str, Callable[[Path, Path], Sections]] = {"glyphs": glyphs, "fashion-mnist": fashion_mnist}


def _arrays(folder: Path, images: NDArray[np.uint8], rows: pa.Table) -> dict[str, Any]:
    """Write a part of a data set to files of its own, and return [data]."""
    if not (folder / "rows.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "images.npy", images)
        pq.write_table(rows, folder / "rows.parquet")
    paths = {"path": str(folder / "images.npy"), "labels": str(folder / "rows.parquet")}
    return {"kind": "arrays", "split": "zero-shot", "hash_content": True, **paths}

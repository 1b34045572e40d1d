"""A small set of rows with several labels, each visible in the row's vector, for runs whose loss scores labels."""

from pathlib import Path
from typing import Any

import numpy as np
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec

NAMES = ("ant", "bee", "cat", "dog", "eel", "fox")
ROWS = {"train": 120, "val": 40, "test": 60}


def write_labelled(folder: Path, *, noise: float = 0.3) -> None:
    """x.npy and labels.csv. A vector is the sum of a direction for each label, and noise."""
    generator = np.random.default_rng(0)
    directions = generator.normal(size=(len(NAMES), 12))
    lines, vectors = ["label,split"], []
    for split, rows in ROWS.items():
        for _ in range(rows):
            shown = generator.choice(len(NAMES), generator.integers(1, 4), replace=False)
            vectors.append(directions[shown].sum(axis=0) + generator.normal(0, noise, 12))
            lines.append(f"{'|'.join(NAMES[each] for each in sorted(shown))},{split}")
    np.save(folder / "x.npy", np.array(vectors, np.float32))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def labelled_spec(base: Path, **changes: dict[str, Any]) -> RunSpec:
    """One warm-up epoch and one that mines, with a small perceptron and LSEP."""
    sections: dict[str, dict[str, Any]] = {
        "run": {"name": "labelled", "epochs": 2, "deterministic": True},
        "data": {"kind": "arrays", "path": "x.npy", "labels": "labels.csv", "label_separator": "|"},
        "encoder": {"name": "mlp", "embedding_dim": 8, "arguments": {"hidden": [32]}, "normalise": False},
        "graph": {"neighbours": 40},
        "train": {
            "classes_per_batch": 4,
            "images_per_class": 6,
            "images_per_epoch": 480,
            "learning_rate": 1e-2,
            "checkpoint_steps": 4,
        },
        "loss": {"weights": {"lsep": 1.0}},
    }
    return parse_spec(
        {name: {**sections.get(name, {}), **changes.get(name, {})} for name in {*sections, *changes}},
        base=base,
    )

"""Items of three segments whose skill is visible in their vectors, for runs whose loss scores items."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec

ITEMS = {"train": 40, "val": 14, "test": 16}
SEGMENTS = 3
ALIKE = 0.08
"""Skills that differ by less are called alike."""

RANKED = """
[run]
name = "ranked"
epochs = 2
deterministic = true

[data]
kind = "arrays"
path = "x.npy"
labels = "rows.csv"
pairs = "pairs.csv"
values = "values.csv"

[encoder]
name = "mlp"
embedding_dim = 8
normalise = false

[train]
classes_per_batch = 4
images_per_class = 6

[loss]
weights = { ranking = 1 }
"""
"""A run file beside what `write_ranked` writes: one warm-up epoch and one that mines."""


def write_ranked(folder: Path, *, noise: float = 0.4) -> None:
    """x.npy, rows.csv, pairs.csv and values.csv. A skill in [0, 1] is a point on a curve in 12 dimensions."""
    generator = np.random.default_rng(0)
    directions = generator.normal(size=(2, 12))
    rows, vectors, pairs, values = ["label,split"], [], ["first,second,relation"], ["item,value"]
    for split, count in ITEMS.items():
        skills = {f"{split}{number}": float(skill) for number, skill in enumerate(generator.random(count))}
        for name, skill in skills.items():
            values.append(f"{name},{skill:.4f}")
            for _ in range(SEGMENTS):
                rows.append(f"{name},{split}")
                shown = np.array([np.sin(3 * skill), np.cos(3 * skill)]) @ directions
                vectors.append(shown + generator.normal(0, noise, 12))
        for one, other in combinations(skills, 2):
            if generator.random() < 0.4:
                better, worse = sorted((one, other), key=lambda name: -skills[name])
                alike = abs(skills[one] - skills[other]) < ALIKE
                pairs.append(f"{better},{worse},{'like' if alike else 'better'}")
    np.save(folder / "x.npy", np.array(vectors, np.float32))
    for name, lines in {"rows": rows, "pairs": pairs, "values": values}.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def ranked_spec(base: Path, **changes: dict[str, Any]) -> RunSpec:
    """One warm-up epoch and two that mine, with a small perceptron, by ranking and similarity."""
    sections: dict[str, dict[str, Any]] = {
        "run": {"name": "ranked", "epochs": 3, "deterministic": True},
        "data": {
            "kind": "arrays",
            "path": "x.npy",
            "labels": "rows.csv",
            "pairs": "pairs.csv",
            "values": "values.csv",
        },
        "encoder": {"name": "mlp", "embedding_dim": 8, "arguments": {"hidden": [32]}, "normalise": False},
        "embed": {"chunk_rows": 50},
        "mine": {"chunk_rows": 40},
        "train": {
            "classes_per_batch": 4,
            "images_per_class": 6,
            "images_per_epoch": 480,
            "learning_rate": 5e-3,
            "checkpoint_steps": 4,
        },
        "loss": {"weights": {"ranking": 1.0}},
    }
    return parse_spec(
        {name: {**sections.get(name, {}), **changes.get(name, {})} for name in {*sections, *changes}},
        base=base,
    )

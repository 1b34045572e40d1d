"""Skill ranking through the real pipeline: which of two fonts of a family is bolder, in families never seen.

    apt-get install --no-install-recommends $(python -m tests.benchmarks.methods.skill --packages)
    python -m tests.benchmarks.methods.skill --out runs/skill

Every font has a size and every picture a brightness of its own, so that counting pixels does not give the weight away.
Three in ten pairs of the training families are known to the run; regression knows every weight. In the second table,
one in five of these pairs is reversed, as judges err.

The same encoder, optimiser, batches and number of images for all. Figures are those of the test split, for the epoch
that is best on validation. Finished runs are kept in --out.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..results_files import publish
from .kept import Sections, head, outcomes, row
from .skill_data import DESIGNS, write

EPOCHS = 8
UNMINED = {"mine": {"every": "never"}}
MINED = {"train": {"warmup_epochs": 1}}
ALONE = {"loss": {"weights": {"ranking": 1}, "ranking": {"beta": 1.0}}}
BOTH = {"loss": {"weights": {"ranking": 1}}}
METHODS: Mapping[str, Sections] = {
    "ranking + similarity, mined pairs": {**BOTH, **MINED},
    "ranking + similarity, random pairs": {**BOTH, **UNMINED},
    "ranking alone, mined pairs": {**ALONE, **MINED},
    "ranking alone, random pairs": {**ALONE, **UNMINED},
    "regression on the weight": {"loss": {"weights": {"value_regression": 1}}},
}
WRONG = 0.2
TURNED = ("ranking + similarity, mined pairs", "ranking + similarity, random pairs")
FIGURES = {
    "pair_accuracy": "pair accuracy",
    "kendall_tau_in_groups": "Kendall's τ within families",
    "kendall_tau": "Kendall's τ, all fonts",
    "alike_share": "alike within the margin",
}


def sections(data: Sections, method: Sections, seed: int) -> dict[str, dict[str, Any]]:
    """The run file of a method."""
    common: Sections = {
        "run": {"epochs": EPOCHS, "seed": seed},
        "encoder": {"embedding_dim": 64, "normalise": False, "arguments": {"width": 16}},
        "train": {
            "compute_threads": 1,
            "learning_rate": 2e-3,
            "schedule": "cosine",
            "classes_per_batch": 16,
            "images_per_class": 8,
            "images_per_epoch": 3000,
        },
    }
    names = {*common, *data, *method}
    return {name: {**common.get(name, {}), **data.get(name, {}), **method.get(name, {})} for name in names}


def main() -> None:
    """Run what is missing; print and publish the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--out", type=Path, default=Path("runs/skill"), help="folder of what is kept")
    options.add_argument("--packages", action="store_true", help="print the Debian packages, and end")
    arguments = options.parse_args()
    if arguments.packages:
        print(" ".join(DESIGNS.values()))
        return
    torch.set_num_threads(1)
    folder = arguments.out.resolve()
    texts, results = [], []
    for name, wrong, titles in (("fonts", 0.0, tuple(METHODS)), ("turned", WRONG, TURNED)):
        data = write(folder / name, wrong=wrong)
        lines = head(f"{name}, {wrong:.0%} of the training pairs wrong", list(FIGURES.values()))
        for title in titles:
            words = f"{name}-{title}".replace(",", "").replace(" + ", "-").replace(" ", "-")
            cases = {
                f"{words}-{seed}": sections(data, METHODS[title], seed) for seed in range(arguments.seeds)
            }
            found = outcomes(cases, folder)
            lines.append(row(title, list(found.values()), list(FIGURES)))
            results += [{"case": case, **figures} for case, figures in found.items()]
        texts.append("\n".join(lines))
    text = "\n\n".join(texts) + "\n"
    print(text)
    publish("skill", text, {"epochs": EPOCHS, "methods": METHODS}, results)


if __name__ == "__main__":
    main()

"""Losses that score labels, and ways to decide labels from scores, through the real pipeline.

    npm install --prefix runs/emoji emoji-datasource-{apple,google,twitter,facebook}@16.0.0 cldr-annotations-full@46.0.0
    python -m tests.benchmarks.methods.labels --out runs/labels --emoji runs/emoji

The same encoder, optimiser, batches and number of images for all losses; the learning rate of each is the best of
RATES on validation, with seed 0. Features have any length, as in the papers.
First table: how well scores order labels; second: labels decided from the scores of LSEP. Figures are those of the test
split, for the epoch that is best on validation. Finished runs are kept in --out.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ..results_files import publish
from .kept import Figures, Sections, head, outcomes, row
from .label_data import emoji, mosaics

EPOCHS = 6
RATES = (1e-3, 4e-3, 1.6e-2)
UNMINED = {"mine": {"every": "never"}, "train": {"batches": "class_balanced"}}
LOSSES: Mapping[str, Sections] = {
    "LSEP": {"loss": {"weights": {"lsep": 1}}, **UNMINED},
    "hinge ranking": {"loss": {"weights": {"hinge_ranking": 1}}, **UNMINED},
    "binary cross-entropy": {"loss": {"weights": {"binary_cross_entropy": 1}}, **UNMINED},
    "LSEP, mined batches": {"loss": {"weights": {"lsep": 1}}, "train": {"batches": "neighbourhood"}},
}
DECISIONS = {
    "label count, by a network": "count",
    "a threshold for each class, by a network": "thresholds",
    "top k, k the mean count": "top_k",
    "one threshold": "one_threshold",
}
ORDERED = {"label_map": "label mAP", "ranking_loss": "ranking loss", "coverage": "coverage"}
DECIDED = {
    "class_precision": "class P", "class_recall": "class R", "class_f1": "class F1",
    "overall_precision": "overall P", "overall_recall": "overall R", "overall_f1": "overall F1",
    "exact_match": "exact match",
}  # fmt: skip


def sections(data: Sections, method: Sections, rate: float, seed: int) -> dict[str, dict[str, Any]]:
    """The run file of a method on a data set."""
    common: Sections = {
        "run": {"epochs": EPOCHS, "seed": seed},
        "encoder": {"embedding_dim": 64, "normalise": False, "arguments": {"width": 16}},
        "train": {"compute_threads": 1, "learning_rate": rate, "schedule": "cosine"},
        "evaluate": {"nmi": False, "train_gallery": False},
    }
    names = {*common, *data, *method}
    return {name: {**common.get(name, {}), **data.get(name, {}), **method.get(name, {})} for name in names}


def tables(data: str, found: Mapping[str, list[Figures]]) -> str:
    """Markdown. found: figures of all seeds by loss."""
    lines = head(data, list(ORDERED.values()))
    lines += [row(name, seeds, list(ORDERED)) for name, seeds in found.items()]
    lines += ["", *head(f"{data}, LSEP", list(DECIDED.values()))]
    for title, name in DECISIONS.items():
        lines.append(row(title, [each["decisions"][name] for each in found["LSEP"]], list(DECIDED)))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing; print and publish the tables."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", nargs="+", choices=("mosaics", "emoji"), default=["mosaics", "emoji"])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--out", type=Path, default=Path("runs/labels"), help="folder of what is kept")
    options.add_argument("--emoji", type=Path, default=Path("runs/emoji"), help="where npm put the packages")
    arguments = options.parse_args()
    torch.set_num_threads(1)
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    sets: Mapping[str, Callable[[], Sections]] = {
        "mosaics": lambda: mosaics(folder),
        "emoji": lambda: emoji(folder, arguments.emoji.resolve()),
    }
    texts, results, rates = [], [], []
    for data in arguments.data:
        parts, found = sets[data](), {}
        for loss, method in LOSSES.items():
            words = f"{data}-{loss}".replace(",", "").replace(" ", "-")
            tried = outcomes(
                {f"{words}-{rate:g}-0": sections(parts, method, rate, 0) for rate in RATES}, folder
            )
            by_rate = dict(zip(RATES, tried.values(), strict=True))
            rate = max(RATES, key=lambda each: by_rate[each]["validated"])
            cases = {
                f"{words}-{rate:g}-{seed}": sections(parts, method, rate, seed)
                for seed in range(arguments.seeds)
            }
            outcome = outcomes(cases, folder)
            found[loss] = list(outcome.values())
            results += [{"case": name, **figures} for name, figures in {**tried, **outcome}.items()]
            rates.append(f"{data}, {loss}: {rate:g}")
        texts.append(tables(data, found))
    text = "\n".join(texts)
    print(text)
    publish("labels", text, {"epochs": EPOCHS, "losses": LOSSES, "learning rates": rates}, results)


if __name__ == "__main__":
    main()

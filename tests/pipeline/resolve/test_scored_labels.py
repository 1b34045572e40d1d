"""Losses that score labels: what they refuse, with remedies that work, and labels that no training row has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tripletmine.pipeline.errors import PipelineError
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.runfile.load import parse_spec

from ...remedies import Refusal

LABELS = {"train": ["a|b", "a", "b|c", "c"] * 6, "val": ["a", "b|c"] * 6, "test": ["a|c"] * 6}
DISTANCES = {"loss": {"weights": {"triplet": 1}}}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def described(labels: dict[str, list[str]] = LABELS, **sections: dict[str, Any]) -> list[str]:
    """The remarks on a run by LSEP on rows with these labels."""
    rows = [(label, split) for split, each in labels.items() for label in each]
    np.save("x.npy", np.zeros((len(rows), 4), np.float32))
    Path("labels.csv").write_text("label,split\n" + "".join(f"{label},{split}\n" for label, split in rows))
    data = {"kind": "arrays", "path": "x.npy", "labels": "labels.csv", "label_separator": "|"}
    keys = {"encoder": {"name": "mlp"}, "loss": {"weights": {"lsep": 1}}, **sections}
    keys["data"] = data | sections.get("data", {})
    return list(describe_data(parse_spec(keys, base=Path())).remarks)


def call(*labels: dict[str, list[str]], **sections: dict[str, Any]) -> Callable[[], object]:
    return lambda: described(*labels, **sections)


def with_loss(*names: str, **evaluation: str) -> Callable[[], object]:
    return call(loss={"weights": dict.fromkeys(names, 1)}, evaluate=evaluation)


ALIKE = {split: ["a"] * len(each) for split, each in LABELS.items()}
STRANGE = LABELS | {"val": ["d", "e|d"] * 6}

REFUSALS = {
    "one label": Refusal(
        call(ALIKE),
        "give it at least 2 classes",
        call(ALIKE | {"train": LABELS["train"]}),
    ),
    "no label in common": Refusal(
        call(STRANGE),
        "give both splits rows of the same labels, or choose a loss of distances, such as triplet",
        call(STRANGE | {"train": [*LABELS["train"], "d", "e"]}),
        call(STRANGE, **DISTANCES),
    ),
    "unseen classes": Refusal(
        call(data={"split": "zero-shot"}),
        'set data.split = "closed"',
        call(data={"split": "closed"}),
    ),
    "two heads": Refusal(
        with_loss("lsep", "hinge_ranking", "triplet"),
        "loss.weights names hinge_ranking and lsep, each of which would score the classes in its own way: choose one",
        with_loss("lsep", "triplet"),
        with_loss("hinge_ranking", "triplet"),
    ),
    "selected by scores that there are not": Refusal(
        with_loss("triplet", select="label_map"),
        'add lsep to the weights, or choose select = "map_at_r"',
        with_loss("triplet", "lsep", select="label_map"),
        with_loss("triplet", select="map_at_r"),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(PipelineError)


def test_labels_that_no_training_row_has_are_said() -> None:
    labels = LABELS | {"val": ["a|x", "b|c"] * 6, "test": ["y|x", "a|c"] * 3}
    assert described(labels) == [
        '1 labels of the validation split are not in the training split (such as "x"): lsep does not score '
        "them, and metrics of labels leave them out",
        '2 labels of the test split are not in the training split (such as "x"): lsep does not score '
        "them, and metrics of labels leave them out",
    ]
    assert described(labels, **DISTANCES) == described() == []


def test_the_best_epoch_is_chosen_by_label_map_where_the_run_file_says_nothing() -> None:
    def selected(**sections: Any) -> str:
        return parse_spec({"data": {"kind": "digits"}, **sections}, base=Path()).evaluate.select

    assert selected(loss={"weights": {"binary_cross_entropy": 1}}) == "label_map"
    assert selected(loss={"weights": {"lsep": 1}}, evaluate={"select": "recall@1"}) == "recall@1"
    assert selected() == "map_at_r"

"""The remedies in messages about data, labels, groups and reviews of a run work."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from tripletmine.pipeline.data.splits import assign
from tripletmine.pipeline.data.splits.hashed import numbers_of
from tripletmine.pipeline.errors import PipelineError
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.prepare import describe_data
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.loss_spec import OF_ONE_CLASS, OF_PAIRS, LossName
from tripletmine.pipeline.runfile.run_spec import RunSpec

from ....remedies import Refusal

ONE_CLASS = {"weights": {"triplet": 1.0, "classification": 0.5}}

OF_SEVERAL = [name for name in get_args(LossName) if name not in OF_ONE_CLASS | OF_PAIRS | {"triplet"}]

FIRST = [f"k{row}" for row in range(10)]
"""Keys of some rows; most of them are for training."""


@pytest.fixture(autouse=True)
def rows(tmp_path: Path) -> None:
    """`rows.npy` and `rows.csv` with their labels: two classes of sixty rows."""
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32))
    write_labels(tmp_path)


def write_labels(folder: Path, group: str | None = None, **labels: str) -> None:
    """Write rows.csv. labels: other labels of single keys."""
    head = "key,label" + (",group" if group else "")
    lines = (
        f"k{row},{labels.get(f'k{row}', 'ab'[row % 2])}{f',{group}' if group else ''}" for row in range(120)
    )
    (folder / "rows.csv").write_text("\n".join([head, *lines]))


def decide(folder: Path, *lines: str) -> None:
    (folder / "review.csv").write_text("\n".join(["decision,key,other_key,label", *lines]))


def spec_of(folder: Path, **sections: Mapping[str, Any]) -> RunSpec:
    data = {"kind": "arrays", "path": "rows.npy", "labels": "rows.csv", **sections.pop("data", {})}
    return parse_spec({"data": data, "encoder": {"name": "mlp"}, **sections}, base=folder)


def described(
    folder: Path, before: Callable[[], object] = lambda: None, **sections: Any
) -> Callable[[], object]:
    """Describe the data as `check` does, after something was done to the files."""

    def call() -> object:
        before()
        return describe_data(spec_of(folder, **sections))

    return call


def labels_for_a_loss_of_one_class(folder: Path) -> Refusal:
    write_labels(folder, **dict.fromkeys(FIRST, "a|b"))
    several = {"label_separator": "|"}
    return Refusal(
        described(folder, data=several, loss=ONE_CLASS),
        f"use others (triplet, {', '.join(OF_SEVERAL)}), or give each row one label "
        '(without data.label_separator "a|b" is one label)',
        *(
            described(folder, data=several, loss={"weights": {"triplet": 1.0, name: 1.0}})
            for name in OF_SEVERAL
        ),
        described(folder, loss=ONE_CLASS),
        described(folder, partial(write_labels, folder), data=several, loss=ONE_CLASS),
    )


def a_guard_without_groups(folder: Path) -> Refusal:
    guard = {"guards": {"same_group": "never-pair"}}
    return Refusal(
        described(folder, mine=guard),
        'add a column "group" to its table, or leave mine.guards.same_group out',
        described(folder),
        described(folder, partial(write_labels, folder, group="shelf"), mine=guard),
    )


def a_review_with_new_labels(folder: Path) -> Refusal:
    decide(folder, *(f"relabel,{key},,c" for key in FIRST))
    review = {"review": "review.csv"}
    return Refusal(
        described(folder, data=review, loss=ONE_CLASS),
        "exclude those rows, correct their labels in the data set, or use another loss",
        described(folder, data=review),
        described(
            folder,
            lambda: decide(folder, *(f"exclude,{key},," for key in FIRST)),
            data=review,
            loss=ONE_CLASS,
        ),
        described(
            folder,
            lambda: (decide(folder), write_labels(folder, **{f"k{row}": "c" for row in range(40)})),
            data=review,
            loss=ONE_CLASS,
        ),
    )


def a_review_with_several_labels(folder: Path) -> Refusal:
    write_labels(folder, k119="a|b")
    decide(folder, "exclude,k119,,", *(f"relabel,{key},,a|b" for key in FIRST))
    review = {"review": "review.csv", "label_separator": "|", "split": "closed"}
    needs_one = "which needs exactly one label per row"
    return Refusal(
        described(folder, data=review, loss=ONE_CLASS),
        needs_one,
        described(folder, data=review),
        described(
            folder,
            lambda: (write_labels(folder), decide(folder, *(f"relabel,{key},,b" for key in FIRST))),
            data=review,
            loss=ONE_CLASS,
        ),
    )


def an_encoder_that_is_not_there(folder: Path) -> Refusal:
    code = "from torch import nn\n\ndef build(**_):\n    return nn.Linear(4, 8)\n"
    return Refusal(
        described(folder, encoder={"name": "nets.py:build"}),
        f"encoder.name is nets.py:build but there is no file {folder / 'nets.py'}: correct the path",
        described(folder, lambda: (folder / "mine.py").write_text(code), encoder={"name": "mine.py:build"}),
        described(folder, lambda: (folder / "nets.py").write_text(code), encoder={"name": "nets.py:build"}),
    )


@pytest.mark.parametrize(
    "case",
    [
        labels_for_a_loss_of_one_class,
        a_guard_without_groups,
        a_review_with_new_labels,
        a_review_with_several_labels,
        an_encoder_that_is_not_there,
    ],
)
def test_each_remedy_works(case: Callable[[Path], Refusal], tmp_path: Path) -> None:
    case(tmp_path).require(PipelineError)


def opened(spec: RunSpec) -> None:
    with open_run(spec):
        pass


def test_rows_that_nobody_can_make_again_need_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a version that split differently."""
    spec = spec_of(tmp_path)
    opened(spec)
    (spec.root / "rows.parquet").unlink()
    monkeypatch.setattr(assign, "numbers_of", lambda names, seed, name: numbers_of(names, seed + 1, name))
    Refusal(
        lambda: opened(spec),
        "was gone, and made again it is not what the run began with: start a new run.directory",
        lambda: opened(spec_of(tmp_path, run={"directory": "new"})),
    ).require(PipelineError)

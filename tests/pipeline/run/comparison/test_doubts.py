"""Whether runs can be compared: what is different is named, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tripletmine.pipeline.run.comparison.compared import read_runs
from tripletmine.pipeline.run.comparison.doubts import doubts_about
from tripletmine.pipeline.run.directory import open_run

from ...conftest import Finished
from ...runs import small_spec

Opened = Callable[..., Path]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Open a run of some name, without any stage; its directory."""

    def open_one(name: str, **changes: dict[str, Any]) -> Path:
        run = {"name": name, **changes.pop("run", {})}
        with open_run(small_spec(tmp_path, run=run, **changes)) as opened:
            return opened.root

    return open_one


def doubts(*roots: Path, unfinished: bool = False) -> list[str]:
    """Doubts about runs without stages, except that they are not finished."""
    found = doubts_about(read_runs(roots))
    return [each for each in found if unfinished or "not finished" not in each]


def test_none_where_only_training_differs(opened: Opened) -> None:
    assert doubts(opened("a"), opened("b", train={"warmup_epochs": 2}, mine={"margin": 0.5})) == []


def test_other_rows_in_the_splits_are_named_with_their_keys(opened: Opened) -> None:
    a = opened("a")
    assert doubts(a, opened("b", run={"seed": 3})) == [
        "a and b have other rows in their splits (run.seed is 0 and 3)"
    ]
    (found,) = doubts(a, opened("c", data={"split": "zero-shot", "validation": 0.3}))
    assert "(data.split is 'closed' and 'zero-shot', data.validation is 0.1 and 0.3)" in found


def test_other_data(opened: Opened, tmp_path: Path) -> None:
    labels = np.repeat(np.arange(6), 30)
    np.savez(tmp_path / "x.npz", vectors=np.random.default_rng(0).normal(size=(180, 4)), labels=labels)
    vectors = {"kind": "arrays", "path": "x.npz"}
    b = opened("b", data=vectors, encoder={"name": "mlp"})
    assert doubts(opened("a"), b) == ["a and b are of other data (digits, arrays)"]
    np.savez(tmp_path / "x.npz", vectors=np.ones((180, 4)), labels=labels)
    assert doubts(b, opened("c", data=vectors, encoder={"name": "mlp"})) == [
        "b and c began with data files of other names, sizes, times or contents"
    ]


def test_another_gallery_or_another_choice_of_the_best(opened: Opened) -> None:
    a = opened("a")
    (found,) = doubts(a, opened("b", evaluate={"retrieval": "centroids"}))
    assert found.startswith(
        "a and b are asked differently: validation is 112 queries, each against 111 rows, and 112 "
    )
    assert "10 class centroids" in found
    (found,) = doubts(a, opened("c", evaluate={"train_gallery": False}))
    assert found.endswith("1,307 rows, and not asked")
    assert doubts(a, opened("d", evaluate={"select": "recall@1"})) == [
        "a and d choose their best epoch by map_at_r and by recall@1 (evaluate.select)"
    ]


def test_a_run_that_is_not_finished(opened: Opened, digits_run: Finished) -> None:
    assert doubts(digits_run.root, opened("b"), unfinished=True) == ["b is not finished"]


def test_the_same_run_twice(digits_run: Finished) -> None:
    (found,) = doubts(digits_run.root, digits_run.root / "." / "epochs" / "..", unfinished=True)
    assert found == "digits (1) and digits (2) are the same run"


def test_every_run_is_held_against_the_first(opened: Opened) -> None:
    a, b, c = opened("a"), opened("b", run={"seed": 1}), opened("c", run={"seed": 2})
    assert [each.partition(" have")[0] for each in doubts(a, b, c)] == ["a and b", "a and c"]

from dataclasses import replace
from pathlib import Path

import pytest
from tripletmine.pipeline.artifacts.scores import best_epoch, validation_scores
from tripletmine.pipeline.errors import UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.epochs import (
    TEST,
    all_refs,
    epochs_to_run,
    lost_patience,
    plan_epochs,
    wants_test,
)
from tripletmine.pipeline.storage.manifest import Manifest, write_manifest

from ..runs import small_spec
from .test_runner import FACTS


def evaluated(root: Path, number: int, **metrics: float) -> None:
    folder = StageRef(number, "evaluate").folder(root)
    write_manifest(folder, Manifest("evaluate", number, {}, (), {"validation": metrics}))


def test_warm_up_epochs_train_and_evaluate_only(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 3}, train={"warmup_epochs": 2})
    first, second, third = plan_epochs(spec)
    assert [epoch.number for epoch in (first, second, third)] == [0, 1, 2]
    assert [epoch.warm_up for epoch in (first, second, third)] == [True, True, False]
    assert [stage.name for stage in second.stages] == ["train", "evaluate"]
    assert [stage.name for stage in third.stages] == ["embed", "graph", "mine", "train", "evaluate"]
    assert all_refs(spec) == [*first.refs, *second.refs, *third.refs, TEST]


def test_without_warm_up_the_first_epoch_mines(tmp_path: Path) -> None:
    (only,) = plan_epochs(small_spec(tmp_path, run={"epochs": 1}, train={"warmup_epochs": 0}))
    assert [stage.name for stage in only.stages] == ["embed", "graph", "mine", "train", "evaluate"]


def test_the_best_epoch_is_chosen_on_validation_and_of_equals_the_first(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 4})
    for number, score in enumerate([0.5, 0.8, 0.8, 0.6]):
        evaluated(spec.root, number, **{"map_at_r": score, "recall@1": 1 - score})

    assert best_epoch(spec.root, spec) == 1
    by_recall = small_spec(tmp_path, run={"epochs": 4}, evaluate={"select": "recall@1"})
    assert best_epoch(spec.root, by_recall) == 0


def test_epochs_that_are_not_evaluated_yet_do_not_count(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 4})
    evaluated(spec.root, 2, map_at_r=0.3)
    assert list(validation_scores(spec.root, spec)) == [(2, 0.3)]


def test_no_best_epoch_before_any_was_evaluated(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    with pytest.raises(
        UnavailableError, match=r"no epoch of .* has been evaluated yet: let the run finish one first"
    ):
        best_epoch(spec.root, spec)


def test_the_test_is_looked_at_only_where_there_is_one_and_it_is_wanted(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    assert wants_test(spec, FACTS)
    assert not wants_test(spec, replace(FACTS, test=0))
    assert not wants_test(small_spec(tmp_path, evaluate={"test": "never"}), FACTS)


def test_a_run_stops_when_validation_gets_no_better_and_goes_on_with_more_patience(tmp_path: Path) -> None:
    def numbers(**run: object) -> list[int]:
        spec = small_spec(tmp_path, run={"epochs": 9, **run})
        return [epoch.number for epoch in epochs_to_run(spec.root, spec)]

    root = small_spec(tmp_path).root
    assert numbers(patience=2) == list(range(9))
    for number, score in enumerate([0.5, 0.8, 0.7, 0.8, 0.9]):
        evaluated(root, number, map_at_r=score)
    assert numbers(patience=2) == [0, 1, 2, 3]
    assert numbers(patience=3) == list(range(9))
    assert numbers() == list(range(9))


def test_whether_an_epoch_follows_is_decided_when_it_is_asked_for(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"epochs": 9, "patience": 1})
    seen = []
    for epoch in epochs_to_run(spec.root, spec):
        seen.append(epoch.number)
        evaluated(spec.root, epoch.number, map_at_r=[0.3, 0.5, 0.4, 0.9][epoch.number])
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("scores", "lost"),
    [([], False), ([0.5], False), ([0.5, 0.4], False), ([0.5, 0.4, 0.5], True), ([0.5, 0.4, 0.6], False)],
)
def test_patience_counts_epochs_without_anything_better(scores: list[float], lost: bool) -> None:
    assert lost_patience(list(enumerate(scores)), patience=2, warmup_epochs=0) is lost


def test_warm_up_epochs_cost_no_patience() -> None:
    scores = list(enumerate([0.9, 0.5, 0.4, 0.3]))
    assert not lost_patience(scores[:3], patience=1, warmup_epochs=3)
    assert lost_patience(scores, patience=1, warmup_epochs=3)

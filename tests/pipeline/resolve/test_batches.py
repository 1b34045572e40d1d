"""How batches are composed by default: by the mined set where there are more classes than a batch holds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.neighbourhood import Neighbourhood
from tripletmine.models.rules.in_batch import WithinBoundary
from tripletmine.pipeline.resolve.batches import resolve_batches
from tripletmine.pipeline.training import epoch as epoch_training
from tripletmine.pipeline.training.batches import TrainingInputs, training_inputs

from ..run.test_runner import FACTS
from ..runs import finish, small_spec


@pytest.mark.parametrize(
    ("classes", "singletons", "name", "why"),
    [
        (1_900, 0, "neighbourhood", "a batch holds 48 of 1,900 classes, those that are confused"),
        (49, 0, "neighbourhood", "a batch holds 48 of 49 classes, those that are confused"),
        (48, 0, "class_balanced", "a batch of 48 classes holds all 48"),
        (60, 12, "class_balanced", "a batch of 48 classes holds all 48"),
    ],
)
def test_confused_classes_are_brought_together_where_a_batch_cannot_hold_all(
    classes: int, singletons: int, name: str, why: str
) -> None:
    spec = small_spec(Path("/somewhere"), train={"batches": "auto", "classes_per_batch": 48})
    assert resolve_batches(spec, replace(FACTS, classes=classes, singletons=singletons)) == (name, why)


@pytest.mark.parametrize("named", ["neighbourhood", "triplets", "class_balanced"])
def test_batches_that_the_run_file_names_are_taken(named: str) -> None:
    spec = small_spec(Path("/somewhere"), train={"batches": named})
    assert resolve_batches(spec, FACTS) == (named, "as the run file says")


@pytest.mark.parametrize(("in_batch", "plan"), [(9, Neighbourhood), (10, ClassBalanced)])
def test_an_epoch_after_the_warm_up_has_these_batches_and_the_k_of_the_mined_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_batch: int, plan: type
) -> None:
    seen: list[TrainingInputs] = []

    def remembered(job: Any) -> TrainingInputs:
        seen.append(training_inputs(job))
        return seen[-1]

    monkeypatch.setattr(epoch_training, "training_inputs", remembered)
    train = {"batches": "auto", "classes_per_batch": in_batch, "images_per_epoch": 300}
    results = finish(small_spec(tmp_path, train=train, mine={"k_start": 0.85}))

    k = next(each.manifest.report["k_hardness"] for each in results if each.ref.stage == "mine")
    assert type(seen[-1].batches) is plan
    assert seen[-1].rule == WithinBoundary(k, 0.2, nearer_positive=True, nearest_only=True)

"""Whole runs with other losses than the default ones: learned losses over epochs and a kill, and class centroids."""

from pathlib import Path
from typing import Any

import pytest
from tripletmine.models.rules.in_batch import SemiHard, Stored, WithinBoundary
from tripletmine.models.train.trainer import Trainer
from tripletmine.pipeline.resolve.batches import batch_rule

from ..runs import differences, finish, small_spec

LEARNED: dict[str, Any] = {
    "weights": {
        "quadruplet": 1,
        "centroid": 1,
        "classification": 1,
        "centre": 5e-4,
        "hist": 1,
        "mdr": 0.1,
        "library": 0.1,
    },
    "hist": {"hidden": 16},
    "library": {"factory": "pytorch_metric_learning.losses:ProxyAnchorLoss"},
}


class Killed(BaseException):
    """No `except Exception` sees it."""


def test_a_broken_run_with_learned_losses_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pytorch_metric_learning")
    specs = [
        small_spec(tmp_path / name, loss=LEARNED, evaluate={"retrieval": "centroids"})
        for name in ("whole", "broken")
    ]
    results = finish(specs[0])

    step = Trainer.step
    taken = 0

    def counted(trainer: Trainer, batch, images):
        nonlocal taken
        taken += 1
        if taken == 18:  # in the second epoch, which mines, beyond a checkpoint
            raise Killed
        return step(trainer, batch, images)

    monkeypatch.setattr(Trainer, "step", counted)
    with pytest.raises(Killed):
        finish(specs[1])
    finish(specs[1])
    assert differences(specs[0].root, specs[1].root) == []

    validation = [
        result.manifest.report["validation"] for result in results if result.ref.stage == "evaluate"
    ]
    assert all(found["recall@1"] == found["map_at_r"] for found in validation)
    assert validation[-1]["recall@1"] > 0.8


RULES: list[tuple[dict[str, Any], object]] = [
    ({}, WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=True)),
    ({"train": {"batches": "class_balanced"}}, SemiHard(0.2)),
    ({"train": {"batches": "triplets"}}, Stored(0.2)),
    ({"loss": {"triplets": "semi_hard", "margin": 0.3}}, SemiHard(0.3)),
    (
        {"loss": {"triplets": "boundary"}, "train": {"batches": "class_balanced", "negatives": "all"}},
        WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=False),
    ),
    ({"loss": {"triplets": "semi_hard"}, "train": {"batches": "triplets"}}, SemiHard(0.2)),
]


@pytest.mark.parametrize(("sections", "rule"), RULES)
def test_triplets_are_found_by_the_rule_of_the_batches_or_by_the_one_named(
    sections: dict[str, Any], rule: object
) -> None:
    assert batch_rule(small_spec(Path("/somewhere"), **sections), 0.9) == rule

"""Whole runs with other losses than the default ones: learned losses over epochs and a kill, and class centroids."""

from pathlib import Path
from typing import Any

import pytest
from tripletmine.models.rules.in_batch import SemiHard, Stored, StoredAndFresh, WithinBoundary
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.resolve.batches import batch_rule
from tripletmine.pipeline.standalone.audit import audit_folder

from ..runs import differences, finish, finish_broken, small_spec

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


def test_a_broken_run_with_learned_losses_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pytorch_metric_learning")
    whole, broken = (
        small_spec(tmp_path / name, loss=LEARNED, evaluate={"retrieval": "centroids"})
        for name in ("whole", "broken")
    )
    results = finish(whole)
    finish_broken(broken, monkeypatch)
    assert differences(whole.root, broken.root) == []

    validation = [
        result.manifest.report["validation"] for result in results if result.ref.stage == "evaluate"
    ]
    assert all(found["recall@1"] == found["map_at_r"] for found in validation)
    assert validation[-1]["recall@1"] > 0.8


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("triplets", ["stored", "both"])
def test_training_on_stored_triplets_is_the_same_when_broken_off_and_on_dask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, triplets: str
) -> None:
    changes: dict[str, Any] = {
        "train": {"batches": "triplets", "images_per_epoch": 1500},
        "loss": {"triplets": triplets},
    }
    whole, broken = (small_spec(tmp_path / name, **changes) for name in ("whole", "broken"))
    on_dask = small_spec(tmp_path / "dask", **changes, cluster={"kind": "local", "workers": 2})
    assert whole.mine.order == "random"
    mined, trained = (
        result.manifest.report
        for result in finish(whole)
        if str(result.ref) in ("mine of epoch 1", "train of epoch 1")
    )
    assert trained["triplets"] > 0
    finish_broken(broken, monkeypatch)
    assert differences(whole.root, broken.root) == []
    finish(on_dask)
    assert differences(whole.root, on_dask.root) == []
    assert audit_folder(StageRef(1, "mine").folder(whole.root)).triplets.ok
    assert mined["counts"]["triplets"] > 0


RULES: list[tuple[dict[str, Any], object]] = [
    ({}, WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=True)),
    ({"train": {"batches": "class_balanced"}}, SemiHard(0.2)),
    ({"train": {"batches": "triplets"}}, Stored(0.2)),
    (
        {"train": {"batches": "triplets"}, "loss": {"triplets": "both"}},
        StoredAndFresh(WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=True)),
    ),
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

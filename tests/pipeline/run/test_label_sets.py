"""Whole runs on rows with several labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tripletmine.pipeline.errors import SpecError, StaleError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import set_aside
from tripletmine.pipeline.run.epochs import all_refs
from tripletmine.pipeline.run.overview import overview
from tripletmine.pipeline.run.redo import from_stage
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.stages import mine, train

from ..runs import finish

ROWS, CLASSES = 120, 8


def label_sets(second: str) -> list[str]:
    """Two labels a row; second: "late" or "early" in the order of names, so that one class is never a row's first."""
    other = {"late": "z", "early": "a"}[second]
    return [f"c{row % CLASSES}|{other}{row % 3}" for row in range(ROWS)]


def spec_of(base: Path, labels: list[str], **sections: dict[str, Any]) -> RunSpec:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(CLASSES, 12))[np.arange(ROWS) % CLASSES]
    vectors = (centres + 0.3 * generator.normal(size=(ROWS, 12))).astype(np.float32)
    np.savez(base / "x.npz", vectors=vectors, labels=np.array(labels))
    plain: dict[str, dict[str, Any]] = {
        "run": {"name": "sets", "epochs": 2, "deterministic": True},
        "data": {"kind": "arrays", "path": "x.npz", "label_separator": "|", "validation": 0.2},
        "encoder": {"name": "mlp", "embedding_dim": 8},
        "graph": {"method": "exact", "neighbours": 20},
        "train": {"classes_per_batch": 4, "images_per_class": 4, "images_per_epoch": 64},
        "evaluate": {"nmi": False},
    }
    merged = {name: {**plain.get(name, {}), **sections.get(name, {})} for name in {*plain, *sections}}
    return parse_spec(merged, base=base)


@pytest.mark.parametrize("second", ["late", "early"])
@pytest.mark.parametrize("batches", ["neighbourhood", "triplets", "class_balanced"])
def test_a_class_that_is_never_a_rows_first_is_trained(tmp_path: Path, batches: str, second: str) -> None:
    results = finish(spec_of(tmp_path, label_sets(second), train={"batches": batches}))
    (trained,) = (each.manifest for each in results if each.ref == StageRef(1, "train"))
    assert trained.report["triplets"] > 0
    assert trained.inputs["keys"]["labels"] == "sets"


def test_a_loss_of_one_class_is_refused_before_the_run(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, label_sets("late"), loss={"weights": {"classification": 1.0}})
    message = r"loss\.weights names classification, which needs exactly one label per row, but \d+ of \d+"
    with pytest.raises(SpecError, match=message):
        overview(spec)
    with pytest.raises(SpecError, match=message):
        finish(spec)
    finish(
        spec_of(
            tmp_path, [f"c{row % CLASSES}" for row in range(ROWS)], loss={"weights": {"classification": 1.0}}
        )
    )


def test_a_run_of_the_first_labels_is_refused_until_it_is_redone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(tmp_path, label_sets("late"))
    with monkeypatch.context() as earlier:
        for stage in (train, mine):
            earlier.setattr(stage, "label_keys", lambda _facts: {})
        finish(spec)
    message = (
        r"train of epoch 0 .* used only the first label of a row.*redo it with --from-stage train --epoch 0"
    )
    with pytest.raises(StaleError, match=message):
        finish(spec)
    set_aside(spec.root, from_stage(all_refs(spec), "train", 0))
    assert not any(result.skipped for result in finish(spec))

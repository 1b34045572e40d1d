"""mine.every: epochs that do not mine are trained like the warm-up, and everything else takes them as they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.resolve.batches import mining_described, resolve_batches
from tripletmine.pipeline.run.epochs import plan_epochs
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.inspection import inspect_epoch
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.manifest import read_manifest

from ..run.test_runner import FACTS
from ..runs import artifacts, differences, finish, small_spec

KEEP_ONE = {"embeddings": 1, "graph": 1, "triplets": 1, "checkpoints": "all"}


def mined(spec: RunSpec) -> list[int]:
    return [epoch.number for epoch in plan_epochs(spec) if "mine" in {stage.name for stage in epoch.stages}]


@pytest.mark.parametrize(
    ("every", "expected"), [(1, [2, 3, 4, 5, 6]), (2, [2, 4, 6]), (4, [2, 6]), (9, [2]), ("never", [])]
)
def test_epochs_are_counted_from_the_end_of_the_warm_up(every: Any, expected: list[int]) -> None:
    spec = small_spec(
        Path("/somewhere"),
        run={"epochs": 7},
        train={"batches": "auto", "warmup_epochs": 2},
        mine={"every": every},
    )
    assert mined(spec) == expected
    assert spec.mined_before(6) == [number for number in expected if number < 6]
    assert all(len(epoch.stages) == (5 if epoch.number in expected else 2) for epoch in plan_epochs(spec))


def test_a_run_that_mines_now_and_then(tmp_path: Path) -> None:
    spec = small_spec(
        tmp_path,
        run={"epochs": 5, "keep": KEEP_ONE},
        mine={"every": 3, "k_epochs": 2},
        graph={"method": "traverse_add"},
        train={"images_per_epoch": 400},
    )
    finish(spec)
    before = artifacts(spec.root)
    assert all(result.skipped for result in finish(spec))
    assert artifacts(spec.root) == before

    found = read_status(spec.root)
    assert found.finished
    assert [epoch.k_hardness is not None for epoch in found.epochs] == [False, True, False, False, True]
    assert [epoch.met_share is not None for epoch in found.epochs] == [False, True, False, False, True]
    assert all("recall@1" in epoch.validation for epoch in found.epochs)
    graph = read_manifest(StageRef(4, "graph").folder(spec.root))
    assert graph is not None
    assert "graph of epoch 1" in graph.inputs["parents"], "the last graph there was, kept until now"
    mine = read_manifest(StageRef(4, "mine").folder(spec.root))
    assert mine is not None
    assert mine.report["hardness"]["epoch"] == 1, "k decays by minings"
    assert inspect_epoch(spec.root).epoch == 4


def test_a_run_that_never_mines_is_a_warm_up_to_its_end(tmp_path: Path) -> None:
    train = {"batches": "auto", "images_per_epoch": 400}
    never = small_spec(tmp_path / "never", train=train, mine={"every": "never"})
    warm_up = small_spec(tmp_path / "warm up", train={**train, "warmup_epochs": 2})
    finish(never)
    finish(warm_up)
    names = {name for name in artifacts(never.root) if "/train/" in name and not name.endswith(".json")}
    assert "epochs/0001/train/encoder.safetensors" in names
    assert names.isdisjoint(differences(never.root, warm_up.root))
    assert not [path for stage in ("embed", "graph", "mine") for path in never.root.glob(f"epochs/*/{stage}")]
    assert read_status(never.root).finished
    export_encoder(never.root, tmp_path / "encoder")
    with pytest.raises(
        SpecError, match=r"no epoch of .* has triplets: .*nor do those that mine.every leaves out"
    ):
        inspect_epoch(never.root)


@pytest.mark.parametrize(
    ("sections", "said", "remedy"),
    [
        (
            {"train": {"batches": "triplets"}},
            r'mine.every is "never" but train.batches is "triplets".*batches = "class_balanced"',
            {"train": {"batches": "class_balanced"}},
        ),
        (
            {"train": {"batches": "auto"}, "loss": {"triplets": "boundary"}},
            r'mine.every is "never" but loss.triplets is "boundary".*triplets = "semi_hard"',
            {"train": {"batches": "auto"}, "loss": {"triplets": "semi_hard"}},
        ),
    ],
)
def test_what_needs_the_mined_set_is_refused_without_it(
    sections: dict[str, Any], said: str, remedy: dict[str, Any]
) -> None:
    with pytest.raises(SpecError, match=said):
        small_spec(Path("/somewhere"), **sections, mine={"every": "never"})
    small_spec(Path("/somewhere"), **remedy, mine={"every": "never"})
    small_spec(Path("/somewhere"), **sections)


@pytest.mark.parametrize(
    ("train", "every", "said"),
    [
        (
            {"batches": "auto"},
            1,
            "in every epoch after the warm-up, for inspection only: training uses its k, but none of its triplets",
        ),
        (
            {"batches": "class_balanced"},
            1,
            'training takes nothing from it (mine.every = "never" saves its time)',
        ),
        ({"batches": "auto", "classes_per_batch": 4}, 1, "in every epoch after the warm-up"),
        ({"batches": "neighbourhood"}, 3, "in one of 3 epochs, the others are trained like the warm-up"),
        ({"batches": "auto"}, "never", "never: all epochs train on semi-hard triplets"),
    ],
)
def test_check_says_what_mining_is_for(train: dict[str, Any], every: Any, said: str) -> None:
    spec = small_spec(Path("/somewhere"), train=train, mine={"every": every})
    found = mining_described(spec, resolve_batches(spec, replace(FACTS, classes=10)))
    assert said in found
    assert ("for inspection only" in found) == ("for inspection only" in said or "nothing" in said)

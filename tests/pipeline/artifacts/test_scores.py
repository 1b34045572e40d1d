"""Which epoch is meant if none is named."""

from pathlib import Path

import pytest
from tripletmine.pipeline.artifacts.record import write_run_file
from tripletmine.pipeline.artifacts.scores import mined_epoch
from tripletmine.pipeline.errors import SpecError, UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import StageFolder
from tripletmine.pipeline.storage.manifest import Manifest, write_manifest

from ..run.test_runner import FACTS
from ..runs import small_spec


def run_with(folder: Path, scores: list[float | None]) -> Path:
    """A run whose epoch 0 warmed up and whose others mined. scores: by epoch; None if not evaluated yet."""
    spec = small_spec(folder, run={"epochs": len(scores)})
    spec.root.mkdir(parents=True)
    write_run_file(spec, FACTS, {}, "hashed", None)
    for number, score in enumerate(scores):
        stages = ("embed", "graph", "mine") if number else ()
        for stage in stages:
            write_manifest(StageRef(number, stage).folder(spec.root), Manifest(stage, number, {}, (), {}))
        if score is not None:
            report = {"validation": {"map_at_r": score}}
            folder_of = StageRef(number, "evaluate").folder(spec.root)
            write_manifest(folder_of, Manifest("evaluate", number, {}, (), report))
    return spec.root


def prune(root: Path, *refs: tuple[int, str]) -> None:
    for ref in refs:
        assert StageFolder(root, StageRef(*ref)).prune()


def test_the_best_of_those_that_mined(tmp_path: Path) -> None:
    root = run_with(tmp_path, [0.9, 0.5, 0.8, 0.8, 0.6])
    found = mined_epoch(root)
    assert (found.number, found.why) == (2, "the best on validation of those that mined")
    assert mined_epoch(root, 3).number == 3


def test_the_best_of_those_that_still_have_what_is_needed(tmp_path: Path) -> None:
    root = run_with(tmp_path, [0.1, 0.5, 0.8, 0.6, 0.7])
    prune(root, (2, "embed"), (4, "embed"), (2, "graph"))
    assert (mined_epoch(root).number, mined_epoch(root).why) == (2, "the best on validation")
    found = mined_epoch(root, needs=("mine", "graph"))
    assert found.number == 4
    assert (
        "still have the files of mine and graph (epoch 2 is better, but its files were deleted because of run.keep)"
        in found.why
    )
    assert mined_epoch(root, needs=("mine", "embed", "graph")).number == 3


def test_the_last_where_none_was_evaluated(tmp_path: Path) -> None:
    assert mined_epoch(run_with(tmp_path, [0.9, None, None])).number == 2


def test_a_score_counts_before_none(tmp_path: Path) -> None:
    assert mined_epoch(run_with(tmp_path, [0.9, 0.1, None])).number == 1


def test_none_is_there(tmp_path: Path) -> None:
    root = run_with(tmp_path, [0.9, 0.1, 0.2])
    with pytest.raises(
        SpecError, match=r"epoch 0 of .* \(warm-up epochs do not mine, .*: 1, 2\): choose one"
    ):
        mined_epoch(root, 0)
    prune(root, (1, "graph"), (2, "graph"))
    with pytest.raises(UnavailableError, match=r"all files of graph and mine .*--from-stage graph --epoch 2"):
        mined_epoch(root, needs=("graph", "mine"))
    with pytest.raises(SpecError, match=r"no epoch of .* has triplets: let the run go on"):
        mined_epoch(run_with(tmp_path / "warm", [0.9]))

from pathlib import Path

import pytest
from tripletmine.pipeline.errors import UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.directory import Run
from tripletmine.pipeline.run.inspection import inspect_epoch
from tripletmine.pipeline.run.retention import prune
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.storage.committed import PRUNED
from tripletmine.pipeline.storage.manifest import read_manifest

from ..runs import artifacts, finish, opened, small_spec


def files_of(root: Path, ref: StageRef) -> set[str]:
    folder = ref.folder(root)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def pruned(root: Path, ref: StageRef) -> bool:
    return files_of(root, ref) == {"manifest.json", PRUNED}


def test_what_run_keep_does_not_want_is_deleted_and_its_manifest_stays(copied_run) -> None:
    spec = copied_run(run={"keep": {"embeddings": 0, "graph": 1, "triplets": 0, "checkpoints": "best+last"}})
    manifest = read_manifest(StageRef(1, "embed").folder(spec.root))
    with opened(spec) as (run, _):
        found = prune(run, finished=1)
        again = prune(run, finished=1)

    expected = {StageRef(1, "embed"), StageRef(1, "mine")}
    assert set(found) == expected
    assert again == []
    assert all(pruned(spec.root, ref) for ref in expected)
    assert not pruned(spec.root, StageRef(1, "graph"))
    assert not pruned(spec.root, StageRef(1, "train"))
    assert read_manifest(StageRef(1, "embed").folder(spec.root)) == manifest


def test_everything_is_kept_when_everything_is_wanted(copied_run) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    with opened(spec) as (run, _):
        assert prune(run, finished=1) == []
    assert artifacts(spec.root) == before


def test_best_and_last_checkpoint_survive(tmp_path: Path) -> None:
    """Made by hand: four epochs of which the first is the best; the last one began with the third's checkpoint."""
    from tripletmine.pipeline.storage.manifest import Manifest, write_manifest
    from tripletmine.pipeline.storage.publish import publish_bytes
    from tripletmine.pipeline.storage.receipts import Receipt, stamp_files

    from .test_runner import FACTS

    spec = small_spec(tmp_path, run={"epochs": 4, "keep": {}})
    for number, score in enumerate([0.9, 0.5, 0.7, 0.6]):
        folder = StageRef(number, "train").folder(spec.root)
        publish_bytes(folder / "encoder.safetensors", b"weights")
        receipt = Receipt("epoch", 1, stamp_files(folder, ["encoder.safetensors"]))
        write_manifest(folder, Manifest("train", number, {}, (receipt,), {}))
        report = {"validation": {"map_at_r": score}}
        write_manifest(
            StageRef(number, "evaluate").folder(spec.root), Manifest("evaluate", number, {}, (), report)
        )

    assert prune(Run(spec.root, spec, FACTS), finished=3) == [StageRef(1, "train")]


def test_a_pruned_run_is_finished_and_can_grow(copied_run) -> None:
    keep = {"embeddings": 0, "graph": 0, "triplets": 0, "checkpoints": "best+last"}
    spec = copied_run(run={"keep": keep})
    with opened(spec) as (run, _):
        prune(run, finished=1)

    assert all(result.skipped for result in finish(spec))
    status = read_status(spec.root)
    assert status.finished
    states = {stage.ref: (stage.state, stage.bytes) for stage in status.epochs[1].stages}
    assert states[StageRef(1, "embed")] == ("pruned", 0)

    with pytest.raises(
        UnavailableError,
        match=r"was pruned \(run\.keep\): take .* and redo it with --from-stage mine --epoch 1",
    ):
        inspect_epoch(spec.root, 1)

    grown = small_spec(Path(spec.base), run={"epochs": 3, "keep": keep})
    ran = [result.ref for result in finish(grown) if not result.skipped]
    assert ran[:5] == [StageRef(2, name) for name in ("embed", "graph", "mine", "train", "evaluate")]


def test_lowering_run_epochs_of_a_finished_run_takes_nothing_back(tmp_path: Path) -> None:
    """An epoch whose encoder was deleted would be the best of those that are left."""
    grown = small_spec(tmp_path, run={"epochs": 3, "keep": {}})
    finish(grown)
    before, test = artifacts(grown.root), read_manifest(grown.root / "test")
    for epochs in (2, 1):
        lowered = small_spec(tmp_path, run={"epochs": epochs, "keep": {}})
        assert all(result.skipped for result in finish(lowered))
        assert read_manifest(grown.root / "test") == test
        status = read_status(grown.root)
        assert status.finished
        assert len(status.epochs) == 3
        assert status.best == max(range(3), key=lambda number: status.epochs[number].validation["map_at_r"])
    assert artifacts(grown.root) == before

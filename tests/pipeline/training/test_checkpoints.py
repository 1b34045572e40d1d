import json
from pathlib import Path

import pytest
import torch
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.training.checkpoints import TrainingProgress

STATE = {"encoder.weight": torch.arange(6, dtype=torch.float32)}


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def flip_metrics(folder: Path) -> None:
    path = folder / "metrics.jsonl"
    path.write_text(path.read_text().replace('"step": 1', '"step": 3'))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Progress of 5 steps with checkpoints after 2 and 4, then killed."""
    progress = TrainingProgress(tmp_path / "progress")
    assert progress.resume() is None
    for step in range(5):
        progress.record({"step": step})
        if step % 2:
            progress.checkpoint(step + 1, {"encoder.weight": STATE["encoder.weight"] + step})
    return tmp_path / "progress"


def test_the_newest_checkpoint_is_continued_and_later_metrics_are_cut(folder: Path) -> None:
    resumed = TrainingProgress(folder).resume()
    assert resumed is not None
    assert resumed.step == 4
    torch.testing.assert_close(resumed.state["encoder.weight"], STATE["encoder.weight"] + 3)
    assert steps(folder) == [0, 1, 2, 3]


def test_only_one_checkpoint_is_kept(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "metrics.jsonl",
        "progress.json",
        "state-00000004.safetensors",
    ]


@pytest.mark.parametrize(
    "damage",
    [
        "pointer cut",
        "pointer not JSON",
        "pointer of another step",
        "state flipped",
        "state gone",
        "metrics cut",
        "metrics flipped",
    ],
)
def test_damaged_private_progress_begins_the_epoch_again(folder: Path, damage: str) -> None:
    pointer, state = folder / "progress.json", folder / "state-00000004.safetensors"
    match damage:
        case "pointer cut":
            pointer.write_bytes(pointer.read_bytes()[:20])
        case "pointer not JSON":
            pointer.write_text('{"step": 4}')
        case "pointer of another step":
            pointer.write_text(pointer.read_text().replace('"step": 4', '"step": 5'))
        case "state flipped":
            content = bytearray(state.read_bytes())
            content[-3] ^= 1
            state.write_bytes(content)
        case "state gone":
            state.unlink()
        case "metrics cut":
            (folder / "metrics.jsonl").write_text("")
        case "metrics flipped":  # still JSON, and still as long: step 1 became step 3
            flip_metrics(folder)
    assert TrainingProgress(folder).resume() is None
    assert steps(folder) == []


def test_a_kill_between_state_and_pointer_leaves_the_older_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer still names the old state, so the old state must still be there."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tripletmine.pipeline.training.checkpoints.publish_sealed", killed)
    with pytest.raises(KeyboardInterrupt):
        TrainingProgress(folder).checkpoint(6, STATE)
    monkeypatch.undo()

    resumed = TrainingProgress(folder).resume()
    assert resumed is not None
    assert resumed.step == 4


def test_damage_is_not_believed_because_a_checkpoint_came_after_it(folder: Path) -> None:
    progress = TrainingProgress(folder)
    progress.resume()
    flip_metrics(folder)
    progress.record({"step": 4})
    progress.checkpoint(5, STATE)
    assert TrainingProgress(folder).resume() is None


def test_lines_after_the_last_checkpoint_may_be_anything(folder: Path) -> None:
    path = folder / "metrics.jsonl"
    path.write_text(path.read_text().replace('"step": 4', '"step": 7'))
    resumed = TrainingProgress(folder).resume()
    assert resumed is not None
    assert resumed.step == 4


def test_metrics_are_published_as_they_are(folder: Path, tmp_path: Path) -> None:
    progress = TrainingProgress(folder)
    progress.resume()
    progress.record({"step": 4})
    progress.publish_metrics(tmp_path / "metrics.jsonl")
    assert steps(tmp_path) == [0, 1, 2, 3, 4]


def test_damaged_metrics_are_not_published(folder: Path, tmp_path: Path) -> None:
    progress = TrainingProgress(folder)
    progress.resume()
    flip_metrics(folder)
    with pytest.raises(CorruptError, match=r"metrics\.jsonl was damaged: start the same command again"):
        progress.publish_metrics(tmp_path / "metrics.jsonl")
    assert not (tmp_path / "metrics.jsonl").exists()
    again = TrainingProgress(folder)
    again.resume()
    again.publish_metrics(tmp_path / "metrics.jsonl")

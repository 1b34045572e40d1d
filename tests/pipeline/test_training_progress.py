import json
from pathlib import Path

import pytest
import torch
from tripletmine.pipeline.training_progress import TrainingProgress

STATE = {"encoder.weight": torch.arange(6, dtype=torch.float32)}


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


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
    "damage", ["pointer cut", "pointer not JSON", "state flipped", "state gone", "metrics cut"]
)
def test_damaged_private_progress_begins_the_epoch_again(folder: Path, damage: str) -> None:
    pointer, state = folder / "progress.json", folder / "state-00000004.safetensors"
    match damage:
        case "pointer cut":
            pointer.write_bytes(pointer.read_bytes()[:20])
        case "pointer not JSON":
            pointer.write_text('{"step": 4}')
        case "state flipped":
            content = bytearray(state.read_bytes())
            content[-3] ^= 1
            state.write_bytes(content)
        case "state gone":
            state.unlink()
        case "metrics cut":
            (folder / "metrics.jsonl").write_text("")
    assert TrainingProgress(folder).resume() is None
    assert steps(folder) == []


def test_a_kill_between_state_and_pointer_leaves_the_older_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer still names the old state, so the old state must still be there."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tripletmine.pipeline.training_progress.publish_json", killed)
    with pytest.raises(KeyboardInterrupt):
        TrainingProgress(folder).checkpoint(6, STATE)
    monkeypatch.undo()

    resumed = TrainingProgress(folder).resume()
    assert resumed is not None
    assert resumed.step == 4


def test_metrics_are_published_as_they_are(folder: Path, tmp_path: Path) -> None:
    TrainingProgress(folder).publish_metrics(tmp_path / "metrics.jsonl")
    assert steps(tmp_path) == [0, 1, 2, 3, 4]

"""An epoch by two real processes under torch's launcher: they train what one does, and what happens when one of them
fails."""

import json
from pathlib import Path

import pytest
import torch
from tripletmine.models.encoders.checkpoints import load_tensors
from tripletmine.models.errors import ModelError
from tripletmine.pipeline.errors import UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.runner import StageResult, run_stage
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.stages.train import TRAIN

from ..runs import Recorded, opened, small_spec

TRAINED = StageRef(0, "train")

ENCODER = '''
"""A linear encoder that fails when and where the environment says: FAULT = "<kill or nan> <rank> <forward pass>"."""
import os, signal, torch
from torch import nn

class Faulty(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.linear = nn.Linear(features, width)
        self.dropout = nn.Dropout(0.2)
        self.calls = 0

    def forward(self, images):
        embedded = self.linear(self.dropout(images.flatten(1)))
        if self.training:
            self.calls += 1
            kind, rank, call = os.environ.get("FAULT", "none 0 0").split()
            if (os.environ.get("RANK"), str(self.calls)) == (rank, call):
                if kind == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                embedded = embedded * torch.nan
        return embedded

def build(*, input_shape, embedding_dim):
    return Faulty(input_shape[0] * input_shape[1] * input_shape[2], embedding_dim)
'''


def spec_in(folder: Path, **train: object) -> RunSpec:
    """One warm-up epoch of the small run, with the encoder above."""
    folder.mkdir(exist_ok=True)
    (folder / "faulty.py").write_text(ENCODER)
    keys = {"warmup_epochs": 1, "batches": "class_balanced", **train}
    return small_spec(folder, run={"epochs": 1}, encoder={"name": "faulty.py:build"}, train=keys)


def train(spec: RunSpec) -> tuple[StageResult, Recorded]:
    progress = Recorded()
    with opened(spec) as (run, executor):
        return run_stage(run, TRAIN, TRAINED, executor, progress), progress


def losses(spec: RunSpec) -> list[float]:
    lines = (TRAINED.folder(spec.root) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def weights(spec: RunSpec) -> dict[str, torch.Tensor]:
    return load_tensors(TRAINED.folder(spec.root) / "encoder.safetensors")[0]


def test_faults_end_the_stage_with_their_error_and_the_epoch_continues_to_what_one_process_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, spec = spec_in(tmp_path / "one", embed_rows=50), spec_in(tmp_path / "two", processes=2)
    train(alone)  # in pieces of 50 of 100 rows, as the two processes have them: the same dropout

    monkeypatch.setenv("FAULT", "kill 1 5")
    with pytest.raises(UnavailableError, match=r"training process 1 of 2 died with exit code -9"):
        train(spec)
    (checkpoint,) = spec.root.glob("epochs/*/train/progress/state-*")
    assert load_tensors(checkpoint)[0]["step"] == 3

    monkeypatch.setenv("FAULT", "nan 1 3")  # its third step after the three that are kept
    with pytest.raises(ModelError, match=r"^the loss of step 5 is nan \(rows (\d+, ){8}… of 50\)"):
        train(spec)

    monkeypatch.delenv("FAULT")
    result, _ = train(spec)
    assert len(losses(spec)) == result.manifest.report["steps"] == 13
    assert losses(spec) == pytest.approx(losses(alone), rel=1e-4)
    for name, weight in weights(alone).items():
        torch.testing.assert_close(weights(spec)[name], weight, rtol=1e-3, atol=1e-4)

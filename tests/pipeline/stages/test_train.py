import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from tripletmine.models.encoders.checkpoints import load_tensors
from tripletmine.models.train.trainer import Trainer
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.resolve.batches import images_per_epoch
from tripletmine.pipeline.run.runner import run_stage
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.stages.train import TRAIN
from tripletmine.pipeline.storage.manifest import read_manifest, write_manifest
from tripletmine.pipeline.storage.receipts import stamp_files
from tripletmine.pipeline.storage.tables import read_table, write_table

from ..conftest import Finished
from ..run.test_runner import FACTS
from ..runs import Recorded, differences, finish, opened, small_spec

STEPS = 13
HOOK = """
import torch

def noise(strength):
    return lambda image, generator: image + strength * torch.randn(image.shape, generator=generator)
"""


class Killed(BaseException):
    """No `except Exception` sees it."""


def broken_off(monkeypatch: pytest.MonkeyPatch, after: int) -> list[int]:
    """Make the first training die after so many steps; returns the list of all steps taken."""
    taken: list[int] = []
    step = Trainer.step

    def counted(trainer: Trainer, batch, images):
        record = step(trainer, batch, images)
        taken.append(record.step)
        if taken == list(range(after)):
            raise Killed
        return record

    monkeypatch.setattr(Trainer, "step", counted)
    return taken


def test_an_epoch_that_was_broken_off_continues_from_its_checkpoint(
    digits_run: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(tmp_path)
    taken = broken_off(monkeypatch, after=8)  # after step 7, two beyond the checkpoint at 6
    with pytest.raises(Killed):
        finish(spec)
    taken.clear()
    finish(spec)

    steps = digits_run.results[0].manifest.report["steps"]
    epochs = digits_run.spec.run.epochs
    assert taken == list(range(6, steps * epochs))
    assert differences(spec.root, digits_run.root) == []
    assert (StageRef(0, "train").folder(spec.root) / "metrics.jsonl").read_text().count("\n") == steps


def warmed(folder: Path, **train: object) -> RunSpec:
    """Two warm-up epochs with everything that changes from step to step: an average, dropout in parts of a batch, a
    user's noise, a frozen backbone at first."""
    folder.mkdir()
    (folder / "mine.py").write_text(HOOK)
    keys = {"warmup_epochs": 2, "ema_decay": 0.9, "embed_rows": 30, "frozen_epochs": 1, **train}
    return small_spec(
        folder,
        run={"epochs": 2},
        encoder={"embedding_dim": 16, "arguments": {"width": 8, "dropout": 0.2}},
        data={"augment": {"shift": 1, "factory": "mine.py:noise", "arguments": {"strength": 0.1}}},
        train=keys,
    )


def train(spec: RunSpec, epoch: int) -> None:
    with opened(spec) as (run, executor):
        run_stage(run, TRAIN, StageRef(epoch, "train"), executor, Recorded())


def test_with_all_options_a_resume_is_bit_identical_and_loader_processes_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = warmed(tmp_path / "whole"), warmed(tmp_path / "broken", loader_workers=1)
    for epoch in range(2):
        train(whole, epoch)
    taken = broken_off(monkeypatch, after=STEPS + 5)
    train(broken, 0)
    with pytest.raises(Killed):
        train(broken, 1)
    taken.clear()
    train(broken, 1)
    assert taken == list(range(STEPS + 3, 2 * STEPS))
    assert differences(whole.root, broken.root) == []

    first, second = (StageRef(epoch, "train").folder(whole.root) for epoch in range(2))
    used, state = (
        load_tensors(second / "encoder.safetensors")[0],
        load_tensors(second / "state.safetensors")[0],
    )
    for name, weight in used.items():
        assert weight.equal(state[f"average/weights/{name}"])
    backbone = [load_tensors(path / "state.safetensors")[0]["encoder/0.weight"] for path in (first, second)]
    assert not backbone[0].equal(backbone[1]), "the second epoch trains all of the encoder"


@pytest.mark.parametrize("batches", ["neighbourhood", "triplets"])
def test_triplets_of_another_data_set_are_refused_before_any_step(
    digits_run: Finished, tmp_path: Path, batches: str
) -> None:
    """Intact files with intact receipts, as if copied from another run; only the ids do not fit."""
    spec = small_spec(tmp_path, train={"batches": batches})
    shutil.copytree(digits_run.root, spec.root)
    mine = StageRef(1, "mine").folder(spec.root)
    committed = read_manifest(mine)
    assert committed is not None
    for name in [name for name in committed.files if name.startswith("triplets/")]:
        table = read_table(mine / name)
        ids = table["negative"].to_numpy().copy()
        ids[5] = 999_999
        changed = table.set_column(table.column_names.index("negative"), "negative", pa.array(ids))
        write_table(mine / name, changed)
    receipts = tuple(
        replace(receipt, files=stamp_files(mine, list(receipt.files))) for receipt in committed.receipts
    )
    write_manifest(mine, replace(committed, receipts=receipts))
    shutil.rmtree(StageRef(1, "train").folder(spec.root))
    with pytest.raises(
        CorruptError, match=r"part-\d+\.parquet, row 5: negative is 999999 but the training set"
    ):
        train(spec, 1)


@pytest.mark.parametrize(
    ("train", "expected"),
    [({}, None), ({"batches": "triplets"}, 0.4), ({"batches": "triplets", "images_per_epoch": 900}, None)],
)
def test_the_length_of_an_epoch_of_stored_triplets_is_a_result_key(
    tmp_path: Path, train: dict, expected: float | None
) -> None:
    """Only where it is not what earlier versions did, so that other runs go on."""
    spec = small_spec(tmp_path, train=train)
    assert TRAIN.keys(spec, FACTS, StageRef(0, "train")).get("images_per_row") == expected
    assert images_per_epoch(spec, 1000) == (900 if "images_per_epoch" in train else 400 if expected else 1000)

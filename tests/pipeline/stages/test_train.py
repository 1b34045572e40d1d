from pathlib import Path

import pytest
from tripletmine.models.training import Trainer
from tripletmine.pipeline.stages.base import StageRef

from ..conftest import Finished
from ..runs import differences, finish, small_spec


class Killed(BaseException):
    """No `except Exception` sees it."""


def test_an_epoch_that_was_broken_off_continues_from_its_checkpoint(
    digits_run: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(tmp_path)
    taken: list[int] = []
    step = Trainer.step

    def counted(trainer: Trainer, batch, images):
        record = step(trainer, batch, images)
        taken.append(record.step)
        if taken == list(range(8)):  # after step 7, two beyond the checkpoint at 6
            raise Killed
        return record

    monkeypatch.setattr(Trainer, "step", counted)
    with pytest.raises(Killed):
        finish(spec)
    taken.clear()
    finish(spec)

    steps = digits_run.results[0].manifest.report["steps"]
    epochs = digits_run.spec.run.epochs
    assert taken == list(range(6, steps * epochs))
    assert differences(spec.root, digits_run.root) == []
    assert (StageRef(0, "train").folder(spec.root) / "metrics.jsonl").read_text().count("\n") == steps

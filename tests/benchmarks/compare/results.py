"""What is kept of each contestant and seed: one JSON file, which grows by one entry per epoch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Epoch:
    """Where a contestant stands after an epoch; all counts are from the beginning of its training.

    images: seen in training. seconds, cpu_seconds: of training and mining (embedding and search included), by the
    clock and of the process's CPU time; neither counts evaluation.
    validation, test: metrics of the split, leave-one-out; no test for epochs that only validate.
    notes: whatever explains the result, such as k.
    """

    images: int
    seconds: float
    cpu_seconds: float
    validation: Mapping[str, float]
    test: Mapping[str, float] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """All epochs so far of one contestant, seed and learning rate, on data with this digest."""

    contestant: str
    seed: int
    learning_rate: float
    digest: str
    epochs: tuple[Epoch, ...] = ()

    @property
    def final(self) -> Epoch:
        """The last epoch."""
        return self.epochs[-1]

    def with_epoch(self, epoch: Epoch) -> "Result":
        """The result one epoch later."""
        return Result(self.contestant, self.seed, self.learning_rate, self.digest, (*self.epochs, epoch))


def read_result(path: Path) -> Result | None:
    """The result kept in a file; None if there is none yet."""
    if not path.exists():
        return None
    value = json.loads(path.read_text())
    return Result(**{**value, "epochs": tuple(Epoch(**epoch) for epoch in value["epochs"])})


def keep_result(path: Path, result: Result) -> None:
    """Replace the file in one move, so that an interrupted comparison never leaves half a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(result), indent=1))
    partial.replace(path)

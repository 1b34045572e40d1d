"""The stages of a run in order, and when the run ends."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..artifacts.scores import best_epoch, validation_scores
from ..plan.refs import StageRef
from ..plan.stage import RunFacts, Stage
from ..runfile.run_spec import RunSpec
from ..stages.embed import EMBED
from ..stages.evaluate import EVALUATE, test_stage
from ..stages.graph import GRAPH
from ..stages.mine import MINE
from ..stages.mine_pairs import MINE_PAIRS
from ..stages.train import TRAIN

_UNMINED = (TRAIN, EVALUATE)
_MINED = (EMBED, GRAPH, MINE, TRAIN, EVALUATE)
_GIVEN = (EMBED, GRAPH, MINE, EVALUATE)
"""Stages of the single epoch of a run whose vectors are given."""
_RANKED = (EMBED, MINE_PAIRS, TRAIN, EVALUATE)
"""Stages of an epoch that mines ranked pairs: it needs no graph, because scores are sorted."""
TEST = StageRef(None, "test")


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """One epoch: its number from 0, whether it is a warm-up epoch, and its stages in order. Later epochs may not mine
    either."""

    number: int
    warm_up: bool
    stages: tuple[Stage, ...]

    @property
    def refs(self) -> list[StageRef]:
        """References to its stages."""
        return [StageRef(self.number, stage.name) for stage in self.stages]


def plan_epochs(spec: RunSpec) -> tuple[EpochPlan, ...]:
    """All epochs of a run. Epochs that do not mine only train and evaluate."""
    return tuple(
        EpochPlan(number, number < spec.train.warmup_epochs, _stages(number, spec))
        for number in range(spec.run.epochs)
    )


def epochs_to_run(root: Path, spec: RunSpec) -> Iterator[EpochPlan]:
    """The epochs of a run in order, until run.patience ends it.

    Each epoch is decided on while iterating. A stopped run goes on when run.patience is raised or removed.
    """
    for epoch in plan_epochs(spec):
        if stops_before(root, spec, epoch.number):
            return
        yield epoch


def stops_before(root: Path, spec: RunSpec, number: int) -> bool:
    """Whether run.patience ends the run before this epoch."""
    if spec.run.patience is None:
        return False
    before = [score for score in validation_scores(root, spec) if score[0] < number]
    return lost_patience(before, spec.run.patience, spec.train.warmup_epochs)


def lost_patience(scores: Sequence[tuple[int, float]], patience: int, warmup_epochs: int) -> bool:
    """Whether the last `patience` of these (epoch, score), ascending, brought no improvement. Warm-up epochs do not
    count.

    >>> lost_patience([(0, 0.5), (1, 0.7), (2, 0.6), (3, 0.7)], patience=2, warmup_epochs=1)
    True
    """
    best, since = -math.inf, 0
    for epoch, score in scores:
        since = 0 if score > best or epoch < warmup_epochs else since + 1
        if since >= patience:
            return True
        best = max(best, score)
    return False


def _stages(number: int, spec: RunSpec) -> tuple[Stage, ...]:
    if not spec.encoder.learns:
        return _GIVEN
    if not spec.mines(number):
        return _UNMINED
    return _RANKED if spec.loss.of_pairs else _MINED


def all_refs(spec: RunSpec) -> list[StageRef]:
    """All stages of a run in order, the test at the end included."""
    return [ref for epoch in plan_epochs(spec) for ref in epoch.refs] + [TEST]


def wants_test(spec: RunSpec, facts: RunFacts) -> bool:
    """Whether the run ends with an evaluation on the test split."""
    return spec.evaluate.test != "never" and facts.test > 0


def final_stage(root: Path, spec: RunSpec) -> Stage:
    """The stage that evaluates the best epoch on the test split."""
    return test_stage(best_epoch(root, spec))

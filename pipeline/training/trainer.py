"""Build the trainer of an epoch from the run file."""

from typing import TYPE_CHECKING

from ...models.rules.in_batch import BatchRule
from ...models.train.frozen import freeze_backbone
from ...models.train.process_group import shared_statistics
from ...models.train.processes import ALONE, Processes
from ...models.train.trainer import Trainer
from ..plan.stage import RunFacts
from ..resolve.objective import build_objective
from ..resolve.trainer import trainer_settings
from ..runfile.run_spec import RunSpec

if TYPE_CHECKING:
    import torch
    from torch import nn


def new_trainer(
    spec: RunSpec,
    facts: RunFacts,
    encoder: "nn.Module",
    rule: BatchRule,
    *,
    epoch: int,
    total_steps: int,
    device: "torch.device",
    processes: Processes = ALONE,
) -> Trainer:
    """A new trainer, before its first step. total_steps: steps of the whole run.

    Raises: ModelError for a loss that cannot be built for these classes, or a train.head that does not exist.
    """
    trainer = Trainer(
        encoder if processes.count == 1 else shared_statistics(encoder.train(), device),
        build_objective(spec, classes=facts.classes),
        rule,
        trainer_settings(spec),
        total_steps=total_steps,
        seed=spec.run.seed,
        device=device,
        processes=processes,
    )
    if epoch < spec.train.frozen_epochs:
        freeze_backbone(trainer.encoder, spec.train.head)
    return trainer

"""The same few steps by any number of processes. Run as a script, each process leaves its state."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tripletmine.models.batches.batch import Batch
from tripletmine.models.encoders.build import build_encoder
from tripletmine.models.encoders.checkpoints import save_tensors
from tripletmine.models.losses.loss import Loss
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.triplet import TripletLoss
from tripletmine.models.parameter_groups import ParameterGroup
from tripletmine.models.rules.in_batch import SemiHard
from tripletmine.models.train.process_group import joined
from tripletmine.models.train.processes import ALONE, Processes
from tripletmine.models.train.settings import OptimiserSettings, TrainerSettings
from tripletmine.models.train.trainer import StepRecord, Trainer

CLASSES = np.repeat(np.arange(6), 12).astype(np.int32)
BATCHES = (24, 23, 24, 17)
"""Rows of each step; two of the numbers are odd."""


class Centres(Loss):
    """Squared distances to learnt class centres, of batch-normalised features: parameters, buffers and a rate of its
    own."""

    needs_triplets = False

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.centres = nn.Parameter(torch.randn(6, 8))
        self.neck = nn.BatchNorm1d(8)

    def forward(self, inputs):
        return (self.neck(inputs.features) - self.centres[inputs.classes]).square().mean()

    def parameter_groups(self):
        return [
            ParameterGroup((self.centres,), rate=0.1, kind="sgd", momentum=0.0),
            ParameterGroup(tuple(self.neck.parameters())),
        ]


@dataclass(frozen=True)
class Case:
    """One way of training. dropout: of the encoder; embed_rows: see TrainerSettings."""

    dropout: float = 0.0
    embed_rows: int | None = None
    settings: dict = field(default_factory=dict)


CASES = {
    "plain": Case(),
    "in pieces": Case(embed_rows=5),
    "averaged": Case(settings={"ema_decay": 0.9}),
    "dropout": Case(dropout=0.3),
}


def train(case: Case, processes: Processes = ALONE) -> tuple[Trainer, list[StepRecord]]:
    """A trainer after four steps, and what they reported."""
    encoder = build_encoder(
        "convnet",
        input_shape=(1, 8, 8),
        embedding_dim=8,
        arguments={"width": 8, "dropout": case.dropout},
        seed=0,
    )
    settings = TrainerSettings(
        OptimiserSettings(optimiser="sgd", learning_rate=0.1), embed_rows=case.embed_rows, **case.settings
    )
    objective = Objective({"triplet": Term(TripletLoss(0.2)), "centres": Term(Centres(), 0.1)})
    trainer = Trainer(
        encoder, objective, SemiHard(0.2), settings, total_steps=len(BATCHES), seed=0, processes=processes
    )
    generator = np.random.default_rng(3)
    prototypes = torch.from_numpy(generator.normal(size=(6, 1, 8, 8)).astype(np.float32))
    records = []
    for count in BATCHES:
        rows = generator.permutation(len(CLASSES))[:count].astype(np.int64)
        noise = torch.from_numpy(generator.normal(size=(count, 1, 8, 8)).astype(np.float32))
        images = prototypes[CLASSES[rows]] + noise
        records.append(trainer.step(Batch(rows, CLASSES[rows]), images[processes.share(count)]))
    return trainer, records


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as group:
        for name, case in CASES.items():
            trainer, records = train(case, group)
            losses = torch.tensor([record.loss for record in records], dtype=torch.float64)
            save_tensors(Path(sys.argv[1]) / f"{name} {group.rank}", {**trainer.state(), "losses": losses})

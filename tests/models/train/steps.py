"""A few training steps with any loss. Run as a script by two processes, each leaves its states."""

import sys
from pathlib import Path

import numpy as np
import torch
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.neighbourhood import Neighbourhood
from tripletmine.models.batches.settings import BatchShape, NeighbourhoodSettings
from tripletmine.models.encoders.build import build_encoder
from tripletmine.models.encoders.checkpoints import save_tensors
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.triplet import TripletLoss
from tripletmine.models.optimiser_kind import OptimiserKind
from tripletmine.models.rules.in_batch import SemiHard, WithinBoundary
from tripletmine.models.train.process_group import joined
from tripletmine.models.train.processes import ALONE
from tripletmine.models.train.settings import OptimiserSettings
from tripletmine.models.train.trainer import Trainer, TrainerSettings

try:  # as a module of the tests, and as a script
    from ..losses.examples import CLASSES, METHODS, WIDTH, method
except ImportError:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from models.losses.examples import CLASSES, METHODS, WIDTH, method

CODES = np.repeat(np.arange(CLASSES), 12).astype(np.int32)
STEPS = 5
SHAPE = BatchShape(4, 5)


def vectors():
    """Noisy points around a centre for each class, float32 (72, 8)."""
    generator = np.random.default_rng(3)
    centres = generator.normal(size=(CLASSES, 8))
    return torch.from_numpy((centres[CODES] + generator.normal(size=(len(CODES), 8))).astype(np.float32))


VECTORS = vectors()


def plan(batches):
    """The batches of an epoch, and the rule that goes with them."""
    images = STEPS * SHAPE.images
    if batches == "class_balanced":
        return ClassBalanced(CODES, shape=SHAPE, images=images, seed=0, epoch=0), SemiHard(0.2)
    first, second = (codes.ravel() for codes in np.triu_indices(CLASSES, k=1))
    confusion = {"class_a": first, "class_b": second, "count": 1 + np.arange(len(first))}
    settings = NeighbourhoodSettings(SHAPE)
    found = Neighbourhood(
        CODES, 1 + np.arange(len(CODES)), confusion, settings=settings, images=images, seed=0, epoch=0
    )
    return found, WithinBoundary(0.9, 0.2, nearer_positive=True, nearest_only=False)


def trainer(name, rule, *, seed=0, processes=ALONE, kind: OptimiserKind = "adamw", **settings):
    """A small network, and a loss beside a triplet loss."""
    encoder = build_encoder(
        "mlp", input_shape=(8,), embedding_dim=WIDTH, arguments={"hidden": (16,), "groups": 1}, seed=seed
    )
    objective = Objective({"triplet": Term(TripletLoss(0.2)), name: Term(method(name, seed), 0.5)})
    rate = 2e-3 if kind == "adamw" else 0.05
    chosen = TrainerSettings(OptimiserSettings(optimiser=kind, learning_rate=rate), **settings)
    return Trainer(encoder, objective, rule, chosen, total_steps=STEPS, seed=0, processes=processes)


def train(learner, found, start=0, stop=STEPS, processes=ALONE):
    """The records of steps start … stop."""
    records = []
    for _, batch in zip(range(start, stop), found.batches(start), strict=False):
        records.append(learner.step(batch, VECTORS[batch.rows][processes.share(len(batch))]))
    return records


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as group:
        for each in METHODS:
            batches, triplets_of = plan("neighbourhood")
            learner = trainer(each, triplets_of, processes=group, kind="sgd")
            losses = [record.loss for record in train(learner, batches, processes=group)]
            state = {**learner.state(), "losses": torch.tensor(losses, dtype=torch.float64)}
            save_tensors(Path(sys.argv[1]) / f"{each} {group.rank}", state)

"""The remedies named in the messages on losses work."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from remedies import Refusal
from torch import Tensor, nn
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.batch_hard import BatchHardLoss
from tripletmine.models.losses.library import library_loss
from tripletmine.models.losses.loss import Loss, LossInputs
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.settings import BatchHardSettings, LibrarySettings
from tripletmine.models.parameter_groups import ParameterGroup
from tripletmine.models.rules.in_batch import InBatch, SemiHard, Stored

from .losses.examples import CLASSES, UNEVEN, WIDTH, features, inputs_of, method

SETS = [[int(code)] for code in UNEVEN]
OF_TRIPLETS = Term(BatchHardLoss(BatchHardSettings()))
OF_ONE_CLASS = Term(method("library"))


class Scaled(Loss):
    """A user's loss with two weights, of which only `trained` are in a group."""

    def __init__(self, *trained: str) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))
        self.trained = trained

    def forward(self, inputs: LossInputs) -> Tensor:
        return inputs.sq_distances.mean() * self.scale + self.shift

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        return [ParameterGroup(tuple(getattr(self, name) for name in self.trained))]


def summed(*, sets: Sequence[Sequence[int]] | None = None, **terms: Term) -> object:
    """An objective, computed once."""
    return Objective(terms)(inputs_of(features(), sets=sets))


def groups(*trained: str) -> object:
    """The parameter groups of the user's loss."""
    return Objective({"scaled": Term(Scaled(*trained))}).parameter_groups()


def in_batch(stored: Tensor | None) -> InBatch:
    """A batch, with triplets or without."""
    inputs = inputs_of(features())
    return InBatch(inputs.sq_distances, UNEVEN, torch.arange(len(UNEVEN)), stored)


REFUSALS = {
    "no terms": Refusal(summed, "give at least one loss", lambda: summed(batch_hard=OF_TRIPLETS)),
    "a loss that knows one class a row": Refusal(
        lambda: summed(batch_hard=OF_TRIPLETS, library=OF_ONE_CLASS, sets=SETS),
        "leave it out, or give each row one class",
        lambda: summed(batch_hard=OF_TRIPLETS, sets=SETS),
        lambda: summed(batch_hard=OF_TRIPLETS, library=OF_ONE_CLASS),
    ),
    "a parameter in no group": Refusal(
        lambda: groups("scale"), "name each of them once", lambda: groups("scale", "shift")
    ),
    "a parameter twice": Refusal(
        lambda: groups("scale", "scale", "shift"), "name each of them once", lambda: groups("scale", "shift")
    ),
    "stored triplets that are not there": Refusal(
        lambda: Stored(0.2)(in_batch(None)),
        "compose batches from the stored triplets, or use another rule",
        lambda: Stored(0.2)(in_batch(torch.tensor([[1, 2, 0]]))),
        lambda: SemiHard(0.2)(in_batch(None)),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(ModelError)


USERS = """
from torch import nn

class Rows(nn.Module):
    def forward(self, embeddings, labels):
        return embeddings.sum(dim=1)

class Mean(Rows):
    def forward(self, embeddings, labels):
        return super().forward(embeddings, labels).mean()

def number():
    return 3
"""


@pytest.mark.parametrize(
    ("wrong", "says", "right"),
    [
        ("number", "must make a torch.nn.Module: name a loss", "Mean"),
        ("Rows", "must return one number for a batch: use its mean over the batch", "Mean"),
    ],
)
def test_a_loss_of_ones_own_is_corrected(wrong: str, says: str, right: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(USERS)

    def computed(name: str) -> Tensor:
        loss = library_loss(f"{path}:{name}", classes=CLASSES, width=WIDTH, settings=LibrarySettings())
        return loss(inputs_of(features()))

    Refusal(lambda: computed(wrong), says, lambda: computed(right)).require(ModelError)

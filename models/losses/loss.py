"""What a loss is: a module from the inputs of a batch to a scalar, with or without weights of its own."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from ..parameter_groups import ParameterGroup
from ..rules.in_batch import TripletSelection
from ..same_class import same_class


class RankedPairs(NamedTuple):
    """`BatchPairs` as tensors: pairs int64 (P, 2), alike bool (P,), values float32 (B,)."""

    pairs: Tensor
    alike: Tensor
    values: Tensor


@dataclass(frozen=True, slots=True)
class LossInputs:
    """A batch of B rows after the encoder; the first three carry gradient.

    All B rows of the step are here, whatever the number of processes or pieces that embedded them.

    features: float32 (B, D), as the encoder gave them.
    embeddings: float32 (B, D), the features, made unit length when the run normalises.
    sq_distances: float32 (B, B), squared Euclidean distances of the embeddings.
    classes: int64 (B,), class codes 0 … C − 1 of the training split; of several classes of a row the first.
    picked: the triplets that the batch rule found.
    members: bool (B, M), which of the M classes in the batch each row has; None where every row has one class only.
    codes: int64 (M,), the class of each column of `members`.
    ranked: pairs of the batch of which the order is known; None in runs without.
    """

    features: Tensor
    embeddings: Tensor
    sq_distances: Tensor
    classes: Tensor
    picked: TripletSelection
    members: Tensor | None = None
    codes: Tensor | None = None
    ranked: RankedPairs | None = None

    @property
    def same(self) -> Tensor:
        """bool (B, B): rows that share a class, themselves included."""
        return same_class(self.classes, self.members)

    def labels(self, classes: int) -> Tensor:
        """bool (B, classes): which of all classes of the training split each row has."""
        if self.members is None or self.codes is None:
            return functional.one_hot(self.classes, classes).bool()
        found = self.members.new_zeros(len(self.members), classes)
        found[:, self.codes] = self.members
        return found


class Loss(nn.Module, ABC):
    """One term of an objective.

    Parameters and buffers of the module are trained, checkpointed, resumed and kept equal over processes like the
    encoder's. Random numbers in `forward` follow from the run's seed and the step, as in an encoder.
    """

    needs_triplets: ClassVar[bool] = True
    """False for a loss that teaches from a batch in which the rule found no triplet; others are not called then."""

    needs_one_class: ClassVar[bool] = False
    """True for a loss that knows nothing of rows with several classes: batches of such rows are refused."""

    @abstractmethod
    def forward(self, inputs: LossInputs) -> Tensor:
        """A float32 scalar with gradient."""

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """How its parameters are trained; by default as the encoder's. Together the groups hold each once."""
        return [ParameterGroup(tuple(self.parameters()))]

"""Interface of losses: modules from a batch to a scalar, with or without parameters of their own."""

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
    """A batch of B rows after the encoder; the first three fields carry gradients.

    It holds all B rows of the step, whatever the number of processes or chunks that embedded them.

    features: float32 (B, D), the encoder's output.
    embeddings: float32 (B, D), the features, scaled to unit length if the run normalises.
    sq_distances: float32 (B, B), squared Euclidean distances of the embeddings.
    classes: int64 (B,), class codes 0 … C − 1 of the training split; the first, if a row has several.
    picked: the triplets that the batch rule found.
    members: bool (B, M), which of the M classes in the batch each row has; None if every row has one class.
    codes: int64 (M,), the class of each column of `members`.
    ranked: ranked pairs of the batch; None in runs without.
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
        """bool (B, B): whether two rows share a class; True on the diagonal."""
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

    Parameters and buffers of the module are trained, checkpointed, resumed and kept equal over processes like those of
    the encoder. Random numbers in `forward` depend on the run's seed and the step, as in an encoder.
    """

    needs_triplets: ClassVar[bool] = True
    """Whether the loss needs triplets. If True, it is not called for a batch in which the rule found none."""

    needs_one_class: ClassVar[bool] = False
    """Whether the loss needs exactly one class per row. If True, batches of rows with several are refused."""

    @abstractmethod
    def forward(self, inputs: LossInputs) -> Tensor:
        """The loss, a float32 scalar with gradient."""

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Its parameters, each in exactly one group; by default one group that is trained like the encoder."""
        return [ParameterGroup(tuple(self.parameters()))]

"""What a loss is: a module from the inputs of a batch to a scalar, with or without weights of its own."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from ..parameter_groups import ParameterGroup
from .inputs import LossInputs


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

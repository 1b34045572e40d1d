"""What every loss of a batch is computed from."""

from dataclasses import dataclass

from torch import Tensor

from ..rules.in_batch import TripletSelection
from ..same_class import same_class


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
    """

    features: Tensor
    embeddings: Tensor
    sq_distances: Tensor
    classes: Tensor
    picked: TripletSelection
    members: Tensor | None = None

    @property
    def same(self) -> Tensor:
        """bool (B, B): rows that share a class, themselves included."""
        return same_class(self.classes, self.members)

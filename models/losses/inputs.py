"""What every loss of a batch is computed from."""

from dataclasses import dataclass

from torch import Tensor

from ..rules.in_batch import TripletSelection


@dataclass(frozen=True, slots=True)
class LossInputs:
    """A batch of B rows after the encoder; the first three carry gradient.

    All B rows of the step are here, whatever the number of processes or pieces that embedded them.

    features: float32 (B, D), as the encoder gave them.
    embeddings: float32 (B, D), the features, made unit length when the run normalises.
    sq_distances: float32 (B, B), squared Euclidean distances of the embeddings.
    classes: int64 (B,), class codes 0 … C − 1 of the training split.
    picked: the triplets that the batch rule found.
    """

    features: Tensor
    embeddings: Tensor
    sq_distances: Tensor
    classes: Tensor
    picked: TripletSelection

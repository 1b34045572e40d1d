"""How much farther the positive is than the negative, in all triplets of a batch."""

from collections.abc import Iterator

import torch
from torch import Tensor


def gaps_by_class(distances: Tensor, classes: Tensor) -> Iterator[Tensor]:
    """d(a,p) − d(a,n) of the triplets with an anchor of one class: (K, K−1, B−K), for each class in turn.

    distances: (B, B), of any kind. classes: int64 (B,). K: rows of the class in the batch.
    """
    for code in classes.unique():
        own = classes == code
        within, to_negatives = distances[own][:, own], distances[own][:, ~own]
        other = ~torch.eye(len(within), dtype=torch.bool, device=within.device)
        to_positives = within[other].reshape(len(within), -1)
        yield to_positives[:, :, None] - to_negatives[:, None, :]

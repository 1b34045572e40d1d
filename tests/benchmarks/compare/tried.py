"""Losses that were tried on stored triplets: `loss.library` takes each of them beside `triplet`.

The benchmarks page has the outcome; none is part of the product.
"""

import torch
from torch import Tensor, nn
from tripletmine.models.losses.global_loss import global_loss, shares_of_batch

REMEMBERED = 8192
"""Embeddings in the memory: 21 batches of 384."""

_BEGIN = 49_152
"""Rows seen before the memory has an effect: those of the warm-up."""

_NEAR = 0.5
"""Squared distance below which a remembered row of another class is pushed away."""

_BEYOND = 0.1
"""How much further apart the means should be than they are."""


class GlobalBeyondGap(nn.Module):
    """The global loss over all pairs of the batch, with t a little above the gap that the batch has already.

    embeddings: (B, D), of unit length. classes: (B,).
    """

    def forward(self, embeddings: Tensor, classes: Tensor) -> Tensor:
        """A scalar; no gradient flows through t."""
        sq_distances = torch.cdist(embeddings, embeddings).square()
        positive, negative = shares_of_batch(classes[:, None] == classes[None, :])
        gap = ((negative - positive) * sq_distances.detach() / 4).sum()
        return global_loss(sq_distances, positive, negative, t_global=float(gap) + _BEYOND, lambda_global=0.8)


class Memory(nn.Module):
    """Pushes rows away from those of other classes among the last 8,192 embeddings (Wang et al., Cross-Batch Memory
    for Embedding Learning, CVPR 2020), and so covers pairs that no mined triplet covers.

    embedding_size: D. The memory is a buffer, so that a resumed run remembers the same.
    """

    embeddings: Tensor
    classes: Tensor
    next: Tensor

    def __init__(self, embedding_size: int) -> None:
        super().__init__()
        self.register_buffer("embeddings", torch.zeros(REMEMBERED, embedding_size))
        self.register_buffer("classes", torch.full((REMEMBERED,), -1))
        self.register_buffer("next", torch.zeros((), dtype=torch.int64))

    def forward(self, embeddings: Tensor, classes: Tensor) -> Tensor:
        """Mean of max(0, 0.5 − d²) over the pairs that cost anything, a scalar."""
        # A copy: the gradient needs the memory as it is now.
        sq_distances = (2 - 2 * embeddings @ self.embeddings.clone().T).clamp_min(0)
        other = (classes[:, None] != self.classes[None, :]) & (self.classes >= 0)[None, :]
        costs = (_NEAR - sq_distances).clamp_min(0) * other
        loss = costs.sum() / (costs > 0).sum().clamp_min(1) * (self.next >= _BEGIN)
        with torch.no_grad():
            places = (self.next + torch.arange(len(classes), device=classes.device)) % REMEMBERED
            self.embeddings[places] = embeddings.detach().float()
            self.classes[places] = classes
            self.next += len(classes)
        return loss

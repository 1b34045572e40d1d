"""A linear layer from embeddings to scores, trained by a loss together with the encoder."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class ScoreHead(nn.Linear):
    """Maps embeddings (B, D) to scores of C classes, (B, C), or to one score per item, (B,).

    width: D. classes: C; None for one score per item.
    """

    def __init__(self, width: int, classes: int | None) -> None:
        super().__init__(width, 1 if classes is None else classes)
        self.of_items = classes is None

    def forward(self, input: Tensor) -> Tensor:
        """The scores f of each row."""
        scores = super().forward(input)
        return scores.squeeze(1) if self.of_items else scores

    def scores(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores f, float32 (N, C) or (N,), of embeddings float32 (N, D)."""
        with torch.inference_mode():
            return self(torch.from_numpy(embeddings)).numpy()

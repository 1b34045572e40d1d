"""Batch normalisation of features (BNNeck), trained by a loss and used at retrieval."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class Neck(nn.BatchNorm1d):
    """Batch normalisation of features (B, D), with a scale but no shift.

    width: D. running: keep running statistics, which evaluation mode then uses.
    """

    def __init__(self, width: int, *, running: bool) -> None:
        super().__init__(width, track_running_stats=running)
        self.register_parameter("bias", None)

    def normalised(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features float32 (N, D), normalised by the running statistics."""
        with torch.inference_mode():
            return self.eval()(torch.from_numpy(features)).numpy()

    def behind(self, encoder: nn.Module) -> nn.Module:
        """The encoder followed by this normalisation."""
        return nn.Sequential(encoder, self)

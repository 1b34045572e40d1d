"""Batch normalisation of features (BNNeck), as a loss trains it, and as features are retrieved with afterwards."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class Neck(nn.BatchNorm1d):
    """A normalisation of features (B, D), with a scale and without a shift.

    width: D. running: whether it keeps running statistics, by which it normalises in evaluation mode.
    """

    def __init__(self, width: int, *, running: bool) -> None:
        super().__init__(width, track_running_stats=running)
        self.register_parameter("bias", None)

    def normalised(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features float32 (N, D), by the running statistics."""
        with torch.inference_mode():
            return self.eval()(torch.from_numpy(features)).numpy()

    def behind(self, encoder: nn.Module) -> nn.Module:
        """An encoder of normalised features."""
        return nn.Sequential(encoder, self)

"""A multilayer perceptron for vectors, and for flattened images."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from ..checks import check_count, check_number
from .normalisation import group_norm


def mlp(
    *,
    input_shape: tuple[int, ...],
    embedding_dim: int,
    hidden: Sequence[int] = (256, 256),
    groups: int = 8,
    dropout: float = 0.0,
) -> nn.Module:
    """Flatten; for each hidden layer linear, GroupNorm and ReLU; then linear.

    hidden: widths of the hidden layers; empty for a single linear layer.

    Returns a module (B, *input_shape) → (B, embedding_dim), not scaled to unit length.
    """
    for position, width in enumerate(hidden):
        check_count(f"hidden[{position}]", width)
    check_count("groups", groups)
    check_number("dropout", dropout, at_least=0.0, below=1.0)
    layers: list[nn.Module] = [nn.Flatten()]
    widths = [math.prod(input_shape), *hidden]
    for into, out in pairwise(widths):
        layers += [nn.Linear(into, out, bias=False), group_norm(out, groups), nn.ReLU(inplace=True)]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(widths[-1], embedding_dim))

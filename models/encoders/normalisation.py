"""GroupNorm for a given number of channels.

BatchNorm is avoided: it makes a row's embedding depend on the other rows of its batch. One process and two would then
train different networks, and batches composed of hard examples would shift the statistics.
"""

import math

from torch import nn


def group_norm(channels: int, groups: int) -> nn.GroupNorm:
    """GroupNorm with gcd(channels, groups) groups."""
    return nn.GroupNorm(math.gcd(channels, groups), channels)

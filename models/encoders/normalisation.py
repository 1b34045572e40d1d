"""GroupNorm for a given number of channels.

Never BatchNorm: it makes a row's embedding depend on the other rows of its batch, so that one process and two
would train different networks, and batches that are composed to be hard would shift the statistics.
"""

import math

from torch import nn


def group_norm(channels: int, groups: int) -> nn.GroupNorm:
    """GroupNorm with at most `groups` groups: the largest number that divides both."""
    return nn.GroupNorm(math.gcd(channels, groups), channels)

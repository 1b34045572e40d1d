"""The schedule of k, the hardness of the exclusion boundary."""

import math

from .errors import InputError


def scheduled_k(epoch: int, epochs: int, k_start: float, k_end: float) -> float:
    """k of an epoch by linear decay: ``k_start`` in epoch 0, ``k_end`` in epoch ``epochs − 1``.

    A run of one epoch uses ``k_start``. ``epoch`` and ``epochs`` count mined epochs, without warm-up.
    """
    if epochs < 1 or not 0 <= epoch < epochs:
        raise InputError(f"epoch {epoch} of {epochs} epochs: give 0 <= epoch < epochs")
    for name, k in (("k_start", k_start), ("k_end", k_end)):
        if not (math.isfinite(k) and k >= 0):
            raise InputError(f"{name} is {k}, it must be finite and >= 0")
    if epochs == 1:
        return k_start
    share = epoch / (epochs - 1)
    return (1 - share) * k_start + share * k_end

"""Of each row of a batch the hardest positive and the hardest negative."""

from typing import ClassVar

import torch
from torch import Tensor

from .inputs import LossInputs
from .loss import Loss
from .margins import Margin, check_margin, cost
from .pairs import negative_pairs, positive_pairs
from .unsquared import unsquared


class BatchHardLoss(Loss):
    """Mean over the rows of the cost of d(a, farthest positive) − d(a, nearest negative).

    Hermans, Beyer, Leibe: In Defense of the Triplet Loss for Person Re-Identification, 2017, arXiv 1703.07737,
    eq. 5. Distances are not squared, as there. Rows without a positive or a negative in the batch do not count.

    margin: m in units of d, or "soft".
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, margin: Margin = "soft") -> None:
        super().__init__()
        check_margin("loss.batch_hard.margin", margin)
        self.margin: Margin = margin

    def forward(self, inputs: LossInputs) -> Tensor:
        """The mean; 0 where no row has both a positive and a negative."""
        distances = unsquared(inputs.sq_distances)
        positive, negative = positive_pairs(inputs.classes), negative_pairs(inputs.classes)
        usable = positive.any(dim=1) & negative.any(dim=1)
        farthest = distances.masked_fill(~positive, -torch.inf).amax(dim=1)[usable]
        nearest = distances.masked_fill(~negative, torch.inf).amin(dim=1)[usable]
        return cost(farthest - nearest, self.margin).sum() / max(1, len(farthest))

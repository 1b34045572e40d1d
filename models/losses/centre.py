"""Each class has a centre, and pulls its rows to it."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checks import check_number
from ..parameter_groups import ParameterGroup
from .loss import Loss, LossInputs
from .settings import CentreSettings


class CentreLoss(Loss):
    """½ · mean ‖z_i − c_{y_i}‖² over the rows, with one learned centre for each class of the training split.

    Wen, Zhang, Li, Qiao: A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016, eq. 2
    (there the sum, here the mean, so that its weight does not depend on the batch size). Centres follow by their
    own SGD with Δc_j = Σ_{i of class j} (c_j − z_i) / (1 + n_j), eq. 4.

    classes, width: C and D. weight: of this loss in the objective, which must not slow the centres down.
    centre_rate: learning rate of the centres.
    half: whether the factor ½ is there. first_centres: where the centres begin, at "zero" or drawn from a "normal"
    distribution. of: z is the "embeddings", or the "features" that they were before they were made unit length. The
    code of Wieczorek et al., arXiv 2104.13643, has no ½, normal centres and features.
    """

    needs_triplets: ClassVar[bool] = False
    needs_one_class: ClassVar[bool] = True

    def __init__(self, settings: CentreSettings, *, classes: int, width: int, weight: float) -> None:
        super().__init__()
        check_number("weight", weight, above=0.0)
        drawn = settings.first_centres == "normal"
        self.centres = nn.Parameter(torch.randn(classes, width) if drawn else torch.zeros(classes, width))
        self.weight = weight
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """The mean. Its gradient to the rows is its own; to the centres it is Δc, as above."""
        classes = inputs.classes
        rows = inputs.features if self.settings.of == "features" else inputs.embeddings
        centres = functional.embedding(classes, self.centres)
        counts = classes.bincount(minlength=len(self.centres))[classes]
        pull = (rows - centres.detach()).square().sum(dim=1).mean()
        # The centres' gradient is that of another sum, which adds nothing to the value.
        follow = ((rows.detach() - centres).square().sum(dim=1) / (1 + counts)).sum() / 2
        return (pull / 2 if self.settings.half else pull) + follow - follow.detach()

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Plain SGD. The objective multiplies the gradient by the weight of the loss: the rate takes it out."""
        rate = self.settings.centre_rate / self.weight
        return [ParameterGroup((self.centres,), rate=rate, kind="sgd", momentum=0.0, weight_decay=0.0)]

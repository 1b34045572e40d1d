"""Centre loss: pulls rows to the learned centre of their class."""

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
    """½ · mean ‖z_i − c_{y_i}‖² over the rows, with a learned centre for each class of the training split.

    Wen, Zhang, Li, Qiao: A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016, eq. 2 (there
    a sum; here a mean, so that the loss does not depend on the batch size). Centres are trained by an SGD of their own,
    with Δc_j = Σ_{i of class j} (c_j − z_i) / (1 + n_j), eq. 4.

    classes, width: C and D. weight: weight of this loss in the objective; it does not change the speed of the centres.
    centre_rate: learning rate of the centres.
    half: include the factor ½. first_centres: start the centres at "zero", or draw them from a "normal" distribution.
    of: z is the "embeddings", or the "features", that is the encoder's output before it is scaled to unit length. The
    code of Wieczorek et al., arXiv 2104.13643, uses no ½, normal centres and features.
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
        """The mean. The gradient is its own for the rows, but Δc, as above, for the centres."""
        classes = inputs.classes
        rows = inputs.features if self.settings.of == "features" else inputs.embeddings
        centres = functional.embedding(classes, self.centres)
        counts = classes.bincount(minlength=len(self.centres))[classes]
        pull = (rows - centres.detach()).square().sum(dim=1).mean()
        # The centres get their gradient from another sum, which adds nothing to the value.
        follow = ((rows.detach() - centres).square().sum(dim=1) / (1 + counts)).sum() / 2
        return (pull / 2 if self.settings.half else pull) + follow - follow.detach()

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Plain SGD. Its rate is divided by the weight of the loss, by which the objective multiplies the gradient."""
        rate = self.settings.centre_rate / self.weight
        return [ParameterGroup((self.centres,), rate=rate, kind="sgd", momentum=0.0, weight_decay=0.0)]

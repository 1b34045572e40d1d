"""Classification into the training classes, after a batch normalisation."""

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from ..neck import Neck
from .loss import Loss, LossInputs
from .settings import ClassificationSettings


class ClassificationLoss(Loss):
    """Cross-entropy, with label smoothing, of a linear classifier on batch-normalised features (BNNeck).

    Luo et al.: Bag of Tricks and a Strong Baseline for Deep Person Re-Identification, CVPRW 2019, arXiv 1903.07071,
    section 3.5; used by Wieczorek et al., arXiv 2104.13643. The normalisation separates the classifier's hyperplanes
    from the distances of the metric loss. It has a scale but no shift, and the classifier has no bias, so that both are
    symmetric about the origin.

    classes, width: C and D. smoothing: share of a label that is spread evenly over all classes.
    first_deviation: standard deviation of the classifier's normally distributed initial weights, 0.001 in the code of
    both papers; None for torch's default. running: keep running statistics in the neck (momentum 0.1), to normalise
    features at retrieval, as that code does. It does not change training.
    """

    needs_triplets: ClassVar[bool] = False
    needs_one_class: ClassVar[bool] = True

    def __init__(self, settings: ClassificationSettings, *, classes: int, width: int) -> None:
        super().__init__()
        self.neck = Neck(width, running=settings.running)
        self.classifier = nn.Linear(width, classes, bias=False)
        if settings.first_deviation is not None:
            nn.init.normal_(self.classifier.weight, std=settings.first_deviation)
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """Mean cross-entropy of the batch."""
        logits = self.classifier(self.neck(inputs.features))
        return functional.cross_entropy(logits, inputs.classes, label_smoothing=self.settings.smoothing)

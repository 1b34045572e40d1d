"""Quadruplet loss: a learned distance, and negatives pushed apart from each other, too."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..parameter_groups import ParameterGroup
from .loss import Loss, LossInputs
from .pairs import hinge_sum, mean_sq_distance, positive_pairs, triplet_gaps
from .settings import QuadrupletSettings

SLOPE, AT_ZERO = 2.0, -1.0


class PairMetric(nn.Module):
    """g(i, j) in (0, 1): the second output of a linear layer with 2 outputs and softmax on the features of a pair.

    Chen et al., CVPR 2017, arXiv 1704.01719, section 3.2. The features of a pair are (z_i − z_j)², elementwise (our
    choice: it is symmetric, and a linear layer on the two concatenated rows could not compare them). So the layer is a
    weighted squared distance, and all B² pairs need only one matrix product. It is initialised to g = σ(2·d² − 1), a
    function of the squared Euclidean distance used at retrieval (our choice).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, 2)
        signs = torch.tensor([-0.5, 0.5])
        with torch.no_grad():
            self.layer.weight.copy_((SLOPE * signs)[:, None].expand(2, width))
            self.layer.bias.copy_(AT_ZERO * signs)

    def forward(self, rows: Tensor) -> Tensor:
        """(B, B), g of all pairs of rows (B, D)."""
        # A softmax over two outputs is a sigmoid of their difference.
        weights = self.layer.weight[1] - self.layer.weight[0]
        norms = rows.square() @ weights
        weighted = norms[:, None] + norms - 2 * (rows * weights) @ rows.T
        return torch.sigmoid(weighted + self.layer.bias[1] - self.layer.bias[0])


class QuadrupletLoss(Loss):
    """mean max(0, g(a,p)² − g(a,n1)² + α1) + mean max(0, g(a,p)² − g(n2,n1)² + α2), with g learned.

    Chen, Chen, Zhang, Huang: Beyond Triplet Loss: A Deep Quadruplet Network for Person Re-Identification, CVPR 2017,
    arXiv 1704.01719, eq. 7 and 8; a, n1 and n2 are of three different classes. The means are over all triplets and all
    quadruplets of the batch, computed without listing these. If rows have several classes, no two of a, n1 and n2 share
    one (p and the negatives may).

    The margins adapt to the batch: α = w·(μ_n − μ_p), with the means of g² over its negative and positive pairs,
    without gradient, and at least 0 (our choice: while negatives are nearer, a negative margin would demand nothing).

    Such margins shrink as rows get closer, and vanish if all rows collapse to one point, which untrained encoders tend
    to. So by default the rows are first divided by the root of the batch's mean squared distance (our choice): g and
    the margins then depend on how distances compare, not on how large they are. Recall@1 on the glyphs of
    `BatchHardLoss` was 0.91 with this and 0.61 without.

    width: D. w1, w2: w of the two margins. metric_factor: learning rate of g's layer, as a multiple of the encoder's.
    relative: divide the rows as above; False uses them as they are.
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, settings: QuadrupletSettings, *, width: int) -> None:
        super().__init__()
        self.metric = PairMetric(width)
        self.settings = settings

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """The layer of g, with its own learning rate."""
        return [ParameterGroup(tuple(self.metric.parameters()), factor=self.settings.metric_factor)]

    def forward(self, inputs: LossInputs) -> Tensor:
        """The sum of the two means; that over triplets is 0 with one class, that over quadruplets with fewer than 3."""
        classes, rows = inputs.classes, inputs.embeddings
        if self.settings.relative:
            rows = rows / mean_sq_distance(inputs.sq_distances).sqrt()
        squared = self.metric(rows).square()
        same = inputs.same
        near, far = _once(squared, positive_pairs(same)), _once(squared, ~same)
        if not (len(near) and len(far)):
            return squared.sum() * 0.0  # keeps the graph
        spread = (far.mean() - near.mean()).detach().clamp_min(0)
        margin = self.settings.w2 * spread
        if inputs.members is None:
            quadruplets = self._quadruplets(squared, classes, near, far, margin)
        else:
            quadruplets = mean_of_quadruplets(squared, same, margin)
        return self._triplets(squared, inputs, self.settings.w1 * spread) + quadruplets

    def _triplets(self, squared: Tensor, inputs: LossInputs, margin: Tensor) -> Tensor:
        hinges = [(gaps + margin).clamp_min(0) for gaps in triplet_gaps(squared, inputs)]
        return torch.stack([each.sum() for each in hinges]).sum() / max(
            1, sum(each.numel() for each in hinges)
        )

    def _quadruplets(
        self, squared: Tensor, classes: Tensor, near: Tensor, far: Tensor, margin: Tensor
    ) -> Tensor:
        """Mean hinge of all positive pairs with all negative pairs, without negative pairs of the positive's class."""
        total, count = hinge_sum(near, far, margin), near.numel() * far.numel()
        for code in classes.unique():
            own = classes == code
            within = squared[own][:, own]
            own_near = _once(within, positive_pairs(torch.ones_like(within, dtype=torch.bool)))
            own_far = squared[own][:, ~own].flatten()
            total = total - hinge_sum(own_near, own_far, margin)
            count -= own_near.numel() * own_far.numel()
        return total / max(1, count)


def mean_of_quadruplets(values: Tensor, same: Tensor, margin: Tensor) -> Tensor:
    """mean max(0, v(a,p) − v(n2,n1) + m) over positive pairs (a, p) and pairs {n1, n2} where no two of a, n1, n2 share
    a class; 0 without any.

    values: (B, B), symmetric. same: bool (B, B). All negative pairs are sorted once, and each anchor uses some of them:
    O(B³) time, O(B²) memory.
    """
    positive = positive_pairs(same)
    first, second = (~same).triu().nonzero(as_tuple=True)
    with torch.no_grad():
        order = values[first, second].argsort()
        first, second = first[order], second[order]
        far = values[first, second]
        of_near, of_far, count = torch.zeros_like(values), torch.zeros_like(far), 0
        for anchor, own in enumerate(positive):
            allowed = ~(same[anchor, first] | same[anchor, second])
            limits, rivals = values[anchor][own] + margin, far[allowed]
            of_near[anchor, own] = torch.searchsorted(rivals, limits).to(values.dtype)
            nearer = len(limits) - torch.searchsorted(limits.sort().values, rivals, right=True)
            of_far[allowed] += nearer.to(values.dtype)
            count += len(limits) * len(rivals)
    total = (of_near * (values + margin)).sum() - (of_far * values[first, second]).sum()
    return total / max(1, count)


def _once(values: Tensor, pairs: Tensor) -> Tensor:
    """The entries of symmetric values (B, B) at the marked pairs, each pair once."""
    return values[pairs.triu()]

"""The quadruplet network: a learned distance, and negatives pushed apart from each other, too."""

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
    """g(i, j) in (0, 1): a fully connected layer on the features of a pair, softmax over 2 outputs, the second of them.

    Chen et al., CVPR 2017, arXiv 1704.01719, section 3.2. The features of a pair are (z_i − z_j)², element by element
    (our choice: symmetric; a linear layer on the two rows side by side could not compare them). The layer is then a
    weighted squared distance, and all B² pairs need no more than one matrix product. It begins as a function of the
    squared Euclidean distance, g = σ(2·d² − 1), the distance used at retrieval (our choice).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, 2)
        signs = torch.tensor([-0.5, 0.5])
        with torch.no_grad():
            self.layer.weight.copy_((SLOPE * signs)[:, None].expand(2, width))
            self.layer.bias.copy_(AT_ZERO * signs)

    def forward(self, rows: Tensor) -> Tensor:
        """g of all pairs, (B, B), of rows (B, D)."""
        # A softmax over two outputs is a sigmoid of their difference.
        weights = self.layer.weight[1] - self.layer.weight[0]
        norms = rows.square() @ weights
        weighted = norms[:, None] + norms - 2 * (rows * weights) @ rows.T
        return torch.sigmoid(weighted + self.layer.bias[1] - self.layer.bias[0])


class QuadrupletLoss(Loss):
    """mean max(0, g(a,p)² − g(a,n1)² + α1) + mean max(0, g(a,p)² − g(n2,n1)² + α2), with g learned.

    Chen, Chen, Zhang, Huang: Beyond Triplet Loss: A Deep Quadruplet Network for Person Re-Identification, CVPR 2017,
    arXiv 1704.01719, eq. 7 and 8; a, n1 and n2 are of three different classes. The means are over all triplets and
    over all quadruplets of the batch, which are counted and not listed. Of rows with several classes no two of a, n1
    and n2 share one (p and the negatives may).

    The margins follow the batch: α = w·(μ_n − μ_p), the means of g² over its negative and its positive pairs, without
    gradient, and not below 0 (our choice: as long as negatives are nearer, a negative margin would demand nothing).

    Such margins ask for less the closer all rows are, and for nothing where they are one point, into which an untrained
    encoder is drawn. So by default the rows are first divided by the root of the batch's mean squared distance (our
    choice): g and the margins then see how distances compare, not how large they are. Recall@1 on the glyphs of
    `BatchHardLoss` was 0.91 so, and 0.61 without.

    width: D. w1, w2: of the two margins. metric_factor: learning rate of g's layer, as a multiple of the encoder's.
    relative: whether the rows are divided so; False: g is of the rows as they are.
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, settings: QuadrupletSettings, *, width: int) -> None:
        super().__init__()
        self.metric = PairMetric(width)
        self.settings = settings

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """The layer of g, at its own rate."""
        return [ParameterGroup(tuple(self.metric.parameters()), factor=self.settings.metric_factor)]

    def forward(self, inputs: LossInputs) -> Tensor:
        """The two means; one without any triplet (a single class) or quadruplet (fewer than 3) is 0."""
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
        """Every positive pair with every negative pair, less the negative pairs that hold the positives' class."""
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
    """mean max(0, v(a,p) − v(n2,n1) + m) over pairs (a, p) that share a class and pairs {n1, n2} with a, n1, n2 sharing
    none; 0 without any.

    values: (B, B), symmetric. same: bool (B, B). An anchor's negative pairs are among those of all rows, which are
    sorted once: O(B³) time, O(B²) memory.
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
    """Those of the symmetric values (B, B) whose pair is marked, each pair once."""
    return values[pairs.triu()]

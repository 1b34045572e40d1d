"""Centroid triplet loss: triplets of a row and two class centroids."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ..distances import sq_distances_between
from .loss import Loss, LossInputs
from .pairs import unsquared
from .settings import CentroidSettings


class CentroidTripletLoss(Loss):
    """Mean over the rows q of max(0, d²(q, c_pos) − d²(q, c_neg) + α), with gradient through the centroids.

    Wieczorek, Rychalska, Dąbrowski: On the Unreasonable Effectiveness of Centroids in Image Retrieval, 2021, arXiv
    2104.13643, eq. 4. c_pos: mean of the *other* rows of q's class in the batch. c_neg: the nearest mean of another
    class, over all its rows (our choice: q is not among them, so none has to be left out). Centroids are not scaled to
    unit length, as in the paper.

    Rows that are alone in their class do not count. A row q with several classes counts once for each. c_neg is then
    the mean of a class that q does not have, over those of its rows that share no class with q.

    margin: α, in units of d², or of d if not squared.
    squared: use squared distances, as in the paper; the authors' code uses d.
    rivals: take the nearest negative from the other classes' "centroids", or from "rows_and_centroids", that is also
    from their rows, as in the authors' code. (There, a batch is also split into parts by the order of its rows, and
    centroids are anchors, too.)
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, settings: CentroidSettings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """The mean; 0 for a batch of one class, or with one row per class."""
        rows = inputs.embeddings
        if inputs.members is not None:
            return self._of_sets(rows, inputs.members, inputs)
        codes, place = inputs.classes.unique(return_inverse=True)
        member = functional.one_hot(place, len(codes))
        counts = member.sum(dim=0)
        sums = member.to(rows.dtype).T @ rows
        others = (sums[place] - rows) / (counts[place, None] - 1).clamp_min(1)
        to_own = (rows - others).square().sum(dim=1)
        to_all = sq_distances_between(rows, sums / counts[:, None])
        to_nearest = to_all.masked_fill(member.bool(), torch.inf).amin(dim=1)
        usable = (counts[place] > 1) & (len(codes) > 1)
        return self._mean_hinge(inputs, to_own[usable], to_nearest[usable], usable.nonzero()[:, 0])

    def _mean_hinge(self, inputs: LossInputs, to_own: Tensor, to_centroid: Tensor, query: Tensor) -> Tensor:
        """The loss from squared distances (Q,) of the rows `query` to their own and to the nearest other centroid."""
        to_nearest = to_centroid
        if self.settings.rivals == "rows_and_centroids":
            to_rows = inputs.sq_distances.masked_fill(inputs.same, torch.inf).amin(dim=1)[query]
            to_nearest = torch.minimum(to_centroid, to_rows)
        if not self.settings.squared:
            to_own, to_nearest = unsquared(to_own), unsquared(to_nearest)
        hinge = (to_own - to_nearest + self.settings.margin).clamp_min(0)
        return hinge.sum() / max(1, len(hinge))

    def _of_sets(self, rows: Tensor, members: Tensor, inputs: LossInputs) -> Tensor:
        """The loss of rows with several classes. members: bool (B, M), the classes of each row."""
        with torch.no_grad():
            far, nearest = (~inputs.same).to(rows.dtype), torch.full_like(rows[:, 0], torch.inf)
            rivals = torch.zeros_like(far)  # for each q, the rows whose mean is its nearest other centroid
            for member in members.to(rows.dtype).T:
                weights = far * member
                counts = weights.sum(dim=1, keepdim=True)
                to_mean = (rows - weights @ rows / counts.clamp_min(1)).square().sum(dim=1)
                nearer = (counts[:, 0] > 0) & (to_mean < nearest)
                nearest = torch.where(nearer, to_mean, nearest)
                rivals = torch.where(nearer[:, None], weights, rivals)
            query, code = (members & torch.isfinite(nearest)[:, None]).nonzero(as_tuple=True)
            own = members.T[code].clone()
            own[torch.arange(len(query), device=query.device), query] = False
            usable = own.any(dim=1)
            query, own = query[usable], own[usable].to(rows.dtype)
        to_own = (rows[query] - own @ rows / own.sum(dim=1, keepdim=True)).square().sum(dim=1)
        centroids = rivals @ rows / rivals.sum(dim=1, keepdim=True).clamp_min(1)
        to_nearest = (rows - centroids).square().sum(dim=1)[query]
        return self._mean_hinge(inputs, to_own, to_nearest, query)

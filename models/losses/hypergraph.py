"""Convolutions over a hypergraph: rows that share an edge hear of each other."""

from torch import Tensor, nn
from torch.nn import functional


def spread(incidence: Tensor, values: Tensor) -> Tensor:
    """Dv^−½ H De^−1 Hᵀ Dv^−½ X: each row gets the means of the edges that it is in.

    Feng et al.: Hypergraph Neural Networks, AAAI 2019, eq. 11, with edges of equal weight.

    incidence: H, (B, E), in [0, 1]; every row and every edge holds at least one positive entry. values: X, (B, F).
    Dv, De: the sums of H over its edges and over its rows. Returns (B, F).
    """
    row_scale = incidence.sum(dim=1, keepdim=True).rsqrt()
    edges = incidence.T @ (row_scale * values) / incidence.sum(dim=0)[:, None]
    return row_scale * (incidence @ edges)


class HypergraphNetwork(nn.Module):
    """Two hypergraph convolutions: `width` features → `hidden` → logits of `classes`.

    Between them batch normalisation and LeakyReLU(0.1). Only training uses it: no running statistics are kept.
    """

    def __init__(self, *, width: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden)
        self.norm = nn.BatchNorm1d(hidden, track_running_stats=False)
        self.second = nn.Linear(hidden, classes)

    def forward(self, features: Tensor, incidence: Tensor) -> Tensor:
        """Logits (B, classes) of features (B, width) that hang together by incidence (B, E)."""
        hidden = self.norm(spread(incidence, self.first(features)))
        hidden = functional.leaky_relu(hidden, 0.1)
        return spread(incidence, self.second(hidden))

"""A learned distance of two rows."""

import torch
from torch import Tensor, nn

SLOPE, AT_ZERO = 2.0, -1.0


class PairMetric(nn.Module):
    """g(i, j) in (0, 1): a fully connected layer on the features of a pair, softmax over 2 outputs, the second of them.

    Chen et al., CVPR 2017, arXiv 1704.01719, section 3.2. The features of a pair are (z_i − z_j)², element by element
    (our choice: symmetric; a linear layer on the two rows side by side could not compare them). The layer is then a
    weighted squared distance, and all B² pairs need no more than one matrix product. It begins as a function of the
    squared Euclidean distance, g = σ(2·d² − 1), by which the encoder is retrieved with in the end (our choice).
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

"""The validation error used by the k controller."""

import numpy as np
import torch
from numpy.typing import NDArray

from ..checks import check_count, check_number
from ..seeds import numpy_generator
from .blocks import BLOCK_MIB, checked_classes, sq_distance_blocks
from .relevance import Classes, Relevance


def violation_share(
    embeddings: NDArray[np.float32],
    classes: Classes,
    *,
    margin: float,
    anchors: int,
    seed: int,
    block_mib: int = BLOCK_MIB,
) -> float:
    """E_val: share of the pairs (a, p) of sampled anchors whose nearest negative has d²(a,n) < d²(a,p) + m.

    embeddings: (N, D) of the validation rows. anchors: number of anchors, drawn without replacement, the same for equal
    seed and N; all rows if there are fewer. Every row that shares a class with the anchor is a p. 0.0 if no anchor has
    both a positive and a negative.
    """
    row_classes = checked_classes(embeddings, classes, "validation")
    check_number("margin", margin, above=0.0)
    check_count("anchors", anchors)
    sample = numpy_generator(seed, len(embeddings)).permutation(len(embeddings))[:anchors]
    relevance = Relevance(row_classes, row_classes)
    violated = pairs = 0
    for rows, distances in sq_distance_blocks(embeddings[sample], embeddings, block_mib=block_mib):
        ids = torch.from_numpy(sample[rows])
        same = relevance.matches(sample[rows])
        nearest_negative = distances.masked_fill(same, torch.inf).amin(dim=1, keepdim=True)
        same[torch.arange(len(ids)), ids] = False
        same &= nearest_negative.isfinite()
        violated += int((same & (nearest_negative < distances.add_(margin))).sum())
        pairs += int(same.sum())
    return violated / max(1, pairs)

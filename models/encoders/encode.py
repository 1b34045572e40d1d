"""Compute embeddings of arrays for search and evaluation, without gradient or augmentation."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from ..checks import check_count
from ..errors import ModelError
from ..images.transforms import UNSCALED, Scaling, to_tensor
from ..memory import memory_errors


def encode(
    encoder: nn.Module,
    images: NDArray,
    *,
    normalise: bool,
    batch_rows: int,
    device: str | torch.device = "cpu",
    scaling: Scaling = UNSCALED,
    autocast: bool = False,
) -> NDArray[np.float32]:
    """Embeddings float32 (N, embedding_dim) of images uint8 or float32 (N, *item_shape), in order.

    normalise: scale each embedding to length 1 (a zero vector stays zero).
    batch_rows: rows per forward pass; the last bits depend on it.
    device: of the encoder. autocast: use bfloat16 inside the encoder.

    The encoder is put into evaluation mode and back. NaN and infinite values are not checked: the caller, who knows the
    rows' keys, reports them.

    Raises: ModelError when memory runs out (naming what to lower), or when there are no rows.
    """
    check_count("batch_rows", batch_rows)
    device = torch.device(device)
    training = encoder.training
    encoder.eval()
    out: NDArray[np.float32] | None = None
    try:
        with torch.inference_mode(), memory_errors(f"encoding {batch_rows} rows at once", "batch_rows"):
            for start in range(0, len(images), batch_rows):
                inputs = to_tensor(images[start : start + batch_rows], scaling).to(device, non_blocking=True)
                with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                    embeddings = encoder(inputs)
                embeddings = embeddings.float()
                if normalise:
                    embeddings = functional.normalize(embeddings)
                if out is None:
                    out = np.empty((len(images), embeddings.shape[1]), np.float32)
                out[start : start + batch_rows] = embeddings.cpu().numpy()
    finally:
        encoder.train(training)
    if out is None:
        raise ModelError("there are no rows to encode: give at least one")
    return out

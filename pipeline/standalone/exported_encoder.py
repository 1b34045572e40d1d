"""Loading what `tripletmine export` wrote, without the run."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.encoders.checkpoints import load_encoder_state, load_tensors
from ...models.encoders.encode import encode
from ...models.images.transforms import Scaling
from ..artifacts.weights import ENCODER_FILE
from ..errors import CorruptError
from ..resolve.encoder import built_encoder


class ExportedEncoder:
    """A trained encoder: `encoder.embed(items)`; the network itself is `encoder.network`."""

    def __init__(self, folder: Path) -> None:
        """folder: what `tripletmine export` wrote. Raises: CorruptError, ModelError."""
        try:
            about = json.loads((folder / "encoder.json").read_bytes())
            self.normalise = bool(about["normalise"])
            self.item_shape = tuple(about["item_shape"])
            mean, std = about["mean"], about["std"]
            reference, arguments = about["encoder"], about["arguments"]
            embedding_dim = int(about["embedding_dim"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptError(f"{folder} is not an exported encoder ({error}): export it again") from error
        self.network = built_encoder(
            reference,
            name=reference,
            base=folder,
            item_shape=self.item_shape,
            embedding_dim=embedding_dim,
            arguments=arguments,
            seed=0,
        )
        load_encoder_state(self.network, load_tensors(folder / ENCODER_FILE)[0])
        self.network.eval()
        self.scaling = Scaling() if mean is None else Scaling(tuple(mean), tuple(std))

    def embed(self, items: NDArray, *, batch: int = 256) -> NDArray[np.float32]:
        """Embeddings float32 (N, embedding_dim) of items uint8 or float32 (N, *item_shape), scaled as in training."""
        device = next(self.network.parameters()).device
        return encode(
            self.network, items, normalise=self.normalise, batch=batch, device=device, scaling=self.scaling
        )

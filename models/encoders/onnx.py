"""Export an encoder as an ONNX graph, from items of a data set to embeddings and scores, checked against torch."""

import logging
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ModelError
from ..images.transforms import UNSCALED, Scaling
from ..score_head import ScoreHead
from .encode import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLERANCE = 1e-4
"""Allowed difference of a value from torch's, relative to the largest value."""

_CHECKED_BATCHES = (1, 5)


def write_onnx(
    encoder: nn.Module,
    path: Path,
    *,
    item_shape: Sequence[int],
    item_dtype: str,
    normalise: bool,
    scaling: Scaling = UNSCALED,
    head: ScoreHead | None = None,
) -> float:
    """Write the encoder as an ONNX graph, with the scaling before it and the normalisation after it.

    Like ``encode``, the graph maps ``items`` (N, *item_shape) of item_dtype, "uint8" or "float32", for any N, to
    ``embeddings`` float32 (N, embedding_dim). With a head it also returns the head's ``scores``.

    The graph is run by onnxruntime on seeded random items, one and five at a time, and compared with ``encode``.
    Returns the greatest difference, relative to the largest value.

    Raises: ModelError when onnx, onnxscript or onnxruntime is not installed, torch cannot convert the encoder, or
    embeddings or scores differ by more than ``TOLERANCE``.
    """
    runtime, *_ = map(_installed, ("onnxruntime", "onnx", "onnxscript"))
    batches = [_random_items(count, item_shape, item_dtype) for count in _CHECKED_BATCHES]
    # One row at a time, to detect an encoder whose output depends on the other rows of the batch.
    wanted = [
        _outputs(encode(encoder, items, normalise=normalise, batch_rows=1, scaling=scaling), head)
        for items in batches
    ]
    whole = _FromItems(encoder, scaling, item_dtype, len(item_shape), normalise, head).eval()
    names = ["embeddings"] if head is None else ["embeddings", "scores"]
    try:
        with _quiet():
            torch.onnx.export(
                whole,
                (torch.from_numpy(batches[-1]),),
                path,
                dynamo=True,
                external_data=False,
                input_names=["items"],
                output_names=names,
                dynamic_shapes={"items": {0: torch.export.Dim("N")}},
                verbose=False,
            )
    except Exception as error:
        raise ModelError(
            f"the encoder cannot be converted to ONNX ({type(error).__name__}: {_first_line(error)}): export without "
            "ONNX, or write it with operations that torch.onnx.export knows"
        ) from error
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    difference = max(
        _difference(found, expected)
        for items, outputs in zip(batches, wanted, strict=True)
        for found, expected in zip(session.run(names, {"items": items}), outputs, strict=True)
    )
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{' or '.join(names)} of the ONNX graph differ from those of torch by {difference:.1e}, more than "
            f"{TOLERANCE:.0e}: export without ONNX; an encoder whose output depends on chance or on the rest of the "
            "batch cannot be converted"
        )
    return difference


class _FromItems(nn.Module):
    """Scaling, encoder, normalisation and scores: what ``to_tensor`` and ``encode`` do, in traceable operations."""

    def __init__(
        self,
        encoder: nn.Module,
        scaling: Scaling,
        item_dtype: str,
        item_dims: int,
        normalise: bool,
        head: ScoreHead | None,
    ) -> None:
        super().__init__()
        self.encoder, self.normalise, self.item_dims, self.head = encoder, normalise, item_dims, head
        per_level = 1 / 255 if item_dtype == "uint8" else 1.0
        std = torch.tensor(scaling.std, dtype=torch.float32)
        self.register_buffer("factor", per_level / std)
        self.register_buffer("offset", torch.tensor(scaling.mean, dtype=torch.float32) / std)

    def forward(self, items: Tensor) -> tuple[Tensor, ...]:
        if self.item_dims == 2:
            items = items.unsqueeze(-1)
        scaled = items.to(torch.float32) * self.get_buffer("factor") - self.get_buffer("offset")
        if self.item_dims > 1:
            scaled = scaled.permute(0, 3, 1, 2)
        embeddings = self.encoder(scaled).float()
        if self.normalise:
            embeddings = functional.normalize(embeddings)
        return (embeddings,) if self.head is None else (embeddings, self.head(embeddings))


def _outputs(embeddings: NDArray[np.float32], head: ScoreHead | None) -> list[NDArray[np.float32]]:
    return [embeddings] if head is None else [embeddings, head.scores(embeddings)]


def _random_items(count: int, item_shape: Sequence[int], item_dtype: str) -> NDArray[Any]:
    generator = np.random.default_rng(0)
    if item_dtype == "uint8":
        return generator.integers(0, 256, (count, *item_shape), np.uint8)
    return generator.normal(size=(count, *item_shape)).astype(np.float32)


def _difference(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-30))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "no message")


@contextmanager
def _quiet() -> "Iterator[None]":
    """A context that silences messages of torch's converter about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _installed(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ModelError(
            f"ONNX needs {module}, which is not installed ({error}): pip install 'tripletmine[onnx]', or export "
            "without ONNX"
        ) from error

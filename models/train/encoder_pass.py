"""Images through the encoder and the gradient back, whole or in pieces that fit into memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..seeds import torch_seed
from .processes import even_slices


class Embedded(NamedTuple):
    """features: float32 (b, D), cut off from the graph. backward: takes their gradient (b, D) to the encoder's
    weights, where it is added to what is there; to be called at most once."""

    features: Tensor
    backward: Callable[[Tensor], None]


class EncoderPass:
    """The two halves of a training step around the loss.

    A batch that does not fit is embedded in pieces without a graph; when the gradient at the features is known,
    each piece is embedded again, with one, and taken back (Gao et al., Scaling Deep Contrastive Learning Batch Size
    under Memory Limited Setup, RepL4NLP 2021, arXiv 2101.06983). Unlike accumulated gradients that leaves the
    loss, and so the mining inside the batch, to see all rows.

    forward: the encoder, or the encoder compiled. Random numbers (dropout) follow from (seed, step, first row of
    the piece), so both times they are the same.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        forward: Callable[[Tensor], Tensor],
        device: torch.device,
        layout: torch.memory_format,
        autocast: bool,
        seed: int,
    ) -> None:
        self._encoder = encoder
        self._forward = forward
        self._device = device
        self._layout = layout
        self._autocast = autocast
        self._seed = seed

    def __call__(self, images: Tensor, *, step: int, first: int, pieces: int) -> Embedded:
        """images: float32 (b, …), rows first … first + b of the batch."""
        if pieces == 1:
            output = self._embed(images, step, first)
            return Embedded(output.detach(), output.backward)
        slices = even_slices(len(images), pieces)
        with torch.no_grad(), _buffers_kept(self._encoder):
            features = torch.cat([self._embed(images[s], step, first + s.start) for s in slices])

        def backward(gradient: Tensor) -> None:
            for s in slices:
                self._embed(images[s], step, first + s.start).backward(gradient[s])

        return Embedded(features, backward)

    def _embed(self, images: Tensor, step: int, first: int) -> Tensor:
        images = images.to(self._device, non_blocking=True)
        if images.ndim == 4:
            images = images.contiguous(memory_format=self._layout)
        with (
            seeded(self._device, self._seed, step, first),
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._autocast),
        ):
            return self._forward(images).float()


@contextmanager
def seeded(device: torch.device, *parts: int) -> Iterator[None]:
    """Torch's random numbers follow from `parts` inside, and from what they were outside."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(torch_seed(*parts))
        yield


@contextmanager
def _buffers_kept(encoder: nn.Module) -> Iterator[None]:
    """A pass that is done twice must count once in running statistics."""
    before = [(buffer, buffer.clone()) for buffer in encoder.buffers()]
    yield
    with torch.no_grad():
        for buffer, value in before:
            buffer.copy_(value)

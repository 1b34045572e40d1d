"""Forward and backward pass of the encoder, for a whole batch or in chunks that fit into memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..seeds import torch_seed
from .processes import even_slices


class Embedded(NamedTuple):
    """features: float32 (b, D), detached from the graph. backward: takes their gradient (b, D), and adds the encoder's
    gradient to its weights; call it at most once."""

    features: Tensor
    backward: Callable[[Tensor], None]


class EncoderPass:
    """The forward pass before the loss, and the backward pass after it.

    A batch that does not fit into memory is embedded in pieces, without a graph. Once the gradient at the features is
    known, each piece is embedded again, with a graph, and backpropagated (Gao et al., Scaling Deep Contrastive Learning
    Batch Size under Memory Limited Setup, RepL4NLP 2021, arXiv 2101.06983). Unlike with accumulated gradients, the loss
    and the mining inside the batch see all rows.

    forward: the encoder, or the compiled encoder. Random numbers (dropout) depend on (seed, step, first row of the
    piece), so that they are the same in both passes.
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
        """Embed images, float32 (b, …), which are rows first … first + b − 1 of the batch."""
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
    """A context in which torch's random numbers depend on `parts` alone; the state is restored at the end."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(torch_seed(*parts))
        yield


@contextmanager
def _buffers_kept(encoder: nn.Module) -> Iterator[None]:
    """A context that restores the encoder's buffers: of two passes, only one may update running statistics."""
    before = [(buffer, buffer.clone()) for buffer in encoder.buffers()]
    yield
    with torch.no_grad():
        for buffer, value in before:
            buffer.copy_(value)

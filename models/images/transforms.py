"""Convert batches of a data set's arrays to tensors for an encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checks import check_number
from ..errors import ModelError
from ..seeds import torch_generator
from .augment_hook import Hook
from .settings import AugmentSettings


@dataclass(frozen=True, slots=True)
class Scaling:
    """(x − mean) / std; uint8 images are first scaled to [0, 1].

    mean, std: one number, or one per channel (for vectors: per feature).
    """

    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0

    def __post_init__(self) -> None:
        for name, values, above in (("mean", self.mean, None), ("std", self.std, 0.0)):
            for value in values if isinstance(values, tuple) else (values,):
                check_number(name, value, above=above)


UNSCALED = Scaling()


def input_shape_of(item_shape: Sequence[int]) -> tuple[int, ...]:
    """The encoder's input shape for an item shape: (H, W) → (1, H, W); (H, W, C) → (C, H, W); (F,) → (F,)."""
    match tuple(item_shape):
        case (features,):
            return (features,)
        case (height, width):
            return (1, height, width)
        case (height, width, channels):
            return (channels, height, width)
    raise ModelError(
        f"items have shape {tuple(item_shape)} but must be vectors (F,) or images (H, W) or (H, W, C): "
        "reshape them"
    )


def to_tensor(images: NDArray, scaling: Scaling = UNSCALED) -> Tensor:
    """A float32 tensor of items of a data set, uint8 or float32 (B, F), (B, H, W) or (B, H, W, C).

    Returns (B, F) or (B, C, H, W). Images keep their memory layout (channels last), which is also the fastest for
    convolutions on a CPU. The array is never written to. A writeable float32 array that needs no scaling is shared,
    anything else is copied once.
    """
    shape = input_shape_of(images.shape[1:])
    if images.ndim == 3:
        # Not [..., None]: with its stride of 0, torch convolves in another layout, which takes more than twice as long.
        images = images.reshape(*images.shape, 1)
    mean, std = np.array(scaling.mean, np.float32), np.array(scaling.std, np.float32)
    for name, values in (("mean", mean), ("std", std)):
        if values.ndim and values.shape != (images.shape[-1],):
            raise ModelError(
                f"{name} has {values.size} values but items have {images.shape[-1]} channels: give "
                "one for each"
            )
    if images.dtype == np.uint8:
        scaled = np.multiply(images, np.float32(1 / 255) / std, dtype=np.float32)
    elif images.dtype == np.float32:
        needed = bool((std != 1).any()) or not images.flags.writeable
        scaled = images / std if needed else images
    else:
        raise ModelError(f"images are {images.dtype} but must be uint8 or float32: convert them")
    if mean.any():
        scaled = np.subtract(scaled, mean / std, out=scaled if scaled is not images else None)
    tensor = torch.from_numpy(scaled)
    return tensor.permute(0, 3, 1, 2) if len(shape) == 3 else tensor


def augment(
    images: Tensor,
    settings: AugmentSettings,
    generator: torch.Generator,
    *,
    black: Tensor | float = 0.0,
    first: int = 0,
    batch: int | None = None,
) -> Tensor:
    """Shift and mirror each image independently, with random numbers from the generator.

    images: float32 (B, C, H, W) on any device; the generator is a CPU generator.
    first, batch: the images are rows first … first + B − 1 of a batch of `batch` rows, and get the same augmentation as
    in the whole batch; by default they are the batch.
    black: value to fill the border with, a number or (C,): black after scaling.
    Returns a new tensor of the same shape, or `images` itself if there is nothing to do.
    """
    if settings.nothing:
        return images
    if images.ndim != 4:
        raise ModelError(
            f"shift is {settings.shift} and flip is {settings.flip} but items have shape {tuple(images.shape[1:])}: "
            "they need images, leave both out"
        )
    count, channels, height, width = images.shape
    shift = settings.shift
    if 2 * shift >= min(height, width):
        raise ModelError(
            f"shift is {shift} but images are {height}×{width}: lower it below half of the shorter side"
        )
    batch = count if batch is None else batch
    here = slice(first, first + count)
    rows = torch.arange(height).expand(count, height) + _offsets(batch, shift, generator)[here]
    columns = torch.arange(width).expand(count, width)
    if settings.flip:
        mirrored = torch.rand(batch, generator=generator)[here] < 0.5
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    columns = columns + _offsets(batch, shift, generator)[here]
    # Channels last, so that one gather moves whole pixels.
    fill = torch.as_tensor(black, dtype=images.dtype, device=images.device)
    framed = fill.expand(count, height + 2 * shift, width + 2 * shift, channels).clone()
    framed[:, shift : shift + height, shift : shift + width] = images.permute(0, 2, 3, 1)
    at = torch.arange(count)[:, None, None].to(images.device)
    moved = framed[at, rows.to(images.device)[:, :, None], columns.to(images.device)[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _offsets(count: int, shift: int, generator: torch.Generator) -> Tensor:
    """int64 (B, 1) in [0, 2·shift]: where to cut each image out of itself framed by `shift` pixels."""
    return torch.randint(0, 2 * shift + 1, (count, 1), generator=generator)


@dataclass(frozen=True, slots=True)
class TrainTransform:
    """Converts and augments the images of a training batch. A pure function of (images, seed, step).

    So any process may run it, and a step gets the same augmentation after a resume. seed: of the epoch. hook: the
    user's, applied last.
    """

    scaling: Scaling
    augmentation: AugmentSettings
    seed: int
    hook: Hook | None = None

    def __call__(self, images: NDArray, step: int, *, first: int = 0, batch: int | None = None) -> Tensor:
        """uint8 or float32 (B, *item_shape) → float32 (B, C, H, W) or (B, F).

        first, batch: see `augment`.
        """
        tensor = to_tensor(images, self.scaling)
        if not self.augmentation.nothing:
            black = -torch.tensor(self.scaling.mean) / torch.tensor(self.scaling.std)
            generator = torch_generator(self.seed, step)
            tensor = augment(tensor, self.augmentation, generator, black=black, first=first, batch=batch)
        if self.hook is None:
            return tensor
        # 1 + place, since a seed sequence that ends in 0 equals the one without the 0.
        places = range(first, first + len(tensor))
        changed = [
            self.hook(image, torch_generator(self.seed, step, 1 + place))
            for place, image in zip(places, tensor, strict=True)
        ]
        return torch.stack(changed)

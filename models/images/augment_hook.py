"""The user's own augmentation of training images."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelError
from ..factory import load_factory

Hook = Callable[[Tensor, torch.Generator], Tensor]
"""(image float32 (C, H, W), generator) → image of the same shape. Random numbers must come from the generator only."""


def augment_hook(reference: str, arguments: Mapping[str, Any], *, base: Path) -> Hook:
    """The hook that the factory `path/to/file.py:factory` or `module:factory` returns when called with `arguments`.

    The hook is called for one image at a time, with a generator for that image alone, so that the augmentation does not
    depend on how many processes load or train.

    Raises: ModelError when there is no such factory or it fails. The hook raises it when the user's function fails or
    returns something else than such an image.
    """
    subject = f"augmentation {reference!r}"
    factory = load_factory(reference, base=base, subject="augmentation")
    try:
        hook = factory(**arguments)
    except Exception as error:
        raise ModelError(f"{subject} failed: {type(error).__name__}: {error}") from error
    if not callable(hook):
        raise ModelError(
            f"{subject} gave a {type(hook).__name__} but must give a function of (image, generator): return one"
        )

    def checked(image: Tensor, generator: torch.Generator) -> Tensor:
        try:
            found = hook(image, generator)
        except Exception as error:
            raise ModelError(
                f"the function of {subject} failed on an image {tuple(image.shape)}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(found, Tensor) or found.shape != image.shape or found.dtype != image.dtype:
            given = (
                f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
            )
            raise ModelError(
                f"the function of {subject} returned {given} for an image {image.dtype} {tuple(image.shape)}: "
                "return a tensor of the same shape and type"
            )
        return found

    return checked

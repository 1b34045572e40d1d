"""Losses of pytorch-metric-learning, or the user's own with the same interface."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from ..errors import ModelError
from ..factory import check_arguments, load_factory
from ..parameter_groups import ParameterGroup
from .loss import Loss, LossInputs
from .settings import LibrarySettings

EXTRA = "pytorch_metric_learning"


class LibraryLoss(Loss):
    """Wraps a module that is called with embeddings (B, D) and class codes int64 (B,), and returns a scalar.

    module: its parameters are trained with the encoder's. subject: name for error messages. settings: rate is the
    learning rate of its parameters; None for that of the encoder.
    """

    needs_triplets: ClassVar[bool] = False
    needs_one_class: ClassVar[bool] = True

    def __init__(self, module: nn.Module, *, subject: str, settings: LibrarySettings) -> None:
        super().__init__()
        self.module = module
        self.subject = subject
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """The module's result. Raises: ModelError unless it is one number for the batch."""
        found = self.module(inputs.embeddings, inputs.classes)
        if not isinstance(found, Tensor) or found.ndim != 0:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ModelError(
                f"{self.subject} returned {shape} but must return one number for a batch: use its mean over the batch"
            )
        return found

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """All its parameters, with the learning rate of the settings."""
        return [ParameterGroup(tuple(self.parameters()), rate=self.settings.rate)]


def library_loss(
    reference: str,
    *,
    classes: int,
    width: int,
    arguments: Mapping[str, Any] | None = None,
    settings: LibrarySettings,
) -> LibraryLoss:
    """The loss `module:Name` or `path/to/file.py:name`, such as "pytorch_metric_learning.losses:ProxyAnchorLoss".

    classes, width: C and D, passed as `num_classes` and `embedding_size` if the loss takes arguments of these names.
    arguments: further keyword arguments. Raises: ModelError when the loss cannot be found or constructed.
    """
    subject = f"loss {reference!r}"
    factory = _found(reference)
    given = {**_sizes(factory, classes, width), **(arguments or {})}
    check_arguments(factory, given, subject=subject)
    try:
        made = factory(**given)
    except Exception as error:
        raise ModelError(f"{subject} failed: {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise ModelError(
            f"{subject} made a {type(made).__name__} but must make a torch.nn.Module: name a loss"
        )
    return LibraryLoss(made, subject=subject, settings=settings)


def _found(reference: str) -> Callable[..., Any]:
    try:
        return load_factory(reference)
    except ModelError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and (cause.name or "").partition(".")[0] == EXTRA:
            raise ModelError(
                f"loss {reference!r} needs pytorch-metric-learning: pip install 'tripletmine[metric-learning]'"
            ) from error
        raise


def _sizes(factory: Callable[..., Any], classes: int, width: int) -> dict[str, int]:
    """C and D under pytorch-metric-learning's names for them, if the factory takes these arguments."""
    taken = inspect.signature(factory).parameters
    return {
        name: size for name, size in (("num_classes", classes), ("embedding_size", width)) if name in taken
    }

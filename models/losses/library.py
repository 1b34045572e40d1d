"""A loss from elsewhere: any of pytorch-metric-learning, or a user's own of the same form."""

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
    """A module that is called with embeddings (B, D) and class codes int64 (B,), and returns a scalar.

    module: its parameters are trained with the encoder's. subject: what messages call it.
    settings: rate, the learning rate of its parameters; None: that of the encoder.
    """

    needs_triplets: ClassVar[bool] = False
    needs_one_class: ClassVar[bool] = True

    def __init__(self, module: nn.Module, *, subject: str, settings: LibrarySettings) -> None:
        super().__init__()
        self.module = module
        self.subject = subject
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """What the module returns. Raises: ModelError unless it is one number for the batch."""
        found = self.module(inputs.embeddings, inputs.classes)
        if not isinstance(found, Tensor) or found.ndim != 0:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ModelError(
                f"{self.subject} returned {shape} but must return one number for a batch: use its mean over the batch"
            )
        return found

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """All of them at the rate of the settings."""
        return [ParameterGroup(tuple(self.parameters()), rate=self.settings.rate)]


def library_loss(
    reference: str,
    *,
    classes: int,
    width: int,
    arguments: Mapping[str, Any] | None = None,
    settings: LibrarySettings,
) -> LibraryLoss:
    """The loss behind `module:Name` or `path/to/file.py:name`, as in "pytorch_metric_learning.losses:ProxyAnchorLoss".

    classes, width: C and D; passed on as `num_classes` and `embedding_size` to what takes arguments of these names.
    arguments: further keyword arguments. Raises: ModelError when it cannot be found or made.
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
    """C and D under the names that losses with a weight for each class give them."""
    taken = inspect.signature(factory).parameters
    return {
        name: size for name, size in (("num_classes", classes), ("embedding_size", width)) if name in taken
    }

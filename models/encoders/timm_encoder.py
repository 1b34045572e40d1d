"""Image models of timm as encoders (optional extra `timm`)."""

from typing import Any

from torch import nn

from ..errors import ModelError
from .normalisation import group_norm

GROUPS = 32
"""Groups of the GroupNorm that replaces a BatchNorm (Wu & He, Group Normalization, ECCV 2018: 32)."""


def timm_encoder(
    model: str,
    *,
    input_shape: tuple[int, ...],
    embedding_dim: int,
    pretrained: bool = False,
    **arguments: Any,
) -> nn.Module:
    """`timm.create_model(model, num_classes=embedding_dim, in_chans=…, **arguments)`, without trained BatchNorm.

    With random weights, every BatchNorm is replaced by GroupNorm. With `pretrained` weights, which need BatchNorm's
    running statistics, BatchNorm stays but is frozen in evaluation mode.

    Raises: ModelError when timm is not installed or has no such model; timm's own message is shown.
    """
    if len(input_shape) != 3:
        raise ModelError(
            f"timm:{model} got items of shape {input_shape} but needs images: use the encoder 'mlp'"
        )
    try:
        import timm  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ModelError(
            f"encoder 'timm:{model}' needs timm: pip install 'tripletmine[timm]' ({error})"
        ) from error
    try:
        network = timm.create_model(
            model, pretrained=pretrained, num_classes=embedding_dim, in_chans=input_shape[0], **arguments
        )
    except Exception as error:
        raise ModelError(f"timm could not make {model!r}: {type(error).__name__}: {error}") from error
    return FrozenStatistics(network) if pretrained else replace_batch_norm(network)


def replace_batch_norm(module: nn.Module) -> nn.Module:
    """Replace every BatchNorm below `module` by a GroupNorm, in place; returns the module.

    timm's BatchNorm layers may also hold an activation (`act`) and a dropout (`drop`), which are kept.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            extras = [extra for extra in (getattr(child, "drop", None), getattr(child, "act", None)) if extra]
            module.register_module(name, nn.Sequential(group_norm(child.num_features, GROUPS), *extras))
        else:
            replace_batch_norm(child)
    return module


class FrozenStatistics(nn.Module):
    """Wraps a network so that its BatchNorm layers stay in evaluation mode while the rest trains."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images):
        """(B, C, H, W) → (B, embedding_dim)."""
        return self.network(images)

    def train(self, mode: bool = True) -> "FrozenStatistics":
        """As for any module, but BatchNorm layers stay in evaluation mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

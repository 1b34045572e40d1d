"""Freeze all but the last layer of the encoder, for the first epochs."""

from torch import nn

from ..errors import ModelError


def freeze_backbone(encoder: nn.Module, head: str | None = None) -> None:
    """Leave only the head trainable. The rest is put into evaluation mode, so that its statistics don't change, either.

    head: name of a module of the encoder; by default the last layer that has weights.

    Raises: ModelError when there is no such module, or when nothing or everything would be frozen.
    """
    name, module = (head, dict(encoder.named_modules()).get(head)) if head else _last_layer(encoder)
    if module is None:
        known = ", ".join(found for found, _ in encoder.named_children())
        raise ModelError(f"head is {name!r} but the encoder has no such module: name one of {known}")
    kept = {id(parameter) for parameter in module.parameters()}
    others = [parameter for parameter in encoder.parameters() if id(parameter) not in kept]
    if not others or not kept:
        raise ModelError(
            f"head is {name!r}, and freezing all the rest would train {'all' if kept else 'nothing'} of the encoder: "
            "name another module, or freeze nothing (frozen_epochs = 0)"
        )
    for parameter in others:
        parameter.requires_grad_(False)
    encoder.eval()
    module.train()


def _last_layer(encoder: nn.Module) -> tuple[str, nn.Module]:
    layers = [
        (name, module)
        for name, module in encoder.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    ]
    return layers[-1]

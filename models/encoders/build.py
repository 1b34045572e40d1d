"""Build an encoder from its name or factory, checked and reproducibly initialised."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from ..checks import check_count, suggestion
from ..errors import ModelError
from ..factory import call_factory
from .convnet import convnet
from .identity import identity
from .mlp import mlp
from .probe import check_encoder
from .timm_encoder import timm_encoder

BUILT_IN: dict[str, Callable[..., nn.Module]] = {"convnet": convnet, "mlp": mlp, "identity": identity}
TIMM = "timm:"


def build_encoder(
    name: str,
    *,
    input_shape: tuple[int, ...],
    embedding_dim: int,
    arguments: Mapping[str, Any] | None = None,
    layer_norm: bool = False,
    seed: int,
) -> nn.Module:
    """A built-in encoder: "convnet", "mlp", "identity" or "timm:<model>".

    input_shape: shape of an item at the encoder: (channels, height, width) or (features,), see
        `transforms.input_shape_of`.
    arguments: keyword arguments of the encoder; unknown names are refused.
    layer_norm: append a LayerNorm without weights, which scales each embedding to mean 0 and variance 1; the names of
        the encoder's weights then begin with "0.".
    seed: of the initial weights; the global random state is neither used nor changed.

    Returns a module in training mode: float32 (B, *input_shape) → float32 (B, embedding_dim), not scaled to unit
    length.
    """
    if name.startswith(TIMM):
        factory: Callable[..., Any] = partial(timm_encoder, name.removeprefix(TIMM))
    elif name in BUILT_IN:
        factory = BUILT_IN[name]
    else:
        known = ", ".join([*BUILT_IN, "timm:<model>", "path/to/file.py:factory", "module:factory"])
        raise ModelError(
            f"encoder {name!r} is unknown, it must be one of {known}: "
            + suggestion(name, BUILT_IN, otherwise="choose one of them")
        )
    return encoder_from_factory(
        factory,
        subject=f"encoder {name!r}",
        input_shape=input_shape,
        embedding_dim=embedding_dim,
        arguments=arguments,
        layer_norm=layer_norm,
        seed=seed,
        learns=name != "identity",
    )


def encoder_from_factory(
    factory: Callable[..., Any],
    *,
    subject: str,
    input_shape: tuple[int, ...],
    embedding_dim: int,
    arguments: Mapping[str, Any] | None = None,
    layer_norm: bool = False,
    seed: int,
    learns: bool = True,
) -> nn.Module:
    """An encoder made by the user's factory, which is called with `input_shape`, `embedding_dim` and `arguments`.

    subject: name for error messages, such as "encoder 'my.py:factory'". learns: refuse an encoder without trainable
    parameters. The rest is as in `build_encoder`.
    """
    check_count("embedding_dim", embedding_dim)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = call_factory(
            factory,
            subject=subject,
            input_shape=input_shape,
            embedding_dim=embedding_dim,
            arguments=arguments or {},
        )
    checked = check_encoder(
        encoder,
        subject=subject,
        input_shape=input_shape,
        embedding_dim=embedding_dim,
        seed=seed,
        learns=learns,
    )
    if layer_norm:
        checked = nn.Sequential(checked, nn.LayerNorm(embedding_dim, elementwise_affine=False))
    return checked.train()

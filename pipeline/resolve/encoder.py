"""Build the network of the run file's [encoder], with weights, on its device."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...models.compute import device_named
from ...models.encoders.build import build_encoder, encoder_from_factory
from ...models.encoders.checkpoints import load_encoder_state, load_tensors
from ...models.factory import load_factory
from ...models.images.transforms import input_shape_of
from ..plan.stage import RunFacts
from ..runfile.run_spec import RunSpec

if TYPE_CHECKING:
    from torch import nn

    from ...models.images.transforms import Scaling


def load_encoder(root: Path, spec: RunSpec, facts: RunFacts, weights: Path | None) -> "nn.Module":
    """The encoder of a run, with seeded random weights, or those of `weights` (safetensors) if given.

    Raises: ModelError if the factory, the weights or the device fail.
    """
    encoder = built_encoder(
        facts.encoder,
        name=spec.encoder.name,
        base=root,
        item_shape=facts.item_shape,
        embedding_dim=spec.encoder.embedding_dim,
        arguments=spec.encoder.arguments,
        layer_norm=spec.encoder.layer_norm,
        seed=spec.run.seed,
    )
    if weights is not None:
        load_encoder_state(encoder, load_tensors(weights)[0])
    return encoder.to(device_named(spec.embed.device))


def built_encoder(
    reference: str,
    *,
    name: str,
    base: Path,
    item_shape: tuple[int, ...],
    embedding_dim: int,
    arguments: Mapping[str, Any],
    layer_norm: bool,
    seed: int,
) -> "nn.Module":
    """A built-in encoder, or a user's: `file.py:factory` (relative to `base`) or `module:factory`.

    name: the encoder's name in messages, as the user wrote it; `reference` may point to the run's copy of the file.
    """
    shape = input_shape_of(item_shape)
    if ":" not in reference or reference.startswith("timm:"):
        return build_encoder(
            reference,
            input_shape=shape,
            embedding_dim=embedding_dim,
            arguments=arguments,
            layer_norm=layer_norm,
            seed=seed,
        )
    return encoder_from_factory(
        load_factory(reference, base=base),
        subject=f"encoder {name!r}",
        input_shape=shape,
        embedding_dim=embedding_dim,
        arguments=arguments,
        layer_norm=layer_norm,
        seed=seed,
    )


def scaling_of(spec: RunSpec) -> "Scaling":
    """The scaling that turns items into tensors."""
    from ...models.images.transforms import Scaling

    data = spec.data
    return (
        Scaling() if data.mean is None or data.std is None else Scaling(_scalar(data.mean), _scalar(data.std))
    )


def scaling_keys(spec: RunSpec) -> dict[str, Any]:
    """The result keys of [data] that affect an embedding; the rows themselves are in the data's digest."""
    keys = spec.data.result_keys()
    return {"mean": keys["mean"], "std": keys["std"]}


def _scalar(values: tuple[float, ...]) -> float | tuple[float, ...]:
    return values[0] if len(values) == 1 else values

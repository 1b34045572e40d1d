"""Check an encoder's output on a probe batch, before hours are spent on training it."""

import torch
from torch import Tensor, nn

from ..errors import ModelError

PROBE_ROWS = 2


def check_encoder(
    encoder: object,
    *,
    subject: str,
    input_shape: tuple[int, ...],
    embedding_dim: int,
    seed: int,
    learns: bool = True,
) -> nn.Module:
    """Pass a seeded probe batch through `encoder`, check the output, and return the encoder.

    seed: of the probe batch, and of the weights that lazy layers create at their first batch. learns: require a
    trainable parameter. The training mode of every layer and the global random state are left unchanged.

    Raises: ModelError when it is not a torch module, its forward pass fails (with its message), its output is not a
    floating-point tensor (2, embedding_dim) or has NaN or infinite values, or it `learns` but has no trainable
    parameter.
    """
    if not isinstance(encoder, nn.Module):
        raise ModelError(
            f"{subject} gave a {type(encoder).__name__} but must give a torch.nn.Module: return one"
        )
    modes = [(module, module.training) for module in encoder.modules()]
    try:
        # no_grad, not inference_mode: lazy layers create their weights here, which must be trainable.
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            images = torch.rand((PROBE_ROWS, *input_shape))
            output = encoder.eval()(images)
    except Exception as error:
        raise ModelError(
            f"{subject} failed on a probe batch of shape {(PROBE_ROWS, *input_shape)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        for module, training in modes:
            module.training = training
    _check_output(output, subject, embedding_dim)
    # After the probe, when lazy layers have their parameters.
    if learns and not any(parameter.requires_grad for parameter in encoder.parameters()):
        raise ModelError(
            f"{subject} has no parameter that can be trained: give it a layer that learns, such as "
            "torch.nn.Linear, or mine vectors as they are (`tripletmine mine`, or the encoder 'identity' in a run)"
        )
    return encoder


def _check_output(output: object, subject: str, embedding_dim: int) -> None:
    if not isinstance(output, Tensor) or not output.is_floating_point():
        found = f"a {output.dtype} tensor" if isinstance(output, Tensor) else f"a {type(output).__name__}"
        raise ModelError(
            f"{subject} returned {found} but must return a floating-point tensor: correct its forward"
        )
    wanted = (PROBE_ROWS, embedding_dim)
    if tuple(output.shape) != wanted:
        raise ModelError(
            f"{subject} returned shape {tuple(output.shape)} for a probe batch of {PROBE_ROWS} but must "
            f"return {wanted}: correct the encoder or set embedding_dim to its width"
        )
    if not bool(torch.isfinite(output).all()):
        raise ModelError(f"{subject} returned NaN or infinite values for a probe batch: correct its weights")

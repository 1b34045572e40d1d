"""Identity encoder, so that a run can search, mine and evaluate embeddings made elsewhere."""

from torch import nn

from ..errors import ModelError


def identity(*, input_shape: tuple[int, ...], embedding_dim: int) -> nn.Module:
    """A module that returns its input (B, embedding_dim).

    Raises: ModelError for items that are not vectors, or of another width.
    """
    shape = " × ".join(map(str, input_shape))
    if len(input_shape) != 1:
        raise ModelError(f"identity got items of shape {shape} but needs vectors: use another encoder")
    if input_shape[0] != embedding_dim:
        raise ModelError(
            f"identity gives vectors as they are, {shape} wide, but embedding_dim is {embedding_dim}: set it to {shape}"
        )
    return nn.Identity()

"""Static word vectors that come in a package, as vectors of texts."""

from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer  # pyright: ignore[reportMissingImports]  extra bench, by sentence-transformers


def wordllama() -> tuple[NDArray[np.float32], Tokenizer]:
    """Vectors of tokens, float32 (V, 256), and the tokenizer, of the package wordllama (MIT)."""
    package = files("wordllama")
    weights = load_file(str(package / "weights" / "l2_supercat_256.safetensors"))
    tokenizer = Tokenizer.from_file(str(package / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    tokenizer.no_padding()
    return np.asarray(weights["embedding.weight"], np.float32), tokenizer


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """float32 (N, 256) of unit norm: the mean of a text's token vectors."""
    vectors, tokenizer = wordllama()
    found = np.empty((len(texts), vectors.shape[1]), np.float32)
    step = 4096
    for start in range(0, len(texts), step):
        some = tokenizer.encode_batch(list(texts[start : start + step]), add_special_tokens=False)
        for row, tokens in enumerate(some, start):
            found[row] = vectors[tokens.ids].mean(axis=0)
    return found / np.linalg.norm(found, axis=1, keepdims=True)

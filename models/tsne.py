"""Embeddings in two dimensions, to look at."""

import numpy as np
from numpy.typing import NDArray

_PERPLEXITY = 30.0


def tsne(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float64]:
    """float64 (N, 2), a t-SNE map of vectors (N, D) (van der Maaten and Hinton, JMLR 2008).

    It starts from the principal components. The perplexity is 30, or (N − 1) / 3 if that is less.

    Raises: ImportError without scikit-learn.
    """
    from sklearn.manifold import TSNE

    rows = len(vectors)
    if rows < 4:
        return np.zeros((rows, 2)) if rows < 2 else np.c_[np.linspace(-1, 1, rows), np.zeros(rows)]
    fitted = TSNE(2, perplexity=min(_PERPLEXITY, (rows - 1) / 3), init="pca", random_state=seed)
    return fitted.fit_transform(vectors).astype(np.float64)

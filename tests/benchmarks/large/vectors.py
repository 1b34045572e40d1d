"""Any number of clustered vectors, with about the local dimension of real ones."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tripletmine.mining.graphs.exact import index as exact

_GROUPS = 300
"""Groups of classes. The classes of a group spread in one subspace, and their rows in another."""
_DIMENSIONS = 24
"""Dimensions of a subspace. A few of them carry most of the variance, in some groups fewer than in others."""
_BLOCK = 50_000


def write_vectors(folder: Path, rows: int, width: int, classes: int) -> None:
    """Write vectors.npy, float32 (rows, width) of unit length, and labels.npy, int64 (rows,), if they are missing."""
    target = folder / "vectors.npy"
    if target.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    tops = _normal(generator, _GROUPS, width)
    subspaces = _normal(generator, _GROUPS, _DIMENSIONS, width) / np.float32(np.sqrt(width))
    powers = generator.uniform(0.2, 0.9, _GROUPS).astype(np.float32)
    scales = np.arange(1, _DIMENSIONS + 1, dtype=np.float32) ** -powers[:, None]
    scales /= np.sqrt((scales**2).sum(axis=1, keepdims=True))
    group_of = generator.integers(0, _GROUPS, classes)
    spread = _normal(generator, classes, _DIMENSIONS) * scales[group_of]
    centres = tops[group_of] + 5 * _within(spread, subspaces[group_of])
    partial = folder / "partial.npy"
    out = np.lib.format.open_memmap(partial, "w+", np.float32, (rows, width))
    labels = np.empty(rows, np.int64)
    for start in range(0, rows, _BLOCK):
        count = min(_BLOCK, rows - start)
        classes_of = generator.integers(0, classes, count)
        groups = group_of[classes_of]
        spread = _normal(generator, count, _DIMENSIONS) * scales[groups]
        found = centres[classes_of] + 3.5 * _within(spread, subspaces[(groups * 7 + 3) % _GROUPS])
        found += 0.02 * _normal(generator, count, width)
        out[start : start + count] = found / np.linalg.norm(found, axis=1, keepdims=True)
        labels[start : start + count] = classes_of
    out.flush()
    np.save(folder / "labels.npy", labels)
    partial.rename(target)


def _normal(generator: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return generator.normal(size=shape).astype(np.float32)


def _within(spread: NDArray[np.float32], subspaces: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.einsum("rk,rkd->rd", spread, subspaces, optimize=True)


def local_dimensions(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The 10th, 50th and 90th percentile of 1,000 rows' local dimension, among 200,000 rows.

    The maximum-likelihood estimate from the distances of 100 neighbours (Levina & Bickel, NIPS 2004).
    """
    generator = np.random.default_rng(0)
    some = np.sort(generator.choice(len(vectors), min(len(vectors), 200_000), replace=False))
    among = np.ascontiguousarray(vectors[some])
    rows = np.sort(generator.choice(len(among), 1000, replace=False))
    found = exact.build(among).search(among[rows], query_ids=rows, neighbours=100, threads=1)
    distances = np.sqrt(np.maximum(found.sq_distances.astype(np.float64), 1e-12))
    dimensions = 1 / np.log(distances[:, -1:] / distances[:, :-1]).mean(axis=1)
    return np.percentile(dimensions, [10, 50, 90])

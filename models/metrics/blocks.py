"""Distances of queries to a gallery, in blocks of queries."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ModelError
from ..row_classes import RowClasses
from .relevance import Classes

MIB = 2**20
BLOCK_MIB = 256
"""Memory of one block of distances; the masks of answers take about half as much again."""
_KEYS_MIB = 64
"""Memory of the keys that are sorted at once. Above 32 MiB glibc gives it back each time; below, what is kept between
blocks grew to gigabytes with a gallery of a million rows."""


def checked_classes(embeddings: NDArray[np.float32], classes: Classes, subject: str) -> RowClasses:
    """The classes of the rows of `embeddings`, checked.

    Raises: ModelError unless embeddings are finite (N, D), with a class code or a set of codes per row.
    """
    if embeddings.ndim != 2 or len(embeddings) == 0:
        raise ModelError(
            f"{subject} embeddings have shape {embeddings.shape} but must be (N, D), N ≥ 1: give rows"
        )
    shape = (len(classes),) if isinstance(classes, RowClasses) else classes.shape
    if shape != (len(embeddings),):
        raise ModelError(
            f"{subject} has {len(embeddings)} embeddings but classes of shape {shape}: give one code per row"
        )
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        raise ModelError(
            f"{subject} embeddings have NaN or infinite values in {int((~finite).sum())} rows, the first is "
            f"row {int(np.argmin(finite))}: the encoder has diverged, use an earlier checkpoint"
        )
    return RowClasses.of(classes)


def checked_sides(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None,
    gallery_classes: Classes | None,
) -> tuple[RowClasses, NDArray[np.float32], RowClasses, bool]:
    """Returns the queries' classes, the gallery, its classes, and whether the gallery is the queries (none was given).

    Raises: ModelError as `checked_classes` does, for queries and gallery.
    """
    asking = checked_classes(queries, query_classes, "query")
    if gallery is None or gallery_classes is None:
        return asking, queries, asking, True
    return asking, gallery, checked_classes(gallery, gallery_classes, "gallery"), False


def sq_distance_blocks(
    queries: NDArray[np.float32], gallery: NDArray[np.float32], *, block_mib: int = BLOCK_MIB
) -> Iterator[tuple[slice, Tensor]]:
    """Yield (query rows, squared distances float32 (rows, G)) of queries (Q, D) and a gallery (G, D).

    Each block overwrites the one before; callers may write into it, too.
    """
    block = max(1, block_mib * MIB // (4 * len(gallery)))
    x = torch.from_numpy(np.array(queries, np.float32))
    y = torch.from_numpy(np.array(gallery.T, np.float32, order="C"))
    x_norms, y_norms = x.square().sum(dim=1), y.square().sum(dim=0)
    room = torch.empty((min(block, len(x)), len(gallery)))
    for start in range(0, len(x), block):
        rows = slice(start, min(start + block, len(x)))
        distances = room[: rows.stop - start]
        torch.add(x_norms[rows, None], y_norms, out=distances)
        yield rows, distances.addmm_(x[rows], y, alpha=-2).clamp_min_(0)


def key_slices(rows: int, columns: int) -> Iterator[slice]:
    """Slices of a block's rows; the keys of each (see `keys_of`) take little memory."""
    step = max(1, _KEYS_MIB * MIB // (8 * columns))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def nearest(sq_distances: Tensor, count: int) -> Tensor:
    """int64 (rows, count): the `count` nearest columns of each row, or all columns, by (distance, column).

    Non-negative floats order like their bits, so one integer can hold distance and column; ties are thus ordered by
    column, whatever the sort.
    """
    rows, columns = sq_distances.shape
    found = torch.empty((rows, min(count, columns)), dtype=torch.int64)
    for part in key_slices(rows, columns):
        keys = keys_of(sq_distances[part])
        ordered = keys.sort(dim=1) if count >= columns else keys.topk(count, dim=1, largest=False)
        torch.bitwise_and(ordered.values, 0xFFFFFFFF, out=found[part])
    return found


def keys_of(sq_distances: Tensor) -> Tensor:
    """int64 (rows, columns): an integer for each entry that orders as (distance, column)."""
    columns = torch.arange(sq_distances.shape[1], dtype=torch.int64)
    keys = sq_distances.view(torch.int32).to(torch.int64)
    keys <<= 32
    keys |= columns
    return keys

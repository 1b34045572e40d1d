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
_ROWS_AT_ONCE = 1 << 16
_INFINITY = 0x7F800000
"""Bits of an infinite float32."""
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
    finite = np.empty(len(embeddings), np.bool_)
    for rows in slices_of(len(embeddings), _ROWS_AT_ONCE):
        finite[rows] = np.isfinite(embeddings[rows]).all(axis=1)
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
    distances = SqDistances(gallery)
    for rows in slices_of(len(queries), max(1, block_mib * MIB // (4 * len(gallery)))):
        yield rows, distances.of(tensor_of(queries[rows]))


class SqDistances:
    """Squared distances to a gallery, float32 (G, D), of which no copy is made if it is writable."""

    def __init__(self, gallery: NDArray[np.float32]) -> None:
        self._gallery = tensor_of(gallery)
        self._norms = torch.empty(len(self._gallery))
        # A block at a time: the squares of all rows would be a second gallery.
        for rows in slices_of(len(gallery), _ROWS_AT_ONCE):
            self._norms[rows] = self._gallery[rows].square().sum(dim=1)
        self._room = torch.empty(0)

    def of(self, queries: Tensor, columns: slice = slice(None)) -> Tensor:
        """float32 (Q, columns): squared distances of queries (Q, D) to these gallery rows.

        The next call overwrites them; callers may write into them, too.
        """
        gallery, norms = self._gallery[columns], self._norms[columns]
        cells = len(queries) * len(gallery)
        if cells > len(self._room):
            self._room = torch.empty(cells)
        found = self._room[:cells].view(len(queries), len(gallery))
        torch.add(queries.square().sum(dim=1, keepdim=True), norms, out=found)
        return found.addmm_(queries, gallery.T, alpha=-2).clamp_min_(0)


def tensor_of(vectors: NDArray[np.float32]) -> Tensor:
    """float32 (N, D) as a tensor; a copy only of what cannot be written, of which torch would warn."""
    return torch.from_numpy(np.require(vectors, np.float32, ["C", "W"]))


def slices_of(rows: int, step: int) -> Iterator[slice]:
    """Slices of `step` rows; the last may be shorter."""
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def key_slices(rows: int, columns: int) -> Iterator[slice]:
    """Slices of a block's rows; the keys of each (see `keys_of`) take little memory."""
    return slices_of(rows, max(1, _KEYS_MIB * MIB // (8 * columns)))


def nearest_keys(sq_distances: Tensor, count: int, first: int = 0) -> Tensor:
    """int64 (rows, count): the keys of the `count` nearest columns of each row, or of all columns, ascending.

    first: number of the first column.
    """
    rows, columns = sq_distances.shape
    found = torch.empty((rows, min(count, columns)), dtype=torch.int64)
    for part in key_slices(rows, columns):
        keys = keys_of(sq_distances[part], torch.arange(first, first + columns))
        ordered = keys.sort(dim=1) if count >= columns else keys.topk(count, dim=1, largest=False)
        found[part] = ordered.values
    return found


def keys_of(sq_distances: Tensor, columns: Tensor) -> Tensor:
    """int64, in the shape of the distances: an integer for each entry that orders as (distance, column).

    columns: int64, below 2³². Non-negative floats order like their bits, so one integer can hold distance and column;
    ties are thus ordered by column, whatever the sort.
    """
    keys = sq_distances.view(torch.int32).to(torch.int64)
    keys <<= 32
    keys |= columns
    return keys


def columns_of(keys: Tensor) -> Tensor:
    """int64, in the shape of the keys: their columns."""
    return keys & 0xFFFFFFFF


def finite_keys(keys: Tensor) -> Tensor:
    """bool, in the shape of the keys: whether their distances are finite."""
    return keys < (_INFINITY << 32)


def sq_distances_of(keys: Tensor) -> Tensor:
    """float32, in the shape of the keys: their squared distances."""
    return (keys >> 32).to(torch.int32).view(torch.float32)

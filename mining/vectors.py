"""Check and convert vectors to the form that mining takes: float32, C-contiguous, finite, unit length if required."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError

UNIT_TOLERANCE = 1e-3
"""How far from 1 the norm of a unit row may be: enough for embeddings that were normalised and stored as float16."""

_BLOCK_VALUES = 1 << 22
"""Values checked at once, so that checking takes a few megabytes whatever the size of the set."""

_ROWS_NAMED = 5


def as_vectors(x: ArrayLike, *, name: str = "embeddings", require_unit: bool = False) -> NDArray[np.float32]:
    """Check vectors and convert them to the form that all mining functions take.

    x: (N, D), any real number type, any memory order. name: used in error messages. require_unit: refuse rows whose
    norm is not 1; nothing is normalised silently, see ``normalise``.

    Returns float32 (N, D), C-contiguous, without a copy if x has that form already (a memory map stays one).

    Raises: InputError: not numeric, not two-dimensional, no rows or no columns, rows of different lengths, masked, NaN
    or infinite values, values whose squared distances overflow float32, rows not of unit length with require_unit.
    """
    array = _as_array(x, name)
    if array.dtype.kind not in "fiu":
        raise InputError(
            f"{name} has dtype {array.dtype}, which is not a real number type: pass float32 values"
        )
    if array.ndim != 2:
        raise InputError(
            f"{name} has shape {array.shape}, but one row per vector is needed: pass an array of (N, D)"
        )
    rows, width = array.shape
    if rows == 0 or width == 0:
        raise InputError(f"{name} has shape {array.shape}: pass at least one row and one column")
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, and is named below
        vectors = np.ascontiguousarray(array, dtype=np.float32)
    largest = np.float32(np.sqrt(np.finfo(np.float32).max / (4.0 * width)))  # d² ≤ D · (2 · largest)²
    for start, block in _row_blocks(vectors):
        extreme = np.abs(block).max(axis=1)
        _refuse_rows(~np.isfinite(extreme), start, name, "hold NaN or infinite values", "drop or repair them")
        _refuse_rows(
            extreme > largest,
            start,
            name,
            f"hold values beyond ±{largest:.3g}, whose squared distances overflow float32",
            "scale the vectors down",
        )
        if require_unit:
            _refuse_rows(
                np.abs(_norms(block) - 1.0) > UNIT_TOLERANCE,
                start,
                name,
                f"are not of unit length (tolerance {UNIT_TOLERANCE}), which the rule assumes",
                "normalise them first (tripletmine.mining.vectors.normalise)",
            )
    return vectors


def _as_array(x: ArrayLike, name: str) -> NDArray[np.generic]:
    try:
        array = np.asanyarray(x)
    except (
        ValueError,
        TypeError,
        RuntimeError,
    ) as error:  # lists of different lengths; tensors with a gradient
        raise InputError(f"{name} cannot become an array ({error}): pass one of shape (N, D)") from error
    if np.ma.is_masked(array):
        raise InputError(f"{name} has masked values: fill them, or drop their rows")
    return array


def normalise(
    x: ArrayLike, *, name: str = "embeddings", into: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Scale every row to length 1. Returns a new float32 (N, D) array, or ``into``, which may be ``x`` itself.

    Raises: InputError as ``as_vectors`` does, and for a row of zeros, which has no direction.
    """
    vectors = as_vectors(x, name=name)
    unit = np.empty_like(vectors, subok=False) if into is None else into
    for start, block in _row_blocks(vectors):
        norms = _norms(block)
        _refuse_rows(
            norms == 0.0, start, name, "are all zero and have no direction", "drop them before normalising"
        )
        unit[start : start + len(block)] = block / norms[:, None]
    return unit


def unit_vectors(
    x: ArrayLike,
    *,
    normalised: bool,
    name: str = "embeddings",
    remedy: str,
    into: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """float32 (N, D) vectors of unit length, since the margin is in units of their squared distances.

    normalised: scale the vectors to unit length, in new memory or `into`; otherwise they must have it. remedy: how the
    user turns on `normalised`, for the error message. Raises: InputError as `as_vectors` and `normalise` do, and for
    vectors not of unit length.
    """
    if normalised:
        return normalise(x, name=name, into=into)
    vectors = as_vectors(x, name=name)
    if not is_unit(vectors):
        norms = np.concatenate([_norms(block) for _, block in _row_blocks(vectors)])
        raise InputError(
            f"{name} has vectors of length {norms.min():.4g} to {norms.max():.4g}, but the margin is in units of "
            f"squared distances of unit vectors: {remedy}, or normalise them before"
        )
    return vectors


def is_unit(x: NDArray[np.float32]) -> bool:
    """Whether every row of float32 (N, D) has length 1 to within ``UNIT_TOLERANCE``."""
    return all(bool((np.abs(_norms(block) - 1.0) <= UNIT_TOLERANCE).all()) for _, block in _row_blocks(x))


def _row_blocks(vectors: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    step = max(1, _BLOCK_VALUES // vectors.shape[1])
    for start in range(0, len(vectors), step):
        yield start, vectors[start : start + step]


def _norms(block: NDArray[np.float32]) -> NDArray[np.float64]:
    """Norms of the rows, in float64: in float32 the squares of small numbers underflow to 0."""
    wide = block.astype(np.float64)
    return np.sqrt(np.einsum("ij,ij->i", wide, wide))


def _refuse_rows(bad: NDArray[np.bool_], start: int, name: str, what: str, remedy: str) -> None:
    if bad.any():
        rows = np.flatnonzero(bad) + start
        named = ", ".join(map(str, rows[:_ROWS_NAMED])) + (", …" if len(rows) > _ROWS_NAMED else "")
        raise InputError(f"{name}: rows {named} {what}: {remedy}")

"""The interface of data sets: rows, items in batches, and identity."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from ...mining.guarding.groups import group_codes
from ...mining.labels import ClassName, Labels, encode_labels
from ...mining.neighbours import NO_ROW
from .marks import FileLists

_BLOCK = 1 << 16
"""Number of values that `one_by_one` converts to Python objects at once."""

SPLITS = ("train", "validation", "test")
"""The splits, in the order in which the rows of a run are stored."""

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of splits in folders and tables (lower case; see `split_called`), and our names of them."""

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class SourceRows:
    """The rows of a data set in its own order, as columns.

    keys: string, unique and stable: an item has the same key in every run.
    labels: string, or list<string> if rows may have several (never empty or null).
    splits: string, one of `SPLITS`; None if the data set has no splits of its own.
    roles: string, "query", "gallery" or null; None if the data set has no roles.
    groups: string or null, such as the camera in re-identification; None if the data set has no groups.
    """

    keys: pa.Array
    labels: pa.Array
    splits: pa.Array | None = None
    roles: pa.Array | None = None
    groups: pa.Array | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            column = getattr(self, field.name)
            if column is not None and len(column) != len(self.keys):
                raise ValueError(f"{field.name} has {len(column)} entries for {len(self.keys)} keys")

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def multi_label(self) -> bool:
        """Whether a row may have several labels."""
        return pa.types.is_list(self.labels.type)


class DataSet(Protocol):
    """A data set of N items of one shape. A pickle holds only its settings: workers open the files again."""

    @property
    def rows(self) -> SourceRows:
        """Key, labels, split, role and group of each item."""
        ...

    @property
    def item_shape(self) -> tuple[int, ...]:
        """Shape of one item: (height, width) or (height, width, channels) of an image, (D,) of a vector."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 for pixels in [0, 255], float32 for anything else."""
        ...

    def read(self, indices: ArrayLike) -> NDArray[Any]:
        """Items at `indices` (int64 (B,), positions in `rows`) as an array (B, *item_shape) of `dtype`.

        Raises: DataError naming the item that cannot be read; IndexError for an index out of range.
        """
        ...

    def file_lists(self) -> FileLists:
        """The user's files that make up the data set."""
        ...

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:
        """The identity of the content, JSON-ready: a digest of file names, sizes and times, or of file contents.

        marks: result of `mark_files`, if the caller already has it. If it has the digests of all contents, these are
        used, else sizes and times.
        """
        ...


class Reopened(ABC, Generic[Content]):
    """A data set that opens its files when first needed and is pickled without them.

    Subclasses are frozen dataclasses of their settings, which are all that a pickle holds. Whether the files are still
    the same when they are opened again is checked by `RunRows.check`.
    """

    @abstractmethod
    def _open(self) -> Content:
        """Open or list the files. Called once per process."""

    @cached_property
    def content(self) -> Content:
        """The opened files."""
        return self._open()

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


def checked_indices(indices: ArrayLike, rows: int) -> NDArray[np.int64]:
    """`indices` as int64 (B,). Raises: IndexError outside [0, rows), so that the pad −1 never reads the last item."""
    checked = np.asarray(indices, dtype=np.int64)
    if checked.ndim != 1:
        raise IndexError(f"indices have shape {checked.shape} but must be (B,)")
    if checked.size and (checked.min() < 0 or checked.max() >= rows):
        worst = checked.min() if checked.min() < 0 else checked.max()
        raise IndexError(f"index {worst} is outside of the {rows} rows of the data set")
    return checked


def split_called(name: str) -> str | None:
    """The split that a folder or a cell names, in any case; None if it is not the name of a split."""
    return SPLIT_NAMES.get(name.strip().lower())


def strings(values: Sequence[str | None] | NDArray[Any]) -> pa.Array:
    """Strings as an Arrow column."""
    return pa.array(values, type=pa.string())


def one_by_one(column: pa.Array) -> Iterator[Any]:
    """The values one after another. All at once, Python objects would take many times the memory of the column."""
    for start in range(0, len(column), _BLOCK):
        yield from column.slice(start, _BLOCK).to_pylist()


def per_value(column: pa.Array, function: Callable[[str], Any], kind: pa.DataType) -> pa.Array:
    """`function` of each string, called once per distinct string, as a column of type `kind`; null stays null."""
    encoded = column.dictionary_encode()
    results = [function(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(results, type=kind).take(encoded.indices)


def tidy_paths(paths: pa.Array) -> pa.Array:
    """Normalised paths: ./x.png becomes x.png, a//./b.png becomes a/b.png. URLs are unchanged."""
    tidied = paths
    for pattern, replacement in ((r"/(\.?/)+", "/"), (r"^\./", ""), (r"([^/])/\.?$", r"\1")):
        tidied = pc.replace_substring_regex(  # pyright: ignore[reportAttributeAccessIssue]  made at import
            tidied, pattern=pattern, replacement=replacement
        )
    is_url = pc.match_substring(paths, "://")  # pyright: ignore[reportAttributeAccessIssue]
    return pc.if_else(is_url, paths, tidied)  # pyright: ignore[reportAttributeAccessIssue]


def same_names(wanted: pa.Array, keys: pa.Array) -> NDArray[np.int64]:
    """The position in `keys` of each wanted key, int64 (P,); −1 for a key that is missing."""
    found = pc.call_function("index_in", [wanted], pc.SetLookupOptions(value_set=keys))
    return found.fill_null(NO_ROW).to_numpy(zero_copy_only=False).astype(np.int64)


def rows_named(keys: pa.Array, names: Iterable[str]) -> dict[str, int]:
    """The row of each of these names among `keys`, ascending; names without a row are left out.

    Keys must be unique. Only those that are named become Python objects.
    """
    options = pc.SetLookupOptions(value_set=strings(list(names)))
    named = pc.call_function("is_in", [keys], options).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(named)
    return dict(zip(keys.take(pa.array(rows)).to_pylist(), rows.tolist(), strict=True))


def first_labels(labels: pa.Array) -> pa.Array:
    """The first label of each row, as strings."""
    return labels.values.take(labels.offsets[:-1]) if pa.types.is_list(labels.type) else labels


def coded_rows(
    column: pa.Array, codes_of: Callable[[list[str]], NDArray[np.int32]]
) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
    """int32 (nnz,), the codes of each row's strings, sorted and without repeats; int64 (N + 1,), where each row begins,
    or None if every row has one.

    column: string, or list<string>. codes_of: codes of distinct strings; only these become Python objects.
    """
    listed = pa.types.is_list(column.type)
    encoded = (column.flatten() if listed else column).dictionary_encode()
    codes = codes_of(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
    if not listed:
        return codes, None
    row = np.repeat(np.arange(len(column)), column.value_lengths().to_numpy())
    classes = int(codes.max(initial=0)) + 1
    row, codes = np.divmod(np.unique(row * classes + codes), classes)
    sizes = np.bincount(row, minlength=len(column))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return codes.astype(np.int32), None if (sizes == 1).all() else offsets


def encoded_labels(column: pa.Array) -> Labels:
    """As `encode_labels`, but only the distinct names become Python objects."""
    names: list[tuple[ClassName, ...] | range] = []

    def codes_of(distinct: list[str]) -> NDArray[np.int32]:
        found = encode_labels(distinct)
        names.append(found.names)
        return found.members

    members, offsets = coded_rows(column, codes_of)
    return Labels(names[0], members, offsets)


def encoded_groups(column: pa.Array) -> NDArray[np.int64]:
    """As `group_codes`, but only the distinct values become Python objects."""
    encoded = column.dictionary_encode()
    (of_name,) = group_codes([*encoded.dictionary.to_pylist(), None])
    return of_name[encoded.indices.fill_null(len(of_name) - 1).to_numpy()]


def split_codes(splits: pa.Array) -> NDArray[np.int8]:
    """Position in `SPLITS` of each entry, int8 (N,)."""
    return per_value(splits, SPLITS.index, pa.int8()).to_numpy(zero_copy_only=False)

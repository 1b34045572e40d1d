"""Labels as integer class codes: one class per row, or a set of classes per row."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

ClassName: TypeAlias = int | str

_MAX_CLASSES = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The classes of N rows, in compressed sparse row form (CSR).

    names: class names, sorted; the code of a class is its position.
    members: int32 (nnz,), class codes row by row, ascending within a row.
    offsets: int64 (N + 1,), where each row begins in ``members``; ``None`` if every row has exactly one class (the
        common, fast case). ``members`` is then the code of each row.

    Two rows are a positive pair if they share a class.
    """

    names: tuple[ClassName, ...] | range
    members: NDArray[np.int32]
    offsets: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.members) if self.offsets is None else len(self.offsets) - 1

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.names)

    def name_array(self) -> NDArray[np.generic]:
        """The names as an array (classes,) of strings, int64, or uint64 if needed, where NumPy would choose floats.

        If a string contains NUL, the dtype is object: NumPy's strings, or Arrow reading them, would end there.
        """
        if isinstance(self.names[0], str):
            return np.asarray(self.names, object if any("\0" in str(name) for name in self.names) else None)
        return np.asarray(self.names, np.int64 if self.names[-1] < 2**63 else np.uint64)  # type: ignore[operator]

    @property
    def single(self) -> bool:
        """Whether every row has exactly one class."""
        return self.offsets is None

    @property
    def codes(self) -> NDArray[np.int32]:
        """int32 (N,): the class of each row; with several classes, the first (the lowest code)."""
        return self.members if self.offsets is None else self.members[self.offsets[:-1]]

    def first_of(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """int32 (R,): the first class of each of ``rows``."""
        return self.members[rows if self.offsets is None else self.offsets[rows]]

    def of(self, row: int) -> tuple[ClassName, ...]:
        """The names of the classes of one row."""
        if self.offsets is None:
            return (self.names[self.members[row]],)
        return tuple(self.names[code] for code in self.members[self.offsets[row] : self.offsets[row + 1]])

    def sizes(self, excluded: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """int64 (classes,): the number of rows of each class; a row with several classes counts in each.

        excluded: bool (N,), rows not to count.
        """
        members = self.members
        if excluded is not None:
            counted = ~excluded if self.offsets is None else np.repeat(~excluded, np.diff(self.offsets))
            members = members[counted]
        return np.bincount(members, minlength=self.classes).astype(np.int64, copy=False)

    def rows_by_class(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of each class. Returns starts, int64 (classes + 1,), and rows, int64 (nnz,).

        ``rows[starts[c]:starts[c + 1]]`` are the rows of class c, ascending.
        """
        starts = np.zeros(self.classes + 1, dtype=np.int64)
        np.cumsum(self.sizes(), out=starts[1:])
        by_class = np.argsort(self.members, kind="stable")
        if self.offsets is None:
            return starts, by_class.astype(np.int64, copy=False)
        row_of = np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))
        return starts, row_of[by_class]

    def pairwise_shared(
        self, left: NDArray[np.int64], right: NDArray[np.int64], *, of: "Labels | None" = None
    ) -> NDArray[np.int32]:
        """int32 (P,): the first class that each pair of rows shares, −1 if they share none.

        of: the labels of the ``right`` rows, with the same codes; by default these labels.
        """
        other = self if of is None else of
        if self.offsets is None and other.offsets is None:
            codes = self.members[left]
            return np.where(codes == other.members[right], codes, np.int32(-1))
        pair, member = self.all_shared(left, right, of=other)
        shared = np.full(len(left), _MAX_CLASSES, dtype=np.int32)
        np.minimum.at(shared, pair, member)
        return np.where(shared == _MAX_CLASSES, np.int32(-1), shared)

    def all_shared(
        self, left: NDArray[np.int64], right: NDArray[np.int64], *, of: "Labels | None" = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """All classes that pairs of rows share: int64 (S,), the pair's number, and int32 (S,), the class.

        of: see ``pairwise_shared``.
        """
        other = self if of is None else of
        if self.offsets is None and other.offsets is None:
            pair = np.flatnonzero(self.members[left] == other.members[right])
            return pair, self.members[left][pair]
        # Look up each class of the left row among the sorted (row, class) pairs of all rows.
        begin, counts = self._begins_and_counts()
        _, other_counts = other._begins_and_counts()
        rows = np.repeat(np.arange(len(other), dtype=np.int64), other_counts)
        listed = rows * self.classes + other.members
        pair = np.repeat(np.arange(len(left)), counts[left])
        first = np.cumsum(counts[left]) - counts[left]
        member = self.members[np.arange(len(pair)) - first[pair] + begin[left][pair]]
        wanted = right[pair] * self.classes + member
        at = np.minimum(np.searchsorted(listed, wanted), len(listed) - 1)
        both = listed[at] == wanted
        return pair[both], member[both]

    def _begins_and_counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """int64 (N,) each: where each row's classes begin in ``members``, and their number."""
        if self.offsets is None:
            return np.arange(len(self.members), dtype=np.int64), np.ones(len(self.members), np.int64)
        return self.offsets[:-1], np.diff(self.offsets)


def encode_labels(values: object) -> Labels:
    """Labels from integers, strings, or sets of either (multi-label), one element per row.

    values: a one-dimensional array or sequence. An element is an integer, a string, or a set, list, tuple or array of
        them. Codes follow the sorted order of the classes, so that they do not depend on the order of rows. White space
        around a string is stripped, as in files.

    Raises: InputError for no rows, floats, missing values, empty strings or sets, and integers mixed with strings.
    """
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise InputError(
                f"labels have shape {values.shape}, but one label per row has shape (N,): "
                "give a list of sets for several labels per row"
            )
        if len(values) and values.dtype.kind in "biuUS":
            return _encode_array(values)
        if values.dtype.kind not in "OT":
            _require_rows(len(values))
            raise InputError(f"labels are {values.dtype}: give integers, strings, or sets of them")
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        raise InputError(f"labels are {type(values).__name__}, not a sequence: give one label for each row")
    rows = list(cast("Iterable[object]", values.tolist() if isinstance(values, np.ndarray) else values))
    _require_rows(len(rows))
    if any(_is_set(row) for row in rows):
        return _encode_sets(rows)
    names, codes = _encode_scalars(rows)
    return Labels(names=names, members=codes)


def _require_rows(rows: int) -> None:
    if rows == 0:
        raise InputError("labels are empty: give one label for each row of the embeddings")


def _is_set(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Set | Sequence) and not isinstance(value, str | bytes)


def _encode_array(values: NDArray[np.generic]) -> Labels:
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values.astype(np.bytes_), "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"label {error.object!r} is not UTF-8: decode the labels, and pass strings"
            ) from error
    if values.dtype.kind == "U":
        values = np.char.strip(values.astype(np.str_))
        empty = np.flatnonzero(values == "")
        if len(empty):
            raise InputError(f"labels[{empty[0]}] is empty: give each row a label, or drop the row")
    found, codes = np.unique(values, return_inverse=True)
    names = tuple(found.astype(np.int64).tolist() if found.dtype.kind == "b" else found.tolist())
    _check_names(names)
    return Labels(names=names, members=codes.astype(np.int32))


def _encode_scalars(values: Sequence[object]) -> tuple[tuple[ClassName, ...], NDArray[np.int32]]:
    """Names and codes of a flat list. Uses a dictionary, since an array of strings would drop trailing NULs and give
    every row the width of the longest string."""
    _check_types(values)
    distinct = set(values)
    names = [_name(value) for value in distinct]
    kinds = {type(name) for name in names}
    if len(kinds) > 1:
        integer = next(name for name in names if isinstance(name, int))
        string = next(name for name in names if isinstance(name, str))
        raise InputError(f"labels mix integers ({integer!r}) and strings ({string!r}): give one kind")
    if len(names) > _MAX_CLASSES:
        raise InputError(
            f"labels hold {len(names)} classes, but at most {_MAX_CLASSES} can be coded: join some, or drop rows"
        )
    _check_names(names)
    ordered = tuple(sorted(set(cast("list[str]", names))))
    code_of = {name: code for code, name in enumerate(ordered)}
    of_value = {value: code_of[cast("str", _name(value))] for value in distinct}
    codes = np.fromiter((of_value[value] for value in values), dtype=np.int32, count=len(values))
    return ordered, codes


_NAME_TYPES = (str, int, np.integer, np.bool_)


def _check_types(values: Sequence[object]) -> None:
    """Refuse other types. Called before values are compared: 1 == 1.0, and a list has no hash."""
    for kind in set(map(type, values)):
        if not issubclass(kind, _NAME_TYPES):
            value = next(value for value in values if type(value) is kind)
            raise InputError(
                f"label {value!r} is {kind.__name__}: give integers or strings, "
                "and drop or name the rows that have no label"
            )


def _check_names(names: Sequence[ClassName]) -> None:
    """Refuse names that files and arrays cannot hold: integers beyond int64 and uint64, and invalid Unicode."""
    whole = [name for name in names if isinstance(name, int)]
    least, most = min(whole, default=0), max(whole, default=0)
    if least < -(2**63) or most >= (2**64 if least >= 0 else 2**63):
        raise InputError(
            f"labels from {least} to {most} fit no integer of 64 bits: give such labels as strings"
        )
    try:
        "".join(name for name in names if isinstance(name, str)).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"a label holds {error.object[error.start : error.end]!r}, which is no character (it may be a byte of a "
            "file name that is not UTF-8): rename it"
        ) from error


def _name(value: object) -> ClassName:
    if not isinstance(value, str):
        return int(cast("int", value))
    name = str(value).strip()
    if not name:
        raise InputError(f"label {value!r} is empty: drop or name the rows that have no label")
    return name


def _encode_sets(rows: Sequence[object]) -> Labels:
    sets: list[list[object]] = []
    for i, row in enumerate(rows):
        # A bare value among sets is read as a set of one: tables mix them.
        members = list(cast("Iterable[object]", row)) if _is_set(row) else [row]
        _check_types(members)
        members = list(dict.fromkeys(_name(each) if isinstance(each, str) else each for each in members))
        if not members:
            raise InputError(f"labels[{i}] is an empty set: give each row a label, or drop the row")
        sets.append(members)
    names, flat = _encode_scalars(list(chain.from_iterable(sets)))
    counts = np.fromiter((len(members) for members in sets), dtype=np.int64, count=len(sets))
    if counts.max() == 1:
        return Labels(names=names, members=flat)
    offsets = np.zeros(len(sets) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    row_of = np.repeat(np.arange(len(sets)), counts)
    order = np.lexsort((flat, row_of))
    return Labels(names=names, members=flat[order], offsets=offsets)

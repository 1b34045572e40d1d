"""The rows of a run: the data set's rows, ordered by split with training first. Ids are positions."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import DataError
from ..runfile.data_spec import DataSpec
from .base import SPLITS, DataSet, coded_rows, per_value, split_codes, strings, tidy_paths
from .splits.assign import Splitting, assign_splits

Ids = range
"""Consecutive ids, such as those of a split or a task."""

COLUMNS = ("row", "key", "label", "split", "role", "group", "source")

_DIGEST_ROWS = 1 << 16
"""Number of rows that are converted to Python values at once."""


def build_rows(data: DataSet, spec: DataSpec, *, seed: int, splitting: Splitting = "hashed") -> pa.Table:
    """The table of a run's rows: training, then validation, then test, each in the data set's own order.

    Columns: int64 row (the position), string key, string or list<string> label, string split, string role and
    group (null if unknown), int64 source (index in the data set). splitting: see `assign_splits`.
    Raises: DataError for empty or repeated keys, and for splits that are not possible.
    """
    rows = data.rows
    check_keys(rows.keys, subject=spec.labels or spec.path or f"the data set {spec.kind}")
    codes = assign_splits(
        rows, split=spec.split, validation=spec.validation, test=spec.test, seed=seed, splitting=splitting
    )
    order = np.argsort(codes, kind="stable")
    source = pa.array(order, type=pa.int64())
    nothing = pa.nulls(len(rows), pa.string())
    return pa.table(
        {
            "row": pa.array(np.arange(len(rows)), type=pa.int64()),
            "key": rows.keys.take(source),
            "label": rows.labels.take(source),
            "split": strings(SPLITS).take(pa.array(codes[order])),
            "role": nothing if rows.roles is None else rows.roles.take(source),
            "group": nothing if rows.groups is None else rows.groups.take(source),
            "source": source,
        }
    )


def check_keys(keys: pa.Array, *, subject: str) -> None:
    """Check that keys are unique and not empty. subject: name of the data, for messages. Raises: DataError."""
    trimmed = pc.utf8_trim_whitespace(keys)  # pyright: ignore[reportAttributeAccessIssue]  made at import
    named = pc.sum(pc.greater(pc.binary_length(trimmed), 0)).as_py() or 0  # pyright: ignore[reportAttributeAccessIssue]
    empty = len(keys) - named  # the sum of nothing but nulls is null
    if empty:
        raise DataError(f"{subject} has {empty} rows without a key: give each its own")
    if len(keys.unique()) < len(keys):
        first, count = Counter(keys.to_pylist()).most_common(1)[0]
        raise DataError(
            f"{subject} has {count} rows with the key {first!r} but keys must be unique: list each item once"
        )


def _same_keys(stored: pa.Array, now: pa.Array) -> bool:
    """Whether the keys are equal. Earlier versions stored paths without normalising them (./x.png)."""
    return stored.equals(now) or tidy_paths(stored).equals(now)


def _first_difference(keys: pa.Array, name: str, stored: list[Any], now: list[Any]) -> str:
    rows = [row for row, (old, new) in enumerate(zip(stored, now, strict=True)) if old != new]
    row = rows[0]
    return f"{len(rows):,} rows with another {name} ({keys[row]}: it was {stored[row]!r} and now is {now[row]!r})"


@dataclass(frozen=True)
class RunRows:
    """The rows of a run, made by `build_rows` and stored in `rows.parquet`. Ids are positions."""

    table: pa.Table

    def __post_init__(self) -> None:
        """Check the table. Raises: ValueError if it is not a table of a run's rows."""
        if tuple(self.table.column_names) != COLUMNS:
            raise ValueError(f"it has the columns {self.table.column_names}, not {list(COLUMNS)}")
        ids = self.table["row"].to_numpy()
        if not np.array_equal(ids, np.arange(len(ids))) or not np.all(np.diff(self._codes) >= 0):
            raise ValueError("its rows are not in order")

    def __len__(self) -> int:
        return self.table.num_rows

    @cached_property
    def _ranges(self) -> Mapping[str, Ids]:
        ends = np.searchsorted(self._codes, Ids(len(SPLITS) + 1)).tolist()
        return {split: Ids(ends[code], ends[code + 1]) for code, split in enumerate(SPLITS)}

    @cached_property
    def _codes(self) -> NDArray[np.int8]:
        return split_codes(self.table["split"].combine_chunks())

    def range(self, split: str) -> Ids:
        """Ids of the rows of "train", "validation" or "test"."""
        return self._ranges[split]

    @property
    def n_train(self) -> int:
        """Number of training rows; their ids are 0 … n_train − 1."""
        return len(self.range("train"))

    @property
    def multi_label(self) -> bool:
        """Whether a row may have several labels."""
        return pa.types.is_list(self.table.schema.field("label").type)

    def column(self, name: str, split: str) -> pa.Array:
        """A column of `COLUMNS` for a split, in order of ids. As Python objects it would be many times as large."""
        ids = self.range(split)
        return self.table[name].slice(ids.start, len(ids)).combine_chunks()

    def labels(self, split: str) -> list[str] | list[list[str]]:
        """Label, or list of labels, of each row of a split, in order of ids."""
        return self.column("label", split).to_pylist()

    def keys(self, ids: NDArray[np.int64]) -> list[str]:
        """Keys of the rows `ids`."""
        return self.table["key"].take(pa.array(ids)).to_pylist()

    def sources(self, ids: Ids) -> NDArray[np.int64]:
        """Indices in the data set, int64 (len(ids),), of consecutive rows."""
        return self._sources.slice(ids.start, len(ids)).to_numpy()

    def sources_at(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices in the data set, int64 (B,), of the rows `ids`."""
        return self._sources.to_numpy()[ids]

    def groups(self, split: str) -> list[str | None]:
        """Group (such as the camera) of each row of a split, or None."""
        return self.column("group", split).to_pylist()

    def class_sizes(self, split: str) -> dict[str, int]:
        """Number of rows of each class of a split, by name. A row with several labels counts for each of them."""
        if self.multi_label:
            # A row that repeats a label counts once.
            labels = self.column("label", split)
            code_of = {name: code for code, name in enumerate(sorted(labels.flatten().unique().to_pylist()))}
            members, _ = coded_rows(
                labels, lambda names: np.array([code_of[name] for name in names], np.int32)
            )
            sizes = np.bincount(members, minlength=len(code_of)).tolist()
            return dict(zip(code_of, sizes, strict=True))
        names, sizes = self.column("label", split).value_counts().flatten()
        return dict(sorted(zip(names.to_pylist(), sizes.to_pylist(), strict=True)))

    def several(self) -> tuple[int, int, int]:
        """Number of rows with more than one label, in the training, validation and test split."""
        if not self.multi_label:
            return (0, 0, 0)
        coded = (
            coded_rows(self.column("label", split), lambda names: np.arange(len(names), dtype=np.int32))
            for split in SPLITS
        )
        train, validation, test = (
            0 if offsets is None else int((np.diff(offsets) > 1).sum()) for _, offsets in coded
        )
        return train, validation, test

    def singletons(self) -> list[str]:
        """Classes with a single training row, which is never an anchor or a positive, but may be a negative."""
        return [name for name, size in self.class_sizes("train").items() if size == 1]

    def difference(self, data: DataSet) -> str | None:
        """How the rows of `data` differ from the run's rows, for a message; None if they do not."""
        keys, there = self.table["key"].combine_chunks(), data.rows.keys
        if len(there) != len(keys) or not _same_keys(keys, there.take(self._sources)):
            before, now = keys.to_pylist(), there.to_pylist()
            counted = (sorted({*now} - {*before}), "added"), (sorted({*before} - {*now}), "removed")
            named = [f"{len(some):,} rows {what} (such as {some[0]})" for some, what in counted if some]
            return ", ".join(named) or "its rows are in another order"
        for name, values in (
            ("label", data.rows.labels),
            ("role", data.rows.roles),
            ("group", data.rows.groups),
        ):
            stored = self.table[name].combine_chunks()
            now = pa.nulls(len(keys), pa.string()) if values is None else values.take(self._sources)
            if not stored.equals(now.cast(stored.type)):
                return _first_difference(keys, name, stored.to_pylist(), now.to_pylist())
        if data.rows.splits is not None:
            stored, now = self.table["split"].combine_chunks(), data.rows.splits.take(self._sources)
            if SPLITS[1] not in now.unique().to_pylist():  # the validation was taken from the training rows
                stored = per_value(
                    stored, lambda split: SPLITS[0] if split == SPLITS[1] else split, pa.string()
                )
            if not stored.equals(now):
                return _first_difference(keys, "split", stored.to_pylist(), now.to_pylist())
        return None

    def check(self, data: DataSet) -> None:
        """Check that `data`, opened again, still has the run's rows in the same positions.

        Raises: DataError, for instance if a file was added to a folder, or the rows of a table have changed.
        """
        keys = data.rows.keys
        stored = self.table["key"].combine_chunks()
        known = len(keys) == len(self) and _same_keys(stored, keys.take(self._sources))
        if not known:
            raise DataError(
                f"the {len(keys)} rows of the data set are not the {len(self)} that the run began with, or "
                "in another order: put the old files back, or begin a new run"
            )

    @cached_property
    def _sources(self) -> pa.Array:
        return self.table["source"].combine_chunks()

    def digest(self) -> str:
        """SHA-256 of all values, independent of Arrow's chunks and memory layout."""
        digest = hashlib.sha256()
        for name in COLUMNS:
            for start in Ids(0, len(self), _DIGEST_ROWS):
                values = self.table[name].slice(start, _DIGEST_ROWS).to_pylist()
                digest.update(json.dumps([name, values]).encode())
        return digest.hexdigest()

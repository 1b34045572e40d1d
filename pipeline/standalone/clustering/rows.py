"""The rows to cluster: vectors of a file, or the embeddings of mined rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.labels import Labels
from ....mining.vectors import as_vectors, unit_vectors
from ...data.arrays import Arrays
from ...data.columns import LABEL_NAMES, as_strings, column_names, is_table, read_columns
from ...data.files import locate
from ...data.rows import check_keys
from ...data.tables.form import TableForm
from ...data.vectors import has_labels
from ...errors import DataError, SpecError
from ..source_rows import ALL, read_file_rows
from ..triplet_folder import open_triplets

_NAMED = ("vector", "key", "label", "split", "group")


@dataclass(frozen=True, slots=True, eq=False)
class Clustered:
    """M rows to be clustered.

    vectors: float32 (M, D). rows: int64 (M,), their row numbers in the file or the run. keys: string (M,). labels:
    those of *all* rows; None if unknown.
    """

    vectors: NDArray[np.float32]
    rows: NDArray[np.int64]
    keys: pa.Array
    labels: Labels | None

    def classes(self) -> NDArray[np.int32] | None:
        """int32 (M,): the class of each row; None if labels are unknown, or a row has several."""
        if self.labels is None or not self.labels.single:
            return None
        return self.labels.members[self.rows]


def rows_of_file(
    embeddings: str,
    labels: str | None,
    *,
    label_separator: str | None = None,
    split: str | None = None,
    normalise: bool = False,
    form: TableForm | None = None,
) -> Clustered:
    """Rows of a file, read as `tripletmine mine` does; but labels are optional, and vectors may have any length.

    Raises: DataError for files that cannot be read; SpecError for a split without labels; InputError for invalid
    vectors.
    """
    form = TableForm() if form is None else form
    here = Path()
    location = locate(embeddings, here)
    source = Arrays(location, None if labels is None else locate(labels, here), label_separator, form=form)
    if len(source.item_shape) != 1:
        raise DataError(
            f"{location} has items of shape {source.item_shape}, but vectors (N, D) are clustered: give those that an "
            "encoder makes of them"
        )
    if labels is None and not _labelled(location, form):
        if split not in (None, ALL):
            raise SpecError(f"split is {split!r} but {location} has no labels and no splits: leave it out")
        keys, rows, found = _keys(source, form), np.arange(len(source), dtype=np.int64), None
    else:
        file_rows = read_file_rows(source, split)
        keys, rows, found = file_rows.keys, file_rows.mined, file_rows.labels
    stored = source.read_stored()
    vectors = (
        unit_vectors(stored, normalised=True, name=location, remedy="")
        if normalise
        else as_vectors(stored, name=location)
    )
    taken = vectors if len(rows) == len(vectors) else vectors[rows]
    return Clustered(taken, rows, keys.take(pa.array(rows)), found)


def rows_of_run(folder: Path, epoch: int | None, note: Callable[[str], None]) -> Clustered:
    """The mined rows with their embeddings. folder, epoch: see `open_triplets`.

    Raises: SpecError for a folder of queries and documents; the errors of its files.
    """
    source = open_triplets(folder, epoch, needs=("mine", "embed"))
    if source.corpus is not None:
        raise SpecError(
            f"{folder} was mined of queries and documents, which are two sets of vectors: cluster one of them, with "
            "--embeddings"
        )
    if source.chosen:
        note(source.chosen)
    vectors = source.vectors()
    if source.excluded is None:
        # In a run, the keys of the training rows are followed by those of validation and test.
        keys = source.keys.slice(0, len(vectors))
        return Clustered(vectors, np.arange(len(vectors), dtype=np.int64), keys, source.labels)
    rows = np.flatnonzero(~source.excluded)
    return Clustered(vectors[rows], rows, source.keys.take(pa.array(rows)), source.labels)


def form_of(separator: str | None, columns: tuple[tuple[str, str], ...]) -> TableForm:
    """The layout of the files. Raises: DataError."""
    return TableForm(separator, columns, _NAMED)


def _labelled(location: str, form: TableForm) -> bool:
    names = {form.called("label") or "label", *LABEL_NAMES}
    if is_table(location):
        return not names.isdisjoint(column_names(location, form))
    return has_labels(location, form.called("label"))


def _keys(source: Arrays, form: TableForm) -> pa.Array:
    """The column key of a table, else row numbers from 0."""
    if is_table(source.location):
        table = read_columns(source.location, ("key",), form)
        if "key" in table.column_names:
            subject = f'{source.location}, column "key"'
            keys = as_strings(table["key"].combine_chunks(), subject=subject)
            check_keys(keys, subject=source.location)
            return keys
    return pa.array(np.arange(len(source))).cast(pa.string())

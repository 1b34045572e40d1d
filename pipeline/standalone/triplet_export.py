"""Export mined triplets from their folder to a file for trainers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifacts.triplets import coded_columns
from ..errors import DataError, SpecError
from .training_sets.files import require_new_file, training_file
from .training_sets.forms import COLUMNS, Form, in_form
from .training_sets.names import Names, read_texts
from .triplet_folder import TripletSource, open_triplets

_BYTES, _TRIPLETS = 1 << 25, 1 << 16
"""Bytes of text and number of triplets that are written at once."""


@dataclass(frozen=True, slots=True)
class Exported:
    """rows: number of rows written. left_out: number of pairs of anchor and positive with fewer negatives than the form
    needs."""

    rows: int
    left_out: int


def export_triplets(
    folder: Path,
    out: Path,
    form: Form | None = None,
    *,
    values: str | None = None,
    corpus_values: str | None = None,
    column: str = "text",
    epoch: int | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write mined triplets to the new file `out` (see `training_file`), block by block.

    folder, epoch: see `open_triplets`. form: by default one row for each triplet. values: a table whose `column` (a
    text, a path) replaces the keys, see `read_texts`. For queries and documents it is for the queries, and
    `corpus_values` for the documents. The texts are held in memory, the triplets are not.

    Raises: SpecError, DataError; CorruptError for a damaged folder; DataError if nothing is left to write.
    """
    form = Form() if form is None else form
    require_new_file(out)
    source = open_triplets(folder, epoch)
    if source.chosen:
        note(source.chosen)
    anchors, others = names_of(source, values, corpus_values, column)
    most = source.rule.negatives_per_positive
    rows = left_out = 0
    with training_file(out) as write:
        for columns in _blocks(source, anchors, others):
            table, few = in_form(columns, form, anchors, others, negatives=most)
            left_out += few
            rows += len(table)
            if len(table):
                write(table)
        if not rows:
            raise DataError(_nothing(folder, form, left_out, most))
    return Exported(rows, left_out)


def _nothing(folder: Path, form: Form, left_out: int, most: int) -> str:
    if not left_out:
        return f"{folder} holds no triplets, so there is nothing to write: mine with a larger margin, or a smaller k"
    return (
        f"none of the {left_out:,} pairs in {folder} has {form.negatives} negatives (mining took {most} for a pair at "
        "most): lower --negatives, or mine again with --negatives-per-positive and --triplets-per-anchor raised"
    )


def names_of(
    source: TripletSource, values: str | None, corpus_values: str | None, column: str
) -> tuple[Names, Names]:
    """The names of anchors, and of positives and negatives. Arguments and errors: see `export_triplets`."""
    if source.corpus is None:
        if corpus_values:
            raise SpecError("corpus_values is for triplets of queries and a corpus: give values alone")
        texts = read_texts(values, column, source.keys, source.sources) if values else None
        names = Names.of(source.keys, texts)
        return names, names
    if bool(values) != bool(corpus_values):
        given, missing = ("values", "corpus_values") if values else ("corpus_values", "values")
        raise SpecError(
            f"{given} is given without {missing}, and one has the queries, the other the documents: give both"
        )
    if not values or not corpus_values:
        return Names.of(source.keys), Names.of(source.corpus.keys)
    return (
        Names.of(source.keys, read_texts(values, column, source.keys)),
        Names.of(source.corpus.keys, read_texts(corpus_values, column, source.corpus.keys)),
    )


def _blocks(source: TripletSource, anchors: Names, others: Names) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Columns of the triplets in blocks of whole anchors with about `_BYTES` of text."""
    sizes = {"anchor": anchors.sizes(), "positive": others.sizes(), "negative": others.sizes()}
    for path in source.files:
        columns = coded_columns(path, source.labels, COLUMNS)
        if not len(columns["anchor"]):
            continue
        for role, known in sizes.items():
            rows = columns[role]
            if not 0 <= rows.min() <= rows.max() < len(known):
                raise DataError(
                    f"{path} names row {rows.max()} of {len(known):,}: it is of other data, so mine again"
                )
        weight = sum(known[columns[role]] for role, known in sizes.items()) + _BYTES // _TRIPLETS
        block = np.cumsum(weight) // _BYTES
        starts = np.flatnonzero(np.diff(columns["anchor"], prepend=-1))
        # An anchor is not split: all its triplets go into the block in which it begins.
        first = starts[np.flatnonzero(np.diff(block[starts], prepend=-1))]
        for start, stop in zip(first, [*first[1:], len(block)], strict=True):
            yield {name: column[start:stop] for name, column in columns.items()}

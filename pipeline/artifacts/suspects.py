"""Parquet files of suspects for a person to review: rows and pairs whose neighbourhood contradicts their labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...mining.labels import Labels
from ...mining.neighbours import NeighbourTable
from ...mining.suspects import Suspects
from ..data.review.decisions import Review, pair_of
from ..storage.tables import read_table, write_table
from .triplets import class_names

MISLABELLED = "mislabelled.parquet"
FALSE_NEGATIVES = "false_negatives.parquet"
UNLABELLED_POSITIVES = "unlabelled_positives.parquet"

NEAREST = 32
"""Number of a row's nearest neighbours that `suspects` examines, whatever K is."""


def nearest_of(table: NeighbourTable) -> NeighbourTable:
    """The first NEAREST columns of a neighbour table, which are all that `suspects` needs."""
    columns = slice(0, NEAREST)
    return NeighbourTable(
        np.ascontiguousarray(table.ids[:, columns]), np.ascontiguousarray(table.sq_distances[:, columns])
    )


def write_suspects(folder: Path, found: Suspects, labels: Labels, keys: pa.Array) -> tuple[str, str]:
    """Write both tables, strongest suspects first, with the keys of their rows. Returns the file names."""
    write_table(folder / MISLABELLED, _table(found.mislabelled, labels, keys))
    write_table(folder / FALSE_NEGATIVES, _table(found.false_negatives, labels, keys))
    return MISLABELLED, FALSE_NEGATIVES


def write_unlabelled(
    folder: Path, found: Mapping[str, NDArray[Any]], query_keys: pa.Array, corpus_keys: pa.Array
) -> str:
    """Write the unlabelled documents that look relevant to a query, strongest first. Returns the file name.

    found: columns, with the positions `query` and `document`; the keys of both are added.
    """
    arrays = {name: pa.array(values) for name, values in found.items()}
    arrays["query_key"] = query_keys.take(arrays["query"])
    arrays["document_key"] = corpus_keys.take(arrays["document"])
    write_table(folder / UNLABELLED_POSITIVES, pa.table(arrays))
    return UNLABELLED_POSITIVES


def undecided(found: Suspects, keys: pa.Array, review: Review) -> Suspects:
    """The suspects without rows and pairs that a review decides, and without pairs of rows that it excludes.

    keys: keys of all rows.
    """
    if not len(review):
        return found
    of_rows, pairs = found.mislabelled, found.false_negatives
    decided = review.rows
    rows = [key not in decided for key in keys.take(pa.array(of_rows["row"])).to_pylist()]
    named = zip(*(keys.take(pa.array(pairs[name])).to_pylist() for name in ("row", "other")), strict=True)
    open_pairs = [
        pair_of(*each) not in review.pairs and not review.excluded.intersection(each) for each in named
    ]
    return Suspects(_those(of_rows, rows), _those(pairs, open_pairs))


def _those(columns: Mapping[str, NDArray[Any]], chosen: Sequence[bool]) -> dict[str, NDArray[Any]]:
    mask = np.array(chosen, np.bool_)
    return {name: values[mask] for name, values in columns.items()}


def excluded_rows(path: Path, rows: int) -> NDArray[np.bool_]:
    """Mask of the mislabelled rows that `write_suspects` listed, bool (rows,)."""
    mask = np.zeros(rows, np.bool_)
    mask[read_table(path, ("row",))["row"].to_numpy()] = True
    return mask


def _table(columns: Mapping[str, NDArray[Any]], labels: Labels, keys: pa.Array) -> pa.Table:
    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        arrays[name] = class_names(values, labels) if name.endswith("label") else pa.array(values)
        if name in ("row", "other"):
            arrays["key" if name == "row" else "other_key"] = keys.take(pa.array(values))
    return pa.table(arrays)

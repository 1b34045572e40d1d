"""A teacher's scores, from a function of the user or from a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.labels import Labels
from ....mining.miner import Mined
from ....mining.neighbours import NO_ROW
from ....mining.rescoring.bound import TeacherBound
from ....mining.rescoring.keep import keep_triplets
from ....mining.rule import MiningRule
from ....models.factory import load_factory
from ...data.base import same_names
from ...data.columns import as_numbers, as_strings, is_table, read_columns
from ...data.files import locate
from ...data.tables.form import AS_USUAL, TableForm
from ...errors import DataError
from ..never_negatives import OF_ONE_SET, OF_TWO_SETS

SCORE = "score"
_PAIRS_AT_ONCE = 1 << 16

Scores = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""Function of rows of anchors and rows of others, (P,) each, that returns a score for each pair."""


def open_scores(
    reference: str, keys: pa.Array, corpus_keys: pa.Array | None = None, *, form: TableForm = AS_USUAL
) -> Scores:
    """Open a teacher's scores.

    reference: a Parquet, CSV or TSV file of scored pairs, or a function as `path/to/file.py:score`. The file has the
    columns key, other_key and score, where the order of the two keys does not matter; or for queries query, document
    and score. The function takes two lists of keys and returns a number for each pair, higher for pairs that belong
    together. keys: those of all rows. corpus_keys: those of the documents, if the rows are queries.

    Raises: DataError for a file without these columns; ModelError for a function that cannot be loaded.
    """
    others = keys if corpus_keys is None else corpus_keys
    if is_table(locate(reference, Path())):
        return _of_file(reference, keys, others, form, one_set=corpus_keys is None)
    function = load_factory(reference, subject="--rescore")

    def of_keys(anchors: NDArray[np.int64], rows: NDArray[np.int64]) -> Any:
        return function(keys.take(pa.array(anchors)).to_pylist(), others.take(pa.array(rows)).to_pylist())

    return in_blocks(of_keys, reference)


def in_blocks(function: Callable[[NDArray[np.int64], NDArray[np.int64]], Any], name: str) -> Scores:
    """A user's function as `Scores`: it is called with a limited number of pairs at a time, and its results are
    checked.

    Raises, when called: DataError for anything but one finite number per pair.
    """

    def scores(anchors: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        found = np.empty(len(anchors), np.float64)
        for start in range(0, len(anchors), _PAIRS_AT_ONCE):
            block = slice(start, start + _PAIRS_AT_ONCE)
            some = anchors[block], rows[block]
            found[block] = _checked(function(*some), len(some[0]), name)
        return found

    return scores


def rescored(
    mined: Mined, scores: Scores, bound: TeacherBound, rule: MiningRule, labels: Labels | None
) -> Mined:
    """The triplets whose negative the teacher's scores admit. Each distinct pair is scored once.

    labels: as for `keep_triplets`.
    """
    anchor = mined.columns["anchor"]
    pairs = np.concatenate(
        [np.stack([anchor, mined.columns[role]], axis=1) for role in ("positive", "negative")]
    )
    distinct, place = np.unique(pairs, axis=0, return_inverse=True)
    found = scores(distinct[:, 0], distinct[:, 1])[place.reshape(-1)]
    stays = bound.admits(found[: len(anchor)], found[len(anchor) :])
    return keep_triplets(mined, stays, rule, labels)


def _checked(given: Any, pairs: int, reference: str) -> NDArray[np.float64]:
    """The returned values as an array. Raises: DataError for anything but one finite number per pair."""
    values = given.detach().float().cpu().numpy() if hasattr(given, "detach") else given
    try:
        values = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{reference} gave no numbers ({error}): return a number for each pair") from None
    if values.shape != (pairs,) or not np.isfinite(values).all():
        what = f"shape {values.shape}" if values.shape != (pairs,) else "values that are not finite"
        raise DataError(f"{reference} gave {what} for {pairs:,} pairs: return a finite number for each")
    return values


def _of_file(reference: str, keys: pa.Array, others: pa.Array, form: TableForm, *, one_set: bool) -> Scores:
    names = (OF_ONE_SET if one_set else OF_TWO_SETS)[0]
    table = read_columns(locate(reference, Path()), (*names, SCORE), form)
    missing = [name for name in (*names, SCORE) if name not in table.column_names]
    if missing:
        raise DataError(f"{reference} has no column {missing[0]}: it must have {', '.join((*names, SCORE))}")
    cells = (table[name].combine_chunks() for name in names)
    sides = zip(names, cells, (keys, others), strict=True)
    left, right = (
        same_names(as_strings(column, subject=f'{reference}, column "{name}"'), side)
        for name, column, side in sides
    )
    numbers = as_numbers(
        table[SCORE].combine_chunks(),
        pa.float64(),
        subject=f'{reference}, column "{SCORE}"',
        wanted="number",
        remedy="give the teacher's scores as numbers",
    )
    given = numbers.fill_null(float("nan")).to_numpy(zero_copy_only=False)
    there = (left != NO_ROW) & (right != NO_ROW) & np.isfinite(given)
    left, right, given = left[there], right[there], given[there]
    if one_set:
        left, right, given = (
            np.concatenate([left, right]),
            np.concatenate([right, left]),
            np.concatenate([given, given]),
        )
    width = len(others)
    # If a pair is listed twice, in either order, its first score counts.
    listed, first = np.unique(left * width + right, return_index=True)

    def scores(anchors: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        wanted = anchors * width + rows
        at = np.minimum(np.searchsorted(listed, wanted), max(len(listed) - 1, 0))
        found = listed[at] == wanted if len(listed) else np.zeros(len(wanted), np.bool_)
        if not found.all():
            row = int(np.flatnonzero(~found)[0])
            pair = keys[int(anchors[row])].as_py(), others[int(rows[row])].as_py()
            raise DataError(
                f"{reference} has no finite score for {int((~found).sum()):,} of {len(wanted):,} pairs, as {pair}: "
                "mine without --rescore, score these pairs, and mine again as before"
            )
        return given[first[at]]

    return scores

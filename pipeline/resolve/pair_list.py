"""Read and check the verification pairs of evaluate.pairs_file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.base import SPLITS, same_names
from ..data.columns import as_numbers, as_strings, read_columns
from ..data.rows import RunRows
from ..errors import DataError
from ..runfile.run_spec import RunSpec
from ..storage.digest import digest_json

if TYPE_CHECKING:
    from ...models.metrics.verification import Pairs

_COLUMNS = ("key", "other_key", "same", "fold")
_SAME = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True, eq=False)
class PairList:
    """Verification pairs. first, second: keys of rows, string (P,). same: bool (P,). fold: int64 (P,) or None."""

    first: pa.Array
    second: pa.Array
    same: NDArray[np.bool_]
    fold: NDArray[np.int64] | None

    def digest(self) -> str:
        """Digest of the content, independent of the file format."""
        fold = None if self.fold is None else self.fold.tolist()
        return digest_json([self.first.to_pylist(), self.second.to_pylist(), self.same.tolist(), fold])

    def of(self, keys: pa.Array, seed: int) -> "Pairs | None":
        """The pairs whose rows are both in `keys`, as positions in it; None if there are none.

        Pairs without folds are distributed over folds by `seed`.
        """
        from ...models.metrics.verification import Pairs, dealt_folds

        first, second = same_names(self.first, keys), same_names(self.second, keys)
        there = (first >= 0) & (second >= 0)
        if not there.any():
            return None
        same = self.same[there]
        fold = dealt_folds(same, seed) if self.fold is None else self.fold[there]
        return Pairs(first[there], second[there], same, fold)


def read_pair_list(spec: RunSpec) -> PairList | None:
    """Read the pairs of evaluate.pairs_file; None if it is not set.

    Raises: DataError for an unreadable file, a missing column, an empty or invalid cell, a row paired with itself, or a
    repeated pair.
    """
    if spec.evaluate.pairs_file is None:
        return None
    path = str(Path(spec.base) / Path(spec.evaluate.pairs_file).expanduser())
    table = read_columns(path, _COLUMNS)
    missing = [name for name in _COLUMNS[:3] if name not in table.column_names]
    if missing:
        raise DataError(
            f'{path} has no column "{missing[0]}": a pair has key, other_key, same (1 or 0), and optionally fold'
        )
    first, second, same = (_cells(table, name, path) for name in _COLUMNS[:3])
    kinds = np.array([_SAME.get(cell.lower(), -1) for cell in same.to_pylist()])
    if (kinds < 0).any():
        row = int(np.argmax(kinds < 0))
        raise DataError(f"{path} has {same[row].as_py()!r} as same in row {row} (from 0): write 1 or 0")
    _refuse_repeated(first.to_pylist(), second.to_pylist(), kinds.tolist(), path)
    fold = None
    if "fold" in table.column_names:
        cells = _cells(table, "fold", path)
        numbers = as_numbers(
            cells, pa.int64(), subject=f'{path}, column "fold"', wanted="fold", remedy="give whole numbers"
        )
        fold = numbers.to_numpy(zero_copy_only=False)
    return PairList(first, second, kinds.astype(np.bool_), fold)


def check_pair_list(pairs: PairList, rows: RunRows, name: str) -> None:
    """Check that both rows of each pair are in validation, or both in the test, with enough pairs to choose thresholds.

    Raises: DataError.
    """
    keys = {split: rows.table["key"].combine_chunks().take(_ids(rows, split)) for split in SPLITS}
    first, second = (
        {split: same_names(side, keys[split]) >= 0 for split in SPLITS}
        for side in (pairs.first, pairs.second)
    )
    counted = np.zeros(len(pairs.same), np.bool_)
    for split in SPLITS[1:]:
        counted |= first[split] & second[split]
    if not counted.all():
        row = int(np.argmin(counted))
        said = " and ".join(
            f"{side[row].as_py()!r} ({next((split for split in SPLITS if found[split][row]), 'no row')})"
            for side, found in ((pairs.first, first), (pairs.second, second))
        )
        raise DataError(
            f"{name}: in {int((~counted).sum()):,} of {len(counted):,} pairs the rows are neither both in validation "
            f"nor both in the test, the first is {said} in row {row} (from 0): leave them out"
        )
    for split in SPLITS[1:]:
        _check_kinds(pairs, first[split], f"{name}, {split}")


def _check_kinds(pairs: PairList, there: NDArray[np.bool_], subject: str) -> None:
    from ...models.metrics.verification import FOLDS

    same = pairs.same[there]
    if not len(same):
        return
    if pairs.fold is None:
        if min(same.sum(), (~same).sum()) < FOLDS:
            raise DataError(
                f"{subject}: it has {same.sum()} pairs of one class and {(~same).sum()} of two, but thresholds are "
                f"chosen on {FOLDS} folds with one of each at least: add pairs, or a column fold"
            )
        return
    folds = pairs.fold[there]
    for fold in np.unique(folds):
        if len(np.unique(same[folds != fold])) < 2:
            raise DataError(
                f"{subject}: the pairs outside fold {fold} are not of both kinds, so no threshold can be chosen on "
                "them: give two or more folds, each with pairs of one class and of two"
            )


def _refuse_repeated(first: list[str], second: list[str], same: list[int], path: str) -> None:
    known: dict[tuple[str, str], int] = {}
    for row, (one, other) in enumerate(zip(first, second, strict=True)):
        if one == other:
            raise DataError(f"{path} pairs {one!r} with itself in row {row} (from 0): leave it out")
        pair = (one, other) if one < other else (other, one)
        before = known.setdefault(pair, row)
        if before != row:
            said = (
                "" if same[before] == same[row] else ", once as the same class and once as different classes"
            )
            raise DataError(
                f"{path} has the pair {one!r}, {other!r} twice, in rows {before} and {row} (from 0){said}: leave one"
            )


def _cells(table: pa.Table, name: str, path: str) -> pa.Array:
    cells = as_strings(table[name].combine_chunks(), subject=f'{path}, column "{name}"')
    if cells.null_count:
        raise DataError(f'{path} has {cells.null_count:,} empty cells in column "{name}": fill them')
    return cells


def _ids(rows: RunRows, split: str) -> pa.Array:
    return pa.array(np.asarray(rows.range(split), np.int64))

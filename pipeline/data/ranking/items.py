"""The ranked items of a run: their rows and pairs, and checks of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import DataError
from ...redact import redacted
from ..base import SPLITS
from ..rows import RunRows
from .contradictions import contradictions
from .read import ALIKE, BETTER, VALUE, Ranking


@dataclass(frozen=True, slots=True, eq=False)
class RankedItems:
    """The I items of a split that are in a pair or have a value, in the order of their first rows.

    names: the items' names, which are the labels of their rows. rows: int64 (I, S), positions in the split of each
    item's S segments, in the order of the data set. better: int64 (P, 2), pairs of items, the better one first. alike:
    int64 (Q, 2), pairs of like items. values: float64 (I,), NaN if unknown. groups: int64 (I,), group of the item's
    first row, −1 for none.
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    better: NDArray[np.int64]
    alike: NDArray[np.int64]
    values: NDArray[np.float64]
    groups: NDArray[np.int64]

    def row_pairs(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Pairs of matching segments: rows, int64 ((P + Q) · S, 2), and whether they are alike, bool ((P + Q) · S,).

        Sorted by the first row, then the second.
        """
        items = np.concatenate([self.better, self.alike])
        alike = np.repeat(np.arange(len(items)) >= len(self.better), self.rows.shape[1])
        pairs = self.rows[items].transpose(0, 2, 1).reshape(-1, 2)
        order = np.lexsort((alike, pairs[:, 1], pairs[:, 0]))
        return pairs[order], alike[order]

    def row_values(self, rows: int) -> NDArray[np.float32]:
        """The value of each row's item, standardised over the items, float32 (rows,); NaN if unknown."""
        known = self.values[~np.isnan(self.values)]
        spread = float(known.std()) if len(known) else 0.0
        scaled = (self.values - (known.mean() if len(known) else 0.0)) / (spread or 1.0)
        found = np.full(rows, np.nan, np.float32)
        found[self.rows] = scaled[:, None]
        return found


@dataclass(frozen=True, slots=True)
class RankingCounts:
    """pairs: number of "better" pairs within the training, validation and test split. remarks: for people."""

    pairs: tuple[int, int, int]
    remarks: tuple[str, ...]


def ranked_items(rows: RunRows, split: str, table: pa.Table) -> RankedItems:
    """The ranked items of a split, from a table of `read.SCHEMA`. Pairs with an item of another split are left out."""
    places = _places(rows, split)
    named = _named(table)
    names = [name for name in places if name in named]
    number = {name: code for code, name in enumerate(names)}
    values = np.full(len(names), np.nan)
    pairs: dict[str, list[tuple[int, int]]] = {BETTER: [], ALIKE: []}
    for first, second, relation, value in _lines(table):
        if relation == VALUE and first in number:
            values[number[first]] = value
        elif first in number and second in number:
            pairs[relation].append((number[first], number[second]))
    segments = len(places[names[0]]) if names else 1
    groups = rows.groups(split)
    codes = {name: code for code, name in enumerate(sorted({group for group in groups if group is not None}))}
    return RankedItems(
        names=tuple(names),
        rows=np.array([places[name] for name in names], np.int64).reshape(-1, segments),
        better=np.array(pairs[BETTER], np.int64).reshape(-1, 2),
        alike=np.array(pairs[ALIKE], np.int64).reshape(-1, 2),
        values=values,
        groups=np.array([codes.get(groups[places[name][0]] or "", -1) for name in names], np.int64),
    )


def check_ranking(rows: RunRows, ranking: Ranking, *, source: str) -> RankingCounts:
    """Check that items, rows and pairs fit together. source: the file of pairs.

    Raises: DataError for rows with several labels; items without rows, with rows in several splits or with unequal
    numbers of rows; and training or validation without pairs.
    """
    if rows.multi_label:
        raise DataError(
            f"{source} ranks items, which are the labels of the rows, but rows of the data set have several labels: "
            "give each row the name of its item as its only label"
        )
    places = {split: _places(rows, split) for split in SPLITS}
    _check_items(places, _named(ranking.table), source)
    items = {split: ranked_items(rows, split, ranking.table) for split in SPLITS}
    for split in SPLITS[:2]:
        if not len(items[split].better):
            raise DataError(
                f'no "{BETTER}" pair of {source} has both items in the {split} split: add some, or keep the items of a '
                'pair together with a column "split"'
            )
    remarks = [*_said_of_pairs(ranking, items), *_said_of_items(places, items)]
    train, validation, test = (len(items[split].better) for split in SPLITS)
    return RankingCounts((train, validation, test), tuple(remarks))


def _places(rows: RunRows, split: str) -> dict[str, list[int]]:
    """Positions in the split of the rows of each item, by name."""
    found: dict[str, list[int]] = {}
    for place, label in enumerate(rows.labels(split)):
        found.setdefault(str(label), []).append(place)
    return found


def _lines(table: pa.Table) -> Iterator[tuple[str, str, str, Any]]:
    yield from zip(*(table[name].to_pylist() for name in table.column_names), strict=True)


def _named(table: pa.Table) -> set[str]:
    return {*table["first"].to_pylist(), *table["second"].to_pylist()} - {None}


def _check_items(places: dict[str, dict[str, list[int]]], named: set[str], source: str) -> None:
    unknown = sorted(named.difference(*places.values()))
    if unknown:
        raise DataError(
            f"{source} (or data.values) names {len(unknown):,} items that are not the label of any row, such as "
            f'"{redacted(unknown[0])}": correct these names, or leave their lines out'
        )
    for name in sorted(named):
        there = [split for split in SPLITS if name in places[split]]
        if len(there) > 1:
            raise DataError(
                f'the rows of the item "{redacted(name)}" are in several splits ({", ".join(there)}), but its score is '
                'the mean of all of them: set data.split = "zero-shot", or give them one split in the column "split"'
            )
    sizes = {name: len(found) for split in SPLITS for name, found in places[split].items() if name in named}
    fewest, most = (
        min(sizes, key=lambda name: (sizes[name], name)),
        max(sizes, key=lambda name: (sizes[name], name)),
    )
    if sizes[fewest] != sizes[most]:
        raise DataError(
            f'the item "{redacted(fewest)}" has {sizes[fewest]} segments (rows) and "{redacted(most)}" has '
            f"{sizes[most]}, but matching segments are compared: give all items that are in pairs or have a value "
            "equally many rows"
        )


def _said_of_pairs(ranking: Ranking, items: dict[str, RankedItems]) -> Iterator[str]:
    if ranking.repeated:
        yield f"{ranking.repeated:,} lines of data.pairs are repetitions: each pair counts once"
    inside = sum(len(each.better) + len(each.alike) for each in items.values())
    across = sum(relation != VALUE for relation in ranking.table["relation"].to_pylist()) - inside
    if across:
        yield f"{across:,} pairs have their items in two splits: they are neither trained on nor evaluated"
    for split, each in items.items():
        found = contradictions(each.better, each.alike, len(each.names))
        if found.on_cycles:
            way = " over ".join(f'"{redacted(each.names[item])}"' for item in found.example)
            yield (
                f"{found.on_cycles:,} of the {len(each.better):,} pairs of the {split} split contradict each other, in "
                f"{found.cycles:,} cycles (such as {way}): they count as they are, so correct them or leave them out"
            )
        if found.also_alike:
            yield (
                f'{found.also_alike:,} pairs of the {split} split are both "{BETTER}" and "{ALIKE}": both count as '
                "they are, so leave one of each out"
            )


def _said_of_items(places: dict[str, dict[str, list[int]]], items: dict[str, RankedItems]) -> Iterator[str]:
    for split, each in items.items():
        paired = {each.names[item] for item in np.unique(np.concatenate([each.better, each.alike])).tolist()}
        alone = sorted(places[split].keys() - paired)
        if alone:
            what = "they are not trained on" if split == SPLITS[0] else "they are not evaluated"
            yield f'{len(alone):,} items of the {split} split are in no pair (such as "{redacted(alone[0])}"): {what}'


def mean_scores(items: RankedItems, scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores of the items, float64 (I,): means over their segments. scores: of the rows of the split, (rows,)."""
    return scores[items.rows].mean(axis=1, dtype=np.float64)


def described(pairs: Sequence[int]) -> str:
    """`1,234 train, 200 validation, 300 test`."""
    return ", ".join(f"{count:,} {split}" for split, count in zip(SPLITS, pairs, strict=True))

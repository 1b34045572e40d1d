"""Suspect rows and pairs for the user to decide on, found in the neighbour table."""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....mining import suspects as found_by
from ....mining.labels import Labels
from ....mining.neighbours import NeighbourTable
from ...artifacts.neighbours import read_some_neighbours
from ...artifacts.suspects import nearest_of
from ...errors import UnavailableError
from ...standalone.triplet_folder import TripletSource
from ..content import Suspect, Suspects
from ..sampling import spread_blocks
from ..source import label_of

ROWS = 1 << 17
"""Maximum number of rows examined; if there are more, evenly spread ranges are examined."""
_STEP = 8192
DUPLICATE_SQ = 1e-4
"""d² up to which two rows under two labels are called duplicates, unless mine.guards.duplicate_sq is set."""

Decided = Collection[tuple[str, str]]
"""(key, other key) of earlier decisions; the other key is "" for a decision on one row."""


def find_suspects(triplets: TripletSource, *, limit: int, decided: Decided = ()) -> Suspects:
    """The `limit` strongest suspects, without those decided in `decided` or in the review of the triplets.

    Raises: UnavailableError if the neighbours were pruned; CorruptError.
    """
    if triplets.pruned:
        raise UnavailableError(f"{triplets.neighbours} was deleted by run.keep.graph: take a later epoch")
    blocks = spread_blocks(len(triplets.labels), ROWS)
    rows = np.concatenate([np.asarray(block, np.int64) for block in blocks])
    table = nearest_lines(triplets.neighbours, rows)
    found = found_by.suspects(table, triplets.labels, rows=rows)
    every = [
        *_mislabelled(found.mislabelled, table, rows, triplets.labels),
        *_pairs(found.false_negatives, found.mislabelled["row"], triplets),
    ]
    every.sort(key=lambda suspect: -suspect.score)
    decided = {*decided, *triplets.review.decided}
    new = [each for each in every if not _is_decided(each, triplets, decided)] if decided else every
    return Suspects(
        listed=new[:limit],
        found=Counter(each.kind for each in new),
        rows=len(rows),
        of=len(triplets.labels),
        decided=len(every) - len(new),
    )


def nearest_lines(path: Path, rows: NDArray[np.int64]) -> NeighbourTable:
    """The nearest neighbours of these rows, read in small steps because the table on disk may be much wider."""
    ids, sq_distances = np.empty((len(rows), 0), np.int64), np.empty((len(rows), 0), np.float32)
    for start in range(0, len(rows), _STEP):
        some = slice(start, start + _STEP)
        found = nearest_of(read_some_neighbours(path, rows[some]))
        if not start:
            ids = np.empty((len(rows), found.neighbours), np.int64)
            sq_distances = np.empty(ids.shape, np.float32)
        ids[some], sq_distances[some] = found.ids, found.sq_distances
    return NeighbourTable(ids, sq_distances)


def _mislabelled(
    columns: dict[str, NDArray[Any]], table: NeighbourTable, rows: NDArray[np.int64], labels: Labels
) -> Iterator[Suspect]:
    """Each mislabelled row, paired with its nearest neighbour of the suggested class."""
    lines = np.searchsorted(rows, columns["row"])
    for line, row, suggested, score in zip(
        lines.tolist(),
        columns["row"].tolist(),
        columns["suggested_label"].tolist(),
        columns["score"].tolist(),
        strict=True,
    ):
        ids = table.ids[line]
        ids = ids[ids >= 0]
        rank = int(np.argmax(labels.first_of(ids) == suggested))
        other = int(ids[rank])
        yield Suspect(
            kind="mislabelled",
            row=row,
            other=other,
            label=label_of(labels, row),
            other_label=label_of(labels, other),
            sq_distance=float(table.sq_distances[line, rank]),
            score=score,
        )


def _pairs(
    columns: dict[str, NDArray[Any]], mislabelled: NDArray[np.int64], triplets: TripletSource
) -> Iterator[Suspect]:
    """Suspect pairs without rows that look mislabelled, since their labels must be decided first."""
    limit = triplets.rule.guards.duplicate_sq or DUPLICATE_SQ
    clean = ~(np.isin(columns["row"], mislabelled) | np.isin(columns["other"], mislabelled))
    for row, other, sq_distance, score in zip(
        *(columns[name][clean].tolist() for name in ("row", "other", "sq_distance", "score")), strict=True
    ):
        yield Suspect(
            kind="duplicate" if sq_distance <= limit else "false negative",
            row=row,
            other=other,
            label=label_of(triplets.labels, row),
            other_label=label_of(triplets.labels, other),
            sq_distance=sq_distance,
            score=score,
        )


def _is_decided(suspect: Suspect, triplets: TripletSource, decided: Decided) -> bool:
    key, other = triplets.keys[suspect.row].as_py(), triplets.keys[suspect.other].as_py()
    if suspect.kind == "mislabelled":
        return (key, "") in decided
    return not {(key, other), (other, key), (key, ""), (other, "")}.isdisjoint(decided)

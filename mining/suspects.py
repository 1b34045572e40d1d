"""Find rows whose neighbours disagree with their label, for review by a person."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .checks import check_at_least, check_share
from .errors import InputError
from .kernels import first_class, shared_class
from .labels import Labels
from .miner_input import check_labels, check_table
from .neighbours import NO_ROW, NeighbourTable


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Rows that may have a wrong label, and pairs that may be the same thing under two labels; highest scores first.

    Attributes:
        mislabelled: Columns row int64; label and suggested_label int32 (class codes); agreement, suggested_share and
            score float32. agreement: share of the row's voters that share a class with it (relative to the number of
            rows in its class, if that is smaller). suggested_share: share of voters of the most common other class.
            score = suggested_share − agreement, at most 1.
        false_negatives: Columns row and other int64 (row < other); label and other_label int32; sq_distance,
            sq_positive (of the nearest positive of either row) and score float32. score = 1 − sq_distance /
            sq_positive.
    """

    mislabelled: dict[str, NDArray[Any]]
    false_negatives: dict[str, NDArray[Any]]

    def excluded(self, rows: int, *, pairs: bool = False) -> NDArray[np.bool_]:
        """bool (rows,), for ``mine(…, excluded=…)``: mislabelled rows, and with ``pairs`` the rows of pairs, too."""
        mask = np.zeros(rows, np.bool_)
        mask[self.mislabelled["row"]] = True
        if pairs:
            mask[self.false_negatives["row"]] = True
            mask[self.false_negatives["other"]] = True
        return mask


def suspects(
    neighbours: NeighbourTable,
    labels: Labels,
    *,
    rows: NDArray[np.int64] | None = None,
    voters: int = 10,
    minimum_score: float = 0.5,
) -> Suspects:
    """Find suspicious rows and pairs in the neighbour table of the whole set, or of some of its rows.

    A row may be mislabelled if its nearest ``voters`` neighbours agree with each other but not with its label. A row
    that is alone in its class cannot be judged and is left out.

    A pair may be a false negative if each row is among the other's ``voters`` nearest although their labels differ, and
    they are much nearer to each other than either is to its nearest positive. If a row has no positive in the table,
    the distance of its last neighbour is used instead: the nearest positive is at least that far.

    rows: int64 (M,), ascending, the row of each line of the table; None if there is a line for every row. Other rows
        are not judged, and pairs need a line for both rows.
    minimum_score: the least score to list, above 0; 0.5 lists pairs at up to half the d² of the nearest positive.

    Raises: InputError for a table without one line for each row, or parameters out of range.
    """
    check_table(neighbours)
    check_labels(labels)
    rows = _lines_of(rows, len(neighbours), len(labels))
    check_at_least("voters", voters, 1)
    check_share("minimum_score", minimum_score)
    ids, sq = neighbours.ids, neighbours.sq_distances
    if ids.size and (ids.min() < NO_ROW or ids.max() >= len(labels)):
        raise InputError(
            f"the neighbour table has ids from {ids.min()} to {ids.max()} for {len(labels)} labels: give "
            "the labels of all rows that were searched"
        )
    offsets = np.empty(0, np.int64) if labels.offsets is None else labels.offsets
    agreement, suggested, share, sq_positive = _votes(
        rows, ids, sq, labels.members, offsets, labels.sizes(), voters
    )
    mislabelled = _mislabelled(rows, labels, agreement, suggested, share, minimum_score)
    pairs = _false_negatives(rows, neighbours, labels, sq_positive, voters, minimum_score)
    return Suspects(mislabelled, pairs)


def _lines_of(rows: NDArray[np.int64] | None, lines: int, labelled: int) -> NDArray[np.int64]:
    if rows is None:
        if lines != labelled:
            raise InputError(
                f"the neighbour table has {lines} lines, but there are {labelled} labels: give the row of each line, "
                "or a line for each label"
            )
        return np.arange(labelled, dtype=np.int64)
    if len(rows) != lines:
        raise InputError(f"rows has {len(rows)} entries but the table has {lines} lines: give one for each")
    if lines and (rows[0] < 0 or rows[-1] >= labelled or np.any(np.diff(rows) <= 0)):
        raise InputError(f"rows must ascend from 0 to at most {labelled - 1}, none twice: sort them")
    return rows


def _mislabelled(
    rows: NDArray[np.int64],
    labels: Labels,
    agreement: NDArray[np.float32],
    suggested: NDArray[np.int32],
    share: NDArray[np.float32],
    minimum_score: float,
) -> dict[str, NDArray[Any]]:
    score = share - agreement
    found = np.flatnonzero(score >= minimum_score)
    found = found[np.argsort(-score[found], kind="stable")]
    return {
        "row": rows[found],
        "label": labels.first_of(rows[found]),
        "suggested_label": suggested[found],
        "agreement": agreement[found],
        "suggested_share": share[found],
        "score": score[found],
    }


def _false_negatives(
    rows: NDArray[np.int64],
    neighbours: NeighbourTable,
    labels: Labels,
    sq_positive: NDArray[np.float32],
    voters: int,
    minimum_score: float,
) -> dict[str, NDArray[Any]]:
    ids, sq = neighbours.ids[:, :voters], neighbours.sq_distances[:, :voters]
    # Take each pair once, without pads, and without those that the first row's distances rule out, with room for
    # rounding.
    with np.errstate(invalid="ignore"):  # 0 · inf for a row without neighbours
        likely_near = sq <= np.float32(1.001 * (1 - minimum_score)) * sq_positive[:, None]
    line, column = np.nonzero((ids > rows[:, None]) & likely_near)
    other = ids[line, column]
    place = np.searchsorted(rows, other)
    has_line = rows[np.minimum(place, len(rows) - 1)] == other
    line, column, other, place = line[has_line], column[has_line], other[has_line], place[has_line]
    near = sq[line, column]
    reference = np.minimum(sq_positive[line], sq_positive[place])
    score = np.ones(len(near), np.float32)
    np.divide(near, reference, out=score, where=reference > 0)
    score = np.float32(1) - score
    row = rows[line]
    likely = np.flatnonzero(score >= minimum_score)
    mutual = (ids[place[likely]] == row[likely, None]).any(axis=1)
    found = likely[mutual & (labels.pairwise_shared(row[likely], other[likely]) < 0)]
    found = found[np.lexsort((other[found], row[found], -score[found]))]
    return {
        "row": row[found],
        "other": other[found],
        "label": labels.first_of(row[found]),
        "other_label": labels.first_of(other[found]),
        "sq_distance": near[found],
        "sq_positive": reference[found],
        "score": score[found],
    }


@numba.njit(cache=True, nogil=True)
def _mates(row, members, offsets, sizes):
    """The number of other rows in a row's classes; a row that shares several counts once for each."""
    if offsets.size == 0:
        return sizes[members[row]] - 1
    mates = np.int64(0)
    for at in range(offsets[row], offsets[row + 1]):
        mates += sizes[members[at]] - 1
    return mates


@numba.njit(cache=True, nogil=True)
def _votes(row_of, ids, sq, members, offsets, sizes, voters):
    """For each line: agreement, most common other class and its share, and d² of the nearest positive.

    A row that cannot be judged, because it is alone in its class or has no neighbours, gets agreement 1.
    """
    rows, width = ids.shape
    agreement = np.ones(rows, np.float32)
    suggested = np.full(rows, -1, np.int32)
    share = np.zeros(rows, np.float32)
    sq_positive = np.full(rows, np.inf, np.float32)
    classes = np.empty(voters, np.int32)
    counts = np.empty(voters, np.int64)
    for line in range(rows):
        a = row_of[line]
        asked = own = distinct = 0
        found = False
        for rank in range(width):
            n = ids[line, rank]
            if n < 0 or (found and rank >= voters):
                break
            shared = shared_class(members, offsets, a, members, offsets, n)
            if rank < voters:
                asked += 1
                if shared >= 0:
                    own += 1
                else:
                    c = first_class(members, offsets, n)
                    at = 0
                    while at < distinct and classes[at] != c:
                        at += 1
                    if at == distinct:
                        classes[at] = c
                        counts[at] = 0
                        distinct += 1
                    counts[at] += 1
            if not found:
                sq_positive[line] = sq[line, rank]  # a lower bound until a positive is found
                found = shared >= 0
        mates = _mates(a, members, offsets, sizes)
        if asked == 0 or mates == 0:
            continue
        agreement[line] = own / min(asked, mates)
        most = 0
        for at in range(distinct):
            # Ties go to the class that occurs nearest, which was met first.
            if counts[at] > most:
                most = counts[at]
                suggested[line] = classes[at]
        share[line] = most / asked
    return agreement, suggested, share, sq_positive

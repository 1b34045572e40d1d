"""Rows whose neighbourhood disagrees with their label, for a person to look at."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .kernels import first_class, shared_class
from .labels import Labels
from .miner_input import check_labels, check_table
from .neighbours import NO_ROW, NeighbourTable


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Rows that may carry a wrong label, and pairs that may be the same under two labels; strongest first.

    mislabelled: columns row int64, label and suggested_label int32 (class codes), agreement, suggested_share and
        score float32. agreement is the share of the row's voters that share a class with it (of as many as its class
        could provide), suggested_share the share that have the commonest other class; score = suggested_share −
        agreement, at most 1.
    false_negatives: columns row and other int64 (row < other), label and other_label int32, sq_distance,
        sq_positive (of the nearest positive of either) and score float32; score = 1 − sq_distance / sq_positive.
    """

    mislabelled: dict[str, NDArray[Any]]
    false_negatives: dict[str, NDArray[Any]]

    def excluded(self, rows: int, *, pairs: bool = False) -> NDArray[np.bool_]:
        """bool (rows,): the mislabelled rows, for ``mine(…, excluded=…)``; with ``pairs`` the members of pairs too."""
        mask = np.zeros(rows, np.bool_)
        mask[self.mislabelled["row"]] = True
        if pairs:
            mask[self.false_negatives["row"]] = True
            mask[self.false_negatives["other"]] = True
        return mask


def suspects(
    neighbours: NeighbourTable, labels: Labels, *, voters: int = 10, minimum_score: float = 0.5
) -> Suspects:
    """Find suspicious rows and pairs in the neighbour table of the whole set.

    A row is suspected to be mislabelled when its nearest ``voters`` neighbours agree with each other and not with its
    label. Rows that are alone in their class cannot be judged and are left out.

    A pair is suspected to be a false negative when each is among the other's ``voters`` nearest although their
    labels differ, and they are much nearer to each other than either is to its nearest positive. Where a row has no
    positive in the table, its nearest is at least as far as the last neighbour, whose distance is taken instead.

    minimum_score: list what scores at least this, above 0; 0.5 lists pairs at half the d² of the nearest positive.

    Raises: InputError for a table that does not hold each labelled row, or parameters out of range.
    """
    check_table(neighbours)
    check_labels(labels)
    if len(neighbours) != len(labels):
        raise InputError(
            f"the neighbour table has {len(neighbours)} rows, there are {len(labels)} labels: "
            "suspects are found among all rows at once"
        )
    if voters < 1:
        raise InputError(f"voters is {voters}, it must be at least 1: 10 is usual")
    if not 0 < minimum_score <= 1:
        raise InputError(f"minimum_score is {minimum_score}, it must lie in (0, 1]")
    ids, sq = neighbours.ids, neighbours.sq_distances
    if ids.size and (ids.min() < NO_ROW or ids.max() >= len(labels)):
        raise InputError(
            f"the neighbour table has ids from {ids.min()} to {ids.max()} for {len(labels)} rows"
        )
    offsets = np.empty(0, np.int64) if labels.offsets is None else labels.offsets
    agreement, suggested, share, sq_positive = _votes(
        ids, sq, labels.members, offsets, labels.sizes(), voters
    )
    mislabelled = _mislabelled(labels, agreement, suggested, share, minimum_score)
    return Suspects(mislabelled, _false_negatives(neighbours, labels, sq_positive, voters, minimum_score))


def _mislabelled(
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
        "row": found,
        "label": labels.first_of(found),
        "suggested_label": suggested[found],
        "agreement": agreement[found],
        "suggested_share": share[found],
        "score": score[found],
    }


def _false_negatives(
    neighbours: NeighbourTable,
    labels: Labels,
    sq_positive: NDArray[np.float32],
    voters: int,
    minimum_score: float,
) -> dict[str, NDArray[Any]]:
    ids, sq = neighbours.ids[:, :voters], neighbours.sq_distances[:, :voters]
    row, column = np.nonzero(ids > np.arange(len(ids))[:, None])  # each pair once; no pads
    other = ids[row, column]
    near = sq[row, column]
    reference = np.minimum(sq_positive[row], sq_positive[other])
    score = np.ones(len(near), np.float32)
    np.divide(near, reference, out=score, where=reference > 0)
    score = np.float32(1) - score
    likely = np.flatnonzero(score >= minimum_score)
    mutual = (ids[other[likely]] == row[likely, None]).any(axis=1)
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
    """How many other rows its classes hold; one that shares several counts in each."""
    if offsets.size == 0:
        return sizes[members[row]] - 1
    mates = np.int64(0)
    for at in range(offsets[row], offsets[row + 1]):
        mates += sizes[members[at]] - 1
    return mates


@numba.njit(cache=True, nogil=True)
def _votes(ids, sq, members, offsets, sizes, voters):
    """For each row: agreement, commonest other class and its share, and d² of the nearest positive.

    A row that cannot be judged, alone in its class or without neighbours, has agreement 1.
    """
    rows, width = ids.shape
    agreement = np.ones(rows, np.float32)
    suggested = np.full(rows, -1, np.int32)
    share = np.zeros(rows, np.float32)
    sq_positive = np.full(rows, np.inf, np.float32)
    classes = np.empty(voters, np.int32)
    counts = np.empty(voters, np.int64)
    for a in range(rows):
        asked = own = distinct = 0
        found = False
        for rank in range(width):
            n = ids[a, rank]
            if n < 0 or (found and rank >= voters):
                break
            shared = shared_class(members, offsets, a, n)
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
                sq_positive[a] = sq[a, rank]  # until there is one: the nearest is at least this far
                found = shared >= 0
        mates = _mates(a, members, offsets, sizes)
        if asked == 0 or mates == 0:
            continue
        agreement[a] = own / min(asked, mates)
        most = 0
        for at in range(distinct):
            # Of equally common classes the nearest one, which was met first.
            if counts[at] > most:
                most = counts[at]
                suggested[a] = classes[at]
        share[a] = most / asked
    return agreement, suggested, share, sq_positive

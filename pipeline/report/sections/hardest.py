"""The hardest triplet of each confused pair of classes, with the row that the rule refused as too hard."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ....mining.labels import Labels
from ....mining.neighbours import NeighbourTable
from ...artifacts.neighbours import read_some_neighbours
from ...artifacts.suspects import nearest_of
from ...artifacts.triplets import coded_columns
from ...errors import CorruptError, PipelineError
from ...standalone.triplet_folder import TripletSource
from ..content import Hardest, HardTriplet
from ..sampling import spread_parts
from ..source import label_of
from .confusions import pair_codes

TRIPLETS = 1 << 21
"""Approximate number of triplets read; if there are more, evenly spread files are read."""

_COLUMNS = ("anchor", "positive", "negative", "sq_positive", "sq_negative", "anchor_label", "negative_label")
_PAIRS = 8192
"""Maximum number of pairs of classes kept from one file."""


def find_hardest(
    triplets: TripletSource, *, limit: int, confused: NDArray[np.int64] | None = None
) -> Hardest:
    """At most `limit` hardest triplets, one for each pair of classes.

    confused: codes of pairs of classes, the most confused first, of which the first are taken; None takes the pairs
    with the hardest triplets. Raises: CorruptError.
    """
    sizes = [rows_of_part(path) for path in triplets.files]
    read = spread_parts(sizes, TRIPLETS)
    best: dict[int, _Hard] = {}
    for place in read:
        columns = coded_columns(triplets.files[place], triplets.labels, _COLUMNS)
        for found in _hardest(columns, triplets.rule.margin, confused):
            if found.code not in best or found.hinge > best[found.code].hinge:
                best[found.code] = found
    if confused is None:
        codes = sorted(best, key=lambda code: -best[code].hinge)
    else:
        codes = [code for code in confused.tolist() if code in best]
    chosen = sorted((best[code] for code in codes[:limit]), key=lambda each: -each.hinge)
    hard = [_triplet(each, triplets.labels) for each in chosen]
    hard, why = _beside_refused(hard, triplets)
    return Hardest(tuple(hard), sum(sizes[place] for place in read), sum(sizes), why)


def rows_of_part(path: Path) -> int:
    """The number of triplets in a file. Raises: CorruptError."""
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, ValueError) as error:
        raise CorruptError(f"{path} cannot be read ({error}): mine again") from None


@dataclass(frozen=True, slots=True)
class _Hard:
    code: int
    hinge: float
    anchor: int
    positive: int
    negative: int
    sq_positive: float
    sq_negative: float


def _hardest(columns: dict[str, NDArray], margin: float, wanted: NDArray[np.int64] | None) -> Iterator[_Hard]:
    """The hardest triplet of each wanted pair of classes, hardest first. wanted: codes of the pairs; None: all
    pairs."""
    hinge = columns["sq_positive"] + np.float32(margin) - columns["sq_negative"]
    codes = pair_codes(columns["anchor_label"], columns["negative_label"])
    named = codes >= 0 if wanted is None else np.isin(codes, wanted)
    order = np.flatnonzero(named)
    order = order[np.argsort(-hinge[order], kind="stable")]
    _, first = np.unique(codes[order], return_index=True)
    for at in order[np.sort(first)[:_PAIRS]].tolist():
        yield _Hard(
            int(codes[at]),
            float(hinge[at]),
            *(int(columns[name][at]) for name in ("anchor", "positive", "negative")),
            *(float(columns[name][at]) for name in ("sq_positive", "sq_negative")),
        )


def _triplet(found: _Hard, labels: Labels) -> HardTriplet:
    return HardTriplet(
        anchor=found.anchor,
        positive=found.positive,
        negative=found.negative,
        label=label_of(labels, found.anchor),
        negative_label=label_of(labels, found.negative),
        sq_positive=found.sq_positive,
        sq_negative=found.sq_negative,
        hinge=found.hinge,
    )


def _beside_refused(hard: list[HardTriplet], triplets: TripletSource) -> tuple[list[HardTriplet], str | None]:
    """Add to each triplet the nearest row of another class, if it lies within k times the distance of the positive.

    Also returns why this is unknown, if it is.
    """
    if triplets.pruned:
        return hard, f"what was refused is not known: run.keep.graph deleted {triplets.neighbours}"
    anchors = np.unique([each.anchor for each in hard]).astype(np.int64)
    try:
        lines = nearest_of(read_some_neighbours(triplets.neighbours, anchors)) if len(anchors) else None
    except PipelineError as error:
        return hard, f"what was refused is not known: {error}"
    if lines is None:
        return hard, None
    bound = triplets.rule.k_hardness**2
    return [
        _with_refused(each, lines, int(np.searchsorted(anchors, each.anchor)), triplets.labels, bound)
        for each in hard
    ], None


def _with_refused(
    hard: HardTriplet, lines: NeighbourTable, line: int, labels: Labels, bound: float
) -> HardTriplet:
    ids, sq = lines.ids[line], lines.sq_distances[line]
    others = np.flatnonzero(ids >= 0)
    others = others[labels.pairwise_shared(np.full(len(others), hard.anchor), ids[others]) < 0]
    if not len(others) or sq[others[0]] > bound * hard.sq_positive:
        return hard
    nearest = others[0]
    row = int(ids[nearest])
    return replace(hard, refused=row, refused_label=label_of(labels, row), sq_refused=float(sq[nearest]))

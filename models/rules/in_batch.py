"""Rules that select the triplets of a batch to train on, by the batch's current distances."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ..checks import check_number
from ..errors import ModelError
from ..same_class import same_class
from .admissible import Ranges, admissible_ranges, counts_of, within
from .pair_counts import PairCounts, count_pairs


class InBatch(NamedTuple):
    """Input of a rule: a batch of B rows, without gradients.

    sq_distances: float32 (B, B), of the current embeddings. classes, rows: int64 (B,). stored: int64 (T, 3), the stored
    triplets as positions in the batch; None for batches without. members: see `same_class`.
    """

    sq_distances: Tensor
    classes: Tensor
    rows: Tensor
    stored: Tensor | None = None
    members: Tensor | None = None


class TripletSelection(NamedTuple):
    """The triplets that a rule selected in a batch.

    trained: all of them. active: those with a positive hinge; most rules select no others.
    pairs: number of (a, p) pairs that the rule considered (for stored triplets: number of triplets).
    pairs_used: number of those with at least one active triplet.
    """

    trained: PairCounts
    active: PairCounts
    pairs: int
    pairs_used: int


class BatchRule(Protocol):
    """Selects triplets of a batch by its distances, without gradient or state."""

    def __call__(self, batch: InBatch) -> TripletSelection:
        """The triplets to train on; possibly none."""
        ...


@dataclass(frozen=True, slots=True)
class NoTriplets:
    """Selects no triplets, for objectives in which no loss needs any."""

    def __call__(self, batch: InBatch) -> TripletSelection:
        """An empty selection."""
        size = len(batch.sq_distances)
        nothing = count_pairs(batch.rows.new_empty((0, 3)), size)
        return TripletSelection(nothing, nothing, 0, 0)


@dataclass(frozen=True, slots=True)
class SemiHard:
    """For every pair (a, p), the nearest n with d²(a,p) < d²(a,n) < d²(a,p) + m.

    Schroff et al., FaceNet, CVPR 2015, arXiv 1503.03832, section 3.2. margin: m, in units of d².
    """

    margin: float

    def __post_init__(self) -> None:
        check_number("margin", self.margin, above=0.0)

    def __call__(self, batch: InBatch) -> TripletSelection:
        """At most one triplet per pair."""
        return _found(
            _ranges(batch, margin=self.margin, k_hardness=1.0, nearer_positive=False, nearest_only=True)
        )


@dataclass(frozen=True, slots=True)
class WithinBoundary:
    """Active triplets outside the exclusion boundary: (k·d(a,p))² < d²(a,n) < d²(a,p) + m.

    Harwood et al., ICCV 2017, applied inside a batch. k_hardness: k, which multiplies the unsquared distance.
    nearer_positive: admit a negative only if some positive of the anchor in the batch is nearer. nearest_only: take
    only the nearest such negative of each pair (a, p), as in mining; otherwise all of them.
    """

    k_hardness: float
    margin: float
    nearer_positive: bool
    nearest_only: bool

    def __post_init__(self) -> None:
        check_number("k_hardness", self.k_hardness, at_least=0.0)
        check_number("margin", self.margin, above=0.0)

    def __call__(self, batch: InBatch) -> TripletSelection:
        """The admissible negatives of each pair, or the nearest of them."""
        return _found(self.ranges(batch))

    def ranges(self, batch: InBatch) -> Ranges:
        """The same triplets, as ranges."""
        return _ranges(
            batch,
            margin=self.margin,
            k_hardness=self.k_hardness,
            nearer_positive=self.nearer_positive,
            nearest_only=self.nearest_only,
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """Exactly the triplets stored with the batch. Some may have become inactive since they were mined.

    margin: m of the hinge, which decides which of them are still active.
    """

    margin: float

    def __post_init__(self) -> None:
        check_number("margin", self.margin, above=0.0)

    def __call__(self, batch: InBatch) -> TripletSelection:
        """The stored triplets. Raises: ModelError for a batch that came without any."""
        return _selected(_stored_of(batch), batch.sq_distances, self.margin)


@dataclass(frozen=True, slots=True)
class StoredAndFresh:
    """The triplets stored with the batch, and those that a rule finds by the batch's current distances; each once.

    Stored triplets were the hard ones of the whole set when it was mined. Fresh triplets cover pairs that no stored one
    contains, and replace those that have become inactive.
    """

    fresh: WithinBoundary

    def __call__(self, batch: InBatch) -> TripletSelection:
        """Both. Raises: ModelError for a batch that came without stored triplets."""
        stored, margin = _stored_of(batch), self.fresh.margin
        ranges = self.fresh.ranges(batch)
        only_stored = _selected(stored[~within(ranges, stored)], batch.sq_distances, margin)
        found = _found(ranges)
        return TripletSelection(
            trained=found.trained + only_stored.trained,
            active=found.active + only_stored.active,
            pairs=found.pairs + only_stored.pairs,
            pairs_used=found.pairs_used + only_stored.pairs_used,
        )


def _stored_of(batch: InBatch) -> Tensor:
    if batch.stored is None:
        raise ModelError(
            "the batch rule 'stored' got a batch without triplets: compose batches from the stored "
            "triplets, or use another rule"
        )
    return batch.stored


def _selected(triplets: Tensor, sq_distances: Tensor, margin: float) -> TripletSelection:
    """The selection of given triplets, int64 (T, 3), positions in the batch."""
    anchors, positives, negatives = triplets.unbind(1)
    active = triplets[sq_distances[anchors, negatives] < sq_distances[anchors, positives] + margin]
    return TripletSelection(
        trained=count_pairs(triplets, len(sq_distances)),
        active=count_pairs(active, len(sq_distances)),
        pairs=len(triplets),
        pairs_used=len(active),
    )


def _ranges(
    batch: InBatch, *, margin: float, k_hardness: float, nearer_positive: bool, nearest_only: bool
) -> Ranges:
    ranges = admissible_ranges(
        batch.sq_distances,
        same_class(batch.classes, batch.members),
        batch.rows,
        margin=margin,
        k_hardness=k_hardness,
        nearer_positive=nearer_positive,
    )
    return ranges._replace(stop=torch.minimum(ranges.stop, ranges.start + 1)) if nearest_only else ranges


def _found(ranges: Ranges) -> TripletSelection:
    counts = counts_of(ranges)
    used = int((ranges.stop > ranges.start).sum())
    return TripletSelection(counts, counts, len(ranges.anchors), used)

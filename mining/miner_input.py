"""Check the miner's input and convert it to the kernel's form."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .compute.threads import read_only
from .errors import InputError
from .guarding.never_negatives import PairLists
from .labels import Labels
from .neighbours import NeighbourTable
from .rule import MiningRule


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """The set that a neighbour table's ids refer to, if it is not the set of the anchors.

    labels: of the corpus, with the codes of the anchors' labels. vectors: float32 (C, D).
    excluded: bool (C,), rows that may not be positives or negatives. groups: int64 (C,), −1 for none.
    """

    labels: Labels
    vectors: NDArray[np.float32] | None = None
    excluded: NDArray[np.bool_] | None = None
    groups: NDArray[np.int64] | None = None


def check_table(neighbours: NeighbourTable) -> None:
    """Raise InputError for a neighbour table of wrong shapes or dtypes."""
    ids, sq = neighbours.ids, neighbours.sq_distances
    if ids.ndim != 2 or ids.shape != sq.shape:
        raise InputError(
            f"neighbour table has ids of shape {ids.shape} and distances of shape {sq.shape}: "
            "give both as (N, K)"
        )
    if ids.dtype != np.int64 or sq.dtype != np.float32:
        raise InputError(
            f"neighbour table has {ids.dtype} ids and {sq.dtype} distances: give int64 ids and float32 "
            "squared distances (ids kept as float32 are wrong above 2**24)"
        )


def check_labels(labels: Labels) -> None:
    """Raise InputError for labels of a single class, which leave no negative."""
    if labels.classes == 1:
        raise InputError(
            f"all {len(labels)} labels are {labels.names[0]!r}: mining needs negatives, "
            "give at least 2 classes"
        )


def as_anchor_ids(
    rows: int, labels: Labels, first_anchor: int, anchors: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """int64 (rows,), the anchor of each line of the table, checked to be a row that has a label."""
    if anchors is None:
        if first_anchor < 0 or first_anchor + rows > len(labels):
            raise InputError(
                f"the neighbour table holds anchors {first_anchor} to {first_anchor + rows - 1}, but there "
                f"are labels for {len(labels)} rows: give the labels of the whole set, one per row"
            )
        return np.arange(first_anchor, first_anchor + rows, dtype=np.int64)
    if anchors.shape != (rows,) or anchors.dtype != np.int64:
        raise InputError(
            f"anchors are {anchors.dtype} of shape {anchors.shape}: give one int64 id for each of the {rows} "
            "rows of the neighbour table"
        )
    if rows and not (anchors.min() >= 0 and anchors.max() < len(labels)):
        raise InputError(
            f"anchors lie in [{anchors.min()}, {anchors.max()}], but there are labels for {len(labels)} rows: "
            "give the labels of the whole set"
        )
    return np.ascontiguousarray(anchors)


def reads_vectors(rule: MiningRule) -> bool:
    """Whether mining by the rule reads vectors, for distances that the neighbour table may not have."""
    return rule.positives == "class" or rule.guards.duplicate_sq is not None


def lookup_of(
    labels: Labels,
    rule: MiningRule,
    vectors: NDArray[np.float32] | None,
    excluded: NDArray[np.bool_] | None,
    never_negatives: PairLists | None = None,
    groups: NDArray[np.int64] | None = None,
    corpus: Corpus | None = None,
) -> kernels.Lookup:
    """The kernel's ``Lookup``, its arrays checked to have as many rows as the labels."""
    one_set = corpus is None
    corpus = Corpus(labels, vectors, excluded, groups) if corpus is None else corpus
    starts = class_rows = np.empty(0, np.int64)
    if rule.positives == "class":
        if vectors is None or corpus.vectors is None:
            raise InputError(
                "positives = 'class' measures distances outside S_a: give the vectors of the whole set"
            )
        starts, class_rows = corpus.labels.rows_by_class()
    values = _values(corpus.vectors, corpus.labels, rule)
    mask = _mask(corpus.excluded, corpus.labels)
    if never_negatives is not None and len(never_negatives) != len(labels):
        raise InputError(
            f"never_negatives list {len(never_negatives)} rows, but there are {len(labels)} labels: make the lists for "
            "as many rows"
        )
    of_rows = _groups(corpus.groups, corpus.labels, rule)
    never = never_negatives or PairLists(np.empty(0, np.int64), np.empty(0, np.int64))
    return kernels.Lookup(
        members=read_only(corpus.labels.members),
        offsets=_offsets(corpus.labels),
        class_starts=read_only(starts),
        class_rows=read_only(class_rows),
        vectors=values,
        excluded=mask,
        never_starts=read_only(never.starts),
        never_rows=read_only(never.partners),
        groups=of_rows,
        anchor_members=read_only(labels.members),
        anchor_offsets=_offsets(labels),
        anchor_vectors=values if one_set else _values(vectors, labels, rule),
        anchor_excluded=mask if one_set else _mask(excluded, labels),
        anchor_groups=of_rows if one_set else _groups(groups, labels, rule),
        one_set=one_set,
    )


def _offsets(labels: Labels) -> NDArray[np.int64]:
    return read_only(np.empty(0, np.int64) if labels.offsets is None else labels.offsets)


def _values(vectors: NDArray[np.float32] | None, labels: Labels, rule: MiningRule) -> NDArray[np.float32]:
    """Vectors in the kernel's form; empty if it does not read them."""
    if vectors is None or not reads_vectors(rule):
        return read_only(np.empty((0, 0), np.float32))
    if vectors.ndim != 2 or len(vectors) != len(labels) or vectors.dtype != np.float32:
        raise InputError(
            f"vectors are {vectors.dtype} of shape {vectors.shape}, but there are {len(labels)} labels: "
            "give float32 (N, D), one row per label"
        )
    return read_only(np.ascontiguousarray(vectors))


def _mask(excluded: NDArray[np.bool_] | None, labels: Labels) -> NDArray[np.bool_]:
    """Excluded rows in the kernel's form; empty for none."""
    if excluded is None:
        return read_only(np.empty(0, np.bool_))
    if excluded.shape != (len(labels),) or excluded.dtype != np.bool_:
        raise InputError(
            f"excluded is {excluded.dtype} of shape {excluded.shape}: "
            f"give a bool for each of {len(labels)} rows"
        )
    return read_only(np.ascontiguousarray(excluded))


def _groups(groups: NDArray[np.int64] | None, labels: Labels, rule: MiningRule) -> NDArray[np.int64]:
    """Groups in the kernel's form; empty if no guard needs them."""
    if rule.guards.same_group is None:
        return read_only(np.empty(0, np.int64))
    if groups is None:
        raise InputError(
            f"guards.same_group is {rule.guards.same_group!r}, but no groups are given: give the group of each row"
        )
    if groups.shape != (len(labels),) or groups.dtype != np.int64:
        raise InputError(
            f"groups are {groups.dtype} of shape {groups.shape}: give an int64 code for each of {len(labels)} rows"
        )
    return read_only(np.ascontiguousarray(groups))


def limits_of(rule: MiningRule, *, confusion: bool) -> kernels.Limits:
    """The rule in the kernel's form: k squared, and for a guard that is off a value that refuses nothing."""
    guards = rule.guards
    first, stop = guards.rank_window or (0, np.iinfo(np.int64).max)
    return kernels.Limits(
        k_sq=float(rule.k_hardness) * float(rule.k_hardness),
        margin=float(rule.margin),
        cap=int(rule.triplets_per_anchor),
        nearer_positive=bool(rule.nearer_positive),
        whole_class=rule.positives == "class",
        never_pair=guards.same_group == "never-pair",
        nearest_sq=-np.inf if guards.minimum_sq is None else float(guards.minimum_sq),
        farthest_sq=np.inf if guards.maximum_sq is None else float(guards.maximum_sq),
        duplicate_sq=-1.0 if guards.duplicate_sq is None else float(guards.duplicate_sq),
        rank_first=int(first),
        rank_stop=int(stop),
        percentile=-1.0 if guards.positive_percentile is None else float(guards.positive_percentile),
        minimum_margin=-np.inf if guards.minimum_margin_sq is None else float(guards.minimum_margin_sq),
        relative_margin=-1.0 if guards.relative_margin is None else float(guards.relative_margin),
        random_order=rule.order == "random",
        order_seed=int(rule.order_seed) % 2**63,
        per_positive=int(rule.negatives_per_positive),
        confusion=confusion,
    )


def bad_input(kind: int, at: int, neighbours: NeighbourTable, row: int, anchor: int) -> InputError:
    """The error for bad input that the kernel found in a line of the table. at: its column, or the bad vector's id."""
    if kind == kernels.BAD_VECTOR:
        return InputError(
            f"the distance of rows {anchor} and {at} is not finite: repair their vectors, or exclude the rows"
        )
    where = f"neighbour table, row {row} (anchor {anchor}), column {at}"
    found, distance = neighbours.ids[row, at], neighbours.sq_distances[row, at]
    if kind == kernels.BAD_ID:
        return InputError(f"{where}: id {found} is no row of the labels: give the labels of the whole set")
    if kind == kernels.OWN_NEIGHBOUR:
        return InputError(f"{where}: the anchor is its own neighbour: remove each row from its own list")
    if kind == kernels.AFTER_PAD:
        return InputError(f"{where}: id {found} comes after a pad (-1): move pads to the end of the row")
    if kind == kernels.NOT_ASCENDING:
        before = neighbours.sq_distances[row, at - 1]
        return InputError(
            f"{where}: squared distance {distance:.7g} after {before:.7g}: sort each row by distance"
        )
    return InputError(f"{where}: squared distance {distance:.7g} must be finite and at least 0: search again")

"""Smart mining: triplets of all anchors of a neighbour table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import kernels
from .checks import check_at_least
from .compute.threads import over_rows, read_only, usable_threads
from .confusion import Confusion, ConfusionSum, aggregate, merge_confusions
from .guarding.never_negatives import PairLists
from .guards import REFUSALS
from .labels import Labels
from .miner_input import Corpus, as_anchor_ids, bad_input, check_labels, check_table, limits_of, lookup_of
from .neighbours import NeighbourTable
from .report import ClassCounts, MiningReport, merge_reports
from .rule import MiningRule

_KERNEL_COLUMNS = {
    "anchor": np.int64,
    "positive": np.int64,
    "negative": np.int64,
    "sq_positive": np.float32,
    "sq_negative": np.float32,
    "positive_rank": np.int32,
    "negative_rank": np.int32,
    "anchor_label": np.int32,
    "negative_label": np.int32,
}
COLUMNS = {**_KERNEL_COLUMNS, "k_hardness": np.float32}
"""Names and dtypes of the columns of a triplet set, in order."""

PAIR_COLUMNS = {name: dtype for name, dtype in COLUMNS.items() if not name.endswith("_label")}
"""The columns for triplets of queries and documents, which have no classes."""

BLOCK_ENTRIES = 1 << 17
"""Entries of the neighbour table per block, so that its pairs stay in a core's cache. Hinges are summed block by block:
another value may change the last bits of their sums, and nothing else."""

_SPAN_BLOCKS = 128
"""Blocks mined between two merges of their confusion tables: memory then grows with the distinct class pairs, not with
the entries of the neighbour table."""


@dataclass(frozen=True, slots=True, eq=False)
class Mined:
    """Triplets of some anchors, with counts.

    columns: an array for each of ``COLUMNS``, all of the same length. Triplets are in the order of the table's anchors,
        and for one anchor in the order in which they were taken (``MiningRule.order``). ``anchor``, ``positive`` and
        ``negative`` are rows of the whole set. Distances are squared. Ranks are 0-based positions in the anchor's S_a,
        −1 outside it. Labels are class codes; with several classes per row, ``anchor_label`` is the first class shared
        with the positive, and ``negative_label`` the negative's first.
    confusion: the class pairs, before the cap on triplets per anchor.
    report: counts.

    If ``mine`` was given a ``corpus``, ``positive`` and ``negative`` are rows of the corpus, the columns are
    ``PAIR_COLUMNS``, and nothing is counted by class.
    """

    columns: dict[str, NDArray[Any]]
    confusion: Confusion
    report: MiningReport

    def __len__(self) -> int:
        return len(self.columns["anchor"])


def mine(
    neighbours: NeighbourTable,
    labels: Labels,
    rule: MiningRule,
    *,
    first_anchor: int = 0,
    anchors: NDArray[np.int64] | None = None,
    vectors: NDArray[np.float32] | None = None,
    excluded: NDArray[np.bool_] | None = None,
    never_negatives: PairLists | None = None,
    groups: NDArray[np.int64] | None = None,
    corpus: Corpus | None = None,
    threads: int | None = None,
) -> Mined:
    """Mine the anchors of a neighbour table (Harwood et al., ICCV 2017, section 3; the rule: ``MiningRule``).

    neighbours: one line per anchor. Line i belongs to row ``first_anchor + i`` of the whole set, or to ``anchors[i]``
        (int64, distinct) if ``anchors`` is given.
    labels: of the whole set.
    vectors: float32 (N, D) of the whole set; needed for ``positives = "class"``, and used for
        ``guards.duplicate_sq``, which is exact with them (see ``Guards``).
    excluded: bool (N,), rows that may not be anchors, positives or negatives (see ``suspects``).
    never_negatives: for each row of the whole set, rows that must not be its negatives (see ``pair_lists``).
    groups: int64 (N,), the group of each row of the whole set, −1 for none (see ``group_codes``); for
        ``guards.same_group``.
    corpus: the set that the table's ids refer to; by default the set of the anchors. With a corpus, labels, vectors,
        excluded, groups and the rows of never_negatives are those of the anchors alone.
    threads: by default all cores that the process may use. The result does not depend on it.

    Tables of disjoint anchors may be mined separately: concatenate their columns, and use ``merge_confusions`` and
    ``merge_reports``. With ``guards.duplicate_sq`` the result equals that of the whole table only if vectors are given.

    Raises: InputError for labels of one class, labels or anchors that do not fit the table, and a table with ids out of
    range, distances that are not finite or not ascending, rows that are their own neighbour, or pads before entries.
    """
    check_table(neighbours)
    if corpus is None:
        check_labels(labels)
    anchor_ids = as_anchor_ids(len(neighbours), labels, first_anchor, anchors)
    if threads is not None:
        check_at_least("threads", threads, 1)
    lookup = lookup_of(labels, rule, vectors, excluded, never_negatives, groups, corpus)
    ids, sq = read_only(neighbours.ids), read_only(neighbours.sq_distances)
    task = _Task(ids, sq, read_only(anchor_ids), lookup, limits_of(rule, confusion=corpus is None), labels)
    codes = labels.first_of(anchor_ids) if corpus is None else np.zeros(len(anchor_ids), np.int32)
    block_rows = max(1, BLOCK_ENTRIES // max(1, neighbours.neighbours))
    columns, reports, confusion = [], [], ConfusionSum()
    for first in range(0, len(neighbours), block_rows * _SPAN_BLOCKS):
        of_span = slice(first, first + block_rows * _SPAN_BLOCKS)
        # Sorted by class, so that a block has few distinct class pairs.
        order = np.argsort(codes[of_span], kind="stable")
        blocks = np.split(first + order, _cuts(codes[of_span][order], block_rows))
        span = _mine_span(task, blocks, threads or usable_threads())
        columns.append(span.columns)
        reports.append(span.report)
        confusion.add(span.confusion)
    return Mined(
        columns=_columns(columns, rule, COLUMNS if corpus is None else PAIR_COLUMNS),
        confusion=confusion.total,
        report=merge_reports(reports),
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """Inputs of every block: the kernel's arguments after ``table_rows``, and the labels."""

    ids: NDArray[np.int64]
    sq_distances: NDArray[np.float32]
    anchors: NDArray[np.int64]
    lookup: kernels.Lookup
    limits: kernels.Limits
    labels: Labels


@dataclass(frozen=True, slots=True)
class _Block:
    """Result of a block. taken: number of triplets of each line. columns: in the order of ``COLUMNS``."""

    counts: NDArray[np.int64]
    taken: NDArray[np.int32]
    columns: tuple[NDArray[Any], ...]
    confusion: Confusion


@dataclass(frozen=True, slots=True)
class _Span:
    """Result of many blocks, with their triplets back in the order of the table."""

    columns: list[NDArray[Any]]
    confusion: Confusion
    report: MiningReport


def _cuts(codes: NDArray[np.int32], block_rows: int) -> NDArray[np.int64]:
    """Where to cut rows sorted by class into blocks: every ``block_rows`` rows, or where the class begins if that is
    less than half a block earlier, since blocks that share no class need no merging."""
    regular = np.arange(block_rows, len(codes), block_rows)
    class_begin = np.searchsorted(codes, codes[regular])
    return np.where(regular - class_begin < block_rows / 2, class_begin, regular)


def _mine_span(task: _Task, rows_of_blocks: list[NDArray[np.int64]], threads: int) -> _Span:
    """Mine blocks of table rows in parallel. Together the blocks are a permutation of a range of rows."""
    done: dict[int, _Block] = {}

    def mine_blocks(start: int, stop: int) -> None:
        for number in range(start, stop):
            done[number] = _mine_block(task, rows_of_blocks[number])

    over_rows(mine_blocks, len(rows_of_blocks), threads, step=1)
    blocks = [done[number] for number in sorted(done)]
    order = np.concatenate(rows_of_blocks)
    places = _places(order - order.min(), np.concatenate([block.taken for block in blocks]))
    columns = []
    for position, dtype in enumerate(_KERNEL_COLUMNS.values()):
        column = np.empty(len(places), dtype)
        column[places] = np.concatenate([block.columns[position] for block in blocks])
        columns.append(column)
    counts = np.sum([block.counts for block in blocks], axis=0)
    sq_positive, sq_negative = columns[3], columns[4]
    hinges = sq_positive.astype(np.float64) + task.limits.margin - sq_negative
    return _Span(
        columns=columns,
        confusion=merge_confusions([block.confusion for block in blocks]),
        report=_report(counts, float(hinges.sum()), _taught(task, columns), len(columns[0]), len(order)),
    )


def _taught(task: _Task, columns: list[NDArray[Any]]) -> NDArray[np.int32]:
    """Class codes, one for each triplet and class that its anchor and positive share; empty with a corpus."""
    if not task.lookup.one_set:
        return np.empty(0, np.int32)
    return columns[7] if task.labels.single else task.labels.all_shared(columns[0], columns[1])[1]


def _mine_block(task: _Task, table_rows: NDArray[np.int64]) -> _Block:
    bad, counts, taken, pair_classes, pair_hinge, rows, sq, ranks = kernels.mine_block(
        table_rows, task.ids, task.sq_distances, task.anchors, task.lookup, task.limits
    )
    kind, row, at = (int(value) for value in bad)
    if kind:
        table = NeighbourTable(task.ids, task.sq_distances)
        raise bad_input(kind, at, table, row, int(task.anchors[row]))
    ones = np.ones(len(pair_hinge), np.int64)
    confusion = aggregate(pair_classes[0], pair_classes[1], ones, pair_hinge)
    return _Block(counts, taken, (*rows, *sq, *ranks), confusion)


def _places(order: NDArray[np.int64], taken: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64 (T,), the position of each triplet when triplets mined in ``order`` are sorted by table row.

    order: int64 (R,), a permutation of 0 … R − 1. taken: int32 (R,), number of triplets of each of these rows.
    """
    by_row = np.empty(len(order), np.int64)
    by_row[order] = taken
    start_of_row = np.cumsum(by_row) - by_row
    mined_before = np.cumsum(taken, dtype=np.int64) - taken
    return np.repeat(start_of_row[order] - mined_before, taken) + np.arange(taken.sum())


def _report(
    counts: NDArray[np.int64], hinge: float, taught: NDArray[np.int32], triplets: int, anchors: int
) -> MiningReport:
    """taught: class codes, one for each triplet and class that its anchor and positive share."""
    return MiningReport(
        anchors=anchors,
        anchors_excluded=int(counts[kernels.EXCLUDED]),
        anchors_without_neighbour_positive=int(counts[kernels.NO_NEIGHBOUR_POSITIVE]),
        anchors_without_positive=int(counts[kernels.NO_POSITIVE]),
        anchors_without_admissible_negative=int(counts[kernels.NO_NEGATIVE]),
        entries=int(counts[kernels.ENTRIES]),
        positives=int(counts[kernels.POSITIVES]),
        positives_with_empty_interval=int(counts[kernels.EMPTY_INTERVAL]),
        positives_of_group=int(counts[kernels.POSITIVES_OF_GROUP]),
        admissible=int(counts[kernels.ADMISSIBLE]),
        triplets=triplets,
        hinge=hinge,
        refused={name: int(counts[kernels.REFUSED + i]) for i, name in enumerate(REFUSALS)},
        triplets_by_class=ClassCounts.of(taught),
    )


def _columns(
    spans: list[list[NDArray[Any]]], rule: MiningRule, wanted: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for position, (name, dtype) in enumerate(_KERNEL_COLUMNS.items()):
        if name in wanted:
            columns[name] = np.concatenate([np.empty(0, dtype), *(span[position] for span in spans)])
    columns["k_hardness"] = np.full(len(columns["anchor"]), rule.k_hardness, COLUMNS["k_hardness"])
    return columns

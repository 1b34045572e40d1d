"""Mine chunks of anchors, rows with classes or queries of a corpus, into one file of triplets each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.confusion import Confusion, ConfusionSum
from ....mining.graphs.remeasure import empty_table
from ....mining.guarding.never_negatives import PairLists
from ....mining.labels import Labels
from ....mining.miner import Mined, mine
from ....mining.miner_input import reads_vectors
from ....mining.neighbours import NO_ROW, NeighbourTable
from ....mining.pairs.relevance import Relevance
from ....mining.report import ClassCounts, MiningReport, merge_reports
from ....mining.rescoring.bound import TeacherBound
from ....mining.rule import MiningRule
from ...artifacts.neighbours import write_neighbours
from ...artifacts.triplets import pair_table, part_name, triplet_table
from ...plan.work import Task
from ...storage.tables import write_table
from ..pairs_on_arrays import KeptApart, mine_relevant
from ..teacher.scores import Scores, rescored


class Chunks(Protocol):
    """The mining of anchors 0 … N − 1 in chunks. Only anchors that can be mined were searched."""

    def __len__(self) -> int: ...

    def searched(self, start: int, stop: int) -> tuple[int, int]:
        """The range of lines in the searched table that belong to anchors start to stop."""
        ...

    def in_place(self, lines: NeighbourTable, start: int, stop: int) -> NeighbourTable:
        """A table with a line for each anchor, from their `searched` lines; ids are rows of the files."""
        ...

    def mined(self, table: NeighbourTable, start: int, stop: int, threads: int | None) -> Mined:
        """Mine anchors start to stop. table: their lines."""
        ...

    def triplets(self, mined: Mined) -> pa.Table:
        """The triplets as the table of a file."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RowChunks:
    """Chunks of rows of one set.

    labels: those of all N rows. rows: int64 (M,), ascending, the rows that were searched; None for all. excluded: bool
    (N,), rows left out of mining: those not searched, and possibly more. vectors: float32 (N, D), if the rule reads
    them.
    """

    rule: MiningRule
    labels: Labels
    rows: NDArray[np.int64] | None
    excluded: NDArray[np.bool_] | None
    never_negatives: PairLists | None
    groups: NDArray[np.int64] | None
    vectors: NDArray[np.float32] | None
    scores: Scores | None
    teacher: TeacherBound

    def __len__(self) -> int:
        return len(self.labels)

    def searched(self, start: int, stop: int) -> tuple[int, int]:
        """See `Chunks`."""
        if self.rows is None:
            return start, stop
        first, last = np.searchsorted(self.rows, (start, stop)).tolist()
        return first, last

    def in_place(self, lines: NeighbourTable, start: int, stop: int) -> NeighbourTable:
        """See `Chunks`. Rows that were not searched have no neighbours."""
        if self.rows is None:
            return lines
        first, last = self.searched(start, stop)
        ids = np.where(lines.ids == NO_ROW, NO_ROW, self.rows[lines.ids])
        return _placed(NeighbourTable(ids, lines.sq_distances), self.rows[first:last] - start, stop - start)

    def mined(self, table: NeighbourTable, start: int, stop: int, threads: int | None) -> Mined:  # noqa: ARG002
        """See `Chunks`."""
        found = mine(
            table,
            self.labels,
            self.rule,
            first_anchor=start,
            vectors=self.vectors,
            excluded=self.excluded,
            never_negatives=self.never_negatives,
            groups=self.groups,
            threads=threads,
        )
        if self.scores is None:
            return found
        return rescored(found, self.scores, self.teacher, self.rule, self.labels)

    def triplets(self, mined: Mined) -> pa.Table:
        """See `Chunks`."""
        return triplet_table(mined.columns, self.labels)

    def rows_read(self, table: NeighbourTable, start: int, stop: int) -> NDArray[np.int64]:
        """int64, ascending: the rows whose vectors `mined` reads."""
        if not reads_vectors(self.rule):
            return np.empty(0, np.int64)
        anchors = np.arange(start, stop, dtype=np.int64)
        read = [anchors]
        if self.rule.positives == "class":
            read.append(_rows_of_classes(self.labels, anchors))
        return _with_negatives(read, table, self.rule)


@dataclass(frozen=True, slots=True, eq=False)
class PairChunks:
    """Chunks of queries of a corpus.

    anchors: int64 (A,), ascending, the queries that were searched. queries, corpus: float32 (Q, D) and (C, D).
    """

    rule: MiningRule
    relevance: Relevance
    anchors: NDArray[np.int64]
    kept_apart: KeptApart
    queries: NDArray[np.float32]
    corpus: NDArray[np.float32]
    scores: Scores | None
    teacher: TeacherBound

    def __len__(self) -> int:
        return self.relevance.queries

    @property
    def never_negatives(self) -> PairLists | None:
        """Documents that are never a query's negative."""
        return self.kept_apart.never_negatives

    def searched(self, start: int, stop: int) -> tuple[int, int]:
        """See `Chunks`."""
        first, last = np.searchsorted(self.anchors, (start, stop)).tolist()
        return first, last

    def in_place(self, lines: NeighbourTable, start: int, stop: int) -> NeighbourTable:
        """See `Chunks`. Queries without a relevant document have no neighbours."""
        first, last = self.searched(start, stop)
        return _placed(lines, self.anchors[first:last] - start, stop - start)

    def mined(self, table: NeighbourTable, start: int, stop: int, threads: int | None) -> Mined:
        """See `Chunks`."""
        first, last = self.searched(start, stop)
        anchors = self.anchors[first:last]
        lines = NeighbourTable(table.ids[anchors - start], table.sq_distances[anchors - start])
        found = mine_relevant(
            lines,
            self.relevance,
            self.rule,
            self.queries,
            self.corpus,
            anchors=anchors,
            kept_apart=self.kept_apart,
            threads=threads,
        )
        if self.scores is None:
            return found
        return rescored(found, self.scores, self.teacher, self.rule, None)

    def triplets(self, mined: Mined) -> pa.Table:
        """See `Chunks`."""
        return pair_table(mined.columns)

    def documents_read(self, table: NeighbourTable, start: int, stop: int) -> NDArray[np.int64]:
        """int64, ascending: the documents whose vectors `mined` reads."""
        relevant = self.relevance.relevant
        of_chunk = relevant.documents[relevant.offsets[start] : relevant.offsets[stop]]
        return _with_negatives([of_chunk.astype(np.int64)], table, self.rule)


def write_chunk(
    folder: Path, chunks: Chunks, task: Task, table: NeighbourTable, threads: int | None
) -> Mined:
    """Mine a chunk, and write its neighbours and triplets. table: a line for each of its anchors, see `in_place`."""
    write_neighbours(folder, task.start, table)
    mined = chunks.mined(table, task.start, task.stop, threads)
    write_table(folder / part_name(task.index), chunks.triplets(mined))
    return mined


def write_chunks(
    folder: Path,
    chunks: Chunks,
    tasks: tuple[Task, ...],
    lines: Callable[[int, int], NeighbourTable],
    threads: int | None,
) -> Iterator[tuple[Confusion, MiningReport]]:
    """Mine and write one chunk after the other. lines: returns a range of lines of the searched table."""
    for task in tasks:
        found = lines(*chunks.searched(task.start, task.stop))
        mined = write_chunk(folder, chunks, task, chunks.in_place(found, task.start, task.stop), threads)
        yield mined.confusion, mined.report


@dataclass(frozen=True, slots=True)
class Counted:
    """The summed counts of all chunks, and the triplets by class of each chunk."""

    confusion: Confusion
    report: MiningReport
    by_class: tuple[ClassCounts, ...]


def summed(chunks: Iterable[tuple[Confusion, MiningReport]]) -> Counted:
    """Sum the counts of the chunks, given in order."""
    confusion, reports = ConfusionSum(), []
    for pairs, report in chunks:
        confusion.add(pairs)
        reports.append(report)
    by_class = tuple(report.triplets_by_class for report in reports)
    return Counted(confusion.total, merge_reports(reports), by_class)


def _placed(lines: NeighbourTable, places: NDArray[np.int64], rows: int) -> NeighbourTable:
    """A table of `rows` lines with these lines in their places, and empty lines elsewhere."""
    if len(places) == rows:
        return lines
    whole = empty_table(rows, lines.neighbours)
    whole.ids[places], whole.sq_distances[places] = lines.ids, lines.sq_distances
    return whole


def _rows_of_classes(labels: Labels, anchors: NDArray[np.int64]) -> NDArray[np.int64]:
    """All rows that share a class with one of the anchors."""
    wanted = np.zeros(labels.classes, np.bool_)
    if labels.offsets is None:
        wanted[labels.members[anchors]] = True
        return np.flatnonzero(wanted[labels.members])
    wanted[labels.members[labels.offsets[anchors[0]] : labels.offsets[anchors[-1] + 1]]] = True
    row_of = np.repeat(np.arange(len(labels), dtype=np.int64), np.diff(labels.offsets))
    return row_of[wanted[labels.members]]


def _with_negatives(
    read: list[NDArray[np.int64]], table: NeighbourTable, rule: MiningRule
) -> NDArray[np.int64]:
    if rule.guards.duplicate_sq is not None:
        read = [*read, table.ids[table.ids != NO_ROW]]
    return np.unique(np.concatenate(read))

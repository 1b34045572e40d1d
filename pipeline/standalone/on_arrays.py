"""Mine arrays of vectors and labels in memory. Writes nothing, and needs neither torch nor Prefect."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...mining.audit.check import AuditReport, check_triplets
from ...mining.defaults import NEIGHBOURS, RECALL_TARGET, default_neighbours
from ...mining.errors import InputError
from ...mining.graphs.build import GraphReport, neighbours_of
from ...mining.guarding.groups import group_codes
from ...mining.guarding.never_negatives import PairLists, pair_lists
from ...mining.labels import Labels, encode_labels
from ...mining.miner import mine as mine_table
from ...mining.neighbours import NeighbourTable
from ...mining.rescoring.bound import TeacherBound
from ...mining.rule import MiningRule
from ...mining.suspects import Suspects
from ...mining.suspects import suspects as suspects_in
from ...mining.vectors import unit_vectors as vectors_of_unit_length
from ..artifacts.suspects import NEAREST, nearest_of
from .coverage import check_minable
from .teacher.scores import in_blocks, rescored
from .triplet_set import TripletSet

Classes = Iterable[int | str] | Iterable[Iterable[int | str]]
"""One label per row, or several: integers or strings."""


Teacher = Callable[[NDArray[np.int64], NDArray[np.int64]], ArrayLike]
"""Function of rows of anchors and rows of others, (P,) each, that returns a score for each pair."""


@dataclass(frozen=True, slots=True)
class Neighbours(NeighbourTable):
    """A neighbour table, and how it was found.

    Attributes:
        ids: int64 (N, K), the nearest other rows of each row, nearest first; padded with −1.
        sq_distances: float32 (N, K), their squared distances; padded with inf.
        report: The method, why it was chosen, and its recall.
    """

    report: GraphReport


def neighbours(
    vectors: ArrayLike,
    neighbours: int | None = None,
    *,
    normalise: bool = False,
    method: str = "auto",
    recall_target: float = RECALL_TARGET,
    threads: int | None = None,
    seed: int = 0,
    memory_mib: int | None = None,
    queries: ArrayLike | None = None,
    own: ArrayLike | None = None,
) -> Neighbours:
    """The nearest other rows of each row, or the nearest rows of each query.

    An hnsw graph built by several threads differs from run to run; all other methods are deterministic for a seed.

    Args:
        vectors: (N, D) vectors of unit length.
        neighbours: K; by default 150, or all others if there are fewer.
        normalise: Scale the vectors to unit length first.
        method: "exact", "cells", "hnsw", "traverse_add", or "auto", which chooses the fastest for the set.
        recall_target: Share of the true neighbours that the search must find, measured on a sample.
        threads: Number of threads; by default all cores.
        seed: Random seed of samples, hnsw levels and centres of cells.
        memory_mib: Memory in MiB that may be allocated besides the vectors.
        queries: (Q, D) vectors of unit length whose nearest rows are searched; by default the vectors themselves.
        own: Integers (Q,): for each query the row of the vectors that is the query itself and is left out, −1 for
            none.

    Raises:
        InputError: For vectors that cannot be searched, or a recall or memory limit that cannot be met.
    """
    array = unit_vectors(vectors, normalise=normalise)
    asked = None if queries is None else unit_vectors(queries, normalise=normalise, name="queries")
    if neighbours is None:
        wanted = default_neighbours(len(array)) if queries is None else min(NEIGHBOURS, len(array))
    else:
        wanted = neighbours
    table, report = neighbours_of(
        array,
        wanted,
        method=method,
        recall_target=recall_target,
        threads=threads,
        seed=seed,
        memory_mib=memory_mib,
        queries=asked,
        own=None if own is None else np.asarray(own, np.int64),
    )
    return Neighbours(table.ids, table.sq_distances, report)


def mine(
    vectors: ArrayLike,
    labels: Classes,
    rule: MiningRule | None = None,
    *,
    neighbours: int | NeighbourTable | None = None,
    normalise: bool = False,
    excluded: NDArray[np.bool_] | None = None,
    never_negatives: ArrayLike | None = None,
    groups: Iterable[object] | None = None,
    method: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    rescore: Teacher | None = None,
    teacher: TeacherBound | None = None,
) -> TripletSet:
    """Mine hard triplets for every row, against the whole set.

    Args:
        vectors: (N, D) vectors of unit length.
        labels: One label for each row, or several; rows that share a label are positives.
        rule: Which triplets to mine; by default ``MiningRule()``, with k_hardness 1 and margin 0.2.
        neighbours: K, by default 150 or all others if there are fewer; or a table found by ``neighbours`` in the same
            vectors, to mine with another rule or labels without searching again.
        normalise: Scale the vectors to unit length first.
        excluded: Booleans (N,), rows to leave out (see ``suspects``).
        never_negatives: Integers (M, 2), pairs of rows that are never each other's negative, whatever their labels.
        groups: An integer or a string for each row, None for no group; ``rule.guards.same_group`` says how rows of one
            group are treated.
        method: Search method, as in ``neighbours``.
        threads: Number of threads; by default all cores.
        seed: Random seed of the search.
        rescore: A teacher that scores the mined pairs: a function of two arrays of rows, int64 (P,), that returns a
            number for each pair, higher for rows that belong together.
        teacher: The bound on the teacher's scores of negatives, by default ``TeacherBound()``; its refusals are counted
            in ``report.refused["teacher"]``.

    Raises:
        InputError: For vectors, labels or a table that cannot be mined: no class with two rows, a single class, vectors
            that are all equal.
    """
    array = unit_vectors(vectors, normalise=normalise)
    coded = _coded(labels, len(array))
    check_minable(coded, array, excluded)
    rule = MiningRule() if rule is None else rule
    table = _table(array, neighbours, method=method, threads=threads, seed=seed)
    mined = mine_table(
        table,
        coded,
        rule,
        vectors=array,
        excluded=excluded,
        never_negatives=_lists(never_negatives, len(array)),
        groups=_grouped(groups, rule),
        threads=threads,
    )
    if rescore is not None:
        mined = rescored(mined, in_blocks(rescore, "rescore"), teacher or TeacherBound(), rule, coded)
    graph = table.report if isinstance(table, Neighbours) else None
    return TripletSet(mined.columns, coded, rule, mined.report, graph)


def audit(
    triplets: TripletSet | Mapping[str, NDArray[Any]],
    vectors: ArrayLike,
    labels: Classes | None = None,
    rule: MiningRule | None = None,
    *,
    normalise: bool = False,
    never_negatives: ArrayLike | None = None,
    groups: Iterable[object] | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> AuditReport:
    """Check triplets by deriving them again from vectors and labels.

    Args:
        triplets: A ``TripletSet``, or a mapping of its columns.
        vectors: The mined vectors; also pass normalise, never_negatives and groups as in mining.
        labels: By default those of the set.
        rule: By default that of the set.
        normalise: Scale the vectors to unit length first.
        never_negatives: Integers (M, 2), pairs of rows.
        groups: An integer or a string for each row, None for no group.
        sample: Number of anchors to check, each with all its triplets; by default all.
        seed: Random seed of the sample.

    Raises:
        InputError: For missing columns, labels or rule, and for vectors that do not match the labels.
    """
    array = unit_vectors(vectors, normalise=normalise)
    if isinstance(triplets, TripletSet):
        coded = triplets.labels if labels is None else _coded(labels, len(array))
        columns = _recoded(triplets, coded)
        rule = triplets.rule if rule is None else rule
    else:
        if labels is None or rule is None:
            missing = "labels" if labels is None else "rule"
            raise InputError(
                f"{missing} is missing: columns alone do not say what they were mined with, give it"
            )
        coded, columns = _coded(labels, len(array)), triplets
    return check_triplets(
        columns,
        coded,
        array,
        rule,
        sample=sample,
        seed=seed,
        never_negatives=_lists(never_negatives, len(array)),
        groups=_grouped(groups, rule),
    )


def suspects(
    vectors: ArrayLike,
    labels: Classes,
    *,
    neighbours: NeighbourTable | None = None,
    minimum_score: float = 0.5,
    normalise: bool = False,
    method: str = "auto",
    threads: int | None = None,
    seed: int = 0,
) -> Suspects:
    """Rows that look mislabelled and pairs that look like false negatives, strongest first.

    Columns of labels hold the labels themselves. Pass ``suspects(…).excluded(N)`` to ``mine(…, excluded=…)`` to leave
    the rows out.

    Args:
        vectors: (N, D) vectors of unit length.
        labels: One label for each row, or several.
        neighbours: A table found by ``neighbours`` in the same vectors, of which the 32 nearest are used; by default
            they are searched.
        minimum_score: List rows and pairs that score at least this, above 0 and at most 1.
        normalise: Scale the vectors to unit length first.
        method: Search method, as in ``neighbours``.
        threads: Number of threads; by default all cores.
        seed: Random seed of the search.

    Raises:
        InputError: As ``mine`` does.
    """
    array = unit_vectors(vectors, normalise=normalise)
    coded = _coded(labels, len(array))
    nearest = min(NEAREST, len(array) - 1) if neighbours is None else neighbours
    table = nearest_of(_table(array, nearest, method=method, threads=threads, seed=seed))
    found = suspects_in(table, coded, minimum_score=minimum_score)
    return replace(
        found,
        mislabelled=_named(found.mislabelled, coded),
        false_negatives=_named(found.false_negatives, coded),
    )


def unit_vectors(vectors: ArrayLike, *, normalise: bool, name: str = "vectors") -> NDArray[np.float32]:
    """See `unit_vectors` in `mining`; here the error message advises to pass normalise=True."""
    return vectors_of_unit_length(vectors, normalised=normalise, name=name, remedy="pass normalise=True")


def _coded(labels: Classes | Labels, rows: int) -> Labels:
    if not isinstance(labels, Labels):
        # Data frame columns and tensors have elements that are neither Python integers nor strings.
        labels = encode_labels(np.asarray(labels) if hasattr(labels, "__array__") else labels)
    if len(labels) != rows:
        raise InputError(
            f"there are {len(labels)} labels for {rows} vectors: give one for each, in the same order"
        )
    return labels


def _lists(pairs: ArrayLike | None, rows: int) -> PairLists | None:
    return None if pairs is None else pair_lists(pairs, rows)


def check_groups_asked_for(rule: MiningRule) -> None:
    """Raises: InputError if groups are given for a rule that does not use them."""
    if rule.guards.same_group is None:
        raise InputError(
            "groups are given, but no guard asks for them: say what rows of one group are to each other, with "
            "Guards(same_group='never-negative') or 'never-pair'"
        )


def refuse_method(method: str) -> None:
    """Raises: InputError if both a neighbour table and a search method are given."""
    if method != "auto":
        raise InputError(f"method is {method!r}, but neighbours is a table already: leave one of them out")


def _grouped(groups: Iterable[object] | None, rule: MiningRule) -> NDArray[np.int64] | None:
    if groups is None:
        return None
    check_groups_asked_for(rule)
    return group_codes(groups)[0]


def _table(
    vectors: NDArray[np.float32],
    asked: int | NeighbourTable | None,
    *,
    method: str,
    threads: int | None,
    seed: int,
) -> NeighbourTable:
    if not isinstance(asked, NeighbourTable):
        return neighbours(vectors, asked, method=method, threads=threads, seed=seed)
    refuse_method(method)
    if len(asked) != len(vectors):
        raise InputError(
            f"the neighbour table has {len(asked)} rows, there are {len(vectors)} vectors: give the table of these"
        )
    return asked


def _recoded(triplets: TripletSet, labels: Labels) -> Mapping[str, NDArray[Any]]:
    """The columns of the set with class codes of other labels; −1 for a class that these lack."""
    if labels.names == triplets.labels.names:
        return triplets.columns
    code_of = {name: code for code, name in enumerate(labels.names)}
    codes = np.array([code_of.get(name, -1) for name in triplets.labels.names], np.int32)
    renamed = {
        name: codes[column] if name.endswith("_label") else column
        for name, column in triplets.columns.items()
    }
    return renamed


def _named(columns: Mapping[str, NDArray[Any]], labels: Labels) -> dict[str, NDArray[Any]]:
    names = labels.name_array()
    return {name: names[column] if name.endswith("label") else column for name, column in columns.items()}

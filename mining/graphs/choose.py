"""Which graph for which set: a pure function of its size and of what there is to search it with."""

from dataclasses import dataclass

from ..compute.memory import MIB
from .methods import Method, default_parameters, index_bytes

# Seconds of one core, measured at 60,000 rows of width 64 and 512, K = 100, recall 0.99. What matters is
# where the curves cross, and that depends on the machine much less than the times do.
_EXACT_PER_PAIR = 1.3e-9
_EXACT_PER_PAIR_AND_COLUMN = 1.9e-11
_BFLOAT16_PER_PAIR = 0.8e-9
_BFLOAT16_PER_PAIR_AND_COLUMN = 2.2e-12
_BFLOAT16_PER_QUERY = 15e-6
"""To pick candidates and to measure them: little beside products of float32, and much beside those of bfloat16."""
_GRAPH_PER_ROW = 53e-6
_GRAPH_PER_ROW_AND_NEIGHBOUR = 0.57e-6
_GRAPH_EXPONENT = 1.17
_MEASURED_ROWS = 60_000
_MEASURED_WIDTH = 64
_WARM_SHARE = 0.4
_SHARE_OF_BUILD = 0.5
"""Of a graph's time where its own rows are searched for."""
_CELLS_SHARE = 1.2
"""Of a graph's time at 60,000 rows: cells. It grows faster with the rows, see ``_CELLS_EXPONENT``. Half of it suffices
on the principal components of images; embeddings of an encoder that learns on mined triplets (glyphs, 30,397 rows) need
three times the probes for the same recall. Where that is not known, exact search is the choice that loses nothing."""
_CELLS_EXPONENT = 1.25
_SHARE_WITHOUT_WIDTH = 0.6
"""Of a graph's time at width 64: what does not grow with the width."""


@dataclass(frozen=True, slots=True)
class Choice:
    """method: "exact", "cells", "hnsw" or "traverse_add". why: one sentence for people."""

    method: Method
    why: str


def choose_method(
    rows: int,
    width: int,
    neighbours: int,
    cores: int,
    memory_mib: int | None,
    *,
    reproducible: bool = False,
    warm: bool = False,
    queries: int | None = None,
    cells: bool = False,
    bfloat16: bool = False,
    held: int | None = None,
) -> Choice:
    """The fastest method whose index fits into the memory.

    queries: searched for among the rows; by default the rows themselves are. held: of the table, rows that are in
    memory at once; by default all. bfloat16: whether exact search multiplies in it, on matrix instructions.
    reproducible: the same bytes are wanted at any number of threads, which several threads building one
    hnsw index do not give. warm: a traverse_add graph of the epoch before can be started from. cells: whether
    these may be chosen, before any graph: they are the faster, and the same at any number of threads.
    """
    asked = rows if queries is None else queries
    exact_seconds = _exact_seconds(rows, asked, width, bfloat16=bfloat16) / cores
    graph_seconds = _graph_seconds(rows, asked, width, neighbours) / cores * (_WARM_SHARE if warm else 1.0)
    if cells:
        graph_seconds = _cells_seconds(rows, asked, width, neighbours) / cores
    of = "" if asked == rows else f"{asked} queries of "
    estimate = f"{of}{rows} × {width}, K = {neighbours}, {cores} cores"
    if exact_seconds <= graph_seconds:
        return Choice(
            "exact",
            f"{estimate}: about {exact_seconds:.2g} s, no more than the {graph_seconds:.2g} s of a graph",
        )
    graph: Method = "hnsw"
    why = "of the graphs the faster to build from nothing"
    if cells:
        graph, why = "cells", "cells are faster than a graph, and the same at any number of threads"
    elif warm:
        graph, why = "traverse_add", "of the graphs it can start from that of the epoch before"
    elif reproducible and cores > 1:
        graph, why = "traverse_add", "of the graphs it is the same at any number of threads"
    needed = graph_mib(graph, rows, width, neighbours, queries=asked if held is None else held)
    if memory_mib is not None and needed > memory_mib:
        return Choice(
            "exact",
            f"{estimate}: {graph} would need {needed} MiB, memory_mib is {memory_mib}, and exact search needs blocks "
            "only; more parts would let a graph fit",
        )
    return Choice(
        graph,
        f"{estimate}: about {graph_seconds:.2g} s against {exact_seconds:.2g} s of exact search, and {why}",
    )


def parts_within(rows: int, width: int, neighbours: int, *, method: str, memory_mib: int | None) -> int:
    """Into how many parts to cut a set, so that one of them and its index take half of the memory at most.

    The other half is for what a search allocates. "auto" is counted as hnsw, which takes more than exact search.
    """
    if memory_mib is None:
        return 1
    index = index_bytes(rows, width, default_parameters("hnsw" if method == "auto" else method, neighbours))
    return min(rows, -(-2 * (4 * rows * width + index) // (memory_mib * MIB)))


def graph_mib(method: str, rows: int, width: int, neighbours: int, *, queries: int | None = None) -> int:
    """MiB that an index with default parameters and the table of the neighbours of its rows, or of queries, take."""
    index = index_bytes(rows, width, default_parameters(method, neighbours))
    asked = rows if queries is None else queries
    return -(-(12 * asked * neighbours + index) // MIB)


def _exact_seconds(rows: int, queries: int, width: int, *, bfloat16: bool) -> float:
    seconds = rows * queries * (_EXACT_PER_PAIR + _EXACT_PER_PAIR_AND_COLUMN * width)
    if bfloat16:
        per_pair = _BFLOAT16_PER_PAIR + _BFLOAT16_PER_PAIR_AND_COLUMN * width
        return min(seconds, queries * (_BFLOAT16_PER_QUERY + rows * per_pair))
    return seconds


def _cells_seconds(rows: int, queries: int, width: int, neighbours: int) -> float:
    depth = (rows / _MEASURED_ROWS) ** (_CELLS_EXPONENT - _GRAPH_EXPONENT)
    return _graph_seconds(rows, queries, width, neighbours) * _CELLS_SHARE * depth


def _graph_seconds(rows: int, queries: int, width: int, neighbours: int) -> float:
    per_row = _GRAPH_PER_ROW + _GRAPH_PER_ROW_AND_NEIGHBOUR * neighbours
    depth = (rows / _MEASURED_ROWS) ** (_GRAPH_EXPONENT - 1)
    searched = (1 - _SHARE_OF_BUILD) * queries + _SHARE_OF_BUILD * rows
    return (
        searched
        * depth
        * per_row
        * (_SHARE_WITHOUT_WIDTH + (1 - _SHARE_WITHOUT_WIDTH) * width / _MEASURED_WIDTH)
    )

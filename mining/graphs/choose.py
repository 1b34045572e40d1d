"""Choice of the search method: a pure function of the set's size and of the machine."""

from dataclasses import dataclass

from ..compute.memory import MIB
from .methods import Method, default_parameters, index_bytes

# Seconds on one core, measured at 60,000 rows of width 64 and 512, K = 100, recall 0.99. Only the crossing points of
# the curves matter, and they depend on the machine much less than the times do.
_EXACT_PER_PAIR = 1.3e-9
_EXACT_PER_PAIR_AND_COLUMN = 1.9e-11
_BFLOAT16_PER_PAIR = 0.8e-9
_BFLOAT16_PER_PAIR_AND_COLUMN = 2.2e-12
_BFLOAT16_PER_QUERY = 15e-6
"""Selecting and measuring candidates: negligible beside float32 products, but not beside bfloat16 ones."""
_GRAPH_PER_ROW = 53e-6
_GRAPH_PER_ROW_AND_NEIGHBOUR = 0.57e-6
_GRAPH_EXPONENT = 1.17
_MEASURED_ROWS = 60_000
_MEASURED_WIDTH = 64
_WARM_SHARE = 0.4
_SHARE_OF_BUILD = 0.5
"""Share of a graph's time that its build takes when its own rows are the queries."""
_CELLS_SHARE = 1.2
"""Time of cells relative to a graph at 60,000 rows; it grows faster with the rows, see ``_CELLS_EXPONENT``. Principal
components of images need half of it, but embeddings of an encoder trained on mined triplets (glyphs, 30,397 rows) need
three times the probes for the same recall. The estimate is high on purpose: exact search is the safe choice."""
_CELLS_EXPONENT = 1.25
_SHARE_WITHOUT_WIDTH = 0.6
"""Share of a graph's time at width 64 that does not grow with the width."""


@dataclass(frozen=True, slots=True)
class Choice:
    """method: "exact", "cells", "hnsw" or "traverse_add". why: the reason, as one sentence for the user."""

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
    """The fastest method whose index fits into memory.

    queries: number of queries; by default the rows themselves are the queries. held: rows of the table in memory at
    once; by default all. bfloat16: exact search can use bfloat16 matrix instructions. reproducible: the result must
    not depend on the number of threads, which rules out an hnsw index built by several. warm: the previous epoch's
    traverse_add graph is there to start from. cells: consider cells in place of graphs; they are faster, and the same
    at any number of threads.
    """
    asked = rows if queries is None else queries
    exact_seconds = _exact_seconds(rows, asked, width, bfloat16=bfloat16) / cores
    graph_seconds = _graph_seconds(rows, asked, width, neighbours) / cores * (_WARM_SHARE if warm else 1.0)
    if cells:
        graph_seconds = _cells_seconds(rows, asked, width, neighbours) / cores
    of = "" if asked == rows else f"{asked:,} queries of "
    estimate = f"{of}{rows:,} × {width}, K = {neighbours}, {cores} cores"
    if exact_seconds <= graph_seconds:
        return Choice(
            "exact",
            f"{estimate}: about {_about(exact_seconds)}, no more than the {_about(graph_seconds)} of a graph",
        )
    graph: Method = "hnsw"
    why = "it is the faster graph to build from scratch"
    if cells:
        graph, why = "cells", "cells are faster than a graph, and the same at any number of threads"
    elif warm:
        graph, why = "traverse_add", "it can start from the graph of the previous epoch"
    elif reproducible and cores > 1:
        graph, why = "traverse_add", "it is the graph that is the same at any number of threads"
    needed = graph_mib(graph, rows, width, neighbours, queries=asked if held is None else held)
    if memory_mib is not None and needed > memory_mib:
        return Choice(
            "exact",
            f"{estimate}: {graph} would need {needed} MiB, memory_mib is {memory_mib}, and exact search needs little "
            f"memory; with more parts {graph} would fit",
        )
    return Choice(
        graph,
        f"{estimate}: about {_about(graph_seconds)} against {_about(exact_seconds)} of exact search, and {why}",
    )


def _about(seconds: float) -> str:
    """Two significant digits: 1,200 s."""
    return f"{float(f'{seconds:.2g}'):,g} s"


def parts_within(rows: int, width: int, neighbours: int, *, method: str, memory_mib: int | None) -> int:
    """The number of parts to cut a set into, so that a part and its index take at most half of the memory.

    The other half is left for the search itself. "auto" is counted as hnsw, which takes more than exact search.
    """
    if memory_mib is None:
        return 1
    index = index_bytes(rows, width, default_parameters("hnsw" if method == "auto" else method, neighbours))
    return min(rows, -(-2 * (4 * rows * width + index) // (memory_mib * MIB)))


def graph_mib(method: str, rows: int, width: int, neighbours: int, *, queries: int | None = None) -> int:
    """Size in MiB of an index with default parameters and of the neighbour table of its rows, or of ``queries``."""
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

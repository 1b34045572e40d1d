"""FANNG (Harwood & Drummond, CVPR 2016): build a graph of un-occluded edges from walks that fail to reach their target.

The build is compiled, parallel, and bit-reproducible for a seed at any number of threads. Its steps:

1. *Seed*: take candidates from a few random trees (``seeding``) and choose edges among them by occlusion
   (``occlusion``).
2. *Traverse-add*: walk between random pairs in batches on the frozen graph (``walks``), then add the missing edges in
   the order of the walks (``rounds``).
3. *Refine*: every vertex searches its neighbourhood (``beam_search``) and rebuilds its edges from the result.
4. *Turn round*: every vertex chooses its edges again, from those it has and the sources of edges that lead to it. (Our
   addition: if classes are tight clusters, too few edges lead back out of them, and recall stops at 0.97.)

A *warm start* takes candidates and edges from the previous epoch. It measures on a sample which share of the true
neighbours the candidates still hold. If it is low, the build starts cold; otherwise it makes a few walks and goes on
with step 3, or, if the candidates hold half or more, with step 4.

A search begins at the vertex's own candidates, since in mining every query is itself a vertex. (The paper starts at the
centroid; an experiment found the same neighbours this way with a third less work.)
"""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ...checks import check_at_least
from ...compute.memory import Budget
from ...compute.threads import over_rows, read_only
from ...errors import InputError
from ...neighbours import NO_ROW, NeighbourTable
from ..index import check_vectors
from ..parameters import TraverseAddParameters
from ..recall import draw_sample, recall_at_k
from ..remeasure import remeasure
from .index import TraverseAddIndex, search_all
from .occlusion import choose_edges, turn_round
from .report import TraverseAddReport
from .rounds import share_arriving, traverse
from .seeding import seed_candidates

__all__ = ["TraverseAddIndex", "TraverseAddParameters", "TraverseAddReport", "build", "load"]

_SEEDS = 24
"""Candidates per vertex from the trees: enough, since few of the edges to them are un-occluded."""

_WARM_SHARE = 0.3
"""Least share of the true neighbours that old candidates must still hold for a warm start. At 0.26 it took twice the
time of a cold start, at 0.41 it was faster; the value between is a guess."""

_REFINED_SHARE = 0.5
"""From this share on, refining is skipped: the search finds the rest. Consecutive epochs on Fashion-MNIST, in units of
the CPU time of bare hnswlib: at a share of 0.41, 0.84 without refining and 0.79 with it; at 0.56, 0.59 and 0.74."""

_WARM_SAMPLE = 200
"""Rows to measure that share on; its standard error is then at most 0.035."""

_COPIED_ROWS = 4096
"""Rows of a table that a thread copies at once: few enough for its cache."""

_MOST_ROWS = 2**31 - 1
"""Vertices are int32 inside a graph. Larger sets are searched in parts, each with its own ``first_id``."""


def build(
    vectors: NDArray[np.float32],
    *,
    parameters: TraverseAddParameters | None = None,
    seed: int = 0,
    threads: int = 1,
    first_id: int = 0,
    memory_mib: float | None = None,
    warm_start: TraverseAddIndex | None = None,
    warm_table: NeighbourTable | None = None,
) -> TraverseAddIndex:
    """Build a graph over float32 (N, D) vectors.

    warm_start: the graph of the same rows with earlier vectors; its edges and candidates are reused, its distances are
    not. warm_table: the neighbours found in that graph, as global ids, one line per vertex; better candidates than the
    graph's own (ids of other parts are skipped). If the vectors have moved too far, both are ignored, and the report's
    ``warm`` is False.

    Raises: InputError: a warm start with another number of rows, or a memory budget too small for the graph.
    """
    parameters = parameters or TraverseAddParameters()
    check_vectors(vectors)
    check_at_least("threads", threads, 1)
    rows = len(vectors)
    if rows > _MOST_ROWS:
        raise InputError(
            f"a graph of {rows} rows does not fit int32: build it in parts of at most {_MOST_ROWS}"
        )
    needed = index_bytes(rows, vectors.shape[1], parameters) + threads * 4 * rows
    budget = Budget(memory_mib, "building a traverse_add graph").take(
        needed, f"edges and candidates of {rows} vertices"
    )
    vectors = read_only(vectors)
    edges = np.full((rows, parameters.max_degree), -1, np.int32)
    sq_lengths = np.full((rows, parameters.max_degree), np.inf, np.float32)
    candidates, kept = None, 0.0
    if warm_start is not None:
        candidates = _warm_candidates(warm_start, warm_table, rows, first_id, threads)
        kept = _share_kept(vectors, candidates, seed, threads, budget.left_mib)
    if warm_start is None or candidates is None or kept < _WARM_SHARE:
        warm_start = None
        candidates, order = seed_candidates(
            vectors, trees=parameters.trees, keep=_SEEDS, seed=seed, threads=threads
        )
    else:
        order = warm_start.order
        degree = min(parameters.max_degree, warm_start.edges.shape[1])
        edges[:, :degree] = warm_start.edges[:, :degree]
    _rebuild(vectors, candidates, order, edges, sq_lengths, threads)
    walks = traverse(
        vectors,
        edges,
        sq_lengths,
        walks=parameters.walks if warm_start is None else parameters.warm_walks,
        arrive=parameters.arrive,
        seed=seed,
        threads=threads,
    )
    if kept < _REFINED_SHARE:
        # Skipped for candidates that hold most neighbours already: refining would find no better ones.
        candidates = _refined(vectors, candidates, order, edges, parameters, threads)
        _rebuild(vectors, candidates, order, edges, sq_lengths, threads)
    _rebuild(vectors, _sources(edges, sq_lengths, threads), order, edges, sq_lengths, threads)
    report = TraverseAddReport(
        walks=walks,
        arrived=share_arriving(vectors, edges, seed=seed, threads=threads),
        mean_degree=float((edges >= 0).sum() / rows),
        warm=warm_start is not None,
    )
    return TraverseAddIndex(
        vectors, edges, candidates, order, first_id=first_id, parameters=parameters, report=report
    )


def load(
    path: Path,
    vectors: NDArray[np.float32],
    *,
    first_id: int = 0,
    parameters: TraverseAddParameters | None = None,
) -> TraverseAddIndex:
    """Open a graph that ``save`` wrote, over its own vectors, or over later ones of the same rows for a warm start.

    Raises: InputError when the file is damaged, or a graph of vectors of another shape.
    """
    check_vectors(vectors)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            edges, candidates, order = (stored[name] for name in ("edges", "candidates", "order"))
            width, numbers = int(stored["width"]), stored["report"]
        _check_ids(edges, candidates, order)
    except (ValueError, EOFError, KeyError, BadZipFile) as error:
        raise InputError(f"{path} is not a whole traverse_add graph ({error}): build it again") from error
    if (len(order), width) != vectors.shape:
        raise InputError(
            f"{path} is a graph of {len(order)} rows of width {width}, and these vectors are {len(vectors)} of width "
            f"{vectors.shape[1]}: build it again"
        )
    report = TraverseAddReport(int(numbers[0]), float(numbers[1]), float(numbers[2]), bool(numbers[3]))
    return TraverseAddIndex(
        vectors,
        edges,
        candidates,
        order,
        first_id=first_id,
        parameters=parameters or TraverseAddParameters(),
        report=report,
    )


def index_bytes(rows: int, width: int, parameters: TraverseAddParameters) -> int:  # noqa: ARG001 - as for all methods
    """Memory in bytes that a build takes at most, beside the vectors; the finished index takes less."""
    return rows * (16 * parameters.max_degree + 4 * (parameters.candidates + 2 * _SEEDS) + 24)


def _rebuild(
    vectors: NDArray[np.float32],
    candidates: NDArray[np.int32],
    order: NDArray[np.int32],
    edges: NDArray[np.int32],
    sq_lengths: NDArray[np.float32],
    threads: int,
) -> None:
    candidates, order = read_only(candidates), read_only(order)

    def kernel(start: int, stop: int) -> None:
        choose_edges(vectors, candidates, order, edges, sq_lengths, start, stop)

    over_rows(kernel, len(vectors), threads)


def _sources(edges: NDArray[np.int32], sq_lengths: NDArray[np.float32], threads: int) -> NDArray[np.int32]:
    """int32 (N, max_degree): for each vertex the nearest ones that have an edge to it, −1 pads."""
    sources, sq_distances = np.empty_like(edges), np.empty_like(sq_lengths)
    edges, sq_lengths = read_only(edges), read_only(sq_lengths)

    def kernel(start: int, stop: int) -> None:
        turn_round(edges, sq_lengths, start, stop, sources, sq_distances)

    over_rows(kernel, len(edges), threads, step=-(-len(edges) // threads))
    return sources


def _check_ids(edges: NDArray[np.int32], candidates: NDArray[np.int32], order: NDArray[np.int32]) -> None:
    """Check ids read from a file: compiled code follows them without bounds checks."""
    rows = len(order)
    for ids in (edges, candidates):
        if ids.ndim != 2 or len(ids) != rows or ids.dtype != np.int32 or ids.min() < -1 or ids.max() >= rows:
            raise ValueError(f"its edges or candidates are not ids of {rows} vertices")
    if order.dtype != np.int32 or (np.bincount(order, minlength=rows) != 1).any():
        raise ValueError("its order is not a permutation")


def _refined(
    vectors: NDArray[np.float32],
    candidates: NDArray[np.int32],
    order: NDArray[np.int32],
    edges: NDArray[np.int32],
    parameters: TraverseAddParameters,
    threads: int,
) -> NDArray[np.int32]:
    """int32 (N, parameters.candidates): the nearest vertices that a search for each vertex finds, nearest first."""
    refined = np.empty((len(vectors), parameters.candidates), np.int32)
    own = np.arange(len(vectors), dtype=np.int32)
    budget = parameters.refine_distances
    search_all(vectors, vectors, edges, candidates, own, own[:0], order, budget, refined, threads)
    return refined


def _warm_candidates(
    previous: TraverseAddIndex, table: NeighbourTable | None, rows: int, first_id: int, threads: int
) -> NDArray[np.int32]:
    if len(previous.edges) != rows:
        raise InputError(
            f"the graph to start from has {len(previous.edges)} vertices, and the vectors are {rows} rows: start cold"
        )
    if table is None:
        return previous.candidates
    if len(table) != rows:
        raise InputError(
            f"the table to start from has {len(table)} rows, and the vectors are {rows}: pass the part's own rows"
        )
    candidates = np.empty(table.ids.shape, np.int32)

    def copy(start: int, stop: int) -> None:
        local = table.ids[start:stop] - first_id
        local[(local < 0) | (local >= rows)] = NO_ROW
        candidates[start:stop] = local

    over_rows(copy, rows, threads, step=_COPIED_ROWS)
    return candidates


def _share_kept(
    vectors: NDArray[np.float32],
    candidates: NDArray[np.int32],
    seed: int,
    threads: int,
    memory_mib: float | None,
) -> float:
    """The share of the K nearest neighbours that candidates hold, on a sample; K is the mean number of candidates."""
    # Not their width: a table over all parts holds few rows of each.
    neighbours = max(1, int((candidates >= 0).sum(axis=1).mean()))
    sample = draw_sample(
        vectors, neighbours, sample_rows=_WARM_SAMPLE, seed=seed, threads=threads, memory_mib=memory_mib
    )
    held = remeasure(
        sample.queries,
        vectors,
        candidates[sample.rows],
        query_ids=sample.rows,
        neighbours=neighbours,
        threads=threads,
    )
    return recall_at_k(held, sample.truth)

"""Steps of a neighbour search, in one process or many: choose the method, divide the memory, calibrate the effort."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_at_least, check_share
from ..compute.memory import Budget
from ..defaults import SAMPLE_ROWS
from ..errors import InputError, RecallError
from ..neighbours import NO_ROW
from ..vectors import as_vectors
from .cells.effort import calibrate_probes
from .cells.index import CellsIndex
from .choose import choose_method
from .exact import bfloat16
from .methods import Index, Parameters, default_parameters, index_bytes, method_of, with_effort
from .parameters import ExactParameters
from .recall import Asked, Calibration, RecallSample, calibrate, draw_sample

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Search:
    """The arguments of ``neighbours_of`` without the method. Raises: InputError for invalid ones."""

    vectors: NDArray[np.float32]
    asked: Asked
    neighbours: int
    recall_target: float
    parts: int
    threads: int
    seed: int
    memory_mib: int | None

    def __post_init__(self) -> None:
        check_at_least("neighbours", self.neighbours, 1)
        check_share("recall_target", self.recall_target)


def by_method(search: Search, method: str, run: Callable[[Parameters, str], Found], *, held: int) -> Found:
    """Call ``run`` with the method's default parameters and the reason for the method, and return its result.

    "auto" falls back to exact search if the method it chose misses the recall target. held: rows of the table that are
    in memory at once.
    """
    neighbours, (rows, width) = search.neighbours, search.vectors.shape
    if method != "auto":
        return run(default_parameters(method, neighbours), "as asked")
    choice = choose_method(
        -(-rows // search.parts),
        width,
        neighbours,
        search.threads,
        search.memory_mib,
        queries=len(search.asked.vectors),
        cells=True,
        bfloat16=bfloat16.pays(rows, len(search.asked.vectors), width, left_mib=search.memory_mib),
        held=held,
    )
    try:
        return run(default_parameters(choice.method, neighbours), choice.why)
    except RecallError as error:
        problem = str(error).partition(":")[0]  # without its remedy, which is applied below
    # Outside the handler, where the graph's memory has been freed.
    why = f"{choice.method}, which auto chose first, is not good enough: {problem}"
    return run(ExactParameters(), why)


def asked_of(vectors: NDArray[np.float32], queries: ArrayLike | None, own: NDArray[np.int64] | None) -> Asked:
    """The queries, checked against the vectors to search; by default the vectors themselves."""
    rows = len(vectors)
    if queries is None:
        if own is not None:
            raise InputError(
                "own is given without queries, where each row already leaves itself out: leave own out"
            )
        return Asked(vectors, np.arange(rows, dtype=np.int64))
    array = as_vectors(queries, name="queries")
    if array.shape[1] != vectors.shape[1]:
        raise InputError(
            f"queries are of width {array.shape[1]} and the vectors that are searched of width {vectors.shape[1]}: "
            "embed both with one model"
        )
    if own is None:
        return Asked(array, np.full(len(array), NO_ROW, np.int64))
    if own.shape != (len(array),) or own.dtype != np.int64 or own.min() < NO_ROW or own.max() >= rows:
        raise InputError(
            f"own is {own.dtype} of shape {own.shape} for {len(array)} queries: give for each an int64 row below "
            f"{rows}, or {NO_ROW} for none"
        )
    return Asked(array, own)


def part_ranges(rows: int, parts: int) -> list[tuple[int, int]]:
    """(start, stop) rows of each part; sizes differ by at most one."""
    return list(pairwise(np.linspace(0, rows, parts + 1).astype(int).tolist()))


def left_for_search(
    memory_mib: int | None,
    rows: int,
    queries: int,
    width: int,
    neighbours: int,
    parts: int,
    parameters: Parameters,
) -> float | None:
    """MiB left for searching one part, its result included; None without a limit."""
    budget = Budget(memory_mib, f"a search by {method_of(parameters)}")
    budget = budget.take(
        index_bytes(-(-rows // parts), width, parameters) + 8 * queries, "the index of one part"
    )
    with_result = budget.take(12 * queries * neighbours, "its result")
    # With a single part, the search's own result is the whole result: don't count it twice.
    return (budget if parts == 1 else with_result).left_mib


def calibrated(
    index: Index, part: NDArray[np.float32], search: Search, memory_mib: float | None
) -> Calibration[CellsIndex] | Calibration[Index]:
    """The index of ``part``, float32 (P, D), with the least effort that reaches the recall target.

    Raises: RecallError if none reaches it.
    """
    threads, recall_target = search.threads, search.recall_target
    sample = draw_sample(
        part,
        search.neighbours,
        seed=search.seed,
        threads=threads,
        first_id=index.first_id,
        memory_mib=memory_mib,
        asked=None if search.asked.vectors is search.vectors else search.asked,
    )
    if isinstance(index, CellsIndex):
        calibration = calibrate_probes(index, sample, recall_target=recall_target, threads=threads)
    else:
        calibration = calibrate(index, with_effort, sample, recall_target=recall_target, threads=threads)
    if not calibration.reached:
        effort, recall = calibration.tried[-1]
        raise RecallError(
            f"recall is {recall:.4f} on {len(sample.rows)} rows when a search {_far(index, effort)}, below "
            f"recall_target = {recall_target}: use exact, or lower recall_target"
        )
    return calibration


def _far(index: Index, effort: int) -> str:
    return f"looks into {effort} cells" if isinstance(index, CellsIndex) else f"keeps {effort}"


def other_sample(search: Search, memory_mib: float | None) -> RecallSample:
    """A second sample to report recall on: the effort is slightly overfitted to the first, which calibrated it."""
    return draw_sample(
        search.vectors,
        search.neighbours,
        sample_rows=SAMPLE_ROWS,
        seed=search.seed + 1,
        threads=search.threads,
        memory_mib=memory_mib,
        asked=search.asked,
    )

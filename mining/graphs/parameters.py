"""Parameters of the search methods. Imports no compiled library, so that reading a run file stays fast."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from ..checks import check_limits
from ..errors import InputError

Engine = Literal["numpy", "torch"]


@dataclass(frozen=True)
class ExactParameters:
    """Parameters of exact search: which library computes the matrix products, where, and in which precision.

    engine: "numpy" (CPU) or "torch". devices: of torch, as torch names them; () means all GPUs, or the CPU if there is
    none. precision: of the products, which only propose candidates; the result is exact in either. "auto" is bfloat16
    on GPUs; with "numpy" it is bfloat16 if the processor has AMX instructions for it, torch is installed (it computes
    these products) and there is enough work; otherwise float32.
    """

    engine: Engine = "numpy"
    devices: tuple[str, ...] = ()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class HnswParameters:
    """m: links per vertex (twice as many on the lowest layer). ef_construction: candidates kept while a vertex is
    inserted. ef: candidates kept during a search, at least ``neighbours`` + 1 (a query finds itself, too)."""

    m: Annotated[int, Ge(2), Le(512)] = 16
    ef_construction: Annotated[int, Ge(4)] = 100
    ef: Annotated[int, Ge(1)] = 130

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class TraverseAddParameters:
    """Parameters of a traverse_add graph (FANNG) and of a search in it.

    max_degree: edges per vertex at most (the paper: 30).
    trees: random trees that give the first candidates; 0 starts without edges, as the paper does.
    walks: walks per vertex at most. arrive: stop walking early once this share of walks reaches its target; the
    paper's 0.9 takes about 50 walks per vertex, but recall levels off long before (60,000 × 64: 0.986 after 2 walks
    per vertex, 0.992 after 6, 0.993 after 8).
    warm_walks: walks per vertex after a warm start. With none, long edges are lost from epoch to epoch; more than half
    a walk per vertex added 0.0002 to the recall for a tenth more time.
    candidates: vertices kept when a vertex is refined. refine_distances: distances measured for that, at most.
    keep: vertices kept during a search, at least ``neighbours``. distances: distances a search measures, at most.
    """

    max_degree: Annotated[int, Ge(2), Le(512)] = 30
    trees: Annotated[int, Ge(0)] = 4
    walks: Annotated[int, Ge(0)] = 6
    warm_walks: Annotated[float, Ge(0)] = 0.5
    arrive: Annotated[float, Gt(0), Le(1)] = 0.9
    candidates: Annotated[int, Ge(1)] = 128
    refine_distances: Annotated[int, Ge(1)] = 800
    keep: Annotated[int, Ge(1)] = 130
    distances: Annotated[int, Ge(1)] = 1600

    def __post_init__(self) -> None:
        check_limits(self)
        if self.trees == 0 and self.walks == 0:
            raise InputError(
                "trees and walks are both 0, which leaves a graph without edges: raise one of them"
            )

    @classmethod
    def for_neighbours(cls, neighbours: int) -> "TraverseAddParameters":
        """Defaults in proportion to K; for K = 100 those of the class."""
        return cls(
            candidates=max(32, round(1.28 * neighbours)),
            refine_distances=max(400, 16 * neighbours),
            keep=max(32, round(1.3 * neighbours)),
            distances=max(400, 16 * neighbours),
        )

    def with_effort(self, keep: int) -> "TraverseAddParameters":
        """The same parameters with another ``keep``, and ``distances`` raised to match."""
        return replace(self, keep=keep, distances=max(self.distances, 12 * keep))


@dataclass(frozen=True)
class CellsParameters:
    """cell_rows: mean number of rows per cell. probes: number of cells searched for a query, nearest centres first."""

    cell_rows: Annotated[int, Ge(8)] = 200
    probes: Annotated[int, Ge(1)] = 32

    def __post_init__(self) -> None:
        check_limits(self)

"""What each graph is built and searched with. Free of compiled libraries, so that a run file can be read at once."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from ..checks import check_limits
from ..errors import InputError

Engine = Literal["numpy", "torch"]


@dataclass(frozen=True)
class ExactParameters:
    """Exact search has nothing to tune but who multiplies, and where.

    engine: "numpy", on the CPU, or "torch" (needs torch) on ``devices``: names as torch has them, () for all GPUs there
    are, or the CPU. precision: of the products, which only propose candidates; the result is exact with either. "auto":
    bfloat16 on GPUs, and with "numpy" where the processor has matrix instructions for it (AMX), torch is installed (it
    multiplies), and there is work enough; float32 elsewhere.
    """

    engine: Engine = "numpy"
    devices: tuple[str, ...] = ()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class HnswParameters:
    """m: links a vertex gets (twice that on the lowest layer); ef_construction: candidates when a vertex is
    inserted; ef: candidates kept in a search, at least the neighbours wanted and one more (the query itself
    is found too)."""

    m: Annotated[int, Ge(2), Le(512)] = 16
    ef_construction: Annotated[int, Ge(4)] = 100
    ef: Annotated[int, Ge(1)] = 130

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True)
class TraverseAddParameters:
    """What a graph costs and how much it finds.

    max_degree: edges a vertex has at most (the paper: 30).
    trees: random trees for the first candidates; 0 starts from no edges, as the paper does.
    walks: walks per vertex at most. arrive: share of walks arriving at which they end early; the paper's 0.9 takes
    about 50 walks per vertex, and recall stops gaining long before (60,000 × 64: 0.986 after 2 per vertex, 0.992
    after 6, 0.993 after 8).
    warm_walks: the same after a warm start; without any, edges that lead far are lost from epoch to epoch, and more
    than half a walk per vertex added 0.0002 to the recall at a tenth of the time.
    candidates: vertices kept when a vertex refines. refine_distances: distances that it may measure.
    keep: vertices kept in a search, at least the neighbours wanted. distances: those that a search may measure.
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
        """Defaults in proportion to K: at K = 100 those of the class."""
        return cls(
            candidates=max(32, round(1.28 * neighbours)),
            refine_distances=max(400, 16 * neighbours),
            keep=max(32, round(1.3 * neighbours)),
            distances=max(400, 16 * neighbours),
        )

    def with_effort(self, keep: int) -> "TraverseAddParameters":
        """A search that keeps ``keep`` vertices, with distances in proportion."""
        return replace(self, keep=keep, distances=max(self.distances, 12 * keep))


@dataclass(frozen=True)
class CellsParameters:
    """cell_rows: rows of a cell, on average. probes: cells that a row is searched in, those of the nearest centres."""

    cell_rows: Annotated[int, Ge(8)] = 200
    probes: Annotated[int, Ge(1)] = 32

    def __post_init__(self) -> None:
        check_limits(self)

"""What a traverse-add graph is built with, and how it came out."""

from dataclasses import dataclass, replace

from ...errors import InputError
from ..index import check_at_least


@dataclass(frozen=True, slots=True)
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

    max_degree: int = 30
    trees: int = 4
    walks: int = 6
    warm_walks: float = 0.5
    arrive: float = 0.9
    candidates: int = 128
    refine_distances: int = 800
    keep: int = 130
    distances: int = 1600

    def __post_init__(self) -> None:
        for name in ("max_degree", "candidates", "refine_distances", "keep", "distances"):
            check_at_least(name, getattr(self, name), 1)
        for name in ("trees", "walks", "warm_walks"):
            check_at_least(name, getattr(self, name), 0)
        if not 0.0 < self.arrive <= 1.0:
            raise InputError(f"arrive is {self.arrive}: it is a share of walks, above 0 and at most 1")
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


@dataclass(frozen=True, slots=True)
class TraverseAddReport:
    """How a graph came out. walks: how many were made to build it. arrived: share of walks between random
    pairs that reach their target in the finished graph. mean_degree: edges per vertex. warm: grown from a
    previous graph."""

    walks: int
    arrived: float
    mean_degree: float
    warm: bool
